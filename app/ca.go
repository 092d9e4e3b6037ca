package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"

	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/castore"
	"github.com/chargehand/chargehand/pki/service"
)

// A CA is the data folder's CA, opened for a command. A server may be using it
// at the same time.
type CA struct {
	*pki.CA
	app *App
}

// OpenCA opens the CA in the data folder. NotFound: there is none yet.
func OpenCA(ctx context.Context, conf *config.Config, log *slog.Logger) (*CA, error) {
	a, err := caApp(conf, log)
	if err != nil {
		return nil, err
	}
	found, err := a.hasCA()
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errs.New(errs.NotFound, "there is no CA in %s yet; `chargehand ca setup` makes one, and so does the first start of the server", a.path("ca"))
	}
	return a.newCA(ctx)
}

// SetupCA makes the CA and this server's own certificate. Conflict: there is a CA.
func SetupCA(ctx context.Context, conf *config.Config, log *slog.Logger) (*CA, error) {
	a, err := caApp(conf, log)
	if err != nil {
		return nil, err
	}
	if err := a.wantNoCA(); err != nil {
		return nil, err
	}
	if err := buildIdentity(ctx, a); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return &CA{a.ca, a}, nil
}

// ImportCA takes over a Puppet Server's CA, laid out as its cadir. It is all
// there or not at all: the folder gets its name when it is complete.
func ImportCA(ctx context.Context, conf *config.Config, log *slog.Logger, cadir fs.FS) (*CA, error) {
	a, err := caApp(conf, log)
	if err != nil {
		return nil, err
	}
	if err := a.wantNoCA(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(conf.DataDir, 0o700); err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "create %s", conf.DataDir)
	}
	draft, err := os.MkdirTemp(conf.DataDir, "ca.import-")
	if err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "create a folder for the CA")
	}
	if err := importInto(ctx, draft, cadir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(draft))
	}
	if err := os.Rename(draft, a.path("ca")); err != nil {
		return nil, errs.WrapAs(errs.Unavailable, errors.Join(err, os.RemoveAll(draft)), "put the CA in its place")
	}
	return a.newCA(ctx)
}

func importInto(ctx context.Context, dir string, cadir fs.FS) (err error) {
	authority, err := pki.ImportAuthority(cadir)
	if err != nil {
		return err
	}
	store, err := castore.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if _, err := store.Authority(func() (*pki.Authority, error) { return authority, nil }); err != nil {
		return err
	}
	return pki.Import(ctx, store, authority, cadir, clock.System())
}

// caApp is an app for nothing but its CA.
func caApp(conf *config.Config, log *slog.Logger) (*App, error) {
	if server := conf.Puppet.CAServer; server != "" {
		return nil, errs.New(errs.Malformed, "puppet.ca_server is set: run this where the CA is, on %s", server)
	}
	return &App{Options: Options{Config: conf, Log: log, Stderr: io.Discard}}, nil
}

// hasCA looks for a CA without making one.
func (a *App) hasCA() (bool, error) {
	if _, err := os.Stat(a.path("ca")); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, errs.WrapAs(errs.Unavailable, err, "open the CA")
	}
	store, err := castore.Open(a.path("ca"))
	if err != nil {
		return false, err
	}
	defer func() { _ = store.Close() }()
	missing := errs.New(errs.NotFound, "no CA") // what the store is told instead of a new authority
	_, err = store.Authority(func() (*pki.Authority, error) { return nil, missing })
	if errors.Is(err, missing) {
		return false, nil
	}
	return err == nil, err
}

func (a *App) wantNoCA() error {
	found, err := a.hasCA()
	if err == nil && found {
		err = errs.New(errs.Conflict, "there is a CA in %s already", a.path("ca"))
	}
	return err
}

func (a *App) newCA(ctx context.Context) (*CA, error) {
	ca, err := a.openCA(ctx)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return &CA{ca, a}, nil
}

// Close lets the CA go.
func (c *CA) Close() error { return c.app.Close() }

// A Generation says what Generate makes.
type Generation struct {
	Name     string
	DNSNames []string // besides Name
	IPs      []net.IP
	Admin    bool   // may use the CA's API
	Dir      string // laid out as an agent's ssldir; this server's own when empty
}

// Generate makes a key and a certificate for a host and writes them, with the
// CA's chain and revocation list beside them. Conflict: the name has a request
// or certificate.
func (c *CA) Generate(ctx context.Context, g Generation) (files tlsconf.Paths, err error) {
	if err := pki.CheckName(g.Name); err != nil {
		return files, err
	}
	status, err := c.Status(ctx, g.Name)
	if err == nil && status.State != "revoked" {
		return files, errs.New(errs.Conflict, "%s has a %s certificate already; clean it first", g.Name, status.State)
	}
	if err != nil && !errs.Is(err, errs.NotFound) {
		return files, err
	}
	if g.Dir == "" {
		g.Dir = c.app.path("ssl")
	}
	made, err := service.Open(service.Options{
		Dir: g.Dir, Name: g.Name, Log: c.app.Log,
		Issuer: service.Local{CA: c.CA, DNSNames: g.DNSNames, IPs: g.IPs, Admin: g.Admin},
	})
	if err != nil {
		return files, err
	}
	defer func() { err = errors.Join(err, made.Close()) }()
	return made.Paths(), made.Ensure(ctx)
}
