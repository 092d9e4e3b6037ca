package inventory

import (
	"context"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A Hostgroup is a node of a tree of defaults for hosts. What is 0 or "" here
// is inherited from its ancestors.
type Hostgroup struct {
	noun.Base
	noun.Taxed
	Name        string
	Title       string // the names from the root down, joined by "/"
	Description string
	ParentID    int64
	Ancestry    string // the ids from the root to the parent, joined by "/"
	HostDefaults
	RootPass       noun.Secret // crypted
	PuppetclassIDs []int64
	Parameters     []noun.Parameter
}

// HostDefaults is what host groups hand down and hosts have themselves.
type HostDefaults struct {
	DomainID          int64
	SubnetID          int64 // IPv4
	Subnet6ID         int64
	OperatingSystemID int64
	ArchitectureID    int64
	MediumID          int64
	PtableID          int64
	PXELoader         string
	PuppetProxyID     int64
	PuppetCAProxyID   int64
	EnvironmentID     int64
	RealmID           int64
	ComputeProfileID  int64
	ComputeResourceID int64
}

// Hostgroups declares the tree of defaults for hosts.
func Hostgroups() *noun.Noun[Hostgroup] {
	of := func(h *Hostgroup) node { return h }
	return noun.Declare("hostgroup", func(h *Hostgroup) noun.Fields {
		f := noun.Fields{
			noun.Named("Host group"), noun.OrderedBy("title"), noun.InBrief("name", "title", "description"),
			noun.Under("location", "organization", "architecture", "domain"),
			noun.Text("name", &h.Name).Required().Search(),
			noun.Text("title", &h.Title).ReadOnly().Title().Search("title", "label"),
			noun.Text("description", &h.Description).Long(),
			noun.Ref("parent", &h.ParentID, "hostgroup").Label("Parent"),
			noun.Text("ancestry", &h.Ancestry).ReadOnly(),
		}
		f = append(f, defaultFields(&h.HostDefaults)...)
		f = append(f, inheritedFields()...)
		f = append(f, unserved()...)
		f = append(f, facetOf(func(h *Hostgroup) (int64, []int64) { return h.ID, h.PuppetclassIDs })...)
		return append(f,
			noun.Sealed("root_pass", &h.RootPass), noun.Within("puppet_attributes"),
			noun.WithListedParameters(&h.Parameters, "GroupParameter", 60, "group_parameters_attributes"),
			noun.Has("template_combinations", "template_combination", "hostgroup").OnDelete(noun.Cascade).Shown(),
			noun.Many("puppetclass", "puppetclasses", &h.PuppetclassIDs, "puppetclass", "hostgroup_classes", "hostgroup_id", "puppetclass_id"),
			noun.Has("hosts", "host", "hostgroup").OnDelete(noun.Refuse),
			noun.InTaxonomies(&h.Taxed),
			noun.SearchOn("host", "hosts.name").Explicit(), noun.SearchOn("architecture", "architecture.name").Explicit(),
			noun.SearchOn("os", "operatingsystem.name").Explicit(), noun.SearchOn("os_description", "operatingsystem.description").Explicit(),
			noun.SearchOn("os_title", "operatingsystem.title").Explicit(), noun.SearchOn("os_major", "operatingsystem.major").Explicit(),
			noun.SearchOn("os_minor", "operatingsystem.minor").Explicit(), noun.SearchOn("os_id", "operatingsystem_id").Explicit(),
			noun.SearchOn("medium", "medium.name").Explicit(), noun.SearchOn("template", "template_combinations.provisioning_template.name").Explicit(),
			noun.SearchOn("environment", "environment.name").Explicit(), noun.SearchOn("puppetclass", "puppetclasses.name").Explicit().Alias("class"),
			noun.Act("clone", "POST", "create_hostgroups"), noun.Act("rebuild_config", "PUT", "edit_hostgroups"),
			noun.Prepare(func(ctx context.Context, c *noun.Change[Hostgroup]) error {
				var old noun.Secret
				if c.Old != nil {
					old = c.Old.RootPass
				}
				c.New.RootPass = setRootPass(old, c.New.RootPass, c.Fail)
				return place(ctx, c, of)
			}),
			noun.Saved(func(ctx context.Context, c *noun.Change[Hostgroup]) error { return follow(ctx, c, of) }),
			noun.Check(checkHostgroup),
			noun.Loaded(loadInherited),
		)
	})
}

// unserved are the references of host groups and hosts to nouns that do not
// exist here yet; clients expect their keys.
func unserved() noun.Fields {
	var fields noun.Fields
	for _, name := range []string{"compute_profile", "compute_resource", "realm"} {
		for _, key := range []string{name + "_id", name + "_name"} {
			fields = append(fields, noun.Constant(key, nil))
		}
	}
	return fields
}

// defaultFields are the attributes that host groups and hosts share.
func defaultFields(d *HostDefaults) noun.Fields {
	return noun.Fields{
		noun.Ref("puppet_proxy", &d.PuppetProxyID, "smart_proxy").Feature("Puppet").Label("Puppet server"),
		noun.Ref("puppet_ca_proxy", &d.PuppetCAProxyID, "smart_proxy").Feature("Puppet CA").Label("Puppet CA"),
		noun.Ref("environment", &d.EnvironmentID, "environment"),
		noun.Ref("domain", &d.DomainID, "domain"),
		noun.Ref("subnet", &d.SubnetID, "subnet").Label("IPv4 subnet"),
		noun.Ref("subnet6", &d.Subnet6ID, "subnet").Label("IPv6 subnet"),
		noun.Ref("operatingsystem", &d.OperatingSystemID, "operatingsystem").Label("Operating system"),
		noun.Ref("architecture", &d.ArchitectureID, "architecture"),
		noun.Ref("medium", &d.MediumID, "medium"),
		noun.Ref("ptable", &d.PtableID, "ptable").Label("Partition table"),
		noun.Text("pxe_loader", &d.PXELoader).Label("PXE loader").Enum(PXELoaders()...),
	}
}

func checkHostgroup(ctx context.Context, c *noun.Change[Hostgroup]) error {
	if c.New == nil {
		children, err := noun.Find[Hostgroup](ctx, c.Tx, noun.Match{"parent": c.Old.ID})
		if err == nil && len(children) > 0 {
			return errs.WrapAs(errs.Conflict, &noun.Nested{}, "Cannot delete group %s because it has nested groups.", c.Old.Title)
		}
		return err
	}
	for field, want := range map[string]struct {
		id   int64
		kind string
	}{"subnet_id": {c.New.SubnetID, SubnetIPv4}, "subnet6_id": {c.New.Subnet6ID, SubnetIPv6}} {
		if want.id == 0 {
			continue
		}
		s, err := noun.Load[Subnet](ctx, c.Tx, want.id)
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if s.Type != want.kind {
			c.Fail(field, "must be of type %s.", want.kind)
		}
	}
	return nil
}

// Chain is the host group with its ancestors, itself first and the root last.
func Chain(ctx context.Context, tx *noun.Tx, id int64) ([]*Hostgroup, error) {
	if id == 0 {
		return nil, nil
	}
	h, err := noun.Load[Hostgroup](ctx, tx, id)
	if err != nil {
		return nil, err
	}
	ups, err := ancestors(ctx, tx, []*Hostgroup{h})
	return up(h, ups), err
}

// up orders what ancestors loaded from h to the root.
func up(h *Hostgroup, loaded map[int64]*Hostgroup) []*Hostgroup {
	chain := []*Hostgroup{h}
	ids := AncestorIDs(h.Ancestry)
	for i := len(ids) - 1; i >= 0; i-- {
		if a := loaded[ids[i]]; a != nil {
			chain = append(chain, a)
		}
	}
	return chain
}

func ancestors(ctx context.Context, tx *noun.Tx, groups []*Hostgroup) (map[int64]*Hostgroup, error) {
	var ids []int64
	for _, h := range groups {
		ids = append(ids, AncestorIDs(h.Ancestry)...)
	}
	out := map[int64]*Hostgroup{}
	if len(ids) == 0 {
		return out, nil
	}
	found, err := noun.Find[Hostgroup](ctx, tx, noun.Match{"id": ids})
	for _, h := range found {
		out[h.ID] = h
	}
	return out, err
}

// Inherit fills what is unset in d from a chain of groups, nearest first.
func Inherit(d *HostDefaults, chain []*Hostgroup) {
	for _, h := range chain {
		for i, p := range d.ids() {
			if *p == 0 {
				*p = *h.HostDefaults.ids()[i]
			}
		}
		if d.PXELoader == "" {
			d.PXELoader = h.PXELoader
		}
	}
}

func (d *HostDefaults) ids() []*int64 {
	return []*int64{
		&d.ComputeProfileID, &d.DomainID, &d.PuppetProxyID, &d.PuppetCAProxyID, &d.ComputeResourceID, &d.OperatingSystemID,
		&d.ArchitectureID, &d.MediumID, &d.PtableID, &d.SubnetID, &d.Subnet6ID, &d.RealmID, &d.EnvironmentID,
	}
}

// idNames are the names of ids, in their order.
func idNames() []string {
	return []string{
		"compute_profile", "domain", "puppet_proxy", "puppet_ca_proxy", "compute_resource", "operatingsystem",
		"architecture", "medium", "ptable", "subnet", "subnet6", "realm", "environment",
	}
}

// loadInherited finds what the groups' ancestors hand down to them.
func loadInherited(ctx context.Context, tx *noun.Tx, groups []*Hostgroup, names *noun.Names, whole bool) error {
	ups, err := ancestors(ctx, tx, groups)
	if err != nil {
		return err
	}
	for _, h := range groups {
		if whole {
			all, err := allClasses(ctx, tx, up(h, ups), h.PuppetclassIDs)
			if err != nil {
				return err
			}
			names.Put("all_puppetclasses", h.ID, all)
			names.Want("puppetclass", all...)
		}
		var d HostDefaults
		Inherit(&d, up(h, ups)[1:])
		names.Put("inherited", h.ID, &d)
	}
	return nil
}

// inheritedFields show an ancestor's value where the group has none itself.
func inheritedFields() noun.Fields {
	var fields noun.Fields
	for i, name := range idNames() {
		fields = append(fields, noun.Computed("inherited_"+name+"_id", func(h *Hostgroup, names *noun.Names) any {
			d, _ := names.Get("inherited", h.ID).(*HostDefaults)
			if d == nil || *h.ids()[i] != 0 {
				return nil
			}
			return orNull(*d.ids()[i])
		}))
	}
	return append(fields, noun.Computed("inherited_pxe_loader", func(h *Hostgroup, names *noun.Names) any {
		d, _ := names.Get("inherited", h.ID).(*HostDefaults)
		if d == nil || h.PXELoader != "" || d.PXELoader == "" {
			return nil
		}
		return d.PXELoader
	}))
}
