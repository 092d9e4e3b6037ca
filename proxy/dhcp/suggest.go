package dhcp

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/mac"
)

// SuggestionTime is how long a suggested address is not suggested to others.
const SuggestionTime = 30 * time.Minute

// A Suggester picks free addresses for providers' UnusedIP, and remembers whom
// it suggested which: the same MAC gets the same answer again, others get other
// ones. Make one with NewSuggester; it is safe for concurrent use.
type Suggester struct {
	now   clock.Clock
	inUse func(context.Context, netip.Addr) bool

	mu    sync.Mutex
	given map[netip.Addr]suggestion
}

type suggestion struct {
	mac   mac.Addr
	until time.Time
}

// NewSuggester makes a Suggester. inUse, which may be nil, is asked last about
// an address, such as by a ping; what it finds in use is not asked about again
// for SuggestionTime.
func NewSuggester(now clock.Clock, inUse func(context.Context, netip.Addr) bool) *Suggester {
	if inUse == nil {
		inUse = func(context.Context, netip.Addr) bool { return false }
	}
	return &Suggester{now: now, inUse: inUse, given: map[netip.Addr]suggestion{}}
}

// Pick answers a Wish, given all records of the subnet: the MAC's reservation or
// lease when it lies in the range, else a free address, else the zero Addr.
// Malformed when the range is not inside the subnet, Unsupported for IPv6.
func (s *Suggester) Pick(ctx context.Context, net Subnet, records []Record, w Wish) (netip.Addr, error) {
	span, err := rangeOf(net, w)
	if err != nil {
		return netip.Addr{}, err
	}
	taken := map[netip.Addr]bool{}
	for _, a := range slices.Concat(net.Options.Routers, net.Options.DNSServers) {
		taken[a] = true
	}
	var own Record
	for _, r := range records {
		taken[r.IP] = true
		if r.MAC == w.MAC && !w.MAC.IsZero() && span.Contains(r.IP) && (!own.IP.IsValid() || own.Lease != nil) {
			own = r
		}
	}
	if own.IP.IsValid() {
		return own.IP, nil
	}
	return s.choose(ctx, span, taken, w.MAC)
}

func (s *Suggester) choose(ctx context.Context, span Range, taken map[netip.Addr]bool, m mac.Addr) (netip.Addr, error) {
	first, size := number(span.From), number(span.To)-number(span.From)+1
	start := rand.Uint32N(max(size, 1))
	if !m.IsZero() {
		h := fnv.New32a()
		_, _ = h.Write([]byte(m.String()))
		start = h.Sum32() % max(size, 1)
	}
	if again := s.remembered(span, taken, m); again.IsValid() {
		return again, nil
	}
	for i := range size {
		addr := address(first + (start+i)%size)
		if taken[addr] || !s.claim(addr, m) {
			continue
		}
		if !s.inUse(ctx, addr) {
			return addr, nil
		}
		s.disown(addr)
		if err := ctx.Err(); err != nil {
			return netip.Addr{}, errs.WrapAs(errs.Unavailable, err, "look for a free address")
		}
	}
	return netip.Addr{}, nil
}

// remembered finds what m was given before, and forgets what is too old.
func (s *Suggester) remembered(span Range, taken map[netip.Addr]bool, m mac.Addr) netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found netip.Addr
	for addr, g := range s.given {
		switch {
		case !s.now().Before(g.until):
			delete(s.given, addr)
		case !m.IsZero() && g.mac == m && span.Contains(addr) && !taken[addr]:
			found = addr
		}
	}
	return found
}

// claim keeps addr for m, unless it is kept for someone.
func (s *Suggester) claim(addr netip.Addr, m mac.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.given[addr]; ok {
		return false
	}
	s.given[addr] = suggestion{m, s.now().Add(SuggestionTime)}
	return true
}

// disown leaves addr claimed, but for nobody.
func (s *Suggester) disown(addr netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given[addr] = suggestion{until: s.now().Add(SuggestionTime)}
}

func rangeOf(net Subnet, w Wish) (Range, error) {
	p := net.Prefix.Masked()
	if !p.Addr().Is4() {
		return Range{}, errs.New(errs.Unsupported, "no free addresses are looked for in %s", p)
	}
	low := number(p.Addr())
	high := low | uint32(1<<(32-p.Bits())-1)
	if p.Bits() < 31 {
		low, high = low+1, high-1
	}
	span := Range{address(low), address(high)}
	if w.From.IsValid() {
		span.From = w.From
	}
	if w.To.IsValid() {
		span.To = w.To
	}
	if !p.Contains(span.From) || !p.Contains(span.To) || span.To.Less(span.From) {
		return Range{}, errs.New(errs.Malformed, "Range %s - %s is not inside the subnet %s", span.From, span.To, p)
	}
	return span, nil
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func address(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}
