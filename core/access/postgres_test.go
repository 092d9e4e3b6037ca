//go:build e2e

package access_test

import (
	"testing"

	"github.com/chargehand/chargehand/internal/pgtest"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// With the peers at hand, every test runs on PostgreSQL.
func openDatabase(t testing.TB) *sqldb.DB { return pgtest.Start(t).Open(t) }
