package bounded_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
)

func TestReadAll(t *testing.T) {
	for _, c := range []struct {
		size, max int
		kind      errs.Kind // Internal: no error
	}{
		{0, 0, errs.Internal},
		{1, 0, errs.TooLarge},
		{10, 10, errs.Internal},
		{11, 10, errs.TooLarge},
		{100_000, 99_999, errs.TooLarge},
		{5, -1, errs.Internal},
	} {
		got, err := bounded.ReadAll(strings.NewReader(strings.Repeat("x", c.size)), int64(c.max))
		if c.kind == errs.Internal {
			if err != nil || len(got) != c.size {
				t.Errorf("%d of at most %d: %d bytes, %v", c.size, c.max, len(got), err)
			}
		} else if !errs.Is(err, c.kind) {
			t.Errorf("%d of at most %d: %v", c.size, c.max, err)
		}
	}
}

func TestReaderHandsOutWhatIsAllowed(t *testing.T) {
	var got strings.Builder
	_, err := io.Copy(&got, bounded.Reader(strings.NewReader("abcdef"), 4))
	if got.String() != "abcd" || !errs.Is(err, errs.TooLarge) {
		t.Errorf("got %q, %v", got.String(), err)
	}
}

func TestJSON(t *testing.T) {
	for _, c := range []struct {
		in   string
		kind errs.Kind
		ok   bool
	}{
		{`{"a":[1,"[[[[\"{"]}`, 0, true},
		{`{"a":1} x`, errs.Malformed, false},
		{`{"a":`, errs.Malformed, false},
		{strings.Repeat("[", 201) + strings.Repeat("]", 201), errs.TooLarge, false},
		{strings.Repeat("[", 200) + strings.Repeat("]", 200), 0, true},
		{strings.Repeat(`{"a":`, 100_000), errs.TooLarge, false},
	} {
		var v any
		err := bounded.JSON([]byte(c.in), &v)
		if (err == nil) != c.ok || (!c.ok && errs.KindOf(err) != c.kind) {
			t.Errorf("%.40s: %v", c.in, err)
		}
	}
}

func TestYAML(t *testing.T) {
	var v struct {
		A []int
		B map[string]string
	}
	if err := bounded.YAML([]byte("a: [1, 2]\nb:\n  x: y\n---\nother: document\n"), &v); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 2}, v.A); diff != "" || v.B["x"] != "y" {
		t.Error(diff, v)
	}
	for _, empty := range []string{"", "\n", "---\n", "# nothing\n"} {
		if err := bounded.YAML([]byte(empty), &v); err != nil || len(v.A) != 2 {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

func TestYAMLAliases(t *testing.T) {
	var v map[string]any
	err := bounded.YAML([]byte("base: &b {x: 1, y: 2}\nfirst: *b\nsecond:\n  <<: *b\n  y: 3\n"), &v)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"base":   map[string]any{"x": uint64(1), "y": uint64(2)},
		"first":  map[string]any{"x": uint64(1), "y": uint64(2)},
		"second": map[string]any{"x": uint64(1), "y": uint64(3)},
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Error(diff)
	}
}

func TestYAMLBombs(t *testing.T) {
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 10; i++ {
		ref := strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 8)
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(ref, ", "))
	}
	var staircase strings.Builder
	for i := range 300 {
		staircase.WriteString(strings.Repeat(" ", i) + "k:\n")
	}
	for name, c := range map[string]struct {
		in   string
		kind errs.Kind
	}{
		"laughs":      {laughs, errs.TooLarge},
		"wide":        {"a: &a [" + strings.Repeat("x,", 20_000) + "x]\nb: [" + strings.Repeat("*a,", 100) + "*a]\n", errs.TooLarge},
		"flow":        {strings.Repeat("[", 100_000), errs.TooLarge},
		"block":       {strings.Repeat("- ", 100_000) + "x", errs.TooLarge},
		"staircase":   {staircase.String(), errs.TooLarge},
		"in itself":   {"a: &a\n  b: *a\n", errs.Malformed},
		"NUL":         {"a: \x00", errs.Malformed},
		"broken":      {"a: [", errs.Malformed},
		"many keys ?": {strings.Repeat("? ", 50_000), errs.TooLarge},
	} {
		var v any
		if err := bounded.YAML([]byte(c.in), &v); !errs.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzYAML(f *testing.F) {
	for _, seed := range []string{"a: 1", "a: &x [1]\nb: *x", ":sym: v", "- - - x", "{a: {b: }}", "? a\n: b", "!!tag x", "a: |\n  b"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		var v any
		_ = bounded.YAML([]byte(s), &v)
	})
}
