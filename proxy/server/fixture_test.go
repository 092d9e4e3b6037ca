package server_test

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/proxytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// raw sends bytes as they are and gives the whole answer.
func raw(t *testing.T, url, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}
