package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppetdb/query"
	"github.com/chargehand/chargehand/puppetdb/queue"
	"github.com/chargehand/chargehand/puppetdb/server"
)

// A sink takes commands and remembers the size of the last.
type sink struct{ size int }

func (s *sink) Submit(_ context.Context, _ string, _ int, _ string, payload []byte) (queue.Receipt, error) {
	s.size = len(payload)
	return queue.Receipt{}, nil
}

func (*sink) Answer(_ context.Context, w io.Writer, _ *query.Query) error {
	_, err := io.WriteString(w, "[]")
	return err
}
func (*sink) Count(context.Context, *query.Query) (int64, error) { return 0, nil }
func (*sink) Ready(context.Context) error                        { return errs.New(errs.Unavailable, "down") }
func (*sink) Status() queue.Status                               { return queue.Status{} }

func sinkhole(allow func(string) bool) (*sink, http.Handler) {
	s := &sink{}
	return s, server.New(server.Options{Service: s, Log: slog.New(slog.DiscardHandler), Version: "7.12.1", Allow: allow})
}

// zeros is a gzip stream of n bytes.
func zeros(t *testing.T, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if _, err := io.CopyN(zw, repeat{}, n); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type repeat struct{}

func (repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestCompressedBombs(t *testing.T) {
	for _, c := range []struct {
		size   int64
		status int
	}{{1 << 10, 200}, {1 << 20, 200}, {1<<20 + 1, 200}, {64 << 20, 200}, {64<<20 + 1, 413}, {512 << 20, 413}} {
		s, h := sinkhole(nil)
		bomb := zeros(t, c.size)
		for range 3 { // what was set aside is given back
			r := httptest.NewRequest(http.MethodPost, "/pdb/cmd/v1?command=replace_facts&version=5&certname=a", bytes.NewReader(bomb))
			r.Header.Set("Content-Encoding", "gzip")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status || c.status == 200 && int64(s.size) != c.size {
				t.Errorf("%d bytes: %d %.100s, %d arrived", c.size, w.Code, w.Body, s.size)
			}
		}
	}
}

func TestTruncatedGzip(t *testing.T) {
	_, h := sinkhole(nil)
	whole := zeros(t, 1000)
	r := httptest.NewRequest(http.MethodPost, "/pdb/cmd/v1?command=replace_facts&version=5&certname=a", bytes.NewReader(whole[:len(whole)-9]))
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDeepQueries(t *testing.T) {
	_, h := sinkhole(nil)
	for _, deep := range []string{strings.Repeat("[", 1_000_000), `["from","nodes",` + strings.Repeat(`["not",`, 5000) + `["=","certname","a"]` + strings.Repeat("]", 5001)} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/pdb/query/v4", strings.NewReader(`{"query":`+deep+`}`)))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%d %.100s", w.Code, w.Body)
		}
	}
}

// TestAllowList holds that being known to the CA is not enough.
func TestAllowList(t *testing.T) {
	_, h := sinkhole(func(name string) bool { return name == "compiler.test" })
	for _, c := range []struct {
		name, path string
		status     int
	}{
		{"compiler.test", "/pdb/query/v4/nodes", 200},
		{"agent.test", "/pdb/query/v4/nodes", 403},
		{"", "/pdb/query/v4/nodes", 403},
		{"agent.test", "/pdb/query/v4", 403},
		{"agent.test", "/pdb/cmd/v1", 403},
		{"agent.test", "/pdb/meta/v1/version", 403},
		{"agent.test", "/status/v1/simple", 503},
	} {
		t.Run(fmt.Sprint(c.name, c.path), func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, c.path, nil)
			r.TLS = &tls.ConnectionState{}
			if c.name != "" {
				r.TLS.PeerCertificates = []*x509.Certificate{{Subject: pkix.Name{CommonName: c.name}}}
			}
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != c.status {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}
