package noun

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type thing struct {
	Base
	Name   string
	Note   string
	Count  *int64
	On     bool
	Key    Secret
	Tags   []string
	OtherI int64
}

func things() *Noun[thing] {
	return Declare("thing", func(t *thing) Fields {
		return Fields{
			Text("name", &t.Name).Required().Search(),
			Text("note", &t.Note).Long(),
			OptInt("count", &t.Count).Between(0, 9),
			Bool("on", &t.On).Default(true),
			Sealed("key", &t.Key),
			JSON("tags", &t.Tags),
			Ref("other", &t.OtherI, "thing").Nested(),
			Computed("size", func(t *thing, _ *Names) any { return len(t.Name) }),
		}
	})
}

func TestRender(t *testing.T) {
	n := things()
	if _, err := New(Options{}, n); err != nil {
		t.Fatal(err)
	}
	rec := n.Make().(*thing)
	rec.ID, rec.Name, rec.Key, rec.CreatedAt = 7, "a\"<é>\u2028\x01", "secret", time.Date(2024, 10, 24, 9, 21, 3, 0, time.UTC)
	w := NewWriter(&Rendering{})
	n.Render(w, rec, nil, Show)
	want := `{"id":7,"name":"a\"<é>\u2028\u0001","note":null,"count":null,"on":true,"tags":null,"other_id":null,"other_name":null,"other":null,"size":10,"created_at":"2024-10-24 09:21:03 UTC","updated_at":null}`
	if got := string(w.Bytes()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	w = NewWriter(&Rendering{ISO: true})
	n.Render(w, rec, nil, Show)
	if !strings.Contains(string(w.Bytes()), `"created_at":"2024-10-24T09:21:03.000Z"`) {
		t.Errorf("ISO: %s", w.Bytes())
	}
}

func TestPut(t *testing.T) {
	n := things()
	if _, err := New(Options{}, n); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		field, body, wrong string
		want               any
	}{
		{"name", `"x"`, "", "x"},
		{"name", `5`, "", "5"},
		{"name", `{}`, "is invalid", nil},
		{"count", `"3"`, "", int64(3)},
		{"count", `3.0`, "", int64(3)},
		{"count", `"x"`, "is not a number", nil},
		{"count", `null`, "", nil},
		{"on", `"false"`, "", false},
		{"on", `0`, "", false},
		{"on", `"perhaps"`, "is invalid", true},
		{"tags", `["a"]`, "", []string{"a"}},
		{"tags", `"a"`, "is invalid", []string(nil)},
		{"other", `0`, "", nil},
		{"count", `1e400`, "is not a number", nil},
	} {
		rec := n.Make()
		d := json.NewDecoder(strings.NewReader(test.body))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		f := n.Field(test.field)
		wrong := f.put(rec, v)
		if got := f.Value(rec); wrong != test.wrong || !cmp.Equal(got, test.want) {
			t.Errorf("%s = %s: %v (%q), want %v (%q)", test.field, test.body, got, wrong, test.want, test.wrong)
		}
	}
}

func TestTypedParameters(t *testing.T) {
	for _, test := range []struct {
		kind, value string
		want        any
	}{
		{"string", "1", "1"},
		{"integer", "12", int64(12)},
		{"integer", "x", "x"},
		{"boolean", "yes", true},
		{"real", "1.5", 1.5},
		{"array", `["a"]`, []any{"a"}},
		{"array", "- a\n- b", []any{"a", "b"}},
		{"hash", `{"a":true}`, map[string]any{"a": true}},
		{"json", `"x"`, "x"},
		{"yaml", "a: b", map[string]any{"a": "b"}},
		{"hash", "[1]", "[1]"},
	} {
		p := &Parameter{Type: test.kind, Value: test.value}
		if got := p.Typed(); !cmp.Equal(got, test.want) {
			t.Errorf("%s %q: %#v, want %#v", test.kind, test.value, got, test.want)
		}
	}
}

func TestDeclarationsThatCannotBe(t *testing.T) {
	var elsewhere string
	for name, declare := range map[string]func(){
		"a field elsewhere": func() { Declare("x", func(*thing) Fields { return Fields{Text("a", &elsewhere)} }) },
		"twice":             func() { Declare("x", func(t *thing) Fields { return Fields{Text("a", &t.Name), Text("a", &t.Note)} }) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is accepted", name)
				}
			}()
			declare()
		}()
	}
	bad := Declare("x", func(t *thing) Fields { return Fields{Ref("other", &t.OtherI, "nothing")} })
	if _, err := New(Options{}, bad); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("unknown noun: %v", err)
	}
	bad = Declare("x", func(*thing) Fields { return Fields{SearchOn("a", "b.c")} })
	if _, err := New(Options{}, bad); err == nil {
		t.Error("a search path to nowhere is accepted")
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	s := Secret("hunter2")
	text, err := json.Marshal(map[string]any{"a": s, "b": []Secret{s}})
	if err != nil || strings.Contains(string(text), "hunter") || s.String() != Masked || strings.Contains(s.LogValue().String(), "hunter") {
		t.Errorf("%s %v", text, err)
	}
}

func FuzzRefTests(f *testing.F) {
	n := things()
	if _, err := New(Options{}, n); err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"1", "12-a", "-", "a", "9223372036854775808", "0", "-1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		tests, id := n.refTests(ref)
		if len(tests) == 0 || id < -1 {
			t.Errorf("%q: %v %d", ref, tests, id)
		}
	})
}

func FuzzOrder(f *testing.F) {
	n := things()
	if _, err := New(Options{}, n); err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"name", "name DESC", "id desc", "nope", "name asc x", "params.a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, order string) {
		if o, err := n.ParseOrder(order); err == nil && len(strings.Fields(order)) > 0 && len(o) != 1 {
			t.Errorf("%q: %v", order, o)
		}
	})
}
