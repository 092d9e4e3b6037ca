package job_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// A world is what steps change: things that exist or not, each made of two
// halves so that a crash can leave one. It outlives processes.
type world struct {
	mu     sync.Mutex
	things map[string]int // thing → halves present
	busy   map[string]string
	faults []string
	doing  atomic.Int64
	most   atomic.Int64
	slow   time.Duration // between the halves
}

func newWorld() *world { return &world{things: map[string]int{}, busy: map[string]string{}} }

func (w *world) names() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for name, halves := range w.things {
		names = append(names, fmt.Sprintf("%s:%d", name, halves))
	}
	slices.Sort(names)
	return names
}

func (w *world) set(name string, halves int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.things[name] = halves; halves == 0 {
		delete(w.things, name)
	}
}

func (w *world) get(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.things[name]
}

// enter notes that a process works on a thing; two at once are a fault.
func (w *world) enter(name, process string) func() {
	w.mu.Lock()
	if other := w.busy[name]; other != "" {
		w.faults = append(w.faults, fmt.Sprintf("%s and %s work on %s at once", other, process, name))
	}
	w.busy[name] = process
	w.mu.Unlock()
	w.most.Store(max(w.most.Load(), w.doing.Add(1)))
	return func() {
		w.doing.Add(-1)
		w.mu.Lock()
		w.busy[name] = ""
		w.mu.Unlock()
	}
}

var errKilled = errors.New("this process was killed")

// A process is one simulated program: an engine whose every touch of the
// database and of the world counts, and which dies at a chosen one.
type process struct {
	name   string
	world  *world
	count  atomic.Int64
	killAt int64 // 0 means never
	dead   atomic.Bool
	died   chan struct{}
	engine *job.Engine
}

// point is a place where the process may die. After death every point fails.
func (p *process) point() error {
	if p.dead.Load() {
		return errKilled
	}
	if n := p.count.Add(1); p.killAt != 0 && n == p.killAt {
		p.kill()
		return errKilled
	}
	return nil
}

func (p *process) kill() {
	if p.dead.CompareAndSwap(false, true) {
		close(p.died)
	}
}

type thingArgs struct {
	Name string
	// Fails makes Do fail: "final", "always" (in a way worth retrying), "once";
	// "half" fails finally after the first half.
	Fails string
	// UndoFails is how many Undos fail first.
	UndoFails int
	// Waits makes Do wait for its context's end.
	Waits bool
}

type thing struct {
	args    thingArgs
	process *process
	tries   *tries
}

type tries struct {
	mu   sync.Mutex
	seen map[string]int
}

func (t *tries) next(key string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[key]++
	return t.seen[key]
}

func (t thing) Check(context.Context) (bool, error) {
	if err := t.process.point(); err != nil {
		return false, err
	}
	return t.process.world.get(t.args.Name) == 2, nil
}

func (t thing) Do(ctx context.Context) error {
	p := t.process
	if err := p.point(); err != nil {
		return err
	}
	defer p.world.enter(t.args.Name, p.name)()
	if t.args.Waits {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	switch {
	case t.args.Fails == "final":
		return errs.New(errs.Invalid, "%s cannot be", t.args.Name)
	case t.args.Fails == "always", t.args.Fails == "once" && t.tries.next("do "+t.args.Name) == 1:
		return errs.New(errs.Upstream, "%s is out of reach", t.args.Name)
	}
	p.world.set(t.args.Name, 1)
	time.Sleep(p.world.slow)
	if err := p.point(); err != nil {
		return err
	}
	if t.args.Fails == "half" {
		return errs.New(errs.Conflict, "%s broke", t.args.Name)
	}
	p.world.set(t.args.Name, 2)
	job.Note(ctx, "made %s", t.args.Name)
	return p.point()
}

func (t thing) Undo(context.Context) error {
	p := t.process
	if err := p.point(); err != nil {
		return err
	}
	defer p.world.enter(t.args.Name, p.name)()
	if t.tries.next("undo "+t.args.Name) <= t.args.UndoFails {
		return errs.New(errs.Invalid, "%s stays", t.args.Name)
	}
	if p.world.get(t.args.Name) == 2 {
		p.world.set(t.args.Name, 1)
	}
	time.Sleep(p.world.slow)
	if err := p.point(); err != nil {
		return err
	}
	p.world.set(t.args.Name, 0)
	return p.point()
}

// mortal is a store whose calls fail once its process is dead, and which may
// die before a call takes effect or after.
type mortal struct {
	job.Store
	p *process
}

func (m mortal) around(call func() error) error {
	if err := m.p.point(); err != nil {
		return err
	}
	if err := call(); err != nil {
		return err
	}
	return m.p.point()
}

func (m mortal) Due(ctx context.Context, now, far time.Time, f func(*job.Run, bool)) (found bool, err error) {
	if m.p.dead.Load() {
		return false, errKilled
	}
	touched := false
	found, err = m.Store.Due(ctx, now, far, func(r *job.Run, free bool) { touched = true; f(r, free) })
	if touched && err == nil { // an idle look is no interesting moment to die
		err = m.p.point()
	}
	return found, err
}

func (m mortal) Change(ctx context.Context, id string, f func(*job.Run) error) error {
	return m.around(func() error { return m.Store.Change(ctx, id, f) })
}

func (m mortal) Beat(ctx context.Context, run string, position int, fence int64, output string) (bool, bool, error) {
	if m.p.dead.Load() {
		return false, false, errKilled
	}
	return m.Store.Beat(ctx, run, position, fence, output)
}

func (m mortal) Leases(ctx context.Context) ([]job.Lease, error) {
	if m.p.dead.Load() {
		return nil, errKilled
	}
	return m.Store.Leases(ctx)
}

// A site is a database, a world and the processes that come and go.
type site struct {
	t     testing.TB
	db    *sqldb.DB
	world *world
	tries *tries
	count atomic.Int64
}

func newSite(t testing.TB) *site {
	t.Helper()
	return &site{t: t, db: openDB(t), world: newWorld(), tries: &tries{seen: map[string]int{}}}
}

func openDB(t testing.TB) *sqldb.DB {
	t.Helper()
	db := openDatabase(t)
	t.Cleanup(func() { _ = db.Close() })
	if _, _, err := db.Migrate(t.Context(), os.DirFS("../store/migrations"), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return db
}

// start runs a new process; the function given back ends it and waits. The
// options begin as fast ones for tests.
func (s *site) start(killAt int64, tune func(*job.Options)) (*process, func()) {
	p := &process{name: fmt.Sprintf("process %d", s.count.Add(1)), world: s.world, killAt: killAt, died: make(chan struct{})}
	registry := job.NewRegistry()
	job.Register(registry, "thing", func(a thingArgs) (job.Step, error) {
		return thing{args: a, process: p, tries: s.tries}, nil
	})
	options := job.Options{
		Owner: p.name, Poll: 5 * time.Millisecond, Lease: 400 * time.Millisecond, Grace: time.Millisecond,
		Sole: true, Backoff: func(int) time.Duration { return time.Millisecond },
	}
	if tune != nil {
		tune(&options)
	}
	p.engine = job.New(mortal{store.NewJobs(s.db), p}, registry, options)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-p.died
		cancel()
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.engine.Run(ctx); err != nil && !p.dead.Load() {
			s.t.Errorf("%s: %v", p.name, err)
		}
	}()
	return p, func() {
		cancel()
		<-done
		p.kill()
	}
}

// enqueue commits a plan through a process's engine.
func (s *site) enqueue(p *process, plan job.Plan) string {
	s.t.Helper()
	id, err := s.tryEnqueue(p, plan)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *site) tryEnqueue(p *process, plan job.Plan) (id string, err error) {
	err = s.db.Transact(context.Background(), func(tx *sqldb.Tx) error {
		id, err = p.engine.Enqueue(context.Background(), tx, plan)
		return err
	})
	return id, err
}

// wait waits for a run's end.
func (s *site) wait(p *process, id string) *job.Run {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := p.engine.Wait(ctx, id)
	if err != nil {
		s.t.Fatalf("wait: %v; last seen: %+v", err, r)
	}
	return r
}

// until waits for a run to meet a condition.
func (s *site) until(p *process, id string, condition func(*job.Run) bool) *job.Run {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var last *job.Run
	met := false
	err := p.engine.Watch(ctx, id, func(r *job.Run) bool {
		last, met = r, condition(r)
		return !met
	})
	if err != nil || !met {
		s.t.Fatalf("the plan never got there (%v); last seen: %+v", err, last)
	}
	return last
}

func (s *site) check(want ...string) {
	s.t.Helper()
	if got := s.world.names(); !slices.Equal(got, want) {
		s.t.Errorf("the world holds %v, want %v", got, want)
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	for _, fault := range s.world.faults {
		s.t.Error(fault)
	}
}

func step(name string) job.PlanStep { return stepOf(thingArgs{Name: name}) }

func stepOf(args thingArgs) job.PlanStep {
	return job.PlanStep{Name: args.Name, Kind: "thing", Args: args}
}

func plan(steps ...job.PlanStep) job.Plan { return job.Plan{Kind: "test", Label: "Test", Steps: steps} }

func jobsOf(s *site) job.Store { return store.NewJobs(s.db) }
