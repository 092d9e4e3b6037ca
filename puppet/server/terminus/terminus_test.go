package terminus_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/puppet/server"
	"github.com/chargehand/chargehand/puppet/server/terminus"
	"github.com/chargehand/chargehand/puppetdb/command"
)

// kept keeps the commands.
type kept []terminus.Command

func (k *kept) Submit(_ context.Context, c terminus.Command) error {
	*k = append(*k, c)
	return nil
}

// recorded gives the bodies of an exchange that was recorded from the real
// server; empty where the recordings are absent.
func recorded(t *testing.T, name string) (sent, got string) {
	t.Helper()
	dir := os.Getenv("CHARGEHAND_REFERENCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "reference")
	}
	data, err := os.ReadFile(filepath.Join(dir, "puppet", "captures", name))
	if err != nil {
		t.Log("no recorded exchanges here; set CHARGEHAND_REFERENCE")
		return "", ""
	}
	request, response, _ := strings.Cut(string(data), "\n-----RESPONSE-----\n")
	_, sent, _ = strings.Cut(request, "\n\n")
	_, got, _ = strings.Cut(response, "\n\n")
	return sent, got
}

// same compares two JSON texts as values, the order of the named lists aside.
func same(t *testing.T, want string, got []byte, unordered ...string) {
	t.Helper()
	var w, g map[string]any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatal(err)
	}
	for _, m := range []map[string]any{w, g} {
		for _, name := range unordered {
			list, _ := m[name].([]any)
			slices.SortFunc(list, func(a, b any) int {
				x, _ := json.Marshal(a)
				y, _ := json.Marshal(b)
				return strings.Compare(string(x), string(y))
			})
		}
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("command (-real +ours):\n%s", diff)
	}
}

// decodes asks PuppetDB's own decoder.
func decodes(t *testing.T, c terminus.Command) {
	t.Helper()
	name, err := command.Parse(c.Name, c.Version)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := command.Decode(name, c.Version, c.Certname, c.Payload); err != nil {
		t.Errorf("%s: %v", c.Name, err)
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func sink(commands terminus.Commands, now time.Time) *terminus.Terminus {
	return terminus.New(terminus.Options{Commands: commands, Producer: "puppet.example.test", Clock: func() time.Time { return now }})
}

func TestRecordedReport(t *testing.T) {
	report, _ := recorded(t, "agent-first-run/257-PUT_report.http")
	want, _ := recorded(t, "puppetdb-terminus/020-POST_pdb_cmd_v1-store_report.http")
	if report == "" {
		return
	}
	var got kept
	err := sink(&got, at(t, "2026-11-23T17:54:41.037Z")).StoreReport(t.Context(), server.Report{
		Certname: "agent1.example.test", Environment: "production", Status: "failed", Format: 12, PuppetVersion: "7.23.0",
		Time: at(t, "2026-11-23T17:53:45.088543923+00:00"), TransactionUUID: "c3c1adc5-1962-41a0-b712-57d393991222", JSON: json.RawMessage(report),
	})
	if err != nil {
		t.Fatal(err)
	}
	want = strings.Replace(want, "2026-11-23T17:54:41.037Z", "2026-11-23T17:54:41.037+00:00", 1) // PuppetDB takes both
	same(t, want, got[0].Payload, "resources", "metrics")
	decodes(t, got[0])
}

func TestRecordedCatalog(t *testing.T) {
	_, catalog := recorded(t, "agent-first-run/251-POST_catalog.http")
	want, _ := recorded(t, "puppetdb-terminus/019-POST_pdb_cmd_v1-replace_catalog.http")
	if catalog == "" {
		return
	}
	// What is exported is not in the agent's catalog; the compiler gives it besides.
	const exported = `,{"type":"Demo::Thing","title":"exported-one","tags":["demo::thing","demo","thing","exported-one","class","node","agent1.example.test","mytag"],` +
		`"file":"/etc/puppetsrv/code/environments/production/modules/demo/manifests/init.pp","line":29,"exported":true,"kind":"defined_type","parameters":{"n":2}}],"edges":[` +
		`{"source":"Class[Demo]","target":"Demo::Thing[exported-one]"},`
	catalog = strings.Replace(catalog, `],"edges":[`, exported, 1)
	var got kept
	err := sink(&got, time.Time{}).StoreCatalog(t.Context(), server.CompiledCatalog{
		Certname: "agent1.example.test", TransactionUUID: "c3c1adc5-1962-41a0-b712-57d393991222", Producer: "puppet.example.test",
		Time: at(t, "2026-11-23T17:54:39.365Z"), Catalog: server.Catalog{Environment: "production", Wire: []byte(catalog)},
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, want, got[0].Payload, "edges", "resources")
	decodes(t, got[0])
}

func TestRecordedFacts(t *testing.T) {
	want, _ := recorded(t, "puppetdb-terminus/018-POST_pdb_cmd_v1-replace_facts.http")
	if want == "" {
		return
	}
	var in struct{ Values map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(want), &in); err != nil {
		t.Fatal(err)
	}
	var trusted server.Trusted
	if err := json.Unmarshal(in.Values["trusted"], &trusted); err != nil {
		t.Fatal(err)
	}
	delete(in.Values, "trusted")
	values, err := json.Marshal(in.Values)
	if err != nil {
		t.Fatal(err)
	}
	var got kept
	err = sink(&got, at(t, "2026-11-23T17:54:37.371Z")).StoreFacts(t.Context(), server.Facts{
		Certname: "agent1.example.test", Environment: "production", Values: values, Trusted: &trusted,
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, want, got[0].Payload)
	decodes(t, got[0])
}

func TestPackages(t *testing.T) {
	var got kept
	err := sink(&got, at(t, "2026-11-23T17:54:37Z")).StoreFacts(t.Context(), server.Facts{
		Certname: "a", Environment: "production", Values: json.RawMessage(`{"x":1,"_puppet_inventory_1":{"packages":[["bash","5.2","apt"]]}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, `{"certname":"a","environment":"production","producer":"puppet.example.test","producer_timestamp":"2026-11-23T17:54:37.000+00:00","values":{"x":1},"package_inventory":[["bash","5.2","apt"]]}`, got[0].Payload)
}

// TestRichValues has the text that each rich value becomes, and what becomes of
// secrets and relationships.
func TestRichValues(t *testing.T) {
	for in, want := range map[string]string{
		`{"__ptype":"Default"}`:                                                         `"default"`,
		`{"__ptype":"Regexp","__pvalue":"ab+c"}`:                                        `"/ab+c/"`,
		`{"__ptype":"SemVer","__pvalue":"1.2.3"}`:                                       `"1.2.3"`,
		`{"__ptype":"Timespan","__pvalue":"0-00:01:00.0"}`:                              `"0-00:01:00.0"`,
		`[1,{"__ptype":"Sensitive","__pvalue":"s3cr3t"}]`:                               `[1,"#<Sensitive [value redacted]:4960>"]`,
		`{"__ptype":"Deferred","name":"sprintf","arguments":["at %s","it's"]}`:          `"Deferred({'name' => 'sprintf', 'arguments' => ['at %s', 'it\\'s']})"`,
		`{"__ptype":"Hash","__pvalue":[1,"one","__ptype",{"__ptype":"Default"}]}`:       `{"1":"one","reserved key: __ptype":"default"}`,
		`{"__ptype":"Pcore::ClassType","class_name":"foo"}`:                             `"Class[foo]"`,
		`{"__ptype":"Error","msg":"m","kind":"k"}`:                                      `"Error({'kind' => 'k', 'msg' => 'm'})"`,
		`{"a":{"b":{"__ptype":"URI","__pvalue":"https://e.test/a"}},"n":12345678901.5}`: `{"a":{"b":"https://e.test/a"},"n":12345678901.5}`,
	} {
		var got kept
		catalog := `{"version":"v1","catalog_uuid":"u","resources":[` +
			`{"type":"File","title":"/a","parameters":{"path":"/b","x":` + in + `,"require":["Notify[z]","Notify[y]","Notify[gone]"],"content":"s3cr3t"},"sensitive_parameters":["content"]},` +
			`{"type":"Notify","title":"y","parameters":{"before":"File[/b]"}},{"type":"Notify","title":"z"}],"edges":[]}`
		err := sink(&got, time.Time{}).StoreCatalog(t.Context(), server.CompiledCatalog{
			Certname: "a", Producer: "p", Time: at(t, "2026-11-23T17:54:37Z"), Catalog: server.Catalog{Environment: "e", Wire: []byte(catalog)},
		})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(got[0].Payload), "s3cr3t") {
			t.Errorf("%s: a secret is in %s", in, got[0].Payload)
		}
		same(t, `{"version":"v1","code_id":null,"catalog_uuid":"u","job_id":null,"certname":"a","transaction_uuid":null,"environment":"e","producer_timestamp":"2026-11-23T17:54:37.000+00:00","producer":"p",
			"resources":[{"type":"File","title":"/a","tags":[],"exported":false,"parameters":{"path":"/b","alias":["/b"],"x":`+want+`,"require":["Notify[gone]","Notify[y]","Notify[z]"]}},
			{"type":"Notify","title":"y","tags":[],"exported":false,"parameters":{"before":"File[/b]"}},{"type":"Notify","title":"z","tags":[],"exported":false,"parameters":{}}],
			"edges":[{"source":{"type":"Notify","title":"y"},"target":{"type":"File","title":"/a"},"relationship":"before"},
			{"source":{"type":"Notify","title":"y"},"target":{"type":"File","title":"/a"},"relationship":"required-by"},
			{"source":{"type":"Notify","title":"z"},"target":{"type":"File","title":"/a"},"relationship":"required-by"}]}`, got[0].Payload, "edges")
	}
}
