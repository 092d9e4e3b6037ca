package orchestrate

import (
	"context"
	"errors"
	"time"

	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/google/uuid"
)

// An opposite is a step that sets something and can look whether it is set.
type opposite interface {
	proxied
	set(ctx context.Context) error
	unset(ctx context.Context) error
	// withdraw is unset of what set made, and of nothing else that is there.
	withdraw(ctx context.Context) error
	isSet(ctx context.Context) (set, known bool, err error)
}

// proxied is what works on a proxy.
type proxied interface{ proxy() (Proxy, error) }

// A setting is the step that sets; with keep, its Undo leaves what it set.
type setting struct {
	opposite
	keep bool
}

func (s setting) Do(ctx context.Context) error { return s.set(ctx) }

func (s setting) Undo(ctx context.Context) error {
	if s.keep {
		return nil
	}
	return takenBack(ctx, s, s.withdraw(ctx))
}

func (s setting) Check(ctx context.Context) (bool, error) {
	set, known, err := s.isSet(ctx)
	if err == nil && !known {
		err = reach(ctx, s)
	}
	return known && set, err
}

// An inverse is the step that unsets.
type inverse struct{ opposite }

func (s inverse) Do(ctx context.Context) error   { return s.unset(ctx) }
func (s inverse) Undo(ctx context.Context) error { return takenBack(ctx, s, s.set(ctx)) }

func (s inverse) Check(ctx context.Context) (bool, error) {
	set, known, err := s.isSet(ctx)
	if err == nil && !known {
		err = reach(ctx, s)
	}
	return known && !set, err
}

func step(o opposite, remove, keep bool) job.Step {
	if remove {
		return inverse{o}
	}
	return setting{o, keep}
}

// reachTime is how long a proxy has for saying that it is there.
const reachTime = 5 * time.Second

// reach asks whether the proxy is there, so that a step whose proxy is not
// fails before it has touched anything, and nothing has to be taken back.
func reach(ctx context.Context, s proxied) error {
	p, err := s.proxy()
	if err != nil {
		return err
	}
	v, ok := p.(interface {
		Version(ctx context.Context) (version string, modules map[string]string, err error)
	})
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	_, _, err = v.Version(ctx)
	if !errs.Is(err, errs.Upstream) && !errs.Is(err, errs.Unavailable) {
		return nil // whatever it says, it is there
	}
	return errs.New(errs.Upstream, "%s does not answer (%s)", errs.PublicText(err), reason(err))
}

// reason is the innermost text of an error: "connection refused".
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "timed out"
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// refused tells that a proxy decided against a change, having made none.
func refused(err error) bool {
	for _, k := range []errs.Kind{errs.Conflict, errs.Invalid, errs.Malformed, errs.NotFound} {
		if errs.Is(err, k) {
			return true
		}
	}
	return false
}

// patience is how long taking back is tried on a proxy that is there and says
// no. One that is away is waited for without an end.
const patience = 5 * time.Minute

// takenBack is the result of an Undo. What a proxy does not want to take back,
// such as a record of a zone that it does not serve, must not hold up the rest
// for ever; the step's output tells of it.
func takenBack(ctx context.Context, s proxied, err error) error {
	if err == nil || age(job.PlanID(ctx)) < patience || reach(ctx, s) != nil {
		return err
	}
	job.Note(ctx, "gave up: %v", err)
	return nil
}

// age is how long ago a plan was made.
func age(plan string) time.Duration {
	id, err := uuid.Parse(plan)
	if err != nil {
		return 0
	}
	return time.Since(time.Unix(id.Time().UnixTime()))
}
