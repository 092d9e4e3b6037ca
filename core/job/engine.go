package job

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"golang.org/x/sync/errgroup"
)

// Options tune an engine. Zero fields mean the values in brackets.
type Options struct {
	// Owner names the engine in leases and logs (random).
	Owner string
	// Workers is how many steps run at the same time (8).
	Workers int
	// Lease is how long a lease's counter must stand still before the step is
	// taken over (8s). The holder stops by itself after half of it.
	Lease time.Duration
	// Poll is how often the database is asked for work that another replica
	// enqueued and for leases (1s).
	Poll time.Duration
	// Grace is how long running steps may go on when the engine stops (5s).
	Grace time.Duration
	// Retention is how long final runs are kept (30 days).
	Retention time.Duration
	// Sole says that no other engine uses the database, as with SQLite: leases
	// found at the start are those of the dead, and nobody waits for them.
	Sole bool
	// Backoff is the pause after the n-th failed attempt (half a second,
	// doubled each time, at most a minute).
	Backoff func(n int) time.Duration
	// Clock is the wall clock for what is shown and for back-off (the system's).
	Clock clock.Clock
	// Log gets one line per failed attempt and per take-over (discarded).
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.Lease, 8*time.Second)
	def(&o.Poll, time.Second)
	def(&o.Grace, 5*time.Second)
	def(&o.Retention, 30*24*time.Hour)
	if o.Owner == "" {
		o.Owner = rand.Text()[:12]
	}
	if o.Workers <= 0 {
		o.Workers = 8
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func backoff(n int) time.Duration {
	return min(time.Minute, 500*time.Millisecond<<min(n-1, 10))
}

// maxPause is further ahead than any WakeAt is ever set; one beyond it was
// written before the clock was set back.
const maxPause = 10 * time.Minute

// An Engine runs plans. Make it with New; Enqueue, Wait and the like work
// whether or not Run runs in this process.
type Engine struct {
	store    Store
	registry *Registry
	options  Options
	wake     chan struct{} // holds a token when there may be work
	hub      hub
	started  time.Time // origin of the monotonic clock
}

// New gives an engine over a store. The registry must not change any more.
func New(store Store, registry *Registry, options Options) *Engine {
	return &Engine{
		store: store, registry: registry, options: options.withDefaults(),
		wake: make(chan struct{}, 1), started: time.Now(),
	}
}

func (e *Engine) now() time.Time { return e.options.Clock().UTC() }

// Wake says that a plan was committed.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends; then running steps have Options.Grace to finish,
// and what they did not finish is left to others at once.
func (e *Engine) Run(ctx context.Context) error {
	if e.options.Sole {
		if err := e.inherit(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return e.dispatch(ctx) })
	group.Go(func() error { return e.watchLeases(ctx) })
	group.Go(func() error { return e.prune(ctx) })
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// dispatch claims steps and hands each to a worker.
func (e *Engine) dispatch(ctx context.Context) error {
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer func() {
		timer := time.AfterFunc(e.options.Grace, func() { stop(errShutdown) })
		workers.Wait()
		timer.Stop()
	}()
	slots := make(chan struct{}, e.options.Workers)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		w, err := e.claim(ctx)
		if w != nil {
			e.Wake() // there may be more
			workers.Go(func() {
				defer func() { <-slots }()
				for w != nil {
					w = e.work(ctx, work, w)
				}
				e.Wake()
			})
			continue
		}
		<-slots
		if err != nil && ctx.Err() == nil {
			e.options.Log.Error("claim a step", "error", err)
		}
		if !e.pause(ctx, err != nil) {
			return ctx.Err()
		}
	}
}

// pause waits for work, or the next poll. After an error it waits in any case.
func (e *Engine) pause(ctx context.Context, failed bool) bool {
	wake := e.wake
	if failed {
		wake = nil
	}
	timer := time.NewTimer(e.options.Poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-timer.C:
	}
	return true
}

// claim takes the next step of any run, or nil.
func (e *Engine) claim(ctx context.Context) (*work, error) {
	for ctx.Err() == nil {
		var w *work
		now := e.now()
		found, err := e.store.Due(ctx, now, now.Add(maxPause), func(r *Run, free bool) {
			r.promote(free, now)
			w = e.claimOf(r, now)
		})
		if errs.Is(err, errs.Conflict) {
			continue // another run of the subject was promoted in the same moment
		}
		if err != nil || w != nil || !found {
			return w, err
		}
	}
	return nil, nil
}

func (e *Engine) claimOf(r *Run, now time.Time) *work {
	if r.State != Running && r.State != Undoing {
		return nil
	}
	s := r.claim(e.options.Owner, now)
	if s == nil {
		return nil
	}
	return &work{
		engine: e, lease: lease{r.ID, s.Position, s.Fence}, kind: s.Kind, name: s.Name,
		args: s.Args, undo: s.State == StepUndoing, timeout: s.Timeout, attempt: max(s.Attempts, 1), undos: s.Undos,
	}
}

// inherit gives back the leases that a dead predecessor left.
func (e *Engine) inherit(ctx context.Context) error {
	leases, err := e.store.Leases(ctx)
	for _, l := range leases {
		if err == nil {
			err = e.takeBack(ctx, l)
		}
	}
	return errs.Wrap(err, "look for steps that were cut off")
}

func (e *Engine) takeBack(ctx context.Context, l Lease) error {
	taken := false
	err := e.store.Change(ctx, l.Run, func(r *Run) error {
		taken = r.give(lease{l.Run, l.Position, l.Fence}, true, e.now())
		return nil
	})
	if taken && err == nil {
		e.options.Log.Warn("take over a step", "plan", l.Run, "position", l.Position, "from", l.Owner)
		e.hub.notify(l.Run)
		e.Wake()
	}
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	return err
}

// watchLeases takes steps over whose holder shows no sign of life.
func (e *Engine) watchLeases(ctx context.Context) error {
	type sight struct {
		beat  int64
		since time.Duration
	}
	seen := map[Lease]sight{}
	every := time.NewTicker(min(e.options.Poll*2, e.options.Lease/4))
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-every.C:
		}
		leases, err := e.store.Leases(ctx)
		if err != nil {
			clear(seen) // we could not look, so nothing was seen standing still
			continue
		}
		current := make(map[Lease]sight, len(leases))
		for _, l := range leases {
			beat := l.Beat
			l.Beat = 0
			s, known := seen[l]
			if !known || s.beat != beat {
				s = sight{beat, time.Since(e.started)}
			}
			current[l] = s
			if time.Since(e.started)-s.since >= e.options.Lease {
				delete(current, l)
				l.Beat = beat
				if err := e.takeBack(ctx, l); err != nil && ctx.Err() == nil {
					e.options.Log.Error("take over a step", "plan", l.Run, "error", err)
				}
			}
		}
		seen = current
	}
}

// prune drops old runs, a bounded batch at a time.
func (e *Engine) prune(ctx context.Context) error {
	every := time.NewTicker(time.Hour)
	defer every.Stop()
	for {
		for ctx.Err() == nil {
			const batch = 200
			n, err := e.store.Prune(ctx, e.now().Add(-e.options.Retention), batch)
			if err != nil && ctx.Err() == nil {
				e.options.Log.Error("drop old plans", "error", err)
			}
			if err != nil || n < batch {
				break
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-every.C:
		}
	}
}
