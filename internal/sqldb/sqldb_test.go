package sqldb

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/chargehand/chargehand/internal/errs"
)

func testDB(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "sub dir", "a?b.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	files := fstest.MapFS{"sqlite/00001_start.sql": {Data: []byte(`-- +goose Up
CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parents (id));
`)}}
	for range 2 { // the second run has nothing to do
		if _, _, err := db.Migrate(t.Context(), files, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func TestRebind(t *testing.T) {
	const query = `SELECT "a?", '?' FROM t WHERE x = ? AND y IN (?, ?)`
	if got, want := Rebind(Postgres, query), `SELECT "a?", '?' FROM t WHERE x = $1 AND y IN ($2, $3)`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := Rebind(SQLite, query); got != query {
		t.Errorf("SQLite needs no rebinding; got %s", got)
	}
}

func TestErrorKinds(t *testing.T) {
	db := testDB(t)
	ctx := t.Context()
	if _, err := db.Exec(ctx, "INSERT INTO parents (name) VALUES (?)", "a"); err != nil {
		t.Fatal(err)
	}
	_, err := db.Exec(ctx, "INSERT INTO parents (name) VALUES (?)", "a")
	c, ok := errors.AsType[*ConstraintError](err)
	if !errs.Is(err, errs.Conflict) || !ok || c.Foreign || c.Name != "parents.name" {
		t.Errorf("duplicate: %v (%+v)", err, c)
	}
	_, err = db.Exec(ctx, "INSERT INTO children (parent_id) VALUES (?)", 99)
	if c, ok := errors.AsType[*ConstraintError](err); !ok || !c.Foreign {
		t.Errorf("foreign key: %v", err)
	}
	var id int64
	if err := db.QueryRow(ctx, "SELECT id FROM parents WHERE name = ?", []any{"zz"}, &id); !errs.Is(err, errs.NotFound) {
		t.Errorf("missing row: %v", err)
	}
	if _, err := db.Query(ctx, "SELECT nonsense FROM parents"); !errs.Is(err, errs.Internal) {
		t.Errorf("wrong SQL: %v", err)
	}
	if _, err := Open(ctx, "oracle:x", Options{}); !errs.Is(err, errs.Malformed) {
		t.Errorf("unknown scheme: %v", err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db := testDB(t)
	if rows, err := db.Query(t.Context(), "INSERT INTO parents (name) VALUES ('x') RETURNING id"); err == nil {
		_ = rows.Close()
		t.Error("a reader wrote")
	}
}

func TestTransactRollsBackOnErrorAndPanic(t *testing.T) {
	db := testDB(t)
	ctx := t.Context()
	boom := errors.New("boom")
	insert := func(tx *Tx) error {
		_, err := tx.Insert(ctx, "INSERT INTO parents (name) VALUES (?)", "x")
		return err
	}
	if err := db.Transact(ctx, func(tx *Tx) error { return errors.Join(insert(tx), boom) }); !errors.Is(err, boom) {
		t.Errorf("err = %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = db.Transact(ctx, func(tx *Tx) error { _ = insert(tx); panic("boom") })
	}()
	var n int
	if err := db.QueryRow(ctx, "SELECT count(*) FROM parents", nil, &n); err != nil || n != 0 {
		t.Errorf("rows %d, err %v", n, err)
	}
}

func TestConcurrentWritersAllCommit(t *testing.T) {
	db := testDB(t)
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			err := db.Transact(context.Background(), func(tx *Tx) error {
				_, err := tx.Insert(context.Background(), "INSERT INTO parents (name) VALUES (?)", strings.Repeat("x", i+1))
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var n int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM parents", nil, &n); err != nil || n != 32 {
		t.Errorf("rows %d, err %v", n, err)
	}
}

func TestDatabaseFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := Open(t.Context(), "sqlite:"+path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, err %v", info.Mode(), err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	db := testDB(t)
	older := fstest.MapFS{"sqlite/00001_start.sql": {Data: []byte("-- +goose Up\nSELECT 1;\n")}}
	if _, err := db.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (7, 1)"); err != nil {
		t.Fatal(err)
	}
	_, _, err := db.Migrate(t.Context(), older, slog.New(slog.DiscardHandler))
	if !errs.Is(err, errs.Conflict) {
		t.Errorf("err = %v", err)
	}
}
