// Package store keeps the rows of nouns in SQL: statements are built from the
// declarations, values are always bound, identifiers come from declarations
// alone, and the scope of whoever asks is part of every query.
//
// It holds the migrations too, one numbered set per dialect. It may import
// core/noun, core/search, the core packages whose interfaces it implements, and
// internal packages; nothing else in the program writes SQL for core's tables.
package store

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

//go:embed migrations
var migrations embed.FS

// A Store is the backend of nouns on one database. It is safe for concurrent use.
type Store struct {
	db     *sqldb.DB
	sealer noun.Sealer
}

var _ noun.Backend = (*Store)(nil)

// New makes a store on an open database, whose schema Migrate brings up. A nil
// sealer refuses secrets.
func New(db *sqldb.DB, sealer noun.Sealer) *Store { return &Store{db: db, sealer: sealer} }

// Migrate brings the schema up.
func Migrate(ctx context.Context, db *sqldb.DB, log *slog.Logger) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return errs.WrapAs(errs.Internal, err, "find the migrations")
	}
	_, _, err = db.Migrate(ctx, files, log)
	return err
}

// DB is the database, for the stores of plans, audits and sessions beside this.
func (s *Store) DB() *sqldb.DB { return s.db }

// Read runs f on one state of the database.
func (s *Store) Read(ctx context.Context, f func(c noun.Conn) error) error {
	return s.db.Snapshot(ctx, func(tx *sqldb.Tx) error { return f(s.conn(tx)) })
}

// Write runs f in a transaction.
func (s *Store) Write(ctx context.Context, f func(c noun.Conn) error) error {
	return s.db.Transact(ctx, func(tx *sqldb.Tx) error { return f(s.conn(tx)) })
}

func (s *Store) conn(tx *sqldb.Tx) *conn { return &conn{tx: tx, sealer: s.sealer} }

// SQL gives the SQL transaction under a noun's, so that plans, audits and
// sessions are written with the change that they belong to.
func SQL(tx *noun.Tx) *sqldb.Tx { return tx.Conn().(*conn).tx }

type conn struct {
	tx     *sqldb.Tx
	sealer noun.Sealer
}

var _ noun.Conn = (*conn)(nil)
