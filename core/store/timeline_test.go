package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/google/go-cmp/cmp"
)

func TestTimeline(t *testing.T) {
	db := openSQLite(t)
	reg := storetest.Registry(t, db, inventory.Options{})
	w := storetest.Make(t, reg)
	h := w.Host("web01.example.com", 1)
	h.Certname, h.IP, h.IP6 = "c0ffee", "192.0.2.77", "2001:db8::77"
	host := storetest.Create(t, reg, h)
	events := store.NewTimeline(db)
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }
	for i, e := range []timeline.Event{
		{MAC: "52:54:00:00:00:01", Stage: timeline.DHCP, Text: "by MAC"},
		{Address: "192.0.2.77", Stage: timeline.Loader, Text: "by address", Bytes: 42, Duration: 1500 * time.Microsecond},
		{Address: "2001:db8::77", Stage: timeline.Kernel, Text: "by IPv6 address", Failure: "not found"},
		{Certname: "c0ffee", Stage: timeline.CSR, Text: "by certname"},
		{Certname: "web01.example.com", Stage: timeline.Signed, Text: "by name"},
		{Host: host, Stage: timeline.Report, Text: "by id"},
		{MAC: "52:54:00:ff:ff:ff", Stage: timeline.DHCP, Text: "a stranger"},
		{Stage: timeline.DHCP, Text: "nobody"},
		{Host: 4711, Stage: timeline.DHCP, Text: "a host that is gone"},
	} {
		e.At = at(i)
		if err := events.Append(t.Context(), e); err != nil {
			t.Errorf("%s: %v", e.Text, err)
		}
	}
	all, err := events.Events(t.Context(), host, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range all {
		texts = append(texts, e.Text)
	}
	if diff := cmp.Diff([]string{"by MAC", "by address", "by IPv6 address", "by certname", "by name", "by id"}, texts); diff != "" {
		t.Error(diff)
	}
	want := timeline.Event{ID: all[1].ID, Host: host, Address: "192.0.2.77", Stage: timeline.Loader, At: at(1), Text: "by address", Bytes: 42, Duration: 1500 * time.Microsecond}
	if diff := cmp.Diff(want, all[1]); diff != "" {
		t.Error(diff)
	}
	if late, err := events.Events(t.Context(), host, at(4)); err != nil || len(late) != 2 {
		t.Errorf("since: %d, %v", len(late), err)
	}
}

// TestTimelineIsBounded: a machine in a boot loop fills nothing up, and each
// text has an end.
func TestTimelineIsBounded(t *testing.T) {
	db := openSQLite(t)
	reg := storetest.Registry(t, db, inventory.Options{})
	host := storetest.Create(t, reg, storetest.Make(t, reg).Host("web01.example.com", 1))
	events := store.NewTimeline(db)
	long := make([]byte, 1<<20)
	for i := range long {
		long[i] = 'x'
	}
	if err := events.Append(t.Context(), timeline.Event{Host: host, Stage: timeline.DHCP, At: time.Now(), Text: string(long), Failure: string(long)}); err != nil {
		t.Fatal(err)
	}
	all, err := events.Events(t.Context(), host, time.Time{})
	if err != nil || len(all) != 1 || len(all[0].Text) > 2048 || len(all[0].Failure) > 2048 {
		t.Errorf("%d events, %v", len(all), err)
	}
	for i := range 600 {
		if err := events.Append(t.Context(), timeline.Event{Host: host, Stage: timeline.DHCP, At: time.Now(), Text: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	all, err = events.Events(t.Context(), host, time.Time{})
	if err != nil || len(all) > 500+64 || all[len(all)-1].Text != "599" {
		t.Errorf("%d events, %v", len(all), err)
	}
}
