package store

import (
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// A builder writes one statement about one noun. Tables get aliases t0, t1, …
type builder struct {
	c    *conn
	n    *noun.Any
	root string
	next int
	sql  strings.Builder
	args []any
}

func (c *conn) builder(n *noun.Any) *builder {
	b := &builder{c: c, n: n}
	b.root = b.alias()
	return b
}

func (b *builder) alias() string {
	b.next++
	return "t" + strconv.Itoa(b.next-1)
}

func (b *builder) text(parts ...string) {
	for _, p := range parts {
		b.sql.WriteString(p)
	}
}

func (b *builder) arg(v any) {
	b.sql.WriteByte('?')
	b.args = append(b.args, b.c.bound(v))
}

func (b *builder) column(alias string, f *noun.Field) {
	b.text(alias, ".", quote(f.ColumnName()))
}

// from writes FROM and WHERE.
func (b *builder) from(s noun.Selection) error {
	b.text(" FROM ", quote(b.n.Table()), " ", b.root, " WHERE ")
	b.rowType(b.root, b.n)
	b.text(" AND ")
	if err := b.scope(b.n, b.root, s.Scope); err != nil {
		return err
	}
	for _, t := range s.Where {
		b.text(" AND ")
		if err := b.test(b.n, b.root, t); err != nil {
			return err
		}
	}
	if len(s.AnyOf) > 0 {
		b.text(" AND (")
		for i, t := range s.AnyOf {
			if i > 0 {
				b.text(" OR ")
			}
			if err := b.test(b.n, b.root, t); err != nil {
				return err
			}
		}
		b.text(")")
	}
	if s.Cond != nil {
		b.text(" AND ")
		return b.cond(b.n, b.root, s.Cond)
	}
	return nil
}

// rowType keeps to the noun's rows of a shared table.
func (b *builder) rowType(alias string, n *noun.Any) {
	column, value := n.RowType()
	if column == "" {
		b.text("1 = 1")
		return
	}
	b.text(alias, ".", quote(column), " = ")
	b.arg(value)
}

// scope writes what a Scope says about the rows under alias.
func (b *builder) scope(n *noun.Any, alias string, s noun.Scope) error {
	b.text("(")
	if s.Own != 0 {
		b.text(alias, `."id" = `)
		b.arg(s.Own)
		b.text(" OR ")
	}
	b.text("(")
	switch {
	case s.All:
		b.text("1 = 1")
	case s.Where == nil:
		b.text("1 = 0")
	default:
		env := s.Env
		env.Strict = true
		c, err := n.Searches().Resolve(s.Where, env)
		if err != nil {
			return errs.Wrap(err, "a role's filter on %s", n.Label())
		}
		if err := b.cond(n, alias, c); err != nil {
			return err
		}
	}
	if taxed, one := n.Taxed(); taxed {
		b.taxa(n, alias, s.Organizations, "organization", one)
		b.taxa(n, alias, s.Locations, "location", one)
	}
	if err := b.parentScope(n, alias, s); err != nil {
		return err
	}
	b.text("))")
	return nil
}

func (b *builder) parentScope(n *noun.Any, alias string, s noun.Scope) error {
	ref := n.ScopeRef()
	if ref == nil || s.Parent == nil || unlimited(*s.Parent) {
		return nil
	}
	inner := b.alias()
	b.text(" AND ")
	b.column(alias, ref)
	b.text(" IN (SELECT ", inner, `."id" FROM `, quote(ref.To().Table()), " ", inner, " WHERE ")
	if err := b.scope(ref.To(), inner, *s.Parent); err != nil {
		return err
	}
	b.text(")")
	return nil
}

func unlimited(s noun.Scope) bool {
	return s.All && s.Organizations.Any && s.Locations.Any && s.Parent == nil
}

// taxa limits rows to those of the taxonomies, of one of which they are or
// which show all records of the noun.
func (b *builder) taxa(n *noun.Any, alias string, t noun.Taxa, kind string, one bool) {
	if t.Any {
		return
	}
	if len(t.IDs) == 0 {
		b.text(" AND 1 = 0")
		return
	}
	b.text(" AND (")
	if one {
		b.column(alias, n.Field(kind))
		b.text(" IN (")
		b.list(t.IDs)
		b.text("))")
		return
	}
	b.text(alias, `."id" IN (SELECT "taxable_id" FROM "taxable_taxonomies" WHERE "taxable_type" = `)
	b.arg(n.Resource())
	b.text(` AND "taxonomy_id" IN (`)
	b.list(t.IDs)
	b.text(`)) OR EXISTS (SELECT 1 FROM "taxonomy_ignored_types" WHERE "type" = `)
	b.arg(n.Resource())
	b.text(` AND "taxonomy_id" IN (`)
	b.list(t.IDs)
	b.text(")))")
}

func (b *builder) list(ids []int64) {
	for i, id := range ids {
		if i > 0 {
			b.text(", ")
		}
		b.text(strconv.FormatInt(id, 10))
	}
}

// cond writes a resolved search.
func (b *builder) cond(n *noun.Any, alias string, c search.Cond) error {
	switch c := c.(type) {
	case search.Every:
		return b.joined(n, alias, c.Terms, " AND ", "1 = 1")
	case search.Some:
		return b.joined(n, alias, c.Terms, " OR ", "1 = 0")
	case search.Negate:
		b.text("NOT COALESCE(")
		if err := b.cond(n, alias, c.X); err != nil {
			return err
		}
		b.text(", ", b.falsehood(), ")")
		return nil
	case search.Test:
		t := noun.Test{Target: n.Target(c.Field), Kind: c.Kind, Value: c.Value, Values: c.Values}
		return b.keyed(n, alias, t, c.Key)
	}
	return errs.New(errs.Internal, "unknown condition %T", c)
}

func (b *builder) falsehood() string {
	if b.c.tx.Dialect() == sqldb.SQLite {
		return "0"
	}
	return "false"
}

func (b *builder) joined(n *noun.Any, alias string, terms []search.Cond, op, none string) error {
	if len(terms) == 0 {
		b.text("(", none, ")")
		return nil
	}
	b.text("(")
	for i, t := range terms {
		if i > 0 {
			b.text(op)
		}
		if err := b.cond(n, alias, t); err != nil {
			return err
		}
	}
	b.text(")")
	return nil
}

func (b *builder) test(n *noun.Any, alias string, t noun.Test) error {
	return b.keyed(n, alias, t, "")
}

// keyed writes one test, inside a subquery for each association on the way. That
// there is none at the end is the negation of that there is one.
func (b *builder) keyed(n *noun.Any, alias string, t noun.Test, key string) error {
	if t.Target == nil {
		return errs.New(errs.Internal, "a search field of %s leads nowhere", n.Name())
	}
	if t.Target.Handler != "" {
		return b.handled(n, alias, t, key)
	}
	if t.Kind == search.IsNull && len(t.Target.Steps) > 0 {
		b.text("NOT ")
		t.Kind = search.IsSet
	}
	return b.walk(alias, t.Target.Steps, func(at string) error {
		if key != "" {
			b.text("(")
			keyTest := noun.Test{Target: &noun.Target{Field: t.Target.Key}, Kind: search.Equal, Value: key}
			err := b.walk(at, t.Target.KeySteps, func(at string) error { b.compare(at, keyTest); return nil })
			if err != nil {
				return err
			}
			b.text(" AND ")
		}
		b.compare(at, t)
		if key != "" {
			b.text(")")
		}
		return nil
	})
}

// walk opens a subquery per step and lets last write the test in the innermost.
func (b *builder) walk(alias string, steps []noun.Step, last func(alias string) error) error {
	if len(steps) == 0 {
		return last(alias)
	}
	step, inner := steps[0], b.alias()
	to := step.To()
	switch {
	case step.Ref != nil:
		b.column(alias, step.Ref)
		b.text(" IN (SELECT ", inner, `."id" FROM `, quote(to.Table()), " ", inner, " WHERE ")
	case step.Link != nil:
		table, own, other, kindColumn, kind := step.Link.Pair()
		pair := b.alias()
		b.text(alias, `."id" IN (SELECT `, pair, ".", quote(own), " FROM ", quote(table), " ", pair,
			" JOIN ", quote(to.Table()), " ", inner, " ON ", inner, `."id" = `, pair, ".", quote(other), " WHERE ")
		if kindColumn != "" {
			b.text(pair, ".", quote(kindColumn), " = ")
			b.arg(kind)
			b.text(" AND ")
		}
	default:
		b.text(alias, `."id" IN (SELECT `)
		b.column(inner, step.Has.By())
		b.text(" FROM ", quote(to.Table()), " ", inner, " WHERE ")
		if step.Only != nil {
			b.column(inner, step.Only)
			b.text(" = ")
			b.arg(true)
			b.text(" AND ")
		}
	}
	b.rowType(inner, to)
	b.text(" AND ")
	if err := b.walk(inner, steps[1:], last); err != nil {
		return err
	}
	b.text(")")
	return nil
}

// compare writes the comparison of a column with a value.
func (b *builder) compare(alias string, t noun.Test) {
	operand := func() { b.operand(alias, t.Target) }
	switch t.Kind {
	case search.IsNull:
		operand()
		b.text(" IS NULL")
	case search.IsSet:
		operand()
		b.text(" IS NOT NULL")
	case search.OneOf, search.NoneOf:
		b.inList(operand, t)
	case search.Matches, search.MatchesNot:
		operand()
		if t.Kind == search.MatchesNot {
			b.text(" NOT")
		}
		if b.c.tx.Dialect() == sqldb.Postgres {
			b.text(" ILIKE ")
			b.arg(strings.ReplaceAll(t.Value.(string), `\`, `\\`))
			return
		}
		b.text(" LIKE ")
		b.arg(t.Value)
	default:
		operand()
		b.text(" ", operators[t.Kind], " ")
		if t.Target.Caseless {
			b.text("lower(")
			b.arg(t.Value)
			b.text(")")
			return
		}
		b.arg(t.Value)
	}
}

func (b *builder) inList(operand func(), t noun.Test) {
	if len(t.Values) == 0 {
		b.text("1 = 0")
		return
	}
	operand()
	if t.Kind == search.NoneOf {
		b.text(" NOT")
	}
	b.text(" IN (")
	for i, v := range t.Values {
		if i > 0 {
			b.text(", ")
		}
		if id, ok := v.(int64); ok {
			b.text(strconv.FormatInt(id, 10)) // a number cannot break out, and lists of ids are long
			continue
		}
		b.arg(v)
	}
	b.text(")")
}

func (b *builder) operand(alias string, t *noun.Target) {
	switch {
	case t.Width > 0:
		b.text("((")
		b.column(alias, t.Field)
		b.text(" >> ", strconv.Itoa(int(t.Shift)), ") & ", strconv.FormatInt(1<<t.Width-1, 10), ")")
	case t.Caseless:
		b.text("lower(")
		b.column(alias, t.Field)
		b.text(")")
	default:
		b.column(alias, t.Field)
	}
}

var operators = map[search.TestKind]string{
	search.Equal: "=", search.NotEqual: "<>", search.Greater: ">", search.Less: "<",
	search.GreaterEqual: ">=", search.LessEqual: "<=",
}

// order writes ORDER BY; NULLs come first upwards and last downwards, and the
// id makes it total.
func (b *builder) order(keys []noun.Order) error {
	b.text(" ORDER BY ")
	for _, k := range keys {
		if err := b.orderKey(b.root, k.Target.Steps, k.Target); err != nil {
			return err
		}
		if k.Desc {
			b.text(" DESC")
		}
		if b.c.tx.Dialect() == sqldb.Postgres && (len(k.Target.Steps) > 0 || k.Target.Field.Info().Nullable) {
			if k.Desc {
				b.text(" NULLS LAST")
			} else {
				b.text(" NULLS FIRST")
			}
		}
		b.text(", ")
	}
	b.text(b.root, `."id"`)
	return nil
}

func (b *builder) orderKey(alias string, steps []noun.Step, t *noun.Target) error {
	if len(steps) == 0 {
		b.operand(alias, t)
		return nil
	}
	step, inner := steps[0], b.alias()
	b.text("(SELECT ")
	if err := b.orderKey(inner, steps[1:], t); err != nil {
		return err
	}
	b.text(" FROM ", quote(step.To().Table()), " ", inner, " WHERE ")
	switch {
	case step.Ref != nil:
		b.text(inner, `."id" = `)
		b.column(alias, step.Ref)
	case step.Has != nil && step.Only != nil:
		b.column(inner, step.Has.By())
		b.text(" = ", alias, `."id" AND `)
		b.column(inner, step.Only)
		b.text(" = ")
		b.arg(true)
		b.text(" LIMIT 1")
	default:
		return errs.New(errs.Malformed, "Cannot order by a list")
	}
	b.text(")")
	return nil
}

func (b *builder) page(s noun.Selection) {
	if s.Limit > 0 {
		b.text(" LIMIT ", strconv.FormatInt(s.Limit, 10))
	}
	if s.Offset > 0 {
		b.text(" OFFSET ", strconv.FormatInt(s.Offset, 10))
	}
}
