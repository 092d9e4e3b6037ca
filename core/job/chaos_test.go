package job_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// scenarios are plans that end well, badly, badly after retries, and in a graph.
// Their names are made unique so that one database serves many runs.
var scenarios = []struct {
	name string
	plan func(n string) job.Plan
}{
	{"succeeds", func(n string) job.Plan {
		post := step("post" + n)
		post.Post = true
		return plan(step("a"+n), step("b"+n), step("c"+n), post)
	}},
	{"fails at the end", func(n string) job.Plan {
		return plan(step("a"+n), step("b"+n), stepOf(thingArgs{Name: "c" + n, Fails: "half"}))
	}},
	{"is out of reach", func(n string) job.Plan {
		c := stepOf(thingArgs{Name: "c" + n, Fails: "always"})
		c.Attempts = 2
		return plan(step("a"+n), stepOf(thingArgs{Name: "b" + n, Fails: "once", UndoFails: 1}), c)
	}},
	{"forks", func(n string) job.Plan {
		left, right, bad := step("l"+n), step("r"+n), stepOf(thingArgs{Name: "x" + n, Fails: "final"})
		left.Needs, right.Needs, bad.Needs = []string{"a" + n}, []string{"a" + n}, []string{"r" + n}
		return plan(step("a"+n), left, right, bad)
	}},
}

// finished asserts that a plan is done with all its things in the world, or
// undone with none.
func (s *site) finished(r *job.Run) {
	s.t.Helper()
	for _, st := range r.Steps {
		halves := s.world.get(st.Name)
		if st.State == job.StepDone != (halves == 2) || st.State != job.StepDone && halves != 0 && !(r.State == job.Done && st.State == job.StepFailed) {
			s.t.Errorf("plan %s: step %s is %s and the world has %d halves of it", r.State, st.Name, st.State, halves)
		}
		if r.State == job.Undone && halves != 0 {
			s.t.Errorf("an orphan: %s", st.Name)
		}
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	for _, fault := range s.world.faults {
		s.t.Error(fault)
	}
	s.world.faults = nil
}

// TestKilledAtEveryPoint kills the process at each touch of the database and of
// the world in turn, before and after it takes effect, starts another, kills
// that one too at a random point, and lets a third finish.
func TestKilledAtEveryPoint(t *testing.T) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			s := newSite(t)
			points := 0
			for killAt := int64(1); ; killAt++ {
				p, stop := s.start(killAt, nil)
				id := s.enqueue(p, sc.plan(fmt.Sprint("-", killAt)))
				ended := s.killedOrDone(p, id)
				stop()
				if ended {
					break
				}
				points++
				p, stop = s.start(1+rand.Int64N(20), nil)
				s.killedOrDone(p, id)
				stop()
				p, stop = s.start(0, nil)
				r := s.wait(p, id)
				s.finished(r)
				stop()
				if t.Failed() {
					t.Fatalf("killed at point %d: %s", killAt, states(r))
				}
			}
			t.Logf("%d points", points)
			if points < 15 {
				t.Errorf("only %d points", points)
			}
		})
	}
}

// killedOrDone waits until the process is dead or the plan is final, and tells
// the latter.
func (s *site) killedOrDone(p *process, id string) bool {
	s.t.Helper()
	p.engine.Wake()
	deadline := time.After(20 * time.Second)
	for {
		r, err := jobsOf(s).Load(context.Background(), id)
		if err == nil && r.State.Final() {
			return !p.dead.Load()
		}
		select {
		case <-p.died:
			return false
		case <-deadline:
			s.t.Fatalf("neither dead nor done: %+v, %v", r, err)
		case <-time.After(time.Millisecond):
		}
	}
}

// TestReplicasShareTheWork runs three engines on one database, two of which die
// at random points and are replaced, again and again. No step may be worked on
// by two at once, and every plan ends.
func TestReplicasShareTheWork(t *testing.T) {
	s := newSite(t)
	s.world.slow = 3 * time.Millisecond // work takes time, so that it could overlap
	const plans = 24
	replica := func(killAt int64) (*process, func()) {
		return s.start(killAt, func(o *job.Options) { o.Sole = false; o.Workers = 3 })
	}
	immortal, stop := replica(0)
	defer stop()
	var mortals sync.WaitGroup
	over := make(chan struct{})
	deaths := atomic.Int64{}
	for range 2 {
		mortals.Go(func() {
			for {
				p, stop := replica(5 + rand.Int64N(40))
				select {
				case <-p.died:
					deaths.Add(1)
					stop()
				case <-over:
					stop()
					return
				}
			}
		})
	}
	var ids []string
	for i := range plans {
		pl := scenarios[i%len(scenarios)].plan(fmt.Sprint("-", i))
		pl.Subject = fmt.Sprint("host/", i%7)
		for j := range pl.Steps {
			pl.Steps[j].Attempts = 12
		}
		ids = append(ids, s.enqueue(immortal, pl))
	}
	ended := map[job.State]int{}
	for _, id := range ids {
		r := s.wait(immortal, id)
		ended[r.State]++
		s.finished(r)
	}
	close(over)
	mortals.Wait()
	t.Logf("%v with %d deaths; at most %d steps side by side", ended, deaths.Load(), s.world.most.Load())
	if ended[job.Done] == 0 || ended[job.Undone] == 0 || deaths.Load() == 0 {
		t.Errorf("ended %v, %d deaths", ended, deaths.Load())
	}
}

// TestTakeOver: a replica that dies in the middle of a step is replaced within
// the lease and a little, and one that is cut off from the database stops the
// step before that.
func TestTakeOver(t *testing.T) {
	s := newSite(t)
	slow := func(o *job.Options) { o.Sole = false; o.Lease = 800 * time.Millisecond; o.Poll = 50 * time.Millisecond }
	p, stop := s.start(0, slow)
	defer stop()
	id := s.enqueue(p, plan(step("a"), stepOf(thingArgs{Name: "b", Waits: true})))
	s.until(p, id, func(r *job.Run) bool { return r.Steps[1].State == job.StepRunning })
	q, stopQ := s.start(0, slow)
	defer stopQ()
	// The first process is cut off, but goes on running.
	p.dead.Store(true)
	cut := time.Now()
	r := s.until(q, id, func(r *job.Run) bool { return r.Steps[1].Owner == q.name })
	took := time.Since(cut)
	t.Logf("taken over after %v with a lease of 800ms", took)
	if took < 400*time.Millisecond || took > 5*time.Second {
		t.Errorf("taken over after %v", took)
	}
	if r.Steps[1].Attempts != 2 {
		t.Errorf("attempts %d", r.Steps[1].Attempts)
	}
	if err := q.engine.Cancel(t.Context(), id, "enough"); err != nil {
		t.Fatal(err)
	}
	s.finished(s.wait(q, id))
	close(p.died)
}

// TestFencing: a holder that lost its lease can write neither a result nor,
// under Guard, anything else.
func TestFencing(t *testing.T) {
	s := newSite(t)
	jobs := jobsOf(s)
	p, stop := s.start(0, nil)
	id := s.enqueue(p, plan(stepOf(thingArgs{Name: "a", Waits: true})))
	r := s.until(p, id, func(r *job.Run) bool { return r.Steps[0].State == job.StepRunning })
	p.dead.Store(true)
	old := r.Steps[0]
	q, stopQ := s.start(0, nil)
	r = s.until(q, id, func(r *job.Run) bool { return r.Steps[0].Owner == q.name })
	if r.Steps[0].Fence <= old.Fence {
		t.Errorf("the fence went from %d to %d", old.Fence, r.Steps[0].Fence)
	}
	if held, _, err := jobs.Beat(t.Context(), id, 0, old.Fence, ""); held || err != nil {
		t.Errorf("the old lease beats: %v %v", held, err)
	}
	guard := func(fence int64) error {
		return s.db.Transact(t.Context(), func(tx *sqldb.Tx) error { return jobs.Guard(t.Context(), tx, id, 0, fence) })
	}
	if err := guard(old.Fence); err == nil {
		t.Error("the old lease guards")
	}
	if err := guard(r.Steps[0].Fence); err != nil {
		t.Errorf("the new lease does not guard: %v", err)
	}
	close(p.died)
	stop()
	stopQ()
}

// TestPoisonStep: a step that kills its process each time is given up, and the
// plan is undone.
func TestPoisonStep(t *testing.T) {
	s := newSite(t)
	pl := plan(step("a"), stepOf(thingArgs{Name: "b", Waits: true}))
	pl.Steps[1].Attempts = 3
	p, stop := s.start(0, nil)
	id := s.enqueue(p, pl)
	for range 3 {
		s.until(p, id, func(r *job.Run) bool { return r.Steps[1].Touched && r.Steps[1].Owner == p.name })
		p.kill()
		stop()
		p, stop = s.start(0, nil)
	}
	defer stop()
	if r := s.wait(p, id); r.State != job.Undone || r.Steps[1].Attempts != 3 {
		t.Errorf("%s %s", r.State, states(r))
	}
	s.check()
}

// TestClockJumps: plans go on when the wall clock leaps either way.
func TestClockJumps(t *testing.T) {
	s := newSite(t)
	jumps := []time.Duration{0, time.Hour, -time.Hour, 0}
	var calls atomic.Int64
	p, stop := s.start(0, func(o *job.Options) {
		o.Sole, o.Workers = false, 1
		o.Clock = func() time.Time {
			return time.Now().Add(jumps[int(calls.Add(1))/3%len(jumps)])
		}
		o.Backoff = func(int) time.Duration { return 20 * time.Millisecond }
	})
	defer stop()
	for i := range 6 {
		n := fmt.Sprint(i)
		r := s.wait(p, s.enqueue(p, plan(stepOf(thingArgs{Name: "a" + n, Fails: "once"}), step("b"+n))))
		if r.State != job.Done {
			t.Errorf("%s", r.State)
		}
	}
	if n := len(s.world.names()); n != 12 {
		t.Errorf("%d things", n)
	}
}
