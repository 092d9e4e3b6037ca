package job_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/internal/errs"
)

// begun lists steps by the order of their beginning.
func begun(r *job.Run) string {
	steps := slices.Clone(r.Steps)
	slices.SortFunc(steps, func(a, b job.StepRun) int { return a.Order - b.Order })
	var names []string
	for _, s := range steps {
		if s.Order > 0 {
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, " ")
}

func states(r *job.Run) string {
	var all []string
	for _, s := range r.Steps {
		all = append(all, s.Name+"="+string(s.State))
	}
	return strings.Join(all, " ")
}

func TestPlanIsDoneInOrder(t *testing.T) {
	s := newSite(t)
	p, stop := s.start(0, nil)
	defer stop()
	late, post, first := step("late"), step("post"), step("first")
	late.Priority, post.Post, post.Priority, first.Priority = 20, true, -5, 1
	r := s.wait(p, s.enqueue(p, plan(late, post, step("zero"), first)))
	if r.State != job.Done || r.Err() != nil || begun(r) != "zero first late post" {
		t.Errorf("%s: %v; order %q", r.State, r.Err(), begun(r))
	}
	if out := r.Steps[0].Output; out != "made zero\n" {
		t.Errorf("output %q", out)
	}
	s.check("first:2", "late:2", "post:2", "zero:2")
}

func TestPlanStartsAtOnce(t *testing.T) {
	s := newSite(t)
	p, stop := s.start(0, func(o *job.Options) { o.Poll = time.Minute })
	defer stop()
	for i := range 5 {
		start := time.Now()
		s.wait(p, s.enqueue(p, plan(step(fmt.Sprint("a", i)), step(fmt.Sprint("b", i)))))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("a plan of two steps took %v with a poll of a minute", took)
		}
	}
}

func TestFailedPlanIsUndone(t *testing.T) {
	tests := []struct {
		name   string
		steps  []job.PlanStep
		states string
		kind   errs.Kind
	}{
		{
			"final",
			[]job.PlanStep{step("a"), step("b"), stepOf(thingArgs{Name: "c", Fails: "final"}), step("d")},
			"a=undone b=undone c=undone d=cancelled", errs.Invalid,
		},
		{"halfway", []job.PlanStep{step("a"), stepOf(thingArgs{Name: "b", Fails: "half"})}, "a=undone b=undone", errs.Conflict},
		{"retried in vain", []job.PlanStep{step("a"), stepOf(thingArgs{Name: "b", Fails: "always"})}, "a=undone b=undone", errs.Upstream},
		{
			"undo is stubborn",
			[]job.PlanStep{stepOf(thingArgs{Name: "a", UndoFails: 9}), stepOf(thingArgs{Name: "b", Fails: "final"})},
			"a=undone b=undone", errs.Invalid,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			p, stop := s.start(0, nil)
			defer stop()
			r := s.wait(p, s.enqueue(p, plan(tt.steps...)))
			if r.State != job.Undone || states(r) != tt.states || !errs.Is(r.Err(), tt.kind) {
				t.Errorf("%s: %v\n got %s\nwant %s", r.State, r.Err(), states(r), tt.states)
			}
			s.check()
		})
	}
}

func TestRetries(t *testing.T) {
	s := newSite(t)
	p, stop := s.start(0, nil)
	defer stop()
	bounded := stepOf(thingArgs{Name: "b", Fails: "always"})
	bounded.Attempts, bounded.Optional = 3, true
	r := s.wait(p, s.enqueue(p, plan(stepOf(thingArgs{Name: "a", Fails: "once"}), bounded)))
	if r.State != job.Done || r.Steps[0].Attempts != 2 || r.Steps[1].Attempts != 3 {
		t.Errorf("%s, attempts %d and %d", r.State, r.Steps[0].Attempts, r.Steps[1].Attempts)
	}
	if w := r.Warnings(); len(w) != 1 || w[0].Name != "b" || w[0].Failure.Public != "b is out of reach" {
		t.Errorf("warnings %+v", w)
	}
	s.check("a:2")
}

// TestWhatWasThereBeforeStays: undoing takes back what the plan did, not what
// it found.
func TestWhatWasThereBeforeStays(t *testing.T) {
	s := newSite(t)
	s.world.set("old", 2)
	p, stop := s.start(0, nil)
	defer stop()
	r := s.wait(p, s.enqueue(p, plan(step("old"), step("new"), stepOf(thingArgs{Name: "bad", Fails: "final"}))))
	if r.State != job.Undone {
		t.Errorf("state %s", r.State)
	}
	s.check("old:2")
}

func TestPostStepsFailAlone(t *testing.T) {
	s := newSite(t)
	p, stop := s.start(0, nil)
	defer stop()
	bad, good := stepOf(thingArgs{Name: "bad", Fails: "final"}), step("good")
	bad.Post, good.Post = true, true
	r := s.wait(p, s.enqueue(p, plan(bad, good, step("a"))))
	if r.State != job.Done || states(r) != "a=done bad=failed good=done" {
		t.Errorf("%s %s", r.State, states(r))
	}
	s.check("a:2", "good:2")
}

func TestGraphRunsSideBySide(t *testing.T) {
	s := newSite(t)
	p, stop := s.start(0, nil)
	defer stop()
	left, right, bad, last := stepOf(thingArgs{Name: "left", Waits: true}), stepOf(thingArgs{Name: "right", Waits: true}), stepOf(thingArgs{Name: "bad", Fails: "final"}), step("last")
	for _, st := range []*job.PlanStep{&left, &right} {
		st.Needs = []string{"root"}
	}
	bad.Needs, last.Needs = []string{"root"}, []string{"left", "right"}
	bad.Attempts = 1
	// bad is begun once both wait; its failure ends them.
	r := s.wait(p, s.enqueue(p, plan(step("root"), left, right, bad, last)))
	if r.State != job.Undone || s.world.most.Load() < 2 {
		t.Errorf("%s, at most %d side by side; %s", r.State, s.world.most.Load(), states(r))
	}
	s.check()
}

func TestSubjects(t *testing.T) {
	s := newSite(t)
	p, stop := s.start(0, nil)
	defer stop()
	waiting := plan(stepOf(thingArgs{Name: "one", Waits: true}))
	waiting.Subject = "host/1"
	first := s.enqueue(p, waiting)
	s.until(p, first, func(r *job.Run) bool { return r.Steps[0].State == job.StepRunning })

	second := plan(step("two"))
	second.Subject, second.Refuse = "host/1", true
	if _, err := s.tryEnqueue(p, second); !errs.Is(err, errs.Conflict) {
		t.Errorf("a second plan that refuses: %v", err)
	}
	second.Refuse = false
	third := plan(step("three"))
	third.Subject = "host/1"
	idTwo, idThree := s.enqueue(p, second), s.enqueue(p, third)
	other := plan(step("other"))
	other.Subject, other.Refuse = "host/2", true
	s.wait(p, s.enqueue(p, other))
	if r, err := p.engine.Load(t.Context(), idTwo); err != nil || r.State != job.Queued {
		t.Errorf("the second plan is %v, %v", r.State, err)
	}
	if err := p.engine.Cancel(t.Context(), first, "no more"); err != nil {
		t.Fatal(err)
	}
	if r := s.wait(p, first); r.State != job.Undone || !r.Cancelled || r.Err().Error() != "no more" {
		t.Errorf("first: %s %v", r.State, r.Err())
	}
	two, three := s.wait(p, idTwo), s.wait(p, idThree)
	if two.State != job.Done || three.State != job.Done || three.StartedAt.Before(two.EndedAt) {
		t.Errorf("second ended %v, third began %v", two.EndedAt, three.StartedAt)
	}
	s.check("other:2", "three:2", "two:2")
}

func TestCancel(t *testing.T) {
	s := newSite(t)
	p, stop := s.start(0, nil)
	defer stop()
	ctx := t.Context()
	id := s.enqueue(p, plan(step("a"), stepOf(thingArgs{Name: "b", Waits: true}), step("c")))
	s.until(p, id, func(r *job.Run) bool { return r.Steps[1].State == job.StepRunning })
	if err := p.engine.Cancel(ctx, id, "stop"); err != nil {
		t.Fatal(err)
	}
	if err := p.engine.Cancel(ctx, id, "stop"); !errs.Is(err, errs.Conflict) {
		t.Errorf("cancelled twice: %v", err)
	}
	if r := s.wait(p, id); states(r) != "a=undone b=undone c=cancelled" {
		t.Errorf("%s", states(r))
	}
	s.check()

	post := stepOf(thingArgs{Name: "post", Waits: true})
	post.Post = true
	next := step("next")
	next.Post = true
	id = s.enqueue(p, plan(step("a"), post, next))
	s.until(p, id, func(r *job.Run) bool { return r.Committed() && r.Steps[1].State == job.StepRunning })
	if err := p.engine.Cancel(ctx, id, "stop"); err != nil {
		t.Fatal(err)
	}
	if r := s.wait(p, id); r.State != job.Done || states(r) != "a=done post=failed next=cancelled" {
		t.Errorf("%s %s", r.State, states(r))
	}
	s.check("a:2")
	if err := p.engine.Cancel(ctx, "no such plan", ""); !errs.Is(err, errs.NotFound) {
		t.Errorf("unknown plan: %v", err)
	}
}

func TestEnqueueRefusesNonsense(t *testing.T) {
	s := newSite(t)
	p, stop := s.start(0, nil)
	defer stop()
	loop := step("b")
	loop.Needs = []string{"b"}
	for name, bad := range map[string]job.Plan{
		"kind":  plan(job.PlanStep{Name: "a", Kind: "nosuch"}),
		"args":  plan(job.PlanStep{Name: "a", Kind: "thing", Args: map[string]any{"Nmae": "x"}}),
		"twice": plan(step("a"), step("a")),
		"needs": plan(step("a"), loop),
		"many":  plan(make([]job.PlanStep, job.MaxSteps+1)...),
	} {
		if _, err := s.tryEnqueue(p, bad); err == nil || errs.Is(err, errs.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if runs, err := p.engine.List(t.Context(), job.Query{}); err != nil || len(runs) != 0 {
		t.Errorf("left behind: %v %v", runs, err)
	}
	r := s.wait(p, s.enqueue(p, plan()))
	if r.State != job.Done {
		t.Errorf("an empty plan is %s", r.State)
	}
}

func TestListAndPrune(t *testing.T) {
	s := newSite(t)
	p, stop := s.start(0, nil)
	defer stop()
	var ids []string
	for i := range 3 {
		pl := plan(step(fmt.Sprint(i)))
		pl.Subject = fmt.Sprint("s/", i%2)
		ids = append(ids, s.enqueue(p, pl))
		s.wait(p, ids[i])
	}
	list := func(q job.Query) string {
		runs, err := p.engine.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var at []string
		for _, r := range runs {
			at = append(at, fmt.Sprint(slices.Index(ids, r.ID)))
		}
		return strings.Join(at, " ")
	}
	for want, q := range map[string]job.Query{
		"2 1 0": {}, "2 0": {Subject: "s/0"}, "": {Active: true}, "1": {Before: ids[2], Limit: 1}, "2 1": {Kind: "test", Limit: 2},
	} {
		if got := list(q); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
	stop()
	q, stop := s.start(0, func(o *job.Options) { o.Retention = time.Nanosecond })
	defer stop()
	deadline := time.Now().Add(10 * time.Second)
	for list(job.Query{}) != "" && time.Now().Before(deadline) {
		time.Sleep(2 * time.Millisecond)
	}
	if _, err := q.engine.Load(context.Background(), ids[0]); !errs.Is(err, errs.NotFound) {
		t.Errorf("a pruned plan: %v", err)
	}
}

// TestShutdownHandsOver: an engine that stops leaves its steps to others
// without counting the attempt.
func TestShutdownHandsOver(t *testing.T) {
	s := newSite(t)
	p, stop := s.start(0, nil)
	pl := plan(step("a"), stepOf(thingArgs{Name: "b", Waits: true}))
	id := s.enqueue(p, pl)
	s.until(p, id, func(r *job.Run) bool { return r.Steps[1].State == job.StepRunning })
	stop()
	r, err := jobsOf(s).Load(t.Context(), id)
	if err != nil || r.State != job.Running || r.Steps[1].State != job.StepPending || r.Steps[1].Attempts != 0 || r.Steps[1].Owner != "" {
		t.Fatalf("after the stop: %+v, %v", r, err)
	}
	s.world.set("b", 2)
	p, stop = s.start(0, func(o *job.Options) { o.Sole = false })
	defer stop()
	if r := s.wait(p, id); r.State != job.Done {
		t.Errorf("%s", r.State)
	}
	s.check("a:2", "b:2")
}
