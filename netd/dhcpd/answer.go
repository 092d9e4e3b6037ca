package dhcpd

import (
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// An inquiry is one request with what the server knows of its surroundings.
type inquiry struct {
	msg      *dhcpv4.DHCPv4
	mac      string
	firmware firmware
	prefixes []netip.Prefix // subnets the client may be in: the relay's, its own address's, or the interface's
	server   netip.Addr     // our address, as the client sees it
	strict   bool           // prefixes is sure: a client elsewhere is told so
}

// A verdict is what to answer: None for silence.
type verdict struct {
	kind  dhcpv4.MessageType
	lease Lease // with OFFER and ACK; INFORM's has no address
	save  bool  // the lease must be durable before the answer goes out
	res   Reservation
	sub   Subnet
}

// judge applies a request to the store and says what to answer. The store's
// mutex is held, and what must be durable is left to the caller to stage.
func (s *Store) judge(q *inquiry) verdict {
	n := s.find(q)
	if n == nil {
		return verdict{}
	}
	var v verdict
	switch q.msg.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		v = n.discover(q, s.now())
	case dhcpv4.MessageTypeRequest:
		v = n.request(q, s.now())
	case dhcpv4.MessageTypeDecline:
		v = n.decline(q, s.now())
	case dhcpv4.MessageTypeRelease:
		v = n.release(q, s.now())
	case dhcpv4.MessageTypeInform:
		v = verdict{kind: dhcpv4.MessageTypeAck}
	}
	v.sub = n.subnet
	v.res = n.reserved[q.mac]
	return v
}

// find is the subnet to serve a machine in: of those possible, the one that has
// its reservation, its lease, or else a range.
func (s *Store) find(q *inquiry) *network {
	var ranged, any *network
	for _, p := range q.prefixes {
		n := s.networks[p]
		if n == nil || !n.served {
			continue
		}
		if _, ok := n.reserved[q.mac]; ok {
			return n
		}
		if e := n.byMAC[q.mac]; e != nil && e.State != Released && ranged == nil {
			ranged = n
		}
		if len(n.subnet.Ranges) > 0 && ranged == nil {
			ranged = n
		}
		any = n
	}
	if ranged != nil {
		return ranged
	}
	return any
}

func (n *network) discover(q *inquiry, now time.Time) verdict {
	a := n.choose(q.mac, addr(q.msg.RequestedIPAddress()), now)
	if !a.IsValid() {
		return verdict{}
	}
	l := n.lease(q, a, now)
	if e := n.leases[a]; e == nil || e.State != Active || !e.Live(now) || e.MAC != q.mac {
		offer := l
		offer.State, offer.Ends = Offered, now.Add(offerTime)
		n.put(offer)
	}
	return verdict{kind: dhcpv4.MessageTypeOffer, lease: l}
}

func (n *network) lease(q *inquiry, a netip.Addr, now time.Time) Lease {
	return Lease{
		MAC: q.mac, IP: a, Network: n.prefix, State: Active,
		Starts: now, Ends: now.Add(n.subnet.leaseTime()),
		Hostname: hostname(q.msg), ClientID: clientID(q.msg),
	}
}

// request answers a client that takes our offer, comes back after a restart, or
// renews (RFC 2131, 4.3.2).
func (n *network) request(q *inquiry, now time.Time) verdict {
	if id := addr(q.msg.ServerIdentifier()); id.IsValid() && id != q.server {
		if e := n.byMAC[q.mac]; e != nil && e.State == Offered {
			n.forget(e) // it took another server's offer
		}
		return verdict{}
	}
	want := addr(q.msg.RequestedIPAddress())
	if !want.IsValid() {
		want = addr(q.msg.ClientIPAddr)
	}
	if !want.IsValid() {
		return verdict{}
	}
	if !n.grants(q.mac, want, now) {
		if q.strict {
			return verdict{kind: dhcpv4.MessageTypeNak}
		}
		return verdict{}
	}
	l := n.lease(q, want, now)
	if e := n.leases[want]; e != nil && e.MAC == q.mac && e.State == Active && e.Live(now) {
		l.Starts = e.Starts
	}
	n.put(l)
	return verdict{kind: dhcpv4.MessageTypeAck, lease: l, save: true}
}

// grants reports whether the machine may have exactly that address.
func (n *network) grants(mac string, want netip.Addr, now time.Time) bool {
	if !n.prefix.Contains(want) || !n.free(want, mac, now) {
		return false
	}
	if r, ok := n.reserved[mac]; ok {
		return r.IP == want
	}
	return n.dynamic(want)
}

// decline rests an address that its own client found in use by someone else.
func (n *network) decline(q *inquiry, now time.Time) verdict {
	e := n.byMAC[q.mac]
	if e == nil || e.IP != addr(q.msg.RequestedIPAddress()) {
		return verdict{}
	}
	l := e.Lease
	l.State, l.Ends = Declined, now.Add(declineTime)
	n.put(l)
	delete(n.byMAC, q.mac)
	return verdict{lease: l, save: true}
}

func (n *network) release(q *inquiry, now time.Time) verdict {
	e := n.byMAC[q.mac]
	if e == nil || e.IP != addr(q.msg.ClientIPAddr) || e.State != Active {
		return verdict{}
	}
	l := e.Lease
	l.State, l.Ends = Released, now
	n.put(l)
	return verdict{lease: l, save: true}
}

// addr is the netip form of a header or option address; unset and 0.0.0.0 are
// the zero Addr.
func addr(ip net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(ip)
	a = a.Unmap()
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

func hostname(m *dhcpv4.DHCPv4) string { return string(m.Options.Get(dhcpv4.OptionHostName)) }

func clientID(m *dhcpv4.DHCPv4) []byte { return m.Options.Get(dhcpv4.OptionClientIdentifier) }
