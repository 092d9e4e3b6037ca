package dhcpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/netd/udp"
)

// serve runs a server on loopback over a store in dir; stop ends it.
func serve(tb testing.TB, dir string) (s *Server, stop func()) {
	tb.Helper()
	store, err := OpenStore(dir, clock.System)
	if err != nil {
		tb.Fatal(err)
	}
	wide := netip.MustParsePrefix("10.0.0.0/8")
	if err := store.PutSubnet(Subnet{Prefix: wide, Ranges: []Range{{ip("10.1.0.0"), ip("10.200.255.255")}}}); err != nil {
		tb.Fatal(err)
	}
	s, err = Listen(tb.Context(), Config{Address: "127.0.0.1:0", Store: store, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
		store.Close()
	}
}

// A client takes machines through discover, offer, request and ack, one by one.
type client struct {
	conn *net.UDPConn
	buf  []byte
}

func dial(tb testing.TB, to netip.AddrPort) *client {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	return &client{conn, make([]byte, 1500)}
}

// exchange sends a packet until its answer comes.
func (c *client) exchange(packet []byte, xid [4]byte) (*dhcpv4.DHCPv4, error) {
	for range 5 {
		if _, err := c.conn.Write(packet); err != nil {
			return nil, err
		}
		c.conn.SetReadDeadline(time.Now().Add(time.Second))
		for {
			n, err := c.conn.Read(c.buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, err
			}
			m, err := dhcpv4.FromBytes(c.buf[:n])
			if err != nil {
				return nil, err
			}
			if m.TransactionID == xid {
				return m, nil
			}
		}
	}
	return nil, errors.New("no answer")
}

func (c *client) dora(i uint32) (net.IP, error) {
	mac := net.HardwareAddr{2, 1, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
	discover, err := dhcpv4.NewDiscovery(mac, dhcpv4.WithTransactionID([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}))
	if err != nil {
		return nil, err
	}
	offer, err := c.exchange(discover.ToBytes(), discover.TransactionID)
	if err != nil {
		return nil, err
	}
	request, err := dhcpv4.NewRequestFromOffer(offer)
	if err != nil {
		return nil, err
	}
	ack, err := c.exchange(request.ToBytes(), request.TransactionID)
	if err != nil {
		return nil, err
	}
	if ack.MessageType() != dhcpv4.MessageTypeAck || !ack.YourIPAddr.Equal(offer.YourIPAddr) {
		return nil, fmt.Errorf("offered %v, then %v %v", offer.YourIPAddr, ack.MessageType(), ack.YourIPAddr)
	}
	return ack.YourIPAddr, nil
}

// Many machines at once get an address each, and every acknowledged lease is
// there after the server is gone.
func TestManyMachinesAtOnce(t *testing.T) {
	const clients, each = 16, 25
	dir := t.TempDir()
	s, stop := serve(t, dir)
	var mu sync.Mutex
	got := map[string]bool{}
	var wg sync.WaitGroup
	for c := range clients {
		conn := dial(t, s.Addr())
		wg.Go(func() {
			for i := range each {
				a, err := conn.dora(uint32(c*each + i))
				mu.Lock()
				if err != nil || got[a.String()] {
					t.Errorf("machine %d: %v, %v", c*each+i, a, err)
				}
				got[a.String()] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	stop()
	count := s.Counters()
	store, err := OpenStore(dir, clock.System)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if n := len(store.Leases(netip.MustParsePrefix("10.0.0.0/8"))); n != clients*each || count.Ack < clients*each {
		t.Errorf("%d leases stored, %+v", n, count)
	}
}

func TestCompactionKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	s, stop := serve(t, dir)
	c := dial(t, s.Addr())
	for i := range uint32(50) {
		if _, err := c.dora(i % 10); err != nil {
			t.Fatal(err)
		}
	}
	store := s.cfg.Store
	store.writer.Lock()
	records, err := store.snapshot()
	if err == nil {
		err = store.journal.Rewrite(func(emit func([]byte)) {
			for _, r := range records {
				emit(r)
			}
		})
	}
	store.writer.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.dora(10); err != nil {
		t.Fatal(err)
	}
	stop()
	again, err := OpenStore(dir, clock.System)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if n := len(again.Leases(netip.MustParsePrefix("10.0.0.0/8"))); n != 11 {
		t.Errorf("%d leases", n)
	}
}

// FuzzHandle throws datagrams at a server: nothing may break, and no answer may
// be larger than a link carries.
func FuzzHandle(f *testing.F) {
	hw := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	for _, kind := range []dhcpv4.MessageType{1, 3, 4, 7, 8} {
		m, err := dhcpv4.New(dhcpv4.WithMessageType(kind), dhcpv4.WithHwAddr(hw), dhcpv4.WithNetboot,
			dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.IP{10, 1, 0, 1})), dhcpv4.WithClientIP(net.IP{10, 1, 0, 1}),
			dhcpv4.WithOption(dhcpv4.OptRelayAgentInfo(dhcpv4.OptGeneric(dhcpv4.LinkSelectionSubOption, []byte{10, 0, 0, 1}))))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(m.ToBytes())
	}
	f.Add([]byte{1, 1, 6, 0})
	store, err := OpenStore(f.TempDir(), clock.System)
	if err != nil {
		f.Fatal(err)
	}
	defer store.Close()
	if err := store.PutSubnet(Subnet{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Ranges: []Range{{ip("10.1.0.0"), ip("10.1.0.9")}}}); err != nil {
		f.Fatal(err)
	}
	s, err := Listen(f.Context(), Config{Address: "127.0.0.1:0", Store: store, Boot: Boot{Files: DefaultFiles()}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	defer s.conn.Close()
	f.Fuzz(func(t *testing.T, packet []byte) {
		s.deliver = func(m *dhcpv4.DHCPv4, _ udp.Peer) error {
			if n := len(m.ToBytes()); n < 300 || n > len(packet)+1024 {
				t.Errorf("an answer of %d bytes to %d", n, len(packet))
			}
			return nil
		}
		s.handle(packet, udp.Peer{Remote: netip.MustParseAddrPort("127.0.0.1:68"), Local: ip("127.0.0.1")})
		store.commit()
	})
}

// BenchmarkDORA measures whole exchanges with durable leases, by 64 clients on
// the same machine.
func BenchmarkDORA(b *testing.B) {
	s, stop := serve(b, b.TempDir())
	defer stop()
	var next atomic.Uint32
	var wg sync.WaitGroup
	b.ResetTimer()
	for range 64 {
		c := dial(b, s.Addr())
		wg.Go(func() {
			for {
				i := next.Add(1)
				if i > uint32(b.N) {
					return
				}
				if _, err := c.dora(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "DORA/s")
}
