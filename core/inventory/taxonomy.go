package inventory

import (
	"context"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A Taxonomy is a node of one of the two trees that records are shared out in.
type Taxonomy struct {
	noun.Base
	Name        string
	Title       string // the names from the root down, joined by "/"
	Description string
	ParentID    int64
	Ancestry    string   // the ids from the root to the parent, joined by "/"
	IgnoreTypes []string // resources that show here without assignment
	Parameters  []noun.Parameter
	// What is in the taxonomy; nil where it is not loaded.
	UserIDs, SmartProxyIDs, SubnetIDs, MediumIDs, PtableIDs, TemplateIDs, DomainIDs, HostgroupIDs, EnvironmentIDs []int64
	OtherIDs                                                                                                      []int64 // an organization's locations, a location's organizations
}

// An Organization is a node of the tree of organizations.
type Organization struct{ Taxonomy }

// A Location is a node of the tree of locations.
type Location struct{ Taxonomy }

// Organizations declares the tree of organizations.
func Organizations() *noun.Noun[Organization] {
	return noun.Declare("organization", func(o *Organization) noun.Fields {
		return append(taxonomyFields(&o.Taxonomy, "Organization", func(o *Organization) *Taxonomy { return &o.Taxonomy }),
			noun.Shares("location", "locations", &o.OtherIDs, "Location").From("taxonomy_id", "taxable_id"),
			noun.SearchOn("organization_id", "id").Explicit())
	})
}

// Locations declares the tree of locations.
func Locations() *noun.Noun[Location] {
	return noun.Declare("location", func(l *Location) noun.Fields {
		return append(taxonomyFields(&l.Taxonomy, "Location", func(l *Location) *Taxonomy { return &l.Taxonomy }),
			noun.Shares("organization", "organizations", &l.OtherIDs, "Location").From("taxable_id", "taxonomy_id"),
			noun.SearchOn("location_id", "id").Explicit())
	})
}

func taxonomyFields[T any](t *Taxonomy, class string, of func(*T) *Taxonomy) noun.Fields {
	self := strings.ToLower(class)
	precedence := map[string]int{"Organization": 10, "Location": 20}[class]
	nodeOf := func(r *T) node { return of(r) }
	return noun.Fields{
		noun.SharedTable("taxonomies", "type", class), noun.OrderedBy("title"), noun.InBrief("name", "title", "description"),
		noun.Text("name", &t.Name).Required().Search(),
		noun.Text("title", &t.Title).ReadOnly().Title().Search(),
		noun.Text("description", &t.Description).Long().Search().Explicit(),
		noun.Ref("parent", &t.ParentID, self),
		noun.Text("ancestry", &t.Ancestry).ReadOnly(),
		noun.JSON("ignore_types", &t.IgnoreTypes).Hidden(),
		noun.Computed("select_all_types", func(r *T, _ *noun.Names) any { return orEmpty(of(r).IgnoreTypes) }).On(noun.Show),
		noun.Shares("user", "users", &t.UserIDs, "User"),
		noun.Shares("smart_proxy", "smart_proxies", &t.SmartProxyIDs, "SmartProxy"),
		noun.Shares("subnet", "subnets", &t.SubnetIDs, "Subnet"),
		noun.Shares("medium", "media", &t.MediumIDs, "Medium"),
		noun.Shares("ptable", "ptables", &t.PtableIDs, "Ptable"),
		noun.Shares("provisioning_template", "provisioning_templates", &t.TemplateIDs, "ProvisioningTemplate"),
		noun.Shares("domain", "domains", &t.DomainIDs, "Domain"),
		noun.Shares("hostgroup", "hostgroups", &t.HostgroupIDs, "Hostgroup"),
		noun.Shares("environment", "environments", &t.EnvironmentIDs, "ForemanPuppet::Environment"),
		noun.Computed("hosts_count", func(r *T, n *noun.Names) any { return n.Get("hosts_count", of(r).ID) }).On(noun.Show),
		noun.Loaded(func(ctx context.Context, tx *noun.Tx, recs []*T, names *noun.Names, whole bool) error {
			if !whole || len(recs) != 1 {
				return nil
			}
			return loadTaxonomy[T](ctx, tx, of(recs[0]), self, names)
		}),
		noun.Has("hosts", "host", self).OnDelete(noun.Refuse),
		noun.Has("children", self, "parent"),
		noun.WithParameters(&t.Parameters, class+"Parameter", precedence, self+"_parameters_attributes"),
		noun.Prepare(func(ctx context.Context, c *noun.Change[T]) error { return place(ctx, c, nodeOf) }),
		noun.Saved(func(ctx context.Context, c *noun.Change[T]) error { return follow(ctx, c, nodeOf) }),
		noun.Check(func(ctx context.Context, c *noun.Change[T]) error {
			if c.New != nil {
				return nil
			}
			return childless(ctx, c, of(c.Old))
		}),
	}
}

// loadTaxonomy finds what ancestors hand down and how many hosts there are.
func loadTaxonomy[T any](ctx context.Context, tx *noun.Tx, t *Taxonomy, self string, names *noun.Names) error {
	count, err := noun.CountOf[Host](ctx, tx, noun.Match{self: t.ID})
	if err != nil {
		return err
	}
	names.Put("hosts_count", t.ID, count)
	ups := AncestorIDs(t.Ancestry)
	if len(ups) == 0 {
		return nil
	}
	for _, list := range []string{"smart_proxies", "subnets", "media", "ptables", "provisioning_templates", "domains", "hostgroups", "environments"} {
		pairs, err := noun.Linked[T](ctx, tx, list, ups)
		if err != nil {
			return err
		}
		var ids []int64
		for _, up := range ups {
			ids = append(ids, pairs[up]...)
		}
		names.Inherit(self, list, t.ID, ids)
	}
	return nil
}

// childless refuses to delete a taxonomy that has others below it.
func childless[T any](ctx context.Context, c *noun.Change[T], t *Taxonomy) error {
	children, err := noun.Find[T](ctx, c.Tx, noun.Match{"parent": t.ID})
	if err == nil && len(children) > 0 {
		return errs.WrapAs(errs.Conflict, &noun.Nested{Quiet: true}, "Cannot delete %s because it has nested items.", t.Name)
	}
	return err
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
