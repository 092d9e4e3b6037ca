package noun

import (
	"context"
	"strconv"

	"github.com/chargehand/chargehand/internal/errs"
)

// Records that are saved through their owner: the change becomes one of the
// owner's list, so that its rules, audits and plans hold for it too.

// owner finds the Ref and the list that make n's records part of another's.
func (n *Any) owner() (*Field, *Child) {
	ref := n.by[n.through]
	if ref == nil {
		return nil, nil
	}
	for _, c := range ref.to.children {
		if c.to == n {
			return ref, c
		}
	}
	return nil, nil
}

// throughOwner updates the owner with one entry of its list and gives the
// owner's records of n afterwards.
func (n *Any) throughOwner(ctx context.Context, caller Caller, id int64, entry Input, q Query) ([]int64, error) {
	ref, child := n.owner()
	in := Input{child.body[0]: []any{map[string]any(entry)}}
	for _, key := range []string{"overwrite", "progress_report_id"} {
		if v, ok := entry[key]; ok {
			in[key] = v
		}
	}
	item, err := ref.to.UpdateFrom(ctx, caller, strconv.FormatInt(id, 10), in, Query{Context: q.Context})
	if err != nil {
		return nil, err
	}
	return n.ids(child.Records(item.Record)), nil
}

func (n *Any) createThrough(ctx context.Context, caller Caller, in Input, q Query) (*Item, error) {
	ref, _ := n.owner()
	var id int64
	for _, p := range q.Parents {
		if p.Noun == ref.to {
			id = p.ID
		}
	}
	if id == 0 {
		if given, ok := intOf(in[ref.name+"_id"]); ok && given != nil {
			id = *given
		}
	}
	if id == 0 {
		return nil, &Refused{Err: errs.InvalidField(ref.name+"_id", "can't be blank")}
	}
	entry := withoutID(in)
	before, err := n.siblings(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	after, err := n.throughOwner(ctx, caller, id, entry, q)
	if err != nil {
		return nil, err
	}
	for _, made := range after {
		if !contains(before, made) {
			return n.Get(ctx, caller, strconv.FormatInt(made, 10), "show", Query{})
		}
	}
	return nil, errs.New(errs.Internal, "the new %s is not there", n.label)
}

func withoutID(in Input) Input {
	entry := Input{}
	for k, v := range in {
		if k != "id" && k != "_destroy" {
			entry[k] = v
		}
	}
	return entry
}

func (n *Any) siblings(ctx context.Context, caller Caller, owner int64) ([]int64, error) {
	ref, _ := n.owner()
	page, err := n.List(ctx, caller, Query{Where: Match{ref.name: owner}, All: true, Bare: true, Permission: n.Permission("show")})
	if err != nil {
		return nil, err
	}
	return n.ids(page.Records), nil
}

func (n *Any) updateThrough(ctx context.Context, caller Caller, id string, in Input, q Query) (*Item, error) {
	item, err := n.Get(ctx, caller, id, "update", q)
	if err != nil {
		return nil, err
	}
	ref, _ := n.owner()
	entry := withoutID(in)
	entry["id"] = item.ID()
	if _, err := n.throughOwner(ctx, caller, ref.intAt(item.Record), entry, q); err != nil {
		return nil, err
	}
	return n.Get(ctx, caller, strconv.FormatInt(item.ID(), 10), "show", Query{})
}

func (n *Any) deleteThrough(ctx context.Context, caller Caller, id string, q Query) (*Item, error) {
	item, err := n.Get(ctx, caller, id, "destroy", q)
	if err != nil {
		return nil, err
	}
	if err := n.removable(ctx, caller, item); err != nil {
		return nil, err
	}
	ref, _ := n.owner()
	_, err = n.throughOwner(ctx, caller, ref.intAt(item.Record), Input{"id": item.ID(), "_destroy": true}, q)
	return item, err
}

// removable asks the record's own rules whether it may go alone.
func (n *Any) removable(ctx context.Context, caller Caller, item *Item) error {
	return n.reg.Read(ctx, func(tx *Tx) error {
		c := &change{tx: tx, caller: caller, old: item.Record, notes: map[string]string{}}
		for _, h := range n.hooks.check {
			if err := h(ctx, c); err != nil {
				return err
			}
		}
		if err := errs.InvalidFields(c.fails); err != nil {
			return &Refused{ID: item.ID(), Err: err}
		}
		return nil
	})
}
