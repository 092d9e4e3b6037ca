package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/access"
	"github.com/chargehand/chargehand/core/audit"
	"github.com/chargehand/chargehand/core/build"
	"github.com/chargehand/chargehand/core/dossier"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/inventory/settings"
	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/orchestrate"
	"github.com/chargehand/chargehand/core/provision"
	"github.com/chargehand/chargehand/core/report"
	"github.com/chargehand/chargehand/core/seed"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/internal/seal"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/proxy/remote"
	"github.com/chargehand/chargehand/ruby"
)

// coreParts are what the core role's pieces give each other.
type coreParts struct {
	db       *sqldb.DB
	gate     *access.Gate
	engine   *job.Engine
	plans    *orchestrate.Orchestrator
	settings *settings.Book
	trail    *audit.Trail
	system   *access.Principal
}

// systemLogin is the name in which the program itself changes records.
const systemLogin = "foreman_admin"

// buildCore opens the database and builds what the web front stands on.
func buildCore(ctx context.Context, a *App) error {
	key, err := seal.Load(os.Getenv("CHARGEHAND_SECRET_KEY"), a.path("secret.key"))
	if err != nil {
		return err
	}
	db, err := sqldb.Open(ctx, a.Config.Database.Reveal(), sqldb.Options{})
	if err != nil {
		return errs.Wrap(err, "database")
	}
	a.onClose(db.Close)
	if err := store.Migrate(ctx, db, a.Log); err != nil {
		return err
	}
	a.core = &coreParts{db: db, system: access.System(systemLogin)}
	a.readyWhen("database", db.Ping)
	if err := a.buildRegistry(key, store.New(db, key)); err != nil {
		return err
	}
	if err := a.fill(ctx); err != nil {
		return err
	}
	return a.buildProvisioning(ctx, db)
}

// buildRegistry declares every noun and binds plans to hosts.
func (a *App) buildRegistry(key *seal.Key, rows *store.Store) error {
	auditKey, err := key.Derive("audit trail")
	if err != nil {
		return err
	}
	hasher, err := access.NewHasher(access.DefaultCost(), clock.System)
	if err != nil {
		return err
	}
	steps := job.NewRegistry()
	nouns := func() *noun.Registry { return a.nouns }
	orchestrate.Register(steps, proxies{a}, lateBoot{a})
	orchestrate.RegisterRows(steps, orchestrate.Rows{Nouns: nouns, Sealer: key, Caller: a.core.system, SQL: store.SQL})
	a.core.engine = job.New(store.NewJobs(a.core.db), steps, job.Options{Sole: a.core.db.Dialect() == sqldb.SQLite, Log: a.Log})
	a.core.plans = orchestrate.New(orchestrate.Options{
		Engine: a.core.engine, Sealer: key, SQL: store.SQL,
		Look: func(ctx context.Context, tx *noun.Tx, h *inventory.Host) (*orchestrate.View, error) {
			d, err := dossier.Around(ctx, tx, h)
			if err != nil {
				return nil, err
			}
			return d.Orchestration(), nil
		},
	})
	a.core.trail = audit.New(store.Audits{}, auditKey)
	all := inventory.Nouns(inventory.Options{Hosts: inventory.HostOptions{Orchestrator: a.core.plans, TokenMinutes: a.tokenMinutes}, Prober: prober{a}, Templates: parser{a}})
	all = append(all, access.UserNoun(hasher), access.RoleNoun(), access.FilterNoun(), access.PermissionNoun(), audit.Noun())
	if a.nouns, err = noun.New(noun.Options{Backend: rows, Auditor: a.core.trail, Now: clock.System}, all...); err != nil {
		return errs.WrapAs(errs.Internal, err, "declare the nouns")
	}
	a.core.settings = settings.New(a.nouns, a.Config.FQDN)
	a.core.gate = access.NewGate(a.nouns, store.NewAccess(a.core.db), hasher, access.Options{Log: a.Log})
	return nil
}

// tokenMinutes is the setting token_duration: how long a build token is good.
func (a *App) tokenMinutes() int64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	values, err := a.core.settings.Values(ctx)
	if err != nil {
		return 0 // the default
	}
	return values.Int("token_duration")
}

// fill writes what a fresh installation starts with, the administrator included.
func (a *App) fill(ctx context.Context) error {
	if err := access.Seed(ctx, a.nouns); err != nil {
		return err
	}
	if err := seed.Run(ctx, a.nouns, a.core.system); err != nil {
		return err
	}
	return a.firstAdministrator(ctx)
}

// firstAdministrator makes the first account: with the password that was given,
// else a generated one, printed once and kept in a file until it is changed.
func (a *App) firstAdministrator(ctx context.Context) error {
	password, generated := a.AdminPassword.Reveal(), false
	if password == "" {
		password, generated = rand.Text(), true
	}
	created, err := a.core.gate.Bootstrap(ctx, password)
	if err != nil || !created || !generated {
		return err
	}
	path := a.path("initial-admin-password")
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		return errs.WrapAs(errs.Unavailable, err, "keep the first password")
	}
	_, err = a.Stderr.Write([]byte("first login: user admin, password " + password + " (kept in " + path + " until you change it)\n"))
	return err
}

// buildProvisioning builds rendering, intake and the timeline.
func (a *App) buildProvisioning(ctx context.Context, db *sqldb.DB) error {
	events := store.NewTimeline(db)
	a.observe = timeline.NewRecorder(events, clock.System, a.Log)
	a.add("timeline", a.observe.Run)
	a.add("plans", a.core.engine.Run)
	a.add("sessions", a.core.gate.Run)
	cache := filepath.Join(a.Config.CacheDir, "ruby")
	engine := ruby.New(ruby.Options{CacheDir: cache, Log: a.Log})
	renderer, err := provision.NewRenderer(engine, build.Snippets{Nouns: func() *noun.Registry { return a.nouns }}, net.DefaultResolver, a.Log)
	if err != nil {
		return err
	}
	a.add("ruby", func(ctx context.Context) error { return a.compileRuby(ctx, cache) })
	values, err := a.core.settings.Values(ctx)
	if err != nil {
		return err
	}
	site, err := a.provisionSite()
	if err != nil {
		return err
	}
	rootPass, _ := values["root_pass"].(string)
	a.builds = build.New(build.Options{
		Nouns: func() *noun.Registry { return a.nouns }, Renderer: renderer, Site: site, Recorder: a.observe, Events: events, Clock: clock.System,
		Caller:   a.core.system,
		Defaults: dossier.Defaults{RootPass: rootPass, PuppetServer: a.Config.Puppet.Server, PuppetCA: a.Config.Puppet.Server},
	})
	a.intake = report.NewService(a.nouns, a.core.system, clock.System)
	return nil
}

// compileRuby compiles the interpreter into the cache when it is not there yet,
// in the background and once for all later starts. The interpreter that renders
// is loaded at the first rendering, in a second, so that a process that renders
// nothing does not keep it in memory. A compilation cannot be interrupted;
// stopping does not wait for it, the process is about to end.
func (a *App) compileRuby(ctx context.Context, dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		<-ctx.Done()
		return nil
	}
	once := ruby.New(ruby.Options{CacheDir: dir, Parallel: 1, Log: a.Log})
	ended := make(chan error, 1)
	go func() {
		_, err := once.Image("compile").Call(ctx, nil, "none")
		_ = once.Close()
		debug.FreeOSMemory()
		ended <- err
	}()
	select {
	case <-ended: // the call itself fails, for the image handles nothing
	case <-ctx.Done():
	}
	<-ctx.Done()
	return nil
}

// provisionSite is what templates may know of this server.
func (a *App) provisionSite() (provision.Site, error) {
	web := a.webURL()
	unattended := web
	if _, bound := a.listeners["web.http"]; bound {
		unattended = a.url("http", "web.http")
	}
	ca, err := os.ReadFile(filepath.Join(a.path("ssl"), "certs", "ca.pem"))
	if err != nil {
		return provision.Site{}, errs.WrapAs(errs.Unavailable, err, "read the CA's certificate")
	}
	return provision.Site{FQDN: a.Config.FQDN, URL: web, UnattendedURL: unattended, Version: apiVersion, CACert: string(ca)}, nil
}

// apiVersion is the Foreman release that templates are told.
const apiVersion = "3.13.0"

func (a *App) webURL() string {
	if a.Config.Web.URL != "" {
		return strings.TrimSuffix(a.Config.Web.URL, "/")
	}
	return a.url("https", "web.https")
}

// proxies finds smart proxies for plans: the one of this process without a
// socket, others over HTTPS with our certificate.
type proxies struct{ app *App }

func (p proxies) Proxy(url string) (orchestrate.Proxy, error) { return p.client(url) }

func (p proxies) client(url string) (*remote.Client, error) {
	if p.app.proxy != nil && p.app.isOwnProxy(url) {
		return remote.New(url, fetch.New(fetch.Options{Transport: fetch.Handler(p.app.proxy.InProcess()), Timeout: time.Minute}))
	}
	return remote.New(url, p.app.client(time.Minute))
}

// isOwnProxy tells whether a registered URL is this process's own proxy.
func (a *App) isOwnProxy(url string) bool {
	own := a.url("https", "proxy.https")
	return strings.TrimRight(url, "/") == own
}

// prober asks a proxy what it can do when it is registered.
type prober struct{ app *App }

// probeTimeout bounds the question, for it holds a transaction up.
const probeTimeout = 10 * time.Second

func (p prober) Probe(ctx context.Context, url string) (string, []inventory.Feature, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	client, err := proxies(p).client(url)
	if err != nil {
		return "", nil, err
	}
	details, err := client.Features(ctx)
	if err != nil {
		return "", nil, err
	}
	version, _, err := client.Version(ctx)
	if err != nil {
		return "", nil, err
	}
	return version, featuresOf(details), nil
}

// parser reads templates with the Ruby engine.
type parser struct{ app *App }

// parseTimeout is how long a template waits for the engine. One that is not
// ready by then lets it pass: a host that would use it is refused instead.
const parseTimeout = 20 * time.Second

func (p parser) Parse(ctx context.Context, name, text string) error {
	if p.app.builds == nil {
		return nil // the templates that come with the program
	}
	ctx, cancel := context.WithTimeout(ctx, parseTimeout)
	defer cancel()
	err := p.app.builds.Renderer.Check(ctx, provision.Template{Name: name, Text: text})
	if errs.Is(err, errs.Unavailable) {
		p.app.Log.Warn("a template is stored unread", "template", name, "error", err)
		return nil
	}
	return err
}

// featuresOf names the running features as the inventory does.
func featuresOf(details map[string]remote.Details) []inventory.Feature {
	names := map[string]string{
		"dns": "DNS", "dhcp": "DHCP", "tftp": "TFTP", "puppetca": "Puppet CA", "puppet": "Puppet", "templates": "Templates",
		"logs": "Logs", "registration": "Registration", "bmc": "BMC", "realm": "Realm", "httpboot": "HTTPBoot", "facts": "Facts",
		"externalipam": "External IPAM",
	}
	var all []inventory.Feature
	for _, module := range slices.Sorted(maps.Keys(details)) {
		d := details[module]
		name, known := names[module]
		if known && d.State == "running" {
			settings, err := json.Marshal(d.Settings)
			if err != nil {
				settings = nil // what was decoded encodes again
			}
			all = append(all, inventory.Feature{Name: name, Capabilities: d.Capabilities, Settings: settings})
		}
	}
	return all
}

// lateBoot renders boot configurations once the renderer is built.
type lateBoot struct{ app *App }

func (b lateBoot) Config(ctx context.Context, host int64, kind string, building bool) (string, error) {
	return b.app.builds.Config(ctx, host, kind, building)
}
