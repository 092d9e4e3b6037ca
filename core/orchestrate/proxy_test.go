package orchestrate_test

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/chargehand/chargehand/core/orchestrate"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/dns"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/proxytest"
	"github.com/chargehand/chargehand/proxy/puppetca"
	"github.com/chargehand/chargehand/proxy/tftp"
)

// A proxy keeps everything in memory and can fail at any of its calls. It finds
// itself under every URL.
type proxy struct {
	dns  *proxytest.MemoryDNS
	dhcp *proxytest.MemoryDHCP
	tftp *proxytest.MemoryTFTP
	ca   *proxytest.MemoryCA
	auto *proxytest.MemoryAutosign
	trip *trip
}

func newProxy() *proxy {
	return &proxy{
		dns: &proxytest.MemoryDNS{}, dhcp: proxytest.NewMemoryDHCP(), tftp: &proxytest.MemoryTFTP{}, ca: &proxytest.MemoryCA{},
		auto: &proxytest.MemoryAutosign{}, trip: &trip{},
	}
}

func (p *proxy) Proxy(string) (orchestrate.Proxy, error) { return p, nil }

func (p *proxy) DNS() dns.Provider             { return brokenDNS{p} }
func (p *proxy) DHCP() dhcp.Provider           { return brokenDHCP{p.dhcp, p} }
func (p *proxy) TFTP() tftp.Provider           { return brokenTFTP{p.tftp, p} }
func (p *proxy) BootFiles() tftp.Fetcher       { return brokenTFTP{p.tftp, p} }
func (p *proxy) PuppetCA() puppetca.CA         { return brokenCA{p.ca, p} }
func (p *proxy) Autosign() puppetca.Autosigner { return brokenAutosign{p.auto, p} }
func (p *proxy) TFTPServerName(context.Context) (string, error) {
	return "192.0.2.2", p.trip.call("name", nothing)
}

// Version is what steps ask a proxy for that is to be there.
func (p *proxy) Version(context.Context) (string, map[string]string, error) {
	return "3.13", nil, p.trip.call("version", nothing)
}

func nothing() error { return nil }

// A fault says how a call fails.
type fault int

// refuse is a final answer, lost an answer that got lost after the work, away a
// proxy that answers nothing from the call on.
const (
	refuse fault = iota
	lost
	away
)

func (f fault) String() string { return []string{"refuse", "lost", "away"}[f] }

// A trip fails the at-th call, counted from 1, or each call of an op.
type trip struct {
	mu    sync.Mutex
	at    int
	fault fault
	op    string
	calls int
	hit   bool
}

func (t *trip) set(at int, f fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at, t.fault, t.calls, t.hit, t.op = at, f, 0, false, ""
}

// always has each call of an operation fail.
func (t *trip) always(op string) {
	t.set(0, refuse)
	t.mu.Lock()
	t.op = op
	t.mu.Unlock()
}

// heal tells whether anything failed since set, and ends it.
func (t *trip) heal() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at, t.op = 0, ""
	return t.hit
}

func (t *trip) call(op string, do func() error) error {
	t.mu.Lock()
	if op == "version" && t.fault != away && t.op != op {
		t.mu.Unlock()
		return nil // whatever it answers, it is there
	}
	t.calls++
	broken := t.op == op || t.at > 0 && (t.calls == t.at || t.fault == away && t.calls > t.at)
	t.hit = t.hit || broken
	f, each := t.fault, t.op == op
	t.mu.Unlock()
	switch {
	case each, broken && f == away:
		return errs.New(errs.Upstream, "the proxy is away")
	case broken && f == refuse:
		return errs.New(errs.Forbidden, "the proxy refuses %s", op)
	}
	err := do()
	if broken && err == nil {
		return errs.New(errs.Forbidden, "the answer to %s is lost", op)
	}
	return err
}

type brokenDNS struct{ p *proxy }

func (b brokenDNS) Create(ctx context.Context, r dns.Record) error {
	return b.p.trip.call("dns create", func() error { return b.p.dns.Create(ctx, r) })
}

func (b brokenDNS) Delete(ctx context.Context, name string, t dns.Type) error {
	return b.p.trip.call("dns delete", func() error { return b.p.dns.Delete(ctx, name, t) })
}

type brokenDHCP struct {
	dhcp.Provider
	p *proxy
}

func (b brokenDHCP) Records(ctx context.Context, n netip.Addr, q dhcp.Query) (found []dhcp.Record, err error) {
	err = b.p.trip.call("dhcp records", func() (err error) {
		found, err = b.Provider.Records(ctx, n, q)
		return err
	})
	return found, err
}

func (b brokenDHCP) Create(ctx context.Context, r dhcp.Record, related []mac.Addr) error {
	return b.p.trip.call("dhcp create", func() error { return b.Provider.Create(ctx, r, related) })
}

func (b brokenDHCP) Delete(ctx context.Context, n netip.Addr, q dhcp.Query) error {
	return b.p.trip.call("dhcp delete", func() error { return b.Provider.Delete(ctx, n, q) })
}

type brokenTFTP struct {
	*proxytest.MemoryTFTP
	p *proxy
}

func (b brokenTFTP) Set(ctx context.Context, v tftp.Variant, m mac.Addr, config []byte) error {
	return b.p.trip.call("tftp set", func() error { return b.MemoryTFTP.Set(ctx, v, m, config) })
}

func (b brokenTFTP) Delete(ctx context.Context, v tftp.Variant, m mac.Addr) error {
	return b.p.trip.call("tftp delete", func() error { return b.MemoryTFTP.Delete(ctx, v, m) })
}

func (b brokenTFTP) Fetch(ctx context.Context, prefix, src string) error {
	return b.p.trip.call("fetch", func() error { return b.MemoryTFTP.Fetch(ctx, prefix, src) })
}

type brokenCA struct {
	puppetca.CA
	p *proxy
}

func (b brokenCA) Clean(ctx context.Context, name string) error {
	return b.p.trip.call("clean", func() error { return b.CA.Clean(ctx, name) })
}

type brokenAutosign struct {
	puppetca.Autosigner
	p *proxy
}

func (b brokenAutosign) List(ctx context.Context) (names []string, err error) {
	err = b.p.trip.call("autosign list", func() (err error) {
		names, err = b.Autosigner.List(ctx)
		return err
	})
	return names, err
}

func (b brokenAutosign) Add(ctx context.Context, name string, ttl time.Duration) (token string, err error) {
	err = b.p.trip.call("autosign add", func() (err error) {
		token, err = b.Autosigner.Add(ctx, name, ttl)
		return err
	})
	return token, err
}

func (b brokenAutosign) Remove(ctx context.Context, name string) (found bool, err error) {
	err = b.p.trip.call("autosign remove", func() (err error) {
		found, err = b.Autosigner.Remove(ctx, name)
		return err
	})
	return found, err
}
