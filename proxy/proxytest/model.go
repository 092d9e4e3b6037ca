package proxytest

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/dns"
)

// dnsRandom does random creates and deletes, each twice, on the home and on the
// in-memory provider: both give the same results and end with the same records.
func dnsRandom(t *testing.T, h DNSHome) {
	names := []string{"h20.example.test", "h21.example.test", "h22.example.test"}
	values := map[dns.Type][]string{
		dns.A:     {"192.0.2.20", "192.0.2.21"},
		dns.AAAA:  {"2001:db8::20", "2001:db8::21"},
		dns.CNAME: {"h1.example.test", "h2.example.test"},
	}
	types := []dns.Type{dns.A, dns.AAAA, dns.CNAME}
	rapid.Check(t, func(rt *rapid.T) {
		model := &MemoryDNS{}
		for _, name := range names {
			for _, typ := range types {
				if err := h.Provider.Delete(t.Context(), name, typ); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for range rapid.IntRange(1, 8).Draw(rt, "operations") {
			name, typ := rapid.SampledFrom(names).Draw(rt, "name"), rapid.SampledFrom(types).Draw(rt, "type")
			op := func(p dns.Provider) error { return p.Delete(t.Context(), name, typ) }
			if rapid.Bool().Draw(rt, "create") {
				r := record(t, name, rapid.SampledFrom(values[typ]).Draw(rt, "value"), typ)
				op = func(p dns.Provider) error { return p.Create(t.Context(), r) }
			}
			for range 2 {
				sameOutcome(rt, op(h.Provider), op(model))
			}
		}
		for _, name := range names {
			for _, typ := range types {
				got, want := h.Lookup(t, name, typ), model.Lookup(name, typ)
				for i := range got {
					got[i] = trimDot(got[i])
				}
				slices.Sort(got)
				slices.Sort(want)
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					rt.Errorf("%s %s (-want +got):\n%s", name, typ, diff)
				}
			}
		}
	})
}

// dhcpRandom is the same for reservations.
func dhcpRandom(t *testing.T, h DHCPHome) {
	rapid.Check(t, func(rt *rapid.T) {
		model := NewMemoryDHCP()
		for n := range 3 {
			for _, q := range []dhcp.Query{{MAC: hw(110 + n)}, {IP: addr(110 + n)}} {
				if err := h.Provider.Delete(t.Context(), testNet.Addr(), q); err != nil {
					rt.Fatal(err)
				}
			}
		}
		pick := func(what string) int { return 110 + rapid.IntRange(0, 2).Draw(rt, what) }
		for range rapid.IntRange(1, 8).Draw(rt, "operations") {
			var op func(dhcp.Provider) error
			switch rapid.IntRange(0, 2).Draw(rt, "operation") {
			case 0:
				q := dhcp.Query{MAC: hw(pick("MAC"))}
				op = func(p dhcp.Provider) error { return p.Delete(t.Context(), testNet.Addr(), q) }
			case 1:
				q := dhcp.Query{IP: addr(pick("IP"))}
				op = func(p dhcp.Provider) error { return p.Delete(t.Context(), testNet.Addr(), q) }
			default:
				r := reservation(pick("MAC"))
				r.IP = addr(pick("IP"))
				op = func(p dhcp.Provider) error { return p.Create(t.Context(), r, nil) }
			}
			for range 2 {
				sameOutcome(rt, op(h.Provider), op(model))
			}
		}
		want, _ := model.Records(t.Context(), testNet.Addr(), dhcp.Query{})
		got, err := h.Provider.Records(t.Context(), testNet.Addr(), dhcp.Query{})
		if err != nil {
			rt.Fatal(err)
		}
		opts := []cmp.Option{equalAddr, equalPfx, equalMAC, cmpopts.EquateEmpty()}
		if diff := cmp.Diff(want, got, opts...); diff != "" {
			rt.Errorf("records (-want +got):\n%s", diff)
		}
	})
}

func addr(n int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", n)) }

func sameOutcome(rt *rapid.T, got, want error) {
	if (got == nil) != (want == nil) || (got != nil && errs.KindOf(got) != errs.KindOf(want)) {
		rt.Fatalf("got %v, want %v", got, want)
	}
}
