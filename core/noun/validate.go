package noun

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/errs"
)

func trimSuffix(s, suffix string) string { return strings.TrimSuffix(s, suffix) }

// clean normalises the texts of rec.
func (n *Any) clean(rec any) {
	for _, f := range n.fields {
		if f.kind != TextKind || f.shape != nil {
			continue
		}
		s := f.textAt(rec)
		if !f.long {
			s = strings.TrimSpace(s)
		}
		if f.clean != nil && s != "" {
			s = f.clean(s)
		}
		f.setText(rec, s)
	}
}

func (c *change) fail(field, format string, args ...any) {
	c.fails = append(c.fails, errs.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// validate checks what the declaration says about c.new. Values that did not
// change are checked too, but for what needs the database.
func (n *Any) validate(ctx context.Context, c *change) error {
	for _, f := range n.fields {
		if f.kind == ComputedKind || f.kind == JSONKind {
			continue
		}
		v := f.Value(c.new)
		if f.required && (v == nil || v == "") {
			c.fail(f.errorName(), "can't be blank")
			continue
		}
		switch f.kind {
		case TextKind:
			f.validateText(c, f.textAt(c.new))
		case IntKind, OptIntKind:
			f.validateInt(c, v)
		}
		if c.old != nil && f.Value(c.old) == v && !f.withinChanged(c) {
			continue
		}
		if f.unique && v != nil && v != "" {
			if err := n.validateUnique(ctx, c, f, v); err != nil {
				return err
			}
		}
		if f.kind == RefKind && v != nil {
			if err := n.validateRef(ctx, c, f, v.(int64)); err != nil {
				return err
			}
		}
	}
	for _, l := range n.links {
		if err := n.validateLink(ctx, c, l); err != nil {
			return err
		}
	}
	return nil
}

// errorName is what errors call the field.
func (f *Field) errorName() string {
	if f.kind == RefKind {
		return f.name + "_id"
	}
	return f.name
}

func (f *Field) validateText(c *change, s string) {
	if s == "" {
		return
	}
	if f.max > 0 && utf8.RuneCountInString(s) > f.max {
		c.fail(f.name, "is too long (maximum is %d characters)", f.max)
	}
	if len(f.enum) > 0 && !slices.Contains(f.enum, s) {
		c.fail(f.name, "is not included in the list")
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		c.fail(f.name, "is invalid")
	}
	for _, check := range f.checks {
		if message := check(s); message != "" {
			c.fail(f.name, "%s", message)
		}
	}
}

func (f *Field) validateInt(c *change, v any) {
	i, ok := v.(int64)
	if !ok {
		return
	}
	if f.min != nil && i < *f.min {
		c.fail(f.name, "must be greater than or equal to %d", *f.min)
	}
	if f.most != nil && i > *f.most {
		c.fail(f.name, "must be less than or equal to %d", *f.most)
	}
}

func (f *Field) withinChanged(c *change) bool {
	for _, w := range f.within {
		g := f.owner.byColumn(w)
		if g != nil && g.Value(c.old) != g.Value(c.new) {
			return true
		}
	}
	return false
}

func (n *Any) byColumn(column string) *Field {
	for _, f := range n.fields {
		if f.column == column && f.kind != ComputedKind {
			return f
		}
	}
	return nil
}

func (n *Any) validateUnique(ctx context.Context, c *change, f *Field, v any) error {
	id := n.base(c.new).ID
	sel := Selection{Scope: Everything(), Where: []Test{
		{Target: &Target{Field: f, Caseless: f.caseless}, Kind: search.Equal, Value: v},
	}}
	if id != 0 {
		sel.Where = append(sel.Where, Test{Target: &Target{Field: n.by["id"]}, Kind: search.NotEqual, Value: id})
	}
	for _, w := range f.within {
		g := n.byColumn(w)
		t := Test{Target: &Target{Field: g}, Kind: search.Equal, Value: g.Value(c.new)}
		if t.Value == nil {
			t.Kind = search.IsNull
		}
		sel.Where = append(sel.Where, t)
	}
	count, err := c.tx.conn.Count(ctx, n, sel)
	if err == nil && count > 0 {
		c.fail(f.errorName(), "%s", first(f.taken, "has already been taken"))
	}
	return err
}

// A featured record has features; smart proxies do.
type featured interface{ Has(feature string) bool }

// validateRef makes sure that a reference leads to a record that the caller may
// see and that has the feature asked for.
func (n *Any) validateRef(ctx context.Context, c *change, f *Field, id int64) error {
	if f == n.parentField || f.hidden && f.feature == "" {
		return nil
	}
	see := c.visible
	if c.given != nil && !c.given[f.name] {
		see = c.existing // handed down by a rule, not chosen by the caller
	}
	seen, err := see(ctx, f.to, id)
	if err != nil {
		return err
	}
	if len(seen) == 0 {
		c.fail(f.errorName(), "does not exist")
		return nil
	}
	if p, ok := seen[0].(featured); ok && f.feature != "" && !p.Has(f.feature) {
		c.fail(f.errorName(), "does not have the %s feature", f.feature)
	}
	return nil
}

func (n *Any) validateLink(ctx context.Context, c *change, l *Link) error {
	ids := l.IDs(c.new)
	var added []int64
	for _, id := range ids {
		if c.old == nil || !contains(l.IDs(c.old), id) {
			added = append(added, id)
		}
	}
	if len(added) == 0 {
		return nil
	}
	seen, err := c.visible(ctx, l.to, added...)
	if err != nil {
		return err
	}
	have := l.to.ids(seen)
	for _, id := range added {
		if !contains(have, id) {
			c.fail(l.one+"_ids", "is invalid")
			return nil
		}
	}
	return nil
}

func (c *change) existing(ctx context.Context, n *Any, ids ...int64) ([]any, error) {
	return c.tx.conn.Select(ctx, n, Selection{Scope: Everything(), Where: []Test{n.idTest(ids...)}}, nil)
}

// visible loads those of the records that the caller may refer to: those it may
// view. Nouns without an API are seen by everyone.
func (c *change) visible(ctx context.Context, n *Any, ids ...int64) ([]any, error) {
	scope := Everything()
	if !n.internal {
		scope = c.caller.Scope(n.Permission("show"), n.resource, Context{})
		scope.Env.Now = c.tx.now
	}
	return c.tx.conn.Select(ctx, n, Selection{Scope: scope, Where: []Test{n.idTest(ids...)}}, nil)
}
