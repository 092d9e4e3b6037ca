package fetch

import (
	"context"
	"net/netip"
	"slices"
	"syscall"

	"github.com/chargehand/chargehand/internal/errs"
)

// metadataAddrs are where clouds tell a machine its secrets, beyond the
// link-local addresses.
var metadataAddrs = [...]netip.Addr{
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("192.0.0.192"),     // Oracle
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("fd20:ce::254"),    // Google
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// guard runs for each address that is about to be dialled, so that a name that
// resolves differently the second time gains nothing.
func (o Options) guard(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errs.New(errs.Forbidden, "cannot judge the address %q", address)
	}
	addr := plain(ap.Addr())
	refused := slices.ContainsFunc(o.Refuse, func(p netip.Prefix) bool { return p.Contains(addr) })
	if refused || (!o.AllowLinkLocal && isLocalMetadata(addr)) || addr.IsMulticast() {
		return errs.New(errs.Forbidden, "the address %s is not allowed", addr)
	}
	return nil
}

// plain strips what hides an IPv4 address inside an IPv6 one.
func plain(addr netip.Addr) netip.Addr {
	addr = addr.WithZone("").Unmap()
	if nat64.Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

func isLocalMetadata(addr netip.Addr) bool {
	return addr.IsLinkLocalUnicast() || slices.Contains(metadataAddrs[:], addr)
}
