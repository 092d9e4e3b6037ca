package inventory

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// prepareHost fills in what a host's request leaves out: from its group, from
// its primary interface, from its subnets.
func prepareHost(ctx context.Context, c *noun.Change[Host], o HostOptions) error {
	h := c.New
	created := c.Old == nil
	if created && c.Given != nil && !c.Has("managed") {
		h.Managed = true
	}
	if created && c.Given != nil && h.OwnerID == 0 {
		h.OwnerID, h.OwnerType = c.Caller.Env().UserID, "User"
	}
	if h.OwnerID == 0 {
		h.OwnerType = ""
	} else if h.OwnerType == "" {
		h.OwnerType = "User"
	}
	if created && h.CreatorID == 0 {
		h.CreatorID = c.Caller.Env().UserID
	}
	if h.ProvisionMethod == "" && h.Managed {
		h.ProvisionMethod = "build"
	}
	if err := inheritFromGroup(ctx, c); err != nil {
		return err
	}
	var old noun.Secret
	if !created {
		old = c.Old.RootPass
	}
	h.RootPass = setRootPass(old, h.RootPass, c.Fail)
	if h.PuppetCAProxyID == 0 && h.PuppetProxyID != 0 {
		if err := puppetCA(ctx, c); err != nil {
			return err
		}
	}
	ensureInterfaces(h)
	mergePrimary(c)
	if err := nameHost(ctx, c); err != nil {
		return err
	}
	if err := suggestAddresses(ctx, c, o.Addresses); err != nil {
		return err
	}
	copyPrimary(h)
	buildMode(c, o.TokenMinutes)
	return nil
}

// inheritFromGroup copies the group's values: some where the request does not
// name them and the group is new to the host, others wherever they are blank.
func inheritFromGroup(ctx context.Context, c *noun.Change[Host]) error {
	h := c.New
	if h.HostgroupID == 0 {
		return nil
	}
	chain, err := Chain(ctx, c.Tx, h.HostgroupID)
	if errs.Is(err, errs.NotFound) {
		return nil // validation says so
	}
	if err != nil {
		return err
	}
	var d HostDefaults
	Inherit(&d, chain)
	if c.Old == nil || c.Old.HostgroupID != h.HostgroupID {
		for name, p := range map[string][2]*int64{
			"puppet_proxy": {&h.PuppetProxyID, &d.PuppetProxyID}, "puppet_ca_proxy": {&h.PuppetCAProxyID, &d.PuppetCAProxyID},
			"environment": {&h.EnvironmentID, &d.EnvironmentID}, "realm": {&h.RealmID, &d.RealmID},
			"compute_profile": {&h.ComputeProfileID, &d.ComputeProfileID}, "compute_resource": {&h.ComputeResourceID, &d.ComputeResourceID},
		} {
			if !c.Has(name) && (c.Given != nil || *p[0] == 0) && *p[1] != 0 {
				*p[0] = *p[1]
			}
		}
	}
	fillBlank(h, &d)
	return nil
}

// fillBlank takes over what must be there before validation.
func fillBlank(h *Host, d *HostDefaults) {
	for _, p := range [][2]*int64{
		{&h.OperatingSystemID, &d.OperatingSystemID},
		{&h.ArchitectureID, &d.ArchitectureID},
		{&h.MediumID, &d.MediumID},
		{&h.PtableID, &d.PtableID},
	} {
		if *p[0] == 0 {
			*p[0] = *p[1]
		}
	}
	if p := h.Primary(); p == nil || p.DomainID == 0 {
		if h.DomainID == 0 {
			h.DomainID = d.DomainID
		}
		if h.SubnetID == 0 && (p == nil || p.SubnetID == 0) {
			h.SubnetID = d.SubnetID
		}
		if h.Subnet6ID == 0 && (p == nil || p.Subnet6ID == 0) {
			h.Subnet6ID = d.Subnet6ID
		}
	}
	if h.PXELoader == "" {
		h.PXELoader = d.PXELoader
	}
}

// puppetCA uses the Puppet proxy as CA where it can be one.
func puppetCA(ctx context.Context, c *noun.Change[Host]) error {
	p, err := noun.Load[SmartProxy](ctx, c.Tx, c.New.PuppetProxyID)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err == nil && p.Has("Puppet CA") {
		c.New.PuppetCAProxyID = p.ID
	}
	return err
}

// ensureInterfaces makes one interface primary and one provision.
func ensureInterfaces(h *Host) {
	if len(h.Interfaces) == 0 {
		h.Interfaces = []Interface{{Type: InterfaceManaged, Primary: true, Provision: true, Managed: h.Managed, Link: true}}
		return
	}
	if h.Primary() == nil {
		h.Interfaces[0].Primary = true
	}
	if h.Provision() == nil {
		h.Primary().Provision = true
	}
}

// mergePrimary puts what the host's own attributes say into the primary
// interface: those that the request named, or that a program changed.
func mergePrimary(c *noun.Change[Host]) {
	h, p := c.New, c.New.Primary()
	before := &Host{}
	if c.Old != nil {
		before = c.Old
	}
	named := func(name string, changed bool) bool {
		return c.Has(name) || changed
	}
	for _, t := range []struct {
		name          string
		own, old, nic *string
	}{{"ip", &h.IP, &before.IP, &p.IP}, {"ip6", &h.IP6, &before.IP6, &p.IP6}, {"mac", &h.MAC, &before.MAC, &p.MAC}} {
		if named(t.name, *t.own != *t.old) {
			*t.nic = *t.own
		}
	}
	for _, t := range []struct {
		name          string
		own, old, nic *int64
	}{
		{"domain", &h.DomainID, &before.DomainID, &p.DomainID},
		{"subnet", &h.SubnetID, &before.SubnetID, &p.SubnetID},
		{"subnet6", &h.Subnet6ID, &before.Subnet6ID, &p.Subnet6ID},
	} {
		if named(t.name, *t.own != *t.old) {
			*t.nic = *t.own
		}
	}
}

// copyPrimary keeps the host's copies equal to the primary interface.
func copyPrimary(h *Host) {
	p := h.Primary()
	h.IP, h.IP6, h.MAC = canonicalIP(p.IP), canonicalIP(p.IP6), canonicalMAC(p.MAC)
	h.DomainID, h.SubnetID, h.Subnet6ID = p.DomainID, p.SubnetID, p.Subnet6ID
}

// nameHost normalises the name and keeps it and its domain together.
func nameHost(ctx context.Context, c *noun.Change[Host]) error {
	h, p := c.New, c.New.Primary()
	h.Name = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, h.Name)
	if p.Name != "" && h.Name == "" {
		h.Name = strings.ToLower(p.Name)
	}
	if p.DomainID == 0 {
		if err := findDomain(ctx, c); err != nil {
			return err
		}
	}
	if c.Old != nil && c.Old.DomainID != 0 && c.Old.DomainID != p.DomainID && h.Name == c.Old.Name {
		if d, err := domainName(ctx, c.Tx, c.Old.DomainID); err != nil {
			return err
		} else if d != "" {
			h.Name = strings.TrimSuffix(h.Name, "."+d)
		}
	}
	if p.DomainID != 0 && h.Name != "" {
		d, err := domainName(ctx, c.Tx, p.DomainID)
		if err != nil {
			return err
		}
		if d != "" && !strings.HasSuffix(h.Name, "."+d) {
			h.Name += "." + d
		}
	}
	if h.Certname == "" || c.Old != nil && c.Old.Certname == c.Old.Name && h.Certname == c.Old.Certname {
		h.Certname = h.Name
	}
	p.Name = h.Name
	return nameOthers(ctx, c)
}

// nameOthers gives the other interfaces that have a domain their full names.
func nameOthers(ctx context.Context, c *noun.Change[Host]) error {
	for i := range c.New.Interfaces {
		n := &c.New.Interfaces[i]
		n.Name = strings.ToLower(n.Name)
		if n.Primary || n.DomainID == 0 || n.Name == "" {
			continue
		}
		d, err := domainName(ctx, c.Tx, n.DomainID)
		if err != nil {
			return err
		}
		if d != "" && !strings.HasSuffix(n.Name, "."+d) {
			n.Name += "." + d
		}
	}
	return nil
}

func domainName(ctx context.Context, tx *noun.Tx, id int64) (string, error) {
	d, err := noun.Load[Domain](ctx, tx, id)
	if errs.Is(err, errs.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return d.Name, nil
}

// findDomain picks the known domain that the name ends in.
func findDomain(ctx context.Context, c *noun.Change[Host]) error {
	if c.Has("domain") {
		return nil
	}
	_, suffix, ok := strings.Cut(c.New.Name, ".")
	for ok {
		found, err := noun.Find[Domain](ctx, c.Tx, noun.Match{"name": suffix})
		if err != nil {
			return err
		}
		if len(found) > 0 {
			c.New.Primary().DomainID = found[0].ID
			return nil
		}
		_, suffix, ok = strings.Cut(suffix, ".")
	}
	return nil
}

// suggestAddresses gives managed interfaces without an address one of their
// subnet's, where its IPAM does.
func suggestAddresses(ctx context.Context, c *noun.Change[Host], source AddressSource) error {
	if !c.New.Managed {
		return nil
	}
	for i := range c.New.Interfaces {
		n := &c.New.Interfaces[i]
		if !n.Managed {
			continue
		}
		for _, a := range []struct {
			subnet  int64
			address *string
		}{{n.SubnetID, &n.IP}, {n.Subnet6ID, &n.IP6}} {
			if a.subnet == 0 || *a.address != "" {
				continue
			}
			ip, err := suggestOne(ctx, c, source, a.subnet, n.MAC)
			if err != nil {
				return err
			}
			if ip.IsValid() {
				*a.address = ip.String()
			}
		}
	}
	return nil
}

func suggestOne(ctx context.Context, c *noun.Change[Host], source AddressSource, subnet int64, mac string) (netip.Addr, error) {
	s, err := noun.Load[Subnet](ctx, c.Tx, subnet)
	if errs.Is(err, errs.NotFound) {
		return netip.Addr{}, nil
	}
	if err != nil {
		return netip.Addr{}, err
	}
	taken := map[netip.Addr]bool{}
	for _, i := range c.New.Interfaces {
		for _, text := range []string{i.IP, i.IP6} {
			if a, err := netip.ParseAddr(text); err == nil {
				taken[a] = true
			}
		}
	}
	mac = canonicalMAC(mac)
	if err := c.Tx.Lock(ctx, fmt.Sprintf("addresses of subnet %d", s.ID)); err != nil {
		return netip.Addr{}, err
	}
	if source == nil || !s.asksElsewhere() {
		return FreeIP(ctx, c.Tx, s, mac, taken, nil)
	}
	known, err := KnownAddresses(ctx, c.Tx, s, taken)
	if err != nil {
		return netip.Addr{}, err
	}
	answer, err := c.Outside(fmt.Sprintf("address of %d %s %d", s.ID, mac, len(taken)), func(ctx context.Context) (any, error) {
		return source.Suggest(ctx, s, mac, known)
	})
	if err != nil {
		return netip.Addr{}, err
	}
	return answer.(netip.Addr), nil
}

// buildMode does what turning build mode on or off means for the row.
func buildMode(c *noun.Change[Host], minutes func() int64) {
	h := c.New
	was := c.Old != nil && c.Old.Build
	switch {
	case h.Build && !was:
		lifetime := int64(0)
		if minutes != nil {
			lifetime = minutes()
		}
		if lifetime <= 0 {
			lifetime = 360
		}
		h.Token, h.TokenExpires = uuid.NewString(), c.Tx.Now().Add(time.Duration(lifetime)*time.Minute)
		h.BuildErrors, h.BuildStatus = "", 1
		h.InitiatedAt, h.LastReport, h.ConfigurationStatus, h.ConfigurationLabel = c.Tx.Now(), time.Time{}, 0, ""
	case !h.Build && was:
		h.Token, h.TokenExpires = "", time.Time{}
		if h.BuildStatus == 1 {
			h.BuildStatus = 0
		}
	}
}

// planNote is the note that hands a plan from hostSaved to hostCommitted.
const planNote = "plan"

// hostSaved clears what a rebuild makes void and lets orchestration store its plan.
func hostSaved(ctx context.Context, c *noun.Change[Host], o Orchestrator) error {
	if c.New != nil && c.New.Build && (c.Old == nil || !c.Old.Build) && c.Old != nil {
		if err := noun.Purge[FactValue](ctx, c.Tx, noun.Match{"host": c.New.ID}); err != nil {
			return err
		}
		if err := noun.Purge[ConfigReport](ctx, c.Tx, noun.Match{"host": c.New.ID}); err != nil {
			return err
		}
	}
	if o == nil {
		return nil
	}
	plan, err := o.Changed(ctx, c.Tx, c.Old, c.New)
	if err == nil && plan != "" {
		c.Notes[planNote] = plan
	}
	return err
}

func hostCommitted(ctx context.Context, c *noun.Change[Host], o Orchestrator) error {
	if plan := c.Notes[planNote]; o != nil && plan != "" {
		return o.Wait(ctx, plan)
	}
	return nil
}
