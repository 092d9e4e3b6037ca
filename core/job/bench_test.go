package job_test

import (
	"fmt"
	"testing"

	"github.com/chargehand/chargehand/core/job"
)

// BenchmarkPlan runs plans of eight steps, one after the other, each step
// durable.
func BenchmarkPlan(b *testing.B) {
	s := newSite(b)
	p, stop := s.start(0, func(o *job.Options) { o.Poll = 0 })
	defer stop()
	for i := 0; b.Loop(); i++ {
		var steps []job.PlanStep
		for j := range 8 {
			steps = append(steps, step(fmt.Sprint(i, "-", j)))
		}
		if r := s.wait(p, s.enqueue(p, plan(steps...))); r.State != job.Done {
			b.Fatal(r.State)
		}
	}
}
