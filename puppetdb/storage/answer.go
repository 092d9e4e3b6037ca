package storage

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb/query"
)

// timeFormat is how top-level times are answered.
const timeFormat = "2006-01-02T15:04:05.000Z"

// Columns tells which columns the question is answered with.
func Columns(q *query.Query) []query.Column {
	if len(q.Columns) > 0 {
		return q.Columns
	}
	var columns []query.Column
	for i := range q.Entity.Fields {
		if f := &q.Entity.Fields[i]; !f.QueryOnly && !f.Quiet {
			columns = append(columns, query.Column{Ref: query.Ref{Field: f, Text: f.Name}, Name: f.Name})
		}
	}
	return columns
}

// Count tells how many rows the question has without limit and offset.
func (s *Store) Count(ctx context.Context, q *query.Query) (int64, error) {
	r := &renderer{dialect: s.db.Dialect(), relations: relations(s.db.Dialect())}
	text, err := "", error(nil)
	if q.Counts != nil && !q.Counts.Aggregate {
		if text, err = r.counted(q, q.Counts.SummarizeBy[0]); err == nil {
			text += "SELECT count(*) FROM counted"
		}
	} else {
		text, err = r.count(q)
	}
	if err != nil {
		return 0, err
	}
	var n int64
	return n, refine(s.db.QueryRow(ctx, text, r.args, &n))
}

// Each calls row for every row of the answer, as one JSON object in the order of
// Columns. Rows are streamed: memory does not grow with their number.
func (s *Store) Each(ctx context.Context, q *query.Query, row func(object []byte) error) error {
	switch {
	case q.Explain:
		return s.explain(ctx, q, row)
	case q.Counts != nil:
		return s.eachCount(ctx, q, row)
	}
	columns := Columns(q)
	r := &renderer{dialect: s.db.Dialect(), relations: relations(s.db.Dialect())}
	text, err := r.statement(q, columns)
	if err != nil {
		return err
	}
	enc := newEncoder(columns, func(c query.Column) bool { return r.isAggregate(q.Entity, c) })
	rows, err := s.db.Query(ctx, text, r.args...)
	return refine(sqldb.Each(rows, err, func(rows *sql.Rows) error {
		object, err := enc.encode(rows)
		if err != nil {
			return err
		}
		return row(object)
	}))
}

// Write streams the answer as a JSON array.
func (s *Store) Write(ctx context.Context, w io.Writer, q *query.Query) error {
	b := bufio.NewWriterSize(w, 32<<10)
	_, _ = b.WriteString("[")
	first := true
	err := s.Each(ctx, q, func(object []byte) error {
		if !first {
			_ = b.WriteByte(',')
		}
		first = false
		_, err := b.Write(object)
		return err
	})
	if err != nil {
		return err
	}
	_, _ = b.WriteString("]")
	return b.Flush()
}

// refine turns what only the database finds wrong with a question into the
// caller's mistake: a regular expression that it cannot read, values of types
// that do not compare, a column neither grouped by nor counted.
func refine(err error) error {
	if err == nil || !errs.Is(err, errs.Internal) {
		return err
	}
	switch code, text := sqldb.PostgresCode(err); code {
	case "2201B", "42883", "42804", "42803":
		return errs.New(errs.Malformed, "%s", text)
	}
	return err
}

// An encoder turns scanned rows into JSON objects.
type encoder struct {
	columns    []query.Column
	aggregates []bool
	values     []any // scan targets, aggregates take two
	keys       [][]byte
	buf        []byte
}

func newEncoder(columns []query.Column, aggregate func(query.Column) bool) *encoder {
	e := &encoder{columns: columns}
	for _, c := range columns {
		key, err := json.Marshal(c.Name)
		if err != nil {
			key = []byte(`""`) // a string always encodes
		}
		e.keys = append(e.keys, append(key, ':'))
		e.values = append(e.values, new(any))
		e.aggregates = append(e.aggregates, aggregate(c))
		if aggregate(c) {
			e.values = append(e.values, new(any))
		}
	}
	return e
}

// isAggregate tells the fields that relation.go writes with listData.
func (r *renderer) isAggregate(e *query.Entity, c query.Column) bool {
	f := c.Ref.Field
	return f != nil && c.Function == "" && len(c.Ref.Path) == 0 &&
		strings.HasPrefix(r.relations[e.Name].fields[f.Name], aggregatePrefix)
}

func (e *encoder) encode(rows *sql.Rows) ([]byte, error) {
	if err := rows.Scan(e.values...); err != nil {
		return nil, err
	}
	e.buf = append(e.buf[:0], '{')
	next := 0
	for i, c := range e.columns {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(e.buf, e.keys[i]...)
		value := *e.values[next].(*any)
		next++
		if !e.aggregates[i] {
			if err := e.value(c, value); err != nil {
				return nil, err
			}
			continue
		}
		e.buf = append(e.buf, `{"data":`...)
		e.raw(value)
		e.buf = append(e.buf, `,"href":`...)
		if err := e.text(*e.values[next].(*any)); err != nil {
			return nil, err
		}
		next++
		e.buf = append(e.buf, '}')
	}
	return append(e.buf, '}'), nil
}

// value writes one column's value by its kind.
func (e *encoder) value(c query.Column, v any) error {
	if v == nil {
		e.buf = append(e.buf, "null"...)
		return nil
	}
	switch kindOf(c) {
	case query.Time:
		if n, ok := v.(int64); ok {
			e.buf = append(e.buf, '"')
			e.buf = time.UnixMilli(n).UTC().AppendFormat(e.buf, timeFormat)
			e.buf = append(e.buf, '"')
			return nil
		}
	case query.Bool:
		switch b := v.(type) {
		case bool:
			e.buf = strconv.AppendBool(e.buf, b)
			return nil
		case int64:
			e.buf = strconv.AppendBool(e.buf, b != 0)
			return nil
		}
	case query.Number:
		return e.number(v)
	case query.Value, query.Object, query.List, query.Path, query.EncodedPath:
		e.raw(v)
		return nil
	}
	return e.text(v)
}

func kindOf(c query.Column) query.Kind {
	switch c.Function {
	case "count", "avg", "sum":
		return query.Number
	case "min", "max":
		if isValue(c.Ref) {
			return query.Number
		}
	case "to_string", "jsonb_typeof":
		return query.Text
	}
	if len(c.Ref.Path) > 0 {
		return query.Value
	}
	return c.Ref.Field.Kind
}

func (e *encoder) number(v any) error {
	switch n := v.(type) {
	case int64:
		e.buf = strconv.AppendInt(e.buf, n, 10)
	case float64:
		b, err := json.Marshal(n)
		if err != nil {
			return err
		}
		e.buf = append(e.buf, b...)
	default:
		e.raw(v) // PostgreSQL's numeric comes as text
	}
	return nil
}

func (e *encoder) raw(v any) {
	switch v := v.(type) {
	case string:
		e.buf = append(e.buf, v...)
	case []byte:
		e.buf = append(e.buf, v...)
	case nil:
		e.buf = append(e.buf, "null"...)
	}
}

func (e *encoder) text(v any) error {
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	b, err := marshal(v)
	e.buf = append(e.buf, b...)
	return err
}
