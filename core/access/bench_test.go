package access_test

import (
	"testing"

	"github.com/chargehand/chargehand/core/access"
)

// BenchmarkPassword is one verification at the default cost.
func BenchmarkPassword(b *testing.B) {
	h, err := access.NewHasher(access.DefaultCost(), nil)
	if err != nil {
		b.Fatal(err)
	}
	hash, err := h.Hash(b.Context(), secret)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, _, err := h.Verify(b.Context(), hash, secret); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkRequest is what a request with a session costs before its work
// begins, for a user with Manager's filters.
func BenchmarkRequest(b *testing.B) {
	s := newSite(b, cheap())
	p := s.principal(s.user("ada", "Manager"))
	cookie, _, err := s.gate.NewSession(b.Context(), p, "", false)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := s.gate.Session(b.Context(), cookie); err != nil {
			b.Fatal(err)
		}
	}
}
