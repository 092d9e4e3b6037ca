package query

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// Bounds on a question: what is larger is refused as TooLarge.
const (
	maxText  = 4 << 20 // bytes
	maxDepth = 64      // nested operators
	maxNodes = 100_000 // values in all
	maxSub   = 20      // subqueries in subqueries; SQLite reads no more than some fifty

	maxFormat = 200 // bytes of to_string's format
)

func malformed(format string, args ...any) error {
	return errs.New(errs.Malformed, format, args...)
}

// Decode reads the JSON text of an AST question. Numbers stay json.Number.
func Decode(text string) (any, error) {
	if len(text) > maxText {
		return nil, errs.New(errs.TooLarge, "the query is larger than %d bytes", maxText)
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, malformed("Json parse error at line 1, column %d:\n\n%s\n\n%v", dec.InputOffset()+1, text, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, malformed("Json parse error at line 1, column %d:\n\n%s\n\ntext after the query", dec.InputOffset()+1, text)
	}
	return tree, nil
}

const rootForm = `Your initial query must be of the form: ["from",<entity>,(<optional-query>)]. Check your query and try again.`

// ParseRoot checks a question of the root endpoint: ["from", ENTITY, …].
func ParseRoot(tree any) (*Query, error) {
	list, ok := tree.([]any)
	if !ok || len(list) < 2 || list[0] != "from" {
		return nil, malformed(rootForm)
	}
	q, err := (&parser{}).from(list[1:])
	if err != nil {
		return nil, err
	}
	_, q.Active = q.Entity.Field("certname")
	return q, nil
}

// Parse checks a question about the entity; nil asks for everything.
func Parse(e *Entity, tree any) (*Query, error) {
	q, err := (&parser{}).query(e, tree)
	if err != nil {
		return nil, err
	}
	q.Active = e.Active
	return q, nil
}

type parser struct {
	depth, nodes, subs int
}

// enter bounds the recursion; the caller defers the result.
func (p *parser) enter() (leave func(), err error) {
	p.depth++
	p.nodes++
	if p.depth > maxDepth || p.nodes > maxNodes {
		return nil, errs.New(errs.TooLarge, "the query is nested deeper than %d or has more than %d parts", maxDepth, maxNodes)
	}
	return func() { p.depth-- }, nil
}

// descend bounds how deep subqueries lie; the caller defers the result.
func (p *parser) descend() (leave func(), err error) {
	if p.subs++; p.subs > maxSub {
		return nil, errs.New(errs.TooLarge, "the query has subqueries nested deeper than %d", maxSub)
	}
	return func() { p.subs-- }, nil
}

// from reads the arguments of ["from", ENTITY, EXPR?, PAGING…].
func (p *parser) from(args []any) (*Query, error) {
	name, _ := args[0].(string)
	e, ok := Named(name)
	if !ok || e.Name != name {
		return nil, malformed("Invalid entity '%v' in query", args[0])
	}
	var body any
	rest := args[1:]
	if len(rest) > 0 && !isPaging(rest[0]) {
		body, rest = rest[0], rest[1:]
	}
	q, err := p.query(e, body)
	if err != nil {
		return nil, err
	}
	seen := map[any]bool{}
	for _, clause := range rest {
		if err := p.paging(q, clause); err != nil {
			return nil, err
		}
		word := clause.([]any)[0]
		if seen[word] {
			return nil, malformed("Multiple '%s' clauses are not permitted", word)
		}
		seen[word] = true
	}
	return q, nil
}

func isPaging(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) > 0 && slices.Contains([]any{"order_by", "limit", "offset"}, list[0])
}

func (p *parser) paging(q *Query, clause any) error {
	if !isPaging(clause) {
		return malformed(rootForm)
	}
	list := clause.([]any)
	if len(list) != 2 {
		return malformed("'%v' takes one argument", list[0])
	}
	switch list[0] {
	case "limit":
		n, err := PositiveLimit(fmt.Sprint(list[1]))
		q.Limit = n
		return err
	case "offset":
		n, err := Offset(fmt.Sprint(list[1]))
		q.Offset = n
		return err
	}
	keys, ok := list[1].([]any)
	if !ok {
		return malformed("Illegal value '%v' for :order_by; expected an array of maps.", list[1])
	}
	for _, k := range keys {
		pair, ok := k.([]any)
		if !ok {
			pair = []any{k}
		}
		name, _ := pair[0].(string)
		desc := false
		if len(pair) > 1 {
			direction, _ := pair[1].(string)
			var err error
			if desc, err = descending(direction); err != nil {
				return err
			}
		}
		if err := q.order(name, desc); err != nil {
			return err
		}
	}
	return nil
}

func descending(word string) (desc bool, err error) {
	switch strings.ToLower(word) {
	case "asc", "":
		return false, nil
	case "desc":
		return true, nil
	}
	return false, malformed("Illegal value '%s' in :order_by; 'order' must be either 'asc' or 'desc'", word)
}

// query reads EXPR or ["extract", COLUMNS, EXPR?, ["group_by", …]?].
func (p *parser) query(e *Entity, tree any) (*Query, error) {
	q := &Query{Entity: e}
	if tree == nil {
		return q, nil
	}
	list, ok := tree.([]any)
	if !ok {
		return nil, malformed("%s is not a query; it must be an array", show(tree))
	}
	if len(list) > 0 && list[0] == "extract" {
		return q, p.extract(q, list[1:])
	}
	where, err := p.cond(e, tree)
	q.Where = where
	return q, err
}

func (p *parser) extract(q *Query, args []any) error {
	if len(args) == 0 {
		return malformed("'extract' takes the fields to extract and a query")
	}
	columns, ok := args[0].([]any)
	if !ok || isFunction(args[0]) {
		columns = []any{args[0]}
	}
	for _, c := range columns {
		column, err := p.column(q.Entity, c)
		if err != nil {
			return err
		}
		q.Columns = append(q.Columns, column)
	}
	for _, arg := range args[1:] {
		if list, ok := arg.([]any); ok && len(list) > 0 && list[0] == "group_by" {
			if err := p.groupBy(q, list[1:]); err != nil {
				return err
			}
			continue
		}
		if arg == nil {
			continue
		}
		if q.Where != nil {
			return malformed("'extract' takes one query, %s is a second", show(arg))
		}
		where, err := p.cond(q.Entity, arg)
		if err != nil {
			return err
		}
		q.Where = where
	}
	return q.grouped()
}

func isFunction(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) > 1 && list[0] == "function"
}

var functions = []string{"count", "avg", "sum", "min", "max", "to_string", "jsonb_typeof"}

func (p *parser) column(e *Entity, v any) (Column, error) {
	if !isFunction(v) {
		ref, err := p.extractable(e, v)
		return Column{Ref: ref, Name: ref.Text}, err
	}
	list := v.([]any)
	name, _ := list[1].(string)
	if !slices.Contains(functions, name) {
		return Column{}, malformed("'%v' is not a function; known are %s", list[1], quoteList(functions))
	}
	c := Column{Function: name, Name: name}
	if len(list) > 2 {
		ref, err := p.extractable(e, list[2])
		if err != nil {
			return c, err
		}
		c.Ref = ref
	} else if name != "count" {
		return c, malformed("the function '%s' needs a field", name)
	}
	if len(list) > 3 {
		c.Argument, _ = list[3].(string)
	}
	if len(c.Argument) > maxFormat {
		return c, errs.New(errs.TooLarge, "the format of '%s' is longer than %d bytes", name, maxFormat)
	}
	return c, checkFunction(c)
}

func checkFunction(c Column) error {
	if c.Ref.Field == nil {
		return nil
	}
	kind := c.Ref.Field.Kind
	switch c.Function {
	case "min", "max":
		if kind == Bool {
			return malformed("the function '%s' needs something that is ordered, '%s' is true or false", c.Function, c.Ref.Text)
		}
	case "avg", "sum":
		if kind != Number && kind != Value && len(c.Ref.Path) == 0 {
			return malformed("the function '%s' needs a number, '%s' is none", c.Function, c.Ref.Text)
		}
	case "to_string":
		if c.Argument == "" {
			return malformed("the function 'to_string' needs a format")
		}
	}
	return nil
}

func (p *parser) groupBy(q *Query, names []any) error {
	if len(names) == 0 {
		return malformed("'group_by' takes the fields to group by")
	}
	for _, n := range names {
		key, err := p.column(q.Entity, n)
		if err != nil {
			return err
		}
		if key.Aggregates() {
			return malformed("%s cannot be grouped by; aggregate functions are not allowed there", show(n))
		}
		q.GroupBy = append(q.GroupBy, key)
	}
	return nil
}

// grouped holds that what is answered of a group is the same for the whole of it.
func (q *Query) grouped() error {
	if !slices.ContainsFunc(q.Columns, Column.Aggregates) && len(q.GroupBy) == 0 {
		return nil
	}
	for _, c := range q.Columns {
		if !c.Aggregates() && !slices.ContainsFunc(q.GroupBy, c.Same) {
			return malformed("column \"%s\" must appear in the group_by clause or be used in an aggregate function", c.Ref.Text)
		}
	}
	return nil
}

// extractable resolves a field of an answer.
func (p *parser) extractable(e *Entity, v any) (Ref, error) {
	name, ok := v.(string)
	if !ok {
		return Ref{}, malformed("Can't extract %s from %s", show(v), e.Name)
	}
	if f, ok := e.Field(name); ok && !f.QueryOnly {
		return Ref{Field: f, Text: name}, nil
	}
	if ref, ok, err := dotted(e, name); ok || err != nil {
		return ref, err
	}
	return Ref{}, e.unextractable(name)
}

// queryable resolves a field of a condition.
func (p *parser) queryable(e *Entity, v any) (Ref, error) {
	switch v := v.(type) {
	case string:
		if f, ok := e.Field(v); ok && !f.AnswerOnly {
			return Ref{Field: f, Text: v}, nil
		}
		if ref, ok, err := dotted(e, v); ok || err != nil {
			return ref, err
		}
		return Ref{}, e.unqueryable(v)
	case []any:
		if len(v) == 2 {
			kind, _ := v[0].(string)
			name, ok := v[1].(string)
			if ok && slices.Contains(e.Keyed, kind) {
				return keyed(e, kind, name), nil
			}
		}
	}
	return Ref{}, e.unqueryable(show(v))
}

func keyed(e *Entity, kind, name string) Ref {
	if kind == "fact" {
		return Ref{Field: &Field{Name: "fact", Kind: Value}, Fact: name, Text: name}
	}
	f, _ := e.Field("parameters")
	return Ref{Field: f, Path: []Step{{Key: name}}, Keyed: true, Text: name}
}

func show(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil || len(b) > 200 {
		return "the value"
	}
	return string(b)
}
