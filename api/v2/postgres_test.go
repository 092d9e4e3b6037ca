//go:build e2e

package v2

import (
	"testing"

	"github.com/chargehand/chargehand/internal/pgtest"
)

func TestDomainOnPostgres(t *testing.T) {
	s := newServer(t, pgtest.Start(t).New(t))
	s.domain(t)
	s.examples()
}
