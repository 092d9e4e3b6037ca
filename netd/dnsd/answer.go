package dnsd

import (
	"github.com/miekg/dns"
)

// maxChain bounds how many CNAMEs one answer follows.
const maxChain = 8

// An answer is what a store says to a question.
type answer struct {
	rcode         int
	authoritative bool
	answer        []dns.RR
	authority     []dns.RR
	additional    []dns.RR
}

// answer looks a question up, following CNAMEs as far as this store goes.
func (s *Store) answer(q dns.Question) answer {
	s.mu.RLock()
	defer s.mu.RUnlock()
	name := dns.CanonicalName(q.Name)
	z := s.enclosing(name)
	if z == nil || q.Qclass != dns.ClassINET {
		return answer{rcode: dns.RcodeRefused}
	}
	a := answer{authoritative: true}
	owner := q.Name // the asker's spelling, which some of them compare
	for range maxChain {
		next := s.step(&a, z, name, owner, q.Qtype)
		if next == "" {
			break
		}
		owner, name = next, dns.CanonicalName(next)
		if z = s.enclosing(name); z == nil {
			break
		}
	}
	return a
}

// step adds what one zone says of one name, and gives the target of a CNAME.
func (s *Store) step(a *answer, z *zone, name, owner string, t uint16) (next string) {
	if ns := z.cut(name); ns != nil {
		a.refer(z, ns)
		return ""
	}
	n := z.nodes[name]
	switch {
	case n == nil:
		a.rcode = dns.RcodeNameError
	case t == dns.TypeANY && len(n.sets) > 0: // RFC 8482: asked for by those who wish to flood others
		h := dns.RR_Header{Name: owner, Rrtype: dns.TypeHINFO, Class: dns.ClassINET, Ttl: zoneTTL}
		a.answer = append(a.answer, &dns.HINFO{Hdr: h, Cpu: "RFC8482"})
		return ""
	case len(n.sets[t]) > 0:
		a.answer = append(a.answer, named(n.sets[t], owner)...)
		return ""
	case len(n.sets[dns.TypeCNAME]) > 0:
		a.answer = append(a.answer, named(n.sets[dns.TypeCNAME], owner)...)
		return n.sets[dns.TypeCNAME][0].(*dns.CNAME).Target
	}
	a.authority = z.negative()
	return ""
}

// refer points to the servers of a child zone, with their addresses as far as
// they lie in this one.
func (a *answer) refer(z *zone, ns []dns.RR) {
	a.authoritative = len(a.answer) > 0
	a.authority = ns
	for _, rr := range ns {
		target := dns.CanonicalName(rr.(*dns.NS).Ns)
		a.additional = append(a.additional, z.rrset(target, dns.TypeA)...)
		a.additional = append(a.additional, z.rrset(target, dns.TypeAAAA)...)
	}
}

// negative is the SOA that says how long to remember that there is nothing.
func (z *zone) negative() []dns.RR {
	soa := z.soa()
	if soa == nil {
		return nil
	}
	c := dns.Copy(soa).(*dns.SOA)
	c.Hdr.Ttl = min(c.Hdr.Ttl, c.Minttl)
	return []dns.RR{c}
}

// named gives the records the owner name as it was asked for.
func named(rrs []dns.RR, owner string) []dns.RR {
	out := make([]dns.RR, len(rrs))
	for i, rr := range rrs {
		out[i] = dns.Copy(rr)
		out[i].Header().Name = owner
	}
	return out
}

// transfer is all records of a zone between two copies of its SOA; nil when it
// is not served here.
func (s *Store) transfer(name string) []dns.RR {
	s.mu.RLock()
	defer s.mu.RUnlock()
	z := s.zones[dns.CanonicalName(name)]
	if z == nil {
		return nil
	}
	return append(z.records(), z.soa())
}
