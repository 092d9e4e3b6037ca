package noun

import (
	"context"
	"slices"
)

func (n *Any) auditType() string { return first(n.audited, n.resource) }

// auditOf says what a change changes, as audits have it.
func (n *Any) auditOf(c *change) *Audit {
	a := &Audit{Action: "update", Type: n.auditType()}
	switch {
	case c.old == nil:
		a.Action = "create"
	case c.new == nil:
		a.Action = "destroy"
	}
	rec := a.record(c)
	a.ID, a.Name = n.base(rec).ID, n.Title(rec)
	for _, f := range n.fields {
		n.auditField(a, c, f)
	}
	for _, l := range n.links {
		switch l.to.name {
		case "organization":
			a.OrganizationIDs = l.IDs(rec)
		case "location":
			a.LocationIDs = l.IDs(rec)
		}
		n.auditLink(a, c, l)
	}
	for name, ids := range map[string]*[]int64{"organization": &a.OrganizationIDs, "location": &a.LocationIDs} {
		if f := n.by[name]; f != nil && f.kind == RefKind && f.intAt(rec) != 0 {
			*ids = []int64{f.intAt(rec)}
		}
	}
	return a
}

func (a *Audit) record(c *change) any {
	if c.new != nil {
		return c.new
	}
	return c.old
}

func (n *Any) auditField(a *Audit, c *change, f *Field) {
	if f.kind == ComputedKind || f.lock || slices.Contains([]string{"id", "created_at", "updated_at", "searchable_value"}, f.name) {
		return
	}
	var before, after any
	if c.old != nil {
		before, _ = f.Bind(c.old)
	}
	if c.new != nil {
		after, _ = f.Bind(c.new)
	}
	if before == after {
		return
	}
	if f.kind == SecretKind || f.private || n.hides(c, f) {
		before, after = redact(before), redact(after)
	}
	a.Changes = append(a.Changes, AuditChange{Attribute: f.column, Old: before, New: after})
}

// hides tells whether the field is the value of a hidden parameter.
func (n *Any) hides(c *change, f *Field) bool {
	if f.name != "value" {
		return false
	}
	for _, rec := range []any{c.old, c.new} {
		if p, ok := rec.(interface{ HidesValue() bool }); ok && p.HidesValue() {
			return true
		}
	}
	return false
}

// HidesValue tells audits to leave the value out.
func (p *Parameter) HidesValue() bool { return p != nil && p.Hidden }

func redact(v any) any {
	if v == nil {
		return nil
	}
	return Redacted
}

func (n *Any) auditLink(a *Audit, c *change, l *Link) {
	var before, after []int64
	if c.old != nil {
		before = l.IDs(c.old)
	}
	if c.new != nil {
		if after = l.IDs(c.new); after == nil {
			return
		}
	}
	if sameIDs(before, after) {
		return
	}
	a.Changes = append(a.Changes, AuditChange{Attribute: l.one + "_ids", Old: sorted(before), New: sorted(after)})
}

func sorted(ids []int64) []int64 {
	out := append([]int64{}, ids...)
	slices.Sort(out)
	return out
}

func (tx *Tx) audit(ctx context.Context, n *Any, c *change) error {
	if tx.reg.auditor == nil || n.unaudited {
		return nil
	}
	a := n.auditOf(c)
	if len(a.Changes) == 0 && a.Action == "update" {
		return nil
	}
	a.Caller = tx.reg.env(c.caller)
	for _, f := range n.fields {
		if f.kind == RefKind && (f == n.parentField || f.name == n.scopeBy) {
			if id := f.intAt(a.record(c)); id != 0 {
				a.AssociatedType, a.AssociatedID = f.to.auditType(), id
				if rec, err := tx.load(ctx, f.to, id); err == nil {
					a.AssociatedName = f.to.Title(rec)
				}
			}
		}
	}
	return tx.reg.auditor.Record(ctx, tx, *a)
}
