package noun

import (
	"context"
	"slices"
)

// Names holds what rendering records needs besides them: briefs of the records
// that they refer to, and what Loaded hooks put there.
type Names struct {
	briefs map[*Any]map[int64]any
	has    map[*HasMany]map[int64][]any
	extra  map[string]map[int64]any
	reg    *Registry
}

// Name is the title of a record referred to; "" when it is not there.
func (ns *Names) Name(noun string, id int64) string {
	if ns == nil || id == 0 {
		return ""
	}
	n := ns.reg.byName[noun]
	if n == nil {
		return ""
	}
	if rec := ns.briefs[n][id]; rec != nil {
		return n.Title(rec)
	}
	return ""
}

// Brief is a record referred to, with only its brief fields set; nil when it is
// not there.
func (ns *Names) Brief(noun string, id int64) any {
	if ns == nil {
		return nil
	}
	return ns.briefs[ns.reg.byName[noun]][id]
}

// Put keeps a value for the record with the id, for Computed fields to show.
func (ns *Names) Put(key string, id int64, value any) {
	if ns.extra[key] == nil {
		ns.extra[key] = map[int64]any{}
	}
	ns.extra[key][id] = value
}

// Get gives what Put kept; nil when there is nothing.
func (ns *Names) Get(key string, id int64) any {
	if ns == nil {
		return nil
	}
	return ns.extra[key][id]
}

// Want makes sure that briefs of the records are there when rendering.
// A noun that is not registered has none.
func (ns *Names) Want(noun string, ids ...int64) {
	if n := ns.reg.byName[noun]; n != nil {
		ns.want(n, ids...)
	}
}

func (ns *Names) want(n *Any, ids ...int64) {
	m := ns.briefs[n]
	if m == nil {
		m = map[int64]any{}
		ns.briefs[n] = m
	}
	for _, id := range ids {
		if _, there := m[id]; id != 0 && !there {
			m[id] = nil
		}
	}
}

// Title is what a record is called: its title field, else its number.
func (n *Any) Title(rec any) string {
	if n.titleField == nil {
		return ""
	}
	return n.titleField.textAt(rec)
}

// fill loads links and children; without whole only what rows show.
func (tx *Tx) fill(ctx context.Context, n *Any, recs []any, whole bool) error {
	if len(recs) == 0 {
		return nil
	}
	ids := n.ids(recs)
	if whole {
		for _, l := range n.links {
			pairs, err := tx.conn.Pairs(ctx, l, ids)
			if err != nil {
				return err
			}
			for _, r := range recs {
				l.SetIDs(r, append([]int64{}, pairs[n.base(r).ID]...))
			}
		}
	}
	for _, c := range n.children {
		if whole || c.views&Index != 0 {
			if err := tx.fillChild(ctx, n, c, recs, ids, whole); err != nil {
				return err
			}
		}
	}
	return nil
}

func (tx *Tx) fillChild(ctx context.Context, n *Any, c *Child, recs []any, ids []int64, whole bool) error {
	groups, all, err := tx.group(ctx, &c.HasMany, ids, nil)
	if err != nil {
		return err
	}
	if err := tx.fill(ctx, c.to, all, whole); err != nil {
		return err
	}
	for _, r := range recs {
		c.SetRecords(r, groups[n.base(r).ID])
	}
	return nil
}

// group loads the rows that refer to ids by a HasMany, by id referred to.
func (tx *Tx) group(ctx context.Context, h *HasMany, ids []int64, fields []*Field) (map[int64][]any, []any, error) {
	sel := Selection{Scope: Everything(), Where: []Test{{Target: &Target{Field: h.ref}, Kind: oneOf, Values: anys(ids)}}}
	sel.Order = h.to.defaultOrder()
	recs, err := tx.conn.Select(ctx, h.to, sel, fields)
	groups := map[int64][]any{}
	for _, r := range recs {
		id := h.ref.intAt(r)
		groups[id] = append(groups[id], r)
	}
	return groups, recs, err
}

func (n *Any) ids(recs []any) []int64 {
	ids := make([]int64, len(recs))
	for i, r := range recs {
		ids[i] = n.base(r).ID
	}
	return ids
}

// names loads briefs of all that the records refer to.
func (tx *Tx) names(ctx context.Context, n *Any, recs []any, whole bool) (*Names, error) {
	ns := &Names{
		briefs: map[*Any]map[int64]any{}, has: map[*HasMany]map[int64][]any{},
		extra: map[string]map[int64]any{}, reg: tx.reg,
	}
	for _, h := range n.loaded {
		if err := h(ctx, tx, recs, ns, whole); err != nil {
			return nil, err
		}
	}
	for _, h := range n.has {
		if h.count {
			if err := tx.countHas(ctx, n, h, recs, ns); err != nil {
				return nil, err
			}
		}
	}
	if whole {
		for _, h := range n.has {
			if h.views == 0 {
				continue
			}
			groups, all, err := tx.group(ctx, h, n.ids(recs), h.to.briefColumns(h.ref))
			if err != nil {
				return nil, err
			}
			ns.has[h] = groups
			ns.collectBrief(h.to, all)
		}
	}
	ns.collect(n, recs, whole)
	// Briefs may show names themselves; two rounds reach those.
	for range 2 {
		if err := tx.loadBriefs(ctx, ns); err != nil {
			return nil, err
		}
	}
	return ns, nil
}

func (tx *Tx) countHas(ctx context.Context, n *Any, h *HasMany, recs []any, ns *Names) error {
	counts, err := tx.conn.CountBy(ctx, h.ref, n.ids(recs))
	for _, id := range n.ids(recs) {
		ns.Put(h.name+"_count", id, counts[id])
	}
	return err
}

func (ns *Names) collect(n *Any, recs []any, whole bool) {
	for _, f := range n.fields {
		if f.kind == RefKind && !f.hidden {
			for _, r := range recs {
				ns.want(f.to, f.intAt(r))
			}
		}
	}
	if whole {
		for _, l := range n.links {
			for _, r := range recs {
				ns.want(l.to, l.IDs(r)...)
			}
		}
	}
	for _, c := range n.children {
		for _, r := range recs {
			if c.Loaded(r) {
				ns.collect(c.to, c.Records(r), whole)
			}
		}
	}
}

func (ns *Names) collectBrief(n *Any, recs []any) {
	for _, f := range n.briefColumns(nil) {
		if f.kind == RefKind {
			for _, r := range recs {
				ns.want(f.to, f.intAt(r))
			}
		}
	}
}

func (tx *Tx) loadBriefs(ctx context.Context, ns *Names) error {
	for _, n := range tx.reg.nouns {
		m := ns.briefs[n]
		var missing []int64
		for id, rec := range m {
			if rec == nil {
				missing = append(missing, id)
			}
		}
		if len(missing) == 0 {
			continue
		}
		slices.Sort(missing)
		sel := Selection{Scope: Everything(), Where: []Test{n.idTest(missing...)}}
		recs, err := tx.conn.Select(ctx, n, sel, n.briefColumns(nil))
		if err != nil {
			return err
		}
		for _, r := range recs {
			m[n.base(r).ID] = r
		}
		ns.collectBrief(n, recs)
	}
	return nil
}

// briefColumns are the kept fields that a brief needs: id, keys, and those named.
func (n *Any) briefColumns(also *Field) []*Field {
	fields := []*Field{n.by["id"]}
	add := func(f *Field) {
		if f != nil && f.kind != ComputedKind && !slices.Contains(fields, f) {
			fields = append(fields, f)
		}
	}
	for _, k := range n.keys {
		add(k)
	}
	for _, name := range n.brief {
		add(n.column(name))
	}
	for _, name := range n.briefNeeds {
		add(n.column(name))
	}
	add(also)
	return fields
}

// Loaded runs after rows were read to be shown, to gather what Computed fields
// show. whole tells a single record's view from the rows of a list.
func Loaded[T any](f func(ctx context.Context, tx *Tx, recs []*T, names *Names, whole bool) error) Word {
	return wordFunc(func(d *declaration) {
		d.noun.loaded = append(d.noun.loaded, func(ctx context.Context, tx *Tx, recs []any, ns *Names, whole bool) error {
			typed := make([]*T, len(recs))
			for i, r := range recs {
				typed[i] = r.(*T)
			}
			return f(ctx, tx, typed, ns, whole)
		})
	})
}

// BriefNeeds names kept fields that Computed fields of the brief are made from.
func BriefNeeds(fields ...string) Word {
	return wordFunc(func(d *declaration) { d.noun.briefNeeds = append(d.noun.briefNeeds, fields...) })
}
