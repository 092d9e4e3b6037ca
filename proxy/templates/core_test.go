package templates_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/proxy/templates"
)

// A seen is what core was asked.
type seen struct {
	method, uri, body string
	header            http.Header
}

func core(t *testing.T, base string, status int) (*templates.Core, *seen) {
	t.Helper()
	s := &seen{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*s = seen{r.Method, r.RequestURI, string(body), r.Header}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "answer")
	}))
	t.Cleanup(srv.Close)
	c, err := templates.New(srv.URL+base, "http://proxy:8000", fetch.New(fetch.Options{MaxBody: 100}))
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func TestForward(t *testing.T) {
	for _, c := range []struct {
		base, path, query, url, want string
	}{
		{"", "/unattended/provision", "token=a", "", "/unattended/provision?token=a&url=http%3A%2F%2Fproxy%3A8000"},
		{"/foreman/", "/unattended/provision", "kind=x&path=y&splat=1&token=a&url=evil", "", "/foreman/unattended/provision?token=a&url=http%3A%2F%2Fproxy%3A8000"},
		{"", "/unattended/template/Kick start/a/b", "", "", "/unattended/template/Kick+start/a/b?url=http%3A%2F%2Fproxy%3A8000"},
		{"", "/register", "force=1", "https://other", "/register?force=1&url=https%3A%2F%2Fother"},
		{"", "/unattended/a?b#c\r\nX: y", "", "", "/unattended/a%3Fb%23c%0D%0AX:+y?url=http%3A%2F%2Fproxy%3A8000"},
	} {
		p, s := core(t, c.base, 201)
		got, err := p.Forward(t.Context(), templates.Request{Method: "GET", Path: c.path, RawQuery: c.query, URL: c.url})
		if err != nil || got.Status != 201 || string(got.Body) != "answer" || s.uri != c.want {
			t.Errorf("%+v: %+v %v\nasked %s\nwant  %s", c, got, err, s.uri, c.want)
		}
	}
}

func TestForwardedHeaders(t *testing.T) {
	p, s := core(t, "", 200)
	h := http.Header{}
	for name, value := range map[string]string{
		"X-Rhn-Provisioning-Mac-0": "eth0 52:54:00:00:00:01", "X_rhn_provisioning_mac_1": "eth1 52:54:00:00:00:02",
		"X-Forwarded-For": "198.51.100.66", "X-Ssl-Client-S-Dn": "CN=core", "Ssl_client_verify": "SUCCESS",
		"Authorization": "Basic canary", "Cookie": "canary", "Forwarded": "for=x", "X-Real-Ip": "x",
		"User-Agent": "anaconda", "Accept": "text/plain", "X-Anaconda-Architecture": "x86_64",
	} {
		h[name] = []string{value}
	}
	if _, err := p.Forward(t.Context(), templates.Request{Method: "POST", Path: "/unattended/built", Header: h, Peer: "192.0.2.7", Body: []byte("log")}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-Rhn-Provisioning-Mac-0": "eth0 52:54:00:00:00:01", "X-Rhn-Provisioning-Mac-1": "eth1 52:54:00:00:00:02",
		"X-Forwarded-For": "192.0.2.7", "User-Agent": "anaconda", "Accept": "text/plain,application/json,version=2",
		"X-Anaconda-Architecture": "x86_64", "Content-Type": "text/plain",
		"X-Ssl-Client-S-Dn": "", "Ssl-Client-Verify": "", "Ssl_client_verify": "", "Authorization": "", "Cookie": "", "Forwarded": "", "X-Real-Ip": "",
	} {
		if got := strings.Join(s.header[http.CanonicalHeaderKey(name)], "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if s.method != "POST" || s.body != "log" {
		t.Errorf("%+v", s)
	}
}

func TestForwardFailures(t *testing.T) {
	p, _ := core(t, "", 200)
	if _, err := p.Forward(t.Context(), templates.Request{Method: "GET", Path: "/x", RawQuery: "%zz"}); !errs.Is(err, errs.Malformed) {
		t.Error(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 101)) }))
	p, err := templates.New(srv.URL, "http://proxy:8000", fetch.New(fetch.Options{MaxBody: 100}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Forward(t.Context(), templates.Request{Method: "GET", Path: "/x"}); !errs.Is(err, errs.TooLarge) {
		t.Error(err)
	}
	srv.Close()
	if _, err := p.Forward(t.Context(), templates.Request{Method: "GET", Path: "/x"}); !errs.Is(err, errs.Upstream) {
		t.Error(err)
	}
	for _, bad := range [][2]string{{"", "http://p"}, {"core", "http://p"}, {"http://core", "proxy"}, {"http://core", ""}} {
		if _, err := templates.New(bad[0], bad[1], fetch.New(fetch.Options{})); !errs.Is(err, errs.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
