package function

import (
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// An env is the least that functions can be called with.
type env struct {
	table    *Table
	vars     map[string]pcore.Value
	warnings []string
}

func (e *env) Call(name string, args []pcore.Value, block pcore.Callable) (pcore.Value, error) {
	v, _, err := e.table.Call(e, name, args, block)
	return v, err
}
func (e *env) WarnOnce(_, message string) { e.warnings = append(e.warnings, message) }
func (e *env) Maker() *pcore.Maker {
	return pcore.NewMaker(nil, func() time.Time { return time.Unix(0, 0) })
}

func (e *env) ParseType(text string) (pcore.Type, error) {
	return pcore.ParseType(text, nil)
}

func (e *env) Variable(name string) (pcore.Value, bool, error) {
	v, ok := e.vars[name]
	return v, ok, nil
}

// A block is a Go function in the place of a lambda.
type block struct {
	params int
	fn     func(args ...pcore.Value) (pcore.Value, error)
}

func (b block) String() string          { return "Lambda" }
func (b block) Type() pcore.Type        { return b.Signature() }
func (b block) ParamCount() (int, bool) { return b.params, false }
func (b block) Call(args ...pcore.Value) (pcore.Value, error) {
	return b.fn(args...)
}

func (b block) Signature() *pcore.CallableType {
	types := make([]pcore.Type, b.params)
	for i := range types {
		types[i] = pcore.AnyType
	}
	n := int64(b.params)
	return &pcore.CallableType{Params: &pcore.TupleType{Types: types, Size: &pcore.Size{Min: n, Max: n}}}
}

type breakError struct{}

func (breakError) Error() string       { return "break" }
func (breakError) EndsIteration() bool { return true }

func newEnv() *env {
	return &env{table: NewTable(), vars: map[string]pcore.Value{
		"facts": pcore.HashOf("networking", pcore.HashOf("fqdn", pcore.String("node1.example.com"))),
	}}
}

func value(t *testing.T, x any) pcore.Value {
	t.Helper()
	switch x := x.(type) {
	case pcore.Value:
		return x
	case string:
		return pcore.String(x)
	case int:
		return pcore.Integer(x)
	case float64:
		return pcore.Float(x)
	case bool:
		return pcore.Boolean(x)
	case nil:
		return pcore.Undef{}
	case []any:
		elems := make([]pcore.Value, len(x))
		for i, e := range x {
			elems[i] = value(t, e)
		}
		return pcore.NewArray(elems)
	}
	t.Fatalf("no value for %T", x)
	return nil
}

func re(s string) pcore.Value { return pcore.MustRegexp(s) }

func TestCall(t *testing.T) {
	type args = []any
	rows := []struct {
		name string
		args args
		want string // as source, or "! " and the error
	}{
		{"abs", args{-5}, "5"},
		{"abs", args{"-5"}, "5"},
		{"abs", args{"1", "2"}, "! 'abs' expects 1 argument, got 2"},
		{"round", args{2.5}, "3"},
		{"round", args{"2.5"}, "! 'round' parameter 'val' expects a Numeric value, got String"},
		{"split", args{"a,b,,", ","}, "['a', 'b']"},
		{"split", args{"abc", ""}, "['a', 'b', 'c']"},
		{"split", args{"a1b2", re(`(\d)`)}, "['a', '1', 'b', '2']"},
		{"split", args{"äöü", ""}, "['ä', 'ö', 'ü']"},
		{"split", args{"a"}, "! 'split' expects 2 arguments, got 1"},
		{"regsubst", args{"baac", "a*", "x", "G"}, "'xbxxcx'"},
		{"regsubst", args{"10.0.0.1", `(\d+)\.(\d+)`, `\2-\1`}, "'0-10.0.1'"},
		{"regsubst", args{"aXa", re("(?<=a)X"), "-"}, "'a-a'"},
		{"match", args{"abc", re("b(c)(d)?")}, "['bc', 'c', undef]"},
		{"versioncmp", args{"1.0.0", "1.0"}, "1"},
		{"versioncmp", args{"1.0.0", "1.0", true}, "0"},
		{"versioncmp", args{"2.0.0-rc1", "2.0.0"}, "1"},
		{"join", args{[]any{1, []any{"a", nil}}, ","}, "'1,a,'"},
		{"unique", args{"aab"}, "'ab'"},
		{"sort", args{[]any{3, 1, 2}}, "[1, 2, 3]"},
		{"sort", args{[]any{true, false}}, "! comparison of TrueClass with false failed"},
		{"flatten", args{1, []any{2, []any{3}}}, "[1, 2, 3]"},
		{"shellquote", args{"a b", "c$d", "plain"}, `'"a b" \'c$d\' plain'`},
		{"sprintf", args{"%08.3f", 3.14159}, "'0003.142'"},
		{"sprintf", args{"%x", -255}, "'..f01'"},
		{"fqdn_rand", args{100}, "16"},
		{"fqdn_rand", args{100, "seed"}, "26"},
		{"md5", args{"abc"}, "'900150983cd24fb0d6963f7d28e17f72'"},
		{"max", args{1, 3, 2}, "3"},
		{"compare", args{"a", 1}, "! 'compare' compare(): Can only compare values of the same type (or for Timestamp/Timespan also against Numeric). Got String and Integer"},
		{"getvar", args{"facts.networking.fqdn"}, "'node1.example.com'"},
		{"getvar", args{"1x"}, "! 'getvar' The given string does not start with a valid variable name"},
		{"get", args{[]any{1, 2}, "0"}, "1"},
		{"dig", args{"a", 0}, "! 'dig' parameter 'data' expects a value of type Undef or Collection, got String"},
		{"type", args{1, "bad"}, "! 'type' parameter 'inference_method' expects a match for Enum['detailed', 'generalized', 'reduced'], got 'bad'"},
		{"new", args{pcore.AnyInteger(), "0x1F"}, "31"},
		{"index", args{"banana", "an"}, "1"},
		{"camelcase", args{"foo_bar"}, "'FooBar'"},
		{"capitalize", args{"fOO bAR"}, "'Foo bar'"},
		{"chop", args{"a\r\n"}, "'a'"},
		{"file", args{}, "! file(): Wrong number of arguments given (0 for minimum 1)"},
		{"find_file", args{"a/b"}, "undef"},
		{"generate", args{"ls"}, "! Generators must be fully qualified"},
		{"each", args{[]any{1}}, "! 'each' expects a block"},
		{"scanf", args{"12 0x1f ab, 1.5e2 x", "%d %i %[a-c], %f %c"}, "[12, 31, 'ab', 150.0, 'x']"},
		{"scanf", args{"1234 5", "%2d%*d %d"}, "[12, 5]"},
		{"scanf", args{"x", "%d"}, "[]"},
		{"scanf", args{"5%", "%d%%"}, "[5]"},
		{"scanf", args{"5", "%y"}, "! malformed scanf format"},
		{"call", args{"upcase", "a"}, "'A'"},
		{"call", args{pcore.NewDeferred("join", []pcore.Value{pcore.ArrayOf(pcore.NewDeferred("upcase", []pcore.Value{pcore.String("x")}), pcore.String("y"))})}, "'Xy'"},
		{"call", args{pcore.NewDeferred("$facts", []pcore.Value{pcore.String("networking"), pcore.String("fqdn")})}, "'node1.example.com'"},
		{"convert_to", args{"5", pcore.AnyInteger()}, "5"},
		{"assert_type", args{"Integer[1,3]", 5}, "! assert_type(): expects an Integer[1, 3] value, got Integer[5, 5]"},
		{"unwrap", args{pcore.NewSensitive(pcore.String("s"))}, "'s'"},
		{"strftime", args{pcore.Timestamp(0), "%F %T %z", "+02:00"}, "'1970-01-01 02:00:00 +0200'"},
		{"strftime", args{pcore.Timespan(-90e9), "%M:%S"}, "'-01:30'"},
		{"lookup", args{"x"}, "! there is no data to look up"},
		{"fqdn_rand", args{0}, "! invalid argument - 0"},
		{"yaml_data", args{"x"}, "! 'yaml_data' expects 2 arguments, got 1"},
		{"unique", args{pcore.HashOf("a", pcore.Integer(1), "b", pcore.Integer(1))}, "{['a', 'b'] => [1]}"},
		{"empty", args{[]any{}}, "true"},
		{"size", args{"äö"}, "2"},
		{"keys", args{pcore.HashOf("a", pcore.Integer(1))}, "['a']"},
		{"reverse_each", args{[]any{1, 2}}, "[2, 1]"},
		{"step", args{[]any{1, 2, 3}, 2}, "[1, 3]"},
		{"slice", args{[]any{1, 2, 3}, 2}, "[[1, 2], [3]]"},
		{"tree_each", args{[]any{1, []any{2}}}, "[[[], [1, [2]]], [[0], 1], [[1], [2]], [[1, 0], 2]]"},
		{"tree_each", args{[]any{1, []any{2}}, pcore.HashOf("include_containers", pcore.Boolean(false), "order", pcore.String("breadth_first"))}, "[[[0], 1], [[1, 0], 2]]"},
	}
	for _, r := range rows {
		e := newEnv()
		vals := make([]pcore.Value, len(r.args))
		for i, a := range r.args {
			vals[i] = value(t, a)
		}
		v, known, err := e.table.Call(e, r.name, vals, nil)
		got := ""
		switch {
		case !known:
			got = "unknown"
		case err != nil:
			got = "! " + err.Error()
		default:
			got = pcore.Program(v)
		}
		if got != r.want {
			t.Errorf("%s(%v) = %s, want %s", r.name, r.args, got, r.want)
		}
	}
}

func TestBlocks(t *testing.T) {
	double := block{1, func(a ...pcore.Value) (pcore.Value, error) { return a[0].(pcore.Integer) * 2, nil }}
	sum := block{2, func(a ...pcore.Value) (pcore.Value, error) { return a[0].(pcore.Integer) + a[1].(pcore.Integer), nil }}
	untilTwo := block{1, func(a ...pcore.Value) (pcore.Value, error) {
		if a[0] == pcore.Value(pcore.Integer(2)) {
			return nil, breakError{}
		}
		return a[0], nil
	}}
	even := block{1, func(a ...pcore.Value) (pcore.Value, error) { return pcore.Bool(a[0].(pcore.Integer)%2 == 0), nil }}
	rows := []struct {
		name  string
		args  []any
		block block
		want  string
	}{
		{"map", []any{[]any{1, 2}}, double, "[2, 4]"},
		{"map", []any{[]any{1, 2, 3}}, untilTwo, "[1]"},
		{"map", []any{&pcore.IntegerType{Min: 1, Max: 3}}, double, "[2, 4, 6]"},
		{"reduce", []any{[]any{1, 2, 3}}, sum, "6"},
		{"filter", []any{[]any{1, 2, 3, 4}}, even, "[2, 4]"},
		{"partition", []any{[]any{1, 2, 3, 4}}, even, "[[2, 4], [1, 3]]"},
		{"group_by", []any{[]any{1, 2, 3, 4}}, even, "{false => [1, 3], true => [2, 4]}"},
		{"any", []any{[]any{1, 2}}, even, "true"},
		{"all", []any{[]any{1, 2}}, even, "false"},
		{"index", []any{[]any{1, 2}}, even, "1"},
		{"then", []any{nil}, double, "undef"},
	}
	for _, r := range rows {
		e := newEnv()
		vals := make([]pcore.Value, len(r.args))
		for i, a := range r.args {
			vals[i] = value(t, a)
		}
		v, _, err := e.table.Call(e, r.name, vals, r.block)
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		if got := pcore.Program(v); got != r.want {
			t.Errorf("%s(%v) = %s, want %s", r.name, r.args, got, r.want)
		}
	}
}

func TestHugeRangesAreBounded(t *testing.T) {
	e := newEnv()
	huge := &pcore.IntegerType{Min: 1, Max: 1_000_000_000_000}
	v, _, err := e.table.Call(e, "step", []pcore.Value{huge, pcore.Integer(1000)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pcore.Elements(v); err == nil {
		t.Error("a huge range was unfolded")
	}
	nothing := block{1, func(...pcore.Value) (pcore.Value, error) { return pcore.Undef{}, nil }}
	if _, _, err := e.table.Call(e, "each", []pcore.Value{huge}, nothing); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("each over a huge range gave %v", err)
	}
}
