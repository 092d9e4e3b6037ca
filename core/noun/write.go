package noun

import (
	"context"
	"errors"
	"strconv"

	"github.com/chargehand/chargehand/internal/errs"
)

// Input is a request's body for one record: JSON values by API name.
type Input map[string]any

// CreateFrom makes a record from a body.
func (n *Any) CreateFrom(ctx context.Context, caller Caller, in Input, q Query) (*Item, error) {
	if n.through != "" {
		return n.createThrough(ctx, caller, in, q)
	}
	return n.write(ctx, caller, "", q, func(ctx context.Context, c *change) error {
		return n.assign(ctx, c, in, q)
	})
}

// UpdateFrom changes a record by what a body names.
func (n *Any) UpdateFrom(ctx context.Context, caller Caller, ref string, in Input, q Query) (*Item, error) {
	if n.through != "" {
		return n.updateThrough(ctx, caller, ref, in, q)
	}
	return n.write(ctx, caller, ref, q, func(ctx context.Context, c *change) error {
		return n.assign(ctx, c, in, q)
	})
}

// Create writes a new record; nil links and children are none. It sets the id
// and what the hooks fill in.
func (n *Noun[T]) Create(ctx context.Context, caller Caller, rec *T) error {
	item, err := n.write(ctx, caller, "", Query{}, func(_ context.Context, c *change) error {
		*c.new.(*T) = *rec
		return nil
	})
	if err == nil {
		*rec = *item.Record.(*T)
	}
	return err
}

// Update changes a record: f gets it whole and changes what it wants. f may run
// more than once.
func (n *Noun[T]) Update(ctx context.Context, caller Caller, ref string, f func(rec *T) error) (*T, error) {
	item, err := n.write(ctx, caller, ref, Query{}, func(_ context.Context, c *change) error {
		return f(c.new.(*T))
	})
	if err != nil {
		return nil, err
	}
	return item.Record.(*T), nil
}

// UpdateAs is Update with another of the noun's permissions, for actions.
func (n *Noun[T]) UpdateAs(ctx context.Context, caller Caller, ref, permission string, f func(rec *T) error) (*Item, error) {
	return n.write(ctx, caller, ref, Query{Permission: permission}, func(_ context.Context, c *change) error {
		return f(c.new.(*T))
	})
}

// write is one creation (ref is "") or update from permission to commit.
func (n *Any) write(ctx context.Context, caller Caller, ref string, q Query, fill hook) (*Item, error) {
	action := "create"
	if ref != "" {
		action = "update"
	}
	permission := first(q.Permission, n.Permission(action))
	if !caller.Can(permission) {
		return nil, denied(permission)
	}
	item := &Item{Noun: n}
	var done *change
	answers := map[string]answer{}
	err := n.reg.writeAsking(ctx, answers, func(tx *Tx) error {
		c := &change{tx: tx, caller: caller, context: q.Context, notes: map[string]string{}, answers: answers}
		if err := n.begin(ctx, c, ref, permission, q); err != nil {
			return err
		}
		if err := fill(ctx, c); err != nil {
			return err
		}
		if err := n.save(ctx, c); err != nil {
			return err
		}
		if err := n.recheck(ctx, c, permission, q); err != nil {
			return err
		}
		rec, err := tx.load(ctx, n, n.base(c.new).ID)
		if err != nil {
			return err
		}
		item.Record, done = rec, c
		return tx.complete(ctx, item)
	})
	if err != nil {
		return nil, err
	}
	if len(n.hooks.committed) > 0 {
		for _, h := range n.hooks.committed {
			if err := h(ctx, done); err != nil {
				return item, err
			}
		}
		return n.Get(ctx, caller, strconv.FormatInt(item.ID(), 10), "show", Query{Permission: permission})
	}
	return item, nil
}

// questions bounds how often one write may go outside.
const questions = 64

// writeAsking is Write that starts again after each question put outside.
func (r *Registry) writeAsking(ctx context.Context, answers map[string]answer, f func(tx *Tx) error) error {
	for range questions {
		err := r.Write(ctx, f)
		var u *unanswered
		if !errors.As(err, &u) {
			return err
		}
		value, err := u.ask(ctx)
		answers[u.key] = answer{value, err}
	}
	return errs.New(errs.Internal, "a write asks too many questions")
}

// begin makes c.new: empty with defaults, or a copy of the row.
func (n *Any) begin(ctx context.Context, c *change, ref, permission string, q Query) error {
	if ref == "" {
		c.new = n.make()
		n.defaults(c.new)
		for _, p := range q.Parents {
			n.adopt(c.new, p)
		}
		return nil
	}
	old, err := c.tx.find(ctx, n, c.caller, ref, permission, q)
	if err != nil {
		return err
	}
	if err := c.tx.fill(ctx, n, []any{old}, true); err != nil {
		return err
	}
	c.old, c.new = old, n.clone(old)
	return nil
}

// adopt makes a new record one of parent's.
func (n *Any) adopt(rec any, p Parent) {
	for _, f := range n.fields {
		if f.kind == RefKind && f.to == p.Noun && (f.name == p.Noun.name || f == n.parentField) {
			f.setInt(rec, &p.ID)
			return
		}
	}
	for _, l := range n.links {
		if l.to == p.Noun {
			l.SetIDs(rec, append(l.IDs(rec), p.ID))
			return
		}
	}
}

func (n *Any) clone(rec any) any {
	c := n.copyOf(rec)
	for _, ch := range n.children {
		if ch.Loaded(rec) {
			ch.SetRecords(c, ch.Records(rec))
		}
	}
	return c
}

func (n *Any) defaults(rec any) {
	for _, f := range n.fields {
		switch v := f.def.(type) {
		case nil:
		case string:
			f.setText(rec, v)
		case bool:
			f.setBool(rec, v)
		case int:
			i := int64(v)
			f.setInt(rec, &i)
		}
	}
}

// save prepares, validates and writes c.new with all that belongs to it.
func (n *Any) save(ctx context.Context, c *change) error {
	if c.old == nil {
		if err := n.placeInContext(ctx, c); err != nil {
			return err
		}
	}
	n.clean(c.new)
	for _, h := range n.hooks.prepare {
		if err := h(ctx, c); err != nil {
			return err
		}
	}
	n.clean(c.new)
	if err := n.validate(ctx, c); err != nil {
		return err
	}
	for _, h := range n.hooks.check {
		if err := h(ctx, c); err != nil {
			return err
		}
	}
	if err := errs.InvalidFields(c.fails); err != nil {
		return &Refused{ID: idOf(n, c.old), Err: err}
	}
	if err := n.writeRow(ctx, c); err != nil {
		return n.taken(c, err)
	}
	for _, l := range n.links {
		if ids := l.IDs(c.new); ids != nil && !(c.old != nil && sameIDs(ids, l.IDs(c.old))) {
			if err := c.tx.conn.SetPairs(ctx, l, n.base(c.new).ID, ids); err != nil {
				return err
			}
		}
	}
	for _, ch := range n.children {
		if err := n.saveChildren(ctx, c, ch); err != nil {
			return err
		}
	}
	for _, h := range n.hooks.saved {
		if err := h(ctx, c); err != nil {
			return err
		}
	}
	if err := errs.InvalidFields(c.fails); err != nil {
		return &Refused{ID: idOf(n, c.old), Err: err}
	}
	return c.tx.audit(ctx, n, c)
}

// A Refused error is a write that broke rules, with the id of the record where
// it has one already.
type Refused struct {
	ID  int64
	Err error
}

func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap gives the errs.Error with the fields.
func (r *Refused) Unwrap() error { return r.Err }

func idOf(n *Any, rec any) int64 {
	if rec == nil {
		return 0
	}
	return n.base(rec).ID
}

func (n *Any) writeRow(ctx context.Context, c *change) error {
	b := n.base(c.new)
	if c.old == nil {
		b.CreatedAt, b.UpdatedAt = c.tx.now, c.tx.now
		return c.tx.conn.Insert(ctx, n, c.new)
	}
	changed := n.changed(c.old, c.new)
	if len(changed) == 0 {
		return nil
	}
	b.UpdatedAt = c.tx.now
	return c.tx.conn.Update(ctx, n, c.new, append(changed, n.by["updated_at"]))
}

// changed lists the kept fields whose values differ.
func (n *Any) changed(old, new any) []*Field {
	var out []*Field
	for _, f := range n.fields {
		if f.kind == ComputedKind || f.lock || f.name == "updated_at" {
			continue
		}
		a, aerr := f.Bind(old)
		b, berr := f.Bind(new)
		if aerr != nil || berr != nil || a != b {
			out = append(out, f)
		}
	}
	return out
}

// taken turns a broken uniqueness of the schema, which only a race can cause,
// into the validation error it would have been.
func (n *Any) taken(c *change, err error) error {
	if !errs.Is(err, errs.Conflict) {
		return err
	}
	var stale *Stale
	if errors.As(err, &stale) {
		return err
	}
	for _, f := range n.fields {
		if f.unique {
			fields := []errs.FieldError{{Field: f.name, Message: first(f.taken, "has already been taken")}}
			return &Refused{ID: idOf(n, c.old), Err: errs.InvalidFields(fields)}
		}
	}
	return err
}

// Stale is the cause of the Conflict that a lost optimistic lock gives.
type Stale struct{}

func (*Stale) Error() string { return "the record was changed by someone else meanwhile" }

func sameIDs(a, b []int64) bool {
	if len(a) != len(b) {
		return false
	}
	seen := make(map[int64]bool, len(a))
	for _, id := range a {
		seen[id] = true
	}
	for _, id := range b {
		if !seen[id] {
			return false
		}
	}
	return true
}

// saveChildren writes the children that are new or changed and deletes those
// that are gone.
func (n *Any) saveChildren(ctx context.Context, c *change, ch *Child) error {
	if !ch.Loaded(c.new) {
		return nil
	}
	before := map[int64]any{}
	if c.old != nil && ch.Loaded(c.old) {
		for _, r := range ch.Records(c.old) {
			before[ch.to.base(r).ID] = r
		}
	}
	id := n.base(c.new).ID
	kept := map[int64]bool{}
	for _, r := range ch.Records(c.new) {
		kept[ch.to.base(r).ID] = true
	}
	var gone []int64
	for old := range before {
		if !kept[old] {
			gone = append(gone, old)
		}
	}
	for _, old := range gone {
		if err := c.tx.remove(ctx, ch.to, c.caller, before[old], true); err != nil {
			return err
		}
	}
	for _, r := range ch.Records(c.new) {
		ch.ref.setInt(r, &id)
		sub := &change{tx: c.tx, caller: c.caller, context: c.context, notes: c.notes, new: r, old: before[ch.to.base(r).ID], given: c.given, answers: c.answers}
		if err := ch.to.save(ctx, sub); err != nil {
			return ch.prefix(c, n, err)
		}
	}
	return nil
}

// prefix names the list before the fields of a child's errors.
func (ch *Child) prefix(c *change, n *Any, err error) error {
	var refused *Refused
	if !errors.As(err, &refused) {
		return err
	}
	stem := ch.errorStem()
	var fields []errs.FieldError
	for _, f := range errs.FieldsOf(refused.Err) {
		fields = append(fields, errs.FieldError{Field: stem + "." + f.Field, Message: f.Message})
	}
	return &Refused{ID: idOf(n, c.old), Err: errs.InvalidFields(fields)}
}

func (ch *Child) errorStem() string {
	if len(ch.body) > 0 {
		return trimSuffix(ch.body[0], "_attributes")
	}
	return ch.name
}

// placeInContext puts a new record into the current taxonomies, or the only ones.
func (n *Any) placeInContext(ctx context.Context, c *change) error {
	if !n.taxed {
		return nil
	}
	for _, kind := range []struct {
		name    string
		current int64
	}{{"organization", c.context.Organization}, {"location", c.context.Location}} {
		id := kind.current
		if id == 0 && !c.given[kind.name] {
			var err error
			if id, err = c.tx.only(ctx, kind.name); err != nil {
				return err
			}
		}
		if id != 0 {
			n.putInto(c, kind.name, id)
		}
	}
	return nil
}

func (n *Any) putInto(c *change, kind string, id int64) {
	to := c.tx.reg.byName[kind]
	if f := n.by[kind]; f != nil && f.kind == RefKind {
		if f.intAt(c.new) == 0 {
			f.setInt(c.new, &id)
		}
		return
	}
	for _, l := range n.links {
		if l.to == to && !contains(l.IDs(c.new), id) {
			l.SetIDs(c.new, append(l.IDs(c.new), id))
		}
	}
}

func contains(ids []int64, id int64) bool {
	for _, i := range ids {
		if i == id {
			return true
		}
	}
	return false
}

// only gives the id of a taxonomy when there is exactly one.
func (tx *Tx) only(ctx context.Context, noun string) (int64, error) {
	n := tx.reg.byName[noun]
	if n == nil {
		return 0, nil
	}
	recs, err := tx.conn.Select(ctx, n, Selection{Scope: Everything(), Limit: 2}, n.briefColumns(nil))
	if err != nil || len(recs) != 1 {
		return 0, err
	}
	return n.base(recs[0]).ID, nil
}

// recheck makes sure that what was saved is still within the caller's scope.
func (n *Any) recheck(ctx context.Context, c *change, permission string, q Query) error {
	scope, err := n.scope(c.caller, permission, q.Context)
	if err != nil {
		return err
	}
	scope.Env.Now = c.tx.now
	if scope.All && scope.Organizations.Any && scope.Locations.Any && scope.Parent == nil {
		return nil
	}
	count, err := c.tx.conn.Count(ctx, n, Selection{Scope: scope, Where: []Test{n.idTest(n.base(c.new).ID)}})
	if err != nil || count > 0 {
		return err
	}
	return &Refused{ID: idOf(n, c.old), Err: errs.InvalidField("base",
		"You don't have permission %s with attributes that you have specified or you don't have access to specified organizations or locations", permission)}
}

// Clone makes a new record like src, but for what the body names. The children
// and links go along; locks on the original do not.
func (n *Any) Clone(ctx context.Context, caller Caller, src any, in Input, q Query) (*Item, error) {
	return n.write(ctx, caller, "", q, func(ctx context.Context, c *change) error {
		c.new = n.clone(src)
		*n.base(c.new) = Base{}
		for _, ch := range n.children {
			for _, r := range ch.Records(c.new) {
				*ch.to.base(r) = Base{}
			}
		}
		if f := n.by["locked"]; f != nil {
			f.setBool(c.new, false)
		}
		return n.assign(ctx, c, in, q)
	})
}

// Nested is the cause of the refusal to delete a node of a tree that has others
// below it. Quiet says that upstream answers 200 to it, and clients know.
type Nested struct{ Quiet bool }

func (*Nested) Error() string { return "it has nested items" }

func itoa(i int64) string { return strconv.FormatInt(i, 10) }
