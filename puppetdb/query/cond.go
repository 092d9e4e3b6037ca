package query

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// cond reads one condition about e.
func (p *parser) cond(e *Entity, tree any) (Cond, error) {
	leave, err := p.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	list, ok := tree.([]any)
	if !ok || len(list) == 0 {
		return nil, malformed("%s is not well-formed: it must be an operator with its arguments", show(tree))
	}
	op, ok := list[0].(string)
	if !ok {
		return nil, malformed("%s is not well-formed: it must begin with an operator", show(tree))
	}
	args := list[1:]
	switch op {
	case "and", "or":
		return p.junction(e, op, args)
	case "not":
		if len(args) != 1 {
			return nil, malformed("'not' takes exactly one argument, but %d were supplied", len(args))
		}
		inner, err := p.cond(e, args[0])
		return Not{Of: inner}, err
	case "=", "<", ">", "<=", ">=", "~":
		return p.compare(e, Op(op), args)
	case "!=", "!~":
		inner, err := p.compare(e, Op(op[1:]), args)
		return Not{Of: inner}, err
	case "~>":
		return p.matchPath(e, args)
	case "null?":
		return p.null(e, args)
	case "in":
		return p.in(e, args)
	case "subquery":
		return p.related(e, args)
	}
	return nil, malformed("%s is not well-formed: query operator '%s' is unknown", show(tree), op)
}

func (p *parser) junction(e *Entity, op string, args []any) (Cond, error) {
	if len(args) == 0 {
		return nil, malformed("'%s' takes at least one argument, but none were supplied", op)
	}
	conds := make([]Cond, len(args))
	for i, a := range args {
		c, err := p.cond(e, a)
		if err != nil {
			return nil, err
		}
		conds[i] = c
	}
	if op == "and" {
		return And{Of: conds}, nil
	}
	return Or{Of: conds}, nil
}

func (p *parser) compare(e *Entity, op Op, args []any) (Cond, error) {
	if len(args) != 2 {
		return nil, malformed("%s requires exactly two arguments", op)
	}
	if state, ok, err := nodeState(e, op, args); ok || err != nil {
		return state, err
	}
	ref, err := p.queryable(e, args[0])
	if err != nil {
		return nil, err
	}
	if args[1] == nil && op == Equal {
		return Null{Ref: ref, Is: true}, nil
	}
	if op == Regex {
		return regex(ref, args[1])
	}
	value, err := p.value(ref, op, args[1])
	if err != nil {
		return nil, err
	}
	return Compare{Ref: ref, Op: op, Value: value}, nil
}

// nodeState reads ["=", "node_state", "inactive"] and ["=", ["node", "active"], true].
func nodeState(e *Entity, op Op, args []any) (Cond, bool, error) {
	if list, ok := args[0].([]any); ok && len(list) == 2 && list[0] == "node" && list[1] == "active" {
		active, ok := args[1].(bool)
		if !ok || op != Equal {
			return nil, true, malformed(`["node", "active"] is compared with true or false`)
		}
		if active {
			return State{Want: "active"}, true, nil
		}
		return State{Want: "inactive"}, true, nil
	}
	if _, ofNode := e.Field("certname"); args[0] != "node_state" || !ofNode {
		return nil, false, nil
	}
	want, _ := args[1].(string)
	if op != Equal || !slices.Contains([]string{"active", "inactive", "any"}, want) {
		return nil, true, malformed("node_state is one of 'active', 'inactive', and 'any', not '%s'", show(args[1]))
	}
	return State{Want: want}, true, nil
}

func regex(ref Ref, v any) (Cond, error) {
	pattern, ok := v.(string)
	if !ok {
		return nil, malformed("Argument %s and operator \"~\" have incompatible types.", show(v))
	}
	switch ref.Field.Kind {
	case Text, Value, List, Object, EncodedPath:
	default:
		return nil, malformed("Query operator ~ is not allowed on field %s", ref.Text)
	}
	if err := checkRegex(pattern); err != nil {
		return nil, err
	}
	return Compare{Ref: ref, Op: Regex, Value: pattern}, nil
}

// checkRegex refuses what no engine behind the storages could run.
func checkRegex(pattern string) error {
	if len(pattern) > 10_000 {
		return errs.New(errs.TooLarge, "the regular expression is longer than 10000 bytes")
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return malformed("invalid regular expression %q: %v", pattern, err)
	}
	return nil
}

// value checks the right side of a comparison against the field's kind.
func (p *parser) value(ref Ref, op Op, v any) (any, error) {
	ordered := op != Equal
	kind := ref.Field.Kind
	if len(ref.Path) > 0 {
		kind = Value
	}
	switch kind {
	case Text, List:
		if ordered {
			return nil, malformed("Query operators >,>=,<,<= are not allowed on field %s", ref.Text)
		}
		s, ok := v.(string)
		if !ok {
			return nil, malformed("the field %s holds text; %s is none", ref.Text, show(v))
		}
		if kind == List {
			s = strings.ToLower(s)
		}
		return s, nil
	case Number:
		return p.number(op, v)
	case Bool:
		b, ok := v.(bool)
		if !ok || ordered {
			return nil, malformed("the field %s holds true or false; %s is neither", ref.Text, show(v))
		}
		return b, nil
	case Time:
		return parseTime(v)
	case Value:
		if ordered && ref.Field.Filled {
			return nil, malformed("Query operators >,>=,<,<= are not allowed on field %s", ref.Text)
		}
		if text, ok := v.(string); ok && ordered && len(ref.Path) > 0 && !ref.Keyed {
			return text, nil
		}
		if ordered {
			return orderedValue(op, v)
		}
		return plain(v), nil
	case Path, EncodedPath:
		if list, ok := v.([]any); ok && !ordered {
			return plain(list), nil
		}
	}
	return nil, malformed("the field %s cannot be compared with %s", ref.Text, show(v))
}

func (p *parser) number(op Op, v any) (any, error) {
	text := ""
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	n := json.Number(text)
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	if f, err := n.Float64(); err == nil {
		return f, nil
	}
	b, _ := json.Marshal(v)
	return nil, malformed("Argument %s and operator %q have incompatible types.", b, string(op))
}

func orderedValue(op Op, v any) (any, error) {
	if n, ok := v.(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			return f, nil
		}
	}
	return nil, malformed("Operator '%s' not allowed on value '%s'", op, show(v))
}

// plain turns json.Number into int64 or float64, all the way down.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[k] = plain(v[k])
		}
		return m
	}
	return v
}

var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02",
	"2006-01-02T15", "2006-01", "2006", "20060102", "20060102T150405.000Z07:00", "20060102T150405Z07:00",
}

// parseTime reads a text, or a number of milliseconds since 1970.
func parseTime(v any) (time.Time, error) {
	if n, ok := v.(json.Number); ok {
		if ms, err := n.Int64(); err == nil {
			return time.UnixMilli(ms).UTC(), nil
		}
	}
	s, _ := v.(string)
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, malformed("'%s' is not a valid timestamp value", show(v))
}

func (p *parser) matchPath(e *Entity, args []any) (Cond, error) {
	if len(args) != 2 {
		return nil, malformed("~> requires exactly two arguments")
	}
	ref, err := p.queryable(e, args[0])
	if err != nil {
		return nil, err
	}
	list, ok := args[1].([]any)
	if kind := ref.Field.Kind; kind != Path && kind != EncodedPath {
		return nil, malformed("Query operator ~> is not allowed on field %s", ref.Text)
	}
	if !ok || len(list) == 0 || len(list) > maxDepth {
		return nil, malformed("~> compares a path with a list of regular expressions; %s is none", show(args[1]))
	}
	patterns := make([]any, len(list))
	for i, v := range list {
		switch v := plain(v).(type) {
		case string:
			if err := checkRegex(v); err != nil {
				return nil, err
			}
			patterns[i] = v
		case int64:
			patterns[i] = v
		default:
			return nil, malformed("a path has texts and integers; %s is neither", show(v))
		}
	}
	return MatchPath{Ref: ref, Patterns: patterns, Whole: ref.Field.Kind == EncodedPath}, nil
}

func (p *parser) null(e *Entity, args []any) (Cond, error) {
	if len(args) != 2 {
		return nil, malformed("null? requires exactly two arguments")
	}
	is, ok := args[1].(bool)
	if !ok {
		return nil, malformed("null? takes true or false, not %s", show(args[1]))
	}
	ref, err := p.queryable(e, args[0])
	return Null{Ref: ref, Is: is}, err
}

// in reads ["in", FIELDS, ["array", VALUES] | ["extract", …] | ["from", …]].
func (p *parser) in(e *Entity, args []any) (Cond, error) {
	if len(args) != 2 {
		return nil, malformed("in requires exactly two arguments")
	}
	names, many := args[0].([]any)
	if !many || (len(names) == 2 && slices.Contains(e.Keyed, fmtString(names[0]))) {
		names, many = []any{args[0]}, false
	}
	var c In
	for _, n := range names {
		ref, err := p.queryable(e, n)
		if err != nil {
			return nil, err
		}
		c.Refs = append(c.Refs, ref)
	}
	source, ok := args[1].([]any)
	if !ok || len(source) < 2 {
		return nil, malformed("'in' takes an array or a subquery, not %s", show(args[1]))
	}
	if source[0] == "array" {
		return p.inArray(c, source[1], many)
	}
	sub, err := p.sub(source)
	if err != nil {
		return nil, err
	}
	if len(sub.Columns) < len(c.Refs) {
		return nil, malformed("'in' compares %d fields with a subquery of %d", len(c.Refs), len(sub.Columns))
	}
	sub.Columns = sub.Columns[:len(c.Refs)] // as PuppetDB, which leaves the rest aside
	c.Sub = sub
	return c, nil
}

func fmtString(v any) string {
	s, _ := v.(string)
	return s
}

func (p *parser) inArray(c In, v any, many bool) (Cond, error) {
	values, ok := v.([]any)
	if !ok {
		return nil, malformed("'array' takes a list, not %s", show(v))
	}
	if p.nodes += len(values); p.nodes > maxNodes {
		return nil, errs.New(errs.TooLarge, "the query has more than %d parts", maxNodes)
	}
	for _, v := range values {
		row := []any{v}
		if list, ok := v.([]any); ok && many {
			row = list
		}
		if len(row) != len(c.Refs) {
			return nil, malformed("'in' compares %d fields with %s", len(c.Refs), show(v))
		}
		checked := make([]any, len(row))
		for i := range row {
			value, err := p.value(c.Refs[i], Equal, row[i])
			if err != nil && c.Refs[i].Field.Kind == Time {
				value, err = time.UnixMilli(math.MinInt64).UTC(), nil // no time, which no row has
			}
			if err != nil {
				return nil, err
			}
			checked[i] = value
		}
		c.Values = append(c.Values, checked)
	}
	return c, nil
}

// sub reads the subquery of an `in`: ["extract", COLUMNS, ["select_ENTITY", EXPR]]
// or ["from", ENTITY, …].
func (p *parser) sub(list []any) (*Query, error) {
	leave, err := p.descend()
	if err != nil {
		return nil, err
	}
	defer leave()
	switch list[0] {
	case "from":
		return p.from(list[1:])
	case "extract":
		if len(list) < 3 {
			return nil, malformed("'extract' takes the fields to extract and a query")
		}
		inner, ok := list[2].([]any)
		if !ok || len(inner) == 0 {
			return nil, malformed("%s is not a subquery", show(list[2]))
		}
		word, _ := inner[0].(string)
		name, ok := strings.CutPrefix(word, "select_")
		entity, known := Named(name)
		if !ok || !known {
			return nil, malformed("Unsupported subquery `%s`", word)
		}
		args := []any{list[1]}
		if len(inner) > 1 {
			args = append(args, inner[1])
		}
		q := &Query{Entity: entity}
		return q, p.extract(q, args)
	}
	return nil, malformed("%s is not a subquery", show(list))
}

// related reads ["subquery", ENTITY, EXPR].
func (p *parser) related(e *Entity, args []any) (Cond, error) {
	if len(args) == 0 || len(args) > 2 {
		return nil, malformed("'subquery' takes an entity and a query")
	}
	name, _ := args[0].(string)
	inner, ok := Named(name)
	if !ok {
		return nil, malformed("No implicit relationship for entity '%s'", show(args[0]))
	}
	outerFields, innerFields, err := Relate(e, inner)
	if err != nil {
		return nil, err
	}
	var body any
	if len(args) == 2 {
		body = args[1]
	}
	leave, err := p.descend()
	if err != nil {
		return nil, err
	}
	defer leave()
	sub, err := p.query(inner, body)
	return Related{Outer: outerFields, Inner: innerFields, Sub: sub}, err
}
