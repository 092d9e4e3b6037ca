package proxytest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dns"
)

// A DNSHome is a provider whose zones include example.test, 2.0.192.in-addr.arpa
// and 8.b.d.0.1.0.0.2.ip6.arpa, all without the names that the suite uses
// (h*.example.test and their addresses).
type DNSHome struct {
	Provider dns.Provider

	// Lookup says what a client of the DNS server sees: values as in
	// dns.Record, in any order.
	Lookup func(t *testing.T, name string, typ dns.Type) []string

	Outage *Outage // nil when the home cannot be broken
}

// DNS runs the suite; open makes a fresh home for each test.
func DNS(t *testing.T, open func(t *testing.T) DNSHome) {
	for name, test := range map[string]func(*testing.T, DNSHome){
		"create and delete every type": dnsEveryType,
		"conflicts":                    dnsConflicts,
		"delete takes one type":        dnsDeleteScope,
		"srv accumulates":              dnsSRV,
		"parallel":                     dnsParallel,
		"foreign zone":                 dnsForeignZone,
		"outage":                       dnsOutage,
		"random operations":            dnsRandom,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// A records maker that fails the test instead of returning an error.
func record(t *testing.T, fqdn, value string, typ dns.Type) dns.Record {
	t.Helper()
	r, err := dns.NewRecord(fqdn, value, string(typ))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (h DNSHome) create(t *testing.T, r dns.Record) {
	t.Helper()
	twice(t, fmt.Sprintf("create %+v", r), func() error { return h.Provider.Create(t.Context(), r) })
}

func (h DNSHome) want(t *testing.T, name string, typ dns.Type, want ...string) {
	t.Helper()
	got := h.Lookup(t, name, typ)
	for i := range got {
		got[i] = trimDot(got[i])
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, got...)); diff != "" {
		t.Errorf("%s %s (-want +got):\n%s", name, typ, diff)
	}
}

func trimDot(value string) string { return strings.ToLower(strings.TrimSuffix(value, ".")) }

func dnsEveryType(t *testing.T, h DNSHome) {
	for _, r := range []dns.Record{
		record(t, "h1.example.test", "192.0.2.11", dns.A),
		record(t, "h1.example.test", "2001:db8::11", dns.AAAA),
		record(t, "h2.example.test", "h1.example.test", dns.CNAME),
		record(t, "h1.example.test", "11.2.0.192.in-addr.arpa", dns.PTR),
		record(t, "h1.example.test", "1.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", dns.PTR),
		record(t, "_sip._tcp.example.test", "10 20 5060 h1.example.test", dns.SRV),
	} {
		h.create(t, r)
		h.want(t, r.Name, r.Type, r.Value)
		twice(t, "delete "+r.Name, func() error { return h.Provider.Delete(t.Context(), r.Name, r.Type) })
		h.want(t, r.Name, r.Type)
	}
}

func dnsConflicts(t *testing.T, h DNSHome) {
	h.create(t, record(t, "h3.example.test", "192.0.2.13", dns.A))
	h.create(t, record(t, "h3.example.test", "2001:db8::13", dns.AAAA)) // no conflict with A
	h.create(t, record(t, "H3.Example.Test", "192.0.2.13", dns.A))
	h.create(t, record(t, "h3.example.test", "13.2.0.192.in-addr.arpa", dns.PTR))
	h.create(t, record(t, "H3.EXAMPLE.test", "13.2.0.192.in-addr.arpa", dns.PTR)) // equal but for case
	for _, r := range []dns.Record{
		record(t, "h3.example.test", "192.0.2.14", dns.A),
		record(t, "h3.example.test", "2001:db8::14", dns.AAAA),
		record(t, "h3.example.test", "h4.example.test", dns.CNAME),
		record(t, "h4.example.test", "13.2.0.192.in-addr.arpa", dns.PTR),
	} {
		wantKind(t, fmt.Sprintf("create %+v", r), h.Provider.Create(t.Context(), r), errs.Conflict)
	}
	h.want(t, "h3.example.test", dns.A, "192.0.2.13")
	h.want(t, "h3.example.test", dns.AAAA, "2001:db8::13")
	h.want(t, "13.2.0.192.in-addr.arpa", dns.PTR, "h3.example.test")
	h.create(t, record(t, "h5.example.test", "h3.example.test", dns.CNAME))
	err := h.Provider.Create(t.Context(), record(t, "h5.example.test", "192.0.2.15", dns.A))
	wantKind(t, "an A where a CNAME is", err, errs.Conflict)
}

func dnsDeleteScope(t *testing.T, h DNSHome) {
	h.create(t, record(t, "h6.example.test", "192.0.2.16", dns.A))
	h.create(t, record(t, "h6.example.test", "2001:db8::16", dns.AAAA))
	if err := h.Provider.Delete(t.Context(), "h6.example.test", dns.A); err != nil {
		t.Fatal(err)
	}
	h.want(t, "h6.example.test", dns.A)
	h.want(t, "h6.example.test", dns.AAAA, "2001:db8::16")
	twice(t, "delete what never was", func() error { return h.Provider.Delete(t.Context(), "h7.example.test", dns.A) })
	twice(t, "delete a PTR that never was", func() error {
		return h.Provider.Delete(t.Context(), "17.2.0.192.in-addr.arpa", dns.PTR)
	})
}

func dnsSRV(t *testing.T, h DNSHome) {
	h.create(t, record(t, "_ldap._tcp.example.test", "1 2 389 h1.example.test", dns.SRV))
	h.create(t, record(t, "_ldap._tcp.example.test", "1 2 389 h2.example.test", dns.SRV))
	h.want(t, "_ldap._tcp.example.test", dns.SRV, "1 2 389 h1.example.test", "1 2 389 h2.example.test")
}

// dnsParallel: of many that want one name, exactly one gets it.
func dnsParallel(t *testing.T, h DNSHome) {
	const n = 8
	results := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		r := record(t, "h8.example.test", fmt.Sprintf("192.0.2.%d", 100+i), dns.A)
		wg.Go(func() { results[i] = h.Provider.Create(context.Background(), r) })
	}
	wg.Wait()
	won := ""
	for i, err := range results {
		if err == nil {
			if won != "" {
				t.Errorf("two values won: %s and 192.0.2.%d", won, 100+i)
			}
			won = fmt.Sprintf("192.0.2.%d", 100+i)
			continue
		}
		wantKind(t, "the loser", err, errs.Conflict)
	}
	if won == "" {
		t.Fatal("nobody won")
	}
	h.want(t, "h8.example.test", dns.A, won)
}

func dnsForeignZone(t *testing.T, h DNSHome) {
	err := h.Provider.Create(t.Context(), record(t, "h1.not-ours.invalid", "192.0.2.1", dns.A))
	wantKind(t, "create in a zone of others", err, errs.Invalid, errs.Upstream)
}

func dnsOutage(t *testing.T, h DNSHome) {
	r := record(t, "h9.example.test", "192.0.2.19", dns.A)
	if !h.Outage.during(t, func() {
		wantKind(t, "create", h.Provider.Create(t.Context(), r), errs.Upstream, errs.Unavailable)
		wantKind(t, "delete", h.Provider.Delete(t.Context(), r.Name, r.Type), errs.Upstream, errs.Unavailable)
	}) {
		t.Log("this home cannot be broken; only the cancelled context is tried")
	}
	if err := h.Provider.Create(cancelled(), r); err == nil {
		h.want(t, r.Name, r.Type, r.Value) // done nevertheless, then it must be there
	}
	h.create(t, r)
	h.want(t, r.Name, r.Type, r.Value)
}

// A MemoryDNS is a provider without a server. It has the zones that the suite
// asks for.
type MemoryDNS struct {
	Faults

	mu      sync.Mutex
	records []dns.Record
}

// Create implements dns.Provider.
func (m *MemoryDNS) Create(_ context.Context, r dns.Record) error {
	return m.Around("create", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if strings.HasSuffix(r.Name, ".invalid") {
			return errs.New(errs.Invalid, "no zone for %s", r.Name)
		}
		var existing dns.Existing
		for _, e := range m.records {
			if strings.EqualFold(e.Name, r.Name) {
				existing = append(existing, e)
			}
		}
		needed, err := dns.Decide(r, existing)
		if needed {
			m.records = append(m.records, r)
		}
		return err
	})
}

// Delete implements dns.Provider.
func (m *MemoryDNS) Delete(_ context.Context, name string, t dns.Type) error {
	return m.Around("delete", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.records = slices.DeleteFunc(m.records, func(r dns.Record) bool {
			return r.Type == t && strings.EqualFold(r.Name, name)
		})
		return nil
	})
}

// Lookup gives the values at a name.
func (m *MemoryDNS) Lookup(name string, t dns.Type) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, r := range m.records {
		if r.Type == t && strings.EqualFold(r.Name, name) {
			out = append(out, r.Value)
		}
	}
	return out
}

// All gives every record.
func (m *MemoryDNS) All() []dns.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records)
}
