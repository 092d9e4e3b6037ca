// Package dossier gathers a host with everything that its rows refer to, once,
// and shows it as others want it: as the classifier's node, as the template's
// subject, as the orchestration's view.
//
// It may import core's other packages and internal packages.
package dossier

import (
	"context"
	"net/url"
	"slices"

	"github.com/chargehand/chargehand/core/access"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A Dossier is one host as of one transaction. What a host does not refer to is nil.
type Dossier struct {
	Host         *inventory.Host
	Parameters   []*inventory.ResolvedParameter
	Groups       []*inventory.Hostgroup // the host's, then its ancestors
	Organization *inventory.Organization
	Location     *inventory.Location
	Domains      map[int64]*inventory.Domain
	Subnets      map[int64]*inventory.Subnet
	Proxies      map[int64]*inventory.SmartProxy
	OS           *inventory.OperatingSystem
	Architecture *inventory.Architecture
	Medium       *inventory.Medium
	Ptable       *inventory.Ptable
	Environment  *inventory.Environment
	Owner        *access.User
	Classes      []string
}

// Gather loads the dossier of a host by id; NotFound when there is none.
func Gather(ctx context.Context, tx *noun.Tx, id int64) (*Dossier, error) {
	h, err := noun.LoadWhole[inventory.Host](ctx, tx, id)
	if err != nil {
		return nil, err
	}
	return Around(ctx, tx, h)
}

// Around loads what a whole host refers to; the host's own rows may be gone
// already.
func Around(ctx context.Context, tx *noun.Tx, h *inventory.Host) (*Dossier, error) {
	d := &Dossier{
		Host: h, Domains: map[int64]*inventory.Domain{}, Subnets: map[int64]*inventory.Subnet{}, Proxies: map[int64]*inventory.SmartProxy{},
	}
	var err error
	if d.Groups, err = inventory.Chain(ctx, tx, h.HostgroupID); err != nil && !errs.Is(err, errs.NotFound) {
		return nil, err
	}
	if d.Parameters, err = inventory.ResolveParameters(ctx, tx, h); err != nil {
		return nil, err
	}
	for _, load := range []func(context.Context, *noun.Tx) error{d.loadPlace, d.loadSystem, d.loadNetwork, d.loadProxies, d.loadClasses} {
		if err := load(ctx, tx); err != nil {
			return nil, errs.Wrap(err, "gather host %s", h.Name)
		}
	}
	return d, nil
}

// one loads a record that may be unset or gone.
func one[T any](ctx context.Context, tx *noun.Tx, id int64, into **T) error {
	if id == 0 {
		return nil
	}
	rec, err := noun.LoadWhole[T](ctx, tx, id)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	*into = rec
	return err
}

func (d *Dossier) loadPlace(ctx context.Context, tx *noun.Tx) error {
	if err := one(ctx, tx, d.Host.OrganizationID, &d.Organization); err != nil {
		return err
	}
	if err := one(ctx, tx, d.Host.LocationID, &d.Location); err != nil {
		return err
	}
	if d.Host.OwnerType != "User" {
		return nil
	}
	return one(ctx, tx, d.Host.OwnerID, &d.Owner)
}

func (d *Dossier) loadSystem(ctx context.Context, tx *noun.Tx) error {
	h := d.Host
	for _, err := range []error{
		one(ctx, tx, h.OperatingSystemID, &d.OS), one(ctx, tx, h.ArchitectureID, &d.Architecture), one(ctx, tx, h.MediumID, &d.Medium),
		one(ctx, tx, h.PtableID, &d.Ptable), one(ctx, tx, h.EnvironmentID, &d.Environment),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Dossier) loadNetwork(ctx context.Context, tx *noun.Tx) error {
	for i := range d.Host.Interfaces {
		nic := &d.Host.Interfaces[i]
		var domain *inventory.Domain
		if err := one(ctx, tx, nic.DomainID, &domain); err != nil {
			return err
		}
		if domain != nil {
			d.Domains[domain.ID] = domain
		}
		for _, id := range []int64{nic.SubnetID, nic.Subnet6ID} {
			var subnet *inventory.Subnet
			if err := one(ctx, tx, id, &subnet); err != nil {
				return err
			}
			if subnet != nil {
				d.Subnets[id] = subnet
			}
		}
	}
	return nil
}

func (d *Dossier) loadProxies(ctx context.Context, tx *noun.Tx) error {
	ids := []int64{d.Host.PuppetProxyID, d.Host.PuppetCAProxyID}
	for _, s := range d.Subnets {
		ids = append(ids, s.DHCPID, s.DNSID, s.TFTPID, s.TemplateID, s.HTTPBootID)
	}
	for _, domain := range d.Domains {
		ids = append(ids, domain.DNSID)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		var p *inventory.SmartProxy
		if err := one(ctx, tx, id, &p); err != nil {
			return err
		}
		if p != nil {
			d.Proxies[id] = p
		}
	}
	return nil
}

// loadClasses names the host's classes and those of its groups.
func (d *Dossier) loadClasses(ctx context.Context, tx *noun.Tx) error {
	ids := slices.Clone(d.Host.PuppetclassIDs)
	for _, g := range d.Groups {
		whole, err := noun.LoadWhole[inventory.Hostgroup](ctx, tx, g.ID)
		if err != nil {
			return err
		}
		ids = append(ids, whole.PuppetclassIDs...)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		var class *inventory.Puppetclass
		if err := one(ctx, tx, id, &class); err != nil {
			return err
		}
		if class != nil {
			d.Classes = append(d.Classes, class.Name)
		}
	}
	slices.Sort(d.Classes)
	return nil
}

// RootPass is the crypted password of root: the host's, else the nearest
// group's that has one, else fallback.
func (d *Dossier) RootPass(fallback string) string {
	if pass := d.Host.RootPass.Reveal(); pass != "" {
		return pass
	}
	for _, g := range d.Groups {
		if pass := g.RootPass.Reveal(); pass != "" {
			return pass
		}
	}
	return fallback
}

// loader is the host's PXE loader, or its groups'.
func (d *Dossier) loader() string {
	if d.Host.PXELoader != "" {
		return d.Host.PXELoader
	}
	for _, g := range d.Groups {
		if g.PXELoader != "" {
			return g.PXELoader
		}
	}
	return ""
}

// proxyHost is the host part of a proxy's URL.
func (d *Dossier) proxyHost(id int64) string {
	p := d.Proxies[id]
	if p == nil {
		return ""
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
