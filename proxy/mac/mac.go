// Package mac reads hardware addresses the way Smart Proxy does: six octets
// (Ethernet) or twenty (InfiniBand), separated by colons, one or two hex digits
// each. It is pure and imports only the standard library and internal/errs.
package mac

import (
	"encoding/hex"
	"net"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// An Addr is a hardware address in its one canonical spelling: lower case,
// colons, two digits an octet. The zero value is no address. Addrs compare with ==.
type Addr struct{ s string }

// Parse reads an address with colons, in any case, with or without leading
// zeros. Everything else, dashes included, is Malformed.
func Parse(s string) (Addr, error) {
	if len(s) > 59 {
		return Addr{}, malformed(s)
	}
	octets := strings.Split(s, ":")
	if len(octets) != 6 && len(octets) != 20 {
		return Addr{}, malformed(s)
	}
	for i, o := range octets {
		if !isOctet(o) {
			return Addr{}, malformed(s)
		}
		if len(o) == 1 {
			octets[i] = "0" + o
		}
	}
	return Addr{strings.ToLower(strings.Join(octets, ":"))}, nil
}

// MustParse is Parse for constants in tests; it panics on a wrong address.
func MustParse(s string) Addr {
	a, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

// FromHardware is the Addr of raw octets; anything but 6 or 20 of them gives
// the zero value.
func FromHardware(hw net.HardwareAddr) Addr {
	a, err := Parse(hw.String())
	if err != nil {
		return Addr{}
	}
	return a
}

// String is the canonical spelling, empty for the zero value.
func (a Addr) String() string { return a.s }

// IsZero reports whether there is no address.
func (a Addr) IsZero() bool { return a.s == "" }

// Hardware gives the raw octets.
func (a Addr) Hardware() net.HardwareAddr {
	raw, _ := hex.DecodeString(a.Plain()) // canonical by construction
	return raw
}

// Plain is the address without separators, lower case.
func (a Addr) Plain() string { return strings.ReplaceAll(a.s, ":", "") }

// Dashed is the address with dashes, lower case.
func (a Addr) Dashed() string { return strings.ReplaceAll(a.s, ":", "-") }

func isOctet(o string) bool {
	if len(o) != 1 && len(o) != 2 {
		return false
	}
	return strings.Trim(o, "0123456789abcdefABCDEF") == ""
}

func malformed(s string) error {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return errs.New(errs.Malformed, "Invalid MAC %q", s)
}
