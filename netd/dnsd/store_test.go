package dnsd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestSerialRisesWithEachChangeAndOnlyThen(t *testing.T) {
	store := fill(t, openStore(t, t.TempDir()))
	serial := func() uint32 {
		a := store.answer(dns.Question{Name: "example.test.", Qtype: dns.TypeSOA, Qclass: dns.ClassINET})
		return a.answer[0].(*dns.SOA).Serial
	}
	before := serial()
	add(t, store, "example.test", "web.example.test. 86400 A 192.0.2.10") // there already
	if serial() != before {
		t.Error("the serial rose without a change")
	}
	add(t, store, "example.test", "web.example.test. 86400 A 192.0.2.77")
	if serial() != before+1 {
		t.Errorf("the serial went from %d to %d", before, serial())
	}
}

func TestRemovedNamesLeaveNothing(t *testing.T) {
	store := fill(t, openStore(t, t.TempDir()))
	z := store.zones["example.test."]
	before := len(z.nodes)
	add(t, store, "example.test", "deep.er.and.deeper.example.test. 60 A 192.0.2.1")
	if len(z.nodes) != before+4 {
		t.Errorf("%d names became %d", before, len(z.nodes))
	}
	err := store.Change("example.test", func(tx *Tx) error {
		tx.Set("deep.er.and.deeper.example.test", dns.TypeA)
		return nil
	})
	if err != nil || len(z.nodes) != before {
		t.Errorf("%d names are left of %d, %v", len(z.nodes), before, err)
	}
}

func TestZonesComeAndGo(t *testing.T) {
	dir := t.TempDir()
	store := fill(t, openStore(t, dir))
	if zone, ok := store.ZoneOf("x.y.Example.Test"); !ok || zone != "example.test." {
		t.Errorf("zone of a host is %q", zone)
	}
	if err := store.RemoveZone("other.test."); err != nil {
		t.Fatal(err)
	}
	records, err := store.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := store.journal.Rewrite(func(emit func([]byte)) {
		for _, r := range records {
			emit(r)
		}
	}); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, dir)
	if want := []string{"2.0.192.in-addr.arpa.", "example.test."}; !slices.Equal(again.Zones(), want) {
		t.Errorf("zones %v", again.Zones())
	}
	if diff := cmp.Diff(fmt.Sprint(store.transfer("example.test.")), fmt.Sprint(again.transfer("example.test."))); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", ".", "a..b", strings.Repeat("x", 64) + ".test"} {
		if err := store.CreateZone(bad, "ns.example.test"); !errs.Is(err, errs.Invalid) {
			t.Errorf("zone %q: %v", bad, err)
		}
	}
	if err := store.Change("none.test", func(*Tx) error { return nil }); !errs.Is(err, errs.NotFound) {
		t.Errorf("a change of no zone: %v", err)
	}
}

func BenchmarkChanges(b *testing.B) {
	store := fill(b, openStore(b, b.TempDir()))
	for i := range b.N {
		add(b, store, "example.test", fmt.Sprintf("h%d.example.test. 60 A 192.0.2.1", i))
	}
}
