package dnsd

import (
	"errors"
	"slices"

	"github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/errs"
)

// rcode is an outcome of an update that is not success, as an error.
type rcode int

func (r rcode) Error() string { return dns.RcodeToString[int(r)] }

// update does a dynamic update (RFC 2136) and returns its response code. The
// signature was checked.
func (s *Store) update(m *dns.Msg) (int, error) {
	if len(m.Question) != 1 || m.Question[0].Qtype != dns.TypeSOA || m.Question[0].Qclass != dns.ClassINET {
		return dns.RcodeFormatError, nil
	}
	err := s.Change(m.Question[0].Name, func(tx *Tx) error {
		if err := tx.require(m.Answer); err != nil {
			return err
		}
		if err := tx.scan(m.Ns); err != nil {
			return err
		}
		for _, rr := range m.Ns {
			tx.apply(rr)
		}
		return nil
	})
	var code rcode
	switch {
	case err == nil:
		return dns.RcodeSuccess, nil
	case errors.As(err, &code):
		return int(code), nil
	case errs.Is(err, errs.NotFound):
		return dns.RcodeNotAuth, nil
	}
	return dns.RcodeServerFailure, err
}

// require checks the prerequisites (section 3.2).
func (tx *Tx) require(prerequisites []dns.RR) error {
	exact := map[key][]dns.RR{}
	for _, rr := range prerequisites {
		h := rr.Header()
		if h.Ttl != 0 {
			return rcode(dns.RcodeFormatError)
		}
		if !tx.Holds(h.Name) {
			return rcode(dns.RcodeNotZone)
		}
		switch h.Class {
		case dns.ClassANY, dns.ClassNONE:
			if h.Rdlength != 0 {
				return rcode(dns.RcodeFormatError)
			}
			if err := tx.requireUse(h); err != nil {
				return err
			}
		case dns.ClassINET:
			k := key{dns.CanonicalName(h.Name), h.Rrtype}
			exact[k] = append(exact[k], rr)
		default:
			return rcode(dns.RcodeFormatError)
		}
	}
	for k, rrs := range exact {
		if !sameSet(tx.RRset(k.name, k.t), rrs) {
			return rcode(dns.RcodeNXRrset)
		}
	}
	return nil
}

// requireUse checks that a name or RRset is in use (class ANY) or is not (NONE).
func (tx *Tx) requireUse(h *dns.RR_Header) error {
	wanted := h.Class == dns.ClassANY
	used, missing, present := len(tx.RRset(h.Name, h.Rrtype)) > 0, dns.RcodeNXRrset, dns.RcodeYXRrset
	if h.Rrtype == dns.TypeANY {
		used, missing, present = len(tx.At(h.Name)) > 0, dns.RcodeNameError, dns.RcodeYXDomain
	}
	switch {
	case used == wanted:
		return nil
	case wanted:
		return rcode(missing)
	default:
		return rcode(present)
	}
}

func sameSet(have, want []dns.RR) bool {
	within := func(rr dns.RR, set []dns.RR) bool {
		return slices.ContainsFunc(set, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) })
	}
	return !slices.ContainsFunc(have, func(rr dns.RR) bool { return !within(rr, want) }) &&
		!slices.ContainsFunc(want, func(rr dns.RR) bool { return !within(rr, have) })
}

// scan refuses updates that make no sense, before anything is changed (3.4.1).
func (tx *Tx) scan(updates []dns.RR) error {
	for _, rr := range updates {
		h := rr.Header()
		if !tx.Holds(h.Name) {
			return rcode(dns.RcodeNotZone)
		}
		ok := false
		switch h.Class {
		case dns.ClassINET:
			ok = !meta(h.Rrtype) && h.Rdlength > 0
		case dns.ClassANY:
			ok = h.Ttl == 0 && h.Rdlength == 0 && (!meta(h.Rrtype) || h.Rrtype == dns.TypeANY)
		case dns.ClassNONE:
			ok = h.Ttl == 0 && !meta(h.Rrtype) && h.Rdlength > 0
		}
		if !ok {
			return rcode(dns.RcodeFormatError)
		}
	}
	return nil
}

// meta types are questions or signatures, never data.
func meta(t uint16) bool { return t == 0 || t == dns.TypeOPT || (t >= 128 && t <= 255) }

// apply does one update (3.4.2). Those that would harm the zone's own SOA and NS
// are passed over, as the RFC wants.
func (tx *Tx) apply(rr dns.RR) {
	h := rr.Header()
	apex := dns.CanonicalName(h.Name) == tx.zone.name
	switch h.Class {
	case dns.ClassINET:
		tx.insert(rr, apex)
	case dns.ClassANY:
		tx.removeSets(h, apex)
	case dns.ClassNONE:
		gone := dns.Copy(rr)
		gone.Header().Class = dns.ClassINET
		last := apex && h.Rrtype == dns.TypeNS && len(tx.RRset(h.Name, dns.TypeNS)) == 1
		if h.Rrtype != dns.TypeSOA && !last {
			tx.Remove(gone)
		}
	}
}

func (tx *Tx) insert(rr dns.RR, apex bool) {
	h := rr.Header()
	if soa, ok := rr.(*dns.SOA); ok {
		old := tx.RRset(h.Name, dns.TypeSOA)
		if apex && len(old) == 1 && newer(soa.Serial, old[0].(*dns.SOA).Serial) {
			tx.Set(h.Name, dns.TypeSOA, dns.Copy(rr))
		}
		return
	}
	if h.Rrtype == dns.TypeCNAME {
		others := slices.ContainsFunc(tx.At(h.Name), func(o dns.RR) bool { return o.Header().Rrtype != dns.TypeCNAME })
		if !others {
			tx.Set(h.Name, dns.TypeCNAME, dns.Copy(rr))
		}
		return
	}
	if len(tx.RRset(h.Name, dns.TypeCNAME)) == 0 {
		tx.Add(rr)
	}
}

func (tx *Tx) removeSets(h *dns.RR_Header, apex bool) {
	for _, rr := range tx.At(h.Name) {
		t := rr.Header().Rrtype
		if (h.Rrtype != dns.TypeANY && h.Rrtype != t) || (apex && (t == dns.TypeSOA || t == dns.TypeNS)) {
			continue
		}
		tx.Set(h.Name, t)
	}
}

// newer compares serials that wrap (RFC 1982).
func newer(a, b uint32) bool { return a != b && a-b < 1<<31 }
