package noun

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/errs"
)

const oneOf = search.OneOf

// Bounds on what one list gives.
const (
	DefaultPerPage = 20
	// MaxRows is the most rows that one answer holds, however many are asked for.
	MaxRows = 100_000
)

// A Query asks for a list.
type Query struct {
	Search  string
	Order   string // "name DESC", a search field; "" is the noun's own order
	Page    int64  // from 1; 0 is 1
	PerPage int64  // 0 is DefaultPerPage
	All     bool   // one page with everything
	Parents []Parent
	Context Context
	// Permission replaces the noun's own for lists.
	Permission string
	// Whole loads links, children and names as for a single record.
	Whole bool
	// Include names the parts of the single view that the rows show too.
	Include []string
	// Bare leaves out names and children: records have their own columns only.
	Bare bool
	// Where narrows further, for programs.
	Where Match
	// Cond narrows by a condition that was resolved already.
	Cond search.Cond
}

// A Parent is a record that a list is narrowed to those of.
type Parent struct {
	Noun *Any
	ID   int64
}

// A Page is one page of a list.
type Page struct {
	Records  []any // *T each
	Names    *Names
	Total    int64 // visible in the context, without the search
	Subtotal int64 // with it
	Page     int64
	PerPage  int64
}

// A Denied error names the permissions that a caller lacks; it is the cause
// inside a Forbidden.
type Denied struct{ Permissions []string }

func (d *Denied) Error() string {
	return "Missing one of the required permissions: " + strings.Join(d.Permissions, ", ")
}

func denied(permission string) error {
	return errs.WrapAs(errs.Forbidden, &Denied{[]string{permission}}, "Access denied")
}

// Permission is the permission that an action needs.
func (n *Any) Permission(action string) string {
	if p := n.perms[action]; p != "" {
		return p
	}
	for _, a := range n.actions {
		if a.Name == action {
			return a.Permission
		}
	}
	verb := map[string]string{"index": "view", "show": "view", "create": "create", "update": "edit", "destroy": "destroy"}[action]
	return verb + "_" + n.permStem
}

// scope is what the caller may touch of n; Forbidden when it lacks the
// permission altogether.
func (n *Any) scope(caller Caller, permission string, c Context) (Scope, error) {
	if !caller.Can(permission) {
		return Scope{}, denied(permission)
	}
	s := caller.Scope(permission, n.resource, c)
	if n.scopeBy != "" {
		to := n.by[n.scopeBy].to
		parent := caller.Scope(to.Permission("show"), to.resource, c)
		s.Parent = &parent
	}
	return s, nil
}

func (r *Registry) env(caller Caller) search.Env {
	env := caller.Env()
	env.Now = r.now()
	return env
}

// selection turns a query into what the backend selects, without paging. The
// second has no search.
func (n *Any) selection(caller Caller, q Query) (with, without Selection, err error) {
	permission := first(q.Permission, n.Permission("index"))
	scope, err := n.scope(caller, permission, q.Context)
	if err != nil {
		return with, without, err
	}
	scope.Env.Now = n.reg.now()
	without = Selection{Scope: scope}
	for _, p := range q.Parents {
		t := n.parentTarget(p.Noun)
		if t == nil {
			continue // as upstream, parameters that concern nothing are ignored
		}
		without.Where = append(without.Where, Test{Target: t, Kind: search.Equal, Value: p.ID})
	}
	tests, err := n.tests(q.Where)
	if err != nil {
		return with, without, err
	}
	without.Where = append(without.Where, tests...)
	if without.Order, err = n.ParseOrder(q.Order); err != nil {
		return with, without, err
	}
	with = without
	with.Cond = q.Cond
	if strings.TrimSpace(q.Search) != "" {
		with.Cond, err = n.searches.Query(q.Search, n.reg.env(caller))
	}
	return with, without, err
}

// List gives one page of the records that the caller may see.
func (n *Any) List(ctx context.Context, caller Caller, q Query) (*Page, error) {
	with, without, err := n.selection(caller, q)
	if err != nil {
		return nil, err
	}
	page := &Page{Page: max(q.Page, 1), PerPage: q.PerPage}
	if page.PerPage <= 0 {
		page.PerPage = DefaultPerPage
	}
	err = n.reg.Read(ctx, func(tx *Tx) error {
		if page.Total, err = tx.conn.Count(ctx, n, without); err != nil {
			return err
		}
		page.Subtotal = page.Total
		if with.Cond != nil {
			if page.Subtotal, err = tx.conn.Count(ctx, n, with); err != nil {
				return err
			}
		}
		if err := page.bound(&with, q.All); err != nil {
			return err
		}
		if page.Records, err = tx.conn.Select(ctx, n, with, nil); err != nil || q.Bare {
			return err
		}
		whole := q.Whole || len(q.Include) > 0
		if err := tx.fill(ctx, n, page.Records, whole); err != nil {
			return err
		}
		page.Names, err = tx.names(ctx, n, page.Records, whole)
		return err
	})
	return page, err
}

func (p *Page) bound(s *Selection, all bool) error {
	if all {
		p.Page, p.PerPage = 1, p.Total
	}
	s.Limit = p.PerPage
	if all || p.PerPage > MaxRows {
		if p.Subtotal > MaxRows {
			return errs.New(errs.TooLarge, "%d rows are more than one answer holds (%d); ask for pages", p.Subtotal, MaxRows)
		}
		s.Limit = MaxRows
	}
	if p.Page > 1 {
		if p.Page-1 > (1<<62)/s.Limit {
			return errs.New(errs.Malformed, "page %d does not exist", p.Page)
		}
		s.Offset = (p.Page - 1) * s.Limit
	}
	return nil
}

// ParseOrder reads "field" or "field DESC" of a noun's search fields.
func (n *Any) ParseOrder(text string) ([]Order, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return n.defaultOrder(), nil
	}
	f, key := n.searches.Find(words[0])
	desc := len(words) > 1 && strings.EqualFold(words[1], "desc")
	if f == nil || key != "" || len(words) > 2 {
		return nil, errs.New(errs.Malformed, "Cannot order by '%s'", clip(text))
	}
	t := n.targets[f]
	if t.Handler != "" || t.Field == nil {
		return nil, errs.New(errs.Malformed, "Cannot order by '%s'", clip(text))
	}
	for _, s := range t.Steps {
		if s.Ref == nil && (s.Has == nil || s.Only == nil) {
			return nil, errs.New(errs.Malformed, "Cannot order by '%s'", clip(text))
		}
	}
	return []Order{{Target: t, Desc: desc}}, nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func (n *Any) defaultOrder() []Order {
	name, direction, _ := strings.Cut(n.order, " ")
	f := n.column(name)
	if f == nil {
		f = n.titleField
	}
	if f == nil {
		return nil
	}
	return []Order{{Target: &Target{Field: f}, Desc: strings.EqualFold(direction, "desc")}}
}

// An Item is one record with what rendering it needs.
type Item struct {
	Noun   *Any
	Record any // *T
	Names  *Names
}

// ID is the record's id.
func (i *Item) ID() int64 { return i.Noun.base(i.Record).ID }

// notFound is the error for a record that is not there or not to be seen.
func (n *Any) notFound(ref string) error {
	return errs.New(errs.NotFound, "Resource %s not found by id '%s'", n.name, clip(ref))
}

// Get gives one record by id, "id-name", name or title. The action decides the
// permission: "show", or another of the noun's.
func (n *Any) Get(ctx context.Context, caller Caller, ref string, action string, q Query) (*Item, error) {
	item := &Item{Noun: n}
	err := n.reg.Read(ctx, func(tx *Tx) (err error) {
		item.Record, err = tx.find(ctx, n, caller, ref, first(q.Permission, n.Permission(action)), q)
		if err != nil {
			return err
		}
		if q.Bare {
			return nil
		}
		return tx.complete(ctx, item)
	})
	return item, err
}

func (tx *Tx) complete(ctx context.Context, item *Item) (err error) {
	recs := []any{item.Record}
	if err := tx.fill(ctx, item.Noun, recs, true); err != nil {
		return err
	}
	item.Names, err = tx.names(ctx, item.Noun, recs, true)
	return err
}

// find loads one record's own columns within the caller's scope.
func (tx *Tx) find(ctx context.Context, n *Any, caller Caller, ref, permission string, q Query) (any, error) {
	q.Permission, q.Search, q.Order = permission, "", ""
	sel, _, err := n.selection(caller, q)
	if err != nil {
		return nil, err
	}
	tests, id := n.refTests(ref)
	sel.AnyOf, sel.Order, sel.Limit = tests, nil, int64(len(tests))+1
	recs, err := tx.conn.Select(ctx, n, sel, nil)
	if err != nil {
		return nil, err
	}
	if rec := n.best(recs, ref, id); rec != nil {
		return rec, nil
	}
	return nil, n.notFound(ref)
}

// refTests are the ways to read ref: an id, an id before a dash, a name.
func (n *Any) refTests(ref string) (tests []Test, id int64) {
	if len(ref) > 1024 {
		return []Test{n.idTest(-1)}, -1
	}
	head, _, _ := strings.Cut(ref, "-")
	if v, err := strconv.ParseInt(head, 10, 64); err == nil && v > 0 && head != "" {
		id = v
		tests = append(tests, n.idTest(id))
	}
	if id == 0 || head == ref || len(n.keys) > 0 {
		for _, k := range n.keys {
			tests = append(tests, Test{Target: &Target{Field: k}, Kind: search.Equal, Value: ref})
		}
	}
	if len(tests) == 0 {
		tests = []Test{n.idTest(-1)}
	}
	return tests, id
}

// best picks the row that ref means: a name wins over a number, a title over a
// name that several share.
func (n *Any) best(recs []any, ref string, id int64) any {
	for i := len(n.keys) - 1; i >= 0; i-- {
		for _, r := range recs {
			if n.keys[i].textAt(r) == ref {
				return r
			}
		}
	}
	for _, r := range recs {
		if id != 0 && n.base(r).ID == id {
			return r
		}
	}
	return nil
}

// List gives one page of typed records.
func (n *Noun[T]) List(ctx context.Context, caller Caller, q Query) ([]*T, *Page, error) {
	page, err := n.Any.List(ctx, caller, q)
	if err != nil {
		return nil, nil, err
	}
	out := make([]*T, len(page.Records))
	for i, r := range page.Records {
		out[i] = r.(*T)
	}
	return out, page, nil
}

// Get gives one whole record by id, "id-name", name or title.
func (n *Noun[T]) Get(ctx context.Context, caller Caller, ref string) (*T, error) {
	item, err := n.Any.Get(ctx, caller, ref, "show", Query{})
	if err != nil {
		return nil, err
	}
	return item.Record.(*T), nil
}

// GetID is Get by number.
func (n *Noun[T]) GetID(ctx context.Context, caller Caller, id int64) (*T, error) {
	return n.Get(ctx, caller, fmt.Sprint(id))
}
