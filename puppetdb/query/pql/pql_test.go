package pql

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestParse(t *testing.T) {
	tests := []struct{ text, want string }{
		{`nodes{}`, `["from","nodes"]`},
		{" \n nodes [ ] { }\t", `["from","nodes",["extract",[]]]`},
		{`nodes { certname = "a" }`, `["from","nodes",["=","certname","a"]]`},
		{
			`nodes[certname,count( ) ,  avg(x)]{a=1 group by certname , to_string(b,"YYYY", 'MM')}`,
			`["from","nodes",["extract",["certname",["function","count"],["function","avg","x"]],["=","a",1],["group_by","certname",["function","to_string","b","YYYY","MM"]]]]`,
		},
		{`nodes [certname] { order by certname desc, b asc ,c limit 007 offset 2 }`, `["from","nodes",["extract",["certname"]],["order_by",[["certname","desc"],["b","asc"],"c"]],["limit",7],["offset",2]]`},
		{`nodes { limit 1 }`, `["from","nodes",["limit",1]]`},
		{`nodes { limit = 1 limit 2 }`, `["from","nodes",["=","limit",1],["limit",2]]`},
		{`factsets { facts { order = "b" } }`, `["from","factsets",["subquery","facts",["=","order","b"]]]`},
		{`nodes { a = "x" or b = "y" and !c = "z" or (d = "u" or e ~ 'v') }`, `["from","nodes",["or",["=","a","x"],["and",["=","b","y"],["not",["=","c","z"]]],["or",["=","d","u"],["~","e","v"]]]]`},
		{`nodes { ! ! a != 1.0 and b !~ "c" }`, `["from","nodes",["and",["not",["not",["not",["=","a",1.0]]]],["not",["~","b","c"]]]]`},
		{`nodes { a is null and b is not null and environments is null }`, `["from","nodes",["and",["null?","a",true],["null?","b",false],["null?","environments",true]]]`},
		{`nodes { a >= -2 and b<=2.50 and c > 1.5E+3 and d < "2026" and e = 1.0e-9 }`, `["from","nodes",["and",["\u003e=","a",-2],["\u003c=","b",2.5],["\u003e","c",1500.0],["\u003c","d","2026"],["=","e",1e-09]]]`},
		{`nodes { a in ["b",1,true , [false]] }`, `["from","nodes",["in","a",["array",["b",1,true,[false]]]]]`},
		{`nodes { [a,b] in facts [c, d] { e = "f" limit 3 } }`, `["from","nodes",["in",["a","b"],["from","facts",["extract",["c","d"],["=","e","f"]],["limit",3]]]]`},
		{`fact_contents { path ~> ["a", '.*'] and path = ["a", 0] }`, `["from","fact_contents",["and",["~\u003e","path",["a",".*"]],["=","path",["a",0]]]]`},
		{
			`inventory [facts.a, facts."b c" ]{ facts."d.e".f[0].match("g.*").h = 1 and trusted.x is null and facts = "y" }`,
			`["from","inventory",["extract",["facts.a","facts.\"b c\""],["and",["=","facts.\"d.e\".f[0].match(\"g.*\").h",1],["null?","trusted.x",true],["=","facts","y"]]]]`,
		},
		{`nodes { a = 'it\'s \n "x" \\' and b = "q\"\u00e9\\" }`, `["from","nodes",["and",["=","a","it's \\n \"x\" \\\\"],["=","b","q\"é\\"]]]`},
		{`reports { latest_report? = true and nodes { resources { type = "A" } } }`, `["from","reports",["and",["=","latest_report?",true],["subquery","nodes",["subquery","resources",["=","type","A"]]]]]`},
	}
	for _, test := range tests {
		tree, err := Parse(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got, err := json.Marshal(tree); err != nil || string(got) != test.want {
			t.Errorf("%s\n got %s %v\nwant %s", test.text, got, err, test.want)
		}
	}
}

// TestErrors holds places and expectations; PuppetDB 7.12.1 gave them.
func TestErrors(t *testing.T) {
	tests := []struct {
		text, first string
		wants       []string // some of what is expected there
	}{
		{``, "line 1, column 1", []string{"nodes", "facts"}},
		{"\n\n  x", "line 3, column 3", []string{"nodes"}},
		{`nodes`, "line 1, column 6", []string{"{", "[", spaceToken}},
		{`nodes [certname]`, "line 1, column 17", []string{"{", spaceToken}},
		{`nodes {`, "line 1, column 8", []string{"}", "order by", "!", "trusted"}},
		{`nodes { } x`, "line 1, column 10", []string{"end-of-string"}},
		{`nodes { }x`, "line 1, column 10", []string{"end-of-string"}},
		{`Nodes { }`, "line 1, column 1", []string{"nodes"}},
		{`nodes { certname }`, "line 1, column 18", []string{"is null", "~>"}},
		{`nodes { certname = "x" or }`, "line 1, column 27", []string{"(", "events"}},
		{`nodes { certname = "x" AND b = 1 }`, "line 1, column 24", []string{"and", "or", "}"}},
		{`nodes{certname="a"and certname="b"}`, "line 1, column 19", []string{"}", spaceToken}},
		{`nodes { certname = null }`, "line 1, column 20", []string{"true", "-"}},
		{`nodes { certname = "unterminated }`, "line 1, column 35", []string{`"`}},
		{`nodes { certname in "x" }`, "line 1, column 21", []string{"[", "facts"}},
		{`nodes [certname] { certname in [] }`, "line 1, column 33", []string{"false"}},
		{`nodes [certname,] { }`, "line 1, column 17", []string{"count", "trusted"}},
		{`nodes [bogus()] { }`, "line 1, column 13", []string{"]", ","}},
		{`nodes [certname] { order by }`, "line 1, column 29", []string{"trusted"}},
		{`nodes { order by ascx }`, "line 1, column 18", []string{`NOT "asc" | "desc"`}},
		{`nodes{ a="b" group by a limit 3 }`, "line 1, column 25", []string{"}", ","}},
		{`nodes{ a="b" limit 3 group by a }`, "line 1, column 22", []string{"order by", "limit"}},
		{`nodes { # c` + "\n}", "line 1, column 9", []string{"!"}},
		{`nodes { a = 1E5 }`, "line 1, column 14", []string{"."}},
		{`inventory { facts.x}`, "line 1, column 21", []string{"in", "."}},
		{`inventory [facts."x"] { }`, "line 1, column 18", []string{`#"match\(.*?\)"`}},
		{`inventory { facts.[0] = 1 }`, "line 1, column 19", []string{`#"match\(.*?\)"`}},
		{`nodes { a ~ 5 }`, "line 1, column 13", []string{`"`, `'`}},
		{"nodes { a = \"b\n\" \n and c }", "line 3, column 8", []string{"in"}},
		{`nodes { a = "👍" b }`, "line 1, column 18", []string{"or"}},
		{`nodes { a = "` + strings.Repeat("x", 1200) + `" b }`, "line 1, column 1,216", []string{"or"}},
	}
	for _, test := range tests {
		_, err := Parse(test.text)
		if !errs.Is(err, errs.Malformed) {
			t.Errorf("%s: err = %v", test.text, err)
			continue
		}
		first, rest, _ := strings.Cut(err.Error(), "\n")
		if first != "PQL parse error at "+test.first+":" {
			t.Errorf("%s: %s, want %s", test.text, first, test.first)
		}
		_, list, ok := strings.Cut(rest, "\n\nExpected")
		lines := strings.Split(list, "\n")
		for _, w := range test.wants {
			if !ok || !contains(lines, w) {
				t.Errorf("%s: %q is not among %q", test.text, w, lines)
			}
		}
	}
}

func contains(lines []string, want string) bool {
	for _, l := range lines {
		if l == want {
			return true
		}
	}
	return false
}

// TestMarker holds that the caret stands below the place.
func TestMarker(t *testing.T) {
	_, err := Parse("nodes {\n  certname 5 }")
	if want := "\n  certname 5 }\n           ^\n"; !strings.Contains(err.Error(), want) {
		t.Errorf("got %q", err.Error())
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		text, want string
		kind       errs.Kind
	}{
		{`nodes { a = 99999999999999999999 }`, "For input string", errs.Malformed},
		{`nodes { a = 1.0e999 }`, "out of range", errs.Malformed},
		{`nodes { a = "\q" }`, "JSON", errs.Malformed},
		{`nodes { facts { name = "x" limit 1 } }`, "neither paging nor grouping", errs.Malformed},
		{`nodes { ` + strings.Repeat("(", 5000) + ` }`, "nested deeper", errs.TooLarge},
		{`nodes { ` + strings.Repeat("!", 5000) + ` }`, "nested deeper", errs.TooLarge},
		{`nodes { a = ` + strings.Repeat("[", 5000) + ` }`, "nested deeper", errs.TooLarge},
		{`nodes { ` + strings.Repeat("nodes{", 5000) + ` }`, "nested deeper", errs.TooLarge},
		{strings.Repeat(" ", maxText+1), "larger than", errs.TooLarge},
	}
	for _, test := range tests {
		if _, err := Parse(test.text); !errs.Is(err, test.kind) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.40s: %v", test.text, err)
		}
	}
}

// FuzzParse holds that every text gives a tree that JSON can carry, or an error
// of its writer.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`nodes [certname, count()] { facts { name = "a" and value ~ 'b' } or c in ["d", -1.5e3] group by certname }`,
		`inventory { facts."a.b".c[0].match("x.*") is not null order by certname desc, d limit 1 offset 2 }`,
		`nodes { [a, b] in resources[c, d] { !(line > 5) } }`, "nodes { a ~> [\"", `factsets { facts.x}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := Parse(text)
		switch {
		case errs.Is(err, errs.Malformed), errs.Is(err, errs.TooLarge):
		case err != nil:
			t.Errorf("%q: %v", text, err)
		default:
			if _, err := json.Marshal(tree); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
