package builtin

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/dnsd"
	feature "github.com/chargehand/chargehand/proxy/dns"
	"github.com/chargehand/chargehand/proxy/proxytest"
)

func open(t *testing.T, zones ...string) *dnsd.Store {
	t.Helper()
	store, err := dnsd.OpenStore(t.TempDir(), clock.System)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	for _, z := range zones {
		if err := store.CreateZone(z, "ns.example.test"); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

// The suite looks names up the way clients do, by asking the server.
func TestConformance(t *testing.T) {
	proxytest.DNS(t, func(t *testing.T) proxytest.DNSHome {
		store := open(t, "example.test", "2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa")
		server, err := dnsd.Listen(t.Context(), dnsd.Config{Address: "127.0.0.1:0", Store: store, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- server.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-done })
		return proxytest.DNSHome{
			Provider: New(Config{Store: store}),
			Lookup: func(t *testing.T, name string, typ feature.Type) []string {
				return lookup(t, server.Addr().String(), name, typ)
			},
		}
	})
}

func lookup(t *testing.T, server, name string, typ feature.Type) []string {
	t.Helper()
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[string(typ)])
	got, _, err := (&dns.Client{Timeout: 5 * time.Second}).Exchange(m, server)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, rr := range got.Answer {
		if rr.Header().Rrtype == m.Question[0].Qtype {
			values = append(values, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	return values
}

func TestZonesGrowWhenWanted(t *testing.T) {
	for _, tc := range []struct{ fqdn, value, typ, zone string }{
		{"web1.lab.example.test", "192.0.2.1", "A", "lab.example.test."},
		{"web1.lab.example.test", "1.2.0.192.in-addr.arpa", "PTR", "2.0.192.in-addr.arpa."},
		{"web1.lab.example.test", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR", "7.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."},
		{"web1.test", "192.0.2.1", "A", "web1.test."}, // never a zone of one label
	} {
		t.Run(tc.zone, func(t *testing.T) {
			store := open(t)
			r, err := feature.NewRecord(tc.fqdn, tc.value, tc.typ)
			if err != nil {
				t.Fatal(err)
			}
			if err := New(Config{Store: store}).Create(t.Context(), r); !errs.Is(err, errs.Invalid) {
				t.Fatalf("without a server name: %v", err)
			}
			if err := New(Config{Store: store, Server: "ns.example.test"}).Create(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if got := store.Zones(); !slices.Equal(got, []string{tc.zone}) {
				t.Errorf("zones %v", got)
			}
		})
	}
}
