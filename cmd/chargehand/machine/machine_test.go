package machine

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A machine goes through all 19 steps, in order, and what it was told on the way
// is where it belongs.
func TestAllNineteenSteps(t *testing.T) {
	s := newSite(t)
	cfg := s.register(7)
	var steps []Step
	cfg.Report = func(x Step) { steps = append(steps, x) }
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	var numbers []int
	for _, x := range steps {
		numbers = append(numbers, x.N)
		t.Logf("%d. %s (%v)\n      %s", x.N, x.Text, x.Took, strings.Join(x.Detail, "\n      "))
		if strings.Contains(x.Text+strings.Join(x.Detail, ""), "0123456789-abcdef") {
			t.Errorf("step %d shows the build token", x.N)
		}
	}
	want := make([]int, 19)
	for i := range want {
		want[i] = i + 1
	}
	if !slices.Equal(numbers, want) {
		t.Errorf("steps %v", numbers)
	}
	if m.Certname() != "m7.example.test" || m.Address().String() != "10.0.1.7" {
		t.Errorf("it is %s at %s", m.Certname(), m.Address())
	}
	wantCalls := []string{
		"GET /unattended/provision", "GET /unattended/finish",
		"GET /puppet-ca/v1/certificate/ca", "GET /puppet-ca/v1/certificate_revocation_list/ca",
		"PUT /puppet-ca/v1/certificate_request/m7.example.test",
		"GET /puppet-ca/v1/certificate/m7.example.test", "GET /puppet-ca/v1/certificate/m7.example.test", "GET /puppet-ca/v1/certificate/m7.example.test",
		"POST /unattended/built",
		"GET /puppet/v3/node/m7.example.test", "GET /puppet/v3/file_metadatas/plugins",
		"GET /puppet/v3/file_metadatas/pluginfacts", "GET /puppet/v3/file_content/pluginfacts/sub/a.rb",
		"GET /puppet/v3/file_metadatas/plugins", "GET /puppet/v3/file_content/plugins/sub/a.rb",
		"POST /puppet/v3/catalog/m7.example.test",
		"GET /puppet/v3/file_metadata/modules/motd/none", "GET /puppet/v3/file_metadata/modules/motd/src.txt", "GET /puppet/v3/file_content/modules/motd/src.txt",
		"GET /puppet/v3/file_metadatas/modules/motd/tree", "GET /puppet/v3/file_content/modules/motd/tree/sub/a.rb",
		"PUT /puppet/v3/report/m7.example.test",
	}
	if diff := cmp.Diff(wantCalls, s.asked); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// The report is what a real agent would have sent of that catalog: the same keys
// everywhere, nothing secret in it.
func TestReportLooksReal(t *testing.T) {
	s := newSite(t)
	m, err := New(s.register(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	rep := s.reports["m1.example.test"]
	if rep["status"] != "changed" || rep["configuration_version"] != 1795456477.0 {
		t.Errorf("status %v, version %v", rep["status"], rep["configuration_version"])
	}
	states := rep["resource_statuses"].(map[string]any)
	if len(states) != 8 { // neither classes nor defined types
		t.Errorf("%d resources: %v", len(states), slices.Sorted(maps.Keys(states)))
	}
	motd := states["File[/etc/motd]"].(map[string]any)
	if diff := cmp.Diff([]any{"Stage[main]", "Motd", "File[/etc/motd]"}, motd["containment_path"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"Stage[main]", "Motd", "Motd::Line[one]", "Package[curl]"}, states["Package[curl]"].(map[string]any)["containment_path"]); diff != "" {
		t.Error(diff)
	}
	e := motd["events"].([]any)[0].(map[string]any)
	if want := "defined content as '{sha256}" + sha256Hex([]byte("welcome\n")) + "'"; e["message"] != want || e["status"] != "success" {
		t.Errorf("event %v", e)
	}
	if raw, _ := json.Marshal(rep); strings.Contains(string(raw), sha256Hex([]byte("s3cr3t"))) || strings.Contains(string(raw), "s3cr3t") {
		t.Error("the report tells a sensitive value")
	}
	captured := capture(t, "257-PUT_report.http")
	if captured == nil {
		return
	}
	sameKeys(t, "report", captured, rep)
	theirs := captured["resource_statuses"].(map[string]any)["File[/srv/demo1]"].(map[string]any)
	sameKeys(t, "resource", theirs, motd)
	sameKeys(t, "event", theirs["events"].([]any)[0].(map[string]any), e)
	sameKeys(t, "log line", captured["logs"].([]any)[0].(map[string]any), rep["logs"].([]any)[0].(map[string]any))
	for _, metric := range []string{"resources", "changes", "events"} {
		if diff := cmp.Diff(labels(captured, metric), labels(rep, metric)); diff != "" {
			t.Errorf("metric %s: %s", metric, diff)
		}
	}
}

func labels(rep map[string]any, metric string) (out []string) {
	for _, v := range rep["metrics"].(map[string]any)[metric].(map[string]any)["values"].([]any) {
		out = append(out, fmt.Sprint(v.([]any)[:2]))
	}
	return out
}

func sameKeys(t *testing.T, what string, want, got map[string]any) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("keys of a %s (-real +ours):\n%s", what, diff)
	}
}

// capture reads the body of a recorded request, nil where the recordings are not
// at hand.
func capture(t *testing.T, name string) map[string]any {
	t.Helper()
	dir := os.Getenv("CHARGEHAND_REFERENCE")
	if dir == "" {
		dir = "../../../../shared/reference"
	}
	raw, err := os.ReadFile(dir + "/puppet/captures/agent-first-run/" + name)
	if err != nil {
		t.Log("the recordings are not at hand; nothing to compare with")
		return nil
	}
	var body map[string]any
	if err := json.NewDecoder(strings.NewReader(string(raw[strings.Index(string(raw), `{"host"`):]))).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestFactsAreThoseOfAWholeMachine(t *testing.T) {
	s := newSite(t)
	m, err := New(s.register(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := s.facts["m2.example.test"]
	if len(f) < 110 {
		t.Errorf("only %d facts", len(f))
	}
	net := f["networking"].(map[string]any)
	got := []any{f["clientcert"], f["fqdn"], net["ip"], net["mac"], net["netmask"], f["osfamily"], f["os"].(map[string]any)["release"].(map[string]any)["major"], f["kernel"], f["puppetversion"], f["is_virtual"]}
	want := []any{"m2.example.test", "m2.example.test", "10.0.1.2", "52:54:00:00:00:02", "255.255.0.0", "Debian", "12", "Linux", puppetVersion, true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A second run of the agent asks less and changes nothing; a changed file on the
// server changes one resource.
func TestLaterRuns(t *testing.T) {
	s := newSite(t)
	m, err := New(s.register(3))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := func() (status any, calls []string) {
		t.Helper()
		s.mu.Lock()
		s.asked = nil
		s.mu.Unlock()
		if err := m.RunAgent(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.reports["m3.example.test"]["status"], s.asked
	}
	status, calls := again()
	if status != "unchanged" || slices.ContainsFunc(calls, func(c string) bool { return strings.Contains(c, "/node/") || strings.Contains(c, "content") }) {
		t.Errorf("%v after %v", status, calls)
	}
	s.mu.Lock()
	s.content = "something else\n"
	s.mu.Unlock()
	if status, _ = again(); status != "changed" {
		t.Errorf("a changed file: %v", status)
	}
}

func TestManyMachinesAtOnce(t *testing.T) {
	s := newSite(t)
	var wg sync.WaitGroup
	for n := range 40 {
		m, err := New(s.register(n + 1))
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if err := m.Provision(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(s.reports) != 40 {
		t.Errorf("%d reports", len(s.reports))
	}
}

// Whatever is missing on the way ends the machine's life with a word that names it.
func TestFailuresSayWhatIsMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(s *site, cfg *Config)
		want  string
	}{
		"no configuration": {func(s *site, cfg *Config) { cfg.MAC[5] = 0xee; s.reserveOnly(cfg) }, "no boot configuration for this machine"},
		"local boot":       {func(s *site, cfg *Config) { s.config(cfg, "LABEL local\n LOCALBOOT 0\n") }, "is build mode on?"},
		"no kernel": {func(s *site, cfg *Config) {
			s.config(cfg, "LABEL x\n KERNEL boot/none\n APPEND url=http://foreman.example.test/unattended/provision\n")
		}, "TFTP boot/none"},
		"dead token": {func(s *site, cfg *Config) {
			s.config(cfg, "LABEL x\n KERNEL boot/linux\n APPEND url=http://foreman.example.test/unattended/provision?token=dead\n")
		}, "404"},
		"no template": {func(s *site, cfg *Config) { s.config(cfg, "LABEL x\n KERNEL boot/linux\n APPEND quiet\n") }, "names no template"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			cfg := s.register(9)
			tc.spoil(s, &cfg)
			m, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Provision(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("ended with %v", err)
			}
		})
	}
	if _, err := New(Config{}); !errs.Is(err, errs.Invalid) {
		t.Errorf("a machine without address: %v", err)
	}
}
