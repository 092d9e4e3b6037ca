package report_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/noun/nountest"
	"github.com/chargehand/chargehand/core/report"
	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)

func newService(t *testing.T) (*report.Service, *noun.Registry) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "core.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	reg := storetest.Registry(t, db, inventory.Options{})
	return report.NewService(reg, nountest.Admin{}, func() time.Time { return noon }), reg
}

func all[T any](t *testing.T, reg *noun.Registry) (found []*T) {
	t.Helper()
	err := reg.Read(t.Context(), func(tx *noun.Tx) (err error) {
		found, err = noun.Find[T](t.Context(), tx, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func intake(at time.Time, c report.Counters) *report.Intake {
	return &report.Intake{
		Host: "web01.example.com", ReportedAt: at, Status: c, Metrics: json.RawMessage(`{"time":{"total":1}}`), Origin: "Puppet",
		Logs: []inventory.ReportLog{{Level: "notice", Source: "Puppet", Message: "Hello"}},
	}
}

func TestReports(t *testing.T) {
	s, reg := newService(t)
	first, err := s.Report(t.Context(), intake(noon, report.Counters{Failed: 1}))
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Report(t.Context(), intake(noon, report.Counters{Applied: 9}))
	if err != nil || again.ID != first.ID || again.Status != first.Status {
		t.Errorf("the same report again: %+v, %v", again, err)
	}
	host := func() *inventory.Host {
		hosts := all[inventory.Host](t, reg)
		if len(hosts) != 1 {
			t.Fatalf("%d hosts", len(hosts))
		}
		return hosts[0]
	}
	h := host()
	if h.Managed || !h.Enabled || h.Certname != h.Name || h.ConfigurationLabel != "Error" || h.GlobalStatus != 2 || !h.LastReport.Equal(noon.Truncate(time.Microsecond)) {
		t.Errorf("host %+v", h)
	}
	if _, err := s.Report(t.Context(), intake(noon.Add(-time.Hour), report.Counters{Applied: 1})); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, host()); diff != "" {
		t.Errorf("an older report moved the host:\n%s", diff)
	}
	if _, err := s.Report(t.Context(), intake(noon.Add(time.Hour), report.Counters{Applied: 1})); err != nil {
		t.Fatal(err)
	}
	if h := host(); h.ConfigurationLabel != "Active" || h.GlobalStatus != 0 || h.LastOrigin != "Puppet" {
		t.Errorf("host %+v", h)
	}
	if n := len(all[inventory.ConfigReport](t, reg)); n != 3 {
		t.Errorf("%d reports", n)
	}
}

func TestReportsRefuse(t *testing.T) {
	s, reg := newService(t)
	for _, name := range []string{"../../etc", "a b", "<script>", strings.Repeat("a", 300), "x\x00y"} {
		in := intake(noon, report.Counters{})
		in.Host = name
		if _, err := s.Report(t.Context(), in); !errs.Is(err, errs.Invalid) {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	if n := len(all[inventory.Host](t, reg)); n != 0 {
		t.Errorf("%d hosts", n)
	}
}

// TestParallelUploads: of many uploads of one unknown machine, one makes it.
func TestParallelUploads(t *testing.T) {
	s, reg := newService(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if _, err := s.Report(t.Context(), intake(noon.Add(time.Duration(i/2)*time.Minute), report.Counters{})); err != nil {
				t.Error(err)
			}
			up := &report.FactsUpload{Name: "web01.example.com", Certname: "web01.example.com", Facts: facts(fmt.Sprint(i), "12")}
			if _, err := s.Facts(t.Context(), up); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	hosts, reports := all[inventory.Host](t, reg), all[inventory.ConfigReport](t, reg)
	systems, archs := all[inventory.OperatingSystem](t, reg), all[inventory.Architecture](t, reg)
	if len(hosts) != 1 || len(reports) != 4 || len(systems) != 1 || len(archs) != 1 {
		t.Fatalf("%d hosts, %d reports, %d systems, %d architectures", len(hosts), len(reports), len(systems), len(archs))
	}
	if h := hosts[0]; h.OperatingSystemID != systems[0].ID || h.ArchitectureID != archs[0].ID {
		t.Errorf("host %+v", h)
	}
}

func facts(uptime, major string) map[string]any {
	return map[string]any{
		"uptime": uptime, "empty": "", "nothing": nil,
		"os": map[string]any{"name": "Debian", "family": "Debian", "architecture": "amd64", "release": map[string]any{"full": major + ".5", "major": major}},
	}
}

func TestFacts(t *testing.T) {
	s, reg := newService(t)
	upload := func(f map[string]any) {
		t.Helper()
		if _, err := s.Facts(t.Context(), &report.FactsUpload{Name: "web01.example.com", Certname: "web01.example.com", Facts: f}); err != nil {
			t.Fatal(err)
		}
	}
	stored := func() (map[string]string, map[string]int64) {
		names, values, ids := map[int64]string{}, map[string]string{}, map[string]int64{}
		for _, n := range all[inventory.FactName](t, reg) {
			names[n.ID] = n.Name
		}
		for _, v := range all[inventory.FactValue](t, reg) {
			values[names[v.FactNameID]], ids[names[v.FactNameID]] = v.Value, v.ID
		}
		return values, ids
	}
	upload(facts("1", "12"))
	want := map[string]string{
		"uptime": "1", "os": "", "os::name": "Debian", "os::family": "Debian", "os::architecture": "amd64",
		"os::release": "", "os::release::full": "12.5", "os::release::major": "12",
	}
	before, ids := stored()
	if diff := cmp.Diff(want, before); diff != "" {
		t.Error(diff)
	}
	next := facts("2", "12")
	delete(next["os"].(map[string]any), "family")
	next["new"] = true
	upload(next)
	want["uptime"], want["new"] = "2", "true"
	delete(want, "os::family")
	after, kept := stored()
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
	if ids["uptime"] != kept["uptime"] || ids["os::name"] != kept["os::name"] {
		t.Error("rows of facts that stay were made anew")
	}
	deep := map[string]any{}
	for range 40 {
		deep = map[string]any{"x": deep}
	}
	if _, err := s.Facts(t.Context(), &report.FactsUpload{Name: "other.example.com", Certname: "other.example.com", Facts: deep}); !errs.Is(err, errs.TooLarge) {
		t.Errorf("err = %v", err)
	}
	if n := len(all[inventory.Host](t, reg)); n != 1 {
		t.Errorf("facts that were refused made a host: %d", n)
	}
}
