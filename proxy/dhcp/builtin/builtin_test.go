package builtin

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/dhcpd"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/proxytest"
)

var lan = netip.MustParsePrefix("192.0.2.0/24") // never changed

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// serve runs a real server over the provider's store.
func serve(t *testing.T) (*Provider, *dhcpd.Server) {
	t.Helper()
	store, err := dhcpd.OpenStore(t.TempDir(), clock.System)
	if err != nil {
		t.Fatal(err)
	}
	err = store.PutSubnet(dhcpd.Subnet{
		Prefix: lan, Ranges: []dhcpd.Range{{From: ip("192.0.2.70"), To: ip("192.0.2.79")}},
		Routers: []netip.Addr{ip("192.0.2.1")}, DNS: []netip.Addr{ip("192.0.2.2")}, Domain: "example.test",
	})
	if err != nil {
		t.Fatal(err)
	}
	server, err := dhcpd.Listen(t.Context(), dhcpd.Config{Address: "127.0.0.1:0", Store: store, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; store.Close() })
	return New(store, clock.System, nil), server
}

func TestConformance(t *testing.T) {
	proxytest.DHCP(t, func(t *testing.T) proxytest.DHCPHome {
		p, server := serve(t)
		return proxytest.DHCPHome{
			Provider: p,
			Lease: func(t *testing.T, a netip.Addr, m mac.Addr) {
				if ack := request(t, server, a, m); ack.MessageType() != dhcpv4.MessageTypeAck {
					t.Fatalf("no lease of %s for %s: %v", a, m, ack)
				}
			},
		}
	})
}

// request asks the server for an address as a machine does after a restart.
func request(t *testing.T, server *dhcpd.Server, a netip.Addr, m mac.Addr) *dhcpv4.DHCPv4 {
	t.Helper()
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	msg, err := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithHwAddr(m.Hardware()),
		dhcpv4.WithRelay(net.IP{192, 0, 2, 1}), dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(a.AsSlice())), dhcpv4.WithNetboot)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(msg.ToBytes()); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 1500)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := dhcpv4.FromBytes(buf[:n])
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

// What Create acknowledges is what the machine is served, at once, and the lease
// on it does not show beside it.
func TestMachineIsServedItsReservation(t *testing.T) {
	p, server := serve(t)
	m := mac.MustParse("52:54:00:00:00:01")
	r := dhcp.Record{
		Name: "h1.example.test", Hostname: "h1.example.test", MAC: m, IP: ip("192.0.2.10"), Network: lan,
		Filename: "pxelinux.0", NextServer: "192.0.2.2", Options: map[string]string{"root_path": "/x"},
	}
	if err := p.Create(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	ack := request(t, server, r.IP, m)
	if ack.YourIPAddr.String() != "192.0.2.10" || ack.BootFileName != "pxelinux.0" || ack.ServerIPAddr.String() != "192.0.2.2" || ack.HostName() != r.Hostname {
		t.Errorf("served %s", ack.Summary())
	}
	records, err := p.Records(t.Context(), lan.Addr(), dhcp.Query{})
	if err != nil || len(records) != 1 || !dhcp.Same(records[0], r) {
		t.Errorf("records %+v, %v", records, err)
	}
	if err := p.Delete(t.Context(), lan.Addr(), dhcp.Query{}); !errs.Is(err, errs.Invalid) {
		t.Errorf("a deletion of everything: %v", err)
	}
	if err := p.Delete(t.Context(), lan.Addr(), dhcp.Query{IP: r.IP}); err != nil {
		t.Fatal(err)
	}
	if nak := request(t, server, r.IP, m); nak.MessageType() != dhcpv4.MessageTypeNak {
		t.Errorf("after the deletion: %s", nak.Summary())
	}
}
