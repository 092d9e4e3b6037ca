package dns

import (
	"net/netip"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// Existing is what a name has in DNS at the moment of a Create: all its records.
type Existing []Record

// Decide tells whether creating r still needs an update, given what its name
// has now: false when r, or for A, AAAA, CNAME and PTR one equal to it, is there
// already; a Conflict error when another value of the same type is, or when a
// CNAME and other records would meet at one name.
func Decide(r Record, existing Existing) (needed bool, err error) {
	var other *Record
	for i := range existing {
		e := &existing[i]
		switch {
		case e.Type == r.Type && sameValue(r.Type, e.Value, r.Value):
			return false, nil
		case e.Type == r.Type && r.Type != SRV, e.Type == CNAME, r.Type == CNAME:
			other = e
		}
	}
	if other != nil {
		return false, errs.New(errs.Conflict, "'%s' is already in use: %s %s", r.Name, other.Type, other.Value)
	}
	return true, nil
}

func sameValue(t Type, a, b string) bool {
	if t == A || t == AAAA {
		x, errX := netip.ParseAddr(a)
		y, errY := netip.ParseAddr(b)
		return errX == nil && errY == nil && x == y
	}
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
