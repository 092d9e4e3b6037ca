package access

import (
	"context"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/errs"
)

// BuiltinDefault marks the role that everybody has who can log in.
const BuiltinDefault = 2

// DefaultRole is that role's name.
const DefaultRole = "Default role"

// A Role is a set of filters that users are given together.
type Role struct {
	noun.Base
	noun.Taxed
	Name         string
	Description  string
	Builtin      int64
	Origin       string // who brought it along; such a role is locked
	ClonedFromID int64
}

// Locked tells that the role's filters and name must stay.
func (r *Role) Locked() bool { return r.Origin != "" }

// RoleNoun declares roles.
func RoleNoun() *noun.Noun[Role] {
	return noun.Declare("role", func(r *Role) noun.Fields {
		return noun.Fields{
			noun.OrderedBy("name"), noun.InBrief("name", "id", "description", "origin"),
			noun.Text("name", &r.Name).Required().Unique().Search(),
			noun.Text("description", &r.Description).Long().Search(),
			noun.Int("builtin", &r.Builtin).ReadOnly().Search().Explicit(),
			noun.Text("origin", &r.Origin).ReadOnly(),
			noun.Ref("cloned_from", &r.ClonedFromID, "role").ReadOnly().Nameless(),
			noun.Has("filters", "filter", "role").OnDelete(noun.Cascade).Shown(),
			noun.InTaxonomies(&r.Taxed),
			noun.Check(checkRole),
		}
	})
}

func checkRole(_ context.Context, c *noun.Change[Role]) error {
	switch {
	case c.Old == nil || isSystem(c.Caller):
	case c.New == nil && c.Old.Builtin != 0:
		c.Fail("base", "Cannot delete built-in role")
	case c.New == nil && c.Old.Locked():
		c.Fail("base", "Cannot delete the locked role %s", c.Old.Name)
	case c.New != nil && c.Old.Locked() && changedRole(c.Old, c.New):
		c.Fail("base", "This role is locked from being modified by users.")
	}
	return nil
}

func changedRole(old, now *Role) bool {
	return now.Name != old.Name || now.Description != old.Description ||
		moved(old.OrganizationIDs, now.OrganizationIDs) || moved(old.LocationIDs, now.LocationIDs)
}

// moved tells whether a save would change a list of ids; nil leaves it alone.
func moved(old, now []int64) bool {
	return now != nil && !slices.Equal(slices.Sorted(slices.Values(old)), slices.Sorted(slices.Values(now)))
}

// isSystem tells that the program itself is at work.
func isSystem(c noun.Caller) bool {
	p, ok := c.(*Principal)
	return ok && p.Via == ViaSystem
}

// A Filter gives a role permissions on one resource, on all records or on those
// that a search and taxonomies select.
type Filter struct {
	noun.Base
	noun.Taxed
	RoleID        int64
	Search        string
	Override      bool // has taxonomies of its own rather than its role's
	PermissionIDs []int64
	Resource      string // of the permissions; kept so that lists need no join
}

// Unlimited tells that the filter covers every record of its resource, as far
// as the filter itself says.
func (f *Filter) Unlimited() bool {
	return strings.TrimSpace(f.Search) == "" && (!f.Override || len(f.OrganizationIDs)+len(f.LocationIDs) == 0)
}

// FilterNoun declares filters.
func FilterNoun() *noun.Noun[Filter] {
	return noun.Declare("filter", func(f *Filter) noun.Fields {
		return noun.Fields{
			noun.OrderedBy("id"), noun.InBrief("id", "resource_type"),
			noun.Text("search", &f.Search).Long().Search(),
			noun.Text("resource_type", &f.Resource).ReadOnly().Search("resource"),
			noun.Computed("resource_type_label", func(f *Filter, _ *noun.Names) any { return labelOf(f.Resource) }),
			noun.Computed("unlimited?", func(f *Filter, _ *noun.Names) any { return f.Unlimited() }),
			noun.Bool("override", &f.Override).On(0).Search(),
			noun.Computed("override?", func(f *Filter, _ *noun.Names) any { return f.Override }),
			noun.Ref("role", &f.RoleID, "role").Required().Fixed().Nested().Search("role_id").Explicit(),
			noun.SearchOn("role", "role.name"),
			noun.Many("permission", "permissions", &f.PermissionIDs, "permission", "filter_permissions", "filter_id", "permission_id"),
			noun.SearchOn("permission", "permissions.name"),
			noun.InTaxonomies(&f.Taxed),
			noun.Prepare(prepareFilter),
			noun.Check(checkFilter),
		}
	})
}

func labelOf(resource string) string {
	if resource == "" {
		return "(Miscellaneous)"
	}
	return resource[strings.LastIndexByte(resource, ':')+1:]
}

// prepareFilter finds the resource out that the permissions are of.
func prepareFilter(ctx context.Context, c *noun.Change[Filter]) error {
	f := c.New
	if f == nil || f.PermissionIDs == nil {
		return nil
	}
	permissions, err := noun.Find[Permission](ctx, c.Tx, noun.Match{"id": f.PermissionIDs})
	if err != nil {
		return err
	}
	for i, p := range permissions {
		if i > 0 && p.Resource != f.Resource {
			c.Fail("permissions", "must be of same resource type")
			break
		}
		f.Resource = p.Resource
	}
	return nil
}

func checkFilter(ctx context.Context, c *noun.Change[Filter]) error {
	f := c.New
	if f == nil {
		f = c.Old
	}
	role, err := noun.Load[Role](ctx, c.Tx, f.RoleID)
	if err != nil {
		return nil // the reference itself is checked elsewhere
	}
	if _, part := c.Notes["part"]; role.Locked() && !part && !isSystem(c.Caller) {
		c.Fail("base", "Role %s is locked: copy it and change the copy", role.Name)
	}
	if c.New == nil {
		return nil
	}
	if len(f.PermissionIDs) == 0 {
		c.Fail("permissions", "can't be blank")
	}
	if _, err := ParseFilter(c.Tx.Registry(), f.Resource, f.Search); err != nil {
		c.Fail("search", "is invalid: %s", errs.PublicText(err))
	}
	if f.Override && !taxable(c.Tx.Registry(), f.Resource) && len(f.OrganizationIDs)+len(f.LocationIDs) > 0 {
		c.Fail("base", "You can't assign organizations or locations to this resource")
	}
	return nil
}

// ParseFilter reads a filter's search against the fields of its resource,
// strictly: what cannot be understood is an error, never "no limit".
func ParseFilter(r *noun.Registry, resource, query string) (search.Expr, error) {
	if strings.TrimSpace(query) == "" {
		return nil, nil
	}
	e, err := search.Parse(query)
	if err != nil {
		return nil, err
	}
	for _, n := range r.Nouns() {
		if n.Resource() == resource {
			_, err = n.Searches().Resolve(e, search.Env{Strict: true})
			break
		}
	}
	return e, err
}

func taxable(r *noun.Registry, resource string) bool {
	for _, n := range r.Nouns() {
		if n.Resource() == resource {
			taxed, _ := n.Taxed()
			return taxed
		}
	}
	return false
}
