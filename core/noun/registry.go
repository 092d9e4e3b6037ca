package noun

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/errs"
)

// A Registry holds nouns that know each other and the backend that keeps them.
// It is safe for concurrent use once New has made it.
type Registry struct {
	backend Backend
	auditor Auditor
	now     func() time.Time
	nouns   []*Any
	byName  map[string]*Any
}

// Options are what a registry needs.
type Options struct {
	Backend Backend
	Auditor Auditor          // nil keeps no audits
	Now     func() time.Time // nil is time.Now
}

// An Auditor writes the audit record of a change, in the change's transaction.
type Auditor interface {
	Record(ctx context.Context, tx *Tx, a Audit) error
}

// An Audit is one change of one record.
type Audit struct {
	Action  string // create, update, destroy
	Type    string // auditable_type
	ID      int64
	Name    string
	Changes []AuditChange
	// The record that it belongs to, where it is part of one.
	AssociatedType string
	AssociatedID   int64
	AssociatedName string
	// Where the record is visible.
	OrganizationIDs, LocationIDs []int64
	Caller                       search.Env
	Comment                      string
}

// An AuditChange is one attribute. Old is nil on creation, New on deletion.
// Secrets and hidden values are Redacted already.
type AuditChange struct {
	Attribute string
	Old, New  any
}

// Redacted stands for secrets in audits.
const Redacted = "[redacted]"

// Declared is a *Noun of whatever type.
type Declared interface{ anyNoun() *Any }

func (n *Noun[T]) anyNoun() *Any { return n.Any }

// New binds nouns to each other. Declarations that do not fit are an error that
// names the word.
func New(o Options, nouns ...Declared) (*Registry, error) {
	r := &Registry{backend: o.Backend, auditor: o.Auditor, now: o.Now, byName: map[string]*Any{}}
	if r.now == nil {
		r.now = time.Now
	}
	for _, d := range nouns {
		if err := r.add(d.anyNoun()); err != nil {
			return nil, err
		}
	}
	for _, n := range r.nouns {
		if err := r.bind(n); err != nil {
			return nil, err
		}
	}
	for _, n := range r.nouns {
		if err := n.bindSearch(); err != nil {
			return nil, err
		}
		n.setters = n.allSetters()
	}
	return r, nil
}

func (r *Registry) add(n *Any) error {
	if r.byName[n.name] != nil {
		return fmt.Errorf("noun %s is declared twice", n.name)
	}
	if n.reg != nil {
		return fmt.Errorf("noun %s is in another registry", n.name)
	}
	n.reg = r
	r.nouns, r.byName[n.name] = append(r.nouns, n), n
	for _, sub := range n.subs {
		if err := r.add(sub); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registry) bind(n *Any) error {
	for _, f := range n.fields {
		if f.kind != RefKind {
			continue
		}
		if f.to = r.byName[f.target]; f.to == nil {
			return fmt.Errorf("noun %s: field %s refers to an unknown noun %q", n.name, f.name, f.target)
		}
	}
	n.forgetUnknown(r)
	for _, l := range n.links {
		if l.to = r.byName[l.target]; l.to == nil {
			return fmt.Errorf("noun %s: list %s is of an unknown noun %q", n.name, l.name, l.target)
		}
	}
	for _, h := range n.has {
		if err := r.bindHas(n, h); err != nil {
			return err
		}
	}
	for _, c := range n.children {
		if err := r.bindHas(n, &c.HasMany); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registry) bindHas(n *Any, h *HasMany) error {
	if h.to = r.byName[h.target]; h.to == nil {
		return fmt.Errorf("noun %s: list %s is of an unknown noun %q", n.name, h.name, h.target)
	}
	if h.ref = h.to.by[h.by]; h.ref == nil || h.ref.kind != RefKind {
		return fmt.Errorf("noun %s: list %s: %s has no reference %q", n.name, h.name, h.target, h.by)
	}
	return nil
}

// Nouns are all nouns, in the order of registration.
func (r *Registry) Nouns() []*Any { return r.nouns }

// Noun finds a noun by name; nil when there is none.
func (r *Registry) Noun(name string) *Any { return r.byName[name] }

// Of finds the noun whose records are of type T. There must be one.
func Of[T any](r *Registry) *Noun[T] {
	for _, n := range r.nouns {
		if _, ok := n.make().(*T); ok {
			return &Noun[T]{n}
		}
	}
	panic(fmt.Sprintf("no noun of %T is registered", *new(T)))
}

// A Tx is a running transaction as hooks and orchestration see it. It is not
// safe for concurrent use, and the function that was given it may run more than once.
type Tx struct {
	conn Conn
	reg  *Registry
	now  time.Time
}

// Conn is the backend's own side of the transaction; core/store knows what to
// do with it, so that plans and audits are written with the change they are of.
func (tx *Tx) Conn() Conn { return tx.conn }

// Lock makes transactions that name the same key wait for each other, for rules
// about rows that neither can see yet.
func (tx *Tx) Lock(ctx context.Context, key string) error { return tx.conn.Lock(ctx, key) }

// Registry is where the nouns are.
func (tx *Tx) Registry() *Registry { return tx.reg }

// Now is the time of the whole transaction.
func (tx *Tx) Now() time.Time { return tx.now }

// Read runs f on one state of the database, as the program itself.
func (r *Registry) Read(ctx context.Context, f func(tx *Tx) error) error {
	return r.backend.Read(ctx, func(c Conn) error { return f(r.tx(c)) })
}

// Write runs f in a transaction, as the program itself. f may run more than once.
func (r *Registry) Write(ctx context.Context, f func(tx *Tx) error) error {
	return r.backend.Write(ctx, func(c Conn) error { return f(r.tx(c)) })
}

func (r *Registry) tx(c Conn) *Tx {
	return &Tx{conn: c, reg: r, now: r.now().UTC().Truncate(time.Microsecond)}
}

// Match names rows by the values of fields, by name; a Ref is name or name_id.
type Match map[string]any

func (n *Any) tests(m Match) ([]Test, error) {
	var tests []Test
	for name, v := range m {
		f := n.column(name)
		if f == nil {
			return nil, errs.New(errs.Internal, "%s has no column %q", n.name, name)
		}
		t := Test{Target: &Target{Field: f}, Kind: search.Equal, Value: v}
		if v == nil {
			t.Kind = search.IsNull
		}
		if ids, ok := v.([]int64); ok {
			t.Kind, t.Values = search.OneOf, anys(ids)
		}
		tests = append(tests, t)
	}
	return tests, nil
}

func anys[V any](vs []V) []any {
	out := make([]any, len(vs))
	for i, v := range vs {
		out[i] = v
	}
	return out
}

// Find gives the records that match, by id, with their own columns only, as the
// program itself: hooks see all rows.
func Find[T any](ctx context.Context, tx *Tx, m Match) ([]*T, error) {
	n := Of[T](tx.reg)
	tests, err := n.tests(m)
	if err != nil {
		return nil, err
	}
	recs, err := tx.conn.Select(ctx, n.Any, Selection{Scope: Everything(), Where: tests}, nil)
	out := make([]*T, len(recs))
	for i, r := range recs {
		out[i] = r.(*T)
	}
	return out, err
}

// Load gives one record with its own columns only, as the program itself;
// NotFound when there is none.
func Load[T any](ctx context.Context, tx *Tx, id int64) (*T, error) {
	n := Of[T](tx.reg)
	rec, err := tx.load(ctx, n.Any, id)
	if err != nil {
		return nil, err
	}
	return rec.(*T), nil
}

// LoadWhole is Load with links and children.
func LoadWhole[T any](ctx context.Context, tx *Tx, id int64) (*T, error) {
	rec, err := Load[T](ctx, tx, id)
	if err != nil {
		return nil, err
	}
	return rec, tx.fill(ctx, Of[T](tx.reg).Any, []any{rec}, true)
}

func (tx *Tx) load(ctx context.Context, n *Any, id int64) (any, error) {
	recs, err := tx.conn.Select(ctx, n, Selection{Scope: Everything(), Where: []Test{n.idTest(id)}}, nil)
	if err != nil {
		return nil, err
	}
	if len(recs) == 0 {
		return nil, errs.New(errs.NotFound, "%s %d does not exist", n.label, id)
	}
	return recs[0], nil
}

func (n *Any) idTest(ids ...int64) Test {
	t := &Target{Field: n.by["id"]}
	if len(ids) == 1 {
		return Test{Target: t, Kind: search.Equal, Value: ids[0]}
	}
	return Test{Target: t, Kind: search.OneOf, Values: anys(ids)}
}

// Rewrite writes some kept fields of a record as they are now, without
// validation, hooks or audit: for what follows from another change.
func Rewrite[T any](ctx context.Context, tx *Tx, rec *T, fields ...string) error {
	n := Of[T](tx.reg)
	var out []*Field
	for _, name := range fields {
		f := n.column(name)
		if f == nil {
			return errs.New(errs.Internal, "%s has no column %q", n.name, name)
		}
		out = append(out, f)
	}
	return tx.conn.Update(ctx, n.Any, rec, out)
}

// Purge deletes the records that match, without hooks or audit: for rows that
// are only kept along with another.
func Purge[T any](ctx context.Context, tx *Tx, m Match) error {
	n := Of[T](tx.reg)
	tests, err := n.tests(m)
	if err != nil {
		return err
	}
	recs, err := tx.conn.Select(ctx, n.Any, Selection{Scope: Everything(), Where: tests}, []*Field{n.by["id"]})
	if err != nil {
		return err
	}
	return tx.conn.Delete(ctx, n.Any, n.ids(recs))
}

// forgetUnknown drops lists that only make sense with nouns that are not here.
func (n *Any) forgetUnknown(r *Registry) {
	unknown := func(l *Link) bool { return l.known && r.byName[l.target] == nil }
	n.links = slices.DeleteFunc(n.links, unknown)
	n.items = slices.DeleteFunc(n.items, func(w Word) bool {
		l, ok := w.(*Link)
		return ok && unknown(l)
	})
}

// Linked gives the ids that records are linked with in one of their lists, by
// record, as the program itself.
func Linked[T any](ctx context.Context, tx *Tx, list string, ids []int64) (map[int64][]int64, error) {
	n := Of[T](tx.reg)
	for _, l := range n.links {
		if l.name == list {
			return tx.conn.Pairs(ctx, l, ids)
		}
	}
	return nil, errs.New(errs.Internal, "%s has no list %q", n.name, list)
}

// CountOf tells how many records match, as the program itself.
func CountOf[T any](ctx context.Context, tx *Tx, m Match) (int64, error) {
	n := Of[T](tx.reg)
	tests, err := n.tests(m)
	if err != nil {
		return 0, err
	}
	return tx.conn.Count(ctx, n.Any, Selection{Scope: Everything(), Where: tests})
}
