// Package ui is the web interface as an edge over core: pages rendered on the
// server from the nouns' declarations, with parts replaced in place by htmx.
//
// A page is a typed struct, a builder that fills it, and a templ component that
// shows it. Every page works from its URL. It may import core, the pure feature
// packages of proxy, and internal; no other edge.
package ui

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/a-h/templ"
	"github.com/chargehand/chargehand/core/access"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/orchestrate"
	"github.com/chargehand/chargehand/core/param"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/puppetca"
)

//go:generate go tool templ generate

//go:embed assets
var assets embed.FS

// Auth keeps sessions.
type Auth interface {
	// Login checks a password and opens a session; Unauthenticated or Limited.
	Login(ctx context.Context, login, password, address string) (session string, err error)
	// Session gives whose session it is; Unauthenticated when it is not, or over.
	Session(ctx context.Context, session string) (*access.Principal, error)
	// Logout ends a session; one that is over is no error.
	Logout(ctx context.Context, session string) error
}

// Hosts answers what pages of a host show beyond its rows.
type Hosts interface {
	// Node gives the host with its resolved parameters and classes.
	Node(ctx context.Context, host int64) (*param.Node, error)
	// Facts gives the host's facts by name, sorted; compound ones left out.
	Facts(ctx context.Context, host int64) ([]Fact, error)
	// Timeline gives the host's way from first packet to first report.
	Timeline(ctx context.Context, host *inventory.Host) ([]timeline.Progress, error)
	// TemplateKinds lists the kinds of template that the host has.
	TemplateKinds(ctx context.Context, host int64) ([]string, error)
	// Render renders the host's template of a kind.
	Render(ctx context.Context, host int64, kind string) (string, error)
	// RenderText renders a template's text for a host, saved or not.
	RenderText(ctx context.Context, host int64, name, text string) (string, error)
	// SetBuild turns build mode on or off and waits for the plan.
	SetBuild(ctx context.Context, caller noun.Caller, host int64, on bool) error
	// FreeIP suggests an address of the subnet for a MAC address.
	FreeIP(ctx context.Context, subnet int64, mac string) (string, error)
}

// A Fact is one fact with its value as text.
type Fact struct{ Name, Value string }

// CA lists, signs and cleans certificates; nil when no proxy has the feature.
type CA interface {
	puppetca.CA
}

// Options are what the interface stands on.
type Options struct {
	Registry *noun.Registry
	Auth     Auth
	Hosts    Hosts
	Plans    *job.Engine
	// CA gives the certificate authority; NotFound when no proxy has one.
	CA      func(ctx context.Context) (CA, error)
	Clock   clock.Clock
	Log     *slog.Logger
	Version string
}

type edge struct{ Options }

// A page handler writes a page or gives the error that becomes one.
type handler func(e *edge, w http.ResponseWriter, r *http.Request) error

// A route is one row of the map of the interface.
type route struct {
	pattern string
	handle  handler
	open    bool // without a session
}

func routes() []route {
	return []route{
		{pattern: "GET /users/login", handle: (*edge).loginPage, open: true},
		{pattern: "POST /users/login", handle: (*edge).login, open: true},
		{pattern: "POST /users/logout", handle: (*edge).logout},
		{pattern: "GET /{$}", handle: (*edge).dashboard},
		{pattern: "GET /hosts/new", handle: (*edge).newHost},
		{pattern: "POST /hosts", handle: (*edge).createHost},
		{pattern: "GET /hosts/free_ip", handle: (*edge).freeIP},
		{pattern: "GET /hosts/{id}", handle: (*edge).host},
		{pattern: "GET /hosts/{id}/timeline", handle: (*edge).hostTimeline},
		{pattern: "GET /hosts/{id}/preview", handle: (*edge).hostPreview},
		{pattern: "POST /hosts/{id}/build", handle: (*edge).build},
		{pattern: "POST /hosts/{id}/cancel_build", handle: (*edge).cancelBuild},
		{pattern: "POST /hosts/{id}/delete", handle: (*edge).deleteHost},
		{pattern: "GET /certificates", handle: (*edge).certificates},
		{pattern: "POST /certificates/{name}/sign", handle: (*edge).signCertificate},
		{pattern: "POST /certificates/{name}/revoke", handle: (*edge).revokeCertificate},
		{pattern: "GET /plans", handle: (*edge).plans},
		{pattern: "GET /plans/{id}", handle: (*edge).plan},
		{pattern: "POST /provisioning_templates/preview", handle: (*edge).preview},
		{pattern: "GET /{collection}", handle: (*edge).list},
		{pattern: "GET /hosts/complete", handle: (*edge).complete},
		{pattern: "GET /{collection}/{id}", handle: (*edge).record},
		{pattern: "POST /{collection}", handle: (*edge).create},
		{pattern: "GET /{collection}/{id}/edit", handle: (*edge).editRecord},
		{pattern: "POST /{collection}/{id}", handle: (*edge).update},
		{pattern: "POST /{collection}/{id}/delete", handle: (*edge).delete},
	}
}

// New gives the handler of the interface.
func New(opts Options) (http.Handler, error) {
	e := &edge{opts}
	mux := http.NewServeMux()
	for _, rt := range routes() {
		mux.HandleFunc(rt.pattern, e.adapt(rt))
	}
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "assets")
	}
	static := http.StripPrefix("/assets/", http.FileServerFS(files))
	mux.HandleFunc("GET /assets/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=86400")
		static.ServeHTTP(w, r)
	})
	protection := http.NewCrossOriginProtection()
	return protection.Handler(headers(mux)), nil
}

// contentPolicy lets pages run and show only what this server sends.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// maxForm bounds a form, in bytes.
const maxForm = 4 << 20

type principalKey struct{}

func caller(r *http.Request) *access.Principal {
	p, _ := r.Context().Value(principalKey{}).(*access.Principal)
	return p
}

// cookieName is the session's cookie.
const cookieName = "_session_id"

// adapt finds the session, bounds the form and turns errors into pages.
func (e *edge) adapt(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if !rt.open {
			principal, err := e.principal(r)
			if err != nil {
				e.toLogin(w, r, err)
				return
			}
			orchestrate.ActorOf(r.Context()).Login = principal.Login
			r = r.WithContext(context.WithValue(r.Context(), principalKey{}, principal))
		}
		w.Header().Set("Cache-Control", "no-store")
		if err := e.guarded(rt, w, r); err != nil {
			e.fail(w, r, err)
		}
	}
}

// guarded makes a panic of a page an error of that page: logged with its place,
// and told to the reader as our own mistake.
func (e *edge) guarded(rt route, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = errs.New(errs.Internal, "panic: %v\n%s", v, debug.Stack())
		}
	}()
	return rt.handle(e, w, r)
}

func (e *edge) principal(r *http.Request) (*access.Principal, error) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil, errs.New(errs.Unauthenticated, "log in first")
	}
	return e.Auth.Session(r.Context(), cookie.Value)
}

// toLogin sends whoever has no session to the login page, which leads back.
func (e *edge) toLogin(w http.ResponseWriter, r *http.Request, err error) {
	if !errs.Is(err, errs.Unauthenticated) {
		e.fail(w, r, err)
		return
	}
	target := "/users/login"
	if r.Method == http.MethodGet && r.URL.Path != "/" {
		target += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Redirect", target)
		return
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// fail shows an error: what went wrong and, for our own mistakes, nothing but
// that it is in the log.
func (e *edge) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	kind := errs.KindOf(err)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		kind = errs.TooLarge
	}
	if kind.Status() >= 500 {
		e.Log.Error("ui", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	page := errorPage{Title: title(kind), Message: errs.PublicText(err)}
	if denied, ok := errors.AsType[*noun.Denied](err); ok {
		page.Message = denied.Error()
	}
	w.WriteHeader(kind.Status())
	_ = e.render(w, r, page.Title, page.view())
}

func title(k errs.Kind) string {
	words := map[errs.Kind]string{
		errs.NotFound: "Not found", errs.Forbidden: "Not allowed", errs.Internal: "Something went wrong here",
		errs.Upstream: "Another system failed", errs.Unavailable: "Not available right now", errs.Conflict: "Conflict",
	}
	if word, ok := words[k]; ok {
		return word
	}
	return "That did not work"
}

// render writes a page into a buffer first, so that a failure becomes an error
// and never half a page.
func (e *edge) render(w http.ResponseWriter, r *http.Request, title string, body templ.Component) error {
	var b bytes.Buffer
	component := body
	if r.Header.Get("HX-Request") == "" || r.Header.Get("HX-Boosted") != "" {
		component = layout(e.frame(r, title), body)
	}
	if err := component.Render(r.Context(), &b); err != nil {
		return errs.WrapAs(errs.Internal, err, "render %q", title)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(w)
	return nil
}

// notice is a one-line message that a redirect left in the URL's fragment of
// known words; anything else is not shown.
func notice(r *http.Request) string {
	return map[string]string{
		"created": "Created.", "saved": "Saved.", "deleted": "Deleted.", "build": "Build mode is on: the machine installs at its next network boot.",
		"cancelled": "Build mode is off.", "signed": "Signed.", "revoked": "Revoked and cleaned.",
	}[r.URL.Query().Get("done")]
}

// ago writes a time for people; the exact one goes beside it.
func (e *edge) ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := e.Clock().Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return plural(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return plural(int(d/time.Hour), "hour") + " ago"
	}
	return plural(int(d/(24*time.Hour)), "day") + " ago"
}
