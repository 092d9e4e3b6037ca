package function

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func scanFunctions(t *Table) {
	t.add("scanf", on("String data, String format, Callable block?", func(c *call) (pcore.Value, error) {
		values, err := scan(c.args[0].String(), c.args[1].String())
		return c.passTo(pcore.NewArray(values), err)
	}))
}

// scan reads values out of a text as Ruby's scanf does: %d %i %u %x %o %f %e %g %s %c and %[…], with
// a width, or a star to skip one. It stops at the first thing that does not fit.
func scan(text, format string) ([]pcore.Value, error) {
	var values []pcore.Value
	for format != "" {
		c := format[0]
		switch {
		case isBlank(c):
			format = strings.TrimLeft(format, blanks)
			text = strings.TrimLeft(text, blanks)
			continue
		case c != '%' || len(format) == 1:
			if !strings.HasPrefix(text, format[:1]) {
				return values, nil
			}
			text, format = text[1:], format[1:]
			continue
		}
		d, rest, err := parseScan(format[1:])
		if err != nil {
			return nil, err
		}
		format = rest
		if d.kind == '%' {
			if !strings.HasPrefix(text, "%") {
				return values, nil
			}
			text = text[1:]
			continue
		}
		v, n, ok := d.read(text)
		if !ok {
			return values, nil
		}
		text = text[n:]
		if !d.skip {
			values = append(values, v)
		}
	}
	return values, nil
}

func isBlank(c byte) bool { return strings.IndexByte(blanks, c) >= 0 }

// A scanSpec is one conversion.
type scanSpec struct {
	kind    byte
	skip    bool
	width   int // 0 for none
	set     string
	negated bool
}

func parseScan(s string) (d scanSpec, rest string, err error) {
	if strings.HasPrefix(s, "*") {
		d.skip, s = true, s[1:]
	}
	for s != "" && s[0] >= '0' && s[0] <= '9' && d.width < 1<<20 {
		d.width = d.width*10 + int(s[0]-'0')
		s = s[1:]
	}
	if s == "" || strings.IndexByte("diuxXofeEgGaAsc[%", s[0]) < 0 {
		return d, "", errors.New("malformed scanf format")
	}
	d.kind, s = s[0], s[1:]
	if d.kind != '[' {
		return d, s, nil
	}
	s, d.negated = strings.CutPrefix(s, "^")
	end := strings.IndexByte(s[min(1, len(s)):], ']')
	if end < 0 {
		return d, "", errors.New("malformed scanf format")
	}
	d.set = s[:end+1]
	return d, s[end+2:], nil
}

// read takes a value off the start of the text, and says how many bytes it took.
func (d scanSpec) read(text string) (v pcore.Value, n int, ok bool) {
	skipped := 0
	if d.kind != 'c' && d.kind != '[' {
		trimmed := strings.TrimLeft(text, blanks)
		skipped = len(text) - len(trimmed)
		text = trimmed
	}
	limit := text
	if d.width > 0 {
		limit = firstRunes(text, d.width)
	}
	v, n, ok = d.convert(limit)
	return v, skipped + n, ok
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func (d scanSpec) convert(text string) (pcore.Value, int, bool) {
	taken := ""
	switch d.kind {
	case 'c':
		if taken = text; d.width == 0 {
			_, n := utf8.DecodeRuneInString(text)
			taken = text[:n]
		}
	case 's':
		taken = leading(text, func(c byte) bool { return !isBlank(c) })
	case '[':
		taken = leading(text, func(c byte) bool { return inSet(d.set, c) != d.negated })
	case 'f', 'e', 'E', 'g', 'G', 'a', 'A':
		for n := len(leading(text, func(c byte) bool { return strings.IndexByte("+-.0123456789eE", c) >= 0 })); n > 0; n-- {
			if f, err := strconv.ParseFloat(text[:n], 64); err == nil {
				return pcore.Float(f), n, true
			}
		}
		return nil, 0, false
	default:
		return d.integer(text)
	}
	return pcore.String(taken), len(taken), taken != ""
}

func (d scanSpec) integer(text string) (pcore.Value, int, bool) {
	base := map[byte]int{'d': 10, 'u': 10, 'x': 16, 'X': 16, 'o': 8, 'i': 0}[d.kind]
	digits := leading(text, func(c byte) bool { return strings.IndexByte("+-0123456789abcdefABCDEFxX", c) >= 0 })
	for n := min(len(digits), 100); n > 0; n-- {
		part := digits[:n]
		if base == 16 {
			part = strings.Replace(strings.Replace(part, "0x", "", 1), "0X", "", 1)
		}
		if i, err := strconv.ParseInt(part, base, 64); err == nil {
			return pcore.Integer(i), n, true
		}
	}
	return nil, 0, false
}

func leading(s string, ok func(byte) bool) string {
	for i := range len(s) {
		if !ok(s[i]) {
			return s[:i]
		}
	}
	return s
}

// inSet says whether a set such as "a-z_" has the character.
func inSet(set string, c byte) bool {
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' {
			if set[i] <= c && c <= set[i+2] {
				return true
			}
			i += 2
			continue
		}
		if set[i] == c {
			return true
		}
	}
	return false
}
