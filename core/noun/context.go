package noun

import (
	"context"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// Context makes a taxonomy context of what a request names: ids, titles or
// "id-name"; "" and "0" are any. A taxonomy that the caller may not see is a
// NotFound.
func (r *Registry) Context(ctx context.Context, caller Caller, organization, location string) (Context, error) {
	var c Context
	var err error
	c.Organization, c.OrganizationName, c.Organizations, err = r.branch(ctx, caller, "organization", organization)
	if err != nil {
		return c, err
	}
	c.Location, c.LocationName, c.Locations, err = r.branch(ctx, caller, "location", location)
	return c, err
}

// branch gives a taxonomy with its ancestors and descendants.
func (r *Registry) branch(ctx context.Context, caller Caller, noun, ref string) (id int64, title string, ids []int64, err error) {
	n := r.byName[noun]
	if n == nil || ref == "" || ref == "0" {
		return 0, "", nil, nil
	}
	err = r.Read(ctx, func(tx *Tx) error {
		tests, number := n.refTests(ref)
		sel := Selection{Scope: caller.Scope(n.Permission("show"), n.resource, Context{}), AnyOf: tests}
		sel.Scope.Env.Now = tx.now
		fields := append(n.briefColumns(nil), n.by["ancestry"])
		recs, err := tx.conn.Select(ctx, n, sel, fields)
		if err != nil {
			return err
		}
		rec := n.best(recs, ref, number)
		if rec == nil {
			return errs.New(errs.NotFound, "%s with id %s not found", n.label, clip(ref))
		}
		id, title = n.base(rec).ID, n.Title(rec)
		all, err := tx.conn.Select(ctx, n, Selection{Scope: Everything()}, fields)
		ids = family(n, all, rec)
		return err
	})
	return id, title, ids, err
}

func family(n *Any, all []any, rec any) []int64 {
	path := func(r any) string {
		return strings.TrimPrefix(n.by["ancestry"].textAt(r)+"/"+itoa(n.base(r).ID), "/") + "/"
	}
	own := path(rec)
	var ids []int64
	for _, r := range all {
		if p := path(r); strings.HasPrefix(p, own) || strings.HasPrefix(own, p) {
			ids = append(ids, n.base(r).ID)
		}
	}
	return ids
}
