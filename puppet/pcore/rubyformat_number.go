package pcore

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

func (s *formatSpec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case s.plus:
		return "+"
	case s.space:
		return " "
	}
	return ""
}

// integer lays digits out with sign, prefix, precision and zeros.
func (s *formatSpec) integer(digits string, negative bool, prefix string) string {
	sign := s.sign(negative) + prefix
	if s.prec >= 0 {
		if n := s.prec - len(digits); n > 0 {
			digits = strings.Repeat("0", n) + digits
		}
	} else if s.zero && !s.minus {
		if n := s.width - len(sign) - len(digits); n > 0 {
			digits = strings.Repeat("0", n) + digits
		}
	}
	return s.pad(sign + digits)
}

// radix writes in base 2, 8 or 16. Negative numbers are two's complements with endless leading
// ones, shown as "..f", unless a sign is asked for.
func (s *formatSpec) radix(n *big.Int, c byte) string {
	base := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'b': 2, 'B': 2}[c]
	prefix := ""
	if s.alt {
		prefix = map[byte]string{'x': "0x", 'X': "0X", 'o': "0", 'b': "0b", 'B': "0B"}[c]
	}
	if n.Sign() == 0 || n.Sign() < 0 && c == 'o' && !s.plus && !s.space {
		prefix = ""
	}
	upper := func(t string) string {
		if c == 'X' {
			return strings.ToUpper(t)
		}
		return t
	}
	if n.Sign() >= 0 || s.plus || s.space {
		return s.integer(upper(new(big.Int).Abs(n).Text(base)), n.Sign() < 0, prefix)
	}
	digits, top := complement(n, base)
	switch {
	case s.prec >= 0:
		if fill := s.prec - 2 - len(digits); fill > 0 {
			digits = strings.Repeat(top, fill) + digits
		}
		digits = ".." + digits
	case s.zero && !s.minus:
		if fill := s.width - len(prefix) - 2 - len(digits); fill > 0 {
			digits = strings.Repeat(top, fill) + digits
		}
		digits = ".." + digits
	default:
		digits = ".." + digits
	}
	return s.pad(prefix + upper(digits))
}

// complement writes a negative number with its shortest two's complement in the base: one leading
// digit of ones, and what differs.
func complement(n *big.Int, base int) (digits, top string) {
	shift := uint(map[int]int{2: 1, 8: 3, 16: 4}[base])
	top = strconv.FormatInt(int64(base-1), base)
	rest := new(big.Int).Set(n)
	minusOne := big.NewInt(-1)
	for rest.Cmp(minusOne) != 0 {
		d := new(big.Int).And(rest, big.NewInt(int64(base-1)))
		digits = d.Text(base) + digits
		rest.Rsh(rest, shift)
	}
	return top + strings.TrimLeft(digits, top), top
}

// fixedInteger writes an integer as %f does, with all of its digits.
func (s *formatSpec) fixedInteger(n Integer) string {
	prec := s.prec
	if prec < 0 {
		prec = 6
	}
	digits := new(big.Int).Abs(big.NewInt(int64(n))).String()
	if prec > 0 {
		digits += "." + strings.Repeat("0", prec)
	}
	t := *s
	t.prec = -1
	return t.integer(digits, n < 0, "")
}

func (s *formatSpec) float(x float64, c byte) string {
	negative := math.Signbit(x) && !math.IsNaN(x)
	x = math.Abs(x)
	if math.IsInf(x, 0) || math.IsNaN(x) {
		text := "Inf"
		if math.IsNaN(x) {
			text = "NaN"
		}
		return s.pad(s.sign(negative) + text)
	}
	text := s.floatDigits(x, c)
	sign := s.sign(negative)
	if s.zero && !s.minus {
		if n := s.width - len(sign) - len(text); n > 0 {
			if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X") {
				text = text[:2] + strings.Repeat("0", n) + text[2:]
			} else {
				text = strings.Repeat("0", n) + text
			}
		}
	}
	return s.pad(sign + text)
}

func (s *formatSpec) floatDigits(x float64, c byte) string {
	prec := s.prec
	switch c {
	case 'a', 'A':
		return hexFloat(x, prec, c == 'A')
	case 'g', 'G':
		if prec < 0 {
			prec = 6
		}
		return generalFloat(x, max(prec, 1), c, s.alt)
	}
	if prec < 0 {
		prec = 6
	}
	text := strconv.FormatFloat(x, c, prec, 64)
	if s.alt && prec == 0 && c == 'f' {
		text += "."
	}
	return text
}

// generalFloat is C's %g.
func generalFloat(x float64, prec int, c byte, keepZeros bool) string {
	exp := 0
	if x != 0 {
		_, e, _ := strings.Cut(strconv.FormatFloat(x, 'e', prec-1, 64), "e")
		exp, _ = strconv.Atoi(e)
	}
	if exp < -4 || exp >= prec {
		text := strconv.FormatFloat(x, c-'g'+'e', prec-1, 64)
		mantissa, e, _ := strings.Cut(text, string(c-'g'+'e'))
		if !keepZeros && strings.Contains(mantissa, ".") {
			mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
		}
		return mantissa + string(c-'g'+'e') + e
	}
	text := strconv.FormatFloat(x, 'f', prec-1-exp, 64)
	if keepZeros && !strings.Contains(text, ".") {
		text += "."
	}
	if !keepZeros && strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func hexFloat(x float64, prec int, upper bool) string {
	text := strconv.FormatFloat(x, 'x', prec, 64)
	mantissa, exp, _ := strings.Cut(text, "p")
	sign, digits := exp[:1], strings.TrimLeft(exp[1:], "0")
	if digits == "" {
		digits = "0"
	}
	text = mantissa + "p" + sign + digits
	if upper {
		return strings.ToUpper(text)
	}
	return text
}

// rubyInteger is Ruby's Integer(): floats are cut, strings are read strictly.
func rubyInteger(v Value) (*big.Int, error) {
	switch v := v.(type) {
	case Integer:
		return big.NewInt(int64(v)), nil
	case Float:
		if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) {
			return nil, fmt.Errorf("%s", FormatFloat(float64(v)))
		}
		n, _ := big.NewFloat(math.Trunc(float64(v))).Int(nil)
		return n, nil
	case String:
		if n, ok := parseRubyInteger(string(v)); ok {
			return n, nil
		}
		return nil, fmt.Errorf("invalid value for Integer(): %s", QuoteRuby(string(v)))
	case Timestamp:
		return big.NewInt(int64(v) / 1e9), nil
	case Timespan:
		return big.NewInt(int64(v) / 1e9), nil
	case Undef:
		return nil, errors.New("can't convert nil into Integer")
	case Boolean:
		return nil, fmt.Errorf("can't convert %t into Integer", bool(v))
	}
	return nil, fmt.Errorf("can't convert %s into Integer", RubyClass(v))
}

func parseRubyInteger(s string) (*big.Int, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 4096 || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return nil, false
	}
	return new(big.Int).SetString(s, 0)
}

func rubyFloat(v Value) (float64, error) {
	switch v := v.(type) {
	case Integer:
		return float64(v), nil
	case Float:
		return float64(v), nil
	case String:
		if f, err := strconv.ParseFloat(strings.TrimSpace(string(v)), 64); err == nil && !strings.ContainsAny(string(v), "nN") {
			return f, nil
		}
		return 0, fmt.Errorf("invalid value for Float(): %s", QuoteRuby(string(v)))
	case Timestamp:
		return float64(v) / 1e9, nil
	case Timespan:
		return float64(v) / 1e9, nil
	case Undef:
		return 0, errors.New("can't convert nil into Float")
	case Boolean:
		return 0, fmt.Errorf("can't convert %t into Float", bool(v))
	}
	return 0, fmt.Errorf("can't convert %s into Float", RubyClass(v))
}
