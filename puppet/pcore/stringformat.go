package pcore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A valueFormat is one parsed format of String.new: %[flags][width][.precision]letter.
type valueFormat struct {
	text   string
	letter byte
	alt    bool
	left   bool
	space  bool
	width  int // 0 for none
	prec   int // -1 for none
	delim  byte

	sep, sep2       string // of containers, when hasSep
	hasSep, hasSep2 bool
	inner           formatMap // of the elements of containers
}

// A formatMap assigns formats to types; the first that takes a value's type is used.
type formatMap []typeFormat

type typeFormat struct {
	t Type
	f *valueFormat
}

var formatPattern = MustRegexp(`\A%([\s\[+#0{<(|-]*)([1-9][0-9]*)?(?:\.([0-9]+))?([a-zA-Z])\z`)

func parseFormat(text string) (*valueFormat, error) {
	loc, err := formatPattern.Find(text, 0)
	if loc == nil || err != nil {
		return nil, fmt.Errorf("The format '%s' is not a valid format on the form '%%<flags><width>.<prec><format>'", text)
	}
	f := &valueFormat{text: text, letter: text[loc[8]], prec: -1}
	flags := text[loc[2]:loc[3]]
	for i := range len(flags) {
		c := flags[i]
		if strings.IndexByte(flags[i+1:], c) >= 0 {
			return nil, fmt.Errorf("The same flag can only be used once, got '%s'", text)
		}
		switch c {
		case '-':
			f.left = true
		case '#':
			f.alt = true
		case ' ':
			f.space = true
		case '[', '{', '(', '<', '|':
			if f.delim != 0 {
				return nil, fmt.Errorf("Only one of the delimiters [ { ( < | can be given in the format flags, got '%s'", text)
			}
			f.delim = c
		}
	}
	number := func(from, to int) (int, error) {
		n := 0
		for _, c := range []byte(text[from:to]) {
			if n = n*10 + int(c-'0'); n > maxFormatWidth {
				return 0, fmt.Errorf("width too big")
			}
		}
		return n, nil
	}
	if loc[4] >= 0 {
		if f.width, err = number(loc[4], loc[5]); err != nil {
			return nil, err
		}
	}
	if loc[6] >= 0 {
		if f.prec, err = number(loc[6], loc[7]); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func mustFormat(text string) *valueFormat {
	f, err := parseFormat(text)
	if err != nil {
		panic(err)
	}
	return f
}

var (
	programFormats = formatMap{{AnyType, mustFormat("%p")}}
	defaultFormats = formatMap{
		{AnyObject, mustFormat("%p")},
		{AnyFloat(), mustFormat("%f")},
		{NumericType, mustFormat("%d")},
		{AnyArray(), containerFormat("%a")},
		{AnyHash(), containerFormat("%h")},
		{BinaryType, mustFormat("%B")},
		{AnyType, mustFormat("%s")},
	}
)

// containerFormat is a format whose elements are written as source.
func containerFormat(text string) *valueFormat {
	f := mustFormat(text)
	f.inner = formatMap{{AnyType, mustFormat("%p")}}
	return f
}

func (m formatMap) find(t Type) *valueFormat {
	for _, e := range m {
		if assignable(e.t, t, nil) {
			return e.f
		}
	}
	return mustFormat("%s")
}

// merge lays higher over lower: of two formats for one type the higher one wins, and a lower one for
// a narrower type never hides a higher one.
func (lower formatMap) merge(higher formatMap) formatMap {
	merged := make(formatMap, 0, len(lower)+len(higher))
	for _, l := range lower {
		hidden := slices.ContainsFunc(higher, func(h typeFormat) bool {
			return !SameType(h.t, l.t) && assignable(h.t, l.t, nil)
		})
		same := slices.IndexFunc(higher, func(h typeFormat) bool { return SameType(h.t, l.t) })
		switch {
		case same >= 0:
			merged = append(merged, typeFormat{l.t, l.f.merge(higher[same].f)})
		case !hidden:
			merged = append(merged, l)
		}
	}
	for _, h := range higher {
		if !slices.ContainsFunc(merged, func(m typeFormat) bool { return SameType(m.t, h.t) }) {
			merged = append(merged, h)
		}
	}
	return merged.sorted()
}

// formatRanks says which of two types that are not one within the other comes first.
var formatRanks = map[string]int{"Struct": 1, "Hash": 2, "Tuple": 3, "Array": 4, "Pattern": 10, "Enum": 11, "String": 12}

// sorted puts narrower types before wider ones.
func (m formatMap) sorted() formatMap {
	rest := slices.Clone(m)
	slices.SortStableFunc(rest, func(a, b typeFormat) int {
		ra, rb := formatRanks[a.t.Name()], formatRanks[b.t.Name()]
		if ra == 0 || rb == 0 {
			return cmp.Compare(a.t.String(), b.t.String())
		}
		return cmp.Compare(ra, rb)
	})
	sorted := make(formatMap, 0, len(m))
	for len(rest) > 0 {
		next := slices.IndexFunc(rest, func(e typeFormat) bool {
			return !slices.ContainsFunc(rest, func(o typeFormat) bool {
				return assignable(e.t, o.t, nil) && !assignable(o.t, e.t, nil)
			})
		})
		next = max(next, 0)
		sorted = append(sorted, rest[next])
		rest = slices.Delete(rest, next, next+1)
	}
	return sorted
}

func (f *valueFormat) merge(o *valueFormat) *valueFormat {
	m := *o
	if !m.hasSep {
		m.sep, m.hasSep = f.sep, f.hasSep
	}
	if !m.hasSep2 {
		m.sep2, m.hasSep2 = f.sep2, f.hasSep2
	}
	if m.inner == nil {
		m.inner = f.inner
	} else if f.inner != nil {
		m.inner = f.inner.merge(m.inner)
	}
	return &m
}

// FormatValue converts a value to text under the formats of String.new: Default, a format, or a hash
// of types to formats.
func FormatValue(v Value, formats Value) (string, error) {
	m := defaultFormats
	switch fs := formats.(type) {
	case String:
		f, err := parseFormat(string(fs))
		if err != nil {
			return "", err
		}
		t := v.Type()
		switch v.(type) {
		case *Array:
			t = AnyArray()
		case *Hash:
			t = AnyHash()
		}
		m = defaultFormats.merge(formatMap{{t, f}})
	case *Hash:
		given, err := readFormats(fs)
		if err != nil {
			return "", err
		}
		m = defaultFormats.merge(given)
	}
	return convertValue(v, m, indentation{first: true})
}

// Program is the text of a value as source: %p.
func Program(v Value) string {
	s, err := convertValue(v, programFormats, indentation{first: true})
	if err != nil {
		return v.String()
	}
	return s
}

func readFormats(h *Hash) (formatMap, error) {
	var m formatMap
	for _, e := range h.entries {
		t, ok := e.Key.(Type)
		if !ok {
			return nil, fmt.Errorf("top level keys in the format hash must be data types, got instance of %s", RubyClass(e.Key))
		}
		f, err := readFormat(e.Value)
		if err != nil {
			return nil, err
		}
		m = append(m, typeFormat{t, f})
	}
	return m.sorted(), nil
}

func readFormat(v Value) (*valueFormat, error) {
	h, ok := v.(*Hash)
	if !ok {
		return parseFormat(v.String())
	}
	text := "%s"
	if s, ok := h.GetString("format"); ok {
		text = s.String()
	}
	f, err := parseFormat(text)
	if err != nil {
		return nil, err
	}
	if s, ok := h.GetString("separator"); ok {
		f.sep, f.hasSep = s.String(), true
	}
	if s, ok := h.GetString("separator2"); ok {
		f.sep2, f.hasSep2 = s.String(), true
	}
	if s, ok := h.GetString("string_formats"); ok {
		if inner, ok := s.(*Hash); ok {
			if f.inner, err = readFormats(inner); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}
