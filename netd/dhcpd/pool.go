package dhcpd

import (
	"container/heap"
	"net/netip"
	"time"
)

// offerTime is how long an offered address waits for its request.
const offerTime = time.Minute

// declineTime is how long an address that someone else was seen to use rests.
const declineTime = time.Hour

// A network is one subnet's state. The Store's mutex guards it.
type network struct {
	prefix   netip.Prefix
	subnet   Subnet
	served   bool // a Subnet was put; reservations of others wait for theirs
	reserved map[string]Reservation
	holders  map[netip.Addr]int // how many reservations share an address

	leases map[netip.Addr]*entry
	byMAC  map[string]*entry
	oldest ending // leases by end, to find the address that was unused longest

	// next is the first address of ranges[0] that was never given out: the
	// fresh part of the pool, used up before old addresses are.
	fresh []Range
	freed []netip.Addr // addresses that a reservation let go
}

type entry struct {
	Lease
	index int // in oldest
}

func newNetwork(prefix netip.Prefix) *network {
	return &network{
		prefix:   prefix,
		reserved: map[string]Reservation{},
		holders:  map[netip.Addr]int{},
		leases:   map[netip.Addr]*entry{},
		byMAC:    map[string]*entry{},
	}
}

// reserve puts r in place of the machine's earlier reservation; what the machine
// leases on the same address goes on.
func (n *network) reserve(r Reservation) {
	if old, ok := n.reserved[r.MAC]; ok && old.IP == r.IP {
		n.reserved[r.MAC] = r
		return
	}
	n.unreserve(r.MAC)
	n.reserved[r.MAC] = r
	n.holders[r.IP]++
}

// unreserve removes a machine's reservation, and its lease on that address with
// it. It gives the address that was let go, the zero Addr when there was none.
func (n *network) unreserve(mac string) netip.Addr {
	r, ok := n.reserved[mac]
	if !ok {
		return netip.Addr{}
	}
	delete(n.reserved, mac)
	if n.holders[r.IP]--; n.holders[r.IP] == 0 {
		delete(n.holders, r.IP)
		n.freed = append(n.freed, r.IP)
	}
	if e := n.leases[r.IP]; e != nil && e.MAC == mac {
		n.forget(e)
	}
	return r.IP
}

// serve sets the subnet's options and begins its ranges anew; addresses in use
// are passed over as they are met.
func (n *network) serve(s Subnet) {
	n.subnet, n.served = s, true
	n.fresh = append([]Range(nil), s.Ranges...)
	n.freed = nil
}

// choose finds the address to offer to a machine: its reservation, what it has
// or had, what it wishes for, a fresh one, the one unused longest. The zero Addr
// means that there is none.
func (n *network) choose(mac string, wish netip.Addr, now time.Time) netip.Addr {
	if r, ok := n.reserved[mac]; ok {
		if n.free(r.IP, mac, now) {
			return r.IP
		}
		return netip.Addr{}
	}
	if e := n.byMAC[mac]; e != nil && n.dynamic(e.IP) && n.free(e.IP, mac, now) {
		return e.IP
	}
	if wish.IsValid() && n.dynamic(wish) && n.free(wish, mac, now) {
		return wish
	}
	return n.unused(now)
}

// dynamic reports whether the address may go to machines without reservation.
func (n *network) dynamic(a netip.Addr) bool {
	return n.holders[a] == 0 && n.subnet.inRange(a)
}

// free reports whether no other machine holds the address. Machines whose
// reservations share it do not hold it against each other.
func (n *network) free(a netip.Addr, mac string, now time.Time) bool {
	e := n.leases[a]
	if e == nil || !e.Live(now) || (e.MAC == mac && e.State != Declined) {
		return true
	}
	mine, ok := n.reserved[mac]
	other, shared := n.reserved[e.MAC]
	return ok && shared && mine.IP == a && other.IP == a
}

func (n *network) unused(now time.Time) netip.Addr {
	for len(n.fresh) > 0 {
		r := &n.fresh[0]
		a := r.From
		if a == r.To {
			n.fresh = n.fresh[1:]
		} else {
			r.From = a.Next()
		}
		if n.usable(a) && n.leases[a] == nil {
			return a
		}
	}
	for len(n.freed) > 0 {
		a := n.freed[len(n.freed)-1]
		n.freed = n.freed[:len(n.freed)-1]
		if n.dynamic(a) && n.leases[a] == nil {
			return a
		}
	}
	return n.longestUnused(now)
}

// usable keeps the network's own and its broadcast address out of ranges.
func (n *network) usable(a netip.Addr) bool {
	if !n.dynamic(a) {
		return false
	}
	return n.prefix.Bits() >= 31 || (a != n.prefix.Addr() && a != broadcast(n.prefix))
}

func (n *network) longestUnused(now time.Time) netip.Addr {
	var aside []*entry // ended, but not for the pool: reserved meanwhile, or out of range
	var found netip.Addr
	for len(n.oldest) > 0 && !n.oldest[0].Live(now) {
		e := n.oldest[0]
		if n.dynamic(e.IP) {
			found = e.IP
			break
		}
		aside = append(aside, heap.Pop(&n.oldest).(*entry))
	}
	for _, e := range aside {
		n.drop(e)
	}
	return found
}

// put makes l the lease of its address and machine, in place of what they had.
func (n *network) put(l Lease) {
	if e := n.byMAC[l.MAC]; e != nil && e.IP != l.IP {
		n.forget(e) // a machine holds one address of a subnet at a time
	}
	e := n.leases[l.IP]
	if e == nil {
		e = &entry{Lease: l}
		n.leases[l.IP] = e
		heap.Push(&n.oldest, e)
	} else {
		if e.MAC != l.MAC && n.byMAC[e.MAC] == e {
			delete(n.byMAC, e.MAC)
		}
		e.Lease = l
		heap.Fix(&n.oldest, e.index)
	}
	n.byMAC[l.MAC] = e
}

// forget takes e's machine away; the address stays known as the pool's.
func (n *network) forget(e *entry) {
	if n.byMAC[e.MAC] == e {
		delete(n.byMAC, e.MAC)
	}
	if e.State != Declined {
		e.Ends, e.State = time.Time{}, Released
		heap.Fix(&n.oldest, e.index)
	}
}

// drop forgets an entry that was taken out of oldest.
func (n *network) drop(e *entry) {
	delete(n.leases, e.IP)
	if n.byMAC[e.MAC] == e {
		delete(n.byMAC, e.MAC)
	}
}

func broadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := range 32 - p.Bits() {
		b[3-i/8] |= 1 << (i % 8)
	}
	return netip.AddrFrom4(b)
}

// ending is a heap of leases, the one that ends first on top.
type ending []*entry

func (h ending) Len() int           { return len(h) }
func (h ending) Less(i, j int) bool { return h[i].end().Before(h[j].end()) }
func (h ending) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *ending) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *ending) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

// end orders released leases before all that merely ran out.
func (e *entry) end() time.Time {
	if e.State == Released {
		return time.Time{}
	}
	return e.Ends
}
