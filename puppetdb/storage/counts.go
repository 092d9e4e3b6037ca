package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb/query"
)

// lastOnly keeps the last event of each property of a resource of a node.
func (r *renderer) lastOnly(s *scope, span query.Span) string {
	key := func(n string) string {
		return "r" + n + ".node_id, e" + n + ".resource_type, e" + n + ".resource_title, coalesce(e" + n + ".property || '=', ''), coalesce(e" + n + ".name || '=', '')"
	}
	outer := s.alias()
	r.aliases++
	inner := (&scope{number: r.aliases}).alias()
	return "(" + key(outer) + ", e" + outer + ".timestamp) IN (SELECT " + key(inner) + ", max(e" + inner + ".timestamp) FROM events e" + inner +
		" JOIN reports r" + inner + " ON r" + inner + ".id = e" + inner + ".report_id WHERE e" + inner + ".timestamp >= " + r.bind(millis(span.Start)) +
		" AND e" + inner + ".timestamp <= " + r.bind(millis(span.End)) + " GROUP BY " + key(inner) + ")"
}

// counted writes the tables that counts are read from: "counted" has a row for
// each subject, with what it is (a, b) and its numbers.
func (r *renderer) counted(q *query.Query, by string) (string, error) {
	subject := query.Subject(by)
	var columns []query.Column
	for _, name := range slices.Concat([]string{"status", "certname"}, subject) {
		f, ok := q.Entity.Field(name)
		if !ok {
			return "", errs.New(errs.Internal, "events have no %s", name)
		}
		columns = append(columns, query.Column{Ref: query.Ref{Field: f, Text: name}, Name: name})
	}
	events := *q
	events.Columns, events.Paging = columns, query.Paging{}
	text, err := r.statement(&events, columns)
	if err != nil {
		return "", err
	}
	names := strings.Join([]string{"a", "b"}[:len(subject)], ", ")
	from := "found"
	if q.Counts.ByNode {
		from = "(SELECT DISTINCT status, certname, " + names + " FROM found) AS once"
	}
	sums := ""
	for i, status := range []string{"failure", "skipped", "success", "noop"} {
		sums += ", sum(CASE WHEN status = '" + status + "' THEN 1 ELSE 0 END) AS " + query.CountFields()[i]
	}
	where := ""
	if f := q.Counts.Filter; f != nil {
		where = " WHERE " + f.Field + " " + string(f.Op) + " CAST(" + r.bind(f.Value) + " AS double precision)"
	}
	return "WITH found (status, certname, " + names + ") AS (" + text + "), summed AS (SELECT " + names + sums + " FROM " + from + " GROUP BY " + names +
		"), counted AS (SELECT * FROM summed" + where + ") ", nil
}

// eachCount calls row with every subject's counts, or with every summary.
func (s *Store) eachCount(ctx context.Context, q *query.Query, row func(object []byte) error) error {
	if !q.Counts.Aggregate {
		r := &renderer{dialect: s.db.Dialect(), relations: relations(s.db.Dialect())}
		text, err := r.counts(q)
		if err != nil {
			return err
		}
		rows, err := s.db.Query(ctx, text, r.args...)
		return refine(sqldb.Each(rows, err, func(rows *sql.Rows) error { return countRow(q.Counts.SummarizeBy[0], rows, row) }))
	}
	for _, by := range q.Counts.SummarizeBy {
		r := &renderer{dialect: s.db.Dialect(), relations: relations(s.db.Dialect())}
		text, err := r.counted(q, by)
		if err != nil {
			return err
		}
		for _, name := range query.CountFields() {
			text += map[bool]string{true: "SELECT ", false: ", "}[name == query.CountFields()[0]] + "coalesce(sum(CASE WHEN " + name + " > 0 THEN 1 ELSE 0 END), 0)"
		}
		var a struct {
			By        string `json:"summarize_by"`
			Failures  int64  `json:"failures"`
			Skips     int64  `json:"skips"`
			Successes int64  `json:"successes"`
			Noops     int64  `json:"noops"`
			Total     int64  `json:"total"`
		}
		a.By = by
		if err := s.db.QueryRow(ctx, text+", count(*) FROM counted", r.args, &a.Failures, &a.Skips, &a.Successes, &a.Noops, &a.Total); err != nil {
			return refine(err)
		}
		object, err := json.Marshal(a)
		if err != nil {
			return errs.WrapAs(errs.Internal, err, "encode")
		}
		if err := row(object); err != nil {
			return err
		}
	}
	return nil
}

// counts writes the statement that answers counts, with its paging.
func (r *renderer) counts(q *query.Query) (string, error) {
	text, err := r.counted(q, q.Counts.SummarizeBy[0])
	if err != nil {
		return "", err
	}
	subject := query.Subject(q.Counts.SummarizeBy[0])
	names := []string{"a", "b"}[:len(subject)]
	text += "SELECT " + strings.Join(query.CountFields(), ", ") + ", " + strings.Join(names, ", ") + " FROM counted"
	var keys []string
	for _, o := range q.OrderBy {
		key := o.Ref.Text
		if i := slices.Index(subject, key); i >= 0 {
			key = names[i]
		}
		keys = append(keys, key+direction(o.Desc))
	}
	if len(keys) > 0 {
		text += " ORDER BY " + strings.Join(keys, ", ")
	}
	return text + r.limits(q.Paging), r.bounded()
}

func countRow(by string, rows *sql.Rows, row func(object []byte) error) error {
	var a struct {
		Failures    int64              `json:"failures"`
		Skips       int64              `json:"skips"`
		Successes   int64              `json:"successes"`
		Noops       int64              `json:"noops"`
		SubjectType string             `json:"subject_type"`
		Subject     map[string]*string `json:"subject"`
	}
	a.SubjectType, a.Subject = by, map[string]*string{}
	into := []any{&a.Failures, &a.Skips, &a.Successes, &a.Noops}
	var kind, title *string
	if by == "resource" {
		into = append(into, &kind)
	}
	if err := rows.Scan(append(into, &title)...); err != nil {
		return err
	}
	a.Subject["title"] = title
	if by == "resource" {
		a.Subject["type"] = kind
	}
	object, err := marshal(a)
	if err != nil {
		return err
	}
	return row(object)
}

// explain writes how the database finds the answer.
func (s *Store) explain(ctx context.Context, q *query.Query, row func(object []byte) error) error {
	r := &renderer{dialect: s.db.Dialect(), relations: relations(s.db.Dialect())}
	text, err := "", error(nil)
	switch {
	case q.Counts != nil && q.Counts.Aggregate:
		return errs.New(errs.Unsupported, "aggregate counts are several queries, which are not explained")
	case q.Counts != nil:
		text, err = r.counts(q)
	default:
		text, err = r.statement(q, Columns(q))
	}
	if err != nil {
		return err
	}
	var plan json.RawMessage
	if r.dialect == sqldb.Postgres {
		err = s.db.QueryRow(ctx, "EXPLAIN (ANALYZE, VERBOSE, BUFFERS, FORMAT JSON) "+text, r.args, &plan)
	} else {
		var steps []string
		rows, queryErr := s.db.Query(ctx, "EXPLAIN QUERY PLAN "+text, r.args...)
		err = sqldb.Each(rows, queryErr, func(rows *sql.Rows) error {
			var id, parent, unused int64
			var detail string
			err := rows.Scan(&id, &parent, &unused, &detail)
			steps = append(steps, detail)
			return err
		})
		if err == nil {
			plan, err = marshal(steps)
		}
	}
	if err != nil {
		return refine(err)
	}
	object, err := marshal(map[string]json.RawMessage{"query plan": plan})
	if err != nil {
		return err
	}
	return row(object)
}
