package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/app"
	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/errs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Compiling the Ruby interpreter cannot be interrupted; stopping leaves it behind.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/chargehand/chargehand/app.(*App).compileRuby.func1"))
}

const password = "correct horse battery"

// settings is a configuration with every listener on a free port of loopback.
func settings(t *testing.T, dir string, set ...string) *config.Config {
	t.Helper()
	all := []string{"fqdn=site.test", "roles=core,proxy,puppet,puppetdb", "puppet.code_dir=" + filepath.Join(dir, "code")}
	for _, key := range []string{"web.http", "web.https", "proxy.https", "puppet.https", "puppetdb.http", "puppetdb.https"} {
		all = append(all, key+"=127.0.0.1:0")
	}
	// A folder that is not empty stands for an interpreter that is compiled.
	cache := filepath.Join(dir, "cache")
	if err := os.MkdirAll(filepath.Join(cache, "ruby", "compiled"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf, err := config.Load(config.Sources{File: os.DevNull, DataDir: filepath.Join(dir, "data"), Set: append(append(all, "cache_dir="+cache), set...)})
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// A site is an app that runs.
type site struct {
	*testing.T
	*app.App
	dir    string
	stderr *bytes.Buffer
	stop   func() error
}

func build(t *testing.T, dir string, set ...string) (*app.App, *bytes.Buffer, error) {
	t.Helper()
	var stderr bytes.Buffer
	a, err := app.New(t.Context(), app.Options{
		Config: settings(t, dir, set...), Version: "test", Log: slog.New(slog.DiscardHandler), Stderr: &stderr, AdminPassword: password,
	})
	return a, &stderr, err
}

func start(t *testing.T, set ...string) *site {
	t.Helper()
	return startIn(t, t.TempDir(), set...)
}

func startIn(t *testing.T, dir string, set ...string) *site {
	t.Helper()
	s := &site{T: t, dir: dir}
	var err error
	if s.App, s.stderr, err = build(t, s.dir, set...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.App.Run(ctx) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	ready, done := context.WithTimeout(t.Context(), 30*time.Second)
	defer done()
	if err := s.WaitReady(ready); err != nil {
		t.Fatal(err)
	}
	return s
}

// client reaches every name at the bound ports; with or without the process's
// own certificate.
func (s *site) client(own bool) *http.Client {
	s.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.CACertificate()) {
		s.Fatal("no CA certificate")
	}
	conf := &tls.Config{RootCAs: roots, ServerName: "localhost"}
	if own {
		ssl := filepath.Join(s.dir, "data", "ssl")
		pair, err := tls.LoadX509KeyPair(filepath.Join(ssl, "certs", "site.test.pem"), filepath.Join(ssl, "private_keys", "site.test.pem"))
		if err != nil {
			s.Fatal(err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: conf}
	s.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (s *site) do(client *http.Client, method, key, path string, header ...string) (*http.Response, string) {
	s.Helper()
	scheme := "https://"
	if strings.HasSuffix(key, ".http") {
		scheme = "http://"
	}
	req, err := http.NewRequestWithContext(s.Context(), method, scheme+s.Endpoints()[key]+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if header := req.Header.Get("Authorization"); header == "admin" {
		req.SetBasicAuth("admin", password)
	}
	resp, err := client.Do(req)
	if err != nil {
		s.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp, string(text)
}

func TestSite(t *testing.T) {
	s := start(t)
	anyone, own := s.client(false), s.client(true)
	for _, c := range []struct {
		name   string
		client *http.Client
		key    string
		path   string
		header []string
		status int
	}{
		{name: "ping", client: anyone, key: "web.https", path: "/api/v2/ping", status: 200},
		{name: "API without a login", client: anyone, key: "web.https", path: "/api/hosts", status: 401},
		{name: "API with one", client: anyone, key: "web.https", path: "/api/hosts", header: []string{"Authorization", "admin"}, status: 200},
		{name: "a remembered password from another site", client: anyone, key: "web.https", path: "/api/hosts", header: []string{"Authorization", "admin", "Sec-Fetch-Site", "cross-site"}, status: 200},
		{name: "proxy", client: own, key: "proxy.https", path: "/v2/features", status: 200},
		{name: "proxy without a certificate", client: anyone, key: "proxy.https", path: "/v2/features", status: 403},
		{name: "puppet", client: anyone, key: "puppet.https", path: "/status/v1/simple", status: 200},
		{name: "puppetdb", client: own, key: "puppetdb.https", path: "/pdb/query/v4/nodes", status: 200},
		{name: "puppetdb on loopback", client: anyone, key: "puppetdb.http", path: "/status/v1/simple", status: 200},
		{name: "classifier without a certificate", client: anyone, key: "web.https", path: "/node/a.test", status: 403},
		{name: "classifier with a header instead", client: anyone, key: "web.https", path: "/node/a.test", header: []string{"SSL_CLIENT_S_DN", "CN=site.test", "X-SSL-Client-S-DN", "CN=site.test", "SSL_CLIENT_VERIFY", "SUCCESS"}, status: 403},
		{name: "classifier about nobody", client: own, key: "web.https", path: "/node/a.test", status: 404},
		{name: "metrics here", client: anyone, key: "web.https", path: "/metrics", status: 200},
		{name: "metrics through a proxy here", client: anyone, key: "web.https", path: "/metrics", header: []string{"X-Forwarded-For", "127.0.0.1"}, status: 403},
		{name: "metrics with a certificate", client: own, key: "web.https", path: "/metrics", header: []string{"X-Forwarded-For", "192.0.2.1"}, status: 200},
		{name: "plain HTTP that claims to be secure", client: anyone, key: "web.http", path: "/api/v2/ping", header: []string{"X-Forwarded-Proto", "https"}, status: 301},
	} {
		t.Run(c.name, func(t *testing.T) {
			if resp, text := s.do(c.client, http.MethodGet, c.key, c.path, c.header...); resp.StatusCode != c.status {
				t.Errorf("%s, want %d: %.200s", resp.Status, c.status, text)
			}
		})
	}
	if resp, text := s.do(anyone, http.MethodPost, "web.https", "/api/domains", "Authorization", "admin", "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site changes records with a remembered password: %s %.200s", resp.Status, text)
	}
	resp, _ := s.do(anyone, http.MethodGet, "web.http", "/hosts/x?y=1")
	if _, port, _ := net.SplitHostPort(s.Endpoints()["web.https"]); resp.Header.Get("Location") != "https://site.test:"+port+"/hosts/x?y=1" {
		t.Errorf("redirected to %s", resp.Header.Get("Location"))
	}
	s.wantEndpoints()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.stderr.String(), "chargehand test is ready: ") {
		t.Errorf("said %q", s.stderr)
	}
}

func (s *site) wantEndpoints() {
	s.Helper()
	path := filepath.Join(s.dir, "data", "run", "endpoints.json")
	for deadline := time.Now().Add(10 * time.Second); ; {
		text, err := os.ReadFile(path)
		var found map[string]string
		if err == nil {
			err = json.Unmarshal(text, &found)
		}
		if err == nil {
			for key, addr := range s.Endpoints() {
				if found[key] != addr {
					s.Errorf("%s: %s is %q, bound is %q", path, key, found[key], addr)
				}
			}
			return
		}
		if time.Now().After(deadline) {
			s.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestPrivateFiles looks at what another user of the machine could read.
func TestPrivateFiles(t *testing.T) {
	s := start(t)
	err := filepath.WalkDir(filepath.Join(s.dir, "data"), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(s.dir, path)
		secret := strings.Contains(rel, "private_keys") || strings.HasSuffix(rel, ".db") || strings.HasSuffix(rel, ".key") || strings.Contains(rel, "password")
		if secret && !d.IsDir() && info.Mode().Perm()&0o077 != 0 || info.Mode().Perm()&0o022 != 0 {
			t.Errorf("%s has mode %v", rel, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestBehindAProxy(t *testing.T) {
	s := start(t, "web.trusted_proxies=127.0.0.1", "roles=core")
	client := s.client(false)
	if resp, text := s.do(client, http.MethodGet, "web.http", "/api/v2/ping", "X-Forwarded-Proto", "https", "X-Forwarded-For", "192.0.2.1"); resp.StatusCode != http.StatusOK {
		t.Errorf("%s %.200s", resp.Status, text)
	}
	for _, header := range [][]string{nil, {"X-Forwarded-For", "127.0.0.1"}, {"X-Forwarded-For", "127.0.0.1, 192.0.2.1"}} {
		if resp, _ := s.do(client, http.MethodGet, "web.https", "/metrics", header...); resp.StatusCode != http.StatusForbidden {
			t.Errorf("metrics with %v: %s", header, resp.Status)
		}
	}
}

func TestRolesApart(t *testing.T) {
	for roles, want := range map[string]string{
		"core": "web.http web.https", "puppetdb": "puppetdb.http puppetdb.https", "proxy": "proxy.https", "puppet": "puppet.https",
	} {
		t.Run(roles, func(t *testing.T) {
			s := start(t, "roles="+roles)
			for key := range s.Endpoints() {
				if !strings.Contains(want, key) {
					t.Errorf("%s is bound", key)
				}
			}
			if n := len(strings.Fields(want)); len(s.Endpoints()) != n {
				t.Errorf("%v is bound", s.Endpoints())
			}
		})
	}
}

func TestTakenPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	_, _, err = build(t, t.TempDir(), "puppetdb.https="+ln.Addr().String())
	if !errs.Is(err, errs.Unavailable) || !strings.Contains(err.Error(), "puppetdb.https") {
		t.Errorf("err = %v", err)
	}
}

func TestOneServerPerDataFolder(t *testing.T) {
	s := start(t, "roles=puppetdb")
	_, _, err := build(t, s.dir, "roles=puppetdb")
	if !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "data_dir") {
		t.Errorf("err = %v", err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	a, _, err := build(t, s.dir, "roles=puppetdb")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
