//go:build e2e

package storage_test

import (
	"testing"

	"github.com/chargehand/chargehand/internal/pgtest"
)

// foreign gives the databases that need programs of their own.
func foreign(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"postgres": pgtest.Start(t).New(t)}
}
