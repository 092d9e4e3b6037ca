package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
)

func get(t *testing.T, ctx context.Context, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestRefusedAddresses(t *testing.T) {
	for _, url := range []string{
		"http://169.254.169.254/latest", "http://[fe80::1%25lo]/", "http://[::ffff:169.254.1.1]/",
		"http://[64:ff9b::a9fe:a9fe]/", "http://100.100.100.200/", "http://[fd00:ec2::254]/", "http://224.0.0.1/",
	} {
		_, err := fetch.New(fetch.Options{Timeout: 5 * time.Second}).Do(get(t, t.Context(), url))
		if !errs.Is(err, errs.Forbidden) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestRefusalHoldsAfterResolution(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	url := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
	o := fetch.Options{Refuse: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	if _, err := fetch.New(o).Do(get(t, t.Context(), url)); !errs.Is(err, errs.Forbidden) {
		t.Errorf("a name for a refused address: %v", err)
	}
	if resp, err := fetch.New(fetch.Options{}).Do(get(t, t.Context(), srv.URL)); err != nil || resp.StatusCode != 404 {
		t.Errorf("an allowed address: %v", err)
	}
}

func TestEnvironmentProxyIsNotUsed(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	for _, name := range []string{"http_proxy", "HTTP_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:1/")
	}
	if _, err := fetch.New(fetch.Options{}).Do(get(t, t.Context(), srv.URL)); err != nil {
		t.Error(err)
	}
}

func TestBodyIsBounded(t *testing.T) {
	bomb := &bytes.Buffer{}
	z := gzip.NewWriter(bomb)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bomb" {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
			return
		}
		_, _ = w.Write(make([]byte, 2000))
	}))
	defer srv.Close()
	c := fetch.New(fetch.Options{MaxBody: 1999})
	for _, path := range []string{"/", "/bomb"} {
		if _, _, err := c.Read(get(t, t.Context(), srv.URL+path)); !errs.Is(err, errs.TooLarge) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, data, err := fetch.New(fetch.Options{MaxBody: 2000}).Read(get(t, t.Context(), srv.URL)); err != nil || len(data) != 2000 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestTimeIsBounded(t *testing.T) {
	done := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
		}
		<-done
	}))
	defer srv.Close()
	defer close(done)
	c := fetch.New(fetch.Options{Timeout: 50 * time.Millisecond})
	for _, path := range []string{"/head", "/body?token=canary"} {
		_, _, err := c.Read(get(t, t.Context(), srv.URL+path))
		if !errs.Is(err, errs.Upstream) || !strings.Contains(err.Error(), "within 50ms") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", path, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(get(t, ctx, srv.URL)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRedirects(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/end" {
			http.Redirect(w, r, "/end", http.StatusFound)
		}
	}))
	defer srv.Close()
	for _, c := range []struct {
		method string
		follow int
		status int
	}{{"GET", 0, 302}, {"GET", 1, 200}, {"POST", 5, 302}} {
		req, _ := http.NewRequestWithContext(t.Context(), c.method, srv.URL, http.NoBody)
		resp, err := fetch.New(fetch.Options{FollowRedirects: c.follow}).Do(req)
		if err != nil || resp.StatusCode != c.status {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestOnlyHTTP(t *testing.T) {
	for _, url := range []string{"file:///etc/passwd", "ftp://x/", "gopher://x/", "http:///x"} {
		if _, err := fetch.New(fetch.Options{}).Do(get(t, t.Context(), url)); !errs.Is(err, errs.Malformed) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestHandler(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/panic":
			panic("broken")
		case "/empty":
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Before", "1")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-After", "1")
		_, _ = w.Write(append(body, r.URL.RawQuery...))
	})
	c := fetch.New(fetch.Options{Transport: fetch.Handler(h)})
	req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://here/x?q=1", strings.NewReader("body "))
	resp, body, err := c.Read(req)
	if err != nil || resp.StatusCode != 418 || string(body) != "body q=1" ||
		resp.Header.Get("X-Before") != "1" || resp.Header.Get("X-After") != "" {
		t.Errorf("%v %q %v", resp, body, err)
	}
	if _, err := c.Do(get(t, t.Context(), "http://here/panic")); !errs.Is(err, errs.Upstream) {
		t.Errorf("panic: %v", err)
	}
	if resp, err := c.Do(get(t, t.Context(), "http://here/empty")); err != nil || resp.StatusCode != 200 {
		t.Errorf("empty: %v", err)
	}
}
