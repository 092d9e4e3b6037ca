package job

import (
	"context"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// hub tells those who watch a run in this process that it changed, and what its
// steps say before that is stored.
type hub struct {
	mu       sync.Mutex
	watchers map[string]map[*watcher]struct{}
}

// A watcher holds a token in changed when there is something new to look at.
type watcher struct {
	changed chan struct{}
	mu      sync.Mutex
	output  map[lease]string
}

func (h *hub) add(id string) *watcher {
	w := &watcher{changed: make(chan struct{}, 1), output: map[lease]string{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers == nil {
		h.watchers = map[string]map[*watcher]struct{}{}
	}
	if h.watchers[id] == nil {
		h.watchers[id] = map[*watcher]struct{}{}
	}
	h.watchers[id][w] = struct{}{}
	return w
}

func (h *hub) remove(id string, w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers[id], w)
	if len(h.watchers[id]) == 0 {
		delete(h.watchers, id)
	}
}

func (h *hub) notify(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers[id] {
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
}

func (h *hub) note(l lease, output string) {
	h.mu.Lock()
	for w := range h.watchers[l.run] {
		w.mu.Lock()
		w.output[l] = output
		w.mu.Unlock()
	}
	h.mu.Unlock()
	h.notify(l.run)
}

// Load gives a run as it stands; NotFound when there is none.
func (e *Engine) Load(ctx context.Context, id string) (*Run, error) {
	return e.store.Load(ctx, id)
}

// List gives runs without their steps, newest first.
func (e *Engine) List(ctx context.Context, q Query) ([]Run, error) {
	return e.store.List(ctx, q)
}

// Watch calls f with the run as it stands and again after changes, until it is
// final, f gives false or ctx ends. Changes that follow each other fast may
// come as one. It wakes the engine first, so that a plan that was just
// committed starts at once.
func (e *Engine) Watch(ctx context.Context, id string, f func(r *Run) bool) error {
	w := e.hub.add(id)
	defer e.hub.remove(id, w)
	e.Wake()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.changed:
		case <-timer.C:
		}
		timer.Reset(e.options.Poll)
		r, err := e.store.Load(ctx, id)
		if err != nil {
			return errs.Wrap(err, "watch plan %s", id)
		}
		w.overlay(r)
		if !f(r) || r.State.Final() {
			return nil
		}
	}
}

// overlay puts what steps said since the last heartbeat into the run.
func (w *watcher) overlay(r *Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range r.Steps {
		s := &r.Steps[i]
		if out, ok := w.output[lease{r.ID, s.Position, s.Fence}]; ok && s.leased() {
			s.Output = out
		}
	}
}

// Wait waits until the run is final and gives it. Whether it succeeded is for
// Run.Err to say; the error here means that waiting ended early.
func (e *Engine) Wait(ctx context.Context, id string) (*Run, error) {
	var last *Run
	err := e.Watch(ctx, id, func(r *Run) bool {
		last = r
		return true
	})
	return last, err
}

// Cancel asks a run to stop. What it did is undone, unless everything is done
// but post steps; then those are dropped. A run that is being undone already,
// or is final, is a Conflict.
func (e *Engine) Cancel(ctx context.Context, id, reason string) error {
	err := e.store.Change(ctx, id, func(r *Run) error {
		return r.cancel(reason, e.now())
	})
	if err == nil {
		e.hub.notify(id)
		e.Wake()
	}
	return errs.Wrap(err, "cancel plan %s", id)
}
