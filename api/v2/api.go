// Package v2 is Foreman's REST API, version 2, as an edge over core: it decodes
// requests, calls one operation of a noun and encodes the answer. Routes, bodies
// and the API document come from the nouns' declarations; it knows a noun by
// name only for its special actions.
//
// It may import core packages and internal packages, never another edge.
package v2

import (
	"context"
	"log/slog"
	"net/http"
	"sort"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/inventory/settings"
	"github.com/chargehand/chargehand/core/noun"
)

// Version is the Foreman release whose API this is.
const Version = "3.13.0"

// Options are what the API works on.
type Options struct {
	Registry *noun.Registry
	Auth     Authenticator
	// Actions are what other packages can do beyond CRUD.
	Actions []Action
	// PerPage is the default page length; nil or 0 is 20.
	PerPage func() int64
	// Ping tells whether the database answers; nil is no check.
	Ping func(ctx context.Context) error
	// Addresses suggests addresses of subnets whose IPAM asks elsewhere; may be nil.
	Addresses inventory.AddressSource
	// Settings are what /settings shows; nil has no such routes.
	Settings *settings.Book
	Log      *slog.Logger
}

// An Authenticator tells who a request is from.
type Authenticator interface {
	// Authenticate gives the caller, and may set cookies on w. Unauthenticated
	// errors become 401 with their text; Limited ones too, as upstream does. It
	// is safe for concurrent use.
	Authenticate(w http.ResponseWriter, r *http.Request) (noun.Caller, error)
}

// API is the handler of /api, /api/v2 and /apidoc.
type API struct {
	o        Options
	reg      *noun.Registry
	routes   []Route
	mux      *http.ServeMux
	doc      []byte
	checksum string
}

// A Route is one row of the API: what is done with what, and who may.
type Route struct {
	Method     string
	Pattern    string // below /api, as http.ServeMux has it
	Noun       *noun.Any
	Action     string
	Permission string // "" only with Public or Anyone
	Public     bool   // without login
	Anyone     bool   // any user
	member     bool
	parents    []string
	handle     func(*Request) error
}

// New makes the handler.
func New(o Options) *API {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &API{o: o, reg: o.Registry, mux: http.NewServeMux()}
	a.routes = append(a.fixed(), a.special()...)
	have := map[string]bool{}
	for _, r := range a.routes {
		have[r.Method+" "+shape(r.Pattern)] = true
	}
	for _, n := range a.reg.Nouns() {
		if !n.HasAPI() {
			continue
		}
		for _, r := range a.crud(n) {
			if !have[r.Method+" "+shape(r.Pattern)] {
				a.routes = append(a.routes, r)
			}
		}
	}
	for i := range a.routes {
		r := &a.routes[i]
		a.mux.HandleFunc(r.Method+" "+r.Pattern, func(w http.ResponseWriter, q *http.Request) { a.serve(w, q, r) })
	}
	a.doc, a.checksum = a.document()
	return a
}

// shape is a pattern without the names of its wildcards.
func shape(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = "{}"
		}
	}
	return strings.Join(parts, "/")
}

// Routes are all routes, by pattern and method.
func (a *API) Routes() []Route {
	out := append([]Route(nil), a.routes...)
	sort.Slice(out, func(i, j int) bool {
		if out[i].Pattern != out[j].Pattern {
			return out[i].Pattern < out[j].Pattern
		}
		return out[i].Method < out[j].Method
	})
	return out
}

// ServeHTTP answers whatever is below /api and /apidoc. Paths are normalised
// rather than redirected: clients do not follow.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	path := normalise(r.URL.EscapedPath())
	h := w.Header()
	h.Set("Apipie-Checksum", a.checksum)
	h.Set("Cache-Control", "max-age=0, private, must-revalidate")
	if rest, ok := strings.CutPrefix(path, "/apidoc"); ok {
		a.serveDoc(w, r, rest)
		return
	}
	rest, ok := apiPath(path)
	if !ok {
		noRoute(w)
		return
	}
	h.Set("Foreman_version", Version)
	h.Set("Foreman_api_version", "2")
	r2 := r.Clone(r.Context())
	if err := setPath(r2, rest); err != nil {
		noRoute(w)
		return
	}
	if r2.Method == http.MethodPatch {
		r2.Method = http.MethodPut
	}
	_, pattern := a.mux.Handler(r2)
	if pattern == "" {
		if strings.HasSuffix(rest, ".json") && setPath(r2, strings.TrimSuffix(rest, ".json")) == nil {
			_, pattern = a.mux.Handler(r2)
		}
		if pattern == "" {
			noRoute(w)
			return
		}
	}
	a.mux.ServeHTTP(w, r2)
	a.o.Log.Debug("api", "method", r.Method, "path", r.URL.Path, "took", time.Since(started))
}

func apiPath(path string) (string, bool) {
	for _, prefix := range []string{"/foreman_puppet/api/v2", "/foreman_puppet/api/v1", "/foreman_puppet/api", "/api/v2", "/api"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
			if rest == "" {
				rest = "/"
			}
			return rest, true
		}
	}
	return "", false
}

// normalise drops duplicate and trailing slashes.
func normalise(path string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(path, "/") {
		if part != "" {
			b.WriteByte('/')
			b.WriteString(part)
		}
	}
	return b.String()
}
