package orchestrate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/proxy/dns"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	ptr50 = "50.2.0.192.in-addr.arpa"
	file1 = "tftp pxelinux.cfg/01-52-54-00-00-00-01"
)

// TestLife takes a host from its creation to its end and looks at the world
// after each change.
func TestLife(t *testing.T) {
	w := newWorld(t)
	h := w.machine()
	if err := w.create(h); err != nil {
		t.Fatal(err)
	}
	building := map[string]string{
		"dns A web01.example.com": "192.0.2.50", "dns PTR " + ptr50: "web01.example.com",
		"dhcp 52:54:00:00:00:01":     "192.0.2.50 web01.example.com pxelinux.0 192.0.2.2",
		file1:                        "PXELinux of web01.example.com, build true, token true",
		"autosign web01.example.com": "yes",
	}
	w.want("created", building)
	if files := w.tftp.Fetched(); len(files) != 2 {
		t.Errorf("fetched %v", files)
	}
	built := func(h *inventory.Host) { h.Build, h.InstalledAt = false, time.Now().Truncate(time.Second) }
	w.change(h.ID, built)
	building[file1] = "PXELinux of web01.example.com, build false, token false"
	w.want("built", building)

	w.change(h.ID, func(h *inventory.Host) { h.InstalledAt = h.InstalledAt.Add(-time.Hour) })
	w.change(h.ID, func(h *inventory.Host) { h.Build = true })
	building[file1] = "PXELinux of web01.example.com, build true, token true"
	w.want("built anew", building)
	w.ca.Request("web01.example.com")
	w.change(h.ID, func(h *inventory.Host) { h.Build = false })
	building[file1] = "PXELinux of web01.example.com, build false, token false"
	delete(building, "autosign web01.example.com")
	w.want("called off", building)

	calls := w.trip.calls
	w.change(h.ID, func(h *inventory.Host) { h.Comment = "only a comment" })
	if w.trip.calls != calls {
		t.Errorf("a comment made %d calls", w.trip.calls-calls)
	}
	w.change(h.ID, func(h *inventory.Host) {
		h.Primary().IP, h.Primary().MAC, h.IP, h.MAC = "192.0.2.51", "52:54:00:00:00:02", "192.0.2.51", "52:54:00:00:00:02"
	})
	w.want("moved", map[string]string{
		"dns A web01.example.com": "192.0.2.51", "dns PTR 51.2.0.192.in-addr.arpa": "web01.example.com",
		"dhcp 52:54:00:00:00:02":                 "192.0.2.51 web01.example.com pxelinux.0 192.0.2.2",
		"tftp pxelinux.cfg/01-52-54-00-00-00-02": "PXELinux of web01.example.com, build false, token false",
	})
	w.change(h.ID, func(h *inventory.Host) { h.Name = "db01.example.com" })
	if got := w.outside(); got["dns A db01.example.com"] != "192.0.2.51" || got["dns A web01.example.com"] != "" || !strings.Contains(got["dhcp 52:54:00:00:00:02"], "db01") {
		t.Errorf("renamed: %v", got)
	}
	if err := w.remove(h.ID); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.want("deleted", map[string]string{})
	if rows := w.rows(); len(rows) != 0 {
		t.Errorf("left: %v", rows)
	}
}

func (w *world) change(id int64, f func(*inventory.Host)) {
	w.t.Helper()
	if err := w.update(id, f); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

func (w *world) want(when string, want map[string]string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.outside(), cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// TestAllOrNothing fails a change at its first call to the proxy, then at its
// second, and so on until it succeeds: each time all of it happened or nothing.
func TestAllOrNothing(t *testing.T) {
	for _, f := range []fault{refuse, lost, away} {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var h *inventory.Host
			w.pebble("create", f, func() error {
				h = w.machine()
				return w.create(h)
			})
			w.pebble("update", f, func() error {
				return w.update(h.ID, func(h *inventory.Host) {
					h.Build, h.InstalledAt = false, time.Now().Truncate(time.Second)
					h.IP, h.Primary().IP, h.Parameters = "192.0.2.60", "192.0.2.60", nil
				})
			})
			w.pebble("delete", f, func() error { return w.remove(h.ID) })
		})
	}
}

func (w *world) pebble(what string, f fault, do func() error) {
	w.t.Helper()
	rows, outside := w.rows(), w.outside()
	for i := 1; ; i++ {
		if i > 100 {
			w.t.Fatalf("%s still fails at call %d", what, i)
		}
		w.trip.set(i, f)
		started := time.Now()
		err := do()
		took := time.Since(started)
		hit := w.trip.heal()
		w.settle()
		if took > 10*time.Second {
			w.t.Errorf("%s, call %d: answered after %v", what, i, took)
		}
		if err == nil && !hit {
			w.t.Logf("%s makes %d calls", what, i-1)
			return
		}
		if err == nil { // nobody waits for what comes after
			w.t.Logf("%s succeeds although call %d fails", what, i)
			return
		}
		at := fmt.Sprintf("%s, call %d", what, i)
		if !errors.As(err, new(*errs.Error)) || strings.Contains(err.Error(), "canary") {
			w.t.Errorf("%s: %v", at, err)
		}
		w.want(at, outside)
		if diff := cmp.Diff(rows, w.rows(), cmpopts.IgnoreFields(noun.Base{}, "UpdatedAt"), cmpopts.EquateEmpty()); diff != "" {
			w.t.Fatalf("%s: rows differ:\n%s", at, diff)
		}
	}
}

// TestStrangersStay: what is in the way is another's and survives the way back.
func TestStrangersStay(t *testing.T) {
	w := newWorld(t)
	theirs := dns.Record{Name: ptr50, Type: dns.PTR, Value: "printer.example.com"}
	if err := w.dns.Create(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	err := w.create(w.machine())
	w.settle()
	if !errs.Is(err, errs.Conflict) {
		t.Errorf("err = %v", err)
	}
	w.want("undone", map[string]string{"dns PTR " + ptr50: "printer.example.com"})
	if rows := w.rows(); len(rows) != 0 {
		t.Errorf("rows %v", rows)
	}
}

// TestProxyAway: somebody waits, so the answer comes soon and says who is away.
func TestProxyAway(t *testing.T) {
	w := newWorld(t)
	w.trip.always("version")
	started := time.Now()
	err := w.create(w.machine())
	if !errs.Is(err, errs.Upstream) || !strings.Contains(err.Error(), "does not answer") || time.Since(started) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(started), err)
	}
	w.settle()
	w.want("undone", nil)
	if rows := w.rows(); len(rows) != 0 {
		t.Errorf("rows %v", rows)
	}
}

// TestForGood: a proxy that never writes a configuration leaves no host behind.
func TestForGood(t *testing.T) {
	w := newWorld(t)
	w.trip.always("tftp set")
	if err := w.create(w.machine()); !errs.Is(err, errs.Upstream) {
		t.Errorf("err = %v", err)
	}
	w.settle()
	w.want("undone", nil)
	if rows := w.rows(); len(rows) != 0 {
		t.Errorf("rows %v", rows)
	}
	var told []string
	for _, a := range w.audits.all {
		if a.Type == "Host::Base" {
			told = append(told, a.Action)
		}
	}
	if diff := cmp.Diff([]string{"create", "destroy"}, told); diff != "" {
		t.Error(diff)
	}
}

// TestStaleUndo: an engine that lost its step while it slept puts no row back;
// whoever holds the step does.
func TestStaleUndo(t *testing.T) {
	w := newWorld(t)
	h := w.machine()
	if err := w.create(h); err != nil {
		t.Fatal(err)
	}
	w.settle()
	rows, undos := w.rows(), 0
	var during []string
	w.sql = func(tx *noun.Tx) *sqldb.Tx {
		conn := store.SQL(tx)
		if undos++; undos == 1 {
			w.trip.heal()
			if _, err := conn.Exec(t.Context(), "UPDATE job_steps SET fence = fence + 1 WHERE owner <> ''"); err != nil {
				t.Error(err)
			}
			return conn
		}
		now, err := noun.Load[inventory.Host](t.Context(), tx, h.ID)
		if err != nil {
			t.Error(err)
			return conn
		}
		during = append(during, now.Comment)
		return conn
	}
	w.trip.always("tftp set")
	err := w.update(h.ID, func(h *inventory.Host) { h.Comment, h.PXELoader = "newer", "Grub2 UEFI" })
	if !errs.Is(err, errs.Upstream) {
		t.Errorf("err = %v", err)
	}
	w.settle()
	if diff := cmp.Diff([]string{"newer"}, during); diff != "" {
		t.Errorf("the row when the step's holder undid it (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rows, w.rows(), cmpopts.IgnoreFields(noun.Base{}, "UpdatedAt"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("undone, rows differ:\n%s", diff)
	}
}

// TestRebuild sets what somebody else removed, and takes nothing away when it fails.
func TestRebuild(t *testing.T) {
	w := newWorld(t)
	h := w.machine()
	if err := w.create(h); err != nil {
		t.Fatal(err)
	}
	before := w.outside()
	if err := w.dns.Delete(t.Context(), "web01.example.com", dns.A); err != nil {
		t.Fatal(err)
	}
	rebuild := func(parts ...string) error {
		var plan string
		err := w.Reg.Write(t.Context(), func(tx *noun.Tx) (err error) {
			whole, err := noun.LoadWhole[inventory.Host](t.Context(), tx, h.ID)
			if err == nil {
				plan, err = w.plans.Rebuild(t.Context(), tx, whole, parts...)
			}
			return err
		})
		if err != nil {
			return err
		}
		return w.plans.Wait(t.Context(), plan)
	}
	if err := rebuild(); err != nil {
		t.Fatal(err)
	}
	w.want("rebuilt", before)
	w.trip.always("tftp set")
	if err := rebuild("TFTP"); !errs.Is(err, errs.Upstream) {
		t.Errorf("err = %v", err)
	}
	w.settle()
	w.want("failed", before)
}

// TestPlansHoldNoSecrets: what is stored of a plan is in clear but for the host
// as it was.
func TestPlansHoldNoSecrets(t *testing.T) {
	w := newWorld(t)
	h := w.machine()
	if err := w.create(h); err != nil {
		t.Fatal(err)
	}
	token := w.rows()[0].Token
	w.change(h.ID, func(h *inventory.Host) { h.Build = false })
	runs, err := w.engine.List(context.Background(), job.Query{})
	if err != nil || len(runs) != 2 {
		t.Fatalf("%d plans, %v", len(runs), err)
	}
	for _, r := range runs {
		whole, err := w.engine.Load(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range whole.Steps {
			text := string(s.Args) + s.Output + s.Name
			if strings.Contains(text, "canary") || strings.Contains(text, token) {
				t.Errorf("%s %s: %.200s", r.Kind, s.Name, text)
			}
		}
	}
}
