package inventory

import (
	"context"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// checkHost checks what the declaration cannot say.
func checkHost(ctx context.Context, c *noun.Change[Host]) error {
	h := c.New
	if h == nil {
		return nil
	}
	primaries, provisions := 0, 0
	identifiers := map[string]bool{}
	for _, i := range h.Interfaces {
		if i.Primary {
			primaries++
		}
		if i.Provision {
			provisions++
		}
		if i.Identifier != "" && identifiers[i.Identifier] {
			c.Fail("interfaces", "some interfaces are invalid: identifier %s is used twice", i.Identifier)
		}
		identifiers[i.Identifier] = true
	}
	if primaries != 1 {
		c.Fail("interfaces", "host must have one primary interface")
	}
	if provisions != 1 {
		c.Fail("interfaces", "host must have one provision interface")
	}
	if !h.Managed {
		return nil
	}
	checkManaged(c)
	return checkInstallation(ctx, c)
}

// checkManaged demands what a managed host must have.
func checkManaged(c *noun.Change[Host]) {
	h := c.New
	blank := func(field string, missing bool) {
		if missing {
			c.Fail(field, "can't be blank")
		}
	}
	blank("organization_id", h.OrganizationID == 0)
	blank("location_id", h.LocationID == 0)
	blank("architecture_id", h.ArchitectureID == 0)
	blank("operatingsystem_id", h.OperatingSystemID == 0)
	blank("domain_id", h.DomainID == 0)
	blank("mac", h.MAC == "" && h.ComputeResourceID == 0)
	if c.Old != nil && c.Old.ProvisionMethod != "" && c.Old.Managed && c.Old.ProvisionMethod != h.ProvisionMethod {
		c.Fail("provision_method", "can't be updated after host is provisioned")
	}
	if !h.Build || h.ProvisionMethod == "image" {
		return
	}
	blank("medium_id", h.MediumID == 0)
	blank("ptable_id", h.PtableID == 0 && h.Disk == "")
}

// checkInstallation makes sure that what the host is installed with fits its
// operating system.
func checkInstallation(ctx context.Context, c *noun.Change[Host]) error {
	h := c.New
	if h.OperatingSystemID == 0 || h.ProvisionMethod == "image" {
		return nil
	}
	o, err := noun.LoadWhole[OperatingSystem](ctx, c.Tx, h.OperatingSystemID)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, t := range []struct {
		field string
		id    int64
		among []int64
	}{{"architecture_id", h.ArchitectureID, o.ArchitectureIDs}, {"medium_id", h.MediumID, o.MediumIDs}, {"ptable_id", h.PtableID, o.PtableIDs}} {
		if t.id != 0 && !containsID(t.among, t.id) {
			c.Fail(t.field, "does not belong to %s operating system", o.Title)
		}
	}
	if !h.Build || h.RootPass != "" {
		return nil
	}
	chain, err := Chain(ctx, c.Tx, h.HostgroupID)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	for _, g := range chain {
		if g.RootPass != "" {
			return nil
		}
	}
	c.Fail("root_pass", "should not be blank - consider setting a global or host group default")
	return nil
}

func containsID(ids []int64, id int64) bool {
	for _, i := range ids {
		if i == id {
			return true
		}
	}
	return false
}
