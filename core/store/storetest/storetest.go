// Package storetest is the conformance suite of core's stores: every database
// that they run on passes it whole, on a real server.
//
// It may import core packages and testing; only tests import it.
package storetest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/noun/nountest"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// The callers and the sealer of nountest, at hand.
type (
	Admin   = nountest.Admin
	Limited = nountest.Limited
	Plain   = nountest.Plain
)

// Registry migrates an empty database and gives the inventory on it.
func Registry(t testing.TB, db *sqldb.DB, o inventory.Options) *noun.Registry {
	t.Helper()
	if err := store.Migrate(context.Background(), db, slog.New(slog.NewTextHandler(io.Discard, nil))); err != nil {
		t.Fatal(err)
	}
	reg, err := noun.New(noun.Options{Backend: store.New(db, Plain{})}, inventory.Nouns(o)...)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// A World is a small park for tests to start from.
type World struct {
	Reg                          *noun.Registry
	Org, Loc, Domain, Subnet, OS int64
	Arch, Medium, Ptable, Proxy  int64
}

// Make fills a registry with what a host needs.
func Make(t testing.TB, reg *noun.Registry) *World {
	t.Helper()
	w := &World{Reg: reg}
	w.Org = Create(t, reg, &inventory.Organization{Taxonomy: inventory.Taxonomy{Name: "Default Organization"}})
	w.Loc = Create(t, reg, &inventory.Location{Taxonomy: inventory.Taxonomy{Name: "Default Location"}})
	taxed := noun.Taxed{OrganizationIDs: []int64{w.Org}, LocationIDs: []int64{w.Loc}}
	w.Proxy = Create(t, reg, &inventory.SmartProxy{Taxed: taxed, Name: "proxy.example.com", URL: "https://proxy.example.com:8443", Features: []inventory.Feature{{Name: "DNS"}, {Name: "DHCP"}, {Name: "TFTP"}, {Name: "Puppet"}, {Name: "Puppet CA"}}})
	w.Domain = Create(t, reg, &inventory.Domain{Taxed: taxed, Name: "example.com", DNSID: w.Proxy})
	w.Subnet = Create(t, reg, &inventory.Subnet{Taxed: taxed, Type: inventory.SubnetIPv4, Name: "lab", Network: "192.0.2.0", CIDR: 24, MTU: 1500, BootMode: "DHCP", IPAM: inventory.IPAMInternal, From: "192.0.2.10", To: "192.0.2.20", DomainIDs: []int64{w.Domain}})
	w.Arch = Create(t, reg, &inventory.Architecture{Name: "x86_64"})
	w.Medium = Create(t, reg, &inventory.Medium{Taxed: taxed, Name: "Debian mirror", Path: "http://deb.example.com/debian"})
	w.Ptable = Create(t, reg, &inventory.Ptable{Taxed: taxed, Name: "default", Layout: "d-i partman"})
	w.OS = Create(t, reg, &inventory.OperatingSystem{Name: "Debian", Major: "12", ReleaseName: "bookworm", ArchitectureIDs: []int64{w.Arch}, MediumIDs: []int64{w.Medium}, PtableIDs: []int64{w.Ptable}})
	return w
}

// Create writes a record as Admin and gives its id.
func Create[T any](t testing.TB, reg *noun.Registry, rec *T) int64 {
	t.Helper()
	n := noun.Of[T](reg)
	if err := n.Create(context.Background(), Admin{}, rec); err != nil {
		t.Fatalf("create %T: %v", rec, err)
	}
	return n.ID(rec)
}

// Host is a managed host of the world.
func (w *World) Host(name string, i int) *inventory.Host {
	return &inventory.Host{
		Name: name, Managed: true, Enabled: true, OrganizationID: w.Org, LocationID: w.Loc,
		HostDefaults: inventory.HostDefaults{DomainID: w.Domain, OperatingSystemID: w.OS, ArchitectureID: w.Arch, MediumID: w.Medium, PtableID: w.Ptable},
		MAC:          fmt.Sprintf("52:54:00:%02x:%02x:%02x", i>>16&255, i>>8&255, i&255),
	}
}
