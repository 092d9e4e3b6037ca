//go:build !e2e

package access_test

import (
	"path/filepath"
	"testing"

	"github.com/chargehand/chargehand/internal/sqldb"
)

func openDatabase(t testing.TB) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "access.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}
