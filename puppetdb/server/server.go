// Package server is PuppetDB's HTTP edge: commands, queries, metadata and
// status as the wire reference has them. It decodes, calls puppetdb, encodes.
//
// It imports puppetdb and internal; no other edge.
package server

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppetdb/query"
	"github.com/chargehand/chargehand/puppetdb/queue"
	"golang.org/x/sync/semaphore"
)

// A Service is what the edge stands on; *puppetdb.Service is one.
type Service interface {
	// Submit acknowledges a durable command.
	Submit(ctx context.Context, name string, version int, certname string, payload []byte) (queue.Receipt, error)
	// Answer streams rows as a JSON array.
	Answer(ctx context.Context, w io.Writer, q *query.Query) error
	// Count counts without limit and offset.
	Count(ctx context.Context, q *query.Query) (int64, error)
	// Ready tells whether the database answers.
	Ready(ctx context.Context) error
	// Status tells how full the queue is.
	Status() queue.Status
}

// Options are what the edge needs.
type Options struct {
	Service Service
	Log     *slog.Logger
	// Allow decides by the peer certificate's name who may ask, where a
	// certificate was asked for; nil allows everyone that the listener let in.
	Allow func(certname string) bool
	// Version is answered as PuppetDB's own; clients compare it.
	Version string
}

// A route is one row of the map below. An error becomes the answer.
type route struct {
	pattern string
	handle  func(s *edge, w http.ResponseWriter, r *http.Request) error
	open    bool // needs no allowed certificate
}

func routes() []route {
	return []route{
		{pattern: "/pdb/cmd/v1", handle: (*edge).command},
		{pattern: "/pdb/query/v4", handle: (*edge).root},
		{pattern: "/pdb/query/v4/{rest...}", handle: (*edge).entity},
		{pattern: "GET /pdb/meta/v1/version", handle: (*edge).version},
		{pattern: "GET /pdb/meta/v1/version/latest", handle: (*edge).latest},
		{pattern: "GET /pdb/meta/v1/server-time", handle: (*edge).serverTime},
		{pattern: "GET /status/v1/simple", handle: (*edge).simple, open: true},
		{pattern: "GET /status/v1/services", handle: (*edge).services, open: true},
	}
}

type edge struct {
	Options
	room *semaphore.Weighted // memory for commands that arrive
}

// New gives the handler of both listeners, plain and TLS.
func New(opts Options) http.Handler {
	e := &edge{Options: opts, room: semaphore.NewWeighted(maxCommands)}
	mux := http.NewServeMux()
	for _, rt := range routes() {
		mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) {
			if !rt.open && !e.allowed(r) {
				e.fail(w, r, errs.New(errs.Forbidden, "Permission denied: the certificate %q is not on the allow-list", peerName(r)))
				return
			}
			if err := rt.handle(e, w, r); err != nil {
				e.fail(w, r, err)
			}
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A title in a path may hold slashes in a row; the mux would tidy them away.
		if strings.Contains(r.URL.EscapedPath(), "//") {
			http.Redirect(w, r, "/pdb/dashboard/index.html", http.StatusFound)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func peerName(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	return r.TLS.PeerCertificates[0].Subject.CommonName
}

func (e *edge) allowed(r *http.Request) bool {
	if r.TLS == nil || e.Allow == nil {
		return true
	}
	return e.Allow(peerName(r))
}

// A jsonError answers as {"error": …} instead of plain text.
type jsonError struct{ error }

func (e jsonError) Unwrap() error { return e.error }

// fail writes an error: query errors are plain text; errors about commands and
// missing single objects are JSON, by which the terminus tells them apart.
func (e *edge) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody listens
	}
	kind := errs.KindOf(err)
	if kind.Status() >= 500 {
		e.Log.Error("puppetdb: answering", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if kind == errs.Unavailable {
		w.Header().Set("Retry-After", "5")
	}
	if (kind == errs.TooLarge || kind == errs.Unsupported) && strings.HasPrefix(r.URL.Path, "/pdb/query/") {
		kind = errs.Malformed
	}
	if asJSON, ok := err.(jsonError); ok {
		writeJSON(w, kind.Status(), map[string]string{"error": errs.PublicText(asJSON.error)})
		return
	}
	w.Header().Set("Content-Type", "text/plain;charset=utf-8")
	w.WriteHeader(kind.Status())
	_, _ = io.WriteString(w, errs.PublicText(err))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}
