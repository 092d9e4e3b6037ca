package dhcpd

import (
	"net/netip"
	"slices"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Subnet is a network that the server answers in.
type Subnet struct {
	Prefix netip.Prefix // masked, IPv4
	Ranges []Range      // for machines without a reservation; may be empty

	Routers    []netip.Addr
	DNS        []netip.Addr
	NTP        []netip.Addr
	Domain     string
	MTU        int        // 0: not sent
	NextServer netip.Addr // boot server of machines whose reservation names none; may be zero

	LeaseTime time.Duration // 0: DefaultLeaseTime
}

// DefaultLeaseTime is how long a lease lasts where the subnet says nothing.
const DefaultLeaseTime = 12 * time.Hour

// A Range is an inclusive run of addresses.
type Range struct{ From, To netip.Addr }

// Contains reports whether a lies in the range.
func (r Range) Contains(a netip.Addr) bool {
	return r.From.Compare(a) <= 0 && a.Compare(r.To) <= 0
}

func (s Subnet) inRange(a netip.Addr) bool {
	return slices.ContainsFunc(s.Ranges, func(r Range) bool { return r.Contains(a) })
}

func (s Subnet) leaseTime() time.Duration {
	if s.LeaseTime <= 0 {
		return DefaultLeaseTime
	}
	return s.LeaseTime
}

// check names the first rule that the subnet breaks.
func (s Subnet) check() error {
	if !s.Prefix.IsValid() || !s.Prefix.Addr().Is4() || s.Prefix != s.Prefix.Masked() {
		return errs.New(errs.Invalid, "%v is not an IPv4 network", s.Prefix)
	}
	for _, r := range s.Ranges {
		if !s.Prefix.Contains(r.From) || !s.Prefix.Contains(r.To) || r.To.Less(r.From) {
			return errs.New(errs.Invalid, "range %v to %v does not lie in %v", r.From, r.To, s.Prefix)
		}
	}
	return nil
}

// A Reservation gives a machine its address and boot options for good. Machines
// are known by hardware address alone: the client identifier differs between
// firmware, boot loader and installer of one machine.
type Reservation struct {
	Name       string            `json:"name,omitempty"`
	MAC        string            `json:"mac"` // lower case with colons
	IP         netip.Addr        `json:"ip"`
	Network    netip.Prefix      `json:"network"`
	Hostname   string            `json:"hostname,omitempty"`
	Filename   string            `json:"filename,omitempty"`
	NextServer string            `json:"next_server,omitempty"` // address or name
	Extra      map[string]string `json:"extra,omitempty"`       // kept for the owner of the store
}

// A State says what a lease is good for.
type State string

// The states. An Offered lease lives in memory only.
const (
	Offered  State = "offered"
	Active   State = "active"
	Released State = "released"
	Declined State = "declined" // someone else uses the address, says the client
)

// A Lease is what a machine was given.
type Lease struct {
	MAC      string       `json:"mac"`
	IP       netip.Addr   `json:"ip"`
	Network  netip.Prefix `json:"network"`
	State    State        `json:"state"`
	Starts   time.Time    `json:"starts"`
	Ends     time.Time    `json:"ends"`
	Hostname string       `json:"hostname,omitempty"` // as the client says, may be anything
	ClientID []byte       `json:"client_id,omitempty"`
}

// Live reports whether the lease keeps its address from others at the time.
func (l Lease) Live(now time.Time) bool { return l.State != Released && now.Before(l.Ends) }
