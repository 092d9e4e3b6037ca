package nsupdate_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	wire "github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dns"
	"github.com/chargehand/chargehand/proxy/dns/nsupdate"
	"github.com/chargehand/chargehand/proxy/proxytest"
)

var testKey = nsupdate.Key{Name: "foreman", Secret: keySecret}

func newServer() *updatable {
	return &updatable{zones: []string{"example.test.", "2.0.192.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa."}}
}

func provider(t *testing.T, o nsupdate.Options) *nsupdate.Provider {
	t.Helper()
	p, err := nsupdate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lookup asks a server as any client would, over TCP.
func lookup(t *testing.T, server, name string, typ dns.Type) []string {
	t.Helper()
	m := new(wire.Msg).SetQuestion(wire.Fqdn(name), wire.StringToType[string(typ)])
	resp, _, err := (&wire.Client{Net: "tcp"}).Exchange(m, server)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, rr := range resp.Answer {
		if rr.Header().Rrtype == wire.StringToType[string(typ)] {
			out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	return out
}

func TestConformance(t *testing.T) {
	proxytest.DNS(t, func(t *testing.T) proxytest.DNSHome {
		s := newServer()
		srv, addr := s.start(t, "127.0.0.1:0")
		t.Cleanup(func() { _ = srv.Shutdown() })
		return proxytest.DNSHome{
			Provider: provider(t, nsupdate.Options{Server: addr, Key: &testKey}),
			Lookup:   func(t *testing.T, name string, typ dns.Type) []string { return lookup(t, addr, name, typ) },
			Outage: &proxytest.Outage{
				Begin: func(t *testing.T) { _ = srv.Shutdown() },
				End:   func(t *testing.T) { srv, _ = s.start(t, addr) },
			},
		}
	})
}

func a(t *testing.T, value string) dns.Record {
	t.Helper()
	r, err := dns.NewRecord("h.example.test", value, "A")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestLostRace: someone else takes the name between looking and updating.
func TestLostRace(t *testing.T) {
	for _, c := range []struct {
		other string
		kind  errs.Kind
		ok    bool
	}{
		{"h.example.test. 60 IN A 192.0.2.9", errs.Conflict, false},
		{"h.example.test. 60 IN A 192.0.2.1", 0, true}, // the same: one of our own, whose answer was lost
		{"h.example.test. 60 IN CNAME x.example.test.", errs.Conflict, false},
	} {
		s := newServer()
		srv, addr := s.start(t, "127.0.0.1:0")
		rr, err := wire.NewRR(c.other)
		if err != nil {
			t.Fatal(err)
		}
		s.onUpdate = func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.records = append(s.records, rr)
		}
		err = provider(t, nsupdate.Options{Server: addr, Key: &testKey}).Create(t.Context(), a(t, "192.0.2.1"))
		if (err == nil) != c.ok || (!c.ok && !errs.Is(err, c.kind)) {
			t.Errorf("%s: %v", c.other, err)
		}
		if len(s.records) != 1 {
			t.Errorf("%s: records %v", c.other, s.records)
		}
		_ = srv.Shutdown()
	}
}

func TestCNAMEWhereOthersAre(t *testing.T) {
	s := newServer()
	srv, addr := s.start(t, "127.0.0.1:0")
	defer func() { _ = srv.Shutdown() }()
	txt, _ := wire.NewRR(`c.example.test. 60 IN TXT "x"`)
	s.records = append(s.records, txt)
	r, err := dns.NewRecord("c.example.test", "h.example.test", "CNAME")
	if err != nil {
		t.Fatal(err)
	}
	err = provider(t, nsupdate.Options{Server: addr, Key: &testKey}).Create(t.Context(), r)
	if !errs.Is(err, errs.Conflict) {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	s := newServer()
	srv, addr := s.start(t, "127.0.0.1:0")
	defer func() { _ = srv.Shutdown() }()
	wrong := testKey
	wrong.Secret = "d3Jvbmc="
	for what, c := range map[string]struct {
		key    *nsupdate.Key
		refuse int
		kind   errs.Kind
		text   string
	}{
		"no key":    {nil, 0, errs.Upstream, "REFUSED"},
		"wrong key": {&wrong, 0, errs.Upstream, "BADSIG"},
		"not auth":  {&testKey, wire.RcodeNotAuth, errs.Upstream, "NOTAUTH"},
		"failure":   {&testKey, wire.RcodeServerFailure, errs.Unavailable, "SERVFAIL"},
		"not zone":  {&testKey, wire.RcodeNotZone, errs.Invalid, "NOTZONE"},
	} {
		s.refuse = c.refuse
		p := provider(t, nsupdate.Options{Server: addr, Key: c.key})
		err := p.Create(t.Context(), a(t, "192.0.2.1"))
		if !errs.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(s.records) != 0 {
		t.Errorf("records: %v", s.records)
	}
}

// TestUnsignedAnswersAreNotBelieved: whoever sits between cannot say yes.
func TestUnsignedAnswersAreNotBelieved(t *testing.T) {
	s := newServer()
	s.unsigned = true
	srv, addr := s.start(t, "127.0.0.1:0")
	defer func() { _ = srv.Shutdown() }()
	err := provider(t, nsupdate.Options{Server: addr, Key: &testKey}).Create(t.Context(), a(t, "192.0.2.1"))
	if !errs.Is(err, errs.Upstream) || !strings.Contains(err.Error(), "did not sign") {
		t.Error(err)
	}
	if err := provider(t, nsupdate.Options{Server: addr}).Create(t.Context(), a(t, "192.0.2.1")); err != nil {
		t.Errorf("without a key: %v", err)
	}
}

func TestTTL(t *testing.T) {
	s := newServer()
	srv, addr := s.start(t, "127.0.0.1:0")
	defer func() { _ = srv.Shutdown() }()
	for i, ttl := range []time.Duration{0, 5 * time.Minute} {
		r, err := dns.NewRecord(fmt.Sprintf("t%d.example.test", i), "192.0.2.1", "A")
		if err != nil {
			t.Fatal(err)
		}
		if err := provider(t, nsupdate.Options{Server: addr, Key: &testKey, TTL: ttl}).Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if s.records[0].Header().Ttl != 86400 || s.records[1].Header().Ttl != 300 {
		t.Errorf("%v", s.records)
	}
}

// TestSilentServer: one that accepts and says nothing costs no more than the timeout.
func TestSilentServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := provider(t, nsupdate.Options{Server: ln.Addr().String(), Timeout: 100 * time.Millisecond})
	if err := p.Create(t.Context(), a(t, "192.0.2.1")); !errs.Is(err, errs.Upstream) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := provider(t, nsupdate.Options{Server: ln.Addr().String()}).Delete(ctx, "h.example.test", dns.A); !errs.Is(err, errs.Upstream) {
		t.Error(err)
	}
}

func TestKeyFiles(t *testing.T) {
	for text, want := range map[string]string{
		`key "foreman" { algorithm hmac-sha256; secret "c2VjcmV0"; };`:                       "foreman (hmac-sha256)",
		"key foreman{\n\talgorithm\tHMAC-SHA512;\n\tsecret c2VjcmV0;\n};\n":                  "foreman (hmac-sha512)",
		"# comment\n// another { }\n/* key \"x\" { */ key \"a.b\" { secret \"c2VjcmV0\"; };": "a.b (hmac-sha256)",
		`options { x y; }; key "one" { secret "c2VjcmV0"; }; key "two" { secret "x"; };`:     "one (hmac-sha256)",
	} {
		if k, err := nsupdate.ParseKey([]byte(text)); err != nil || k.String() != want {
			t.Errorf("%s: %v %v", text, k, err)
		}
	}
	for _, text := range []string{
		"", "nothing here", `key "x"`, `key "x" {`, `key "x" { secret "not base64!"; };`, `key "x" { };`,
		`key "x" { algorithm hmac-md5; secret "c2VjcmV0"; };`, `key "" { secret "c2VjcmV0"; };`, `key "x" { secret "c2`,
	} {
		if k, err := nsupdate.ParseKey([]byte(text)); !errs.Is(err, errs.Invalid) || strings.Contains(fmt.Sprint(err), "c2VjcmV0") {
			t.Errorf("%s: %v %v", text, k, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []nsupdate.Options{{}, {Server: "x", TTL: -1}, {Server: "x", TTL: 1 << 62}, {Server: "x", Key: &nsupdate.Key{Name: "k"}}} {
		if _, err := nsupdate.New(o); !errs.Is(err, errs.Invalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add(`key "foreman" { algorithm hmac-sha256; secret "c2VjcmV0"; };`)
	f.Add(`/* key { "`)
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := nsupdate.ParseKey([]byte(s)); err == nil {
			if _, err := nsupdate.New(nsupdate.Options{Server: "x", Key: k}); err != nil {
				t.Errorf("%q: %v", s, err)
			}
		}
	})
}
