package server_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/proxy/dns"
	"github.com/chargehand/chargehand/proxy/remote"
	"github.com/chargehand/chargehand/proxy/server"
)

// An authority signs certificates for tests.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.key, a.cert = signed(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
	return a
}

func signed(t *testing.T, template *x509.Certificate, by *authority) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, parentKey := template, key
	if by != nil {
		parent, parentKey = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func (a *authority) issue(t *testing.T, cn string, names ...string) tls.Certificate {
	t.Helper()
	key, cert := signed(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: cn}, DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, a)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// runTLS runs a server on a loopback TLS listener until the test ends.
func runTLS(t *testing.T, o server.Options, ca *authority) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	conf := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "proxy")}, ClientCAs: ca.pool(), MinVersion: tls.VersionTLS10}
	go func() { done <- server.New(o).Run(ctx, server.Listeners{HTTPS: ln, TLS: conf}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return "https://" + ln.Addr().String()
}

func ask(t *testing.T, url, path string, conf *tls.Config) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, body, err := fetch.New(fetch.Options{TLS: conf}).Read(req)
	if err != nil {
		return 0, "", err
	}
	return resp.StatusCode, string(body), nil
}

func TestClientCertificates(t *testing.T) {
	ca, foreign := newAuthority(t), newAuthority(t)
	w := newWorld(t)
	none := tls.Certificate{}
	for _, c := range []struct {
		what    string
		trusted []string
		cert    tls.Certificate
		status  int
		text    string
	}{
		{"no list, no certificate", nil, none, 403, "No client SSL certificate supplied"},
		{"no list, any certificate", nil, ca.issue(t, "anyone"), 200, ""},
		{"no list, no common name", nil, ca.issue(t, ""), 200, ""},
		{"list, no certificate", []string{"core.example.test"}, none, 403, "could not read client cert from environment"},
		{"list, listed", []string{"core.example.test"}, ca.issue(t, "core.example.test"), 200, ""},
		{"list, listed but for case", []string{"core.example.test"}, ca.issue(t, "Core.Example.Test"), 200, ""},
		{"list in capitals never matches", []string{"Core.example.test"}, ca.issue(t, "Core.example.test"), 403, "Untrusted client"},
		{"list, another", []string{"core.example.test"}, ca.issue(t, "evil.example.test"), 403, "Untrusted client evil.example.test attempted to access /serverName. Check :trusted_hosts: in settings.yml"},
		{"list, alternative name only", []string{"core.example.test"}, ca.issue(t, "", "core.example.test"), 403, "could not read CN from the client certificate"},
		{"empty list is nobody", []string{}, ca.issue(t, "core.example.test"), 403, "Untrusted client"},
	} {
		o := w.options()
		o.TrustedHosts = c.trusted
		url := runTLS(t, o, ca)
		conf := &tls.Config{RootCAs: ca.pool(), MinVersion: tls.VersionTLS12}
		if c.cert.PrivateKey != nil {
			conf.Certificates = []tls.Certificate{c.cert}
		}
		status, body, err := ask(t, url, "/tftp/serverName", conf)
		if err != nil || status != c.status || !strings.Contains(body, c.text) {
			t.Errorf("%s: %d %q %v", c.what, status, body, err)
		}
		if status, _, err := ask(t, url, "/features", conf); err != nil || status != 200 {
			t.Errorf("%s: the open list: %d %v", c.what, status, err)
		}
		if status, _, err := ask(t, url, "/v2/features", conf); err != nil || status != c.status {
			t.Errorf("%s: the full list: %d %v", c.what, status, err)
		}
	}
	conf := &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{foreign.issue(t, "core.example.test")}}
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &conf.Certificates[0], nil }
	if status, _, err := ask(t, runTLS(t, w.options(), ca), "/features", conf); err == nil {
		t.Errorf("a certificate of another CA got %d", status)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	ca := newAuthority(t)
	url := runTLS(t, newWorld(t).options(), ca)
	_, _, err := ask(t, url, "/features", &tls.Config{RootCAs: ca.pool(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

// names is a resolver of few names.
type names map[string][]string

func (n names) look(key string) ([]string, error) {
	if v := n[key]; v != nil {
		return v, nil
	}
	return nil, errors.New("no such host")
}

func (n names) LookupAddr(_ context.Context, addr string) ([]string, error) { return n.look(addr) }
func (n names) LookupHost(_ context.Context, host string) ([]string, error) { return n.look(host) }

func TestPlainClients(t *testing.T) {
	for _, c := range []struct {
		what    string
		trusted []string
		names   names
		verify  bool
		status  int
		text    string
	}{
		{"no list", nil, nil, true, 200, ""},
		{"listed", []string{"core.example.test"}, names{"127.0.0.1": {"Core.example.test."}}, false, 200, ""},
		{"not listed", []string{"core.example.test"}, names{"127.0.0.1": {"x.example.test."}}, false, 403, "Untrusted client x.example.test"},
		{"no name", []string{"core.example.test"}, nil, false, 403, "unable to resolve hostname for ip address 127.0.0.1"},
		{"name that does not lead back", []string{"core.example.test"}, names{"127.0.0.1": {"core.example.test."}, "core.example.test": {"192.0.2.1"}}, true, 403, "no matching forward DNS lookup"},
		{"name that leads back", []string{"core.example.test"}, names{"127.0.0.1": {"core.example.test."}, "core.example.test": {"192.0.2.1", "127.0.0.1"}}, true, 200, ""},
	} {
		w := newWorld(t)
		o := w.options()
		o.TrustedHosts, o.Resolver, o.ForwardVerify = c.trusted, c.names, c.verify
		w.url = runPlain(t, o)
		if got := w.do(t, "GET", "/tftp/serverName", ""); got.status != c.status || !strings.Contains(got.body, c.text) {
			t.Errorf("%s: %+v", c.what, got)
		}
	}
}

// TestClientOverTLS: the client speaks to a guarded server, and says who refused
// and why.
func TestClientOverTLS(t *testing.T) {
	ca := newAuthority(t)
	w := newWorld(t)
	o := w.options()
	o.TrustedHosts = []string{"core.example.test"}
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	url := runTLS(t, o, ca)
	client := func(cn string) *remote.Client {
		conf := &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{ca.issue(t, cn)}, MinVersion: tls.VersionTLS12}
		c, err := remote.New(url, fetch.New(fetch.Options{TLS: conf}))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	features, err := client("core.example.test").Features(t.Context())
	if err != nil || len(features) != 7 || features["dhcp"].Capabilities[0] != "dhcp_filename_hostname" {
		t.Errorf("%v %v", features, err)
	}
	if v, modules, err := client("core.example.test").Version(t.Context()); err != nil || v != "3.13.0-develop" || modules["dns"] == "" {
		t.Errorf("%v %v %v", v, modules, err)
	}
	_, err = client("evil.example.test").DHCP().Subnets(t.Context())
	if !errs.Is(err, errs.Forbidden) || !strings.Contains(err.Error(), url) || !strings.Contains(err.Error(), "Untrusted client") {
		t.Error(err)
	}
}

// runPlain runs a server on a loopback listener until the test ends.
func runPlain(t *testing.T, o server.Options) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.New(o).Run(ctx, server.Listeners{HTTP: ln}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// TestSlowClients: clients that do not finish their headers, or send too many,
// do not keep others waiting.
func TestSlowClients(t *testing.T) {
	w := newWorld(t)
	w.url = runPlain(t, w.options())
	for range 200 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /features HTTP/1.1\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.do(t, "GET", "/features", ""); got.status != 200 {
		t.Errorf("%+v", got)
	}
	got := raw(t, w.url, "GET /features HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("X-H: "+strings.Repeat("v", 1000)+"\r\n", 100))
	if !strings.HasPrefix(got, "HTTP/1.1 431") {
		t.Errorf("100 kB of headers: %.100s", got)
	}
}

// broken is a provider with a defect.
type broken struct{ dns.Provider }

func (broken) Create(context.Context, dns.Record) error { panic("canary") }

func TestPanicIsAnAnswer(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.DNS.Provider = broken{}
	w.url = runPlain(t, o)
	w.run(t, []line{
		{"POST", "/dns/", "fqdn=a.example.test&value=192.0.2.1&type=A", 500, jsonLabel, "=internal error"},
		{"GET", "/dhcp", "", 200, jsonLabel, "192.0.2.0"},
	})
	if rep, err := w.logs.Since(t.Context(), time.Time{}); err != nil || !strings.Contains(fmt.Sprint(rep.Records), "canary") {
		t.Errorf("the log does not tell: %v", err)
	}
}
