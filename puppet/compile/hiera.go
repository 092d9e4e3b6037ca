package compile

import (
	"errors"

	"github.com/chargehand/chargehand/puppet/environment"
	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/hiera"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// HieraOptions say where data is.
type HieraOptions struct {
	Cache        *hiera.Cache // nil: nothing is kept between compilations
	GlobalConfig string       // path of the global hiera.yaml, "" for none
	CodeDir      string
	Strict       string
}

// NewHiera gives the data of one compilation in an environment.
func NewHiera(e *environment.Environment, o HieraOptions) eval.Hiera {
	return data{hiera.New(hiera.Options{
		Files: environment.Disk{}, Cache: o.Cache, GlobalConfig: o.GlobalConfig, CodeDir: o.CodeDir,
		EnvironmentDir: e.Dir, Environment: e.Name, ModuleDir: e.ModuleDir, Strict: o.Strict,
	})}
}

// data makes of Hiera what the evaluator wants.
type data struct{ *hiera.Data }

// Lookup implements eval.Hiera.
func (d data) Lookup(env *eval.Env, q function.Query) (pcore.Value, bool, error) {
	v, found, err := d.Data.Lookup(env, q)
	var failed *hiera.Error
	if errors.As(err, &failed) {
		err = &eval.Error{Class: eval.LookupError, Code: failed.Code, Message: failed.Message, File: failed.File, Line: failed.Line}
	}
	return v, found, err
}
