package nsupdate

import (
	"context"
	"fmt"
	"net"
	"strings"

	wire "github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dns"
)

// fudge is how many seconds the server's clock may differ.
const fudge = 300

// A session is the exchanges of one operation, over one TCP connection.
type session struct {
	p    *Provider
	ctx  context.Context
	c    *wire.Client
	conn net.Conn
}

func (p *Provider) session(ctx context.Context, do func(*session) error) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	c := &wire.Client{Net: "tcp", Timeout: p.timeout}
	if p.key != nil {
		c.TsigSecret = map[string]string{p.key.name(): p.key.Secret}
	}
	conn, err := c.DialContext(ctx, p.server)
	if err != nil {
		return errs.WrapAs(errs.Upstream, err, "DNS server %s cannot be reached", p.server)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	return do(&session{p, ctx, c, conn.Conn})
}

// exchange asks the server. With a key, an answer that is not signed with it is
// not believed, unless it is a refusal.
func (s *session) exchange(m *wire.Msg) (*wire.Msg, error) {
	if s.p.key != nil {
		m.SetTsig(s.p.key.name(), s.p.key.algorithm(), fudge, s.p.now().Unix())
	}
	// A fresh wrapper, since the library would sign a second message as the
	// continuation of the first.
	resp, _, err := s.c.ExchangeWithConnContext(s.ctx, m, &wire.Conn{Conn: s.conn})
	if resp != nil && resp.Id == m.Id && refused(resp) {
		return resp, nil // and cannot be signed, when it was the key that was wrong
	}
	if err != nil {
		if s.ctx.Err() != nil {
			err = s.ctx.Err()
		}
		return nil, errs.WrapAs(errs.Upstream, err, "DNS server %s", s.p.server)
	}
	if s.p.key != nil && resp.IsTsig() == nil {
		return nil, errs.New(errs.Upstream, "DNS server %s did not sign its answer", s.p.server)
	}
	return resp, nil
}

// refused reports whether an answer says that nothing was done or told.
func refused(resp *wire.Msg) bool {
	switch resp.Rcode {
	case wire.RcodeSuccess, wire.RcodeNameError, wire.RcodeYXRrset, wire.RcodeYXDomain:
		return false
	}
	return true
}

func (s *session) query(name string, qtype uint16) (*wire.Msg, error) {
	m := new(wire.Msg).SetQuestion(wire.Fqdn(name), qtype)
	m.RecursionDesired = false
	return s.exchange(m)
}

// zoneOf finds the zone of the server that holds name. Where an alias hides the
// zone, the name above tells.
func (s *session) zoneOf(name string) (string, error) {
	for n := wire.Fqdn(name); n != "."; {
		resp, err := s.query(n, wire.TypeSOA)
		if err != nil {
			return "", err
		}
		if refused(resp) && (resp.Rcode != wire.RcodeRefused || tsigFailed(resp)) {
			return "", s.refusal("look for the zone of "+name, resp)
		}
		if !resp.Authoritative {
			break
		}
		if zone := zoneIn(resp, n); zone != "" {
			return zone, nil
		}
		next, end := wire.NextLabel(n, 0)
		if end {
			break
		}
		n = n[next:]
	}
	return "", errs.New(errs.Invalid, "DNS server %s has no zone for %s", s.p.server, name)
}

// zoneIn reads the zone from an answer to a SOA query; empty when the answer is
// about where an alias leads.
func zoneIn(resp *wire.Msg, name string) string {
	for _, rr := range resp.Answer {
		if rr.Header().Rrtype != wire.TypeSOA {
			return ""
		}
	}
	for _, rr := range append(resp.Answer, resp.Ns...) {
		if rr.Header().Rrtype == wire.TypeSOA && wire.IsSubDomain(rr.Header().Name, name) {
			return rr.Header().Name
		}
	}
	return ""
}

// lookup gives what stands at a name, as far as Decide for a record of type t
// wants to know: its own type, and a CNAME.
func (s *session) lookup(name string, t dns.Type) (dns.Existing, error) {
	resp, err := s.query(name, wire.StringToType[string(t)])
	if err != nil {
		return nil, err
	}
	if resp.Rcode != wire.RcodeSuccess && resp.Rcode != wire.RcodeNameError {
		return nil, s.refusal("look up "+name, resp)
	}
	var out dns.Existing
	for _, rr := range resp.Answer {
		if r, ok := fromWire(rr); ok && strings.EqualFold(r.Name, name) {
			out = append(out, r)
		}
	}
	return out, nil
}

// fromWire makes our record of the library's.
func fromWire(rr wire.RR) (dns.Record, bool) {
	r := dns.Record{Name: strings.TrimSuffix(rr.Header().Name, "."), Type: dns.Type(wire.TypeToString[rr.Header().Rrtype])}
	switch rr := rr.(type) {
	case *wire.A:
		r.Value = rr.A.String()
	case *wire.AAAA:
		r.Value = rr.AAAA.String()
	case *wire.CNAME:
		r.Value = strings.TrimSuffix(rr.Target, ".")
	case *wire.PTR:
		r.Value = strings.TrimSuffix(rr.Ptr, ".")
	case *wire.SRV:
		r.Value = fmt.Sprintf("%d %d %d %s", rr.Priority, rr.Weight, rr.Port, strings.TrimSuffix(rr.Target, "."))
	default:
		return r, false
	}
	return r, true
}

// update sends an update; done is false when a prerequisite did not hold.
func (s *session) update(m *wire.Msg) (done bool, err error) {
	resp, err := s.exchange(m)
	if err != nil {
		return false, err
	}
	switch resp.Rcode {
	case wire.RcodeSuccess:
		return true, nil
	case wire.RcodeYXRrset, wire.RcodeYXDomain:
		return false, nil
	}
	return false, s.refusal("update "+m.Question[0].Name, resp)
}

func tsigFailed(resp *wire.Msg) bool {
	t := resp.IsTsig()
	return t != nil && t.Error != wire.RcodeSuccess
}

// refusal words what the server did not do.
func (s *session) refusal(what string, resp *wire.Msg) error {
	reason := wire.RcodeToString[resp.Rcode]
	if tsigFailed(resp) {
		reason += ", " + wire.RcodeToString[int(resp.IsTsig().Error)]
	}
	kind := errs.Upstream
	switch resp.Rcode {
	case wire.RcodeServerFailure:
		kind = errs.Unavailable
	case wire.RcodeNotZone:
		kind = errs.Invalid
	}
	return errs.New(kind, "DNS server %s refused to %s: %s", s.p.server, what, reason)
}
