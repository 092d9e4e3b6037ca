package eval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// memory is a Loader of texts: "manifest" is the main one, other names are
// those of definitions and functions.
type memory map[string]string

func (m memory) unit(name string) (*Unit, error) {
	text, ok := m[name]
	if !ok {
		return nil, nil
	}
	res, err := syntax.Parse(name+".pp", text, syntax.Options{})
	if err != nil {
		return nil, err
	}
	module, _, _ := strings.Cut(name, "::")
	return &Unit{Program: res.Program, Module: module}, nil
}

func (m memory) Main() ([]*Unit, error) {
	u, err := m.unit("manifest")
	return []*Unit{u}, err
}
func (m memory) Definitions(name string) (*Unit, error)     { return m.unit(name) }
func (m memory) Function(name string) (*Unit, error)        { return m.unit(name) }
func (m memory) TypeAlias(string) (*Unit, error)            { return nil, nil }
func (m memory) ResourceType(string) (*ResourceType, error) { return nil, nil }
func (m memory) Template(string) (*syntax.Program, error)   { return nil, nil }
func (m memory) File(name string) (string, bool, error)     { return m[name], m[name] != "", nil }
func (m memory) FindFile(string, string) string             { return "" }
func (m memory) ModuleDir(string) string                    { return "" }
func (m memory) RubyFile(kind, name string) string          { return m["ruby "+kind+" "+name] }
func (m memory) Lookup(_ *Env, q function.Query) (pcore.Value, bool, error) {
	text, ok := m["data "+q.Names[0]]
	return pcore.String(text), ok, nil
}

// compileText compiles texts and gives the catalog's references and the log.
func compileText(t *testing.T, m memory, o Options) (refs, logs []string, err error) {
	t.Helper()
	o.Node, o.Environment, o.Loader, o.Hiera, o.Functions = "n.example.com", "production", m, m, function.NewTable()
	o.Log = func(e Event) { logs = append(logs, e.Level+": "+e.Message) }
	c := New(context.Background(), o)
	if err := c.Run(NodeFacts{Facts: pcore.HashOf("kernel", pcore.String("Linux"))}); err != nil {
		return nil, logs, err
	}
	cat, err := c.Catalog(true)
	if err != nil {
		return nil, logs, err
	}
	for _, r := range cat.Resources[3:] { // the three that each catalog has
		refs = append(refs, r.Ref())
	}
	return refs, logs, nil
}

func TestOrderOfEvaluation(t *testing.T) {
	refs, _, err := compileText(t, memory{
		"manifest": `d { 'a': } notify { 'main': } include m`,
		"m":        `class m { notify { 'in m': } } define d { notify { "in $title": } }`,
		"d":        `define d { notify { "in $title": } }`,
	}, Options{})
	if err == nil {
		t.Fatalf("the definition of d in two files went through: %v", refs)
	}
	refs, _, err = compileText(t, memory{
		"manifest": `d { 'a': } notify { 'main': } include m`,
		"m":        `class m { notify { 'in m': } }`,
		"d":        `define d { notify { "in $title": } }`,
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"D[a]", "Notify[main]", "Class[M]", "Notify[in m]", "Notify[in a]"}, refs); diff != "" {
		t.Error(diff)
	}
}

func TestParametersComeFromData(t *testing.T) {
	_, logs, err := compileText(t, memory{
		"manifest":  `class { 'm': a => 'given' }`,
		"m":         `class m($a, $b, $c = 'default') { notice($a, $b, $c) }`,
		"data m::a": "data", "data m::b": "data",
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"notice: given data default"}, logs); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsHavePlaces(t *testing.T) {
	for manifest, want := range map[string]string{
		"$x = 1\n$x = 2":                    "manifest:2:4",
		"include nope":                      "manifest:1:1",
		"notify { 'a':\n  x => fail('y') }": "manifest:2:8",
		"  notice($a + 1, 1 / 0)":           "manifest:1:10",
		"nope()":                            "manifest:1:1",
	} {
		_, _, err := compileText(t, memory{"manifest": manifest}, Options{})
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v is no *Error", manifest, err)
			continue
		}
		if got := fmt.Sprintf("%s:%d:%d", strings.TrimSuffix(e.File, ".pp"), e.Line, e.Column); got != want {
			t.Errorf("%s: error at %s, want %s (%v)", manifest, got, want, err)
		}
	}
}

func TestStrictSettings(t *testing.T) {
	m := memory{"manifest": `notice($nope)`}
	if _, logs, err := compileText(t, m, Options{Settings: Settings{Strict: "warning"}}); err != nil || len(logs) != 2 {
		t.Errorf("warning: %v, %v", logs, err)
	}
	if _, logs, err := compileText(t, m, Options{Settings: Settings{Strict: "off"}}); err != nil || len(logs) != 1 {
		t.Errorf("off: %v, %v", logs, err)
	}
	if _, _, err := compileText(t, m, Options{Settings: Settings{StrictVariables: true}}); err == nil {
		t.Error("strict_variables lets an unknown variable pass")
	}
}

func TestRubyIsNamed(t *testing.T) {
	m := memory{"manifest": `old()`, "ruby function old": "/m/lib/old.rb"}
	_, _, err := compileText(t, m, Options{})
	if err == nil || !strings.Contains(err.Error(), "/m/lib/old.rb") {
		t.Errorf("the error %v does not name the file", err)
	}
	m = memory{"manifest": "\ncomp { 'a': }", "ruby type comp": "/m/lib/comp.rb"}
	_, _, err = compileText(t, m, Options{})
	if err == nil || !strings.Contains(err.Error(), "/m/lib/comp.rb") || !strings.Contains(err.Error(), "line: 2") {
		t.Errorf("the error %v does not name file and line", err)
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		limits   Limits
		manifest string
	}{
		"steps":     {Limits{Steps: 100}, `Integer[1,1000].each |$x| { $y = $x }`},
		"depth":     {Limits{Depth: 50}, `function f($n) { f($n + 1) } f(1)`},
		"resources": {Limits{Resources: 5}, `notify { ['a','b','c','d','e','f']: }`},
		"text":      {Limits{Text: 100}, `$x = Integer[1,10].reduce('xx') |$m, $i| { "${m}${m}" }`},
	} {
		if _, _, err := compileText(t, memory{"manifest": c.manifest}, Options{Limits: c.limits}); err == nil {
			t.Errorf("%s: the limit did not hold", name)
		}
	}
}

func TestSlices(t *testing.T) {
	for _, c := range []struct{ size, from, n, start, end int }{
		{5, 1, 2, 1, 3}, {5, 1, -1, 1, 5}, {5, -2, 2, 3, 5}, {5, 0, 99, 0, 5}, {5, 5, 1, 5, 5},
	} {
		start, end, ok := slice(c.size, c.from, c.n)
		if !ok || start != c.start || end != c.end {
			t.Errorf("slice(%d, %d, %d) = %d, %d, %t", c.size, c.from, c.n, start, end, ok)
		}
	}
	if _, _, ok := slice(3, 4, 1); ok {
		t.Error("a slice beyond the end was found")
	}
}

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]string{
		"5": "5", " -5 ": "-5", "0x1F": "31", "017": "15", "1.5e3": "1500.0", "- 5": "-5", "-0.5": "-0.5",
		"": "", "08": "", "abc": "", "1.": "", "5x": "", "99999999999999999999": "",
	} {
		v, ok := ParseNumber(text)
		if ok != (want != "") || ok && v.String() != want {
			t.Errorf("ParseNumber(%q) = %v, %t; want %q", text, v, ok, want)
		}
	}
}
