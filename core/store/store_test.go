package store_test

import (
	"path/filepath"
	"testing"

	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/internal/sqldb"
)

func openSQLite(t testing.TB) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "core.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *sqldb.DB { return openSQLite(t) })
}
