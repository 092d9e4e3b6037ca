//go:build e2e

package audit_test

import (
	"testing"

	"github.com/chargehand/chargehand/internal/pgtest"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// With the peers at hand, every test runs on PostgreSQL: databases starts one
// server, and each database is new.
func databases(t *testing.T) func(t *testing.T) *sqldb.DB {
	server := pgtest.Start(t)
	return func(t *testing.T) *sqldb.DB { return server.Open(t) }
}
