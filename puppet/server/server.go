package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/puppet/fileserve"
)

// CompatVersion is the version of Puppet whose behaviour this is; agents read it
// in X-Puppet-Version.
const CompatVersion = "7.23.0"

// Options are the parts of a Server. A part that is nil makes what depends on it
// answer 404, or goes without it where that makes sense.
type Options struct {
	Name         string // of this server, for catalogs and PuppetDB
	CA           *pki.CA
	Compiler     Compiler
	Classifier   Classifier
	Environments Environments
	Files        Files
	StaticFiles  StaticFiles
	Bucket       *fileserve.Bucket
	KnownFacts   FactSource
	Facts        []Feed[FactSink]
	Catalogs     []Feed[CatalogSink]
	Reports      []Feed[ReportSink]

	// DefaultEnvironment is for agents whose environment does not exist;
	// "production" when empty.
	DefaultEnvironment string

	// Compilations is how many run at a time (the number of processors when zero)
	// and Waiting how many may wait (50 times as many when zero). One more is
	// answered 503, with a Retry-After of at most RetryAfter (30 s when zero).
	Compilations int
	Waiting      int
	RetryAfter   time.Duration

	// CompileTimeout bounds one compilation; 5 min when zero.
	CompileTimeout time.Duration

	// Ready says why the server cannot work just now; nil is always ready.
	Ready func(ctx context.Context) error

	Clock clock.Clock  // clock.System when nil
	Log   *slog.Logger // none when nil
}

// A Server is the handler of port 8140.
type Server struct {
	Options
	routes       []route
	rules        []rule
	compilations *queue
	intake       *queue
	counters     counters
}

// New makes a Server.
func New(o Options) *Server {
	o.setDefaults()
	s := &Server{
		Options: o, rules: rules(),
		compilations: newQueue(o.Compilations, o.Waiting, o.RetryAfter),
		intake:       newQueue(4*o.Compilations, 4*o.Waiting, o.RetryAfter),
	}
	s.routes = s.table()
	return s
}

// request is an HTTP request on its way through a handler.
type request struct {
	*http.Request
	params map[string]string // of the route's pattern
	cert   *x509.Certificate // verified, or nil
}

// param is a query parameter, and the empty string for none.
func (r *request) param(name string) string { return r.URL.Query().Get(name) }

// A handler answers through w, or returns the error that its route's shape
// turns into an answer.
type handler func(w *response, r *request) error

// A route is a path that exists. Patterns are literal but for {name}, one
// segment, and {path...}, the rest.
type route struct {
	methods string
	pattern []string
	shape   shape
	handle  handler
}

// table is the map of all that the server answers.
func (s *Server) table() []route {
	routes := []route{
		at("GET POST", "/puppet/v3/catalog/{name}", ruby, s.catalog),
		at("GET", "/puppet/v3/node/{name}", ruby, s.node),
		at("PUT", "/puppet/v3/facts/{name}", ruby, s.putFacts),
		at("PUT", "/puppet/v3/report/{name}", ruby, s.putReport),
		at("GET", "/puppet/v3/file_metadata/{path...}", ruby, s.fileMetadata),
		at("GET", "/puppet/v3/file_metadatas/{path...}", ruby, s.fileMetadatas),
		at("GET", "/puppet/v3/file_content/{path...}", ruby, s.fileContent),
		at("GET HEAD PUT POST", "/puppet/v3/file_bucket_file/{path...}", ruby, s.bucketFile),
		at("GET", "/puppet/v3/environments", ruby, s.environments),
		at("GET", "/puppet/v3/static_file_content/{path...}", plain, s.staticFileContent),
		at("GET", "/puppet/v3/tasks/{path...}", ruby, unsupported),
		at("GET", "/puppet/v3/tasks", ruby, unsupported),
		at("GET", "/puppet/v3/environment_classes", plain, unsupported),
		at("GET", "/puppet/v3/environment_modules", plain, unsupported),
		at("GET", "/puppet/v3/environment_transports", plain, unsupported),
		at("POST", "/puppet/v4/catalog", plain, unsupported),
		at("DELETE", "/puppet-admin-api/v1/environment-cache", plain, unsupported),
		at("DELETE", "/puppet-admin-api/v1/jruby-pool", plain, unsupported),
		at("GET", "/status/v1/simple", plain, s.statusSimple),
		at("GET", "/status/v1/simple/{service}", plain, s.statusSimple),
		at("GET", "/status/v1/services", plain, s.statusServices),
		at("GET", "/status/v1/services/{service}", plain, s.statusService),
	}
	if s.CA != nil {
		routes = append(routes, s.caTable()...)
	}
	return routes
}

func (s *Server) caTable() []route {
	return []route{
		at("GET", "/puppet-ca/v1/certificate/{name}", plain, s.getCertificate),
		at("PUT", "/puppet-ca/v1/certificate_request/{name}", plain, s.putRequest),
		at("GET", "/puppet-ca/v1/certificate_request/{name}", plain, s.getRequest),
		at("DELETE", "/puppet-ca/v1/certificate_request/{name}", plain, unsupported),
		at("GET", "/puppet-ca/v1/certificate_status/{name}", plain, s.getStatus),
		at("PUT", "/puppet-ca/v1/certificate_status/{name}", plain, s.putStatus),
		at("DELETE", "/puppet-ca/v1/certificate_status/{name}", plain, s.deleteStatus),
		at("GET", "/puppet-ca/v1/certificate_statuses/{any}", plain, s.getStatuses),
		at("GET", "/puppet-ca/v1/certificate_revocation_list/{any}", plain, s.getCRL),
		at("PUT", "/puppet-ca/v1/certificate_revocation_list", plain, s.putCRL),
		at("PUT", "/puppet-ca/v1/clean", plain, s.clean),
		at("POST", "/puppet-ca/v1/sign", plain, s.signSome),
		at("POST", "/puppet-ca/v1/sign/all", plain, s.signAll),
		at("GET", "/puppet-ca/v1/expirations", plain, s.expirations),
		at("POST", "/puppet-ca/v1/certificate_renewal", plain, s.renew),
	}
}

func at(methods, pattern string, shape shape, h handler) route {
	return route{methods, strings.Split(pattern[1:], "/"), shape, h}
}

func (r route) match(path string) (map[string]string, bool) {
	params := map[string]string{}
	rest, more := strings.TrimPrefix(path, "/"), true
	for _, want := range r.pattern {
		if name, ok := strings.CutSuffix(want, "...}"); ok {
			params[name[1:]] = rest
			return params, more
		}
		var segment string
		if !more {
			return nil, false
		}
		segment, rest, more = strings.Cut(rest, "/")
		if name, ok := strings.CutPrefix(want, "{"); ok && segment != "" {
			params[strings.TrimSuffix(name, "}")] = segment
		} else if segment != want {
			return nil, false
		}
	}
	return params, !more
}

// ServeHTTP finds the route, then asks the rules, then lets the route answer: in
// that order, as Puppet Server, so that what does not exist is 404 for everybody.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := &response{ResponseWriter: w, request: r}
	defer s.finish(out, r)
	path := r.URL.Path
	if strings.HasPrefix(path, "/puppet/") || strings.HasPrefix(path, "/puppet-ca/") {
		w.Header().Set("X-Puppet-Version", CompatVersion)
	}
	if bad := badPath(path); bad != "" {
		out.text(http.StatusBadRequest, typePlainError, bad)
		return
	}
	found, params := s.find(r.Method, path)
	if found == nil {
		out.notFound(path)
		return
	}
	req := &request{Request: r, params: params, cert: tlsconf.Peer(r.TLS)}
	if !allowed(s.rules, r.Method, path, req.cert) {
		s.counters.denied.Add(1)
		s.Log.InfoContext(r.Context(), "forbidden", "method", r.Method, "path", path, "certname", tlsconf.PeerName(r.TLS), "from", r.RemoteAddr)
		out.forbidden(r.Method, path)
		return
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		out.fail(found.shape, &fault{status: http.StatusUnsupportedMediaType, text: "request bodies are taken as they are, not in " + encoding})
		return
	}
	if err := found.handle(out, req); err != nil {
		s.logFailure(req, err)
		out.fail(found.shape, err)
	}
}

func (s *Server) find(method, path string) (*route, map[string]string) {
	for i := range s.routes {
		if !hasWord(s.routes[i].methods, method) {
			continue
		}
		if params, ok := s.routes[i].match(path); ok {
			return &s.routes[i], params
		}
	}
	return nil, nil
}

// badPath explains what is wrong with a decoded path; the rules and the routes
// see the very same text that is judged here.
func badPath(path string) string {
	if !utf8.ValidString(path) || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "Invalid character in the path"
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == ".." || segment == "." {
			return "Invalid relative path (.. or .) in: " + path
		}
	}
	return ""
}

// finish counts the request, and turns a panic into a 500 if nothing was sent.
func (s *Server) finish(w *response, r *http.Request) {
	if p := recover(); p != nil {
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		s.Log.ErrorContext(r.Context(), "panic in a request", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if w.status != 0 {
			panic(http.ErrAbortHandler)
		}
		w.fail(ruby, errs.New(errs.Internal, "panic"))
	}
	s.counters.request(w.status)
}

// logFailure logs what a client got an error for. Who is sent away because too
// many wait is counted, not logged: there are many of them.
func (s *Server) logFailure(r *request, err error) {
	level := slog.LevelInfo
	if f, ok := errors.AsType[*fault](err); ok && f.status == http.StatusServiceUnavailable {
		level = slog.LevelDebug
	} else if faultOf(err).status >= 500 {
		level = slog.LevelError
	}
	s.Log.Log(r.Context(), level, "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
}

func unsupported(*response, *request) error {
	return errs.New(errs.Unsupported, "this server does not offer that")
}
