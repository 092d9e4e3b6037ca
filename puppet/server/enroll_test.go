package server_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/service"
)

// newcomer is a role on another machine that wants a certificate.
func newcomer(s *site, name string, issuer service.Issuer, now func() time.Time) *service.Certificate {
	s.Helper()
	c, err := service.Open(service.Options{Dir: s.TempDir(), Name: name, Issuer: issuer, Clock: now})
	s.must(err)
	s.Cleanup(func() { _ = c.Close() })
	return c
}

func (s *site) url() string {
	return "https://localhost:" + s.address[strings.LastIndex(s.address, ":")+1:]
}

// TestEnrol takes a proxy from a word to join with to its renewed certificate.
func TestEnrol(t *testing.T) {
	s := newSite(t, pki.Policy{Protected: func(name string) bool { return name == "proxy.test" }}, nil)
	token, err := s.ca.NewToken(t.Context(), pki.Token{Pattern: "proxy.test", Expires: time.Now().Add(time.Hour), Once: true})
	s.must(err)
	print, token, err := service.ParseJoin(service.Join(s.ca.Authority(), token))
	s.must(err)
	now := time.Now()
	remote := &service.Remote{URL: s.url(), Token: token, Fingerprint: print}
	c := newcomer(s, "proxy.test", remote, func() time.Time { return now })
	s.must(c.Ensure(t.Context()))
	m, err := c.Source().Material()
	s.must(err)
	first := m.Certificate.Leaf.SerialNumber
	config := tlsconf.Client(c.Source())
	conn, err := tls.Dial("tcp", s.address, withName(config))
	s.must(err)
	_ = conn.Close()
	now = now.Add(4 * 365 * 24 * time.Hour) // four years of five
	s.must(c.Ensure(t.Context()))
	m, err = c.Source().Material()
	s.must(err)
	if m.Certificate.Leaf.SerialNumber.Cmp(first) <= 0 {
		t.Error("not renewed")
	}
}

func withName(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.ServerName = serverName
	return c
}

// TestEnrolRefused lists how it must not go.
func TestEnrolRefused(t *testing.T) {
	s := newSite(t, pki.Policy{Protected: func(name string) bool { return name == "proxy.test" }}, nil)
	other, err := pki.NewAuthority(pki.AuthorityOptions{Name: "other", Now: time.Now()}, rand.Reader)
	s.must(err)
	print := pki.Fingerprint(s.ca.Authority().Certificate().Raw)
	for _, c := range []struct {
		what   string
		name   string
		remote *service.Remote
		kind   errs.Kind
	}{
		{"wrong fingerprint", "a.test", &service.Remote{Fingerprint: strings.Repeat("0", 64)}, errs.Forbidden},
		{"wrong chain", "a.test", &service.Remote{Chain: other.ChainPEM()}, errs.Upstream},
		{"protected name without a token", "proxy.test", &service.Remote{Fingerprint: print}, errs.Malformed},
		{"somebody else's name", serverName, &service.Remote{Fingerprint: print}, errs.Conflict},
	} {
		c.remote.URL = s.url()
		if err := newcomer(s, c.name, c.remote, time.Now).Ensure(t.Context()); !errs.Is(err, c.kind) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestEnrolWaits until the operator signs.
func TestEnrolWaits(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	remote := &service.Remote{URL: s.url(), Chain: s.ca.Authority().ChainPEM(), Retry: time.Millisecond}
	c := newcomer(s, "late.test", remote, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Ensure(ctx) }()
	for arrived := false; !arrived; runtime.Gosched() {
		_, err := s.ca.Request(t.Context(), "late.test")
		arrived = err == nil
	}
	cancel()
	if err := <-done; err == nil {
		t.Fatal("there is a certificate without a signature")
	}
	s.must(s.ca.Sign(t.Context(), "late.test", pki.SignOptions{}))
	s.must(c.Ensure(t.Context()))
}
