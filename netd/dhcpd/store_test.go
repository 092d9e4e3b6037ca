package dhcpd

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/udp"
)

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

// TestDeletedReservationFreesItsAddress takes a machine's reservation away while
// it has its lease: the address is anybody's at once, also after a restart.
func TestDeletedReservationFreesItsAddress(t *testing.T) {
	b := newBench(t, Boot{})
	mine := Reservation{MAC: alice, IP: ip("192.0.2.10"), Network: lan}
	renew := func() string {
		return yours(b.ask(message(t, dhcpv4.MessageTypeRequest, alice, inLAN(), dhcpv4.WithClientIP(net.IP{192, 0, 2, 10}))))
	}
	b.reserve(mine)
	b.dora(alice, inLAN())
	mine.Filename = "grub2/grubx64.efi"
	b.reserve(mine)
	if held := b.store.Leases(lan); len(held) != 1 || !held[0].Live(b.now()) {
		t.Fatalf("another boot file ended the lease: %+v", held)
	}
	if err := b.store.Unreserve(lan, alice); err != nil {
		t.Fatal(err)
	}
	again := b.openStore() // what kill -9 leaves
	defer again.Close()
	for what, store := range map[string]*Store{"at once": b.store, "after a restart": again} {
		for _, l := range store.Leases(lan) {
			if l.Live(b.now()) {
				t.Errorf("%s: %s is still leased to %s", what, l.IP, l.MAC)
			}
		}
	}
	if got := renew(); got != "NAK" {
		t.Errorf("the one who lost it renews: %s", got)
	}
	b.reserve(Reservation{MAC: bob, IP: ip("192.0.2.10"), Network: lan})
	if got := yours(b.dora(bob, inLAN())); got != "192.0.2.10" {
		t.Errorf("the next one gets %s", got)
	}
	if got := renew(); got != "NAK" {
		t.Errorf("the one who lost it renews: %s", got)
	}
	if err := b.store.Unreserve(lan, alice); err != nil {
		t.Fatal(err)
	}
	if got := yours(b.dora(bob, inLAN())); got != "192.0.2.10" {
		t.Errorf("deleting what is gone ended another's lease: %s", got)
	}
}

// TestMovedReservationFreesItsAddress is the same for a reservation that another
// one, of another address, takes the place of.
func TestMovedReservationFreesItsAddress(t *testing.T) {
	b := newBench(t, Boot{})
	b.reserve(Reservation{MAC: alice, IP: ip("192.0.2.10"), Network: lan})
	b.dora(alice, inLAN())
	b.reserve(Reservation{MAC: alice, IP: ip("192.0.2.11"), Network: lan})
	b.reserve(Reservation{MAC: bob, IP: ip("192.0.2.10"), Network: lan})
	if got := yours(b.dora(bob, inLAN())); got != "192.0.2.10" {
		t.Errorf("the next one gets %s", got)
	}
}

// TestLeaseOnItsWayEndsWithItsReservation deletes a reservation between a lease
// and its write: the journal must not bring it back.
func TestLeaseOnItsWayEndsWithItsReservation(t *testing.T) {
	b := newBench(t, Boot{})
	b.reserve(Reservation{MAC: alice, IP: ip("192.0.2.10"), Network: lan})
	want := message(t, dhcpv4.MessageTypeRequest, alice, inLAN(), wanting("192.0.2.10"))
	b.handle(want.ToBytes(), udp.Peer{Remote: netip.MustParseAddrPort("127.0.0.1:68"), Local: ip("127.0.0.1")})
	if err := b.store.Unreserve(lan, alice); err != nil {
		t.Fatal(err)
	}
	b.store.commit()
	if b.answer == nil {
		t.Error("no answer to a request that came before")
	}
	again := b.openStore()
	defer again.Close()
	for _, l := range again.Leases(lan) {
		if l.Live(b.now()) {
			t.Errorf("the journal says %+v", l)
		}
	}
}

func TestDeclinedAddressRestsWithoutItsReservation(t *testing.T) {
	b := newBench(t, Boot{})
	b.reserve(Reservation{MAC: alice, IP: ip("192.0.2.10"), Network: lan})
	b.dora(alice, inLAN())
	b.ask(message(t, dhcpv4.MessageTypeDecline, alice, inLAN(), wanting("192.0.2.10")))
	if err := b.store.Unreserve(lan, alice); err != nil {
		t.Fatal(err)
	}
	b.reserve(Reservation{MAC: bob, IP: ip("192.0.2.10"), Network: lan})
	if got := yours(b.dora(bob, inLAN())); got != "silence" {
		t.Errorf("an address that a stranger uses went to %s", got)
	}
	b.later(declineTime + time.Second)
	if got := yours(b.dora(bob, inLAN())); got != "192.0.2.10" {
		t.Errorf("an hour later: %s", got)
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
