package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// Env is what a called function, or Hiera, sees of the compilation. It
// implements function.Env, Variables, Files, Commands, Data and PuppetDB.
type Env struct {
	C     *Compiler
	Scope *Scope
}

// Call implements function.Env.
func (e *Env) Call(name string, args []pcore.Value, block pcore.Callable) (pcore.Value, error) {
	return e.C.Call(e.Scope, name, args, block)
}

// HasFunction tells whether there is a function of this name.
func (e *Env) HasFunction(name string) bool {
	c := e.C
	if c.functions[name] != nil || catalogFunction(name) != nil || c.opts.Functions != nil && c.opts.Functions.Has(name) {
		return true
	}
	f, err := c.puppetFunction(name)
	return f != nil && err == nil
}

// Log implements function.Env.
func (e *Env) Log(level, message string) {
	e.C.Log(Event{Level: level, Message: message, Source: e.Scope.String()})
}

// WarnOnce implements function.Env.
func (e *Env) WarnOnce(key, message string) {
	if strings.Contains(message, "is deprecated") {
		message += "\n   (file & line not available)"
	}
	e.C.WarnOnce(key, Event{Message: message})
}

// Maker implements function.Env.
func (e *Env) Maker() *pcore.Maker { return e.C.maker }

// ParseType implements function.Env.
func (e *Env) ParseType(text string) (pcore.Type, error) { return e.C.ParseType(text) }

// Variable implements function.Variables.
func (e *Env) Variable(name string) (pcore.Value, bool, error) { return e.Scope.Lookup(name) }

// ReadFile implements function.Files.
func (e *Env) ReadFile(name string) (string, bool, error) { return e.C.loader.File(name) }

// FindFile implements function.Files.
func (e *Env) FindFile(kind, name string) string { return e.C.loader.FindFile(kind, name) }

// ModuleDir implements function.Files.
func (e *Env) ModuleDir(name string) string { return e.C.loader.ModuleDir(name) }

// Generate implements function.Commands.
func (e *Env) Generate(argv []string) (string, error) {
	if e.C.opts.Generate == nil {
		return "", raisef("generate() is not available")
	}
	return e.C.opts.Generate(argv)
}

// Lookup implements function.Data.
func (e *Env) Lookup(q function.Query) (pcore.Value, bool, error) {
	if e.C.opts.Hiera == nil {
		return nil, false, nil
	}
	return e.C.opts.Hiera.Lookup(e, q)
}

// Query implements function.PuppetDB.
func (e *Env) Query(query pcore.Value) (pcore.Value, error) {
	if e.C.opts.PuppetDB == nil {
		return nil, raisef("puppetdb_query() is not available")
	}
	return e.C.opts.PuppetDB(query)
}

var (
	_ function.Env       = (*Env)(nil)
	_ function.Variables = (*Env)(nil)
	_ function.Files     = (*Env)(nil)
	_ function.Commands  = (*Env)(nil)
	_ function.Data      = (*Env)(nil)
	_ function.PuppetDB  = (*Env)(nil)
	_ function.Block     = (*Lambda)(nil)
	_ function.Break     = (*jump)(nil)
)

// EndsIteration implements function.Break.
func (j *jump) EndsIteration() bool { return j.kind == jumpBreak }

// callBuiltin calls one of the functions of the library.
func (c *Compiler) callBuiltin(name string, args []pcore.Value, block pcore.Callable, s *Scope) (v pcore.Value, known bool, err error) {
	if strings.Contains(name, "::") || c.opts.Functions == nil || !c.opts.Functions.Has(name) {
		return nil, false, nil
	}
	v, known, err = c.opts.Functions.Call(&Env{c, s}, name, args, block)
	if err != nil && strings.HasPrefix(err.Error(), "Function lookup() did not find") {
		err = &Error{Class: LookupError, Message: err.Error()}
	}
	return v, known, err
}
