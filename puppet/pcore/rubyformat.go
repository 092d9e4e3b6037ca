package pcore

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxFormatWidth bounds widths and precisions.
const maxFormatWidth = 1 << 16

// FormatRuby is Ruby's sprintf: %d %x %o %b %e %f %g %a %s %p %c with flags, width, precision, *,
// absolute arguments (%1$s) and named ones (%<n>d, %{n}) from a hash.
func FormatRuby(format string, args []Value) (string, error) {
	f := &rubyFormat{src: format, args: args}
	for f.pos < len(f.src) {
		i := strings.IndexByte(f.src[f.pos:], '%')
		if i < 0 {
			f.out.WriteString(f.src[f.pos:])
			break
		}
		f.out.WriteString(f.src[f.pos : f.pos+i])
		f.pos += i + 1
		if err := f.directive(); err != nil {
			return "", err
		}
		if f.out.Len() > 1<<24 {
			return "", errors.New("the formatted text is too long")
		}
	}
	return f.out.String(), nil
}

type rubyFormat struct {
	src  string
	pos  int
	args []Value
	next int
	out  strings.Builder
}

// A directive is what stands between % and the letter.
type formatSpec struct {
	minus, plus, space, zero, alt bool
	width                         int
	prec                          int // -1 for none
	value                         Value
}

func (f *rubyFormat) argument() (Value, error) {
	if f.next >= len(f.args) {
		return nil, errors.New("too few arguments")
	}
	f.next++
	return f.args[f.next-1], nil
}

func (f *rubyFormat) named(closing byte) (Value, error) {
	end := strings.IndexByte(f.src[f.pos:], closing)
	if end < 0 {
		return nil, errors.New("malformed name - unmatched parenthesis")
	}
	name := f.src[f.pos : f.pos+end]
	f.pos += end + 1
	if len(f.args) != 1 {
		return nil, errors.New("one hash required")
	}
	h, ok := f.args[0].(*Hash)
	if !ok {
		return nil, errors.New("one hash required")
	}
	v, ok := h.GetString(name)
	if !ok {
		return nil, fmt.Errorf("key<%s> not found", name)
	}
	return v, nil
}

func (f *rubyFormat) directive() error {
	s := formatSpec{prec: -1}
	for f.pos < len(f.src) {
		c := f.src[f.pos]
		f.pos++
		var err error
		switch c {
		case '-':
			s.minus = true
		case '+':
			s.plus = true
		case ' ':
			s.space = true
		case '0':
			s.zero = true
		case '#':
			s.alt = true
		case '1', '2', '3', '4', '5', '6', '7', '8', '9':
			err = f.number(&s)
		case '*':
			err = f.star(&s)
		case '.':
			err = f.precision(&s)
		case '<':
			s.value, err = f.named('>')
		case '{':
			if s.value, err = f.named('}'); err == nil {
				f.out.WriteString(s.pad(rubyText(s.value)))
				return nil
			}
		case '\n', 0, '%':
			if c == '%' && s == (formatSpec{prec: -1}) {
				f.out.WriteByte('%')
				return nil
			}
			if c != '%' {
				f.out.WriteString("%" + string(c))
				return nil
			}
			return errors.New("invalid format character - %")
		default:
			return f.convert(c, &s)
		}
		if err != nil {
			return err
		}
	}
	return errors.New("incomplete format specifier; use %% (double %) instead")
}

// number reads a width, or the position of an argument when a dollar follows.
func (f *rubyFormat) number(s *formatSpec) error {
	f.pos--
	n, err := f.digits()
	if err != nil {
		return err
	}
	if f.pos < len(f.src) && f.src[f.pos] == '$' {
		f.pos++
		if n > len(f.args) {
			return errors.New("too few arguments")
		}
		s.value = f.args[n-1]
		return nil
	}
	s.width = n
	return nil
}

func (f *rubyFormat) digits() (int, error) {
	start := f.pos
	for f.pos < len(f.src) && f.src[f.pos] >= '0' && f.src[f.pos] <= '9' {
		f.pos++
	}
	n, err := strconv.Atoi("0" + f.src[start:f.pos])
	if err != nil || n > maxFormatWidth {
		return 0, errors.New("width too big")
	}
	return n, nil
}

func (f *rubyFormat) star(s *formatSpec) error {
	v, err := f.argument()
	if err != nil {
		return err
	}
	n, err := rubyInteger(v)
	if err != nil {
		return err
	}
	if n.CmpAbs(big.NewInt(maxFormatWidth)) > 0 {
		return errors.New("width too big")
	}
	s.width = int(n.Int64())
	if s.width < 0 {
		s.minus, s.width = true, -s.width
	}
	return nil
}

func (f *rubyFormat) precision(s *formatSpec) error {
	if f.pos < len(f.src) && f.src[f.pos] == '*' {
		f.pos++
		var w formatSpec
		if err := f.star(&w); err != nil {
			return err
		}
		s.prec = w.width
		return nil
	}
	var err error
	s.prec, err = f.digits()
	return err
}

func (f *rubyFormat) convert(c byte, s *formatSpec) error {
	if strings.IndexByte("diuxXobBeEfgGaAcsp", c) < 0 {
		return fmt.Errorf("malformed format string - %%%c", c)
	}
	if s.value == nil {
		v, err := f.argument()
		if err != nil {
			return err
		}
		s.value = v
	}
	text, err := s.convert(c)
	if err != nil {
		return err
	}
	f.out.WriteString(text)
	return nil
}

func (s *formatSpec) convert(c byte) (string, error) {
	switch c {
	case 'd', 'i', 'u':
		n, err := rubyInteger(s.value)
		if err != nil {
			return "", err
		}
		return s.integer(new(big.Int).Abs(n).String(), n.Sign() < 0, ""), nil
	case 'x', 'X', 'o', 'b', 'B':
		n, err := rubyInteger(s.value)
		if err != nil {
			return "", err
		}
		return s.radix(n, c), nil
	case 'e', 'E', 'f', 'g', 'G', 'a', 'A':
		if n, ok := s.value.(Integer); ok && c == 'f' {
			return s.fixedInteger(n), nil
		}
		x, err := rubyFloat(s.value)
		if err != nil {
			return "", err
		}
		return s.float(x, c), nil
	case 'c':
		if str, ok := s.value.(String); ok {
			_, n := utf8.DecodeRuneInString(string(str))
			if n == 0 {
				return "", errors.New("%c requires a character")
			}
			return s.pad(string(str)[:n]), nil
		}
		n, err := rubyInteger(s.value)
		if err != nil {
			return "", err
		}
		if !n.IsInt64() || n.Sign() < 0 || n.Int64() > utf8.MaxRune || !utf8.ValidRune(rune(n.Int64())) {
			return "", errors.New("invalid character")
		}
		return s.pad(string(rune(n.Int64()))), nil
	case 'p':
		return s.pad(s.cut(InspectRuby(s.value))), nil
	}
	return s.pad(s.cut(rubyText(s.value))), nil
}

// rubyText is to_s: arrays and hashes as inspect shows them.
func rubyText(v Value) string {
	switch v := v.(type) {
	case *Array, *Hash:
		return InspectRuby(v)
	}
	return v.String()
}

func (s *formatSpec) cut(text string) string {
	if s.prec < 0 {
		return text
	}
	n := 0
	for i := range text {
		if n == s.prec {
			return text[:i]
		}
		n++
	}
	return text
}

func (s *formatSpec) pad(text string) string {
	n := s.width - utf8.RuneCountInString(text)
	if n <= 0 {
		return text
	}
	if s.minus {
		return text + strings.Repeat(" ", n)
	}
	return strings.Repeat(" ", n) + text
}
