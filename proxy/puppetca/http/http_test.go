package http_test

import (
	"encoding/json"
	"fmt"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/proxy/proxytest"
	"github.com/chargehand/chargehand/proxy/puppetca"
	"github.com/chargehand/chargehand/proxy/puppetca/http"
)

// A puppetServer answers the CA's HTTP API as Puppet Server 7 does.
type puppetServer struct {
	mu     sync.Mutex
	certs  map[string]map[string]any
	serial int
	down   bool
	refuse string // why signing is refused
	delete int    // status of DELETE, when not 0
}

func (p *puppetServer) request(certname string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.certs[certname] = map[string]any{"name": certname, "state": "requested", "fingerprint": "AA:BB", "fingerprints": map[string]string{"SHA256": "AA:BB"}, "dns_alt_names": []string{}}
}

func (p *puppetServer) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path, ok := strings.CutPrefix(r.URL.Path, "/puppet-ca/v1/")
	if p.down || !ok {
		nethttp.Error(w, "down", nethttp.StatusInternalServerError)
		return
	}
	if path == "certificate_statuses/any" {
		all := []map[string]any{}
		for _, c := range p.certs {
			all = append(all, c)
		}
		_ = json.NewEncoder(w).Encode(all)
		return
	}
	name := strings.TrimPrefix(path, "certificate_status/")
	cert := p.certs[name]
	if cert == nil {
		nethttp.Error(w, "Invalid certificate subject.", nethttp.StatusNotFound)
		return
	}
	switch r.Method {
	case "GET":
		_ = json.NewEncoder(w).Encode(cert)
	case "DELETE":
		if p.delete != 0 {
			nethttp.Error(w, "no", p.delete)
			return
		}
		delete(p.certs, name)
		w.WriteHeader(nethttp.StatusNoContent)
	case "PUT":
		body, _ := io.ReadAll(r.Body)
		p.change(w, name, cert, string(body))
	}
}

func (p *puppetServer) change(w nethttp.ResponseWriter, name string, cert map[string]any, body string) {
	want := map[string]string{`{"desired_state":"signed"}`: "requested", `{"desired_state":"revoked"}`: "signed"}[body]
	switch {
	case want == "" || want != cert["state"]:
		nethttp.Error(w, fmt.Sprintf("Cannot do that for host %s without a certificate request", name), nethttp.StatusConflict)
	case want == "requested" && p.refuse != "":
		nethttp.Error(w, p.refuse, nethttp.StatusConflict)
	case want == "requested":
		p.serial++
		cert["state"], cert["serial_number"] = "signed", p.serial
		cert["not_before"], cert["not_after"] = "2024-01-01T00:00:00UTC", "2029-01-01T00:00:00UTC"
		w.WriteHeader(nethttp.StatusNoContent)
	default:
		cert["state"] = "revoked"
		w.WriteHeader(nethttp.StatusNoContent)
	}
}

var now = clock.Fixed(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))

func newCA(t *testing.T) (*http.CA, *puppetServer) {
	t.Helper()
	p := &puppetServer{certs: map[string]map[string]any{}}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	ca, err := http.New(srv.URL+"/", fetch.New(fetch.Options{}), now)
	if err != nil {
		t.Fatal(err)
	}
	return ca, p
}

func TestConformance(t *testing.T) {
	proxytest.CA(t, func(t *testing.T) proxytest.CAHome {
		ca, p := newCA(t)
		set := func(down bool) func(*testing.T) {
			return func(*testing.T) { p.mu.Lock(); p.down = down; p.mu.Unlock() }
		}
		return proxytest.CAHome{
			Provider: ca, Request: func(_ *testing.T, certname string) { p.request(certname) },
			Outage: &proxytest.Outage{Begin: set(true), End: set(false)},
		}
	})
}

func TestStates(t *testing.T) {
	ca, p := newCA(t)
	for name, c := range map[string]map[string]any{
		"big":     {"state": "signed", "serial_number": json.Number("730750818665451459101842416358141509827966271487"), "not_before": "2024-01-01T00:00:00UTC", "not_after": "2025-01-01T00:00:01UTC", "fingerprints": map[string]string{"SHA256": "CC"}},
		"expired": {"state": "signed", "not_after": "2024-12-31T00:00:00UTC"},
		"gone":    {"state": "revoked", "not_after": "2029-12-31T00:00:00UTC"},
		"waiting": {"state": "requested", "serial_number": nil},
	} {
		c["name"] = name
		p.certs[name] = c
	}
	list, err := ca.List(t.Context())
	if err != nil || len(list) != 4 {
		t.Fatalf("%v %v", list, err)
	}
	for i, want := range []puppetca.State{puppetca.Valid, puppetca.Revoked, puppetca.Revoked, puppetca.Pending} {
		if list[i].State != want {
			t.Errorf("%+v is not %s", list[i], want)
		}
	}
	if list[0].Serial != "730750818665451459101842416358141509827966271487" || list[0].Fingerprint != "CC" {
		t.Errorf("%+v", list[0])
	}
}

func TestRefusals(t *testing.T) {
	ca, p := newCA(t)
	p.request("h.example.test")
	p.refuse = "CSR 'h.example.test' contains subject alternative names, which are disallowed."
	if err := ca.Sign(t.Context(), "h.example.test"); !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "disallowed") {
		t.Error(err)
	}
	if err := ca.Sign(t.Context(), "stranger"); !errs.Is(err, errs.NotFound) {
		t.Error(err)
	}
	p.delete = nethttp.StatusForbidden
	if err := ca.Clean(t.Context(), "h.example.test"); !errs.Is(err, errs.Upstream) {
		t.Error(err)
	}
	for _, url := range []string{"", "puppet:8140", "ftp://x"} {
		if _, err := http.New(url, fetch.New(fetch.Options{}), now); !errs.Is(err, errs.Invalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
}
