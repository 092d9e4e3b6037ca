package job

import (
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// This file decides; it is pure. The engine calls one of these methods on a Run
// whose row is locked, and the store writes down what changed. Every method
// ends with settle, which moves the plan's own state and WakeAt.

// A lease names one claim of one step.
type lease struct {
	run      string
	position int
	fence    int64
}

// held finds the step of a lease, if the lease still is the current one.
func (r *Run) held(l lease) *StepRun {
	if l.position >= len(r.Steps) {
		return nil
	}
	if s := &r.Steps[l.position]; s.leased() && s.Fence == l.fence {
		return s
	}
	return nil
}

// promote makes a queued run the active one of its subject if the subject is
// free, and otherwise looks again later (the end of the active plan wakes it).
func (r *Run) promote(free bool, now time.Time) {
	if r.State != Queued {
		return
	}
	if !free {
		r.WakeAt = now.Add(10 * time.Second)
		return
	}
	r.State = Running
	r.settle(now)
}

// claim gives the next step that can be worked on to owner.
func (r *Run) claim(owner string, now time.Time) *StepRun {
	for {
		s := r.next(now)
		if s == nil {
			r.settle(now)
			return nil
		}
		if r.State == Running && s.Attempts >= s.Most {
			// Every attempt ended without a result: its engine died or hung.
			s.fail(errs.New(errs.Internal, "gave up after %d attempts that never ended", s.Attempts), now)
			r.settle(now)
			continue
		}
		s.take(owner, r.State == Undoing, now)
		if r.State == Running {
			s.Order = r.newest() + 1
		}
		if r.StartedAt.IsZero() {
			r.StartedAt = now
		}
		r.settle(now)
		return s
	}
}

func (s *StepRun) take(owner string, undo bool, now time.Time) {
	s.Owner = owner
	s.Fence++
	if undo {
		s.State = StepUndoing
		s.Undos++
		return
	}
	s.State = StepRunning
	s.Attempts++
	if s.StartedAt.IsZero() {
		s.StartedAt = now
	}
}

// next is the step to be worked on now, or nil.
func (r *Run) next(now time.Time) *StepRun {
	s := r.candidate()
	if r.State == Running {
		s = nil
		for i := range r.Steps {
			if c := &r.Steps[i]; r.ready(c) && !c.NextAt.After(now) {
				s = c
				break
			}
		}
	}
	if s == nil || s.NextAt.After(now) {
		return nil
	}
	return s
}

// candidate is the step to be undone next: the one begun last, and only when no
// other is being worked on.
func (r *Run) candidate() *StepRun {
	if r.State != Undoing {
		return nil
	}
	var last *StepRun
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.leased() {
			return nil
		}
		if s.Touched && s.State != StepUndone && (last == nil || s.Order > last.Order) {
			last = s
		}
	}
	return last
}

// ready tells whether a step may be begun as far as other steps are concerned.
func (r *Run) ready(s *StepRun) bool {
	if s.State != StepPending {
		return false
	}
	if s.Post && !r.Committed() {
		return false
	}
	for _, n := range s.Needs {
		if !r.Steps[n].settled() {
			return false
		}
	}
	return true
}

func (r *Run) newest() int {
	newest := 0
	for i := range r.Steps {
		newest = max(newest, r.Steps[i].Order)
	}
	return newest
}

// touch notes that Do is about to begin. It refuses when the lease is lost or
// the plan does not want the step any more.
func (r *Run) touch(l lease) bool {
	s := r.held(l)
	if s == nil || r.State != Running {
		return false
	}
	s.Touched = true
	return true
}

// finish notes the result of Do (or of a Check that found it done), or of Undo.
// It tells whether the lease was still held; if not, nothing changes.
func (r *Run) finish(l lease, err error, output string, backoff time.Duration, now time.Time) bool {
	s := r.held(l)
	if s == nil {
		return false
	}
	s.Owner, s.Output = "", output
	switch {
	case s.State == StepUndoing && err == nil:
		s.State, s.EndedAt, s.Failure = StepUndone, now, nil
	case s.State == StepUndoing:
		s.Failure, s.NextAt = failureOf(err), now.Add(backoff)
	case err == nil:
		s.State, s.EndedAt, s.Failure = StepDone, now, nil
	case (r.State == Undoing || r.Cancelled) && !s.Touched:
		s.State = StepPending // as if it had not begun
	case r.State == Running && !r.Cancelled && retriable(err) && s.Attempts < s.Most:
		s.State, s.Failure, s.NextAt = StepPending, failureOf(err), now.Add(backoff)
	default:
		s.fail(err, now)
	}
	r.settle(now)
	return true
}

func (s *StepRun) fail(err error, now time.Time) {
	s.State, s.Failure, s.EndedAt, s.NextAt = StepFailed, failureOf(err), now, time.Time{}
}

// give returns a lease without a result: on shutdown, when the attempt does not
// count, and when the holder was found dead, when it does.
func (r *Run) give(l lease, counts bool, now time.Time) bool {
	s := r.held(l)
	if s == nil {
		return false
	}
	s.Owner = ""
	if s.State == StepRunning {
		s.State = StepPending
		if !counts {
			s.Attempts--
		}
	}
	r.settle(now)
	return true
}

// cancel stops the plan. What was done is undone, unless only post steps are
// left: those are dropped.
func (r *Run) cancel(reason string, now time.Time) error {
	if r.State.Final() || r.State == Undoing {
		return errs.New(errs.Conflict, "the plan is %s already", r.State)
	}
	r.Cancelled = true
	if !r.Committed() {
		r.Failure = failureOf(errs.New(errs.Conflict, "%s", reason))
		r.undo()
	}
	r.settle(now)
	return nil
}

// undo turns the plan around.
func (r *Run) undo() {
	r.State = Undoing
	for i := range r.Steps {
		r.Steps[i].NextAt = time.Time{}
	}
}

// settle moves the plan's state after its steps changed, and says when to look
// again.
func (r *Run) settle(now time.Time) {
	if r.State == Running {
		for i := range r.Steps {
			if s := &r.Steps[i]; s.State == StepFailed && !s.optional() {
				r.Failure = s.Failure
				r.undo()
				break
			}
		}
	}
	if r.State == Running && r.Cancelled {
		r.drop() // only post steps were left
	}
	switch {
	case r.State == Running && r.over():
		r.end(Done, now)
	case r.State == Undoing && r.quiet() && r.candidate() == nil:
		r.drop()
		r.end(Undone, now)
	}
	r.WakeAt = r.wake(now)
}

// drop gives up the steps that nobody works on and that need not be undone.
func (r *Run) drop() {
	for i := range r.Steps {
		if s := &r.Steps[i]; s.State == StepPending {
			s.State = StepCancelled
		}
	}
}

func (r *Run) end(state State, now time.Time) { r.State, r.EndedAt = state, now }

// over tells that no step of a running plan is left to do.
func (r *Run) over() bool {
	for i := range r.Steps {
		if s := &r.Steps[i]; !s.settled() && s.State != StepCancelled {
			return false
		}
	}
	return true
}

// quiet tells that nobody works on any step.
func (r *Run) quiet() bool {
	for i := range r.Steps {
		if r.Steps[i].leased() {
			return false
		}
	}
	return true
}

func (r *Run) wake(now time.Time) time.Time {
	soonest := time.Time{}
	note := func(s *StepRun) {
		at := s.NextAt
		if at.Before(now) {
			at = now
		}
		if soonest.IsZero() || at.Before(soonest) {
			soonest = at
		}
	}
	switch r.State {
	case Queued:
		return now
	case Running:
		for i := range r.Steps {
			if s := &r.Steps[i]; r.ready(s) {
				note(s)
			}
		}
	case Undoing:
		if s := r.candidate(); s != nil {
			note(s)
		}
	}
	return soonest
}
