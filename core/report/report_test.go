package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/google/go-cmp/cmp"
)

func TestPackIsFoldedInTenBits(t *testing.T) {
	c := Counters{Applied: 1, Restarted: 2, Failed: 3, FailedRestarts: 4, Skipped: 5, Pending: 6}
	if diff := cmp.Diff(c, Unpack(c.Pack())); diff != "" {
		t.Error(diff)
	}
	if got := (Counters{Applied: 1, Restarted: 1}).Pack(); got != 1|1<<10 {
		t.Errorf("packed %d", got)
	}
	if got := Unpack((Counters{Applied: 5000, Pending: -1}).Pack()); got.Applied != 1023 || got.Pending != 0 {
		t.Errorf("clipped to %+v", got)
	}
}

func TestParse(t *testing.T) {
	in, err := Parse([]byte(`{"host":"A.Example.com","reported_at":"2024-10-24 09:21:03 UTC","status":{"applied":"2","failed":1},
		"metrics":{"time":{"total":1}},"logs":[{"log":{"level":"err","messages":{"message":"no"},"sources":{"source":"Puppet"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if in.Host != "a.example.com" || in.Status.Applied != 2 || !in.Status.Error() || in.Origin != "Puppet" || in.Status.Summary() != "Failed" {
		t.Errorf("got %+v", in)
	}
	for name, test := range map[string]struct {
		body string
		kind errs.Kind
	}{
		"not JSON":        {`{`, errs.Malformed},
		"wrong shape":     {`{"host":1}`, errs.Malformed},
		"no host":         {`{"reported_at":"2024-10-24T09:21:03Z"}`, errs.Invalid},
		"no time":         {`{"host":"a","reported_at":"yesterday"}`, errs.Invalid},
		"unknown counter": {`{"host":"a","reported_at":"2024-10-24T09:21:03Z","status":{"exploded":1}}`, errs.Invalid},
		"negative":        {`{"host":"a","reported_at":"2024-10-24T09:21:03Z","status":{"failed":-1}}`, errs.Invalid},
		"wrong level":     {`{"host":"a","reported_at":"2024-10-24T09:21:03Z","logs":[{"log":{"level":"loud"}}]}`, errs.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(test.body)); !errs.Is(err, test.kind) {
				t.Errorf("err = %v (%v)", err, errs.KindOf(err))
			}
		})
	}
}

// TestRecordedAgentReport reads what a real agent 7.23 sent, where the recording
// is at hand.
func TestRecordedAgentReport(t *testing.T) {
	reference := os.Getenv("CHARGEHAND_REFERENCE")
	if reference == "" {
		reference = filepath.Join("..", "..", "..", "shared", "reference")
	}
	raw, err := os.ReadFile(filepath.Join(reference, "puppet", "captures", "agent-first-run", "257-PUT_report.http"))
	if err != nil {
		t.Log("the recorded report is not at hand; the made-up one is tested alone")
		return
	}
	_, body, _ := bytes.Cut(raw, []byte("\n\n"))
	body, _, _ = bytes.Cut(body, []byte("\n\nHTTP/"))
	var one json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&one); err != nil {
		t.Fatal(err)
	}
	in, err := FromPuppet(one)
	if err != nil {
		t.Fatal(err)
	}
	if in.Host != "agent1.example.test" || in.Status.Summary() != "Failed" || in.Status.Applied == 0 || len(in.Logs) < 10 {
		t.Errorf("host %s, %v, %d logs", in.Host, in.Status, len(in.Logs))
	}
}

func TestFromPuppet(t *testing.T) {
	const body = `{"host":"a.example.com","time":"2026-11-23T17:53:45.088543923+00:00","status":"changed",
		"metrics":{"resources":{"name":"resources","values":[["restarted","Restarted",1],["failed","Failed",0],["skipped","Skipped",2]]},
		"changes":{"name":"changes","values":[["total","Total",3]]}},
		"logs":[{"level":"debug","source":"x","message":"m"},{"level":"notice","source":"/File[/a]/ensure","message":"created"},
		{"level":"notice","source":"Puppet","message":"Applied catalog in 0.10 seconds"}],
		"resource_statuses":{"File[/a]":{"events":[{"status":"noop"}]}}}`
	in, err := FromPuppet([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := Counters{Applied: 3, Restarted: 1, Skipped: 2, Pending: 1}
	if diff := cmp.Diff(want, in.Status); diff != "" {
		t.Error(diff)
	}
	if len(in.Logs) != 1 || in.Logs[0].Message != "created" || in.Status.Summary() != "Modified" {
		t.Errorf("logs %+v", in.Logs)
	}
	if in, err := FromPuppet([]byte(`{"host":"a","time":"2026-11-23T17:53:45Z","status":"failed"}`)); err != nil || in.Status.Failed != 1 {
		t.Errorf("a run without a catalog: %+v, %v", in, err)
	}
}

func TestFlatten(t *testing.T) {
	rows, err := Flatten(map[string]any{
		"kernel": "Linux", "os": map[string]any{"release": map[string]any{"major": "12"}, "list": []any{"a", true}},
		"n": json.Number("9007199254740993"), "none": nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Fact{
		{Name: "kernel", Value: "Linux"},
		{Name: "n", Value: "9007199254740993"},
		{Name: "os", Compose: true},
		{Name: "os::list", Value: `["a",true]`},
		{Name: "os::release", Compose: true},
		{Name: "os::release::major", Value: "12"},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	deep := map[string]any{}
	for range maxFactDepth + 2 {
		deep = map[string]any{"x": deep}
	}
	if _, err := Flatten(deep); !errs.Is(err, errs.TooLarge) {
		t.Errorf("err = %v", err)
	}
}

func TestDerive(t *testing.T) {
	var facts map[string]any
	const text = `{"os":{"name":"Debian","family":"Debian","architecture":"amd64","release":{"full":"12.11","major":"12"},"distro":{"codename":"bookworm"}},
		"is_virtual":true,"virtual":"kvm","networking":{"domain":"example.com","primary":"eth0","interfaces":{
		"lo":{"ip":"127.0.0.1"},"eth0":{"ip":"192.0.2.5","mac":"52:54:00:AA:BB:CC"},"eth0.5":{"ip":"192.0.2.9"}}}}`
	if err := json.Unmarshal([]byte(text), &facts); err != nil {
		t.Fatal(err)
	}
	want := Derived{
		Architecture: "x86_64", Model: "kvm", Domain: "example.com", Virtual: true, Primary: "eth0",
		OS: DerivedOS{Name: "Debian", Major: "12", Minor: "11", Family: "Debian", ReleaseName: "bookworm"},
		Interfaces: []DerivedInterface{
			{Identifier: "eth0", MAC: "52:54:00:aa:bb:cc", IP: "192.0.2.5", Link: true},
			{Identifier: "eth0.5", IP: "192.0.2.9", Link: true, Virtual: true, AttachedTo: "eth0"},
		},
	}
	if diff := cmp.Diff(want, Derive(facts)); diff != "" {
		t.Error(diff)
	}
}

func FuzzIntake(f *testing.F) {
	f.Add([]byte(`{"host":"a","reported_at":"2024-10-24T09:21:03Z","logs":[{"log":{"level":"err"}}]}`))
	f.Add([]byte(`{"host":"a","time":"2026-11-23T17:53:45Z","metrics":{"x":{"values":[["a","b",1]]}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, read := range []func([]byte) (*Intake, error){Parse, FromPuppet} {
			if in, err := read(body); err != nil && errs.KindOf(err) == errs.Internal {
				t.Errorf("%q: %v", body, err)
			} else if err == nil && in.Host == "" {
				t.Errorf("%q: no host", body)
			}
		}
		var facts map[string]any
		if json.Unmarshal(body, &facts) == nil {
			_, _ = Flatten(facts)
			Derive(facts)
		}
	})
}

func TestLongMessagesAreClipped(t *testing.T) {
	if got := clip(strings.Repeat("é", maxMessage)); len(got) > maxMessage+4 {
		t.Errorf("%d bytes", len(got))
	}
}
