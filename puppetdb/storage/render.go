package storage

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb/query"
)

// A renderer turns one question into one statement. Every value is bound; all
// identifiers come from relations.
type renderer struct {
	dialect   sqldb.Dialect
	relations map[string]relation
	aliases   int
	args      []any
}

// A scope is one use of an entity: its relation with the aliases made unique.
type scope struct {
	entity *query.Entity
	number int
	relation
}

func (r *renderer) open(e *query.Entity) (*scope, error) {
	rel, ok := r.relations[e.Name]
	if !ok {
		return nil, errs.New(errs.Unsupported, "%s cannot be asked for yet", e.Name)
	}
	r.aliases++
	number := strconv.Itoa(r.aliases)
	s := &scope{entity: e, number: r.aliases, relation: relation{from: strings.ReplaceAll(rel.from, "@", number), fields: map[string]string{}, texts: map[string]string{}}}
	for name, sql := range rel.texts {
		s.texts[name] = strings.ReplaceAll(sql, "@", number)
	}
	for name, sql := range rel.fields {
		if f, ok := e.Field(name); ok && sql == "NULL" && r.dialect == sqldb.Postgres && f.Kind == query.Bool {
			sql = "NULL::boolean" // PostgreSQL wants to know of which type nothing is
		}
		s.fields[name] = strings.ReplaceAll(sql, "@", number)
	}
	return s, nil
}

// bind keeps a value for the database; texts are made storable as those that
// are stored were.
func (r *renderer) bind(v any) string {
	if text, ok := v.(string); ok {
		v = clean(text)
	}
	r.args = append(r.args, v)
	return "?"
}

// node is the alias of the scope's nodes table.
func (s *scope) node() string { return "n" + s.alias() }

// alias is what makes the scope's aliases unique.
func (s *scope) alias() string { return strconv.Itoa(s.number) }

// statement writes the whole question. Columns are answered in order; those of
// aggregates as two.
func (r *renderer) statement(q *query.Query, columns []query.Column) (string, error) {
	s, err := r.open(q.Entity)
	if err != nil {
		return "", err
	}
	var outputs []string
	for _, c := range columns {
		sql, err := r.column(s, c)
		if err != nil {
			return "", err
		}
		outputs = append(outputs, sql)
	}
	body, err := r.body(s, q, columns)
	if err != nil {
		return "", err
	}
	order, err := r.order(s, q, columns)
	if err != nil {
		return "", err
	}
	return "SELECT " + strings.Join(outputs, ", ") + body + order, r.bounded()
}

// maxBound is how many values one statement may bind: SQLite ends at 32766,
// PostgreSQL at 65535.
const maxBound = 32_000

func (r *renderer) bounded() error {
	if len(r.args) > maxBound {
		return errs.New(errs.TooLarge, "the query compares with more than %d values", maxBound)
	}
	return nil
}

// position gives the place of a column in the answer, as SQL counts them; empty
// when it is not there by that name. An expression with bound values is equal
// to itself only by its place.
func (r *renderer) position(s *scope, columns []query.Column, name string) string {
	return r.find(s, columns, func(c query.Column) bool { return c.Name == name })
}

// place is position for a column that may be called otherwise in the answer.
func (r *renderer) place(s *scope, columns []query.Column, column query.Column) string {
	return r.find(s, columns, column.Same)
}

func (r *renderer) find(s *scope, columns []query.Column, is func(query.Column) bool) string {
	place := 0
	for _, c := range columns {
		place++
		if is(c) {
			return strconv.Itoa(place)
		}
		if r.isAggregate(s.entity, c) {
			place++ // those are answered in two
		}
	}
	return ""
}

// count writes the statement that counts without limit and offset.
func (r *renderer) count(q *query.Query) (string, error) {
	s, err := r.open(q.Entity)
	if err != nil {
		return "", err
	}
	body, err := r.body(s, q, nil)
	if err != nil {
		return "", err
	}
	return "SELECT count(*) FROM (SELECT 1" + body + ") AS counted", r.bounded()
}

func (r *renderer) body(s *scope, q *query.Query, columns []query.Column) (string, error) {
	sql := " FROM " + s.from
	var where []string
	if q.Active && !query.MentionsState(q.Where) {
		where = append(where, s.node()+".deactivated IS NULL AND "+s.node()+".expired IS NULL")
	}
	if q.Distinct != nil {
		where = append(where, r.lastOnly(s, *q.Distinct))
	}
	if q.Where != nil {
		cond, err := r.cond(s, q.Where)
		if err != nil {
			return "", err
		}
		where = append(where, cond)
	}
	if len(where) > 0 {
		sql += " WHERE " + strings.Join(where, " AND ")
	}
	if len(q.GroupBy) > 0 {
		var keys []string
		for _, c := range q.GroupBy {
			if place := r.place(s, columns, c); place != "" && (c.Function != "" || len(c.Ref.Path) > 0) {
				keys = append(keys, place)
				continue
			}
			key, err := r.column(s, c)
			if err != nil {
				return "", err
			}
			keys = append(keys, key)
		}
		sql += " GROUP BY " + strings.Join(keys, ", ")
	}
	return sql, nil
}

func (r *renderer) order(s *scope, q *query.Query, columns []query.Column) (string, error) {
	var keys []string
	for _, o := range q.OrderBy {
		sql := ""
		for _, c := range columns {
			if c.Name == o.Ref.Text && (c.Function != "" || len(c.Ref.Path) > 0) {
				sql = r.position(s, columns, c.Name)
			}
		}
		if sql == "" {
			var err error
			if sql, err = r.output(s, o.Ref); err != nil {
				return "", err
			}
			if text := s.texts[o.Ref.Text]; text != "" {
				sql = text
			}
			if err := grouped(q, o.Ref); err != nil {
				return "", err
			}
		}
		if r.dialect == sqldb.SQLite && o.Ref.Field != nil && isValue(o.Ref) {
			ranks, err := r.valueRanks(s, q, columns, o)
			if err != nil {
				return "", err
			}
			keys = append(keys, ranks...)
		}
		keys = append(keys, sql+direction(o.Desc))
	}
	sql := ""
	if len(keys) > 0 {
		sql = " ORDER BY " + strings.Join(keys, ", ")
	}
	return sql + r.limits(q.Paging), nil
}

// direction is PostgreSQL's own habit: nulls are larger than everything.
func direction(desc bool) string {
	if desc {
		return " DESC NULLS FIRST"
	}
	return " ASC NULLS LAST"
}

func (r *renderer) limits(p query.Paging) string {
	sql := ""
	if p.Limit > 0 {
		sql = " LIMIT " + r.bind(p.Limit)
	} else if p.Offset > 0 && r.dialect == sqldb.SQLite {
		sql = " LIMIT -1"
	}
	if p.Offset > 0 {
		sql += " OFFSET " + r.bind(p.Offset)
	}
	return sql
}

// valueRanks gives SQLite the order that PostgreSQL has for JSON: null, text,
// numbers, false and true, arrays, objects; numbers by their value.
func (r *renderer) valueRanks(s *scope, q *query.Query, columns []query.Column, o query.Order) ([]string, error) {
	if len(q.GroupBy) > 0 || slices.ContainsFunc(columns, query.Column.Aggregates) {
		return nil, nil // only what is grouped by can be ordered by
	}
	var uses [3]string
	for i := range uses {
		sql, err := r.output(s, o.Ref)
		if err != nil {
			return nil, err
		}
		uses[i] = sql
	}
	return []string{
		"CASE json_type(" + uses[0] + ") WHEN 'null' THEN 0 WHEN 'text' THEN 1 WHEN 'integer' THEN 2 WHEN 'real' THEN 2 WHEN 'false' THEN 3 WHEN 'true' THEN 4 WHEN 'array' THEN 5 WHEN 'object' THEN 6 END" + direction(o.Desc),
		"CASE WHEN json_type(" + uses[1] + ") IN ('integer', 'real') THEN json_extract(" + uses[2] + ", '$') END" + direction(o.Desc),
	}, nil
}

// column writes one output.
func (r *renderer) column(s *scope, c query.Column) (string, error) {
	if c.Ref.Field == nil { // count()
		return "count(*)", nil
	}
	if inner, ok := strings.CutPrefix(s.fields[c.Ref.Field.Name], aggregatePrefix); ok && c.Function == "" && c.Ref.Fact == "" {
		data, href, _ := strings.Cut(strings.TrimSuffix(inner, ")"), aggregateMark)
		return data + ", " + href, nil
	}
	sql, err := r.output(s, c.Ref)
	if err != nil {
		return "", err
	}
	switch c.Function {
	case "":
		return sql, nil
	case "count":
		return "count(" + sql + ")", nil
	case "min", "max", "avg", "sum":
		if isValue(c.Ref) {
			sql, err = r.numeric(s, c.Ref, sql)
		}
		return c.Function + "(" + sql + ")", err
	case "to_string":
		return r.toString(c, sql)
	case "jsonb_typeof":
		return r.typeOf(s, c.Ref, sql)
	}
	return "", errs.New(errs.Unsupported, "the function '%s'", c.Function)
}

// grouped holds that a sort key is one of its group.
func grouped(q *query.Query, ref query.Ref) error {
	if len(q.GroupBy) == 0 && !slices.ContainsFunc(q.Columns, query.Column.Aggregates) {
		return nil
	}
	if slices.ContainsFunc(q.GroupBy, query.Column{Ref: ref}.Same) {
		return nil
	}
	return errs.New(errs.Malformed, "column \"%s\" must appear in the group_by clause to order by it", ref.Text)
}

func (r *renderer) toString(c query.Column, sql string) (string, error) {
	if c.Ref.Field.Kind != query.Time {
		return "", errs.New(errs.Unsupported, "to_string of %s, which is no time", c.Ref.Text)
	}
	if r.dialect == sqldb.Postgres {
		return "to_char(to_timestamp(" + sql + " / 1000.0), " + r.bind(c.Argument) + ")", nil
	}
	return "time_to_char(" + sql + ", " + r.bind(c.Argument) + ")", nil
}

func (r *renderer) typeOf(s *scope, ref query.Ref, first string) (string, error) {
	switch ref.Field.Kind {
	case query.Value, query.Object, query.List, query.Path, query.EncodedPath:
	default:
		return "", errs.New(errs.Malformed, "the function 'jsonb_typeof' needs a JSON value, '%s' is none", ref.Text)
	}
	if r.dialect == sqldb.Postgres {
		return "jsonb_typeof(" + first + ")", nil
	}
	second, err := r.output(s, ref)
	return "CASE json_type(" + first + ") WHEN 'text' THEN 'string' WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' WHEN 'true' THEN 'boolean' WHEN 'false' THEN 'boolean' ELSE json_type(" + second + ") END", err
}

func isValue(ref query.Ref) bool {
	return ref.Field.Kind == query.Value || len(ref.Path) > 0
}

// numeric gives the number in a JSON value, else NULL. The value's SQL may hold
// bound parameters, so the second use of it is rendered again.
func (r *renderer) numeric(s *scope, ref query.Ref, first string) (string, error) {
	second, err := r.output(s, ref)
	if r.dialect == sqldb.Postgres {
		return "(CASE WHEN jsonb_typeof(" + first + ") = 'number' THEN (" + second + ")::text::numeric END)", err
	}
	return "(CASE WHEN json_type(" + first + ") IN ('integer', 'real') THEN json_extract(" + second + ", '$') END)", err
}

// output gives a reference's SQL: a column, a member of a document, or a fact.
func (r *renderer) output(s *scope, ref query.Ref) (string, error) {
	if ref.Fact != "" {
		return "(SELECT w.value FROM facts w WHERE w.node_id = " + s.node() + ".id AND w.name = " + r.bind(ref.Fact) + ")", nil
	}
	sql, ok := s.fields[ref.Field.Name]
	if !ok {
		return "", errs.New(errs.Unsupported, "the field '%s' of %s", ref.Field.Name, s.entity.Name)
	}
	if strings.HasPrefix(sql, aggregatePrefix) {
		return "", errs.New(errs.Unsupported, "the field '%s' of %s can only be answered, not compared, ordered or grouped by", ref.Field.Name, s.entity.Name)
	}
	if len(ref.Path) == 0 {
		return sql, nil
	}
	for _, step := range ref.Path {
		if step.Kind == query.ByMatch {
			return "", errs.New(errs.Unsupported, "match(…) in '%s'", ref.Text)
		}
	}
	if r.dialect == sqldb.Postgres {
		marks := make([]string, len(ref.Path))
		for i, step := range ref.Path {
			key := step.Key
			if step.Kind == query.ByIndex {
				key = strconv.Itoa(step.Index)
			}
			marks[i] = r.bind(key)
		}
		return "jsonb_extract_path(" + sql + ", " + strings.Join(marks, ", ") + ")", nil
	}
	return "(" + sql + " -> " + r.bind(sqlitePath(ref.Path)) + ")", nil
}

func sqlitePath(steps []query.Step) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, step := range steps {
		if step.Kind == query.ByIndex {
			b.WriteString("[" + strconv.Itoa(step.Index) + "]")
			continue
		}
		key, err := marshal(clean(step.Key))
		if err != nil {
			key = []byte(`""`) // a string always encodes
		}
		b.WriteByte('.')
		b.Write(key)
	}
	return b.String()
}

// cond writes a condition, in parentheses where it must bind.
func (r *renderer) cond(s *scope, c query.Cond) (string, error) {
	switch c := c.(type) {
	case query.And:
		return r.junction(s, c.Of, " AND ")
	case query.Or:
		return r.junction(s, c.Of, " OR ")
	case query.Not:
		inner, err := r.cond(s, c.Of)
		return "NOT (" + inner + ")", err
	case query.Compare:
		return r.compare(s, c)
	case query.Null:
		return r.null(s, c)
	case query.MatchPath:
		return r.matchPath(s, c)
	case query.In:
		return r.in(s, c)
	case query.Related:
		return r.related(s, c)
	case query.State:
		inactive := "(" + s.node() + ".deactivated IS NOT NULL OR " + s.node() + ".expired IS NOT NULL)"
		return map[string]string{"active": "NOT " + inactive, "inactive": inactive, "any": "1 = 1"}[c.Want], nil
	}
	return "", errs.New(errs.Unsupported, "the condition %T", c)
}

func (r *renderer) junction(s *scope, conds []query.Cond, word string) (string, error) {
	parts := make([]string, len(conds))
	for i, c := range conds {
		sql, err := r.cond(s, c)
		if err != nil {
			return "", err
		}
		parts[i] = sql
	}
	return joined(parts, word), nil
}

// joined writes a junction as a tree of short ones, for a database reads a long
// one as deep as it is long, and gives up at a thousand.
func joined(parts []string, word string) string {
	const wide = 32
	for len(parts) > wide {
		var next []string
		for chunk := range slices.Chunk(parts, wide) {
			next = append(next, "("+strings.Join(chunk, word)+")")
		}
		parts = next
	}
	return "(" + strings.Join(parts, word) + ")"
}

func (r *renderer) null(s *scope, c query.Null) (string, error) {
	if c.Ref.Field.Filled {
		return map[bool]string{true: "1 = 0", false: "1 = 1"}[c.Is], nil
	}
	sql, err := r.output(s, c.Ref)
	if err != nil {
		return "", err
	}
	test := "(" + sql + ") IS NULL"
	if isValue(c.Ref) {
		again, err := r.output(s, c.Ref) // the parameters are bound once more
		if err != nil {
			return "", err
		}
		test = "(" + test + " OR " + r.typeName(again) + " = 'null')"
	}
	if c.Is {
		return test, nil
	}
	return "NOT " + test, nil
}

func (r *renderer) typeName(sql string) string {
	if r.dialect == sqldb.Postgres {
		return "jsonb_typeof(" + sql + ")"
	}
	return "json_type(" + sql + ")"
}

func (r *renderer) compare(s *scope, c query.Compare) (string, error) {
	if slices.ContainsFunc(c.Ref.Path, func(step query.Step) bool { return step.Kind == query.ByMatch }) {
		return r.compareMatching(s, c)
	}
	if c.Ref.Field.Kind == query.List {
		return r.listHas(s, c)
	}
	sql, err := r.output(s, c.Ref)
	if err != nil {
		return "", err
	}
	if isValue(c.Ref) {
		return r.compareValue(s, c, sql)
	}
	switch v := c.Value.(type) {
	case time.Time:
		return sql + " " + string(c.Op) + " " + r.bind(v.UnixMilli()), nil
	case []any:
		return r.equalJSON(sql, v)
	}
	if c.Op == query.Regex {
		if text := s.texts[c.Ref.Field.Name]; text != "" {
			sql = text
		}
		if r.dialect == sqldb.Postgres && c.Ref.Field.Kind == query.Object {
			sql = "(" + sql + ")::text"
		}
		// A field that is null does not match; what does not match is the rest.
		return "(" + r.regex(sql, c.Value.(string)) + " AND (" + sql + ") IS NOT NULL)", nil
	}
	if f, ok := c.Value.(float64); ok && r.dialect == sqldb.Postgres {
		return sql + " " + string(c.Op) + " CAST(" + r.bind(f) + " AS double precision)", nil
	}
	return sql + " " + string(c.Op) + " " + r.bind(c.Value), nil
}

// compareValue compares a JSON value, type and all. As in PuppetDB, what is not
// there differs from everything that it is compared with for equality, so that
// its negation holds; the rest of the operators leave it out either way, but for
// facts and parameters that are named on their own.
func (r *renderer) compareValue(s *scope, c query.Compare, sql string) (string, error) {
	named := c.Ref.Keyed || c.Ref.Fact != "" || c.Ref.Field.Filled
	dotted := len(c.Ref.Path) > 0 && !c.Ref.Keyed
	if dotted && c.Op != query.Equal && c.Op != query.Regex {
		return r.ordered(s, c, sql)
	}
	cond, err := r.present(s, c, sql)
	if named || (dotted && c.Op == query.Equal) {
		cond = "coalesce(" + cond + ", " + boolean(r.dialect, false) + ")"
	}
	return cond, err
}

// ordered compares as PostgreSQL orders JSON: null, texts, numbers, truth
// values, arrays, objects.
func (r *renderer) ordered(s *scope, c query.Compare, sql string) (string, error) {
	if r.dialect == sqldb.Postgres {
		text, err := marshal(c.Value)
		return "(" + sql + ") " + string(c.Op) + " " + r.bind(string(text)) + "::jsonb", err
	}
	own, lower, higher := "IN ('integer', 'real')", "('null', 'text')", "('true', 'false', 'array', 'object')"
	if _, ok := c.Value.(string); ok {
		own, lower, higher = "= 'text'", "('null')", "('integer', 'real', 'true', 'false', 'array', 'object')"
	}
	less := boolean(r.dialect, c.Op == query.Less || c.Op == query.LessEqual)
	more := boolean(r.dialect, c.Op == query.Greater || c.Op == query.GreaterEqual)
	text := "(CASE WHEN json_type(" + sql + ") " + own + " THEN json_extract("
	for _, rest := range []func() string{ // in this order, for each binds its values
		func() string { return ", '$') " + string(c.Op) + " " + r.bind(c.Value) + " WHEN json_type(" },
		func() string { return ") IN " + lower + " THEN " + less + " WHEN json_type(" },
		func() string { return ") IN " + higher + " THEN " + more + " END)" },
	} {
		again, err := r.output(s, c.Ref)
		if err != nil {
			return "", err
		}
		text += again + rest()
	}
	return text, nil
}

// present compares a value that is there.
func (r *renderer) present(s *scope, c query.Compare, sql string) (string, error) {
	switch {
	case c.Op == query.Regex:
		return r.valueRegex(s, c, sql)
	case c.Op == query.Equal:
		if isNumber(c.Value) {
			return r.valueNumber(s, c, sql)
		}
		return r.equalJSON(sql, c.Value)
	}
	return r.valueNumber(s, c, sql)
}

func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

func (r *renderer) valueNumber(s *scope, c query.Compare, first string) (string, error) {
	second, err := r.output(s, c.Ref)
	if err != nil {
		return "", err
	}
	if r.dialect == sqldb.Postgres {
		return "(CASE WHEN jsonb_typeof(" + first + ") = 'number' THEN (" + second + ")::text::numeric " + string(c.Op) + " CAST(" + r.bind(fmt.Sprint(c.Value)) + " AS numeric) ELSE false END)", nil
	}
	return "(CASE WHEN json_type(" + first + ") IN ('integer', 'real') THEN json_extract(" + second + ", '$') " + string(c.Op) + " " + r.bind(c.Value) + " ELSE 0 END)", nil
}

// valueRegex matches a string's text, and any other value's JSON. PuppetDB
// matches the parameter form, ["parameter", NAME], against the JSON of strings
// too, with the pattern written as JSON.
func (r *renderer) valueRegex(s *scope, c query.Compare, first string) (string, error) {
	pattern := c.Value.(string)
	if c.Ref.Keyed || c.Ref.Field.Filled {
		raw, err := marshal(clean(pattern))
		if err != nil {
			return "", errs.WrapAs(errs.Malformed, err, "pattern")
		}
		if r.dialect == sqldb.Postgres {
			return "(" + first + ")::text ~ " + r.bind(string(raw)), nil
		}
		if _, err := regexp.Compile(string(raw)); err != nil {
			return "", errs.New(errs.Malformed, "invalid regular expression %s: %v", raw, err)
		}
		return first + " REGEXP " + r.bind(string(raw)), nil
	}
	if r.dialect == sqldb.Postgres {
		return "(" + first + ") #>> '{}' ~ " + r.bind(pattern), nil
	}
	second, err := r.output(s, c.Ref)
	if err != nil {
		return "", err
	}
	third, err := r.output(s, c.Ref)
	if err != nil {
		return "", err
	}
	return "(CASE json_type(" + first + ") WHEN 'text' THEN json_extract(" + second + ", '$') WHEN 'null' THEN NULL ELSE " + third + " END) REGEXP " + r.bind(pattern), nil
}

func (r *renderer) regex(sql, pattern string) string {
	if r.dialect == sqldb.Postgres {
		return sql + " ~ " + r.bind(pattern)
	}
	return sql + " REGEXP " + r.bind(pattern)
}

func (r *renderer) equalJSON(sql string, v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", errs.WrapAs(errs.Malformed, err, "value")
	}
	text, err := canonical(raw)
	if err != nil {
		return "", err
	}
	if r.dialect == sqldb.Postgres {
		return "(" + sql + ") = " + r.bind(text) + "::jsonb", nil
	}
	return "(" + sql + ") = " + r.bind(text), nil
}

func (r *renderer) listHas(s *scope, c query.Compare) (string, error) {
	sql, err := r.output(s, c.Ref)
	if err != nil {
		return "", err
	}
	test := "= " + r.bind(c.Value)
	switch {
	case c.Op == query.Regex && r.dialect == sqldb.Postgres:
		test = "~ ?"
	case c.Op == query.Regex:
		test = "REGEXP ?"
	}
	if r.dialect == sqldb.Postgres {
		return "EXISTS (SELECT 1 FROM jsonb_array_elements_text(" + sql + ") AS item(value) WHERE item.value " + test + ")", nil
	}
	return "EXISTS (SELECT 1 FROM json_each(" + sql + ") AS item WHERE item.value " + test + ")", nil
}

func (r *renderer) in(s *scope, c query.In) (string, error) {
	if c.Sub == nil {
		return r.inValues(s, c)
	}
	left, err := r.keys(s, c.Refs)
	if err != nil {
		return "", err
	}
	for _, column := range c.Sub.Columns {
		if r.isAggregate(c.Sub.Entity, column) {
			return "", errs.New(errs.Unsupported, "the field '%s' of %s can only be answered, not compared with", column.Name, c.Sub.Entity.Name)
		}
	}
	sub, err := r.statement(c.Sub, c.Sub.Columns)
	return left + " IN (" + sub + ")", err
}

func (r *renderer) keys(s *scope, refs []query.Ref) (string, error) {
	parts := make([]string, len(refs))
	for i, ref := range refs {
		sql, err := r.output(s, ref)
		if err != nil {
			return "", err
		}
		parts[i] = sql
	}
	return "(" + strings.Join(parts, ", ") + ")", nil
}

// inValues writes a list of values; a long one of plain texts stays one
// parameter a value, which every database bears up to its own bound.
func (r *renderer) inValues(s *scope, c query.In) (string, error) {
	if len(c.Values) == 0 {
		return "1 = 0", nil
	}
	if len(c.Values) > 30_000 {
		return "", errs.New(errs.TooLarge, "'in' lists more than 30000 values")
	}
	if len(c.Refs) == 1 && c.Refs[0].Field.Kind == query.Text && len(c.Refs[0].Path) == 0 {
		sql, err := r.output(s, c.Refs[0])
		if err != nil {
			return "", err
		}
		for _, v := range c.Values {
			r.bind(v.([]any)[0])
		}
		return sql + " IN (" + sqldb.Marks(len(c.Values)) + ")", nil
	}
	var rows []query.Cond
	for _, v := range c.Values {
		var row []query.Cond
		for i, ref := range c.Refs {
			row = append(row, query.Compare{Ref: ref, Op: query.Equal, Value: v.([]any)[i]})
		}
		rows = append(rows, query.And{Of: row})
	}
	if len(rows) > 500 {
		return "", errs.New(errs.TooLarge, "'in' lists more than 500 rows")
	}
	return r.cond(s, query.Or{Of: rows})
}

func (r *renderer) related(s *scope, c query.Related) (string, error) {
	var left []string
	for _, name := range c.Outer {
		left = append(left, s.fields[name])
	}
	var columns []query.Column
	for _, name := range c.Inner {
		for i := range c.Sub.Entity.Fields {
			if f := &c.Sub.Entity.Fields[i]; f.Name == name {
				columns = append(columns, query.Column{Ref: query.Ref{Field: f, Text: name}, Name: name})
			}
		}
	}
	sub, err := r.statement(&query.Query{Entity: c.Sub.Entity, Where: c.Sub.Where}, columns)
	return "(" + strings.Join(left, ", ") + ") IN (" + sub + ")", err
}
