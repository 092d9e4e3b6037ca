// Package hiera looks data up as Hiera 5 does: in the layers global, environment and module, each
// with a hierarchy of data files or functions, merged as the caller or lookup_options ask for.
// Configurations of the versions 3 (global layer only) and 4 are read too.
//
// The package reads files only through the Files it is given, and keeps parsed ones in a Cache that
// many compilations share. It may import puppet/pcore, puppet/function and the standard library.
package hiera

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// Files is what configuration and data are read from. Names are absolute paths.
type Files interface {
	Stat(name string) (fs.FileInfo, error)
	ReadFile(name string) ([]byte, error)
	ReadDir(name string) ([]fs.DirEntry, error)
}

// Env is the compilation that looks something up.
type Env interface {
	function.Env
	function.Variables
}

// Functions is an Env that knows which functions there are; backends that are functions are looked
// for before they are called.
type Functions interface {
	HasFunction(name string) bool
}

// Options say where data comes from.
type Options struct {
	Files Files
	Cache *Cache // nil: nothing is kept
	// GlobalConfig is the path of the global hiera.yaml, "" for none.
	GlobalConfig string
	// CodeDir is where version 3 configurations have their data by default.
	CodeDir string
	// EnvironmentDir is the root of the environment, Environment its name.
	EnvironmentDir, Environment string
	// ModuleDir gives the root of a module, "" where there is none.
	ModuleDir func(name string) string
	// Strict is Puppet's setting: off, warning, error.
	Strict string
}

// Error is a failed lookup. Puppet reports it as it is, without the expression that asked for it.
type Error struct {
	Code    string // Puppet's issue code, "" for none
	Message string
	File    string
	Line    int
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

func issue(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// errNotFound is how the search for a key ends where nothing has it.
var errNotFound = errors.New("no such key")

// maxDepth bounds how deep lookups may lead to other lookups.
const maxDepth = 200

// Data is the data of one compilation. It is not safe for concurrent use.
type Data struct {
	opts    Options
	global  *provider
	env     *provider
	modules map[string]*provider
	ready   bool
	options map[string]*lookupOptions // by module, "" for keys without one
	modDefs map[string]*lookupOptions // of the default hierarchies of modules
	stack   []string                  // keys being looked up, against recursion
}

// New makes the data of a compilation.
func New(o Options) *Data {
	if o.Cache == nil {
		o.Cache = NewCache(0)
	}
	return &Data{opts: o, modules: map[string]*provider{}, options: map[string]*lookupOptions{}, modDefs: map[string]*lookupOptions{}}
}

// search is one lookup under way: the environment it sees, and values that go before and after data.
type search struct {
	*Data
	env        Env
	overrides  *pcore.Hash
	defaults   *pcore.Hash
	level      string
	globalOnly bool
	top        string // the key that was asked for
	module     string // the module that the key belongs to
	// used, unless nil, collects the variables that interpolation reads.
	used *[]usedVariable
	// local are variables that go before those of the scope.
	local map[string]pcore.Value
}

// Lookup finds the first of the names. found is false where no level has any; the caller then has
// its own default. Errors are *Error where they are about data, plain otherwise.
func (d *Data) Lookup(env Env, q function.Query) (v pcore.Value, found bool, err error) {
	s := &search{Data: d, env: env, overrides: q.Override, defaults: q.Defaults, level: q.Level}
	for _, name := range q.Names {
		if q.Override != nil {
			if v, ok := q.Override.GetString(name); ok {
				return v, true, nil
			}
		}
		v, err := s.lookup(name, q.Merge)
		if err == nil {
			return v, true, nil
		}
		if !errors.Is(err, errNotFound) {
			return nil, false, err
		}
	}
	if q.Defaults != nil {
		for _, name := range q.Names {
			if v, ok := q.Defaults.GetString(name); ok {
				return v, true, nil
			}
		}
	}
	return nil, false, nil
}

// lookup finds one key, with merge or what lookup_options say, and converts it as those say.
func (s *search) lookup(name string, merge pcore.Value) (pcore.Value, error) {
	if name == "lookup_options" || strings.HasPrefix(name, "lookup_options.") {
		return nil, errNotFound
	}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	k, err := parseKey(name)
	if err != nil {
		return nil, err
	}
	sub := *s
	sub.top, sub.module = name, k.module
	options, err := sub.optionsFor(k)
	if err != nil {
		return nil, err
	}
	if merge == nil {
		merge = getOrNil(options, "merge")
	}
	v, err := sub.find(k, merge)
	if err != nil {
		return nil, err
	}
	return sub.convert(k, v, options)
}

func getOrNil(h *pcore.Hash, key string) pcore.Value {
	if h == nil {
		return nil
	}
	v, ok := h.GetString(key)
	if !ok || pcore.IsUndef(v) {
		return nil
	}
	return v
}

// find goes through the layers, then through the default hierarchy of the key's module.
func (s *search) find(k *key, merge pcore.Value) (pcore.Value, error) {
	v, err := s.inLayers(k, merge)
	if err == nil || !errors.Is(err, errNotFound) || s.globalOnly {
		return v, err
	}
	v, err = s.inModuleDefaults(k)
	if err != nil {
		return nil, err
	}
	return k.dig(v)
}

func (s *search) inLayers(k *key, merge pcore.Value) (pcore.Value, error) {
	strategy, err := newStrategy(merge)
	if err != nil {
		return nil, err
	}
	v, err := strategy.lookup(3, func(layer int) (pcore.Value, error) {
		switch layer {
		case 0:
			return s.inGlobal(k, strategy)
		case 1:
			return s.in(s.Data.env, k, strategy)
		}
		p, err := s.moduleProvider(s.module)
		if err != nil {
			return nil, err
		}
		return s.in(p, k, strategy)
	})
	if err != nil {
		return nil, err
	}
	return k.dig(v)
}

// inGlobal adds the name of the key to errors that have no issue code of their own.
func (s *search) inGlobal(k *key, strategy strategy) (pcore.Value, error) {
	v, err := s.guarded(k.text, func() (pcore.Value, error) {
		if s.global == nil {
			return nil, errNotFound
		}
		return s.global.lookup(s, k, strategy, false)
	})
	var e *Error
	if errors.As(err, &e) && e.Code == "" {
		return nil, &Error{Message: fmt.Sprintf("Lookup of key '%s' failed: %s", s.top, e.Message)}
	}
	return v, err
}

// in searches one layer, which may be missing.
func (s *search) in(p *provider, k *key, strategy strategy) (pcore.Value, error) {
	if p == nil {
		return nil, errNotFound
	}
	return s.guarded(k.text, func() (pcore.Value, error) { return p.lookup(s, k, strategy, false) })
}

// guarded runs f unless name is being looked up already.
func (s *search) guarded(name string, f func() (pcore.Value, error)) (pcore.Value, error) {
	if slices.Contains(s.stack, name) {
		return nil, &Error{Message: "Recursive lookup detected in [" + strings.Join(s.stack, ", ") + "]"}
	}
	if len(s.stack) > maxDepth {
		return nil, &Error{Message: "Lookups lead too deep into other lookups"}
	}
	d := s.Data
	d.stack = append(d.stack, name)
	defer func() { d.stack = d.stack[:len(d.stack)-1] }()
	return f()
}

// prepare reads the configurations of the layers that every lookup goes through.
func (s *search) prepare() error {
	d := s.Data
	if d.ready {
		return nil
	}
	if d.opts.GlobalConfig != "" {
		p, err := s.newProvider("global", "", d.opts.GlobalConfig, true)
		if err != nil {
			return err
		}
		d.global = p
	}
	if d.opts.EnvironmentDir != "" {
		p, err := s.newProvider("environment", "", join(d.opts.EnvironmentDir, "hiera.yaml"), false)
		if err != nil {
			return err
		}
		d.env = p
	}
	d.ready = true
	return nil
}

func (s *search) moduleProvider(name string) (*provider, error) {
	if name == "" || s.opts.ModuleDir == nil {
		return nil, nil
	}
	if p, ok := s.modules[name]; ok {
		return p, nil
	}
	var p *provider
	if dir := s.opts.ModuleDir(name); dir != "" {
		var err error
		if p, err = s.newProvider("module", name, join(dir, "hiera.yaml"), false); err != nil {
			return nil, err
		}
	}
	s.modules[name] = p
	return p, nil
}

// inModuleDefaults searches the default_hierarchy of the key's module.
func (s *search) inModuleDefaults(k *key) (pcore.Value, error) {
	p, err := s.moduleProvider(s.module)
	if err != nil {
		return nil, err
	}
	if p == nil || p.config.defaults == nil {
		return nil, errNotFound
	}
	options, ok := s.modDefs[s.module]
	if !ok {
		v, err := s.guarded("lookup_options", func() (pcore.Value, error) { return p.lookup(s, optionsKey, hashMerge, true) })
		if err != nil && !errors.Is(err, errNotFound) {
			return nil, err
		}
		if options, err = newLookupOptions(v, s.module); err != nil {
			return nil, err
		}
		s.modDefs[s.module] = options
	}
	strategy, err := newStrategy(getOrNil(options.find(k.root), "merge"))
	if err != nil {
		return nil, err
	}
	return s.guarded(k.text, func() (pcore.Value, error) { return p.lookup(s, k, strategy, true) })
}
