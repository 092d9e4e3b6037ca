//go:build !e2e

package job_test

import (
	"testing"

	"github.com/chargehand/chargehand/internal/sqldb"
)

func openDatabase(t *testing.T) *sqldb.DB { return openSQLite(t) }
