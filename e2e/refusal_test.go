//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/e2e/site"
)

// TestRefusedStarts: what is wrong with a configuration is said at once, with
// its key, and the exit code tells mistakes of the operator from the world's.
func TestRefusedStarts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	junk := filepath.Join(t.TempDir(), "junk.pem")
	write(t, junk, "this is no key")
	for _, c := range []struct {
		name string
		set  map[string]string
		code int
		want []string
	}{
		{"unknown key", map[string]string{"dns.listne": "off"}, 64, []string{`unknown key "dns.listne"`, `did you mean "dns.listen"?`}},
		{"wrong value", map[string]string{"web.https": "127.0.0.1:99999"}, 64, []string{"web.https", "99999"}},
		{"wrong duration", map[string]string{"puppetdb.node_ttl": "a while"}, 64, []string{"puppetdb.node_ttl", "14d"}},
		{"port taken", map[string]string{"puppet.https": taken.Addr().String()}, 75, []string{"puppet.https", taken.Addr().String(), "address already in use"}},
		{"missing key file", map[string]string{"web.certificate": junk, "web.private_key": "/nowhere/key.pem"}, 64, []string{"web.private_key", "/nowhere/key.pem"}},
		{"no key in the file", map[string]string{"web.certificate": junk, "web.private_key": junk}, 64, []string{"web.certificate and web.private_key", junk}},
		{"unknown database", map[string]string{"database": "oracle://x"}, 64, []string{"database"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := site.New(t, site.Options{Binary: binary, Cache: cache, Set: c.set}).Command(ctx, "serve")
			out, _ := cmd.CombinedOutput()
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != c.code {
				t.Errorf("ended with %v, wanted %d", cmd.ProcessState, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if strings.Contains(string(out), "goroutine ") || strings.Contains(string(out), "is ready") {
				t.Errorf("not a refusal:\n%s", out)
			}
		})
	}
}

// An asked is a request and how it must be refused.
type asked struct {
	name         string
	method, path string
	body         any
	status       int
	want         []string
}

// TestRefusedRequests: each is refused with its status and a clear word, and the
// site is as it was before.
func TestRefusedRequests(t *testing.T) {
	p := site.Start(t, site.Options{Binary: binary, Cache: cache})
	w := p.API().Fill(site.Plan{Medium: site.Medium(t, site.BootFiles())})
	p.AwaitRuby()
	made := w.Call(http.MethodPost, "/api/v2/hosts", w.Host("first", "52:54:00:00:02:01", "192.0.2.50"))
	broken := brokenSystem(w)
	before := picture(p, w)
	host := func(name, mac, ip string) any { return w.Host(name, mac, ip) }
	report := func(fields string) string {
		return `{"config_report":{"host":"first.e2e.test","reported_at":"2026-01-01T00:00:00Z",` + fields + `}}`
	}
	for _, c := range []asked{
		{"same name", "POST", "/hosts", host("first", "52:54:00:00:02:02", "192.0.2.51"), 422, []string{"name", "has already been taken"}},
		{"same MAC", "POST", "/hosts", host("second", "52:54:00:00:02:01", "192.0.2.51"), 422, []string{"mac", "taken"}},
		{"same address", "POST", "/hosts", host("second", "52:54:00:00:02:02", "192.0.2.50"), 422, []string{"ip", "taken"}},
		{"address of another network", "POST", "/hosts", host("second", "52:54:00:00:02:02", "198.51.100.1"), 422, []string{"ip", "subnet"}},
		{"no MAC", "POST", "/hosts", host("second", "", "192.0.2.51"), 422, []string{"mac"}},
		{"no address at all", "POST", "/hosts", host("second", "nonsense", "192.0.2.51"), 422, []string{"mac"}},
		{"no JSON", "POST", "/hosts", `{"host":`, 400, []string{"JSON"}},
		{"template that cannot be parsed", "POST", "/provisioning_templates", site.Object{"provisioning_template": site.Object{
			"name": "unread", "template": "line one\n<% if true %>\n<%= 1 + %>\n<% end %>\n", "snippet": true,
		}}, 422, []string{"unread", "line 3", "syntax error"}},
		{"partition table that cannot be parsed", "POST", "/ptables", site.Object{"ptable": site.Object{
			"name": "unread", "layout": "<% each do %>",
		}}, 422, []string{"unread", "line 1", "syntax error"}},
		{"template that fails", "POST", "/hosts", broken, 422, []string{"broken", "line 3", "nil can't be coerced"}},
		{"report that is no JSON", "POST", "/config_reports", `{"config_report":{"host":`, 400, []string{"JSON"}},
		{"report without a host", "POST", "/config_reports", `{"config_report":{"reported_at":"2026-01-01T00:00:00Z"}}`, 422, []string{"host"}},
		{"report with a wrong status", "POST", "/config_reports", report(`"status":{"applied":"many"}`), 422, []string{"status"}},
		{"report with a wrong time", "POST", "/config_reports", `{"config_report":{"host":"first.e2e.test","reported_at":"yesterday"}}`, 422, []string{"reported_at"}},
		{"search that is none", "GET", "/hosts?search=nosuchfield+%3D+1", nil, 400, []string{"nosuchfield"}},
		{"unknown host", "GET", "/hosts/nobody.e2e.test/enc", nil, 404, []string{"nobody.e2e.test"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, text, err := w.Try(c.method, "/api/v2"+c.path, c.body)
			refused(t, c, status, string(text), err)
		})
	}
	for _, c := range []asked{
		{"unknown node", "GET", "https://" + p.Endpoints["web.https"] + "/node/nobody.e2e.test", nil, 404, []string{"nobody.e2e.test"}},
		{"request in another's name", "PUT", ca(p, "one.e2e.test"), request(t, "other.e2e.test"), 400, []string{"one.e2e.test", "other.e2e.test"}},
		{"request that is none", "PUT", ca(p, "one.e2e.test"), "no request", 400, []string{"request"}},
		{"request in the server's name", "PUT", ca(p, "foreman.e2e.test"), request(t, "foreman.e2e.test"), 400, []string{"foreman.e2e.test"}},
		{"name that leaves the folder", "PUT", ca(p, "..%2fca"), request(t, "../ca"), 400, nil},
		{"wrong token", "GET", "http://" + p.Endpoints["web.http"] + "/unattended/provision?token=nobody", nil, 404, []string{"host"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, text, err := asServer(t, p, c)
			refused(t, c, status, text, err)
		})
	}
	t.Run("unknown node on the command line", func(t *testing.T) {
		cmd := p.Command(t.Context(), "enc", "nobody.e2e.test")
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() == 0 || !strings.Contains(string(out), "nobody.e2e.test") {
			t.Errorf("%v\n%s", cmd.ProcessState, out)
		}
	})
	if diff := cmp.Diff(before, picture(p, w)); diff != "" {
		t.Errorf("something was stored (-before +after):\n%s", diff)
	}
	w.Call(http.MethodDelete, fmt.Sprintf("/api/v2/hosts/%d", site.ID(made)), nil)
}

// brokenSystem makes an operating system whose boot template fails when it is
// rendered, and gives a host with it.
func brokenSystem(w *site.World) site.Object {
	w.Helper()
	w.Create("provisioning_templates", "provisioning_template", site.Object{
		"name": "broken", "template": "line one\n<% if true %>\n<%= 1 + nil %>\n<% end %>\n", "template_kind_id": w.Find("template_kinds", "name = PXELinux"),
	})
	group := w.Call(http.MethodGet, fmt.Sprintf("/api/v2/hostgroups/%d", w.GroupID), nil)
	other := *w
	other.OSID = w.Create("operatingsystems", "operatingsystem", site.Object{
		"name": "Debian", "major": "13", "family": "Debian", "release_name": "trixie",
		"architecture_ids": []any{group["architecture_id"]}, "medium_ids": []any{w.MediumID}, "ptable_ids": []any{group["ptable_id"]},
	})
	other.Default("PXELinux", "broken")
	host := w.Host("second", "52:54:00:00:02:02", "192.0.2.51")
	host["host"].(site.Object)["operatingsystem_id"] = other.OSID
	return host
}

func refused(t *testing.T, c asked, status int, text string, err error) {
	t.Helper()
	if err != nil || status != c.status {
		t.Errorf("%d %v, wanted %d:\n%s", status, err, c.status, text)
	}
	for _, want := range c.want {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if strings.Contains(text, "goroutine") || strings.Contains(text, "SELECT") {
		t.Errorf("the answer tells of the inside: %s", text)
	}
}

// picture is all that refused requests could have left behind.
func picture(p *site.Process, w *site.World) map[string]string {
	all := map[string]string{}
	for _, list := range []string{"hosts", "provisioning_templates", "ptables", "config_reports"} {
		var names []string
		for _, o := range w.List(list, "") {
			names = append(names, fmt.Sprint(o["id"], " ", o["name"], " ", o["ip"], " ", o["mac"]))
		}
		all[list] = strings.Join(names, "\n")
	}
	for _, path := range []string{"/dhcp/192.0.2.0", "/puppet/ca", "/puppet/ca/autosign"} {
		_, all[path] = p.Smart(http.MethodGet, p.Endpoints["proxy.https"], path)
	}
	for _, name := range []string{"first.e2e.test", "second.e2e.test"} {
		all[name] = strings.Join(site.Dig(w, p.Endpoints["dns.listen"], name, "A"), " ")
	}
	for _, ip := range []string{"192.0.2.50", "192.0.2.51"} {
		all[ip] = strings.Join(site.Dig(w, p.Endpoints["dns.listen"], ip, "PTR"), " ")
	}
	return all
}

func ca(p *site.Process, name string) string {
	return "https://" + p.Endpoints["puppet.https"] + "/puppet-ca/v1/certificate_request/" + name
}

func request(t *testing.T, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// asServer makes a request with the process's own certificate.
func asServer(t *testing.T, p *site.Process, c asked) (int, string, error) {
	t.Helper()
	dir := filepath.Join(p.Dir, "ssl")
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "certs", "foreman.e2e.test.pem"), filepath.Join(dir, "private_keys", "foreman.e2e.test.pem"))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}}}}
	defer client.CloseIdleConnections()
	body, _ := c.body.(string)
	req, err := http.NewRequestWithContext(t.Context(), c.method, c.path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/plain")
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}
