package noun

import (
	"context"

	"github.com/chargehand/chargehand/internal/errs"
)

// Delete removes a record and gives what it was.
func (n *Any) Delete(ctx context.Context, caller Caller, ref string, q Query) (*Item, error) {
	if n.through != "" {
		return n.deleteThrough(ctx, caller, ref, q)
	}
	permission := first(q.Permission, n.Permission("destroy"))
	if !caller.Can(permission) {
		return nil, denied(permission)
	}
	item := &Item{Noun: n}
	var done *change
	err := n.reg.Write(ctx, func(tx *Tx) error {
		rec, err := tx.find(ctx, n, caller, ref, permission, q)
		if err != nil {
			return err
		}
		item.Record = rec
		if err := tx.complete(ctx, item); err != nil {
			return err
		}
		done, err = tx.removeWith(ctx, n, caller, n.clone(rec), false)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, h := range n.hooks.committed {
		if err := h(ctx, done); err != nil {
			return item, err
		}
	}
	return item, nil
}

func (tx *Tx) remove(ctx context.Context, n *Any, caller Caller, rec any, part bool) error {
	_, err := tx.removeWith(ctx, n, caller, rec, part)
	return err
}

// removeWith deletes rec, which is whole, after its rules; part tells that it
// goes as a part of another record.
func (tx *Tx) removeWith(ctx context.Context, n *Any, caller Caller, rec any, part bool) (*change, error) {
	c := &change{tx: tx, caller: caller, old: rec, notes: map[string]string{}}
	if part {
		c.notes["part"] = "true"
	}
	for _, h := range n.hooks.check {
		if err := h(ctx, c); err != nil {
			return nil, err
		}
	}
	for _, h := range n.has {
		if err := tx.applyRule(ctx, n, c, h); err != nil {
			return nil, err
		}
	}
	if err := tx.refuseLinks(ctx, n, c); err != nil {
		return nil, err
	}
	if err := errs.InvalidFields(c.fails); err != nil {
		return nil, &Refused{ID: n.base(rec).ID, Err: err}
	}
	for _, ch := range n.children {
		if ch.Loaded(rec) {
			for _, r := range ch.Records(rec) {
				if err := tx.remove(ctx, ch.to, caller, r, true); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, l := range n.links {
		if err := tx.conn.SetPairs(ctx, l, n.base(rec).ID, nil); err != nil {
			return nil, err
		}
	}
	for _, h := range n.hooks.saved {
		if err := h(ctx, c); err != nil {
			return nil, err
		}
	}
	if err := tx.audit(ctx, n, c); err != nil {
		return nil, err
	}
	return c, tx.conn.Delete(ctx, n, []int64{n.base(rec).ID})
}

// applyRule does what deleting a record does to those that refer to it.
func (tx *Tx) applyRule(ctx context.Context, n *Any, c *change, h *HasMany) error {
	id := n.base(c.old).ID
	_, recs, err := tx.group(ctx, h, []int64{id}, nil)
	if err != nil || len(recs) == 0 {
		return err
	}
	switch h.rule {
	case Refuse:
		tx.refuse(ctx, n, c, h.to, recs)
	case Unlink:
		return tx.conn.Clear(ctx, h.ref, h.to.ids(recs))
	case Cascade:
		if err := tx.fill(ctx, h.to, recs, true); err != nil {
			return err
		}
		for _, r := range recs {
			if err := tx.remove(ctx, h.to, c.caller, r, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// refuse says by whom the record is used, without naming what the caller may
// not see.
func (tx *Tx) refuse(ctx context.Context, n *Any, c *change, by *Any, recs []any) {
	visible := map[int64]bool{}
	if scope, err := by.scope(c.caller, by.Permission("show"), Context{}); err == nil {
		scope.Env.Now = tx.now
		seen, _ := tx.conn.Select(ctx, by, Selection{Scope: scope, Where: []Test{by.idTest(by.ids(recs)...)}}, by.briefColumns(nil))
		for _, r := range seen {
			visible[by.base(r).ID] = true
		}
	}
	what := first(n.Title(c.old), n.label)
	for i, r := range recs {
		if i == 20 {
			break // twenty say enough
		}
		text := "is used by " + by.Title(r)
		if !visible[by.base(r).ID] {
			text = "is being used by a hidden " + by.resource + " resource"
		}
		c.fails = append(c.fails, errs.FieldError{Field: "base", Message: what + " " + text})
	}
}

func (tx *Tx) refuseLinks(ctx context.Context, n *Any, c *change) error {
	id := n.base(c.old).ID
	for _, l := range n.links {
		if l.rule != Refuse {
			continue
		}
		pairs, err := tx.conn.Pairs(ctx, l, []int64{id})
		if err != nil {
			return err
		}
		if len(pairs[id]) == 0 {
			continue
		}
		recs, err := tx.conn.Select(ctx, l.to, Selection{Scope: Everything(), Where: []Test{l.to.idTest(pairs[id]...)}}, nil)
		if err != nil {
			return err
		}
		tx.refuse(ctx, n, c, l.to, recs)
	}
	return nil
}

// Delete removes a record.
func (n *Noun[T]) Delete(ctx context.Context, caller Caller, ref string) error {
	_, err := n.Any.Delete(ctx, caller, ref, Query{})
	return err
}
