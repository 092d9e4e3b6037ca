package inventory

import (
	"context"

	"github.com/chargehand/chargehand/core/noun"
)

// An Environment is a Puppet environment.
type Environment struct {
	noun.Base
	noun.Taxed
	Name           string
	PuppetclassIDs []int64
}

// A Puppetclass is a class that hosts and host groups can be given.
type Puppetclass struct {
	noun.Base
	Name           string
	EnvironmentIDs []int64
	HostIDs        []int64 // those given the class themselves
	HostgroupIDs   []int64
}

// ModuleName is the part before the first "::".
func (c *Puppetclass) ModuleName() string {
	for i := 0; i+1 < len(c.Name); i++ {
		if c.Name[i:i+2] == "::" {
			return c.Name[:i]
		}
	}
	return c.Name
}

// Environments declares the Puppet environments.
func Environments() *noun.Noun[Environment] {
	return noun.Declare("environment", func(e *Environment) noun.Fields {
		return noun.Fields{
			noun.Resource("ForemanPuppet::Environment"), noun.Under("location", "organization", "puppetclass"),
			noun.Text("name", &e.Name).Required().Unique().Format(environmentName).Search(),
			noun.Many("puppetclass", "puppetclasses", &e.PuppetclassIDs, "puppetclass", "environment_classes", "environment_id", "puppetclass_id"),
			noun.Has("template_combinations", "template_combination", "environment").OnDelete(noun.Cascade).Shown(),
			noun.Has("hosts", "host", "environment").OnDelete(noun.Refuse),
			noun.Has("hostgroups", "hostgroup", "environment").OnDelete(noun.Refuse),
			noun.InTaxonomies(&e.Taxed),
		}
	})
}

// Puppetclasses declares the classes that the environments' code defines.
func Puppetclasses() *noun.Noun[Puppetclass] {
	return noun.Declare("puppetclass", func(p *Puppetclass) noun.Fields {
		return noun.Fields{
			noun.Resource("ForemanPuppet::Puppetclass"), noun.Plural("puppetclasses"), noun.Named("Puppet class"),
			noun.Under("environment", "hostgroup", "host"), noun.InBrief("name", "module_name"),
			noun.Text("name", &p.Name).Required().Unique().Format(noSpace).Search(),
			noun.Computed("module_name", func(p *Puppetclass, _ *noun.Names) any { return p.ModuleName() }),
			noun.Many("environment", "environments", &p.EnvironmentIDs, "environment", "environment_classes", "puppetclass_id", "environment_id"),
			noun.Many("host", "hosts", &p.HostIDs, "host", "host_classes", "puppetclass_id", "host_id").OnDelete(noun.Refuse).ReadOnly().Hidden(),
			noun.Many("hostgroup", "hostgroups", &p.HostgroupIDs, "hostgroup", "hostgroup_classes", "puppetclass_id", "hostgroup_id").OnDelete(noun.Refuse).ReadOnly(),
			noun.SearchOn("environment", "environments.name"), noun.SearchOn("hostgroup", "hostgroups.name").Explicit(),
			noun.SearchOn("host", "hosts.name").Explicit(),
		}
	})
}

// facetOf shows the Puppet facet: the classes given to the record and those
// that it has from its groups too. allKey is where a Loaded hook put the latter.
func facetOf[T any](own func(*T) (id int64, classes []int64)) noun.Fields {
	all := func(r *T, n *noun.Names) any {
		id, _ := own(r)
		ids, _ := n.Get("all_puppetclasses", id).([]int64)
		return n.Briefs("puppetclass", ids)
	}
	none := func(*T, *noun.Names) any { return []any{} }
	return noun.Fields{
		noun.Computed("puppet", func(r *T, n *noun.Names) any {
			_, classes := own(r)
			return noun.Object{
				{Name: "puppetclasses", Value: n.Briefs("puppetclass", classes)},
				{Name: "all_puppetclasses", Value: all(r, n)},
				{Name: "config_groups", Value: none(r, n)},
			}
		}).On(noun.Show),
		noun.Computed("all_puppetclasses", all).On(noun.Show),
		noun.Computed("config_groups", none).On(noun.Show),
	}
}

// allClasses are the classes that a chain of groups gives, and more.
func allClasses(ctx context.Context, tx *noun.Tx, chain []*Hostgroup, own []int64) ([]int64, error) {
	var groups []int64
	for _, g := range chain {
		groups = append(groups, g.ID)
	}
	pairs, err := noun.Linked[Hostgroup](ctx, tx, "puppetclasses", groups)
	if err != nil {
		return nil, err
	}
	all := append([]int64{}, own...)
	for _, g := range groups {
		for _, id := range pairs[g] {
			if !containsID(all, id) {
				all = append(all, id)
			}
		}
	}
	return all, nil
}
