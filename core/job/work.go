package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

var (
	errLost     = errors.New("the lease on the step is lost")
	errUnwanted = errors.New("the plan is being cancelled")
	errShutdown = errors.New("the engine is stopping")
)

// work is one claimed step while it is being worked on.
type work struct {
	engine     *Engine
	lease      lease
	kind, name string
	args       json.RawMessage
	undo       bool
	timeout    time.Duration
	attempt    int
	undos      int

	mu     sync.Mutex
	output []byte
}

type workKey struct{}

func (w *work) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.output)
}

// Note adds a line to the output of the step that ctx belongs to. Whoever
// watches the plan sees it at once in this process, elsewhere with the next
// heartbeat. Outside of a step it does nothing. It must not say secrets.
func Note(ctx context.Context, format string, args ...any) {
	w, ok := ctx.Value(workKey{}).(*work)
	if !ok {
		return
	}
	line := fmt.Sprintf(format, args...)
	w.mu.Lock()
	if len(w.output)+len(line) < maxOutput {
		w.output = append(append(w.output, line...), '\n')
	}
	w.mu.Unlock()
	w.engine.hub.note(w.lease, w.text())
}

// Guard makes a database transaction of a step part of its lease: it gives an
// error when the lease is lost, and otherwise nobody can take the step over
// before the transaction ends. Call it first in each transaction that a step
// writes in. Outside of a step it does nothing.
func Guard(ctx context.Context, tx *sqldb.Tx) error {
	w, ok := ctx.Value(workKey{}).(*work)
	if !ok {
		return nil
	}
	return w.engine.store.Guard(ctx, tx, w.lease.run, w.lease.position, w.lease.fence)
}

// PlanID tells which plan the step that ctx belongs to is of; empty outside of one.
func PlanID(ctx context.Context) string {
	if w, ok := ctx.Value(workKey{}).(*work); ok {
		return w.lease.run
	}
	return ""
}

// work runs one claimed step to its result and gives the next one of the same
// plan, if there is one to go on with and the engine is not stopping.
func (e *Engine) work(running, base context.Context, w *work) *work {
	ctx, cancel := context.WithCancelCause(context.WithValue(base, workKey{}, w))
	defer cancel(nil)
	beats := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(beats)
		e.beat(base, w, cancel, stop)
	}()
	defer func() {
		close(stop)
		<-beats
	}()
	e.hub.notify(w.lease.run)
	err := e.attempt(ctx, w)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errLost):
		e.options.Log.Warn("stop a step whose lease is lost", "plan", w.lease.run, "step", w.name)
		return nil
	case err != nil && errors.Is(cause, errShutdown):
		e.release(base, w)
		return nil
	}
	return e.report(ctx, running, w, err)
}

// attempt runs Check and Do, or Undo, and catches panics.
func (e *Engine) attempt(ctx context.Context, w *work) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e.options.Log.Error("a step panicked", "plan", w.lease.run, "step", w.name, "panic", p, "stack", string(debug.Stack()))
			err = errs.New(errs.Unsupported, "a defect in step kind %s", w.kind)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	step, err := e.registry.build(w.kind, w.args)
	if err != nil {
		return err
	}
	if w.undo {
		return step.Undo(ctx)
	}
	done, err := step.Check(ctx)
	if done || err != nil {
		return err
	}
	wanted := false
	err = e.store.Change(ctx, w.lease.run, func(r *Run) error {
		wanted = r.touch(w.lease)
		return nil
	})
	if err != nil {
		return err
	}
	if !wanted {
		return errUnwanted
	}
	return step.Do(ctx)
}

// beat keeps the lease alive and ends the step's context when it is lost, or
// when the plan does not want Do to go on.
func (e *Engine) beat(base context.Context, w *work, cancel context.CancelCauseFunc, stop <-chan struct{}) {
	every := time.NewTicker(e.options.Lease / 8)
	defer every.Stop()
	last := time.Now()
	for {
		select {
		case <-stop:
			return
		case <-every.C:
		}
		ctx, done := context.WithTimeout(context.WithoutCancel(base), e.options.Lease/4)
		held, wanted, err := e.store.Beat(ctx, w.lease.run, w.lease.position, w.lease.fence, w.text())
		done()
		switch {
		case err == nil && !held, err != nil && time.Since(last) > e.options.Lease/2:
			cancel(errLost)
			return
		case err != nil:
			continue
		case !wanted && !w.undo:
			cancel(errUnwanted)
		}
		last = time.Now()
	}
}

// report writes the result of a step down, trying until that works or the lease
// is lost, and claims the plan's next step in the same transaction.
func (e *Engine) report(ctx, running context.Context, w *work, result error) *work {
	if result != nil {
		e.options.Log.Warn("a step failed", "plan", w.lease.run, "step", w.name, "undo", w.undo, "attempt", w.attempt, "error", result)
	}
	n := w.attempt
	if w.undo {
		n = w.undos
	}
	for {
		var next *work
		err := e.store.Change(context.WithoutCancel(ctx), w.lease.run, func(r *Run) error {
			now := e.now()
			next = nil
			if r.finish(w.lease, result, w.text(), e.options.Backoff(n), now) && running.Err() == nil {
				next = e.claimOf(r, now)
			}
			return nil
		})
		if err == nil {
			e.hub.notify(w.lease.run)
			return next
		}
		e.options.Log.Error("write a step's result", "plan", w.lease.run, "step", w.name, "error", err)
		select {
		case <-time.After(e.options.Lease / 16):
		case <-running.Done():
			return nil
		}
		if errors.Is(context.Cause(ctx), errLost) {
			return nil
		}
	}
}

func (e *Engine) release(base context.Context, w *work) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(base), e.options.Lease/4)
	defer cancel()
	err := e.store.Change(ctx, w.lease.run, func(r *Run) error {
		r.give(w.lease, false, e.now())
		return nil
	})
	if err != nil {
		e.options.Log.Error("give a step back", "plan", w.lease.run, "step", w.name, "error", err)
	}
}
