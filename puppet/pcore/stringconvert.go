package pcore

import (
	"encoding/base64"
	"fmt"
	"strings"
)

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
	if Weight(v) > MaxWeight {
		return "", errTooMany
	}
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
