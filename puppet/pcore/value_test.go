package pcore

import (
	"strings"
	"testing"
)

func TestEquality(t *testing.T) {
	one, a := Integer(1), String("a")
	rows := []struct {
		x, y       Value
		equal, eql bool
	}{
		{a, String("A"), true, false},
		{String("ä"), String("Ä"), false, false},
		{one, Float(1), true, false},
		{one, String("1"), false, false},
		{ArrayOf(one, a), ArrayOf(Float(1), String("A")), true, false},
		{ArrayOf(one, a), ArrayOf(one, a), true, true},
		{HashOf("a", one, "b", a), HashOf("b", String("A"), "a", one), true, false},
		{HashOf("a", one), HashOf("A", one), false, false},
		{Undef{}, String(""), false, false},
		{Undef{}, Undef{}, true, true},
		{&ResourceType{TypeName: "file", Title: "/a", HasTitle: true}, &ResourceType{TypeName: "File", Title: "/a", HasTitle: true}, true, true},
		{&IntegerType{1, 2}, &IntegerType{1, 2}, true, true},
		{&VariantType{[]Type{UndefType, BinaryType}}, &VariantType{[]Type{BinaryType, UndefType}}, true, true},
		{MustRegexp("a"), MustRegexp("a"), true, true},
		{NewSensitive(a), NewSensitive(a), true, true},
		{NewDeferred("f", nil), NewDeferred("f", nil), true, true},
	}
	for _, r := range rows {
		if got := Equal(r.x, r.y); got != r.equal {
			t.Errorf("Equal(%s, %s) = %t", Program(r.x), Program(r.y), got)
		}
		if got := Eql(r.x, r.y); got != r.eql {
			t.Errorf("Eql(%s, %s) = %t", Program(r.x), Program(r.y), got)
		}
		if got := Key(r.x) == Key(r.y); got != r.eql {
			t.Errorf("Key(%s) == Key(%s) is %t", Program(r.x), Program(r.y), got)
		}
	}
}

func TestHashKeepsOrderAndFindsAll(t *testing.T) {
	b := HashBuilder{}
	for i := range 100 {
		b.Set(Integer(i), String("x"))
		b.Set(Float(i), String("y"))
	}
	b.Set(Integer(3), String("z"))
	h := b.Hash()
	if h.Len() != 200 || h.At(6).Value != Value(String("z")) {
		t.Fatalf("%d entries, the seventh is %v", h.Len(), h.At(6))
	}
	for k, v := range h.All() {
		if got, ok := h.Get(k); !ok || got != v {
			t.Errorf("Get(%v) = %v, %t", k, got, ok)
		}
	}
	if _, ok := h.GetString("3"); ok {
		t.Error("a string found an integer")
	}
}

// TestSharedValuesDoNotExplode builds a value that is small in memory and endless when unfolded.
func TestSharedValuesDoNotExplode(t *testing.T) {
	v := Value(ArrayOf(String("x")))
	w := Value(ArrayOf(String("x")))
	for range 80 {
		v, w = ArrayOf(v, v), ArrayOf(w, w)
	}
	if Weight(v) <= MaxWeight {
		t.Fatalf("weight %d", Weight(v))
	}
	if s := v.String(); len(s) > 1000 {
		t.Errorf("%d bytes of text", len(s))
	}
	v.Type()
	Infer(v)
	IsInstance(RichDataType, v)
	Equal(v, w)
	Eql(v, w)
	Key(v)
	if _, err := FormatValue(v, Default{}); err == nil {
		t.Error("it can be formatted")
	}
	if _, err := (&Serializer{Rich: true}).ToData(v); err == nil {
		t.Error("it can be serialised")
	}
}

func TestText(t *testing.T) {
	rows := []struct {
		v             Value
		text, program string
	}{
		{Undef{}, "", "undef"},
		{ArrayOf(Integer(1), Undef{}, String("a")), "[1, , a]", "[1, undef, 'a']"},
		{HashOf("a", ArrayOf(String("b"))), "{a => [b]}", "{'a' => ['b']}"},
		{String("it's"), "it's", `'it\'s'`},
		{String("a\nb$"), "a\nb$", `"a\nb\$"`},
		{String("\x01"), "\x01", `"\u{1}"`},
		{MustRegexp("a/b"), `/a\/b/`, `/a\/b/`},
		{Float(1e20), "1.0e+20", "1.0e+20"},
		{NewSensitive(Integer(1)), "Sensitive [value redacted]", "#<Sensitive [value redacted]>"},
		{Timespan(-1.5e9), "-0-00:00:01.5", "-0-00:00:01.5"},
		{Timestamp(0), "1970-01-01T00:00:00.000000000 UTC", "1970-01-01T00:00:00.000000000 UTC"},
		{Binary("hi"), "aGk=", `Binary("aGk=")`},
		{NewDeferred("f", []Value{Integer(1)}), "Deferred({'name' => 'f', 'arguments' => [1]})", "Deferred({'name' => 'f', 'arguments' => [1]})"},
	}
	for _, r := range rows {
		if got := r.v.String(); got != r.text {
			t.Errorf("text %q, want %q", got, r.text)
		}
		if got := Program(r.v); got != r.program {
			t.Errorf("source %q, want %q", got, r.program)
		}
	}
}

func TestRecursiveAliases(t *testing.T) {
	tree := NewAlias("Tree")
	if err := tree.Bind(&VariantType{[]Type{AnyInteger(), &ArrayType{Elem: tree}}}); err != nil {
		t.Fatal(err)
	}
	other := NewAlias("Other")
	if err := other.Bind(&VariantType{[]Type{AnyInteger(), AnyString(), &ArrayType{Elem: other}}}); err != nil {
		t.Fatal(err)
	}
	if v := ArrayOf(Integer(1), ArrayOf(Integer(2))); !IsInstance(tree, v) || !IsInstance(DataType, v) {
		t.Error("a tree is no Tree")
	}
	if IsInstance(tree, ArrayOf(ArrayOf(String("x")))) {
		t.Error("a string in a tree is one")
	}
	if !IsAssignable(other, tree) || IsAssignable(tree, other) || !IsAssignable(RichDataType, DataType) || !IsAssignable(DataType, tree) {
		t.Error("recursive aliases compare wrong")
	}
	if got, want := tree.String(), "Tree = Variant[Integer, Array[Tree]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	self := NewAlias("Self")
	if err := self.Bind(&VariantType{[]Type{self}}); err == nil || !strings.Contains(err.Error(), "cannot be resolved to a real type") {
		t.Errorf("an alias of nothing but itself: %v", err)
	}
}

func TestObjects(t *testing.T) {
	m := NewMaker(nil, nil)
	base := mustObject(HashOf("name", String("Base"), "attributes", HashOf("id", AnyInteger())))
	child := mustObject(HashOf("name", String("Child"), "parent", base, "equality", ArrayOf(String("id")),
		"attributes", HashOf("note", HashOf("type", AnyString(), "value", String("-")))))
	a, err := m.New(child, []Value{Integer(1), String("x")})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.New(child, []Value{HashOf("id", Integer(1))})
	if err != nil {
		t.Fatal(err)
	}
	if !Eql(a, b) || Key(a) != Key(b) || !IsInstance(base, a) || IsInstance(ErrorType, a) {
		t.Error("objects compare wrong")
	}
	if got, want := Program(b), "Child({'id' => 1})"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := m.New(child, []Value{String("x")}); err == nil {
		t.Error("an id may be a string")
	}
	for _, bad := range []*Hash{
		HashOf("bogus", Integer(1)),
		HashOf("attributes", HashOf("a", Integer(1))),
		HashOf("equality", String("nope")),
		HashOf("attributes", HashOf("a", AnyString()), "constants", HashOf("a", Integer(1))),
	} {
		if _, err := NewObjectType(bad); err == nil {
			t.Errorf("%s makes a type", Program(bad))
		}
	}
}
