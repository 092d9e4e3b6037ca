package inventory

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"

	"github.com/chargehand/chargehand/core/noun"
)

// An AddressSource suggests addresses for subnets whose IPAM asks elsewhere: a
// DHCP proxy, an external IPAM.
type AddressSource interface {
	// Suggest gives a free address, or an invalid one when it has none to give.
	// It must not be among taken. It is called outside of any transaction.
	Suggest(ctx context.Context, s *Subnet, mac string, taken map[netip.Addr]bool) (netip.Addr, error)
}

// tries bounds how many addresses are looked at for a free one.
const tries = 1 << 16

// asksElsewhere tells whether the subnet's addresses are another system's to give.
func (s *Subnet) asksElsewhere() bool {
	return s.IPAM == IPAMExternal && s.ExternalIPAM != 0 || s.IPAM == IPAMDHCP && s.DHCPID != 0
}

// FreeIP suggests an address of the subnet from what the database knows: one
// that no interface has and that is not in taken; an invalid one when IPAM is
// None or nothing is free. A source that is not nil is asked for subnets whose
// addresses are another system's to give; only a reading transaction may wait
// for that.
func FreeIP(ctx context.Context, tx *noun.Tx, s *Subnet, mac string, taken map[netip.Addr]bool, source AddressSource) (netip.Addr, error) {
	prefix := s.Prefix()
	if !prefix.IsValid() || s.IPAM == IPAMNone {
		return netip.Addr{}, nil
	}
	if s.IPAM == IPAMEUI64 {
		return eui64(prefix, mac), nil
	}
	known, err := KnownAddresses(ctx, tx, s, taken)
	if err != nil {
		return netip.Addr{}, err
	}
	if source != nil && s.asksElsewhere() {
		return source.Suggest(ctx, s, mac, known)
	}
	if s.IPAM == IPAMExternal {
		return netip.Addr{}, nil
	}
	from, to := s.span()
	start := from
	if s.IPAM == IPAMRandom {
		start = randomBetween(from, to)
	}
	return firstFree(start, from, to, known), nil
}

// KnownAddresses are those that the subnet's interfaces and gateway have, and
// those in taken.
func KnownAddresses(ctx context.Context, tx *noun.Tx, s *Subnet, taken map[netip.Addr]bool) (map[netip.Addr]bool, error) {
	known := map[netip.Addr]bool{}
	for a := range taken {
		known[a] = true
	}
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil {
			known[a] = true
		}
	}
	add(s.Gateway)
	field := "subnet"
	if s.Type == SubnetIPv6 {
		field = "subnet6"
	}
	nics, err := noun.Find[Interface](ctx, tx, noun.Match{field: s.ID})
	for _, n := range nics {
		add(n.IP)
		add(n.IP6)
	}
	return known, err
}

// span is the range that addresses are suggested from: the one set, or all but
// network and broadcast.
func (s *Subnet) span() (from, to netip.Addr) {
	from, err := netip.ParseAddr(s.From)
	to, err2 := netip.ParseAddr(s.To)
	if err == nil && err2 == nil {
		return from, to
	}
	prefix := s.Prefix().Masked()
	return prefix.Addr().Next(), lastOf(prefix).Prev()
}

// lastOf is the highest address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// firstFree walks from start to the end of the range and round to start again.
func firstFree(start, from, to netip.Addr, known map[netip.Addr]bool) netip.Addr {
	a := start
	for range tries {
		if !a.IsValid() || to.Less(a) {
			a = from
		}
		if to.Less(a) {
			return netip.Addr{}
		}
		if !known[a] {
			return a
		}
		if a = a.Next(); a == start {
			break
		}
	}
	return netip.Addr{}
}

// randomBetween picks an address of a range, at most 2⁶⁴ long.
func randomBetween(from, to netip.Addr) netip.Addr {
	low, high := tail(from), tail(to)
	if high <= low {
		return from
	}
	pick := low + rand.Uint64N(high-low+1)
	b := from.As16()
	binary.BigEndian.PutUint64(b[8:], pick)
	a := netip.AddrFrom16(b)
	if from.Is4() {
		return a.Unmap()
	}
	return a
}

func tail(a netip.Addr) uint64 {
	b := a.As16()
	return binary.BigEndian.Uint64(b[8:])
}

// eui64 makes the address that a hardware address has in a /64; invalid
// without one.
func eui64(p netip.Prefix, mac string) netip.Addr {
	m, err := net.ParseMAC(mac)
	if err != nil || p.Bits() > 64 || len(m) != 6 {
		return netip.Addr{}
	}
	b := p.Masked().Addr().As16()
	copy(b[8:], []byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
	return netip.AddrFrom16(b)
}
