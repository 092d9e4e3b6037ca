package storage_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/puppetdb/command"
	"github.com/chargehand/chargehand/puppetdb/query"
)

func TestLeavesOfFacts(t *testing.T) {
	each(t, func(b *bed) {
		b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(0),
			`{"x":{"0":"zero","b c":[1,2.5,null],"q\"":true,"empty":{},"none":[]},"plain":"<v>"}`)))
		b.must(b.apply(command.ReplaceFacts, 5, facts("b", at(0), `{"x":["first"],"plain":7}`)))
		b.wants(`["from","fact_contents",["extract",["path","value"],["=","certname","a"]],["order_by",["path"]]]`,
			`[{"path":["plain"],"value":"<v>"},{"path":["x","0"],"value":"zero"},{"path":["x","b c",0],"value":1},{"path":["x","b c",1],"value":2.5},`+
				`{"path":["x","b c",2],"value":null},{"path":["x","q\""],"value":true}]`)
		contents := func(cond, want string) {
			t.Helper()
			b.wants(`["from","fact_contents",["extract",["certname","value"],`+cond+`]]`, want)
		}
		contents(`["=","path",["x",0]]`, `[{"certname":"b","value":"first"}]`)
		contents(`["=","path",["x","0"]]`, `[{"certname":"a","value":"zero"}]`)
		contents(`["~>","path",["x","b.*",1]]`, `[{"certname":"a","value":2.5}]`)
		contents(`["~>","path",["x","0"]]`, `[{"certname":"a","value":"zero"}]`)
		contents(`["and",["~>","path",["x","."]],["=","value","first"]]`, `[{"certname":"b","value":"first"}]`)
		contents(`["null?","value",true]`, `[{"certname":"a","value":null}]`)
		b.wants(`["from","fact_paths",["=","name","plain"],["order_by",["type"]]]`,
			`[{"name":"plain","type":"integer","path":["plain"]},{"name":"plain","type":"string","path":["plain"]}]`)
		b.wants(`["from","fact_paths",["extract",["path"],["and",[">","depth",1],["=","type","float"]]]]`, `[{"path":["x","b c",1]}]`)
		b.wants(`["from","inventory",["extract",["certname"],["=","facts.x.match(\"b.*\")[1]",2.5]]]`, `[{"certname":"a"}]`)
		b.wants(`["from","facts",["extract",["value"],["=","name","plain"]],["order_by",[["value","desc"]]]]`, `[{"value":7},{"value":"<v>"}]`)
	})
}

func TestPackages(t *testing.T) {
	const all = `["from","package_inventory",["order_by",["certname","package_name"]]]`
	packages := func(certname string, when time.Duration, list string) string {
		return strings.TrimSuffix(facts(certname, at(when), `{}`), "}") + `,"package_inventory":` + list + `}`
	}
	each(t, func(b *bed) {
		b.must(b.apply(command.ReplaceFacts, 5, packages("a", 0, `[["vim","1","apt"],["bash","5","apt"],["vim","1","apt"]]`)))
		b.must(b.apply(command.ReplaceFacts, 5, packages("b", 0, `[["vim","1","apt"]]`)))
		b.wants(all, `[{"certname":"a","package_name":"bash","version":"5","provider":"apt"},{"certname":"a","package_name":"vim","version":"1","provider":"apt"},{"certname":"b","package_name":"vim","version":"1","provider":"apt"}]`)
		b.must(b.apply(command.ReplaceFacts, 5, packages("a", time.Hour, `[["vim","2","apt"]]`)))
		b.wants(`["from","packages",["order_by",["version"]]]`, `[{"package_name":"vim","version":"1","provider":"apt"},{"package_name":"vim","version":"2","provider":"apt"}]`)
		b.must(b.Expire(b.Context(), time.Time{}, time.Time{}, time.Time{}))
		if n := b.number("SELECT count(*) FROM packages"); n != 2 {
			t.Errorf("%d packages are kept, 2 are installed", n)
		}
		b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(2*time.Hour), `{}`)))
		b.wants(`["from","package_inventory",["extract",["certname"]]]`, `[{"certname":"b"}]`)
	})
}

func TestCatalogInputs(t *testing.T) {
	inputs := func(uuid string, when time.Duration, list string) string {
		return `{"certname":"a","catalog_uuid":"` + uuid + `","producer_timestamp":"` + at(when) + `","inputs":` + list + `}`
	}
	each(t, func(b *bed) {
		b.must(b.apply(command.ReplaceCatalogInputs, 1, inputs("u1", time.Hour, `[["hiera","x"],["hiera","y"],["hiera","x"]]`)))
		b.must(b.apply(command.ReplaceCatalogInputs, 1, inputs("u0", 0, `[["hiera","old"]]`)))
		b.wants(`["from","catalog_input_contents",["extract",["catalog_uuid","name"]],["order_by",["name"]]]`, `[{"catalog_uuid":"u1","name":"x"},{"catalog_uuid":"u1","name":"y"}]`)
		b.must(b.apply(command.ReplaceCatalogInputs, 1, inputs("u2", 2*time.Hour, `[["hiera","y"]]`)))
		var rows []struct{ Inputs [][]string }
		b.must(json.Unmarshal([]byte(b.ask(`["from","catalog_inputs"]`)), &rows))
		if len(rows) != 1 || len(rows[0].Inputs) != 1 || strings.Join(rows[0].Inputs[0], " ") != "hiera y" {
			t.Errorf("got %v", rows)
		}
	})
}

// TestNodesThatDoNotExpire keeps a silent node of which that was said.
func TestNodesThatDoNotExpire(t *testing.T) {
	each(t, func(b *bed) {
		for name, expires := range map[string]string{"never": "false", "soon": "true"} {
			b.must(b.apply(command.ReplaceFacts, 5, facts(name, at(0), `{}`)))
			b.must(b.apply(command.ConfigureExpiration, 1, `{"certname":"`+name+`","producer_timestamp":"`+at(0)+`","expire":{"facts":`+expires+`}}`))
		}
		b.now = start().Add(240 * time.Hour)
		b.must(b.Expire(b.Context(), b.now.Add(-time.Hour), time.Time{}, time.Time{}))
		b.wants(`["from","nodes",["extract",["certname"]]]`, `[{"certname":"never"}]`)
	})
}

func TestCounts(t *testing.T) {
	each(t, func(b *bed) {
		b.must(b.apply(command.StoreReport, 8, report("a", at(0), "changed")))
		b.must(b.apply(command.StoreReport, 8, report("a", at(time.Hour), "changed")))
		b.must(b.apply(command.StoreReport, 8, strings.Replace(report("b", at(0), "failed"), `"status":"success"`, `"status":"failure"`, 1)))
		counts := func(by, countBy string, aggregate bool, filter any, want string) {
			t.Helper()
			events, _ := query.Named("events")
			q := &query.Query{Entity: events}
			b.must(q.Summarize(by, countBy, aggregate, filter))
			if !aggregate {
				b.must(q.OrderByParam([]any{map[string]any{"field": query.Subject(by)[0]}}))
			}
			var out bytes.Buffer
			b.must(b.Write(b.Context(), &out, q))
			if out.String() != want {
				t.Errorf("%s by %s:\n got %s\nwant %s", by, countBy, out.String(), want)
			}
		}
		counts("certname", "", false, nil, `[{"failures":0,"skips":0,"successes":2,"noops":0,"subject_type":"certname","subject":{"title":"a"}},`+
			`{"failures":1,"skips":0,"successes":0,"noops":0,"subject_type":"certname","subject":{"title":"b"}}]`)
		counts("resource", "certname", false, nil, `[{"failures":1,"skips":0,"successes":1,"noops":0,"subject_type":"resource","subject":{"title":"/a","type":"File"}}]`)
		counts("certname", "", false, []any{">", "failures", json.Number("0")}, `[{"failures":1,"skips":0,"successes":0,"noops":0,"subject_type":"certname","subject":{"title":"b"}}]`)
		counts("certname,containing_class", "", true, nil, `[{"summarize_by":"certname","failures":1,"skips":0,"successes":1,"noops":0,"total":2},`+
			`{"summarize_by":"containing_class","failures":1,"skips":0,"successes":1,"noops":0,"total":1}]`)
		events, _ := query.Named("events")
		last := &query.Query{Entity: events}
		b.must(last.Between(at(0), at(time.Minute)))
		var out bytes.Buffer
		b.must(b.Write(b.Context(), &out, last))
		if n := strings.Count(out.String(), `"report":`); n != 2 || strings.Contains(out.String(), "04:04:05") {
			t.Errorf("%d events: %s", n, out.String())
		}
	})
}

// TestWhatIsNotThere holds how each operator, and its negation, takes nothing:
// as PuppetDB does.
func TestWhatIsNotThere(t *testing.T) {
	each(t, func(b *bed) {
		b.must(b.apply(command.ReplaceFacts, 5, facts("has", at(0), `{"x":{"y":"text"},"n":5}`)))
		b.must(b.apply(command.ReplaceFacts, 5, facts("not", at(0), `{"n":"5"}`)))
		asks := func(entity, cond, want string) {
			t.Helper()
			b.wants(`["from","`+entity+`",["extract",["certname"],`+cond+`],["order_by",["certname"]]]`, want)
		}
		const none, has, not, both = `[]`, `[{"certname":"has"}]`, `[{"certname":"not"}]`, `[{"certname":"has"},{"certname":"not"}]`
		asks("inventory", `["not",["=","facts.x.y","text"]]`, not)
		asks("inventory", `["not",["~","facts.x.y","nope"]]`, has)
		asks("inventory", `["not",[">","facts.nope",1]]`, none)
		asks("inventory", `[">","facts.n",4]`, has)
		asks("inventory", `["not",[">","facts.n",4]]`, not)
		asks("inventory", `["<","facts.n",4]`, not) // a text is less than any number
		asks("inventory", `[">=","facts.x.y","a"]`, has)
		asks("nodes", `["not",["=",["fact","x"],"text"]]`, both)
		asks("nodes", `["not",["~",["fact","nope"],"a"]]`, both)
		asks("nodes", `["not",["~","cached_catalog_status","a"]]`, both)
		asks("nodes", `["not",["=","cached_catalog_status","a"]]`, none)
	})
}
