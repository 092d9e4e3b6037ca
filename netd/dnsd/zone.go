package dnsd

import (
	"maps"
	"slices"

	"github.com/miekg/dns"
)

// A zone's names are canonical: lower case, with the final dot. The Store's
// mutex guards it.
type zone struct {
	name  string
	nodes map[string]*node
}

// A node is a name that exists, because it has records or because names below
// it have (an empty non-terminal).
type node struct {
	sets  map[uint16][]dns.RR
	below int // nodes whose parent this is
}

func newZone(name string) *zone {
	return &zone{name: name, nodes: map[string]*node{name: {sets: map[uint16][]dns.RR{}}}}
}

func (z *zone) rrset(name string, t uint16) []dns.RR {
	if n := z.nodes[name]; n != nil {
		return n.sets[t]
	}
	return nil
}

// set replaces an RRset; an empty one goes, and with the last of a name the name.
func (z *zone) set(name string, t uint16, rrs []dns.RR) {
	n := z.nodes[name]
	if n == nil {
		if len(rrs) == 0 {
			return
		}
		n = z.grow(name)
	}
	if len(rrs) > 0 {
		n.sets[t] = rrs
		return
	}
	delete(n.sets, t)
	z.prune(name)
}

func (z *zone) grow(name string) *node {
	n := &node{sets: map[uint16][]dns.RR{}}
	z.nodes[name] = n
	if up := parent(name); dns.IsSubDomain(z.name, up) && name != z.name {
		p := z.nodes[up]
		if p == nil {
			p = z.grow(up)
		}
		p.below++
	}
	return n
}

func (z *zone) prune(name string) {
	for name != z.name {
		n := z.nodes[name]
		if n == nil || n.below > 0 || len(n.sets) > 0 {
			return
		}
		delete(z.nodes, name)
		name = parent(name)
		z.nodes[name].below--
	}
}

func (z *zone) soa() *dns.SOA {
	if set := z.rrset(z.name, dns.TypeSOA); len(set) == 1 {
		soa, _ := set[0].(*dns.SOA)
		return soa
	}
	return nil
}

// cut is the delegation that a name lies in or below: the NS records of a child
// zone that someone else serves; nil when the name is ours.
func (z *zone) cut(name string) (ns []dns.RR) {
	for ; name != z.name; name = parent(name) {
		if set := z.rrset(name, dns.TypeNS); set != nil {
			ns = set // the one nearest to the zone's own name counts
		}
	}
	return ns
}

// records lists all records, the SOA first and the rest by name and type.
func (z *zone) records() []dns.RR {
	out := []dns.RR{z.soa()}
	for _, name := range slices.Sorted(maps.Keys(z.nodes)) {
		n := z.nodes[name]
		for _, t := range slices.Sorted(maps.Keys(n.sets)) {
			if t != dns.TypeSOA {
				out = append(out, n.sets[t]...)
			}
		}
	}
	return out
}

func parent(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}
