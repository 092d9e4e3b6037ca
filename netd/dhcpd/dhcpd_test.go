package dhcpd

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"go.uber.org/goleak"

	"github.com/chargehand/chargehand/netd/udp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ( // never changed
	start  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	lan    = netip.MustParsePrefix("192.0.2.0/24")
	remote = netip.MustParsePrefix("198.51.100.0/24")
)

const (
	alice = "02:00:00:00:00:0a"
	bob   = "02:00:00:00:00:0b"
	carol = "02:00:00:00:00:0c"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// A bench is a server that answers without the network, with a clock to turn.
type bench struct {
	*Server
	t     *testing.T
	store *Store
	dir   string

	time   time.Time
	seen   []Exchange
	answer *dhcpv4.DHCPv4
}

func newBench(t *testing.T, boot Boot) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), time: start}
	b.store = b.openStore()
	t.Cleanup(func() { b.store.Close() })
	server, err := Listen(t.Context(), Config{
		Address: "127.0.0.1:0", Store: b.store, Boot: boot, Log: slog.New(slog.DiscardHandler),
		Observe: func(e Exchange) { b.seen = append(b.seen, e) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Server = server
	t.Cleanup(func() { server.conn.Close() })
	server.deliver = func(m *dhcpv4.DHCPv4, _ udp.Peer) error { b.answer = m; return nil }
	return b
}

func (b *bench) openStore() *Store {
	b.t.Helper()
	store, err := OpenStore(b.dir, b.now)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, s := range []Subnet{
		{
			Prefix: lan, Ranges: []Range{{ip("192.0.2.100"), ip("192.0.2.102")}},
			Routers: []netip.Addr{ip("192.0.2.1")}, DNS: []netip.Addr{ip("192.0.2.2"), ip("192.0.2.3")},
			NTP: []netip.Addr{ip("192.0.2.4")}, Domain: "example.test", MTU: 1400, LeaseTime: time.Hour,
		},
		{Prefix: remote, Ranges: []Range{{ip("198.51.100.10"), ip("198.51.100.20")}}, NextServer: ip("198.51.100.2")},
	} {
		if err := store.PutSubnet(s); err != nil {
			b.t.Fatal(err)
		}
	}
	return store
}

func (b *bench) now() time.Time { return b.time }

func (b *bench) later(d time.Duration) { b.time = b.time.Add(d) }

func (b *bench) reserve(r Reservation) {
	b.t.Helper()
	if err := b.store.Reserve(r, always); err != nil {
		b.t.Fatal(err)
	}
}

func always([]Reservation) (bool, error) { return true, nil }

// ask hands the server a request and gives the answer, nil when there is none.
func (b *bench) ask(m *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	b.t.Helper()
	b.answer = nil
	b.handle(m.ToBytes(), udp.Peer{Remote: netip.MustParseAddrPort("127.0.0.1:68"), Local: ip("127.0.0.1")})
	b.store.commit()
	if b.answer == nil {
		return nil
	}
	answer, err := dhcpv4.FromBytes(b.answer.ToBytes())
	if err != nil {
		b.t.Fatal(err)
	}
	return answer
}

func message(t *testing.T, kind dhcpv4.MessageType, mac string, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	hw, err := net.ParseMAC(mac)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithMessageType(kind), dhcpv4.WithHwAddr(hw)}, mods...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func inLAN() dhcpv4.Modifier { return dhcpv4.WithRelay(net.IP{192, 0, 2, 1}) }

func wanting(s string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.ParseIP(s)))
}

// dora takes a machine to its address, or gives "" when it gets none.
func (b *bench) dora(mac string, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	b.t.Helper()
	offer := b.ask(message(b.t, dhcpv4.MessageTypeDiscover, mac, mods...))
	if offer == nil {
		return nil
	}
	if offer.MessageType() != dhcpv4.MessageTypeOffer {
		b.t.Fatalf("%s: %v instead of an offer", mac, offer.MessageType())
	}
	take := []dhcpv4.Modifier{wanting(offer.YourIPAddr.String()), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier()))}
	ack := b.ask(message(b.t, dhcpv4.MessageTypeRequest, mac, append(take, mods...)...))
	if ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck || !ack.YourIPAddr.Equal(offer.YourIPAddr) {
		b.t.Fatalf("%s: offered %v, then %v", mac, offer.YourIPAddr, ack)
	}
	return ack
}

func yours(m *dhcpv4.DHCPv4) string {
	if m == nil {
		return "silence"
	}
	if m.MessageType() == dhcpv4.MessageTypeNak {
		return "NAK"
	}
	return m.YourIPAddr.String()
}

func TestReservedMachineGetsItsAddressAndBootOptions(t *testing.T) {
	b := newBench(t, Boot{Files: DefaultFiles()})
	b.reserve(Reservation{
		Name: "web1.example.test", MAC: alice, IP: ip("192.0.2.10"), Network: lan,
		Hostname: "web1.example.test", Filename: "pxelinux.0", NextServer: "192.0.2.5",
	})
	ack := b.dora(alice, inLAN(), dhcpv4.WithNetboot)
	got := map[string]any{
		"ip": yours(ack), "next": ack.ServerIPAddr.String(), "file": ack.BootFileName, "67": ack.BootFileNameOption(),
		"66": ack.TFTPServerName(), "host": ack.HostName(), "mask": net.IP(ack.SubnetMask()).String(),
		"router": ack.Router()[0].String(), "dns": len(ack.DNS()), "ntp": ack.NTPServers()[0].String(),
		"domain": ack.DomainName(), "time": ack.IPAddressLeaseTime(0), "broadcast": ack.BroadcastAddress().String(),
		"server": ack.ServerIdentifier().String(), "mtu": ack.Options.Get(dhcpv4.OptionInterfaceMTU)[1],
	}
	want := map[string]any{
		"ip": "192.0.2.10", "next": "192.0.2.5", "file": "pxelinux.0", "67": "pxelinux.0", "66": "192.0.2.5",
		"host": "web1.example.test", "mask": "255.255.255.0", "router": "192.0.2.1", "dns": 2, "ntp": "192.0.2.4",
		"domain": "example.test", "time": time.Hour, "broadcast": "192.0.2.255", "server": "127.0.0.1", "mtu": byte(1400 & 255),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	i := slices.IndexFunc(b.seen, func(e Exchange) bool { return e.MAC == alice && e.Reply == "ACK" })
	if i < 0 || b.seen[i].BootFile != "pxelinux.0" || b.seen[i].Server != "192.0.2.5" || b.seen[i].IP != ip("192.0.2.10") {
		t.Errorf("observed %+v", b.seen)
	}
}

func TestReservationDecidesTheSubnetWithoutRelay(t *testing.T) {
	b := newBench(t, Boot{})
	b.reserve(Reservation{MAC: alice, IP: ip("198.51.100.200"), Network: remote})
	if got := yours(b.dora(alice)); got != "198.51.100.200" {
		t.Errorf("got %s", got)
	}
}

func TestRangeIsGivenOutOnceEach(t *testing.T) {
	b := newBench(t, Boot{})
	b.reserve(Reservation{MAC: carol, IP: ip("192.0.2.101"), Network: lan})
	got := []string{yours(b.dora(alice, inLAN())), yours(b.dora(bob, inLAN())), yours(b.dora("02:00:00:00:00:0d", inLAN()))}
	if want := []string{"192.0.2.100", "192.0.2.102", "silence"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v: the reserved address is nobody else's", got, want)
	}
	if again := yours(b.dora(alice, inLAN())); again != "192.0.2.100" {
		t.Errorf("the same machine got %s the second time", again)
	}
	b.later(2 * time.Hour)
	if old := yours(b.dora("02:00:00:00:00:0d", inLAN())); old != "192.0.2.102" && old != "192.0.2.100" {
		t.Errorf("after the leases ended: %s", old)
	}
}

func TestOfferIsHeldForAMinute(t *testing.T) {
	b := newBench(t, Boot{})
	discover := func(mac string) string {
		return yours(b.ask(message(t, dhcpv4.MessageTypeDiscover, mac, inLAN(), wanting("192.0.2.102"))))
	}
	if got := discover(alice); got != "192.0.2.102" {
		t.Fatalf("a free wish was not granted: %s", got)
	}
	if got := discover(bob); got == "192.0.2.102" {
		t.Fatal("an offered address was offered twice")
	}
	b.later(offerTime + time.Second)
	if got := discover(carol); got != "192.0.2.102" {
		t.Fatalf("an offer nobody took was not freed: %s", got)
	}
}

func TestRequests(t *testing.T) {
	other := dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IP{192, 0, 2, 66}))
	for _, tc := range []struct {
		name string
		mac  string
		mods []dhcpv4.Modifier
		want string
	}{
		{"restart with its own lease", alice, []dhcpv4.Modifier{inLAN(), wanting("192.0.2.100")}, "192.0.2.100"},
		{"restart after the lease file was lost", carol, []dhcpv4.Modifier{inLAN(), wanting("192.0.2.102")}, "192.0.2.102"},
		{"restart in another network", alice, []dhcpv4.Modifier{inLAN(), wanting("203.0.113.9")}, "NAK"},
		{"someone else's lease", carol, []dhcpv4.Modifier{inLAN(), wanting("192.0.2.100")}, "NAK"},
		{"someone else's reservation", carol, []dhcpv4.Modifier{inLAN(), wanting("192.0.2.10")}, "NAK"},
		{"reserved machine with an old address", bob, []dhcpv4.Modifier{inLAN(), wanting("192.0.2.101")}, "NAK"},
		{"outside of the ranges", carol, []dhcpv4.Modifier{inLAN(), wanting("192.0.2.50")}, "NAK"},
		{"renewal", alice, []dhcpv4.Modifier{inLAN(), dhcpv4.WithClientIP(net.IP{192, 0, 2, 100})}, "192.0.2.100"},
		{"another server's offer", alice, []dhcpv4.Modifier{inLAN(), other, wanting("192.0.2.100")}, "silence"},
		{"no address at all", alice, []dhcpv4.Modifier{inLAN()}, "silence"},
		{"a relay we do not know", alice, []dhcpv4.Modifier{dhcpv4.WithRelay(net.IP{203, 0, 113, 1}), wanting("192.0.2.100")}, "silence"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, Boot{})
			b.reserve(Reservation{MAC: bob, IP: ip("192.0.2.10"), Network: lan})
			b.dora(alice, inLAN())
			if got := yours(b.ask(message(t, dhcpv4.MessageTypeRequest, tc.mac, tc.mods...))); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReleaseFreesAndDeclineRests(t *testing.T) {
	b := newBench(t, Boot{})
	for _, mac := range []string{alice, bob, carol} {
		b.dora(mac, inLAN())
	}
	newcomer := "02:00:00:00:00:0d"
	// Someone else's release and decline are nothing.
	b.ask(message(t, dhcpv4.MessageTypeRelease, newcomer, inLAN(), dhcpv4.WithClientIP(net.IP{192, 0, 2, 100})))
	b.ask(message(t, dhcpv4.MessageTypeDecline, newcomer, inLAN(), wanting("192.0.2.100")))
	if got := yours(b.dora(newcomer, inLAN())); got != "silence" {
		t.Fatalf("a full range gave %s", got)
	}
	b.ask(message(t, dhcpv4.MessageTypeRelease, bob, inLAN(), dhcpv4.WithClientIP(net.IP{192, 0, 2, 101})))
	if got := yours(b.dora(newcomer, inLAN())); got != "192.0.2.101" {
		t.Fatalf("after a release: %s", got)
	}
	b.ask(message(t, dhcpv4.MessageTypeDecline, newcomer, inLAN(), wanting("192.0.2.101")))
	if got := yours(b.dora(newcomer, inLAN())); got != "silence" {
		t.Fatalf("a declined address was given out: %s", got)
	}
	b.later(declineTime + time.Second)
	if got := yours(b.dora(newcomer, inLAN())); got == "silence" {
		t.Fatal("a declined address rests for ever")
	}
}

func TestInformGetsOptionsButNoAddress(t *testing.T) {
	b := newBench(t, Boot{})
	ack := b.ask(message(t, dhcpv4.MessageTypeInform, alice, inLAN(), dhcpv4.WithClientIP(net.IP{192, 0, 2, 77})))
	if ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck || ack.IPAddressLeaseTime(0) != 0 ||
		!ack.YourIPAddr.IsUnspecified() || ack.DomainName() != "example.test" {
		t.Errorf("got %v", ack)
	}
}

func TestRelayOptionsAreEchoedAndSelectTheLink(t *testing.T) {
	b := newBench(t, Boot{})
	info := dhcpv4.WithOption(dhcpv4.OptRelayAgentInfo(
		dhcpv4.OptGeneric(dhcpv4.AgentCircuitIDSubOption, []byte("port 7")),
		dhcpv4.OptGeneric(dhcpv4.LinkSelectionSubOption, []byte{198, 51, 100, 1})))
	ack := b.dora(alice, inLAN(), info)
	if !remote.Contains(addr(ack.YourIPAddr)) {
		t.Errorf("link selection ignored: %v", ack.YourIPAddr)
	}
	if echo := ack.RelayAgentInfo(); echo == nil || string(echo.Get(dhcpv4.AgentCircuitIDSubOption)) != "port 7" {
		t.Errorf("relay information not echoed: %v", echo)
	}
	if !ack.ServerIPAddr.Equal(net.IP{198, 51, 100, 2}) {
		t.Errorf("next server %v is not the subnet's", ack.ServerIPAddr)
	}
}
