package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Querier runs statements: a DB (reads, each on its own) or a Tx. Statements
// are written with "?" for each bound value, whatever the dialect; a literal
// question mark may stand only inside quotes.
type Querier interface {
	// Query gives rows; the caller closes them. Errors carry a kind.
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	// QueryRow scans the one row of the answer into dest; NotFound when there is none.
	QueryRow(ctx context.Context, query string, args []any, dest ...any) error
	// Dialect tells the language, for the few statements that must differ.
	Dialect() Dialect
}

// A Tx is one running transaction. It is not safe for concurrent use.
type Tx struct {
	tx      *sql.Tx
	dialect Dialect
}

var (
	_ Querier = (*DB)(nil)
	_ Querier = (*Tx)(nil)
)

// Query reads outside any transaction.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := db.read.QueryContext(ctx, Rebind(db.dialect, query), args...)
	return rows, convert(err)
}

// QueryRow reads one row outside any transaction.
func (db *DB) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	return convert(db.read.QueryRowContext(ctx, Rebind(db.dialect, query), args...).Scan(dest...))
}

// Exec runs one statement in a transaction of its own and tells how many rows it touched.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	var n int64
	err := db.Transact(ctx, func(tx *Tx) error {
		var err error
		n, err = tx.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

// Query reads inside the transaction.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := tx.tx.QueryContext(ctx, Rebind(tx.dialect, query), args...)
	return rows, convert(err)
}

// QueryRow reads one row inside the transaction.
func (tx *Tx) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	return convert(tx.tx.QueryRowContext(ctx, Rebind(tx.dialect, query), args...).Scan(dest...))
}

// Exec runs one statement and tells how many rows it touched.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := tx.tx.ExecContext(ctx, Rebind(tx.dialect, query), args...)
	if err != nil {
		return 0, convert(err)
	}
	n, err := res.RowsAffected()
	return n, convert(err)
}

// Insert runs an INSERT into a table whose key column is "id" and gives the new id.
func (tx *Tx) Insert(ctx context.Context, query string, args ...any) (int64, error) {
	if tx.dialect == MySQL {
		res, err := tx.tx.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, convert(err)
		}
		id, err := res.LastInsertId()
		return id, convert(err)
	}
	var id int64
	err := tx.QueryRow(ctx, query+" RETURNING id", args, &id)
	return id, err
}

// Dialect tells the language.
func (tx *Tx) Dialect() Dialect { return tx.dialect }

// attempts bounds how often a transaction that lost a race is run again.
const attempts = 12

// Transact runs f in a transaction: committed when f gives nil, rolled back when
// it gives an error or panics. A transaction that the database ended for a
// deadlock or a serialization failure is run again, so f may run more than once
// and must not touch anything but the database and its own results.
// Do not nest: on SQLite the inner one would wait for the outer.
func (db *DB) Transact(ctx context.Context, f func(tx *Tx) error) error {
	return db.transact(ctx, nil, f)
}

// Snapshot runs f in a read-only transaction that sees one state of the database.
func (db *DB) Snapshot(ctx context.Context, f func(tx *Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.dialect != SQLite {
		opts.Isolation = sql.LevelRepeatableRead
	}
	return db.transact(ctx, opts, f)
}

func (db *DB) transact(ctx context.Context, opts *sql.TxOptions, f func(tx *Tx) error) error {
	pool := db.write
	if opts != nil {
		pool = db.read
	}
	if db.dialect == SQLite {
		opts = nil // the reader's connection is query_only already
	}
	var err error
	for i := range attempts {
		err = once(ctx, pool, db.dialect, opts, f)
		if err == nil || !retriable(err) || ctx.Err() != nil {
			return convert(err)
		}
		pause := time.Duration(rand.Int64N(int64(2<<min(i, 7)))+1) * time.Millisecond
		select {
		case <-ctx.Done():
			return convert(ctx.Err())
		case <-time.After(pause):
		}
	}
	return errs.WrapAs(errs.Unavailable, err, "the database was too busy; %d attempts", attempts)
}

func once(ctx context.Context, pool *sql.DB, dialect Dialect, opts *sql.TxOptions, f func(tx *Tx) error) (err error) {
	inner, err := pool.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			_ = inner.Rollback()
		}
	}()
	if err := f(&Tx{tx: inner, dialect: dialect}); err != nil {
		return err
	}
	done = true
	return inner.Commit()
}

// Rebind turns "?" outside of quotes into the dialect's placeholders.
func Rebind(dialect Dialect, query string) string {
	if dialect != Postgres || !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	n := 0
	var quote byte
	for i := range len(query) {
		c := query[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
			b.WriteByte(c)
		case c == '\'' || c == '"':
			quote = c
			b.WriteByte(c)
		case c == '?':
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Marks gives n placeholders, "?, ?, ?", for IN lists and VALUES.
func Marks(n int) string {
	if n <= 0 {
		return ""
	}
	return strings.Repeat("?, ", n-1) + "?"
}

// Each calls scan for every row and closes rows; it stops at the first error.
func Each(rows *sql.Rows, err error, scan func(rows *sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return convert(err)
		}
	}
	return convert(rows.Err())
}

// ErrNoRows is what a missing row is underneath its NotFound.
var ErrNoRows = sql.ErrNoRows

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
