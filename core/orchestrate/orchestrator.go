package orchestrate

import (
	"context"
	"slices"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// An Orchestrator turns changes of hosts into plans.
type Orchestrator struct {
	engine *job.Engine
	sealer noun.Sealer
	sql    func(*noun.Tx) *sqldb.Tx
	look   func(ctx context.Context, tx *noun.Tx, h *inventory.Host) (*View, error)
}

var _ inventory.Orchestrator = (*Orchestrator)(nil)

// Options are what an orchestrator stands on.
type Options struct {
	Engine *job.Engine
	Sealer noun.Sealer
	// SQL gives the database's transaction under a noun's.
	SQL func(*noun.Tx) *sqldb.Tx
	// Look gathers what a host refers to.
	Look func(ctx context.Context, tx *noun.Tx, h *inventory.Host) (*View, error)
}

// New makes an orchestrator; Register and RegisterRows add its kinds of step.
func New(o Options) *Orchestrator {
	return &Orchestrator{engine: o.Engine, sealer: o.Sealer, sql: o.SQL, look: o.Look}
}

// callerKey carries who asks, for plans and audits.
type callerKey struct{}

// Actor is on whose behalf hosts change: a login, and the request that asks.
type Actor struct{ Login, Request string }

// WithActor marks ctx with who asks. The login may be filled in later, once the
// request is authenticated, but not while plans are being made.
func WithActor(ctx context.Context, a *Actor) context.Context {
	return context.WithValue(ctx, callerKey{}, a)
}

// ActorOf gives who asks; nobody when ctx is unmarked. What is filled in is seen
// by all who hold the mark.
func ActorOf(ctx context.Context) *Actor {
	if a, ok := ctx.Value(callerKey{}).(*Actor); ok {
		return a
	}
	return &Actor{}
}

// Changed stores the plan that makes the outside world follow the change, in the
// change's own transaction.
func (o *Orchestrator) Changed(ctx context.Context, tx *noun.Tx, old, now *inventory.Host) (string, error) {
	was, err := o.wants(ctx, tx, old)
	if err != nil {
		return "", err
	}
	is, err := o.wants(ctx, tx, now)
	if err != nil {
		return "", err
	}
	steps := Diff(was, is)
	if len(steps) == 0 {
		return "", nil
	}
	row, err := o.rowStep(old, now)
	if err != nil {
		return "", err
	}
	subject, kind, label := describe(old, now)
	actor := ActorOf(ctx)
	return o.engine.Enqueue(ctx, o.sql(tx), job.Plan{
		Kind: kind, Label: label, Subject: subject, Refuse: true, Actor: actor.Login, RequestID: actor.Request, Steps: append([]job.PlanStep{row}, steps...),
	})
}

// Rebuild enqueues a plan that sets everything of a host once more.
func (o *Orchestrator) Rebuild(ctx context.Context, tx *noun.Tx, h *inventory.Host, parts ...string) (string, error) {
	is, err := o.wants(ctx, tx, h)
	if err != nil {
		return "", err
	}
	steps := Rebuild(is, parts...)
	if len(steps) == 0 {
		return "", nil
	}
	actor := ActorOf(ctx)
	return o.engine.Enqueue(ctx, o.sql(tx), job.Plan{
		Kind: "host.rebuild", Label: "Rebuild configuration of " + h.Name, Subject: subjectOf(h), Refuse: true,
		Actor: actor.Login, RequestID: actor.Request, Steps: steps,
	})
}

func (o *Orchestrator) wants(ctx context.Context, tx *noun.Tx, h *inventory.Host) (Wants, error) {
	if h == nil || !h.Managed {
		return Wants{}, nil
	}
	v, err := o.look(ctx, tx, h)
	if err != nil {
		return Wants{}, err
	}
	return WantsOf(v), nil
}

func describe(old, now *inventory.Host) (subject, kind, label string) {
	switch {
	case old == nil:
		return subjectOf(now), "host.create", "Create host " + now.Name
	case now == nil:
		return subjectOf(old), "host.delete", "Delete host " + old.Name
	case now.Build && !old.Build:
		return subjectOf(now), "host.build", "Build host " + now.Name
	case old.Build && !now.Build:
		return subjectOf(now), "host.built", "Finish build of host " + now.Name
	}
	return subjectOf(now), "host.update", "Update host " + now.Name
}

// subjectOf names a host in plans by its name: two hosts of one name, one being
// deleted and one created, must not be worked on at the same time.
func subjectOf(h *inventory.Host) string { return "host/" + h.Name }

// Wait waits until the plan has done what it stands for, or was undone. It does
// not wait for a proxy that is away while something is taken back: that goes on
// without anybody.
func (o *Orchestrator) Wait(ctx context.Context, plan string) error {
	var failure error
	err := o.engine.Watch(ctx, plan, func(r *job.Run) bool {
		failure = r.Err()
		if stuck(r) {
			failure = errs.Wrap(failure, "not all could be taken back yet, which goes on: plan %s", plan)
			return false
		}
		return !r.Committed()
	})
	if err != nil {
		return errs.WrapAs(errs.Unavailable, err, "the plan goes on without you: plan %s", plan)
	}
	if errs.Is(failure, errs.Malformed) {
		// The proxy could not read what we asked of it; whoever asks us could.
		return errs.WrapAs(errs.Upstream, failure, "a step was refused")
	}
	return failure
}

// stuck tells that taking a step back has failed at least once.
func stuck(r *job.Run) bool {
	return r.State == job.Undoing && slices.ContainsFunc(r.Steps, func(s job.StepRun) bool {
		return s.State == job.StepUndoing && s.Undos > 1
	})
}
