package param

import (
	"testing"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/google/go-cmp/cmp"
)

func source(kind, name string, pairs ...string) Source {
	s := Source{Origin: Origin{Kind: kind, Name: name}}
	for i := 0; i < len(pairs); i += 2 {
		s.Parameters = append(s.Parameters, noun.Parameter{Name: pairs[i], Type: "string", Value: pairs[i+1]})
	}
	return s
}

// TestPrecedence goes through every pair of neighbours in the order of
// precedence, whatever order the sources come in.
func TestPrecedence(t *testing.T) {
	order := kinds()
	for i := 1; i < len(order); i++ {
		got := Resolve([]Source{source(order[i], "strong", "x", "strong"), source(order[i-1], "weak", "x", "weak")})
		if len(got) != 1 || got[0].Value != "strong" || got[0].Origin.Kind != order[i] {
			t.Errorf("%s over %s: %+v", order[i], order[i-1], got)
		}
		if len(got[0].Hides) != 1 || got[0].Hides[0].Value != "weak" {
			t.Errorf("%s hides %+v", order[i], got[0].Hides)
		}
	}
}

func TestDescendantsHideAncestors(t *testing.T) {
	got := Resolve([]Source{
		source("global", "", "x", "0", "only", "here"),
		source("host group", "base", "x", "1"), source("host group", "base/web", "x", "2"),
	})
	var hidden []string
	for _, r := range got {
		if r.Name == "x" {
			for _, h := range r.Hides {
				hidden = append(hidden, h.Value)
			}
		}
	}
	if diff := cmp.Diff([]string{"1", "0"}, hidden); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"only": "here", "x": "2"}, Values(got)); diff != "" {
		t.Error(diff)
	}
}

func TestTypedValues(t *testing.T) {
	s := Source{Origin: Origin{Kind: "host"}, Parameters: []noun.Parameter{
		{Name: "b", Type: "boolean", Value: "yes"},
		{Name: "i", Type: "integer", Value: "8080"},
		{Name: "a", Type: "array", Value: "[1,2]"},
		{Name: "bad", Type: "integer", Value: "many"},
	}}
	got := Values(Resolve([]Source{s}))
	if got["b"] != true || got["i"] != int64(8080) || got["bad"] != "many" {
		t.Errorf("got %#v", got)
	}
	if list, ok := got["a"].([]any); !ok || len(list) != 2 {
		t.Errorf("a = %#v", got["a"])
	}
}
