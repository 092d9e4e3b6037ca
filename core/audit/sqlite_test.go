//go:build !e2e

package audit_test

import (
	"path/filepath"
	"testing"

	"github.com/chargehand/chargehand/internal/sqldb"
)

// databases gives what opens new databases.
func databases(*testing.T) func(t *testing.T) *sqldb.DB {
	return func(t *testing.T) *sqldb.DB {
		t.Helper()
		db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "audit.db"), sqldb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
}
