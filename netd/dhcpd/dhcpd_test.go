package dhcpd

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
	"go.uber.org/goleak"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
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

func TestAcknowledgedStateSurvivesReopening(t *testing.T) {
	b := newBench(t, Boot{})
	b.reserve(Reservation{MAC: bob, IP: ip("192.0.2.10"), Network: lan, Filename: "pxelinux.0", Extra: map[string]string{"root_path": "/x"}})
	b.reserve(Reservation{MAC: carol, IP: ip("192.0.2.11"), Network: lan})
	if err := b.store.Unreserve(lan, carol); err != nil {
		t.Fatal(err)
	}
	b.dora(alice, inLAN())
	again := b.openStore() // the first is still open: what kill -9 leaves
	defer again.Close()
	if diff := cmp.Diff(b.store.Reservations(lan), again.Reservations(lan), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	leases := again.Leases(lan)
	if len(leases) != 1 || leases[0].MAC != alice || leases[0].IP != ip("192.0.2.100") || leases[0].State != Active {
		t.Errorf("leases %+v", leases)
	}
	again.writer.Lock()
	records, err := again.snapshot()
	again.writer.Unlock()
	if err != nil || len(records) != 2 {
		t.Errorf("a snapshot of %d records, %v", len(records), err)
	}
}

func TestReserveDecidesInOneStep(t *testing.T) {
	store, err := OpenStore(t.TempDir(), clock.Fixed(start))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	exclusive := func(others []Reservation) (bool, error) {
		if len(others) > 0 {
			return false, errs.New(errs.Conflict, "taken")
		}
		return true, nil
	}
	var wins, losses int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			mac := net.HardwareAddr{2, 0, 0, 0, 1, byte(i)}.String()
			err := store.Reserve(Reservation{MAC: mac, IP: ip("192.0.2.10"), Network: lan}, exclusive)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins++
			} else if errs.Is(err, errs.Conflict) {
				losses++
			}
		})
	}
	wg.Wait()
	if wins != 1 || losses != 19 {
		t.Errorf("%d won, %d lost", wins, losses)
	}
	if err := store.Reserve(Reservation{MAC: "02-00-00-00-00-01", IP: ip("192.0.2.10"), Network: lan}, always); !errs.Is(err, errs.Invalid) {
		t.Errorf("a MAC with dashes: %v", err)
	}
}

func TestSubnetsAreChecked(t *testing.T) {
	store, err := OpenStore(t.TempDir(), clock.Fixed(start))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.PutSubnet(Subnet{Prefix: lan}); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]Subnet{
		"host bits":     {Prefix: netip.MustParsePrefix("198.51.100.1/24")},
		"IPv6":          {Prefix: netip.MustParsePrefix("2001:db8::/64")},
		"overlap":       {Prefix: netip.MustParsePrefix("192.0.2.128/25")},
		"foreign range": {Prefix: remote, Ranges: []Range{{ip("192.0.2.1"), ip("192.0.2.2")}}},
		"backward":      {Prefix: remote, Ranges: []Range{{ip("198.51.100.9"), ip("198.51.100.2")}}},
	} {
		if err := store.PutSubnet(bad); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBootFileChoice(t *testing.T) {
	boot := Boot{
		Script: "http://boot/script", Files: DefaultFiles(),
		HTTP: map[iana.Arch]string{iana.EFI_X86_64_HTTP: "http://boot/shimx64.efi"},
	}
	arch := func(a iana.Arch) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptClientArch(a)) }
	class := func(s string) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptClassIdentifier(s)) }
	user := func(rfc bool) dhcpv4.Modifier { return dhcpv4.WithUserClass("iPXE", rfc) }
	for _, tc := range []struct {
		name     string
		mods     []dhcpv4.Modifier
		reserved string
		want     string
	}{
		{"a running system", nil, "", ""},
		{"a running system with a reservation", nil, "pxelinux.0", "pxelinux.0"},
		{"BIOS", []dhcpv4.Modifier{class("PXEClient:Arch:00000:UNDI:002001"), arch(0)}, "", "pxelinux.0"},
		{"BIOS that tells no architecture", []dhcpv4.Modifier{class("PXEClient")}, "", "pxelinux.0"},
		{"UEFI", []dhcpv4.Modifier{class("PXEClient:Arch:00007"), arch(7)}, "", "grub2/shimx64.efi"},
		{"UEFI as 9", []dhcpv4.Modifier{arch(9)}, "", "grub2/shimx64.efi"},
		{"arm64", []dhcpv4.Modifier{arch(11)}, "", "grub2/shimaa64.efi"},
		{"an architecture without loader", []dhcpv4.Modifier{arch(2)}, "", ""},
		{"UEFI with its own file", []dhcpv4.Modifier{arch(7)}, "grub2/grubx64.efi", "grub2/grubx64.efi"},
		{"iPXE", []dhcpv4.Modifier{user(false)}, "", "http://boot/script"},
		{"iPXE, RFC 3004", []dhcpv4.Modifier{user(true)}, "", "http://boot/script"},
		{"iPXE loaded from undionly", []dhcpv4.Modifier{user(false)}, "undionly.kpxe", "http://boot/script"},
		{"iPXE as firmware", []dhcpv4.Modifier{user(false), arch(0)}, "pxelinux.0", "pxelinux.0"},
		{"HTTP boot", []dhcpv4.Modifier{class("HTTPClient:Arch:00016:UNDI:003001"), arch(16)}, "", "http://boot/shimx64.efi"},
		{"HTTP boot with a TFTP file", []dhcpv4.Modifier{class("HTTPClient"), arch(16)}, "grub2/grubx64.efi", "http://boot/shimx64.efi"},
		{"HTTP boot with its own URL", []dhcpv4.Modifier{class("HTTPClient"), arch(16)}, "https://own/x.efi", "https://own/x.efi"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := boot.file(firmwareOf(message(t, dhcpv4.MessageTypeDiscover, alice, tc.mods...)), tc.reserved); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestHTTPClientIsEchoedAndLongURLsGoInOption67(t *testing.T) {
	long := "http://boot.example.test/" + strings.Repeat("long/", 25) + "shimx64.efi"
	b := newBench(t, Boot{HTTP: map[iana.Arch]string{16: long}})
	ack := b.dora(alice, inLAN(), dhcpv4.WithOption(dhcpv4.OptClassIdentifier("HTTPClient:Arch:00016")), dhcpv4.WithOption(dhcpv4.OptClientArch(16)))
	if ack.ClassIdentifier() != "HTTPClient" || ack.BootFileNameOption() != long || ack.BootFileName != "" {
		t.Errorf("class %q, 67 %q, file %q", ack.ClassIdentifier(), ack.BootFileNameOption(), ack.BootFileName)
	}
}
