package pcore

import (
	"cmp"
	"encoding/base64"
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

func illegalFormat(kind string, f *valueFormat, expected string) error {
	return fmt.Errorf("Illegal format '%c' specified for value of %s type - expected one of the characters '%s'", f.letter, kind, expected)
}

// flags applies width, precision and alignment to a text.
func (f *valueFormat) flags(s string) string {
	spec := formatSpec{minus: f.left, width: f.width, prec: f.prec}
	return spec.pad(spec.cut(s))
}

// ruby formats one value with the format's own text, its letter replaced.
func (f *valueFormat) ruby(letter byte, v Value) (string, error) {
	return FormatRuby(f.text[:len(f.text)-1]+string(letter), []Value{v})
}

func convertValue(v Value, m formatMap, in indentation) (string, error) {
	f := m.find(v.Type())
	switch v := v.(type) {
	case *Array:
		return convertArray(v, m, f, in)
	case *Hash:
		return convertHash(v, m, f, in)
	case *Iterator:
		var elems []Value
		for e := range v.All() {
			if elems = append(elems, e); len(elems) > maxElements {
				return "", errTooMany
			}
		}
		return convertValue(NewArray(elems), m, in)
	case Integer:
		return convertInteger(v, f)
	case Float:
		return convertFloat(v, f)
	case Boolean:
		return convertBoolean(v, f)
	case String:
		return convertString(v, f)
	case Undef:
		return convertUndef(f)
	case Default:
		return convertDefault(f)
	case *Regexp:
		return convertRegexp(v, f)
	case Binary:
		return convertBinary(v, f)
	case Type:
		return convertType(v, f)
	case *Object:
		return convertObject(v, f)
	case *URI:
		if f.letter == 'p' {
			return "URI(" + Quote(v.String()) + ")", nil
		}
		if f.letter != 's' {
			return "", illegalFormat("URI", f, "sp")
		}
		text := v.String()
		if f.alt {
			text = Quote(text)
		}
		return f.flags(text), nil
	}
	return convertOther(v, f)
}

// convertOther formats what has no format letters of its own.
func convertOther(v Value, f *valueFormat) (string, error) {
	switch v := v.(type) {
	case *SemVerRange:
		if f.letter == 'p' {
			return f.flags(v.Normalized()), nil
		}
	case *Sensitive:
		if f.letter == 'p' {
			return f.flags("#<" + v.String() + ">"), nil
		}
	case Timestamp, Timespan, *SemVer:
	default:
		if f.letter == 'p' || f.letter == 's' {
			return f.flags(v.String()), nil
		}
	}
	if f.letter == 'p' {
		return f.flags(v.String()), nil
	}
	return f.ruby(f.letter, v)
}

func convertInteger(v Integer, f *valueFormat) (string, error) {
	switch f.letter {
	case 'd', 'x', 'X', 'o', 'b', 'B', 'e', 'E', 'f', 'g', 'G', 'a', 'A':
		return f.ruby(f.letter, v)
	case 'p':
		return f.flags(v.String()), nil
	case 'c':
		text := string(rune(v))
		if f.alt {
			text = `"` + text + `"`
		}
		return f.ruby('s', String(text))
	case 's':
		text := v.String()
		if f.alt {
			text = QuoteRuby(text)
		}
		return f.ruby('s', String(text))
	}
	return "", illegalFormat("Integer", f, "dxXobBeEfgGaAspc")
}

func convertFloat(v Float, f *valueFormat) (string, error) {
	switch f.letter {
	case 'd', 'x', 'X', 'o', 'b', 'B':
		return f.ruby(f.letter, Integer(v))
	case 'e', 'E', 'f', 'g', 'G', 'a', 'A':
		return f.ruby(f.letter, v)
	case 'p':
		return f.flags(v.String()), nil
	case 's':
		text := v.String()
		if f.alt {
			text = `"` + text + `"`
		}
		return f.ruby('s', String(text))
	}
	return "", illegalFormat("Float", f, "dxXobBeEfgGaAsp")
}

func convertBoolean(v Boolean, f *valueFormat) (string, error) {
	word := func(yes, no string) (string, error) {
		text := no
		if v {
			text = yes
		}
		if f.alt {
			text = text[:1]
		}
		return f.flags(text), nil
	}
	one := Integer(0)
	if v {
		one = 1
	}
	switch f.letter {
	case 't':
		return word("true", "false")
	case 'T':
		return word("True", "False")
	case 'y':
		return word("yes", "no")
	case 'Y':
		return word("Yes", "No")
	case 'd', 'x', 'X', 'o', 'b', 'B':
		return convertInteger(one, f)
	case 'e', 'E', 'f', 'g', 'G', 'a', 'A':
		return convertFloat(Float(one), f)
	case 's', 'p':
		return f.flags(v.String()), nil
	}
	return "", illegalFormat("Boolean", f, "tTyYdxXobBeEfgGaAsp")
}

func convertString(v String, f *valueFormat) (string, error) {
	s := string(v)
	switch f.letter {
	case 's':
		return f.ruby('s', v)
	case 'p':
		if f.alt {
			return f.flags(QuoteDouble(s)), nil
		}
		return f.flags(Quote(s)), nil
	case 'c':
		s = Capitalize(s)
	case 'C':
		segments := strings.Split(s, "::")
		for i := range segments {
			segments[i] = Capitalize(segments[i])
		}
		s = strings.Join(segments, "::")
	case 'u':
		s = Upcase(s)
	case 'd':
		s = strings.ToLower(s)
	case 't':
		s = StripRuby(s)
	default:
		return "", illegalFormat("String", f, "cCudspt")
	}
	if f.alt {
		return f.flags(Quote(s)), nil
	}
	return f.ruby('s', String(s))
}

// StripRuby is Ruby's strip: blanks on both sides, and null characters at the end.
func StripRuby(s string) string {
	return strings.TrimRight(strings.TrimLeft(s, "\t\n\v\f\r \x00"), "\t\n\v\f\r \x00")
}

func convertUndef(f *valueFormat) (string, error) {
	pick := func(plain, alt string) (string, error) {
		if f.alt {
			return f.flags(alt), nil
		}
		return f.flags(plain), nil
	}
	switch f.letter {
	case 'n':
		return pick("nil", "null")
	case 'u':
		return pick("undef", "undefined")
	case 'd', 'x', 'X', 'o', 'b', 'B', 'e', 'E', 'f', 'g', 'G', 'a', 'A':
		return pick("NaN", "NaN")
	case 'v':
		return pick("n/a", "n/a")
	case 'V':
		return pick("N/A", "N/A")
	case 's':
		return pick("", `""`)
	case 'p':
		return pick("undef", `"undef"`)
	}
	return "", illegalFormat("Undef", f, "nudxXobBeEfgGaAvVsp")
}

func convertDefault(f *valueFormat) (string, error) {
	text := "default"
	switch f.letter {
	case 'd', 's', 'p':
	case 'D':
		text = "Default"
	default:
		return "", illegalFormat("Default", f, "dDsp")
	}
	if f.alt {
		text = `"` + text + `"`
	}
	return f.flags(text), nil
}

func convertRegexp(v *Regexp, f *valueFormat) (string, error) {
	switch f.letter {
	case 'p':
		return f.flags(v.String()), nil
	case 's':
		text := v.source
		if f.alt {
			text = Quote(text)
		}
		return f.flags(text), nil
	}
	return "", illegalFormat("Regexp", f, "sp")
}

func convertBinary(v Binary, f *valueFormat) (string, error) {
	text := ""
	switch f.letter {
	case 's':
		text = string(v)
	case 'p':
		return `Binary("` + f.flags(v.String()) + `")`, nil
	case 'b':
		text = relaxedBase64(string(v))
	case 'B':
		text = v.String()
	case 'u':
		text = base64.URLEncoding.EncodeToString([]byte(v))
	case 't':
		text = "Binary"
	case 'T':
		text = "BINARY"
	default:
		return "", illegalFormat("Binary", f, "bButTsp")
	}
	if f.alt {
		text = QuoteRuby(text)
	}
	return f.ruby('s', String(text))
}

// relaxedBase64 breaks lines after 60 characters and ends with a line feed.
func relaxedBase64(s string) string {
	text := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	for len(text) > 60 {
		b.WriteString(text[:60] + "\n")
		text = text[60:]
	}
	if text != "" {
		b.WriteString(text + "\n")
	}
	return b.String()
}

func convertType(v Type, f *valueFormat) (string, error) {
	text := v.String()
	switch f.letter {
	case 's':
		if f.alt {
			text = `"` + text + `"`
		}
	case 'p':
	default:
		return "", illegalFormat("Type", f, "sp")
	}
	return f.ruby('s', String(text))
}

func convertObject(v *Object, f *valueFormat) (string, error) {
	switch f.letter {
	case 'p', 's', 'q':
		return v.String(), nil
	}
	return "", illegalFormat("Object", f, "spq")
}
