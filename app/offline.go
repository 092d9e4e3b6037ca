package app

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/param"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// A CheckResult is one thing that was looked at.
type CheckResult struct {
	Name    string `json:"name"`
	Detail  string `json:"detail,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// Check looks whether a server with this configuration could work: databases,
// certificates, the audit trail. It changes nothing but a missing schema.
func Check(ctx context.Context, conf *config.Config, log *slog.Logger) []CheckResult {
	results := []CheckResult{{Name: "configuration", Detail: "can be read"}}
	add := func(name, detail string, err error) {
		r := CheckResult{Name: name, Detail: detail}
		if err != nil {
			r.Detail, r.Problem = "", err.Error()
		}
		results = append(results, r)
	}
	if conf.HasRole(config.Core) {
		err := withOffline(ctx, conf, log, func(a *App) error {
			add("database", string(a.core.db.Dialect())+" answers", a.core.db.Ping(ctx))
			trail, err := a.core.trail.Verify(ctx, a.nouns)
			if err == nil && trail.Fault != nil {
				err = errs.New(errs.Conflict, "audit %d: %s", trail.Fault.ID, trail.Fault.Reason)
			}
			add("audit trail", "is whole", err)
			return nil
		})
		if err != nil {
			add("database", "", err)
		}
	}
	if conf.HasRole(config.PuppetDB) {
		db, err := sqldb.Open(ctx, conf.PuppetDB.Database.Reveal(), sqldb.Options{})
		if err == nil {
			err = db.Close()
		}
		add("puppetdb", "its database answers", err)
	}
	a := &App{Options: Options{Config: conf, Log: log, Stderr: io.Discard}}
	err := buildIdentity(ctx, a)
	add("certificate", a.certname(), err)
	_ = a.Close()
	return results
}

// offline opens core without listeners and without starting anything.
func offline(ctx context.Context, conf *config.Config, log *slog.Logger) (*App, error) {
	a := &App{Options: Options{Config: conf, Log: log, Stderr: io.Discard}, endpoints: map[string]string{}}
	if err := buildIdentity(ctx, a); err != nil {
		return nil, err
	}
	if err := buildCore(ctx, a); err != nil {
		return nil, err
	}
	return a, nil
}

func withOffline(ctx context.Context, conf *config.Config, log *slog.Logger, f func(a *App) error) error {
	a, err := offline(ctx, conf, log)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	return f(a)
}

// Migrate brings the schemas of the configured roles up.
func Migrate(ctx context.Context, conf *config.Config, log *slog.Logger) error {
	if conf.HasRole(config.Core) {
		db, err := sqldb.Open(ctx, conf.Database.Reveal(), sqldb.Options{})
		if err != nil {
			return errs.Wrap(err, "database")
		}
		defer func() { _ = db.Close() }()
		if err := store.Migrate(ctx, db, log); err != nil {
			return err
		}
	}
	if conf.HasRole(config.PuppetDB) {
		a := &App{Options: Options{Config: conf, Log: log}}
		defer func() { _ = a.Close() }()
		if _, err := a.openPuppetDBStore(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Classify answers what `chargehand enc` prints: from the database where core is
// configured here, else from core over HTTPS.
func Classify(ctx context.Context, conf *config.Config, node string, log *slog.Logger) (found param.Classification, err error) {
	if conf.HasRole(config.Core) {
		err = withOffline(ctx, conf, log, func(a *App) error {
			found, err = a.builds.Classify(ctx, node)
			return err
		})
		return found, err
	}
	if conf.Core.URL == "" {
		return found, errs.New(errs.Malformed, "set core.url, or run this where core runs")
	}
	a := &App{Options: Options{Config: conf, Log: log, Stderr: io.Discard}}
	if err := buildIdentity(ctx, a); err != nil {
		return found, err
	}
	defer func() { _ = a.Close() }()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, conf.Core.URL+"/node/"+url.PathEscape(node)+"?format=json", nil)
	if err != nil {
		return found, errs.WrapAs(errs.Malformed, err, "core.url")
	}
	return found, exchange(a.client(30*time.Second), req, &found)
}

// Accounts works on users from the command line.
type Accounts struct{ app *App }

// OpenAccounts opens the database of the configured core.
func OpenAccounts(ctx context.Context, conf *config.Config, log *slog.Logger) (*Accounts, error) {
	a, err := offline(ctx, conf, log)
	if err != nil {
		return nil, err
	}
	return &Accounts{a}, nil
}

// Close closes the database.
func (x *Accounts) Close() error { return x.app.Close() }

// ResetPassword sets a password; with none given it makes one and gives it back.
func (x *Accounts) ResetPassword(ctx context.Context, login string, password config.Secret) (shown string, err error) {
	if password == "" {
		shown = rand.Text()
		password = config.Secret(shown)
	}
	return shown, x.app.core.gate.ResetPassword(ctx, login, password.Reveal())
}

// CreateToken makes a personal access token and gives its value, which cannot be
// had again.
func (x *Accounts) CreateToken(ctx context.Context, login, name string, days int) (string, error) {
	var expires time.Time
	if days > 0 {
		expires = time.Now().Add(time.Duration(days) * 24 * time.Hour)
	}
	value, _, err := x.app.core.gate.CreateToken(ctx, login, name, expires)
	return value, err
}

// GrantAdmin makes an account an administrator.
func (x *Accounts) GrantAdmin(ctx context.Context, login string) error {
	return x.app.core.gate.GrantAdmin(ctx, login)
}

// Nouns are the records of an app that was built, for commands that fill them.
func (a *App) Nouns() *noun.Registry { return a.nouns }
