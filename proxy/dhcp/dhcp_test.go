package dhcp_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/mac"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func hw(n int) mac.Addr { return mac.MustParse(fmt.Sprintf("52:54:0:0:%x:%x", n>>8, n&255)) }

func subnet(prefix string) dhcp.Subnet { return dhcp.Subnet{Prefix: netip.MustParsePrefix(prefix)} }

func pick(t *testing.T, s *dhcp.Suggester, net dhcp.Subnet, records []dhcp.Record, w dhcp.Wish) netip.Addr {
	t.Helper()
	got, err := s.Pick(t.Context(), net, records, w)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPickLeavesOutWhatIsTaken(t *testing.T) {
	net := subnet("192.0.2.0/29") // .1 to .6
	net.Options.Routers = []netip.Addr{ip("192.0.2.1")}
	net.Options.DNSServers = []netip.Addr{ip("192.0.2.2")}
	records := []dhcp.Record{
		{IP: ip("192.0.2.3"), MAC: hw(3)},
		{IP: ip("192.0.2.4"), MAC: hw(4), Lease: &dhcp.Lease{}},
	}
	s := dhcp.NewSuggester(clock.System, nil)
	got := map[netip.Addr]bool{}
	for range 2 {
		got[pick(t, s, net, records, dhcp.Wish{})] = true
	}
	if len(got) != 2 || !got[ip("192.0.2.5")] || !got[ip("192.0.2.6")] {
		t.Errorf("got %v", got)
	}
	if last := pick(t, s, net, records, dhcp.Wish{}); last.IsValid() {
		t.Errorf("and then %s", last)
	}
	if own := pick(t, s, net, records, dhcp.Wish{MAC: hw(4)}); own != ip("192.0.2.4") {
		t.Errorf("the one with a lease got %s", own)
	}
	both := append(records, dhcp.Record{IP: ip("192.0.2.5"), MAC: hw(4)})
	if own := pick(t, s, net, both, dhcp.Wish{MAC: hw(4)}); own != ip("192.0.2.5") {
		t.Errorf("the one with a lease and a reservation got %s", own)
	}
}

func TestPickRemembersForAWhile(t *testing.T) {
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	s := dhcp.NewSuggester(func() time.Time { return now }, nil)
	net := subnet("192.0.2.0/30")
	first := pick(t, s, net, nil, dhcp.Wish{MAC: hw(1)})
	if again := pick(t, s, net, nil, dhcp.Wish{MAC: hw(1)}); again != first {
		t.Errorf("%s, then %s", first, again)
	}
	second := pick(t, s, net, nil, dhcp.Wish{MAC: hw(2)})
	if second == first || !second.IsValid() {
		t.Errorf("two got %s and %s", first, second)
	}
	if third := pick(t, s, net, nil, dhcp.Wish{MAC: hw(3)}); third.IsValid() {
		t.Errorf("a third got %s", third)
	}
	now = now.Add(dhcp.SuggestionTime)
	if third := pick(t, s, net, nil, dhcp.Wish{MAC: hw(3)}); !third.IsValid() {
		t.Error("nothing was forgotten")
	}
}

func TestPickProbes(t *testing.T) {
	probed := map[netip.Addr]int{}
	s := dhcp.NewSuggester(clock.System, func(_ context.Context, a netip.Addr) bool {
		probed[a]++
		return a == ip("192.0.2.1")
	})
	net := subnet("192.0.2.0/30")
	w := dhcp.Wish{From: ip("192.0.2.1"), To: ip("192.0.2.1")}
	for range 2 {
		if got := pick(t, s, net, nil, w); got.IsValid() {
			t.Errorf("got %s, which answers", got)
		}
	}
	if probed[ip("192.0.2.1")] != 1 {
		t.Errorf("probed %v", probed)
	}
	if got := pick(t, s, net, nil, dhcp.Wish{}); got != ip("192.0.2.2") {
		t.Errorf("got %s", got)
	}
}

func TestPickRanges(t *testing.T) {
	s := dhcp.NewSuggester(clock.System, nil)
	for _, c := range []struct {
		prefix, from, to string
		kind             errs.Kind
	}{
		{"192.0.2.0/24", "192.0.2.9", "192.0.2.5", errs.Malformed},
		{"192.0.2.0/24", "192.0.3.1", "", errs.Malformed},
		{"192.0.2.0/24", "", "192.0.1.1", errs.Malformed},
		{"192.0.2.0/24", "2001:db8::1", "", errs.Malformed},
		{"2001:db8::/64", "", "", errs.Unsupported},
	} {
		w := dhcp.Wish{}
		if c.from != "" {
			w.From = ip(c.from)
		}
		if c.to != "" {
			w.To = ip(c.to)
		}
		if got, err := s.Pick(t.Context(), subnet(c.prefix), nil, w); !errs.Is(err, c.kind) {
			t.Errorf("%+v: %s %v", c, got, err)
		}
	}
	for _, whole := range []string{"192.0.2.0/31", "192.0.2.0/32", "0.0.0.0/0", "10.0.0.0/8"} {
		if got := pick(t, dhcp.NewSuggester(clock.System, nil), subnet(whole), nil, dhcp.Wish{}); !got.IsValid() {
			t.Errorf("nothing in %s", whole)
		}
	}
}

func TestPickParallel(t *testing.T) {
	s := dhcp.NewSuggester(clock.System, nil)
	var mu sync.Mutex
	got := map[netip.Addr]int{}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			a, err := s.Pick(context.Background(), subnet("192.0.2.0/24"), nil, dhcp.Wish{MAC: hw(i % 100)})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[a]++
		})
	}
	wg.Wait()
	for a, n := range got {
		if n > 2 {
			t.Errorf("%s was given %d times", a, n)
		}
	}
}

func TestDuplicate(t *testing.T) {
	r := dhcp.Record{Name: "a", Hostname: "a", MAC: hw(1), IP: ip("192.0.2.1"), Network: netip.MustParsePrefix("192.0.2.0/24")}
	with := func(change func(*dhcp.Record)) dhcp.Record { c := r; change(&c); return c }
	for _, c := range []struct {
		what     string
		existing dhcp.Record
		related  []mac.Addr
		exists   bool
		conflict bool
	}{
		{"the same", r, nil, true, false},
		{"another", with(func(e *dhcp.Record) { e.MAC, e.IP = hw(2), ip("192.0.2.2") }), nil, false, false},
		{"same IP", with(func(e *dhcp.Record) { e.MAC = hw(2) }), nil, false, true},
		{"same IP, related", with(func(e *dhcp.Record) { e.MAC = hw(2) }), []mac.Addr{hw(2)}, false, false},
		{"same MAC", with(func(e *dhcp.Record) { e.IP = ip("192.0.2.2") }), nil, false, true},
		{"same MAC, related to itself", with(func(e *dhcp.Record) { e.IP = ip("192.0.2.2") }), []mac.Addr{hw(1)}, false, true},
		{"a lease of it", with(func(e *dhcp.Record) { e.Lease = &dhcp.Lease{} }), nil, false, false},
		{"another option", with(func(e *dhcp.Record) { e.Options = map[string]string{"x": "y"} }), nil, false, true},
		{"empty options", with(func(e *dhcp.Record) { e.Options = map[string]string{} }), nil, true, false},
	} {
		exists, err := dhcp.Duplicate(r, []dhcp.Record{c.existing}, c.related)
		if exists != c.exists || errs.Is(err, errs.Conflict) != c.conflict {
			t.Errorf("%s: %v %v", c.what, exists, err)
		}
	}
}
