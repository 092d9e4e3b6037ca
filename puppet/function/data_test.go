package function

import (
	"errors"
	"testing"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// dataEnv has data, files and commands as well.
type dataEnv struct {
	*env
	data     *pcore.Hash
	asked    []Query
	included []pcore.Value
}

func (e *dataEnv) Lookup(q Query) (pcore.Value, bool, error) {
	e.asked = append(e.asked, q)
	for _, n := range q.Names {
		if v, ok := e.data.GetString(n); ok {
			return v, true, nil
		}
	}
	return nil, false, nil
}

func (e *dataEnv) Call(name string, args []pcore.Value, b pcore.Callable) (pcore.Value, error) {
	if name == "include" {
		e.included = args
		return pcore.Undef{}, nil
	}
	return e.env.Call(name, args, b)
}

func (e *dataEnv) ReadFile(name string) (string, bool, error) {
	switch name {
	case "m/a":
		return "text of a", true, nil
	case "m/secret":
		return "", false, errors.New("not for you")
	}
	return "", false, nil
}

func (e *dataEnv) FindFile(kind, name string) string {
	if name == "m/a" {
		return "/modules/m/" + kind + "/a"
	}
	return ""
}

func (e *dataEnv) ModuleDir(name string) string {
	if name == "m" {
		return "/modules/m"
	}
	return ""
}

func (e *dataEnv) Generate(argv []string) (string, error) {
	if argv[0] == "/bin/false" {
		return "", errors.New("exit 1")
	}
	return "ran " + argv[1], nil
}

func (e *dataEnv) Query(q pcore.Value) (pcore.Value, error) { return pcore.ArrayOf(q), nil }

func TestDataAndFiles(t *testing.T) {
	e := &dataEnv{env: newEnv(), data: pcore.HashOf("a", pcore.Integer(1), "classes", pcore.ArrayOf(pcore.String("x"), pcore.String("y")))}
	generated := block{1, func(a ...pcore.Value) (pcore.Value, error) { return pcore.String("for " + a[0].String()), nil }}
	options := pcore.HashOf("default_value", pcore.String("d"), "merge", pcore.String("unique"))
	rows := []struct {
		name  string
		args  []any
		block pcore.Callable
		want  string
	}{
		{"lookup", []any{"a"}, nil, "1"},
		{"lookup", []any{[]any{"no", "a"}}, nil, "1"},
		{"lookup", []any{"no"}, nil, "! Function lookup() did not find a value for the name 'no'"},
		{"lookup", []any{[]any{"x", "y"}}, nil, "! Function lookup() did not find a value for any of the names ['x', 'y']"},
		{"lookup", []any{"no"}, generated, "'for no'"},
		{"lookup", []any{[]any{"x", "y"}}, generated, "'for [x, y]'"},
		{"lookup", []any{"a", pcore.AnyString()}, nil, "! Found value has wrong type, expects a String value, got Integer"},
		{"lookup", []any{"no", pcore.AnyString(), nil, 5}, nil, "! Default value has wrong type, expects a String value, got Integer"},
		{"lookup", []any{"no", options}, nil, "'d'"},
		{"lookup", []any{pcore.HashOf("name", pcore.String("a"))}, nil, "1"},
		{"hiera", []any{"a"}, nil, "1"},
		{"hiera", []any{[]any{"no", "d"}}, nil, "'d'"},
		{"hiera_array", []any{"no", []any{}}, nil, "[]"},
		{"hiera_hash", []any{"no"}, generated, "'for no'"},
		{"hiera_include", []any{"classes"}, nil, "undef"},
		{"hiera_include", []any{"no"}, nil, "! Function lookup() did not find a value for the name 'no'"},
		{"file", []any{"m/no", "m/a"}, nil, "'text of a'"},
		{"file", []any{"m/no", "m/nor"}, nil, "! Could not find any files from m/no, m/nor"},
		{"file", []any{"m/secret"}, nil, "! not for you"},
		{"binary_file", []any{"m/a"}, nil, `Binary("dGV4dCBvZiBh")`},
		{"binary_file", []any{"m/no"}, nil, "! binary_file(): The given file 'm/no' does not exist"},
		{"find_template", []any{"m/no", "m/a"}, nil, "'/modules/m/templates/a'"},
		{"module_directory", []any{[]any{"no", "m"}}, nil, "'/modules/m'"},
		{"generate", []any{"/bin/x", "y"}, nil, "'ran y'"},
		{"generate", []any{"/bin/false"}, nil, "! Failed to execute generator /bin/false: exit 1"},
		{"generate", []any{"/bin/../x"}, nil, "! Can not use generators with '..' in them."},
		{"generate", []any{"/bin/x;y"}, nil, "! Generators can only contain alphanumerics, file separators, and dashes"},
		{"puppetdb_query", []any{"nodes{}"}, nil, "['nodes{}']"},
	}
	for _, r := range rows {
		args := make([]pcore.Value, len(r.args))
		for i, a := range r.args {
			args[i] = value(t, a)
		}
		v, _, err := e.table.Call(e, r.name, args, r.block)
		got := "! "
		if err != nil {
			got += err.Error()
		} else {
			got = pcore.Program(v)
		}
		if got != r.want {
			t.Errorf("%s(%v) = %s, want %s", r.name, r.args, got, r.want)
		}
	}
	if len(e.included) != 2 {
		t.Errorf("hiera_include included %v", e.included)
	}
	if q := e.asked[8]; q.Merge != pcore.Value(pcore.String("unique")) {
		t.Errorf("lookup with options asked %+v", q)
	}
	if len(e.warnings) != 6 {
		t.Errorf("warnings %q", e.warnings)
	}
}

// TestBreakEndsIteration breaks at the second element of everything that iterates.
func TestBreakEndsIteration(t *testing.T) {
	rows := []struct {
		name   string
		args   []any
		params int
		want   string
	}{
		{"each", []any{[]any{1, 2, 3}}, 1, "[1, 2, 3]"},
		{"each", []any{[]any{1, 2, 3}}, 2, "[1, 2, 3]"},
		{"map", []any{[]any{1, 2, 3}}, 2, "[true]"},
		{"filter", []any{[]any{1, 2, 3}}, 1, "[1]"},
		{"filter", []any{pcore.HashOf("a", pcore.Integer(1), "b", pcore.Integer(2))}, 2, "{'a' => 1}"},
		{"filter", []any{pcore.HashOf("a", pcore.Integer(1), "b", pcore.Integer(2))}, 1, "{'a' => 1}"},
		{"reduce", []any{[]any{1, 2, 3}}, 2, "true"},
		{"all", []any{[]any{1, 2, 3}}, 1, "true"},
		{"slice", []any{[]any{1, 2, 3}, 1}, 1, "[1, 2, 3]"},
		{"reverse_each", []any{[]any{1, 2, 3}}, 1, "undef"},
		{"step", []any{[]any{1, 2, 3}, 1}, 1, "undef"},
		{"tree_each", []any{[]any{1, 2, 3}}, 2, "[1, 2, 3]"},
		{"group_by", []any{[]any{1, 2, 3}}, 1, "{true => [1]}"},
		{"partition", []any{[]any{1, 2, 3}}, 2, "[[1], []]"},
		{"index", []any{pcore.HashOf("a", pcore.Integer(1), "b", pcore.Integer(2))}, 1, "'a'"},
	}
	for _, r := range rows {
		e := newEnv()
		calls := 0
		b := block{r.params, func(...pcore.Value) (pcore.Value, error) {
			if calls++; calls == 2 {
				return nil, breakError{}
			}
			return pcore.Boolean(true), nil
		}}
		args := make([]pcore.Value, len(r.args))
		for i, a := range r.args {
			args[i] = value(t, a)
		}
		v, _, err := e.table.Call(e, r.name, args, b)
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		if got := pcore.Program(v); got != r.want || calls > 2 {
			t.Errorf("%s of %v = %s after %d calls, want %s", r.name, r.args, got, calls, r.want)
		}
	}
}

func TestErrorsOfBlocksPass(t *testing.T) {
	failing := func(n int) block {
		return block{n, func(...pcore.Value) (pcore.Value, error) { return nil, errors.New("inner") }}
	}
	list := pcore.ArrayOf(pcore.Integer(1), pcore.Integer(2))
	for name, args := range map[string][]pcore.Value{
		"each": {list}, "map": {list}, "filter": {list}, "any": {list}, "all": {list}, "index": {list}, "reverse_each": {list},
		"step": {list, pcore.Integer(1)}, "slice": {list, pcore.Integer(2)}, "tree_each": {list}, "group_by": {list}, "partition": {list},
		"unique": {list}, "then": {list},
	} {
		e := newEnv()
		if _, _, err := e.table.Call(e, name, args, failing(1)); err == nil || err.Error() != "inner" {
			t.Errorf("%s gave %v", name, err)
		}
	}
	for name, args := range map[string][]pcore.Value{"reduce": {list}, "sort": {list}, "max": {list}} {
		e := newEnv()
		if _, _, err := e.table.Call(e, name, args, failing(2)); err == nil || err.Error() != "inner" {
			t.Errorf("%s gave %v", name, err)
		}
	}
}
