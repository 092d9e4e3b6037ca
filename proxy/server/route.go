package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/logs"
)

// maxBody bounds every request body: a boot loader configuration is the largest
// thing that a client sends.
const maxBody = 2 << 20

// A listener is where a request came in.
type listener uint8

const (
	overHTTPS listener = iota
	overHTTP
	inProcess
)

// A guard is who may call a route.
type guard uint8

const (
	open    guard = iota // anybody
	trusted              // trusted hosts, and a client certificate over TLS
)

// A route is one line of the API. Pattern segments that begin with a colon
// capture; a pattern that ends in a slash takes paths with and without it.
type route struct {
	method   string
	segments []string
	slash    bool // a trailing slash is fine
	guard    guard
	raw      bool // the body is not a form
	module   module
	handle   func(*call) error
}

func on(method, pattern string, g guard, handle func(*call) error) route {
	slash := strings.HasSuffix(pattern, "/")
	return route{
		method: method, guard: g, handle: handle, slash: slash,
		segments: strings.Split(strings.Trim(pattern, "/"), "/"),
	}
}

// match compares path segments and gives the captures.
func (r route) match(method string, path []string, slash bool) (map[string]string, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if r.method != method || len(path) != len(r.segments) || (slash && !r.slash) {
		return nil, false
	}
	captures := map[string]string{}
	for i, want := range r.segments {
		switch {
		case strings.HasPrefix(want, ":"):
			captures[want[1:]] = path[i]
		case want != path[i]:
			return nil, false
		}
	}
	return captures, true
}

// A call is one request on its way through a route.
type call struct {
	s      *Server
	w      *response
	r      *http.Request
	params form
	body   []byte // of raw routes
	route  route
}

func (c *call) ctx() context.Context { return c.r.Context() }

// param is a path capture, else a form or query value.
func (c *call) param(name string) string { return c.params.text(name) }

func (s *Server) handler(from listener) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if id == "" || len(id) > 128 {
			id = newRequestID()
		}
		r = r.WithContext(logs.WithRequestID(r.Context(), id))
		start := time.Now()
		out := &response{ResponseWriter: w, req: r, status: http.StatusOK}
		out.Header().Set("Server", "foreman-proxy/"+s.opts.Version)
		s.log.InfoContext(r.Context(), "Started", "method", r.Method, "path", r.URL.Path)
		s.guarded(out, r, from)
		s.log.InfoContext(r.Context(), "Finished", "method", r.Method, "path", r.URL.Path,
			"status", out.status, "ms", time.Since(start).Milliseconds())
	})
}

// guarded answers 500 where a handler panics, unless it has answered already.
func (s *Server) guarded(w *response, r *http.Request, from listener) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler || w.sent {
			panic(http.ErrAbortHandler) // the client sees a broken connection
		}
		s.log.ErrorContext(r.Context(), "panic", "reason", p, "stack", string(debug.Stack()))
		w.fail(errs.New(errs.Internal, "panic"), http.StatusInternalServerError)
	}()
	s.serve(w, r, from)
}

func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

func (s *Server) serve(w *response, r *http.Request, from listener) {
	if from != inProcess && lengthRequired(r) {
		w.page(http.StatusLengthRequired, "Length Required")
		return
	}
	rt, captures, ok := s.find(r, from)
	if !ok {
		w.notRouted()
		return
	}
	if rt.guard == trusted && from != inProcess {
		if err := s.authorize(r, from, belowMount(rt, r.URL.Path)); err != nil {
			s.log.WarnContext(r.Context(), "refused", "reason", err)
			w.fail(err, http.StatusForbidden)
			return
		}
	}
	c := &call{s: s, w: w, r: r, route: rt}
	if err := c.read(); err != nil {
		w.fail(err, statusOf(err))
		return
	}
	c.params.capture(captures)
	if err := rt.handle(c); err != nil {
		c.refuse(err)
	}
}

// find gives the route of a request and its captures.
func (s *Server) find(r *http.Request, from listener) (route, map[string]string, bool) {
	path := strings.TrimLeft(r.URL.Path, "/")
	slash := strings.HasSuffix(path, "/")
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for _, rt := range s.routes[segments[0]] {
		if captures, ok := rt.match(r.Method, segments, slash); ok && rt.module.exposed(from) {
			return rt, captures, true
		}
	}
	return route{}, nil, false
}

// read takes the body in, as a form or as it is.
func (c *call) read() (err error) {
	if c.route.raw {
		if c.body, err = readBody(c.r); err == nil {
			c.params, err = parseForm(c.r.URL.RawQuery)
		}
		return err
	}
	c.params, err = readForm(c.r)
	return err
}

// refuse answers an error of a handler in the module's way.
func (c *call) refuse(err error) {
	status := c.route.module.status(err)
	level := c.s.log.WarnContext
	if errs.Is(err, errs.Internal) || errs.Is(err, errs.Upstream) {
		level = c.s.log.ErrorContext
	}
	level(c.ctx(), "request failed", "method", c.r.Method, "path", c.r.URL.Path, "status", status, "error", err)
	c.w.fail(err, status)
}

// statusOf is the status of an error where a module says nothing else: Smart
// Proxy answers 400 for what is wrong with a request and for what its backends
// say alike.
func statusOf(err error) int {
	switch k := errs.KindOf(err); k {
	case errs.Malformed, errs.Invalid, errs.Upstream:
		return http.StatusBadRequest
	default:
		return k.Status()
	}
}

func lengthRequired(r *http.Request) bool {
	return (r.Method == http.MethodPost || r.Method == http.MethodPut) && r.ProtoMajor == 1 &&
		r.Header.Get("Content-Length") == "" && len(r.TransferEncoding) == 0
}

// belowMount is the path as a module sees it, which is what refusals name.
func belowMount(rt route, path string) string {
	mount := rt.module.mount
	if rest := strings.TrimPrefix(path, mount); rest != "" {
		return rest
	}
	return "/"
}
