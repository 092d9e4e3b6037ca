package search

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/google/go-cmp/cmp"
)

// dump writes a tree as the reference's vectors do.
func dump(e Expr) string {
	list := func(name string, terms []Expr) string {
		parts := []string{":" + name}
		for _, t := range terms {
			parts = append(parts, dump(t))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	switch e := e.(type) {
	case And:
		return list("and", e.Terms)
	case Or:
		return list("or", e.Terms)
	case Not:
		return list("not", []Expr{e.X})
	case Text:
		return ruby(e.Value)
	case Null:
		if e.Negated {
			return "[:notnull, " + ruby(e.Field) + "]"
		}
		return "[:null, " + ruby(e.Field) + "]"
	case Compare:
		if e.Field == "" {
			return fmt.Sprintf("[:%s, %s]", opNames[e.Op], ruby(e.Value))
		}
		return fmt.Sprintf("[:%s, %s, %s]", opNames[e.Op], ruby(e.Field), ruby(e.Value))
	}
	return "?"
}

func ruby(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func outcome(query string) string {
	e, err := Parse(query)
	if err != nil {
		return "ERROR " + errs.PublicText(err)
	}
	return dump(e)
}

func runVectors(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		query, want, ok := strings.Cut(line, "\t")
		if !ok || query == "query" || strings.HasPrefix(query, "#") {
			continue
		}
		n++
		if got := outcome(query); got != want {
			t.Errorf("%q\n got %s\nwant %s", query, got, want)
		}
	}
	return n
}

func TestParse(t *testing.T) {
	if n := runVectors(t, filepath.Join("testdata", "parse.tsv")); n < 40 {
		t.Errorf("only %d cases", n)
	}
}

// TestParseReference runs what the upstream parser was seen to make of queries.
func TestParseReference(t *testing.T) {
	dir := os.Getenv("CHARGEHAND_REFERENCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "reference")
	}
	path := filepath.Join(dir, "foreman", "search-parse-vectors.tsv")
	if _, err := os.Stat(path); err != nil {
		t.Log("the reference's parser vectors are not here; own cases only")
		return
	}
	if n := runVectors(t, path); n < 99 {
		t.Errorf("only %d vectors", n)
	}
}

func TestParseErrorPositions(t *testing.T) {
	for query, pos := range map[string]int{
		"name = -5":       7,
		"a = 1 b = (c)":   10,
		"x = and y":       4,
		"not and x":       4,
		"a and not () b":  6,
		"name = \xff":     7,
		"ab ~ or has cd ": 5,
	} {
		_, err := Parse(query)
		e, ok := errors.AsType[*Error](err)
		if !ok || !errs.Is(err, errs.Malformed) || e.Pos != pos {
			t.Errorf("%q: %v (%+v), want position %d", query, err, e, pos)
		}
	}
}

func TestParseIsBounded(t *testing.T) {
	for name, query := range map[string]string{
		"length":      strings.Repeat("a", MaxLength+1),
		"parentheses": strings.Repeat("(", MaxDepth+1) + "a",
		"negations":   strings.Repeat("not ", MaxDepth+1) + "a",
		"terms":       strings.Repeat("a or ", MaxTerms) + "a",
	} {
		if _, err := Parse(query); !errs.Is(err, errs.TooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(strings.Repeat("a or ", MaxTerms-1) + "a"); err != nil {
		t.Errorf("at the bound: %v", err)
	}
}

func TestQuoteReadsBack(t *testing.T) {
	for _, s := range []string{"", "a", "and", "Or", "set?", "a b", `a"b`, `"`, `\`, "-5", "5-6", "a,b", "(", "é", "a=b", "today", "x\ty"} {
		e, err := Parse("f = " + Quote(s))
		want := Compare{Field: "f", Op: Eq, Value: s}
		if diff := cmp.Diff(Expr(want), e); diff != "" || err != nil {
			t.Errorf("%q quoted is %s: %v %s", s, Quote(s), err, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a and b or c", "name!=foo", "name ^ (a, b)", `name = "a\"b"`, "-web", "not (a or b) c", "has x null? y",
		"^ (a,b)", "!^ (a, b)", "a = 1)", "(((", `"`, `"\`, "é = ü", "before today", "a,,b", ", ,", "x !^ ()", "\u00a0a\u2003b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		e, err := Parse(query)
		if err != nil {
			if at, ok := errors.AsType[*Error](err); ok && (at.Pos < 0 || at.Pos > len(query)) {
				t.Fatalf("position %d of %d", at.Pos, len(query))
			}
			return
		}
		first := dump(e)
		again, err := Parse(e.String())
		if err != nil {
			t.Fatalf("%q printed as %q does not parse: %v", query, e, err)
		}
		if second := dump(again); second != first {
			t.Fatalf("%q printed as %q:\n got %s\nwant %s", query, e, second, first)
		}
	})
}
