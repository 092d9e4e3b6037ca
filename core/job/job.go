// Package job runs plans: durable work on the outside world that either
// finishes or is undone, whatever dies in between.
//
// A Plan is a graph of steps. Each step is one change that can be taken back,
// stored as a kind and arguments and rebuilt from a Registry into Check, Do and
// Undo. Enqueue writes a plan inside the caller's transaction, so that a record
// and the work it causes are committed together or not at all. Any number of
// engines on one database share the work:
//
//   - every change of a plan happens under a lock on its row, and machine.go
//     alone decides what the change is;
//   - a step is run by whoever holds its lease: an owner, a fencing number that
//     grows with each claim, and a counter that the owner's heartbeats move. An
//     engine that sees the counter stand still for Options.Lease, by its own
//     monotonic clock, takes the step over; no two machines' clocks are ever
//     compared;
//   - a claim, a "now I touch the world" mark and a result are three separate
//     commits, so that after a crash at any point it is known whether the step
//     may have changed something;
//   - when a step fails for good, what was touched is undone, the step begun
//     last first; undoing is tried until it works and shows until then.
//
// Do and Undo may run more than once and must bear it. The package may import
// internal packages only; the SQL behind Store lives in core/store.
package job

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Step is one change to the outside world that can be taken back. Do and Undo
// may run more than once, the second time after a crash in the middle of the
// first. A context that ends means the lease is lost or the plan is being
// cancelled: return soon, and change nothing more.
//
// Errors of the kinds Upstream, Unavailable, Limited and Internal (which errors
// without a kind are) are tried again; others are final. Undo is tried again
// after any error.
type Step interface {
	// Check looks whether the change is there already; it changes nothing. It
	// runs before Do, each time.
	Check(ctx context.Context) (done bool, err error)
	// Do makes the change.
	Do(ctx context.Context) error
	// Undo takes it back, wherever Do got to. It is not called for a step whose
	// first Check found the change already there: that was not the plan's doing.
	Undo(ctx context.Context) error
}

// A Plan is work to be enqueued.
type Plan struct {
	Kind  string // what it is, for people and lists: "host.create"
	Label string // one line for people: "Create host web01.example.com"
	// Subject is what the plan changes ("host/17"). At most one plan per subject
	// is active; a second waits its turn, or with Refuse is a Conflict. Empty
	// means that nothing is excluded.
	Subject string
	Refuse  bool
	// Actor and RequestID are kept for audits.
	Actor     string
	RequestID string
	Steps     []PlanStep
}

// A PlanStep is one step of a Plan.
type PlanStep struct {
	Name string // for people, unique in the plan: "dns A web01.example.com"
	Kind string // names the Registry entry
	Args any    // becomes JSON; it is stored in clear, so it holds no secrets
	// Priority orders steps, lowest first; equal ones stay in the order given.
	Priority int
	// Needs names the steps that must be done first. nil means all that come
	// before in the order; an empty list means none.
	Needs []string
	// Optional steps may fail without failing the plan.
	Optional bool
	// Post steps run when all others are done. They are optional: the plan has
	// succeeded already.
	Post bool
	// Attempts bounds how often Do is begun; 0 means 4.
	Attempts int
	// Timeout bounds one attempt; 0 means two minutes.
	Timeout time.Duration
}

// Bounds on a plan.
const (
	MaxSteps  = 1000
	MaxArgs   = 256 << 10 // bytes of one step's arguments
	maxOutput = 16 << 10  // bytes kept of what a step says
	maxDetail = 4 << 10   // bytes kept of an error's text
)

// A State says where a plan stands.
type State string

// The states of a plan. The last two are final.
const (
	Queued  State = "queued"  // waits for the subject's active plan
	Running State = "running" // steps are being done
	Undoing State = "undoing" // a step failed or someone cancelled
	Done    State = "done"    // every step is done; optional ones may have failed
	Undone  State = "undone"  // everything that was touched is taken back
)

// Final tells whether nothing will happen any more.
func (s State) Final() bool { return s == Done || s == Undone }

// A StepState says where a step stands.
type StepState string

// The states of a step.
const (
	StepPending   StepState = "pending" // not begun, or to be tried again
	StepRunning   StepState = "running"
	StepDone      StepState = "done"
	StepFailed    StepState = "failed"
	StepUndoing   StepState = "undoing" // or to be undone again
	StepUndone    StepState = "undone"
	StepCancelled StepState = "cancelled" // never begun
)

// A Run is a plan as it stands.
type Run struct {
	ID        string
	Kind      string
	Label     string
	Subject   string
	Actor     string
	RequestID string
	State     State
	Cancelled bool     // someone asked to stop it
	Failure   *Failure // why it is being, or was, undone
	CreatedAt time.Time
	StartedAt time.Time // zero until the first claim
	EndedAt   time.Time // zero until final
	Steps     []StepRun // in order

	// WakeAt is when an engine should look at the run again; zero means not
	// before something else happens to it.
	WakeAt time.Time
}

// A StepRun is a step as it stands.
type StepRun struct {
	Position int
	Name     string
	Kind     string
	Args     json.RawMessage
	Priority int
	Needs    []int // positions
	Optional bool
	Post     bool
	Attempts int // how often Do was begun
	Most     int // the bound on Attempts
	Timeout  time.Duration

	State     StepState
	Touched   bool // Do was begun: the world may have changed
	Undos     int  // how often Undo was begun
	Order     int  // when it was begun, among the plan's steps
	NextAt    time.Time
	Failure   *Failure // the last error, of Do or of Undo
	Output    string
	StartedAt time.Time
	EndedAt   time.Time

	Owner string // who holds the lease; empty when nobody does
	Fence int64  // grows with each claim
}

// Err is what the plan ends with: nil when it is done, the failure's error when
// it was undone.
func (r *Run) Err() error {
	if r.State != Undone && r.State != Undoing {
		return nil
	}
	if r.Failure != nil {
		return r.Failure.Err()
	}
	return errs.New(errs.Conflict, "the plan was cancelled")
}

// Committed tells that everything the plan stands for is done; only post steps
// may be left.
func (r *Run) Committed() bool {
	return r.State == Done || r.State == Running && !slices.ContainsFunc(r.Steps, func(s StepRun) bool {
		return !s.Post && !s.settled()
	})
}

// Warnings are the optional steps that failed.
func (r *Run) Warnings() []StepRun {
	var failed []StepRun
	for _, s := range r.Steps {
		if s.State == StepFailed && s.optional() {
			failed = append(failed, s)
		}
	}
	return failed
}

func (s *StepRun) optional() bool { return s.Optional || s.Post }

// settled tells that the steps that need this one may go on.
func (s *StepRun) settled() bool {
	return s.State == StepDone || s.State == StepFailed && s.optional()
}

func (s *StepRun) leased() bool { return s.Owner != "" }

// A Failure is an error as it is stored.
type Failure struct {
	Kind   string            `json:"kind"`
	Public string            `json:"public"` // for whoever asked
	Detail string            `json:"detail"` // for the operator
	Fields []errs.FieldError `json:"fields,omitempty"`
}

// Err makes the error again, with its kind.
func (f *Failure) Err() error {
	kind := errs.Internal
	for _, k := range errs.Kinds() {
		if k.String() == f.Kind {
			kind = k
		}
	}
	return &errs.Error{Kind: kind, Message: f.Public, Fields: f.Fields}
}

func failureOf(err error) *Failure {
	public := errs.PublicText(err)
	fields := errs.FieldsOf(err)
	if e, ok := errors.AsType[*errs.Error](err); ok && len(fields) > 0 {
		public = e.Message // the fields carry their own texts
	}
	return &Failure{
		Kind: errs.KindOf(err).String(), Public: clip(public, maxDetail),
		Detail: clip(err.Error(), maxDetail), Fields: fields,
	}
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
