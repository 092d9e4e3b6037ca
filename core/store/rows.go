package store

import (
	"context"
	"database/sql"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// chunk bounds how many ids go into one IN list.
const chunk = 500

func quote(identifier string) string { return `"` + identifier + `"` }

// bound turns a value into what the driver gets.
func (c *conn) bound(v any) any {
	switch v := v.(type) {
	case time.Time:
		if c.tx.Dialect() == sqldb.SQLite {
			return v.UTC().Format(noun.TimeLayout)
		}
	case string:
		// Databases differ in what they do with NUL and broken UTF-8; no row has either.
		return strings.ToValidUTF8(strings.ReplaceAll(v, "\x00", "\ufffd"), "\ufffd")
	}
	return v
}

// Select gives records with their own columns.
func (c *conn) Select(ctx context.Context, n *noun.Any, s noun.Selection, fields []*noun.Field) ([]any, error) {
	if s.Scope.Nothing() {
		return nil, nil
	}
	if fields == nil {
		fields = n.Columns()
	}
	b, err := c.selecting(n, s, fields)
	if err != nil {
		return nil, err
	}
	var recs []any
	dest := make([]any, len(fields))
	rows, err := c.tx.Query(ctx, b.sql.String(), b.args...)
	err = sqldb.Each(rows, err, func(rows *sql.Rows) error {
		rec := n.New()
		for i, f := range fields {
			dest[i] = f.Dest(rec)
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		recs = append(recs, rec)
		return c.unseal(rec, fields)
	})
	return recs, err
}

// selecting writes the SELECT of some columns.
func (c *conn) selecting(n *noun.Any, s noun.Selection, fields []*noun.Field) (*builder, error) {
	b := c.builder(n)
	b.text("SELECT ")
	for i, f := range fields {
		if i > 0 {
			b.text(", ")
		}
		b.column(b.root, f)
	}
	if err := b.from(s); err != nil {
		return nil, err
	}
	if err := b.order(s.Order); err != nil {
		return nil, err
	}
	b.page(s)
	return b, nil
}

// Explain tells how the database would find the rows of a selection, reading no
// table in sequence if it can help it.
func (s *Store) Explain(ctx context.Context, n *noun.Any, sel noun.Selection) (string, error) {
	var plan strings.Builder
	err := s.db.Snapshot(ctx, func(tx *sqldb.Tx) error {
		b, err := s.conn(tx).selecting(n, sel, n.Columns())
		if err != nil {
			return err
		}
		explain := "EXPLAIN QUERY PLAN "
		if tx.Dialect() == sqldb.Postgres {
			explain = "EXPLAIN "
			if _, err := tx.Exec(ctx, "SET LOCAL enable_seqscan = off"); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, explain+b.sql.String(), b.args...)
		return sqldb.Each(rows, err, func(rows *sql.Rows) error {
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			texts, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
			for i := range texts {
				dest[i] = &texts[i]
			}
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			plan.WriteString(texts[len(texts)-1].String + "\n")
			return nil
		})
	})
	return plan.String(), err
}

// unseal opens the record's secrets.
func (c *conn) unseal(rec any, fields []*noun.Field) error {
	for _, f := range fields {
		if f.Kind() != noun.SecretKind {
			continue
		}
		s, ok := f.Value(rec).(noun.Secret)
		if !ok {
			continue
		}
		if c.sealer == nil {
			return errs.New(errs.Internal, "a secret cannot be read without the key")
		}
		plain, err := c.sealer.Open(s.Reveal())
		if err != nil {
			return errs.WrapAs(errs.Internal, err, "open the secret %s of %s %d", f.Name(), f.Owner().Name(), f.Owner().ID(rec))
		}
		f.SetSecret(rec, plain)
	}
	return nil
}

// bind is what a field's column gets.
func (c *conn) bind(f *noun.Field, rec any) (any, error) {
	v, err := f.Bind(rec)
	if err != nil {
		return nil, err
	}
	if s, ok := v.(noun.Secret); ok {
		if c.sealer == nil {
			return nil, errs.New(errs.Internal, "a secret cannot be kept without a key")
		}
		return c.sealer.Seal(s.Reveal())
	}
	return c.bound(v), nil
}

// Count tells how many rows there are.
func (c *conn) Count(ctx context.Context, n *noun.Any, s noun.Selection) (int64, error) {
	if s.Scope.Nothing() {
		return 0, nil
	}
	b := c.builder(n)
	b.text("SELECT count(*)")
	if err := b.from(s); err != nil {
		return 0, err
	}
	var count int64
	err := c.tx.QueryRow(ctx, b.sql.String(), b.args, &count)
	return count, err
}

// CountBy tells how many rows refer to each of the ids.
func (c *conn) CountBy(ctx context.Context, ref *noun.Field, ids []int64) (map[int64]int64, error) {
	counts := map[int64]int64{}
	column := quote(ref.ColumnName())
	query := "SELECT " + column + ", count(*) FROM " + quote(ref.Owner().Table()) + " WHERE " + column + " IN ("
	err := eachChunk(ids, func(part []int64) error {
		rows, err := c.tx.Query(ctx, query+sqldb.Marks(len(part))+") GROUP BY "+column, anys(part)...)
		return sqldb.Each(rows, err, func(rows *sql.Rows) error {
			var id, count int64
			if err := rows.Scan(&id, &count); err != nil {
				return err
			}
			counts[id] = count
			return nil
		})
	})
	return counts, err
}

// Lock waits for other transactions that named the key. SQLite has one writer
// anyway.
func (c *conn) Lock(ctx context.Context, key string) error {
	if c.tx.Dialect() != sqldb.Postgres {
		return nil
	}
	_, err := c.tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", key)
	return err
}

// Insert writes a new row.
func (c *conn) Insert(ctx context.Context, n *noun.Any, rec any) error {
	columns, args, err := c.row(n, rec)
	if err != nil {
		return err
	}
	id, err := c.tx.Insert(ctx, insertInto(n, columns), args...)
	if err == nil {
		n.SetID(rec, id)
	}
	return err
}

// Reinsert writes a row that was deleted, under the id that it had.
func (c *conn) Reinsert(ctx context.Context, n *noun.Any, rec any) error {
	columns, args, err := c.row(n, rec)
	if err != nil {
		return err
	}
	_, err = c.tx.Exec(ctx, insertInto(n, append(columns, quote("id"))), append(args, n.ID(rec))...)
	return err
}

// row gives a record's columns, without the id, and their values.
func (c *conn) row(n *noun.Any, rec any) (columns []string, args []any, err error) {
	if column, value := n.RowType(); column != "" {
		columns, args = append(columns, quote(column)), append(args, value)
	}
	for _, f := range n.Columns() {
		if f.Name() == "id" {
			continue
		}
		v, err := c.bind(f, rec)
		if err != nil {
			return nil, nil, err
		}
		columns, args = append(columns, quote(f.ColumnName())), append(args, v)
	}
	return columns, args, nil
}

func insertInto(n *noun.Any, columns []string) string {
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", quote(n.Table()), strings.Join(columns, ", "), sqldb.Marks(len(columns)))
}

// Update writes some columns of a row, and wins or loses its optimistic lock.
func (c *conn) Update(ctx context.Context, n *noun.Any, rec any, fields []*noun.Field) error {
	var sets []string
	var args []any
	for _, f := range fields {
		v, err := c.bind(f, rec)
		if err != nil {
			return err
		}
		sets, args = append(sets, quote(f.ColumnName())+" = ?"), append(args, v)
	}
	where := ` WHERE "id" = ?`
	lock := n.LockField()
	var version int64
	if lock != nil {
		version = lock.IntAt(rec)
		sets, args = append(sets, quote(lock.ColumnName())+" = ?"), append(args, version+1)
		where += " AND " + quote(lock.ColumnName()) + " = ?"
	}
	args = append(args, n.ID(rec))
	if lock != nil {
		args = append(args, version)
	}
	count, err := c.tx.Exec(ctx, "UPDATE "+quote(n.Table())+" SET "+strings.Join(sets, ", ")+where, args...)
	switch {
	case err != nil:
		return err
	case count == 0 && lock != nil:
		return errs.WrapAs(errs.Conflict, &noun.Stale{}, "update %s %d", n.Name(), n.ID(rec))
	case count == 0:
		return errs.New(errs.NotFound, "%s %d does not exist", n.Label(), n.ID(rec))
	}
	if lock != nil {
		lock.SetInt(rec, version+1)
	}
	return nil
}

// Delete removes rows.
func (c *conn) Delete(ctx context.Context, n *noun.Any, ids []int64) error {
	return eachChunk(ids, func(part []int64) error {
		_, err := c.tx.Exec(ctx, "DELETE FROM "+quote(n.Table())+` WHERE "id" IN (`+sqldb.Marks(len(part))+")", anys(part)...)
		return err
	})
}

// Clear sets a reference to NULL.
func (c *conn) Clear(ctx context.Context, ref *noun.Field, ids []int64) error {
	query := "UPDATE " + quote(ref.Owner().Table()) + " SET " + quote(ref.ColumnName()) + ` = NULL WHERE "id" IN (`
	return eachChunk(ids, func(part []int64) error {
		_, err := c.tx.Exec(ctx, query+sqldb.Marks(len(part))+")", anys(part)...)
		return err
	})
}

// Pairs gives what records are linked with, in the order of ids.
func (c *conn) Pairs(ctx context.Context, l *noun.Link, ids []int64) (map[int64][]int64, error) {
	table, own, other, kindColumn, kind := l.Pair()
	pairs := map[int64][]int64{}
	err := eachChunk(ids, func(part []int64) error {
		query := fmt.Sprintf("SELECT p.%s, p.%s FROM %s p", quote(own), quote(other), quote(table))
		var args []any
		if _, rowType := l.To().RowType(); rowType != "" && kindColumn != "" {
			query += " JOIN " + quote(l.To().Table()) + ` t ON t."id" = p.` + quote(other)
		}
		query += " WHERE p." + quote(own) + " IN (" + sqldb.Marks(len(part)) + ")"
		args = append(args, anys(part)...)
		if kindColumn != "" {
			query += " AND p." + quote(kindColumn) + " = ?"
			args = append(args, kind)
			if column, value := l.To().RowType(); value != "" {
				query += " AND t." + quote(column) + " = ?"
				args = append(args, value)
			}
		}
		rows, err := c.tx.Query(ctx, query+" ORDER BY 1, 2", args...)
		return sqldb.Each(rows, err, func(rows *sql.Rows) error {
			var a, b int64
			if err := rows.Scan(&a, &b); err != nil {
				return err
			}
			pairs[a] = append(pairs[a], b)
			return nil
		})
	})
	return pairs, err
}

// SetPairs adds the pairs that are missing and removes those that are over.
func (c *conn) SetPairs(ctx context.Context, l *noun.Link, id int64, others []int64) error {
	pairs, err := c.Pairs(ctx, l, []int64{id})
	if err != nil {
		return err
	}
	have, want := set(pairs[id]), set(others)
	table, own, other, kindColumn, kind := l.Pair()
	for _, o := range pairs[id] {
		if want[o] {
			continue
		}
		query := fmt.Sprintf("DELETE FROM %s WHERE %s = ? AND %s = ?", quote(table), quote(own), quote(other))
		args := []any{id, o}
		if kindColumn != "" {
			query, args = query+" AND "+quote(kindColumn)+" = ?", append(args, kind)
		}
		if _, err := c.tx.Exec(ctx, query, args...); err != nil {
			return err
		}
	}
	missing := make([]int64, 0, len(want))
	for o := range want {
		if !have[o] {
			missing = append(missing, o)
		}
	}
	sort.Slice(missing, func(i, j int) bool { return missing[i] < missing[j] })
	for _, o := range missing {
		columns, args := quote(own)+", "+quote(other), []any{id, o}
		if kindColumn != "" {
			columns, args = columns+", "+quote(kindColumn), append(args, kind)
		}
		if _, err := c.tx.Exec(ctx, "INSERT INTO "+quote(table)+" ("+columns+") VALUES ("+sqldb.Marks(len(args))+")", args...); err != nil {
			return err
		}
	}
	return nil
}

func set(ids []int64) map[int64]bool {
	m := make(map[int64]bool, len(ids))
	for _, id := range ids {
		m[id] = true
	}
	return m
}

func anys(ids []int64) []any {
	out := make([]any, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}

func eachChunk(ids []int64, f func(part []int64) error) error {
	for len(ids) > 0 {
		part := ids[:min(chunk, len(ids))]
		if err := f(part); err != nil {
			return err
		}
		ids = ids[len(part):]
	}
	return nil
}
