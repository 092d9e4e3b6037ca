// Package builtin is the DHCP provider over Chargehand's own DHCP server:
// reservations go straight to its store, and are served as soon as Create
// returns.
//
// It imports the DHCP feature, proxy/mac and netd/dhcpd; the wiring alone
// imports it.
package builtin

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/dhcpd"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/mac"
)

// A Provider keeps reservations in the built-in server's store.
type Provider struct {
	store   *dhcpd.Store
	now     clock.Clock
	suggest *dhcp.Suggester
}

// New makes a provider over the store that a dhcpd.Server answers from. inUse,
// when set, probes an address before it is suggested.
func New(store *dhcpd.Store, now clock.Clock, inUse func(context.Context, netip.Addr) bool) *Provider {
	return &Provider{store: store, now: now, suggest: dhcp.NewSuggester(now, inUse)}
}

var _ dhcp.Provider = (*Provider)(nil)

// Subnets implements dhcp.Provider.
func (p *Provider) Subnets(context.Context) ([]dhcp.Subnet, error) {
	var out []dhcp.Subnet
	for _, s := range p.store.Subnets() {
		out = append(out, subnet(s))
	}
	return out, nil
}

func subnet(s dhcpd.Subnet) dhcp.Subnet {
	out := dhcp.Subnet{Prefix: s.Prefix, Options: dhcp.SubnetOptions{
		Routers: slices.Clone(s.Routers), DNSServers: slices.Clone(s.DNS), NTPServers: slices.Clone(s.NTP),
		DomainName: s.Domain, MTU: s.MTU,
	}}
	if len(s.Ranges) > 0 {
		out.Options.Range = dhcp.Range{From: s.Ranges[0].From, To: s.Ranges[0].To}
	}
	return out
}

// find is the subnet of a network address.
func (p *Provider) find(network netip.Addr) (dhcpd.Subnet, error) {
	for _, s := range p.store.Subnets() {
		if s.Prefix.Addr() == network {
			return s, nil
		}
	}
	return dhcpd.Subnet{}, errs.New(errs.NotFound, "Subnet %s could not found", network) // worded as Smart Proxy does
}

// Records implements dhcp.Provider. Leases that have ended are left out, and so
// are those that machines hold on their own reservations.
func (p *Provider) Records(_ context.Context, network netip.Addr, q dhcp.Query) ([]dhcp.Record, error) {
	s, err := p.find(network)
	if err != nil {
		return nil, err
	}
	var out []dhcp.Record
	for _, r := range p.records(s.Prefix) {
		if q.Matches(r) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (p *Provider) records(prefix netip.Prefix) []dhcp.Record {
	type holder struct {
		mac mac.Addr
		ip  netip.Addr
	}
	reserved := map[holder]bool{}
	var out []dhcp.Record
	for _, r := range p.store.Reservations(prefix) {
		rec := reservation(r)
		reserved[holder{rec.MAC, rec.IP}] = true
		out = append(out, rec)
	}
	now := p.now()
	for _, l := range p.store.Leases(prefix) {
		rec, ok := lease(l)
		if ok && l.State == dhcpd.Active && l.Live(now) && !reserved[holder{rec.MAC, rec.IP}] {
			out = append(out, rec)
		}
	}
	slices.SortStableFunc(out, func(a, b dhcp.Record) int {
		if c := a.IP.Compare(b.IP); c != 0 {
			return c
		}
		return slices.Compare([]byte(a.MAC.String()), []byte(b.MAC.String()))
	})
	return out
}

// Create implements dhcp.Provider.
func (p *Provider) Create(_ context.Context, r dhcp.Record, related []mac.Addr) error {
	s, err := p.find(r.Network.Addr())
	if err != nil {
		return err
	}
	r.Network = s.Prefix
	return p.store.Reserve(dhcpd.Reservation{
		Name: r.Name, MAC: r.MAC.String(), IP: r.IP, Network: r.Network,
		Hostname: r.Hostname, Filename: r.Filename, NextServer: r.NextServer, Extra: r.Options,
	}, func(others []dhcpd.Reservation) (bool, error) {
		existing := make([]dhcp.Record, 0, len(others))
		for _, o := range others {
			existing = append(existing, reservation(o))
		}
		exists, err := dhcp.Duplicate(r, existing, related)
		return !exists, err
	})
}

// Delete implements dhcp.Provider.
func (p *Provider) Delete(_ context.Context, network netip.Addr, q dhcp.Query) error {
	s, err := p.find(network)
	if err != nil {
		return nil
	}
	if q == (dhcp.Query{}) {
		return errs.New(errs.Invalid, "a deletion names a MAC or an IP")
	}
	found, leased := false, false
	for _, r := range p.records(s.Prefix) {
		if !q.Matches(r) {
			continue
		}
		if r.Lease != nil {
			leased = true
			continue
		}
		found = true
		if err := p.store.Unreserve(s.Prefix, r.MAC.String()); err != nil {
			return err
		}
	}
	if leased && !found {
		return errs.New(errs.Invalid, "the record in %s is a lease, it is static - unable to delete", s.Prefix)
	}
	return nil
}

// UnusedIP implements dhcp.Provider.
func (p *Provider) UnusedIP(ctx context.Context, network netip.Addr, w dhcp.Wish) (netip.Addr, error) {
	s, err := p.find(network)
	if err != nil {
		return netip.Addr{}, err
	}
	return p.suggest.Pick(ctx, subnet(s), p.records(s.Prefix), w)
}

func reservation(r dhcpd.Reservation) dhcp.Record {
	m, _ := mac.Parse(r.MAC) // checked when it was stored
	return dhcp.Record{
		Name: r.Name, MAC: m, IP: r.IP, Network: r.Network,
		Hostname: r.Hostname, Filename: r.Filename, NextServer: r.NextServer, Options: r.Extra,
	}
}

// lease is false for hardware that Smart Proxy has no word for.
func lease(l dhcpd.Lease) (dhcp.Record, bool) {
	m, err := mac.Parse(l.MAC)
	if err != nil {
		return dhcp.Record{}, false
	}
	return dhcp.Record{
		Name: "lease-" + m.Plain(), MAC: m, IP: l.IP, Network: l.Network,
		Lease: &dhcp.Lease{
			Starts: l.Starts, Ends: l.Ends, State: string(l.State),
			ClientHostname: l.Hostname, ClientID: printable(l.ClientID),
		},
	}, true
}

// printable spells a client identifier in hex with colons; it may be any bytes.
func printable(id []byte) string {
	return net.HardwareAddr(id).String()
}
