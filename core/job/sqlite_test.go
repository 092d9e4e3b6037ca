//go:build !e2e

package job_test

import (
	"path/filepath"
	"testing"

	"github.com/chargehand/chargehand/internal/sqldb"
	"go.uber.org/goleak"
)

// No engine leaves a goroutine behind, stopped or killed.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openDatabase(t testing.TB) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "jobs.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}
