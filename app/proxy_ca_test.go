package app_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/app"
	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
)

// A pair is a CA and a smart proxy that have nothing but the wire between them.
type pair struct {
	*testing.T
	ca      *site        // nil where the CA is another program
	url     string       // of the CA
	machine *http.Client // speaks with the CA as machines do
	proxy   *site
	caller  *http.Client // core, as the proxy sees it
}

// pairOf starts the CA with puppet.autosign, and the proxy, whose API is at
// address, with puppetca.autosign.
func pairOf(t *testing.T, address, caAutosign, proxyAutosign string) *pair {
	t.Helper()
	p, port := pairWith(t, start(t, "roles=puppet", "puppet.autosign="+caAutosign))
	dir := t.TempDir()
	ssl := p.generate(filepath.Join(dir, "data", "ssl"))
	p.proxy = startIn(
		t, dir, "roles=proxy", "proxy.https="+address, "proxy.trusted_hosts=core.test,site.test",
		"puppet.ca_server=localhost:"+port, "puppetca.url=https://localhost:"+port, "puppetca.autosign="+proxyAutosign,
		"puppetca.certificate="+filepath.Join(ssl, "certs", "operator.test.pem"),
		"puppetca.private_key="+filepath.Join(ssl, "private_keys", "operator.test.pem"),
		"puppetca.ca="+filepath.Join(ssl, "certs", "ca.pem"),
	)
	core, err := tls.LoadX509KeyPair(filepath.Join(ssl, "certs", "core.test.pem"), filepath.Join(ssl, "private_keys", "core.test.pem"))
	if err != nil {
		t.Fatal(err)
	}
	p.caller = p.ca.client(false)
	conf := p.caller.Transport.(*http.Transport).TLSClientConfig
	conf.Certificates, conf.ServerName = []tls.Certificate{core}, ""
	return p
}

func pairWith(t *testing.T, ca *site) (p *pair, port string) {
	t.Helper()
	address := ca.Endpoints()["puppet.https"]
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{T: t, ca: ca, url: "https://" + address, machine: ca.client(false)}, port
}

// generate does what an operator does beside the running CA: the proxy's own
// certificate, in own, one for it to administer with, and one for core.
func (p *pair) generate(own string) (ssl string) {
	p.Helper()
	ca, err := app.OpenCA(p.Context(), settings(p.T, p.ca.dir, "roles=puppet"), slog.New(slog.DiscardHandler))
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = ca.Close() }()
	ssl = p.TempDir()
	for _, g := range []app.Generation{
		{Name: "proxy.site.test", IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, Dir: own},
		{Name: "operator.test", Admin: true, Dir: ssl},
		{Name: "core.test", Dir: ssl},
	} {
		if _, err := ca.Generate(p.Context(), g); err != nil {
			p.Fatal(err)
		}
	}
	return ssl
}

// api calls the proxy, wants a status and gives the body.
func (p *pair) api(status int, method, path string) string {
	p.Helper()
	resp, text := p.proxy.do(p.caller, method, "proxy.https", path)
	if resp.StatusCode != status {
		p.Errorf("%s %s: %s, want %d: %.300s", method, path, resp.Status, status, text)
	}
	return text
}

// state is what the proxy's list says of a name, "" when it is not there.
func (p *pair) state(name string) string {
	p.Helper()
	var all map[string]struct{ State string }
	if err := json.Unmarshal([]byte(p.api(http.StatusOK, http.MethodGet, "/puppet/ca")), &all); err != nil {
		p.Fatal(err)
	}
	return all[name].State
}

func (p *pair) want(name, state string) {
	p.Helper()
	if got := p.state(name); got != state {
		p.Errorf("%s is %q, want %q", name, got, state)
	}
}

// request sends a machine's request to the CA.
func (p *pair) request(name, challenge string) {
	p.Helper()
	key, err := pki.NewKey(pki.P256, rand.Reader)
	if err != nil {
		p.Fatal(err)
	}
	csr, err := pki.NewRequest(pki.RequestOptions{Name: name, Challenge: challenge}, key, rand.Reader)
	if err != nil {
		p.Fatal(err)
	}
	place := p.url + "/puppet-ca/v1/certificate_request/" + name
	req, err := http.NewRequestWithContext(p.Context(), http.MethodPut, place, bytes.NewReader(csr))
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/plain")
	resp, err := p.machine.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		p.Fatalf("request of %s: %s %s", name, resp.Status, text)
	}
}

// features tells the providers of the proxy's Puppet CA.
func (p *pair) features() string {
	p.Helper()
	var all struct {
		PuppetCA struct {
			State    string
			Settings struct {
				URL       string   `json:"puppet_url"`
				Providers []string `json:"use_provider"`
			}
		}
	}
	if err := json.Unmarshal([]byte(p.api(http.StatusOK, http.MethodGet, "/v2/features")), &all); err != nil {
		p.Fatal(err)
	}
	return all.PuppetCA.State + " " + strings.Join(all.PuppetCA.Settings.Providers, "+")
}

// autosignConf is a file with a line that somebody wrote.
func autosignConf(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "autosign.conf")
	if err := os.WriteFile(file, []byte("# by hand\n*.lab.test\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestProxyOfACAElsewhere(t *testing.T) {
	file := autosignConf(t)
	p := pairOf(t, "127.0.0.1:0", file, file)
	p.wantCA()
	p.wantAutosigning()
}

// wantCA signs and cleans through the proxy.
func (p *pair) wantCA() {
	p.Helper()
	if got := p.features(); got != "running puppetca_hostname_whitelisting+puppetca_http_api" {
		p.Error(got)
	}
	p.request("a.test", "")
	p.want("a.test", "pending")
	p.api(http.StatusOK, http.MethodPost, "/puppet/ca/a.test")
	p.want("a.test", "valid")
	p.api(http.StatusOK, http.MethodPost, "/puppet/ca/a.test")
	p.api(http.StatusOK, http.MethodDelete, "/puppet/ca/a.test")
	p.want("a.test", "")
	p.api(http.StatusOK, http.MethodDelete, "/puppet/ca/a.test")
	p.api(http.StatusNotAcceptable, http.MethodPost, "/puppet/ca/nobody.test")
}

// wantAutosigning has machines signed by the file of autosignConf.
func (p *pair) wantAutosigning() {
	p.Helper()
	if body := p.api(http.StatusOK, http.MethodPost, "/puppet/ca/autosign/b.test"); body != "" {
		p.Errorf("a file gives a token: %s", body)
	}
	p.request("b.test", "")
	p.want("b.test", "valid")
	if got := p.api(http.StatusOK, http.MethodGet, "/puppet/ca/autosign"); got != `["*.lab.test","b.test"]` {
		p.Error(got)
	}
	p.api(http.StatusOK, http.MethodDelete, "/puppet/ca/autosign/b.test")
	p.api(http.StatusNotFound, http.MethodDelete, "/puppet/ca/autosign/b.test")
	p.api(http.StatusOK, http.MethodDelete, "/puppet/ca/b.test")
	p.request("b.test", "")
	p.want("b.test", "pending")
	p.request("c.lab.test", "")
	p.want("c.lab.test", "valid")
	p.api(http.StatusNotImplemented, http.MethodPost, "/puppet/ca/validate")
}

func TestProxyWithTokensForACAElsewhere(t *testing.T) {
	address := freeAddress(t)
	p := pairOf(t, address, "https://"+address, config.Tokens)
	if got := p.features(); got != "running puppetca_token_whitelisting+puppetca_http_api" {
		t.Error(got)
	}
	var made struct {
		Token string `json:"generated_token"`
	}
	if err := json.Unmarshal([]byte(p.api(http.StatusOK, http.MethodPost, "/puppet/ca/autosign/a.test?token_ttl=5")), &made); err != nil || len(made.Token) < 20 {
		t.Fatalf("token %q, %v", made.Token, err)
	}
	for _, c := range []struct{ name, challenge, state string }{
		{"stranger.test", made.Token, "pending"},
		{"b.test", "", "pending"},
		{"a.test", "guess", "pending"},
	} {
		p.request(c.name, c.challenge)
		p.want(c.name, c.state)
	}
	p.api(http.StatusOK, http.MethodDelete, "/puppet/ca/a.test")
	p.request("a.test", made.Token)
	p.want("a.test", "valid")
	if got := p.api(http.StatusOK, http.MethodGet, "/puppet/ca/autosign"); got != "[]" {
		t.Errorf("a used token is listed: %s", got)
	}
	p.api(http.StatusOK, http.MethodDelete, "/puppet/ca/autosign/a.test")
	p.api(http.StatusOK, http.MethodDelete, "/puppet/ca/a.test")
	p.request("a.test", made.Token)
	p.want("a.test", "pending")

	// A CA whose judge is away leaves requests to wait; the operator can sign.
	if err := p.proxy.stop(); err != nil {
		t.Fatal(err)
	}
	p.request("c.test", made.Token)
}

// freeAddress is one that nothing listens on just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestProxyMayNotAdminister gives the proxy a certificate without rights: the CA
// refuses, and the caller is told.
func TestProxyMayNotAdminister(t *testing.T) {
	p, port := pairWith(t, start(t, "roles=puppet"))
	dir := t.TempDir()
	ssl := p.generate(filepath.Join(dir, "data", "ssl"))
	base := []string{"roles=proxy", "proxy.trusted_hosts=site.test", "puppet.ca_server=localhost:" + port, "puppetca.url=https://localhost:" + port, "puppetca.autosign=tokens"}
	p.proxy = startIn(t, dir, base...)
	p.caller = p.ca.client(true)
	p.caller.Transport.(*http.Transport).TLSClientConfig.ServerName = ""
	if text := p.api(http.StatusNotAcceptable, http.MethodGet, "/puppet/ca"); !strings.Contains(text, "403") {
		t.Errorf("told %q", text)
	}
	if err := p.proxy.stop(); err != nil {
		t.Fatal(err)
	}
	_, _, err := build(t, dir, append(base, "puppetca.certificate="+filepath.Join(ssl, "certs", "operator.test.pem"), "puppetca.private_key=/nowhere", "puppetca.ca=/nowhere")...)
	if !errs.Is(err, errs.Malformed) || !strings.Contains(err.Error(), "puppetca.private_key") {
		t.Errorf("files that are not there: %v", err)
	}
}
