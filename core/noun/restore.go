package noun

import (
	"context"
	"slices"

	"github.com/chargehand/chargehand/internal/errs"
)

// Restore makes a record's rows what rec says, children and links included, as
// when a change is taken back: no rules, no hooks, the same ids. The audit tells
// of it in the caller's name.
func (n *Noun[T]) Restore(ctx context.Context, tx *Tx, caller Caller, rec *T) error {
	id := n.base(rec).ID
	now, err := LoadWhole[T](ctx, tx, id)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	c := &change{tx: tx, caller: caller, new: rec, notes: map[string]string{}}
	if err == nil {
		c.old = now
		if lock := n.LockField(); lock != nil {
			lock.SetInt(rec, lock.IntAt(now))
		}
		err = tx.conn.Update(ctx, n.Any, rec, n.settable())
	} else {
		err = tx.conn.Reinsert(ctx, n.Any, rec)
	}
	if err != nil {
		return err
	}
	if err := tx.restoreParts(ctx, n.Any, c, id); err != nil {
		return err
	}
	return tx.audit(ctx, n.Any, c)
}

// settable are the columns that an update writes: all but the id and the lock.
func (n *Any) settable() []*Field {
	return slices.DeleteFunc(slices.Clone(n.Columns()), func(f *Field) bool { return f.name == "id" || f.lock })
}

func (tx *Tx) restoreParts(ctx context.Context, n *Any, c *change, id int64) error {
	for _, l := range n.links {
		if err := tx.conn.SetPairs(ctx, l, id, l.IDs(c.new)); err != nil {
			return err
		}
	}
	for _, ch := range n.children {
		if err := tx.restoreChildren(ctx, ch, c, id); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) restoreChildren(ctx context.Context, ch *Child, c *change, id int64) error {
	there := map[int64]bool{}
	if c.old != nil {
		for _, r := range ch.Records(c.old) {
			there[ch.to.ID(r)] = true
		}
	}
	for _, r := range ch.Records(c.new) {
		ch.ref.setInt(r, &id)
		write := tx.conn.Reinsert
		if there[ch.to.ID(r)] {
			write = func(ctx context.Context, n *Any, rec any) error { return tx.conn.Update(ctx, n, rec, n.settable()) }
		}
		delete(there, ch.to.ID(r))
		if err := write(ctx, ch.to, r); err != nil {
			return err
		}
	}
	gone := make([]int64, 0, len(there))
	for childID := range there {
		gone = append(gone, childID)
	}
	return tx.conn.Delete(ctx, ch.to, gone)
}

// Forget removes a record's rows, as when its creation is taken back: no rules,
// no hooks. One that is gone already is no error.
func (n *Noun[T]) Forget(ctx context.Context, tx *Tx, caller Caller, id int64) error {
	rec, err := LoadWhole[T](ctx, tx, id)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, l := range n.links {
		if err := tx.conn.SetPairs(ctx, l, id, nil); err != nil {
			return err
		}
	}
	for _, ch := range n.children {
		if err := tx.conn.Delete(ctx, ch.to, ch.to.ids(ch.Records(rec))); err != nil {
			return err
		}
	}
	if err := tx.audit(ctx, n.Any, &change{tx: tx, caller: caller, old: rec, notes: map[string]string{}}); err != nil {
		return err
	}
	return tx.conn.Delete(ctx, n.Any, []int64{id})
}
