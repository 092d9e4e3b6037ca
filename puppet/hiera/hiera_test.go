package hiera

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/pcore"
	"golang.org/x/tools/txtar"
)

// mapFiles is a tree in memory.
type mapFiles struct{ fstest.MapFS }

func rel(name string) string {
	if name = strings.Trim(name, "/"); name == "" {
		return "."
	}
	return name
}

func (m mapFiles) Stat(name string) (fs.FileInfo, error)      { return m.MapFS.Stat(rel(name)) }
func (m mapFiles) ReadFile(name string) ([]byte, error)       { return m.MapFS.ReadFile(rel(name)) }
func (m mapFiles) ReadDir(name string) ([]fs.DirEntry, error) { return m.MapFS.ReadDir(rel(name)) }

// env is a compilation that knows variables and two functions.
type env struct {
	vars     map[string]pcore.Value
	warnings []string
}

func (e *env) Variable(name string) (pcore.Value, bool, error) {
	v, ok := e.vars[strings.TrimPrefix(name, "::")]
	return v, ok, nil
}
func (e *env) WarnOnce(_, message string) { e.warnings = append(e.warnings, message) }
func (e *env) Maker() *pcore.Maker        { return pcore.NewMaker(nil, time.Now) }
func (e *env) ParseType(text string) (pcore.Type, error) {
	return pcore.ParseType(text, nil)
}
func (e *env) HasFunction(name string) bool { return strings.HasPrefix(name, "m::") }

func (e *env) Call(name string, args []pcore.Value, _ pcore.Callable) (pcore.Value, error) {
	ctx := args[len(args)-1].(*Context)
	switch name {
	case "m::hash":
		return pcore.HashOf("a", pcore.String("from m::hash"), "o", args[0]), nil
	case "m::key":
		if args[0] != pcore.Value(pcore.String("a")) {
			_, _, err := ctx.Method("not_found", nil, nil)
			return nil, err
		}
		v, _, err := ctx.Method("interpolate", []pcore.Value{pcore.String("os %{facts.os.family}")}, nil)
		return v, err
	case "m::dig":
		if args[0].(*pcore.Array).Len() == 1 {
			return nil, NotFound()
		}
		return pcore.String("dug " + args[0].String()), nil
	}
	return pcore.String("no hash"), nil
}

func newTestData(archive string) (*Data, *env) {
	files := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	e := &env{vars: map[string]pcore.Value{
		"facts":       pcore.HashOf("os", pcore.HashOf("family", pcore.String("Debian")), "n", pcore.Integer(4)),
		"list":        pcore.ArrayOf(pcore.String("p"), pcore.String("q")),
		"environment": pcore.String("production"),
	}}
	return New(Options{
		Files: mapFiles{files}, GlobalConfig: "/conf/hiera.yaml", CodeDir: "/code", EnvironmentDir: "/env", Environment: "production",
		ModuleDir: func(name string) string { return "/env/modules/" + name }, Strict: "warning",
	}), e
}

// TestLookup runs the cases in testdata/lookup.txt, separated by lines of "====". A case is an
// archive; its comment has a lookup a line: key, optional merge, "=>" and the value as source, or
// "!" and the error.
func TestLookup(t *testing.T) {
	text := readFile(t, "testdata/lookup.txt")
	for _, c := range strings.Split(text, "====\n") {
		name, archive, _ := strings.Cut(c, "\n")
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			d, e := newTestData(archive)
			for _, line := range strings.Split(strings.TrimSpace(string(txtar.Parse([]byte(archive)).Comment)), "\n") {
				if want, ok := strings.CutPrefix(line, "warns "); ok {
					if !strings.Contains(strings.Join(e.warnings, "\n"), want) {
						t.Errorf("no warning %q among %q", want, e.warnings)
					}
					continue
				}
				q, want, _ := strings.Cut(line, " => ")
				if got := ask(t, d, e, q); got != want {
					t.Errorf("%s => %s, want %s", q, got, want)
				}
			}
		})
	}
}

func ask(t *testing.T, d *Data, e *env, line string) string {
	t.Helper()
	key, merge, _ := strings.Cut(line, " merge ")
	q := function.Query{Names: strings.Split(key, "|")}
	if merge != "" {
		v, err := parseYAML([]byte(merge))
		if err != nil {
			t.Fatal(err)
		}
		q.Merge = v
	}
	v, found, err := d.Lookup(e, q)
	switch {
	case err != nil:
		return "! " + err.Error()
	case !found:
		return "nothing"
	}
	return pcore.Program(v)
}

func TestOverridesAndDefaults(t *testing.T) {
	d, e := newTestData("-- env/hiera.yaml --\nversion: 5\n-- env/data/common.yaml --\na: data\nb: \"%{x}\"\n")
	h := pcore.HashOf("a", pcore.String("given"), "x", pcore.String("y"))
	for _, r := range []struct {
		q    function.Query
		want string
	}{
		{function.Query{Names: []string{"a"}, Override: h}, "'given'"},
		{function.Query{Names: []string{"a"}, Defaults: h}, "'data'"},
		{function.Query{Names: []string{"x"}, Defaults: h}, "'y'"},
		{function.Query{Names: []string{"b"}, Override: h}, "'y'"},
		{function.Query{Names: []string{"no", "a"}}, "'data'"},
	} {
		v, found, err := d.Lookup(e, r.q)
		if err != nil || !found || pcore.Program(v) != r.want {
			t.Errorf("%v = %v, %t, %v, want %s", r.q.Names, v, found, err, r.want)
		}
	}
}

func TestPathsFollowVariables(t *testing.T) {
	d, e := newTestData("-- env/hiera.yaml --\nversion: 5\nhierarchy: [{name: x, path: '%{role}.yaml'}]\n" +
		"-- env/data/web.yaml --\na: w\n-- env/data/db.yaml --\na: d\n")
	for _, role := range []string{"web", "db", "web"} {
		e.vars["role"] = pcore.String(role)
		if got, want := ask(t, d, e, "a"), "'"+role[:1]+"'"; got != want {
			t.Errorf("as %s: %s, want %s", role, got, want)
		}
	}
}

func TestCacheSeesChanges(t *testing.T) {
	files := fstest.MapFS{"f.yaml": {Data: []byte("a: 1"), ModTime: time.Unix(1, 0)}}
	c := NewCache(0)
	parsed := 0
	load := func() pcore.Value {
		v, err := c.load(mapFiles{files}, "/f.yaml", func(b []byte) (pcore.Value, error) {
			parsed++
			return parseYAML(b)
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	load()
	load()
	if parsed != 1 {
		t.Errorf("parsed %d times", parsed)
	}
	files["f.yaml"] = &fstest.MapFile{Data: []byte("a: 2"), ModTime: time.Unix(2, 0)}
	if v, _ := load().(*pcore.Hash).GetString("a"); v != pcore.Value(pcore.Integer(2)) || parsed != 2 {
		t.Errorf("a is %v after %d times", v, parsed)
	}
}

func TestAliasesDoNotExplode(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x]\n")
	for i := range 40 {
		b.WriteString(strings.NewReplacer("N", string(rune('A'+i%26))+strings.Repeat("z", i/26), "P", map[bool]string{true: "a0"}[i == 0]+prev(i)).
			Replace("N: &N [*P, *P]\n"))
	}
	if _, err := parseYAML([]byte(b.String())); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a bomb gave %v", err)
	}
}

func prev(i int) string {
	if i == 0 {
		return ""
	}
	i--
	return string(rune('A'+i%26)) + strings.Repeat("z", i/26)
}

func TestNotFoundPassesThroughEvaluators(t *testing.T) {
	if !IsNotFound(errors.Join(errors.New("wrapped"), NotFound())) {
		t.Error("a wrapped NotFound is not found again")
	}
}

// FuzzInterpolate replaces what it finds in any text, and ends.
func FuzzInterpolate(f *testing.F) {
	for _, s := range []string{"%{facts.os.family}", "%{lookup('a')}", "%{alias('a')}", "%{literal('%')}{x}", "%{}", "%{::}", "x %{", "%{a.b.'c d'}", "%{scope('list.0')}", "%{bogus('x')}", "%{'a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, e := newTestData("-- env/hiera.yaml --\nversion: 5\n-- env/data/common.yaml --\na: \"b %{lookup('b')}\"\nb: [1, {c: \"%{facts.n}\"}]\n")
		search := &search{Data: d, env: e}
		_, _ = search.interpolate(pcore.ArrayOf(pcore.String(s), pcore.HashOf(s, pcore.String(s))), true)
		_, _ = search.interpolate(pcore.String(s), false)
		_, _, _ = d.Lookup(e, function.Query{Names: []string{s}})
	})
}

// FuzzYAML reads any text without harm.
func FuzzYAML(f *testing.F) {
	for _, s := range []string{"a: 1\nb: [x, {y: z}]\n", "&a [*a]", "<<: {a: 1}", "- - -", "a: |\n  x\n", "!!float 1", "? a\n: b", "{a: [", "\t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := parseYAML([]byte(s)); err == nil && v == nil {
			t.Errorf("%q is nil", s)
		}
		if v, err := parseJSON([]byte(s)); err == nil && v == nil {
			t.Errorf("%q is nil", s)
		}
		braces(s)
	})
}
