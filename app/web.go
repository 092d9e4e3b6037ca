package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"

	"github.com/chargehand/chargehand/api/unattended"
	v2 "github.com/chargehand/chargehand/api/v2"
	"github.com/chargehand/chargehand/core/access"
	"github.com/chargehand/chargehand/core/audit"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/orchestrate"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ui"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// buildWeb adds the web front: UI, API, build endpoints, classifier and metrics.
func buildWeb(ctx context.Context, a *App) error {
	if err := a.registerOwnProxy(ctx); err != nil {
		return errs.Wrap(err, "register this process's own smart proxy")
	}
	pages, err := ui.New(ui.Options{
		Registry: a.nouns, Auth: uiAuth{a.core.gate}, Hosts: uiHosts{a}, Plans: a.core.engine, CA: a.anyCA, Clock: clock.System, Log: a.Log, Version: a.Version,
	})
	if err != nil {
		return err
	}
	public, err := a.openDir("public")
	if err != nil {
		return err
	}
	values, err := a.core.settings.Values(ctx)
	if err != nil {
		return err
	}
	perPage := values.Int("entries_per_page")
	api := v2.New(v2.Options{
		Registry: a.nouns, Auth: apiAuth{a}, Actions: a.actions(), PerPage: func() int64 { return perPage }, Ping: a.core.db.Ping,
		Settings: a.core.settings, Log: a.Log,
	})
	build := unattended.Options{Builds: a.builds, Recorder: a.observe, Log: a.Log, Public: public, Trusted: a.trusted()}

	secure := http.NewServeMux()
	secure.Handle("/api/", api)
	secure.Handle("/api", api)
	secure.Handle("/apidoc/", api)
	secure.HandleFunc("GET /node/{name}", a.node)
	secure.Handle("GET /metrics", a.metrics(promhttp.Handler()))
	unattended.Register(secure, build)
	secure.Handle("/", keepOldSession(pages))
	conf, err := a.webTLS()
	if err != nil {
		return err
	}
	a.web = a.actors(a.withAddress(secure))
	a.serve("web.https", a.web, conf)

	plain := http.NewServeMux()
	unattended.Register(plain, build)
	plain.HandleFunc("/", a.behindOrRedirect(a.web))
	a.serve("web.http", a.actors(plain), nil)
	return nil
}

// actors marks each request with an id, for plans, audits and proxies.
func (a *App) actors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := uuid.NewString()
		w.Header().Set("X-Request-Id", id)
		ctx := audit.WithRequest(r.Context(), audit.Request{ID: id, Remote: peerAddr(r)})
		next.ServeHTTP(w, r.WithContext(orchestrate.WithActor(ctx, &orchestrate.Actor{Request: id})))
	})
}

// node answers the classifier: YAML for scripts, JSON for our own compilers.
func (a *App) node(w http.ResponseWriter, r *http.Request) {
	if !a.mayFeed(r.Context(), peerName(r)) {
		http.Error(w, "the classifier answers to puppet servers with a certificate", http.StatusForbidden)
		return
	}
	found, err := a.builds.Classify(r.Context(), r.PathValue("name"))
	if err != nil {
		http.Error(w, errs.PublicText(err), errs.KindOf(err).Status())
		return
	}
	if r.URL.Query().Get("format") == "json" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(found)
		return
	}
	text, err := found.YAML()
	if err != nil {
		http.Error(w, errs.PublicText(err), errs.KindOf(err).Status())
		return
	}
	w.Header().Set("Content-Type", "text/yaml; charset=utf-8")
	_, _ = w.Write(text)
}

// registerOwnProxy keeps a record of this process's own smart proxy, so that
// subnets and domains can name it.
func (a *App) registerOwnProxy(ctx context.Context) error {
	if a.proxy == nil {
		return nil
	}
	own := a.url("https", "proxy.https")
	var known *inventory.SmartProxy
	err := a.nouns.Read(ctx, func(tx *noun.Tx) error {
		all, err := noun.Find[inventory.SmartProxy](ctx, tx, noun.Match{"name": a.Config.FQDN})
		if len(all) > 0 {
			known = all[0]
		}
		return err
	})
	if err != nil {
		return err
	}
	proxies := noun.Of[inventory.SmartProxy](a.nouns)
	if known == nil {
		return proxies.Create(ctx, a.core.system, &inventory.SmartProxy{Name: a.Config.FQDN, URL: own})
	}
	version, features, err := prober{a}.Probe(ctx, own)
	if err != nil {
		return err
	}
	_, err = proxies.Update(ctx, a.core.system, known.Name, func(p *inventory.SmartProxy) error {
		p.URL, p.Version, p.Features = own, version, features
		return nil
	})
	return err
}

// anyCA is the certificate authority: that of the first registered proxy with
// the feature.
func (a *App) anyCA(ctx context.Context) (ui.CA, error) {
	var found *inventory.SmartProxy
	err := a.nouns.Read(ctx, func(tx *noun.Tx) error {
		all, err := noun.Find[inventory.SmartProxy](ctx, tx, nil)
		for _, p := range all {
			if found == nil && p.Has("Puppet CA") {
				found = p
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, errs.New(errs.NotFound, "no registered smart proxy has the feature Puppet CA")
	}
	client, err := proxies{a}.client(found.URL)
	if err != nil {
		return nil, err
	}
	return client.PuppetCA(), nil
}

// uiAuth keeps the UI's sessions.
type uiAuth struct{ gate *access.Gate }

// sessionCookie is the name of the cookie that UI and API share.
const sessionCookie = "_session_id"

type oldSession struct{}

// keepOldSession hands a login the session that the browser came with, so that
// the login can end it.
func keepOldSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cookie, err := r.Cookie(sessionCookie); err == nil && r.Method == http.MethodPost {
			r = r.WithContext(context.WithValue(r.Context(), oldSession{}, cookie.Value))
		}
		next.ServeHTTP(w, r)
	})
}

func (u uiAuth) Login(ctx context.Context, login, password, address string) (string, error) {
	remote, _ := netip.ParseAddr(address)
	principal, err := u.gate.Login(ctx, access.Login{Login: login, Password: password, Remote: remote})
	if err != nil {
		return "", err
	}
	if old, ok := ctx.Value(oldSession{}).(string); ok {
		if err := u.gate.EndSession(ctx, old); err != nil {
			return "", err
		}
	}
	cookie, _, err := u.gate.NewSession(ctx, principal, address, false)
	return cookie, err
}

func (u uiAuth) Session(ctx context.Context, cookie string) (*access.Principal, error) {
	_, principal, err := u.gate.Session(ctx, cookie)
	return principal, err
}

func (u uiAuth) Logout(ctx context.Context, cookie string) error {
	return u.gate.EndSession(ctx, cookie)
}

// apiAuth tells who calls the API: Basic, a session's cookie, or the certificate
// of a smart proxy or puppet server that uploads facts and reports.
type apiAuth struct{ app *App }

func (u apiAuth) Authenticate(_ http.ResponseWriter, r *http.Request) (noun.Caller, error) {
	caller, err := u.caller(r)
	if err != nil {
		return nil, err
	}
	orchestrate.ActorOf(r.Context()).Login = caller.Login
	return caller, nil
}

// caller is who the request is from, by password, session or certificate.

func (u apiAuth) caller(r *http.Request) (*access.Principal, error) {
	// Browsers send passwords and certificates that they remember by themselves,
	// as they do cookies, so where a request comes from counts for all of them.
	// Programs say nothing of it and pass.
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return nil, errs.WrapAs(errs.Forbidden, err, "the request comes from another site")
	}
	gate := u.app.core.gate
	if login, password, ok := r.BasicAuth(); ok {
		principal, err := gate.Login(r.Context(), access.Login{Login: login, Password: password, Remote: peerAddr(r), API: true})
		if err != nil {
			return nil, err
		}
		return principal, nil
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		_, principal, err := gate.Session(r.Context(), cookie.Value)
		if err != nil {
			return nil, err
		}
		return principal, nil
	}
	if name := peerName(r); u.app.mayFeed(r.Context(), name) {
		return access.Limited(name, access.ViaCert, "upload_facts", "upload_config_reports", "view_hosts"), nil
	}
	return nil, errs.New(errs.Unauthenticated, "Unable to authenticate user ")
}

// uiHosts answers what the pages of a host show.
type uiHosts struct{ app *App }

func (u uiHosts) Timeline(ctx context.Context, h *inventory.Host) ([]timeline.Progress, error) {
	return u.app.builds.Follow(ctx, h)
}

func (u uiHosts) TemplateKinds(ctx context.Context, host int64) ([]string, error) {
	return u.app.builds.Kinds(ctx, host)
}

func (u uiHosts) Render(ctx context.Context, host int64, kind string) (string, error) {
	return u.app.builds.Preview(ctx, host, kind)
}

func (u uiHosts) RenderText(ctx context.Context, host int64, name, text string) (string, error) {
	return u.app.builds.RenderText(ctx, host, name, text)
}

func (u uiHosts) SetBuild(ctx context.Context, caller noun.Caller, host int64, on bool) error {
	return u.app.builds.SetBuild(ctx, caller, host, on)
}

func (u uiHosts) FreeIP(ctx context.Context, subnet int64, mac string) (string, error) {
	return u.app.builds.FreeIP(ctx, subnet, mac)
}
