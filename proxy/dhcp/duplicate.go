package dhcp

import (
	"maps"
	"slices"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/mac"
)

// Duplicate compares a reservation that is to be created with those of its
// subnet (leases are passed over). It reports that r exists already, or a
// Conflict error when another reservation holds its IP or MAC; reservations of
// the related MACs are not in the way.
func Duplicate(r Record, existing []Record, related []mac.Addr) (exists bool, err error) {
	var other *Record
	for i := range existing {
		e := &existing[i]
		if e.Lease != nil || (e.IP != r.IP && e.MAC != r.MAC) {
			continue
		}
		if Same(*e, r) {
			return true, nil
		}
		if e.MAC == r.MAC || !slices.Contains(related, e.MAC) {
			other = e
		}
	}
	if other != nil {
		return false, errs.New(errs.Conflict, "Record %s/%s already exists as %s (%s)",
			r.Network.Masked().Addr(), r.IP, other.Name, other.MAC)
	}
	return false, nil
}

// Same reports whether two reservations say the same to a client.
func Same(a, b Record) bool {
	return a.Name == b.Name && a.MAC == b.MAC && a.IP == b.IP && a.Network == b.Network &&
		a.Hostname == b.Hostname && a.Filename == b.Filename && a.NextServer == b.NextServer &&
		maps.Equal(a.Options, b.Options)
}
