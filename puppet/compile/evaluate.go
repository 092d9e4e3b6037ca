package compile

import (
	"context"

	"github.com/chargehand/chargehand/puppet/environment"
	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// Evaluate gives the value of code at top scope, after the environment's
// manifests. file is what messages call the code. The error is an *Error.
func Evaluate(ctx context.Context, r Request, file, code string) (pcore.Value, error) {
	ctx, cancel := r.prepare(ctx)
	defer cancel()
	loader := &mainLoader{Environment: r.Environment}
	c := eval.New(ctx, r.options(loader))
	if err := c.Prepare(r.node()); err != nil {
		return nil, r.failure(err, loader)
	}
	res, err := syntax.Parse(file, code, syntax.Options{})
	for _, w := range res.Warnings {
		r.log("warning", w)
	}
	if err != nil {
		return nil, r.failure(err, loader)
	}
	found := syntax.Validate(res.Program, syntax.ValidateOptions{Strict: r.Settings.Strict, Regexp: environment.CheckRegexp})
	for _, w := range found.Warnings {
		r.log("warning", w)
	}
	if len(found.Errors) > 0 {
		return nil, r.failure(&environment.Invalid{Findings: syntax.Findings{Errors: found.Errors}, Single: found.Err()}, loader)
	}
	v, err := c.EvaluateProgram(res.Program)
	if err != nil {
		return nil, r.failure(err, loader)
	}
	return v, nil
}
