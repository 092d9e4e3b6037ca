// Package nsupdate is the DNS provider for servers that take dynamic updates
// (RFC 2136), such as BIND, Knot and PowerDNS: it speaks the protocol itself and
// runs no nsupdate.
//
// It imports the standard library, the DNS library, internal/errs, internal/clock
// and proxy/dns.
package nsupdate

import (
	"cmp"
	"context"
	"net"
	"time"

	wire "github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dns"
)

// The defaults of Options.
const (
	DefaultTTL     = 24 * time.Hour
	DefaultTimeout = 10 * time.Second
)

// Options say which server is updated, and how.
type Options struct {
	Server  string // host or host:port
	Key     *Key   // signs everything; nil is unsigned
	TTL     time.Duration
	Timeout time.Duration // of one Create or Delete
	Clock   clock.Clock   // times signatures; nil is the system's
}

// A Provider updates one server. Make one with New; it is safe for concurrent use.
type Provider struct {
	server  string
	key     *Key
	ttl     uint32
	timeout time.Duration
	now     clock.Clock
}

var _ dns.Provider = (*Provider)(nil)

// New checks the options; it does not call the server.
func New(o Options) (*Provider, error) {
	if o.Server == "" {
		return nil, errs.InvalidField("dns_server", "must be set")
	}
	server := o.Server
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "53")
	}
	ttl := cmp.Or(o.TTL, DefaultTTL)
	if ttl < 0 || ttl > (1<<31-1)*time.Second {
		return nil, errs.InvalidField("dns_ttl", "must be between 0 and 2147483647 seconds")
	}
	if o.Key != nil {
		if err := o.Key.check(); err != nil {
			return nil, err
		}
	}
	p := &Provider{server: server, key: o.Key, ttl: uint32(ttl / time.Second), timeout: cmp.Or(o.Timeout, DefaultTimeout), now: o.Clock}
	if p.now == nil {
		p.now = clock.System
	}
	return p, nil
}

// maxAttempts bounds how often a Create that keeps losing races looks again.
const maxAttempts = 4

// Create looks, decides, and updates under the condition that what it saw still
// holds, so that of two who want one name, the server lets one win.
func (p *Provider) Create(ctx context.Context, r dns.Record) error {
	rr, err := p.resource(r)
	if err != nil {
		return err
	}
	return p.session(ctx, func(s *session) error {
		zone, err := s.zoneOf(r.Name)
		if err != nil {
			return err
		}
		for range maxAttempts {
			existing, err := s.lookup(r.Name, r.Type)
			if err != nil {
				return err
			}
			needed, err := dns.Decide(r, existing)
			if err != nil || !needed {
				return err
			}
			m := new(wire.Msg).SetUpdate(zone)
			prerequisites(m, r)
			m.Insert([]wire.RR{rr})
			done, err := s.update(m)
			if err != nil || done {
				return err
			}
			if r.Type == dns.CNAME && len(existing) == 0 {
				return errs.New(errs.Conflict, "'%s' is already in use by records of other types", r.Name)
			}
		}
		return errs.New(errs.Unavailable, "%s: %s keeps changing", p.server, r.Name)
	})
}

// prerequisites are what Decide took for granted.
func prerequisites(m *wire.Msg, r dns.Record) {
	name := wire.Fqdn(r.Name)
	switch r.Type {
	case dns.CNAME:
		m.NameNotUsed([]wire.RR{&wire.ANY{Hdr: wire.RR_Header{Name: name}}})
	case dns.SRV:
		m.RRsetNotUsed([]wire.RR{&wire.ANY{Hdr: wire.RR_Header{Name: name, Rrtype: wire.TypeCNAME}}})
	default:
		m.RRsetNotUsed([]wire.RR{
			&wire.ANY{Hdr: wire.RR_Header{Name: name, Rrtype: wire.StringToType[string(r.Type)]}},
			&wire.ANY{Hdr: wire.RR_Header{Name: name, Rrtype: wire.TypeCNAME}},
		})
	}
}

// Delete removes the set of records; the server does not mind when it is not there.
func (p *Provider) Delete(ctx context.Context, name string, t dns.Type) error {
	return p.session(ctx, func(s *session) error {
		zone, err := s.zoneOf(name)
		if err != nil {
			return err
		}
		m := new(wire.Msg).SetUpdate(zone)
		m.RemoveRRset([]wire.RR{&wire.ANY{Hdr: wire.RR_Header{Name: wire.Fqdn(name), Rrtype: wire.StringToType[string(t)]}}})
		_, err = s.update(m)
		return err
	})
}

// resource makes the library's record of ours.
func (p *Provider) resource(r dns.Record) (wire.RR, error) {
	h := wire.RR_Header{Name: wire.Fqdn(r.Name), Rrtype: wire.StringToType[string(r.Type)], Class: wire.ClassINET, Ttl: p.ttl}
	switch r.Type {
	case dns.A:
		return &wire.A{Hdr: h, A: net.ParseIP(r.Value)}, nil
	case dns.AAAA:
		return &wire.AAAA{Hdr: h, AAAA: net.ParseIP(r.Value)}, nil
	case dns.CNAME:
		return &wire.CNAME{Hdr: h, Target: wire.Fqdn(r.Value)}, nil
	case dns.PTR:
		return &wire.PTR{Hdr: h, Ptr: wire.Fqdn(r.Value)}, nil
	}
	rr, err := wire.NewRR(h.String() + r.Value + ".") // SRV, whose parts NewRecord has checked
	if err != nil {
		return nil, errs.WrapAs(errs.Malformed, err, "record %s %s", r.Name, r.Type)
	}
	return rr, nil
}
