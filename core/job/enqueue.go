package job

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/google/uuid"
)

// Enqueue writes a plan in the caller's transaction and gives its id. Nothing
// happens before the transaction commits; then Wake, Wait or Watch start it at
// once, and without them an engine finds it within Options.Poll.
//
// A plan that cannot be run (unknown kind, unreadable arguments, unknown or
// circular needs) is Invalid; one whose subject is busy is a Conflict if it
// says Refuse.
func (e *Engine) Enqueue(ctx context.Context, tx *sqldb.Tx, p Plan) (string, error) {
	r, err := e.newRun(p)
	if err != nil {
		return "", err
	}
	if err := e.store.Insert(ctx, tx, r, p.Refuse); err != nil {
		return "", errs.Wrap(err, "enqueue plan %s", p.Kind)
	}
	return r.ID, nil
}

func (e *Engine) newRun(p Plan) (*Run, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "make a plan's id")
	}
	now := e.now()
	r := &Run{
		ID: id.String(), Kind: p.Kind, Label: p.Label, Subject: p.Subject, Actor: p.Actor,
		RequestID: p.RequestID, State: Queued, CreatedAt: now,
	}
	if p.Subject == "" || p.Refuse {
		r.State = Running
	}
	if r.Steps, err = e.newSteps(p); err != nil {
		return nil, errs.Wrap(err, "plan %s", p.Kind)
	}
	r.settle(now)
	return r, nil
}

func (e *Engine) newSteps(p Plan) ([]StepRun, error) {
	if len(p.Steps) > MaxSteps {
		return nil, errs.New(errs.TooLarge, "more than %d steps", MaxSteps)
	}
	ordered := slices.Clone(p.Steps)
	slices.SortStableFunc(ordered, func(a, b PlanStep) int {
		if a.Post != b.Post {
			if a.Post {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.Priority, b.Priority)
	})
	position := make(map[string]int, len(ordered))
	for i, s := range ordered {
		if _, taken := position[s.Name]; taken || s.Name == "" {
			return nil, errs.New(errs.Invalid, "two steps are called %q", s.Name)
		}
		position[s.Name] = i
	}
	steps := make([]StepRun, len(ordered))
	for i, s := range ordered {
		step, err := e.newStep(i, s)
		if err != nil {
			return nil, errs.Wrap(err, "step %q", s.Name)
		}
		if step.Needs, err = needs(i, s, position); err != nil {
			return nil, err
		}
		steps[i] = step
	}
	return steps, nil
}

func (e *Engine) newStep(i int, s PlanStep) (StepRun, error) {
	args, err := json.Marshal(s.Args)
	if err != nil {
		return StepRun{}, errs.WrapAs(errs.Invalid, err, "arguments")
	}
	if len(args) > MaxArgs {
		return StepRun{}, errs.New(errs.TooLarge, "arguments of more than %d bytes", MaxArgs)
	}
	if _, err := e.registry.build(s.Kind, args); err != nil {
		return StepRun{}, err
	}
	step := StepRun{
		Position: i, Name: s.Name, Kind: s.Kind, Args: args, Priority: s.Priority,
		Optional: s.Optional, Post: s.Post, Most: s.Attempts, Timeout: s.Timeout, State: StepPending,
	}
	if step.Most <= 0 {
		step.Most = 4
	}
	if step.Timeout <= 0 {
		step.Timeout = 2 * time.Minute
	}
	return step, nil
}

// needs resolves names to positions. A step may only need steps that come
// before it in the order, which also rules circles out.
func needs(i int, s PlanStep, position map[string]int) ([]int, error) {
	list := []int{}
	if s.Needs == nil {
		for n := range i {
			list = append(list, n)
		}
		return list, nil
	}
	for _, name := range s.Needs {
		n, ok := position[name]
		if !ok || n >= i {
			return nil, errs.New(errs.Invalid, "step %q needs %q, which does not come before it", s.Name, name)
		}
		list = append(list, n)
	}
	return list, nil
}
