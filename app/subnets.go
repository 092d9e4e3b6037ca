package app

import (
	"context"
	"net/netip"
	"time"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/dhcpd"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/mac"
)

// dhcpSubnets keeps the built-in DHCP server's subnets equal to core's, when
// core runs in the same process.
type dhcpSubnets struct {
	store *dhcpd.Store
	app   *App
}

// subnetsEvery is how long a changed option may take to reach the DHCP server.
// New subnets reach it at once: see refreshing.
const subnetsEvery = 10 * time.Second

func (d *dhcpSubnets) run(ctx context.Context) error {
	ticker := time.NewTicker(subnetsEvery)
	defer ticker.Stop()
	for {
		if err := d.refresh(ctx); err != nil && ctx.Err() == nil {
			d.app.Log.Warn("dhcp: cannot read the subnets", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (d *dhcpSubnets) refresh(ctx context.Context) error {
	if d.app.nouns == nil {
		return nil
	}
	var all []*inventory.Subnet
	err := d.app.nouns.Read(ctx, func(tx *noun.Tx) (err error) {
		all, err = noun.Find[inventory.Subnet](ctx, tx, nil)
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.DHCPID == 0 || s.Type != inventory.SubnetIPv4 {
			continue
		}
		if err := d.store.PutSubnet(d.subnet(s)); err != nil {
			d.app.Log.Warn("dhcp: a subnet is not served", "subnet", s.Name, "error", err)
		}
	}
	return nil
}

func (d *dhcpSubnets) subnet(s *inventory.Subnet) dhcpd.Subnet {
	out := dhcpd.Subnet{Prefix: s.Prefix().Masked(), Routers: addrs(s.Gateway), DNS: addrs(s.DNSPrimary, s.DNSSecondary)}
	from, ferr := netip.ParseAddr(s.From)
	to, terr := netip.ParseAddr(s.To)
	if ferr == nil && terr == nil {
		out.Ranges = []dhcpd.Range{{From: from, To: to}}
	}
	if next, err := netip.ParseAddr(d.app.Config.TFTP.Server); err == nil {
		out.NextServer = next
	}
	return out
}

func addrs(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil {
			all = append(all, a)
		}
	}
	return all
}

// refreshing reads core's subnets once more before it believes that a network
// is not served.
type refreshing struct {
	dhcp.Provider
	refresh func(ctx context.Context) error
}

// Subnets lists what is served, as core has it now.
func (r refreshing) Subnets(ctx context.Context) ([]dhcp.Subnet, error) {
	if err := r.refresh(ctx); err != nil {
		return nil, err
	}
	return r.Provider.Subnets(ctx)
}

func (r refreshing) again(ctx context.Context, err error) bool {
	return errs.Is(err, errs.NotFound) && r.refresh(ctx) == nil
}

// Create reserves, after a look for a new subnet if need be.
func (r refreshing) Create(ctx context.Context, rec dhcp.Record, related []mac.Addr) error {
	err := r.Provider.Create(ctx, rec, related)
	if r.again(ctx, err) {
		err = r.Provider.Create(ctx, rec, related)
	}
	return err
}

// Records lists, after a look for a new subnet if need be.
func (r refreshing) Records(ctx context.Context, network netip.Addr, q dhcp.Query) ([]dhcp.Record, error) {
	all, err := r.Provider.Records(ctx, network, q)
	if r.again(ctx, err) {
		all, err = r.Provider.Records(ctx, network, q)
	}
	return all, err
}

// UnusedIP suggests, after a look for a new subnet if need be.
func (r refreshing) UnusedIP(ctx context.Context, network netip.Addr, w dhcp.Wish) (netip.Addr, error) {
	addr, err := r.Provider.UnusedIP(ctx, network, w)
	if r.again(ctx, err) {
		addr, err = r.Provider.UnusedIP(ctx, network, w)
	}
	return addr, err
}
