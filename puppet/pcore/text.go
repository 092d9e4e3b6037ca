package pcore

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

func formatInt(i int64) string { return strconv.FormatInt(i, 10) }

// FormatFloat prints a float as Ruby does: the shortest text that reads back the same, always with
// a fraction, with an exponent below 1.0e-04 and from 1.0e+15.
func FormatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e15) {
		s := strconv.FormatFloat(f, 'e', -1, 64)
		if mantissa, exp, _ := strings.Cut(s, "e"); !strings.Contains(mantissa, ".") {
			return mantissa + ".0e" + exp
		}
		return s
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// writeText appends the text a value interpolates as; only the kind of one that is too heavy.
func writeText(b *strings.Builder, v Value) {
	if Weight(v) > MaxWeight {
		b.WriteString(v.Type().Name())
		return
	}
	switch v := v.(type) {
	case *Array:
		b.WriteByte('[')
		for i, e := range v.elems {
			if i > 0 {
				b.WriteString(", ")
			}
			writeText(b, e)
		}
		b.WriteByte(']')
	case *Hash:
		b.WriteByte('{')
		for i, e := range v.entries {
			if i > 0 {
				b.WriteString(", ")
			}
			writeText(b, e.Key)
			b.WriteString(" => ")
			writeText(b, e.Value)
		}
		b.WriteByte('}')
	default:
		b.WriteString(v.String())
	}
}

// Quote writes a string as Puppet source: in single quotes, or in double quotes when it has
// control characters.
func Quote(s string) string {
	for i := range len(s) {
		if s[i] < 0x20 {
			return QuoteDouble(s)
		}
	}
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('\'')
	escaped := false
	for i := range len(s) {
		c := s[i]
		switch {
		case escaped:
			b.WriteByte('\\')
			b.WriteByte(c)
			escaped = false
		case c == '\'':
			b.WriteString(`\'`)
		case c == '\\':
			escaped = true
		default:
			b.WriteByte(c)
		}
	}
	if escaped {
		b.WriteByte('\\')
	}
	b.WriteByte('\'')
	return b.String()
}

// QuoteDouble writes a string as Puppet source in double quotes.
func QuoteDouble(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch r {
		case '\t':
			b.WriteString(`\t`)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '"':
			b.WriteString(`\"`)
		case '$':
			b.WriteString(`\$`)
		case '\\':
			b.WriteString(`\\`)
		default:
			if r < 0x20 {
				b.WriteString(`\u{` + strings.ToUpper(strconv.FormatInt(int64(r), 16)) + `}`)
			} else {
				b.WriteString(s[i : i+n])
			}
		}
		i += n
	}
	b.WriteByte('"')
	return b.String()
}

// keyText is a text that is equal exactly for values that are Eql.
func keyText(v Value) string {
	var b strings.Builder
	writeKey(&b, v)
	return b.String()
}

func writeKey(b *strings.Builder, v Value) {
	if Weight(v) > MaxWeight {
		fmt.Fprintf(b, "%p", v)
		return
	}
	switch v := v.(type) {
	case *Array:
		b.WriteByte('[')
		for _, e := range v.elems {
			writeKey(b, e)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case *Hash:
		parts := make([]string, 0, len(v.entries))
		for _, e := range v.entries {
			parts = append(parts, keyText(e.Key)+">"+keyText(e.Value))
		}
		sort.Strings(parts)
		b.WriteString("{" + strings.Join(parts, ",") + "}")
	case String:
		b.WriteString(strconv.Quote(string(v)))
	case Integer:
		b.WriteString(v.String())
	case Float:
		b.WriteString("f" + strconv.FormatFloat(float64(v), 'g', -1, 64))
	case Binary:
		b.WriteString("B" + strconv.Quote(string(v)))
	case *Regexp:
		b.WriteString("/" + v.source + "/")
	case *Sensitive:
		b.WriteString("S(")
		writeKey(b, v.inner)
		b.WriteByte(')')
	case Type:
		b.WriteString("T" + typeKey(v))
	case keyer:
		b.WriteString("O" + v.key())
	default:
		b.WriteString(v.Type().Name() + ":" + v.String())
	}
}

// Upcase is Ruby's: letters that have no capital of their own become two, "ß" is "SS".
func Upcase(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return cases.Upper(language.Und).String(s)
		}
	}
	return strings.ToUpper(s)
}
