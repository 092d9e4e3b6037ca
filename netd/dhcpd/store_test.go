package dhcpd

import (
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
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
