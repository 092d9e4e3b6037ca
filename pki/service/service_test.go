package service_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/pkitest"
	"github.com/chargehand/chargehand/pki/service"
)

// A home is a service's directory with a CA in the same process.
type home struct {
	*testing.T
	now    time.Time
	ca     *pki.CA
	dir    string
	issuer service.Issuer
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{T: t, now: time.Now(), dir: t.TempDir()}
	h.ca = h.newCA()
	h.issuer = service.Local{CA: h.ca, DNSNames: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, Admin: true}
	return h
}

func (h *home) newCA() *pki.CA {
	h.Helper()
	authority, err := pki.NewAuthority(pki.AuthorityOptions{Name: "test", Now: h.now}, rand.Reader)
	h.must(err)
	ca, err := pki.New(h.Context(), pki.Options{Authority: authority, Store: pkitest.NewMemory(), Clock: h.clock})
	h.must(err)
	return ca
}

func (h *home) clock() time.Time { return h.now }

func (h *home) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *home) open() *service.Certificate {
	h.Helper()
	c, err := service.Open(service.Options{Dir: h.dir, Name: "core.test", Issuer: h.issuer, Clock: h.clock, Poll: time.Millisecond})
	h.must(err)
	h.Cleanup(func() { _ = c.Close() })
	return c
}

func (h *home) ensure() *tlsconf.Material {
	h.Helper()
	c := h.open()
	h.must(c.Ensure(h.Context()))
	m, err := c.Source().Material()
	h.must(err)
	return m
}

func serial(m *tlsconf.Material) string { return m.Certificate.Leaf.SerialNumber.String() }

func TestFirstStart(t *testing.T) {
	h := newHome(t)
	m := h.ensure()
	leaf := m.Certificate.Leaf
	if err := leaf.VerifyHostname("localhost"); err != nil {
		t.Error(err)
	}
	if err := leaf.VerifyHostname("core.test"); err != nil {
		t.Error(err)
	}
	if !pki.MayAdminister(leaf) || len(m.CAs) != 1 || len(m.CRLs) != 1 {
		t.Errorf("admin %v, %d CAs, %d lists", pki.MayAdminister(leaf), len(m.CAs), len(m.CRLs))
	}
	info, err := os.Stat(filepath.Join(h.dir, "private_keys", "core.test.pem"))
	h.must(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %s", info.Mode())
	}
	if again := h.ensure(); serial(again) != serial(m) {
		t.Error("a second start got another certificate")
	}
}

func TestRenewal(t *testing.T) {
	h := newHome(t)
	first := h.ensure()
	h.now = h.now.Add(200 * 24 * time.Hour)
	if serial(h.ensure()) != serial(first) {
		t.Error("renewed with more than a third left")
	}
	h.now = h.now.Add(100 * 24 * time.Hour)
	if serial(h.ensure()) == serial(first) {
		t.Error("not renewed with less than a third left")
	}
}

// TestWhatMakesAnew lists what a certificate on disk may lack.
func TestWhatMakesAnew(t *testing.T) {
	for what, spoil := range map[string]func(*home){
		"another name wanted": func(h *home) { h.issuer = service.Local{CA: h.ca, DNSNames: []string{"localhost", "puppet"}} },
		"certificate lost":    func(h *home) { h.must(os.Remove(filepath.Join(h.dir, "certs", "core.test.pem"))) },
		"key lost":            func(h *home) { h.must(os.Remove(filepath.Join(h.dir, "private_keys", "core.test.pem"))) },
		"certificate garbage": func(h *home) {
			h.must(os.WriteFile(filepath.Join(h.dir, "certs", "core.test.pem"), []byte("x"), 0o644))
		},
		"another CA": func(h *home) { h.ca = h.newCA(); h.issuer = service.Local{CA: h.ca} },
	} {
		h := newHome(t)
		first := h.ensure()
		spoil(h)
		second := h.ensure()
		if string(first.Certificate.Certificate[0]) == string(second.Certificate.Certificate[0]) {
			t.Errorf("%s: the old certificate is in use", what)
		}
		if _, err := second.Certificate.Leaf.Verify(x509.VerifyOptions{Roots: h.ca.Authority().Pool(), CurrentTime: h.now}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// away is a CA that is not reached.
type away struct{ service.Local }

func (away) Trust(context.Context) (chain, lists []byte, err error) {
	return nil, nil, errs.New(errs.Upstream, "no route")
}

func (away) Issue(context.Context, string, crypto.Signer, *x509.Certificate) ([]byte, error) {
	return nil, errs.New(errs.Upstream, "no route")
}

func TestIssuerAway(t *testing.T) {
	h := newHome(t)
	if err := func() error { h.issuer = away{}; return h.open().Ensure(t.Context()) }(); !errs.Is(err, errs.Upstream) {
		t.Errorf("a first start without a CA: %v", err)
	}
	h.issuer = service.Local{CA: h.ca}
	first := h.ensure()
	h.issuer = away{service.Local{CA: h.ca}}
	h.now = h.now.Add(300 * 24 * time.Hour)
	if serial(h.ensure()) != serial(first) {
		t.Error("what is valid does not serve while the CA is away")
	}
	h.now = h.now.Add(300 * 24 * time.Hour)
	if err := h.open().Ensure(t.Context()); !errs.Is(err, errs.Upstream) {
		t.Errorf("expired, and the CA is away: %v", err)
	}
}

// TestRunBringsRevocations waits for the list on disk to know of a revocation.
func TestRunBringsRevocations(t *testing.T) {
	h := newHome(t)
	c := h.open()
	h.must(c.Ensure(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	key, err := pki.NewKey(pki.P256, rand.Reader)
	h.must(err)
	_, err = h.ca.Issue(t.Context(), pki.Service{Name: "gone.test", PublicKey: key.Public()})
	h.must(err)
	h.must(h.ca.Revoke(t.Context(), "gone.test"))
	deadline := time.After(10 * time.Second)
	for known := false; !known; {
		select {
		case <-deadline:
			t.Fatal("the list never came")
		default:
			m, err := c.Source().Material()
			h.must(err)
			known = len(m.CRLs[0].RevokedCertificateEntries) == 1
		}
	}
	cancel()
	h.must(<-done)
}

func TestJoin(t *testing.T) {
	h := newHome(t)
	word := service.Join(h.ca.Authority(), "secret-token")
	print, token, err := service.ParseJoin(" " + word + "\n")
	if err != nil || token != "secret-token" || len(print) != 64 {
		t.Errorf("%q: %q, %q, %v", word, print, token, err)
	}
	for _, bad := range []string{"", "x", "abc.def", print + "."} {
		if _, _, err := service.ParseJoin(bad); !errs.Is(err, errs.Malformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
