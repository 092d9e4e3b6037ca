package proxytest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/mac"
)

// A DHCPHome is a provider with the subnet 192.0.2.0/24 (router 192.0.2.1, name
// server 192.0.2.2, domain example.test), which has no records.
type DHCPHome struct {
	Provider dhcp.Provider

	// Lease, when set, has the server lease ip to m.
	Lease func(t *testing.T, ip netip.Addr, m mac.Addr)

	Outage *Outage // nil when the home cannot be broken
}

// DHCP runs the suite; open makes a fresh home for each test.
func DHCP(t *testing.T, open func(t *testing.T) DHCPHome) {
	for name, test := range map[string]func(*testing.T, DHCPHome){
		"subnets":         dhcpSubnets,
		"create and find": dhcpCreate,
		"conflicts":       dhcpConflicts,
		"related MACs":    dhcpRelated,
		"delete":          dhcpDelete,
		"unused IP":       dhcpUnused,
		"exhausted":       dhcpExhausted,
		"unknown subnet":  dhcpUnknown,
		"leases":          dhcpLeases,
		"deleted, leased": dhcpDeleteLeased,
		"parallel":        dhcpParallel,
		"outage":          dhcpOutage,
		"random":          dhcpRandom,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

var (
	testNet   = netip.MustParsePrefix("192.0.2.0/24")
	equalAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	equalPfx  = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	equalMAC  = cmp.Comparer(func(a, b mac.Addr) bool { return a == b })
)

// hw is the nth hardware address of the suite; reservation its record.
func hw(n int) mac.Addr { return mac.MustParse(fmt.Sprintf("52:54:00:00:00:%02x", n)) }

func reservation(n int) dhcp.Record {
	name := fmt.Sprintf("h%d.example.test", n)
	return dhcp.Record{
		Name: name, Hostname: name, MAC: hw(n), IP: netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", n)),
		Network: testNet, Filename: "pxelinux.0", NextServer: "192.0.2.2",
	}
}

func (h DHCPHome) create(t *testing.T, r dhcp.Record, related ...mac.Addr) {
	t.Helper()
	twice(t, "create "+r.Name, func() error { return h.Provider.Create(t.Context(), r, related) })
}

func (h DHCPHome) want(t *testing.T, q dhcp.Query, want ...dhcp.Record) {
	t.Helper()
	got, err := h.Provider.Records(t.Context(), testNet.Addr(), q)
	if err != nil {
		t.Fatal(err)
	}
	opts := []cmp.Option{equalAddr, equalPfx, equalMAC, cmpopts.EquateEmpty()}
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("records for %+v (-want +got):\n%s", q, diff)
	}
}

func dhcpSubnets(t *testing.T, h DHCPHome) {
	all, err := h.Provider.Subnets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(s dhcp.Subnet) bool { return s.Prefix == testNet })
	if i < 0 {
		t.Fatalf("%s is not among %v", testNet, all)
	}
	o := all[i].Options
	if len(o.Routers) != 1 || o.Routers[0].String() != "192.0.2.1" || len(o.DNSServers) != 1 ||
		o.DNSServers[0].String() != "192.0.2.2" || o.DomainName != "example.test" {
		t.Errorf("options are %+v", o)
	}
}

func dhcpCreate(t *testing.T, h DHCPHome) {
	h.want(t, dhcp.Query{})
	a, b := reservation(10), reservation(11)
	b.Filename, b.NextServer = "", ""
	h.create(t, b)
	h.create(t, a)
	h.want(t, dhcp.Query{}, a, b)
	h.want(t, dhcp.Query{MAC: a.MAC}, a)
	h.want(t, dhcp.Query{IP: b.IP}, b)
	h.want(t, dhcp.Query{MAC: a.MAC, IP: b.IP})
	h.want(t, dhcp.Query{MAC: hw(99)})
	h.want(t, dhcp.Query{IP: netip.MustParseAddr("192.0.2.99")})
}

func dhcpConflicts(t *testing.T, h DHCPHome) {
	a := reservation(20)
	h.create(t, a)
	for what, change := range map[string]func(*dhcp.Record){
		"same IP":                func(r *dhcp.Record) { r.MAC, r.Name, r.Hostname = hw(21), "h21.example.test", "h21.example.test" },
		"same MAC":               func(r *dhcp.Record) { r.IP = netip.MustParseAddr("192.0.2.21") },
		"another boot file":      func(r *dhcp.Record) { r.Filename = "grub2/grubx64.efi" },
		"another boot server":    func(r *dhcp.Record) { r.NextServer = "192.0.2.3" },
		"another name, all else": func(r *dhcp.Record) { r.Name, r.Hostname = "h22.example.test", "h22.example.test" },
	} {
		r := a
		change(&r)
		wantKind(t, what, h.Provider.Create(t.Context(), r, nil), errs.Conflict)
	}
	h.want(t, dhcp.Query{}, a)
}

// dhcpRelated: the members of a bond share an IP.
func dhcpRelated(t *testing.T, h DHCPHome) {
	a, b := reservation(30), reservation(31)
	b.IP = a.IP
	h.create(t, a)
	h.create(t, b, a.MAC)
	h.want(t, dhcp.Query{IP: a.IP}, a, b)
	c := reservation(32)
	c.IP = a.IP
	wantKind(t, "a third that knows one", h.Provider.Create(t.Context(), c, []mac.Addr{a.MAC}), errs.Conflict)
}

func dhcpDelete(t *testing.T, h DHCPHome) {
	a, b, c := reservation(40), reservation(41), reservation(42)
	c.IP = b.IP
	h.create(t, a)
	h.create(t, b)
	h.create(t, c, b.MAC)
	twice(t, "by MAC", func() error { return h.Provider.Delete(t.Context(), testNet.Addr(), dhcp.Query{MAC: a.MAC}) })
	h.want(t, dhcp.Query{}, b, c)
	twice(t, "by IP", func() error { return h.Provider.Delete(t.Context(), testNet.Addr(), dhcp.Query{IP: b.IP}) })
	h.want(t, dhcp.Query{})
	h.create(t, a) // and it can come back
	h.want(t, dhcp.Query{}, a)
}

func dhcpUnused(t *testing.T, h DHCPHome) {
	a := reservation(50)
	h.create(t, a)
	w := dhcp.Wish{From: netip.MustParseAddr("192.0.2.50"), To: netip.MustParseAddr("192.0.2.59"), MAC: a.MAC}
	pick := func(w dhcp.Wish) netip.Addr {
		t.Helper()
		ip, err := h.Provider.UnusedIP(t.Context(), testNet.Addr(), w)
		if err != nil {
			t.Fatal(err)
		}
		return ip
	}
	if ip := pick(w); ip != a.IP {
		t.Errorf("the MAC with a reservation got %s", ip)
	}
	w.MAC = hw(51)
	first := pick(w)
	if again := pick(w); again != first || !first.IsValid() || first == a.IP {
		t.Errorf("a MAC got %s, then %s", first, again)
	}
	w.MAC = hw(52)
	if other := pick(w); other == first || other.Less(w.From) || w.To.Less(other) {
		t.Errorf("two MACs got %s and %s", first, other)
	}
	for _, bad := range []dhcp.Wish{
		{From: netip.MustParseAddr("192.0.2.20"), To: netip.MustParseAddr("192.0.2.10")},
		{From: netip.MustParseAddr("198.51.100.1"), To: netip.MustParseAddr("198.51.100.9")},
	} {
		_, err := h.Provider.UnusedIP(t.Context(), testNet.Addr(), bad)
		wantKind(t, fmt.Sprint("range ", bad.From, "-", bad.To), err, errs.Malformed)
	}
}

func dhcpExhausted(t *testing.T, h DHCPHome) {
	w := dhcp.Wish{From: netip.MustParseAddr("192.0.2.60"), To: netip.MustParseAddr("192.0.2.62")}
	seen := map[netip.Addr]bool{}
	for range 3 {
		ip, err := h.Provider.UnusedIP(t.Context(), testNet.Addr(), w)
		if err != nil || !ip.IsValid() || seen[ip] {
			t.Fatalf("got %s after %v, %v", ip, seen, err)
		}
		seen[ip] = true
	}
	if ip, err := h.Provider.UnusedIP(t.Context(), testNet.Addr(), w); err != nil || ip.IsValid() {
		t.Errorf("a fourth of three: %s, %v", ip, err)
	}
}

func dhcpUnknown(t *testing.T, h DHCPHome) {
	other := netip.MustParseAddr("203.0.113.0")
	_, err := h.Provider.Records(t.Context(), other, dhcp.Query{})
	wantKind(t, "records", err, errs.NotFound)
	_, err = h.Provider.UnusedIP(t.Context(), other, dhcp.Wish{})
	wantKind(t, "unused IP", err, errs.NotFound)
	r := reservation(1)
	r.Network, r.IP = netip.PrefixFrom(other, 24), netip.MustParseAddr("203.0.113.7")
	wantKind(t, "create", h.Provider.Create(t.Context(), r, nil), errs.NotFound, errs.Malformed)
	twice(t, "delete", func() error { return h.Provider.Delete(t.Context(), other, dhcp.Query{MAC: hw(1)}) })
}

func dhcpLeases(t *testing.T, h DHCPHome) {
	if h.Lease == nil {
		t.Log("this home gives no leases")
		return
	}
	ip := netip.MustParseAddr("192.0.2.70")
	h.Lease(t, ip, hw(70))
	got, err := h.Provider.Records(t.Context(), testNet.Addr(), dhcp.Query{MAC: hw(70)})
	if err != nil || len(got) != 1 || got[0].Lease == nil || got[0].IP != ip {
		t.Fatalf("lease %+v, %v", got, err)
	}
	err = h.Provider.Delete(t.Context(), testNet.Addr(), dhcp.Query{MAC: hw(70)})
	wantKind(t, "delete a lease", err, errs.Invalid)
	if got, err := h.Provider.UnusedIP(t.Context(), testNet.Addr(), dhcp.Wish{MAC: hw(70)}); err != nil || got != ip {
		t.Errorf("unused IP of the one who leases %s: %s, %v", ip, got, err)
	}
	h.create(t, reservation(70)) // a lease is not in the way
}

// dhcpDeleteLeased: the address of a deleted reservation is free at once, though
// the machine holds its lease.
func dhcpDeleteLeased(t *testing.T, h DHCPHome) {
	if h.Lease == nil {
		t.Log("this home gives no leases")
		return
	}
	a, b := reservation(75), reservation(76)
	b.IP = a.IP
	h.create(t, a)
	h.Lease(t, a.IP, a.MAC)
	twice(t, "delete", func() error { return h.Provider.Delete(t.Context(), testNet.Addr(), dhcp.Query{MAC: a.MAC}) })
	h.want(t, dhcp.Query{IP: a.IP})
	w := dhcp.Wish{From: a.IP, To: a.IP, MAC: b.MAC}
	if got, err := h.Provider.UnusedIP(t.Context(), testNet.Addr(), w); err != nil || got != a.IP {
		t.Errorf("unused IP: %s, %v; want %s", got, err, a.IP)
	}
	h.create(t, b)
	h.Lease(t, b.IP, b.MAC)
}

// dhcpParallel: of many that want one IP, exactly one gets it.
func dhcpParallel(t *testing.T, h DHCPHome) {
	const n = 8
	results := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		r := reservation(80 + i)
		r.IP = netip.MustParseAddr("192.0.2.80")
		wg.Go(func() { results[i] = h.Provider.Create(context.Background(), r, nil) })
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
			continue
		}
		wantKind(t, "the loser", err, errs.Conflict)
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

func dhcpOutage(t *testing.T, h DHCPHome) {
	r := reservation(90)
	if !h.Outage.during(t, func() {
		_, err := h.Provider.Subnets(t.Context())
		wantKind(t, "subnets", err, errs.Upstream, errs.Unavailable)
		wantKind(t, "create", h.Provider.Create(t.Context(), r, nil), errs.Upstream, errs.Unavailable)
	}) {
		t.Log("this home cannot be broken")
	}
	h.create(t, r)
	h.want(t, dhcp.Query{}, r)
}

// A MemoryDHCP is a provider without a server. Make one with NewMemoryDHCP.
type MemoryDHCP struct {
	Faults

	suggest *dhcp.Suggester
	subnets []dhcp.Subnet
	mu      sync.Mutex
	records []dhcp.Record
}

// NewMemoryDHCP makes a provider of the given subnets; of the suite's when none
// are given.
func NewMemoryDHCP(subnets ...dhcp.Subnet) *MemoryDHCP {
	if len(subnets) == 0 {
		subnets = []dhcp.Subnet{{Prefix: testNet, Options: dhcp.SubnetOptions{
			Routers:    []netip.Addr{netip.MustParseAddr("192.0.2.1")},
			DNSServers: []netip.Addr{netip.MustParseAddr("192.0.2.2")},
			DomainName: "example.test",
		}}}
	}
	return &MemoryDHCP{suggest: dhcp.NewSuggester(clock.System, nil), subnets: subnets}
}

func (m *MemoryDHCP) subnet(network netip.Addr) (dhcp.Subnet, error) {
	for _, s := range m.subnets {
		if s.Prefix.Addr() == network {
			return s, nil
		}
	}
	return dhcp.Subnet{}, errs.New(errs.NotFound, "no subnet %s", network)
}

// Subnets implements dhcp.Provider.
func (m *MemoryDHCP) Subnets(context.Context) ([]dhcp.Subnet, error) {
	return slices.Clone(m.subnets), m.Around("subnets", func() error { return nil })
}

// Records implements dhcp.Provider.
func (m *MemoryDHCP) Records(_ context.Context, network netip.Addr, q dhcp.Query) (found []dhcp.Record, err error) {
	err = m.Around("records", func() error {
		s, err := m.subnet(network)
		if err != nil {
			return err
		}
		found = m.in(s, q)
		return nil
	})
	return found, err
}

func (m *MemoryDHCP) in(s dhcp.Subnet, q dhcp.Query) []dhcp.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []dhcp.Record
	for _, r := range m.records {
		if r.Network == s.Prefix && q.Matches(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b dhcp.Record) int {
		if c := a.IP.Compare(b.IP); c != 0 {
			return c
		}
		return strings.Compare(a.MAC.String(), b.MAC.String())
	})
	return found
}

// Create implements dhcp.Provider.
func (m *MemoryDHCP) Create(_ context.Context, r dhcp.Record, related []mac.Addr) error {
	return m.Around("create", func() error {
		if _, err := m.subnet(r.Network.Addr()); err != nil {
			return err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		exists, err := dhcp.Duplicate(r, m.records, related)
		if err == nil && !exists {
			m.records = append(m.records, r)
		}
		return err
	})
}

// Delete implements dhcp.Provider.
func (m *MemoryDHCP) Delete(_ context.Context, network netip.Addr, q dhcp.Query) error {
	return m.Around("delete", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		hit := func(r dhcp.Record) bool { return r.Network.Addr() == network && q.Matches(r) && r.Lease == nil }
		if !slices.ContainsFunc(m.records, hit) {
			for _, r := range m.records {
				if r.Network.Addr() == network && q.Matches(r) {
					return errs.New(errs.Invalid, "%s is static - unable to delete", r.IP)
				}
			}
		}
		gone := slices.DeleteFunc(slices.Clone(m.records), func(r dhcp.Record) bool { return !hit(r) })
		m.records = slices.DeleteFunc(m.records, func(r dhcp.Record) bool { // with the lease on it
			return slices.ContainsFunc(gone, func(g dhcp.Record) bool {
				return r.Network == g.Network && r.MAC == g.MAC && r.IP == g.IP
			})
		})
		return nil
	})
}

// UnusedIP implements dhcp.Provider.
func (m *MemoryDHCP) UnusedIP(ctx context.Context, network netip.Addr, w dhcp.Wish) (ip netip.Addr, err error) {
	err = m.Around("unused", func() error {
		s, err := m.subnet(network)
		if err != nil {
			return err
		}
		ip, err = m.suggest.Pick(ctx, s, m.in(s, dhcp.Query{}), w)
		return err
	})
	return ip, err
}

// Lease has the server lease ip to hw.
func (m *MemoryDHCP) Lease(ip netip.Addr, hw mac.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = append(m.records, dhcp.Record{
		Name: "lease-" + hw.Plain(), MAC: hw, IP: ip, Network: m.subnets[0].Prefix, Lease: &dhcp.Lease{State: "active"},
	})
}
