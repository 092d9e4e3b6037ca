package server_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/puppet/server"
)

// slow compiles when it is told to.
type slow struct {
	begun chan struct{}
	go_   chan struct{}
}

func (s slow) Compile(ctx context.Context, r server.CompileRequest) (server.Catalog, error) {
	s.begun <- struct{}{}
	select {
	case <-s.go_:
		return server.Catalog{Wire: []byte("{}")}, nil
	case <-ctx.Done():
		return server.Catalog{}, ctx.Err()
	}
}

// TestHerd lets more agents come than may wait: one compiles, two wait, the rest
// are told to come back, and all that were let in are served.
func TestHerd(t *testing.T) {
	compiler := slow{begun: make(chan struct{}, 10), go_: make(chan struct{})}
	s := newSite(t, pki.Policy{}, func(_ *site, o *server.Options) {
		o.Compiler, o.Compilations, o.Waiting = compiler, 1, 2
	})
	c := s.client(agentName)
	const line = "GET /puppet/v3/catalog/" + agentName + "?environment=production"
	answers := make(chan answer, 3)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { answers <- s.call(c, line, "") })
	}
	<-compiler.begun
	for ; s.server.Counters().Compiling < 3; runtime.Gosched() { // the others are on their way
		if s.server.Counters().Rejected > 0 {
			t.Fatal("somebody was rejected too early")
		}
	}
	for range 5 {
		a := s.call(c, line, "")
		after, err := strconv.Atoi(a.header.Get("Retry-After"))
		if a.status != 503 || err != nil || after < 1 || after > 31 {
			t.Errorf("%d, Retry-After %q", a.status, a.header.Get("Retry-After"))
		}
	}
	close(compiler.go_)
	wg.Wait()
	close(answers)
	for a := range answers {
		if a.status != 200 {
			t.Errorf("one that was let in got %d %s", a.status, a.body)
		}
	}
	if got := s.server.Counters(); got.Rejected != 5 || got.Catalogs != 3 || got.Compiling != 0 {
		t.Errorf("counters %+v", got)
	}
}

// endless is a body without end.
type endless struct{ sent atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.sent.Add(int64(len(p)))
	return len(p), nil
}

// TestHostileBodies sends what no agent sends; nothing is stored, and the answer
// is a clear 4xx.
func TestHostileBodies(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	c := s.client(agentName)
	const env = "?environment=production"
	catalog, facts, report := "POST /puppet/v3/catalog/"+agentName+env, "PUT /puppet/v3/facts/"+agentName+env, "PUT /puppet/v3/report/"+agentName+env
	form := func(text string) string {
		return url.Values{"facts_format": {"application/json"}, "facts": {url.PathEscape(text)}}.Encode()
	}
	own := `{"name":"` + agentName + `","values":`
	for _, x := range []struct {
		what, line, body, ctype string
		status                  int
	}{
		{"deep facts", catalog, form(own + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5001)), "form", 413},
		{"deep list", facts, own + strings.Repeat("[", 100000), "json", 413},
		{"facts that are a list", facts, own + `[]}`, "json", 400},
		{"facts without values", facts, own + `null}`, "json", 400},
		{"facts cut off", facts, own, "json", 400},
		{"facts twice", facts, own + `{}}{}`, "json", 400},
		{"bad percent", catalog, "facts_format=pson&facts=%25zz", "form", 400},
		{"bad form", catalog, "facts=%zz", "form", 400},
		{"facts in YAML", catalog, "facts_format=yaml&facts=a", "form", 400},
		{"form of another type", catalog, "{}", "json", 415},
		{"report as text", report, "x", "text/plain", 415},
		{"report as YAML", report, "--- a", "text/yaml", 415},
		{"report without a time", report, `{"host":"` + agentName + `","time":"now","status":"changed","logs":[]}`, "json", 400},
		{"report with a bad log", report, `{"host":"` + agentName + `","time":"2026-11-23T17:49:17Z","status":"changed","logs":[{"level":1}]}`, "json", 400},
		{"report with bad statuses", report, `{"host":"` + agentName + `","time":"2026-11-23T17:49:17Z","status":"changed","logs":[],"resource_statuses":[]}`, "json", 400},
		{"report with a huge number", report, `{"host":"` + agentName + `","time":"2026-11-23T17:49:17Z","status":"changed","logs":[],"report_format":1e999}`, "json", 400},
	} {
		ctype := map[string]string{"form": "application/x-www-form-urlencoded", "json": "application/json"}[x.ctype]
		if ctype == "" {
			ctype = x.ctype
		}
		if a := s.call(c, x.line, x.body, "Content-Type: "+ctype); a.status != x.status && (x.status != 413 || a.status != 400) {
			t.Errorf("%s: %d %.200s", x.what, a.status, a.body)
		}
	}
	if a := s.call(c, report, "x", "Content-Type: application/json", "Content-Encoding: gzip"); a.status != 415 {
		t.Errorf("a compressed body: %d", a.status)
	}
	if len(s.facts)+len(s.reports)+len(s.catalogs) != 0 {
		t.Error("something was stored")
	}
}

// TestEndlessBody stops reading at the bound.
func TestEndlessBody(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	c := s.client(agentName)
	for path, bound := range map[string]int64{
		"/puppet-ca/v1/certificate_request/x.test":      pki.MaxRequest,
		"/puppet/v3/facts/" + agentName:                 32 << 20,
		"/puppet/v3/file_bucket_file/sha256/x/" + "abc": 64 << 20,
	} {
		body := &endless{}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://"+s.address+path+"?environment=production", body)
		s.must(err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := c.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode/100 != 4 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
		if sent := body.sent.Load(); sent > bound+(8<<20) {
			t.Errorf("%s: %d bytes were taken", path, sent)
		}
	}
}
