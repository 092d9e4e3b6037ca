package dnsd

import (
	"maps"
	"slices"

	"github.com/miekg/dns"
)

// A Tx is a zone being changed: it reads as if its changes were made already.
// It is good for the time of Store.Change only.
type Tx struct {
	zone *zone
	sets map[key][]dns.RR // changed RRsets; empty ones go
}

type key struct {
	name string
	t    uint16
}

// Holds reports whether a name lies in the zone.
func (tx *Tx) Holds(name string) bool {
	return dns.IsSubDomain(tx.zone.name, dns.CanonicalName(name))
}

// RRset is the records of a name and type; not to be modified.
func (tx *Tx) RRset(name string, t uint16) []dns.RR {
	name = dns.CanonicalName(name)
	if rrs, ok := tx.sets[key{name, t}]; ok {
		return rrs
	}
	return tx.zone.rrset(name, t)
}

// At is all records of a name, by type.
func (tx *Tx) At(name string) []dns.RR {
	name = dns.CanonicalName(name)
	types := map[uint16]bool{}
	if n := tx.zone.nodes[name]; n != nil {
		for t := range n.sets {
			types[t] = true
		}
	}
	for k := range tx.sets {
		if k.name == name {
			types[k.t] = true
		}
	}
	var out []dns.RR
	for _, t := range slices.Sorted(maps.Keys(types)) {
		out = append(out, tx.RRset(name, t)...)
	}
	return out
}

// Set makes rrs the records of a name and type; none removes them.
func (tx *Tx) Set(name string, t uint16, rrs ...dns.RR) {
	if len(rrs) == 0 && len(tx.RRset(name, t)) == 0 {
		return
	}
	tx.sets[key{dns.CanonicalName(name), t}] = rrs
}

// Add puts a record beside those of its name and type, which all get its TTL, as
// an RRset has one. A record that is there already only brings its TTL.
func (tx *Tx) Add(rr dns.RR) {
	h := rr.Header()
	old := tx.RRset(h.Name, h.Rrtype)
	rrs := make([]dns.RR, 0, len(old)+1)
	there, same := false, true
	for _, o := range old {
		there = there || dns.IsDuplicate(o, rr)
		same = same && o.Header().Ttl == h.Ttl
		o = dns.Copy(o)
		o.Header().Ttl = h.Ttl
		rrs = append(rrs, o)
	}
	if there && same {
		return
	}
	if !there {
		rrs = append(rrs, dns.Copy(rr))
	}
	tx.Set(h.Name, h.Rrtype, rrs...)
}

// Remove takes one record away; an absent one is no error.
func (tx *Tx) Remove(rr dns.RR) {
	h := rr.Header()
	old := tx.RRset(h.Name, h.Rrtype)
	rrs := slices.DeleteFunc(slices.Clone(old), func(o dns.RR) bool { return dns.IsDuplicate(o, rr) })
	if len(rrs) != len(old) {
		tx.Set(h.Name, h.Rrtype, rrs...)
	}
}

func (tx *Tx) changed() bool { return len(tx.sets) > 0 }

// raiseSerial makes secondaries fetch the zone, unless the change set a serial.
func (tx *Tx) raiseSerial() {
	if _, set := tx.sets[key{tx.zone.name, dns.TypeSOA}]; set {
		return
	}
	if soa := tx.zone.soa(); soa != nil {
		next := dns.Copy(soa).(*dns.SOA)
		next.Serial++
		tx.sets[key{tx.zone.name, dns.TypeSOA}] = []dns.RR{next}
	}
}
