// Package codedir is a code directory as a Puppet Server has one, with the
// compiler of this process: environments below environments/, modules for all of
// them in modules/. It is the server's Compiler and Environments and the file
// server's Modules.
//
// It imports puppet/server, puppet/fileserve, the compiler's packages,
// internal/clock and internal/errs.
package codedir

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppet/compile"
	"github.com/chargehand/chargehand/puppet/environment"
	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/fileserve"
	"github.com/chargehand/chargehand/puppet/hiera"
	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/server"
)

// hieraCache bounds the parsed data files that are kept.
const hieraCache = 64 << 20

// Options say where the code is and what the compiler may reach. Dir is required.
type Options struct {
	Dir         string
	HieraConfig string // the global hiera.yaml; Dir/hiera.yaml when empty
	Settings    compile.Settings
	Limits      eval.Limits
	Ruby        eval.Ruby    // nil: no Ruby
	Exports     eval.Exports // nil: nothing is exported by other nodes
	// PuppetDB answers puppetdb_query; nil makes it an error.
	PuppetDB func(ctx context.Context, query pcore.Value) (pcore.Value, error)
	Clock    clock.Clock  // clock.System when nil
	Log      *slog.Logger // none when nil
}

// Code is a code directory. It is safe for concurrent use.
type Code struct {
	Options
	parsed *environment.Cache
	data   *hiera.Cache
}

var (
	_ server.Compiler     = (*Code)(nil)
	_ server.Environments = (*Code)(nil)
	_ fileserve.Modules   = (*Code)(nil)
)

// New makes a Code. Nothing is read before it is asked for, so that the
// directory may come later.
func New(o Options) *Code {
	if o.HieraConfig == "" {
		o.HieraConfig = filepath.Join(o.Dir, "hiera.yaml")
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Code{Options: o, parsed: environment.NewCache(), data: hiera.NewCache(hieraCache)}
}

// open opens an environment. Its name becomes part of a path, so that it is
// checked here too.
func (c *Code) open(name string) (*environment.Environment, error) {
	missing := errs.New(errs.NotFound, "Could not find environment '%s'", name)
	if !server.ValidEnvironment(name) {
		return nil, missing
	}
	e, err := environment.Open(c.parsed, environment.Options{
		Name: name, Dir: filepath.Join(c.Dir, "environments", name),
		BaseModulePath: []string{filepath.Join(c.Dir, "modules")}, Strict: c.Settings.Strict,
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing
	}
	return e, errs.Wrap(err, "open environment %s", name)
}

// Environment describes one environment.
func (c *Code) Environment(_ context.Context, name string) (server.Environment, error) {
	e, err := c.open(name)
	if err != nil {
		return server.Environment{}, err
	}
	manifest := e.Conf.Manifest
	if manifest == "" {
		manifest = "manifests"
	}
	if !filepath.IsAbs(manifest) {
		manifest = filepath.Join(e.Dir, manifest)
	}
	return server.Environment{
		Name: name, ModulePath: e.ModulePath, Manifest: manifest,
		Timeout: timeout(e.Conf.Timeout), ConfigVersion: e.Conf.ConfigVersion,
	}, nil
}

// timeout reads environment_timeout: unlimited, or seconds, or 5m.
func timeout(text string) *time.Duration {
	if text == "unlimited" {
		return nil
	}
	d, err := time.ParseDuration(text)
	if n, bad := strconv.Atoi(text); bad == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil {
		d = 0
	}
	return &d
}

// Environments describes all environments.
func (c *Code) Environments(ctx context.Context) ([]server.Environment, error) {
	entries, err := os.ReadDir(filepath.Join(c.Dir, "environments"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errs.Wrap(err, "list environments")
	}
	var all []server.Environment
	for _, entry := range entries {
		e, err := c.Environment(ctx, entry.Name())
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// ModulePath lists the directories that modules are looked for in.
func (c *Code) ModulePath(_ context.Context, name string) ([]string, error) {
	e, err := c.open(name)
	if err != nil {
		return nil, err
	}
	return e.ModulePath, nil
}

// Modules lists the modules of an environment, the first of each name on its path.
func (c *Code) Modules(_ context.Context, name string) ([]fileserve.Module, error) {
	e, err := c.open(name)
	if err != nil {
		return nil, err
	}
	var modules []fileserve.Module
	seen := map[string]bool{}
	for _, dir := range e.ModulePath {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errs.Wrap(err, "list modules of %s", name)
		}
		for _, entry := range entries {
			module := entry.Name()
			if seen[module] || e.ModuleDir(module) == "" {
				continue
			}
			seen[module] = true
			modules = append(modules, fileserve.Module{Name: module, Dir: e.ModuleDir(module)})
		}
	}
	return modules, nil
}
