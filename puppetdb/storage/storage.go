// Package storage keeps PuppetDB's data in SQL: what commands say of each node
// goes in, and checked questions (puppetdb/query) come out as JSON rows.
//
// It imports puppetdb/command, puppetdb/query, internal/sqldb and internal/errs.
package storage

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb/command"
)

//go:embed migrations
var migrations embed.FS

// A Store is safe for concurrent use; replicas may share its database.
type Store struct {
	db  *sqldb.DB
	now clock.Clock
}

// Open brings the schema up to date and gives the store. The caller keeps db and
// closes it.
func Open(ctx context.Context, db *sqldb.DB, now clock.Clock, log *slog.Logger) (*Store, error) {
	if db.Dialect() == sqldb.MySQL {
		return nil, errs.New(errs.Unsupported, "puppetdb.database: PuppetDB's data is kept in PostgreSQL or SQLite, not in MySQL; set it to one of them")
	}
	files, err := subFS()
	if err != nil {
		return nil, err
	}
	if _, _, err := db.Migrate(ctx, files, log); err != nil {
		return nil, err
	}
	return &Store{db: db, now: now}, nil
}

// Apply stores what a decoded command says. Commands that are older than what is
// stored, and reports that are there already, change nothing and are no error.
func (s *Store) Apply(ctx context.Context, decoded any) error {
	switch c := decoded.(type) {
	case *command.Facts:
		return errs.Wrap(s.replaceFacts(ctx, c), "replace facts of %s", c.Certname)
	case *command.Catalog:
		return errs.Wrap(s.replaceCatalog(ctx, c), "replace catalog of %s", c.Certname)
	case *command.Report:
		return errs.Wrap(s.storeReport(ctx, c), "store report of %s", c.Certname)
	case *command.Deactivation:
		return errs.Wrap(s.deactivate(ctx, c), "deactivate %s", c.Certname)
	case *command.Expiration:
		return errs.Wrap(s.configureExpiration(ctx, c), "configure expiration of %s", c.Certname)
	case *command.CatalogInputs:
		return errs.Wrap(s.replaceInputs(ctx, c), "replace catalog inputs of %s", c.Certname)
	}
	return errs.New(errs.Unsupported, "command %T", decoded)
}

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

func millis(t time.Time) int64 { return t.UnixMilli() }

// node gives the id of the node, made when missing, and revives it when it was
// deactivated or expired before at.
func (s *Store) node(ctx context.Context, tx *sqldb.Tx, certname string, at time.Time) (int64, error) {
	var id int64
	var deactivated, expired *int64
	find := func() error {
		query := "SELECT id, deactivated, expired FROM nodes WHERE certname = ?"
		if tx.Dialect() == sqldb.Postgres {
			query += " FOR UPDATE" // one writer per node; the others wait here
		}
		return tx.QueryRow(ctx, query, []any{certname}, &id, &deactivated, &expired)
	}
	err := find()
	if errs.Is(err, errs.NotFound) {
		if _, err := tx.Exec(ctx, "INSERT INTO nodes (certname) VALUES (?) ON CONFLICT (certname) DO NOTHING", certname); err != nil {
			return 0, err
		}
		err = find()
	}
	if err != nil {
		return 0, err
	}
	if (deactivated != nil && *deactivated < millis(at)) || expired != nil {
		_, err = tx.Exec(ctx, `UPDATE nodes SET expired = NULL,
			deactivated = CASE WHEN deactivated < ? THEN NULL ELSE deactivated END WHERE id = ?`, millis(at), id)
	}
	return id, err
}

func (s *Store) deactivate(ctx context.Context, c *command.Deactivation) error {
	at := c.ProducerTimestamp.Time
	if at.IsZero() {
		at = s.now()
	}
	return s.db.Transact(ctx, func(tx *sqldb.Tx) error {
		id, err := s.node(ctx, tx, c.Certname, time.Time{})
		if err != nil {
			return err
		}
		var newest *int64
		err = tx.QueryRow(ctx, `SELECT max(t) FROM (
			SELECT producer_timestamp AS t FROM factsets WHERE node_id = ?
			UNION ALL SELECT producer_timestamp FROM catalogs WHERE node_id = ?
			UNION ALL SELECT latest_report_timestamp FROM nodes WHERE id = ?) AS x`, []any{id, id, id}, &newest)
		if err != nil || (newest != nil && *newest > millis(at)) {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE nodes SET deactivated = ? WHERE id = ?", millis(at), id)
		return err
	})
}

// sum is the SHA-1 of v's JSON: the identity of a content, not a safeguard.
func sum(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", errs.WrapAs(errs.Invalid, err, "hash")
	}
	h := sha1.Sum(b)
	return hex.EncodeToString(h[:]), nil
}

// canonical writes JSON in one way: sorted keys, no spaces, numbers as they came.
func canonical(raw json.RawMessage) (string, error) {
	if len(raw) == 0 {
		return "null", nil
	}
	var v any
	if err := decodeNumbers(raw, &v); err != nil {
		return "", errs.WrapAs(errs.Invalid, err, "value")
	}
	if err := checkNumbers(v); err != nil {
		return "", err
	}
	b, err := marshal(v)
	return string(b), err
}
