package job

import (
	"bytes"
	"encoding/json"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Registry builds steps from what is stored of them. It is filled while the
// program is put together and only read afterwards.
type Registry struct {
	kinds map[string]func(args json.RawMessage) (Step, error)
}

// NewRegistry gives an empty registry.
func NewRegistry() *Registry {
	return &Registry{kinds: map[string]func(json.RawMessage) (Step, error){}}
}

// Register adds a kind whose arguments are an A. It panics when the kind is
// taken, which is a mistake in the program. A release must keep the kinds that
// stored plans of its predecessor may name.
func Register[A any](r *Registry, kind string, build func(args A) (Step, error)) {
	if _, taken := r.kinds[kind]; taken {
		panic("job: the step kind " + kind + " is registered twice")
	}
	r.kinds[kind] = func(raw json.RawMessage) (Step, error) {
		var args A
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&args); err != nil {
			return nil, errs.WrapAs(errs.Invalid, err, "arguments of step kind %s", kind)
		}
		return build(args)
	}
}

// build makes the step of a kind.
func (r *Registry) build(kind string, args json.RawMessage) (Step, error) {
	build, ok := r.kinds[kind]
	if !ok {
		return nil, errs.New(errs.Unsupported, "this program knows no step kind %q", kind)
	}
	step, err := build(args)
	return step, errs.Wrap(err, "build step %s", kind)
}

// retriable tells whether an error of Do is worth another attempt.
func retriable(err error) bool {
	switch errs.KindOf(err) {
	case errs.Upstream, errs.Unavailable, errs.Limited, errs.Internal:
		return true
	}
	return false
}
