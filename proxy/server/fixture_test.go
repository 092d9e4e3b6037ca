package server_test

import (
	"net/netip"
	"testing"

	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/proxytest"
)

// record is a reservation in s.
func record(s dhcp.Subnet) dhcp.Record {
	return dhcp.Record{
		Name: "h.example.test", Hostname: "h.example.test", MAC: mac.MustParse("52:54:00:00:00:01"),
		IP: s.Prefix.Addr().Next(), Network: s.Prefix,
	}
}

func leaser(m *proxytest.MemoryDHCP) func(*testing.T, netip.Addr, mac.Addr) {
	return func(_ *testing.T, ip netip.Addr, hw mac.Addr) { m.Lease(ip, hw) }
}
