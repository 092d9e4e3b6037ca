package codedir

import (
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppet/compile"
	"github.com/chargehand/chargehand/puppet/environment"
	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/hiera"
	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/server"
)

// Compile makes a catalog with the compiler of this process.
func (c *Code) Compile(ctx context.Context, r server.CompileRequest) (server.Catalog, error) {
	e, err := c.open(r.Environment)
	if err != nil {
		return server.Catalog{}, err
	}
	request, err := c.request(ctx, e, r)
	if err != nil {
		return server.Catalog{}, err
	}
	made, err := compile.Compile(ctx, request)
	if err != nil {
		return server.Catalog{}, errs.New(errs.Invalid, "%s", err)
	}
	wire, err := made.ForAgent().MarshalJSON()
	if err != nil {
		return server.Catalog{}, errs.Wrap(err, "encode the catalog of %s", r.Certname)
	}
	return server.Catalog{Environment: made.Environment, Wire: wire, Full: made}, nil
}

// request says the same to the compiler in its own terms.
func (c *Code) request(ctx context.Context, e *environment.Environment, r server.CompileRequest) (compile.Request, error) {
	settings := c.Settings
	settings.PlainData = settings.PlainData || !r.Rich
	request := compile.Request{
		Certname: r.Certname, Environment: e, Settings: settings, Limits: c.Limits,
		Hiera: c.hiera(e), Ruby: c.Ruby, Exports: c.Exports, Now: c.Clock, Log: c.logger(ctx, r),
	}
	if c.PuppetDB != nil {
		request.PuppetDB = func(query pcore.Value) (pcore.Value, error) { return c.PuppetDB(ctx, query) }
	}
	if deadline, ok := ctx.Deadline(); ok {
		request.Timeout = deadline.Sub(c.Clock())
	}
	for _, hash := range []struct {
		into **pcore.Hash
		from any
	}{
		{&request.Facts, r.Facts.Values},
		{&request.Trusted, r.Trusted},
		{&request.ServerFacts, map[string]string{
			"servername": r.ServerName, "serverversion": r.ServerVersion, "environment": r.Environment,
		}},
		{&request.ENC.Parameters, r.Parameters},
	} {
		var err error
		if *hash.into, err = toHash(hash.from); err != nil {
			return request, err
		}
	}
	for _, class := range r.Classes {
		parameters, err := toHash(class.Parameters)
		if err != nil {
			return request, err
		}
		request.ENC.Classes = append(request.ENC.Classes, eval.NodeClass{Name: class.Name, Parameters: parameters})
	}
	return request, nil
}

// toHash makes a Puppet hash of anything that is an object in JSON; nil of what
// is not there.
func toHash(from any) (*pcore.Hash, error) {
	data, err := json.Marshal(from)
	if err != nil {
		return nil, errs.Wrap(err, "encode for the compiler")
	}
	if string(data) == "null" {
		return nil, nil
	}
	hash, err := compile.HashFromJSON(data)
	return hash, errs.WrapAs(errs.Malformed, err, "facts or parameters are no hash")
}

// hiera is the data of one compilation.
func (c *Code) hiera(e *environment.Environment) eval.Hiera {
	global := c.HieraConfig
	if _, err := os.Stat(global); err != nil {
		global = ""
	}
	return lookup{hiera.New(hiera.Options{
		Files: files{}, Cache: c.data, GlobalConfig: global, CodeDir: c.Dir,
		EnvironmentDir: e.Dir, Environment: e.Name, ModuleDir: e.ModuleDir, Strict: c.Settings.Strict,
	})}
}

// lookup gives the evaluator's view of the data.
type lookup struct{ data *hiera.Data }

func (l lookup) Lookup(env *eval.Env, q function.Query) (pcore.Value, bool, error) {
	return l.data.Lookup(env, q)
}

// files are the machine's, as configurations and data name them.
type files struct{}

func (files) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (files) ReadFile(name string) ([]byte, error)       { return os.ReadFile(name) }
func (files) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// logger passes the manifests' messages on.
func (c *Code) logger(ctx context.Context, r server.CompileRequest) func(eval.Event) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "notice": slog.LevelInfo, "warning": slog.LevelWarn,
		"err": slog.LevelError, "alert": slog.LevelError, "emerg": slog.LevelError, "crit": slog.LevelError,
	}
	return func(e eval.Event) {
		c.Log.Log(ctx, levels[e.Level], e.Message, "node", r.Certname, "environment", r.Environment, "source", e.Source, "file", e.File, "line", e.Line)
	}
}
