//go:build e2e

package store_test

import (
	"testing"

	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/internal/pgtest"
	"github.com/chargehand/chargehand/internal/sqldb"
)

func TestPostgres(t *testing.T) {
	server := pgtest.Start(t)
	storetest.Run(t, func(t *testing.T) *sqldb.DB { return server.Open(t) })
}
