// Package dhcp is the DHCP feature of the Smart Proxy: what a provider promises,
// and the rules that all providers share (duplicates, free addresses).
//
// It is pure apart from the clock and random source handed in, and imports only
// the standard library, internal/clock, internal/errs and proxy/mac. Providers
// are its sub-packages.
package dhcp

import (
	"context"
	"net/netip"
	"time"

	"github.com/chargehand/chargehand/proxy/mac"
)

// A Subnet is a network that the DHCP server serves.
type Subnet struct {
	Prefix  netip.Prefix // masked
	Options SubnetOptions
}

// SubnetOptions are the options of a subnet that Foreman imports; zero values
// are not shown.
type SubnetOptions struct {
	Routers    []netip.Addr
	DNSServers []netip.Addr
	NTPServers []netip.Addr
	DomainName string
	MTU        int
	Range      Range
}

// A Range is an inclusive run of addresses; the zero Range is none.
type Range struct{ From, To netip.Addr }

// Contains reports whether a lies in the range.
func (r Range) Contains(a netip.Addr) bool {
	return r.From.IsValid() && r.From.Compare(a) <= 0 && a.Compare(r.To) <= 0
}

// A Record is a reservation or a lease.
type Record struct {
	Name    string // of the reservation, unique in the server; "lease-<mac hex>" for leases
	MAC     mac.Addr
	IP      netip.Addr
	Network netip.Prefix // the subnet it belongs to

	Hostname   string // option 12
	Filename   string // boot file
	NextServer string // boot server, address or name

	// Options are other options by their wire names (such as root_path); nil
	// when there are none.
	Options map[string]string

	// Static marks a reservation that the API may not delete, because it
	// stands in a configuration file.
	Static bool

	// Lease is nil for a reservation.
	Lease *Lease
}

// A Lease is what only leases have.
type Lease struct {
	Starts, Ends   time.Time
	State          string // "active", "free", …
	ClientHostname string // as the client said it, may be anything
	ClientID       string // printable form
}

// A Query narrows Records; the zero Query asks for all. MAC and IP given
// together must both match.
type Query struct {
	MAC mac.Addr
	IP  netip.Addr
}

// Matches reports whether r is asked for.
func (q Query) Matches(r Record) bool {
	return (q.MAC.IsZero() || q.MAC == r.MAC) && (!q.IP.IsValid() || q.IP == r.IP)
}

// A Wish is what UnusedIP is asked for. From and To bound the range when valid
// (both lie in the subnet, From not after To); MAC, when set, gets the address
// it has already, or the same answer again when it asks again.
type Wish struct {
	MAC      mac.Addr
	From, To netip.Addr
}

// A Provider keeps reservations in some DHCP server. All methods are safe for
// concurrent use; results belong to the caller. Subnets are named by their
// network address (Subnet.Prefix.Addr()).
//
// Every method may be retried: a repeated call with the same arguments finds its
// work done. Errors: NotFound when the subnet is not known (Delete: never);
// Upstream when the server refuses or cannot be reached, after which a change
// may or may not have happened; Conflict and Invalid as said below, after which
// nothing was changed.
type Provider interface {
	// Subnets lists the subnets by address.
	Subnets(ctx context.Context) ([]Subnet, error)

	// Records lists reservations and leases of a subnet that match q, by IP
	// then MAC. No match is an empty list, and may be so instead of NotFound
	// when q names a MAC or an IP.
	Records(ctx context.Context, network netip.Addr, q Query) ([]Record, error)

	// Create stores reservation r in the subnet r.Network. Duplicate decides
	// about reservations that exist: an equal one is success, another on the
	// same MAC or IP is Conflict, save those whose MAC is in related (bonds
	// and bridges share an IP). Check and change are one step: of two
	// concurrent calls for one IP, one loses with Conflict.
	Create(ctx context.Context, r Record, related []mac.Addr) error

	// Delete removes the reservations that match q, which names a MAC or an IP;
	// when none does, or the subnet is not known, that is success. A machine's
	// lease on its reservation ends with it: the address is free at once. A
	// lease alone or a Static reservation is refused with Invalid.
	Delete(ctx context.Context, network netip.Addr, q Query) error

	// UnusedIP suggests a free address, and does not suggest it to anyone else
	// for a while. The zero Addr and nil mean that all are taken.
	UnusedIP(ctx context.Context, network netip.Addr, w Wish) (netip.Addr, error)
}
