package pcore

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseInteger reads an integer in a base, 0 for the one its prefix says. A blank may stand between
// sign and digits.
func parseInteger(text string, base int) (Integer, error) {
	bad := fmt.Errorf("invalid value for Integer(): %s", QuoteRuby(text))
	sign, digits := "", strings.TrimSpace(text)
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		sign, digits = digits[:1], strings.TrimSpace(digits[1:])
	}
	prefixed := func(p string) bool { return strings.HasPrefix(strings.ToLower(digits), p) }
	switch {
	case base == 16 && prefixed("0x"), base == 2 && prefixed("0b"):
		digits = digits[2:]
	case base == 8 && prefixed("0o"):
		digits = digits[2:]
	}
	if digits == "" || len(digits) > maxNumberText || strings.ContainsAny(digits, "_+-") {
		return 0, bad
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return 0, bad
	}
	if sign == "-" {
		n.Neg(n)
	}
	if !n.IsInt64() {
		return 0, fmt.Errorf("the value %s is outside of the range of an Integer", n)
	}
	return Integer(n.Int64()), nil
}

// maxNumberText bounds the text of a number.
const maxNumberText = 1000

// ParseNumber reads an Integer or a Float as Puppet reads numbers in strings: decimal, hexadecimal,
// octal, binary, with fraction or exponent; blanks may surround it.
func ParseNumber(text string) (Value, error) {
	bad := fmt.Errorf("The value '%s' cannot be converted to Numeric", text)
	trimmed := strings.TrimSpace(text)
	sign, digits := "", trimmed
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		sign, digits = digits[:1], strings.TrimSpace(digits[1:])
	}
	if digits == "" || len(digits) > maxNumberText || digits[0] < '0' || digits[0] > '9' || strings.Contains(digits, "_") {
		return nil, bad
	}
	if n, ok := new(big.Int).SetString(digits, 0); ok && !strings.HasPrefix(strings.ToLower(digits), "0o") {
		if sign == "-" {
			n.Neg(n)
		}
		if !n.IsInt64() {
			return nil, fmt.Errorf("the value %s is outside of the range of an Integer", n)
		}
		return Integer(n.Int64()), nil
	}
	if !decimalText(digits) {
		return nil, bad
	}
	f, err := strconv.ParseFloat(sign+digits, 64)
	if err != nil {
		return nil, bad
	}
	return Float(f), nil
}

// decimalText says whether text is 0 or starts with another digit, and has a fraction or an exponent.
func decimalText(text string) bool {
	whole := text
	exp := ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		whole, exp = text[:i], strings.TrimLeft(text[i+1:], "+-")
		if !allDigits(exp) {
			return false
		}
	}
	whole, fraction, hasFraction := strings.Cut(whole, ".")
	if hasFraction && !allDigits(fraction) {
		return false
	}
	return allDigits(whole) && (hasFraction || exp != "") && (len(whole) == 1 || whole[0] != '0' || hasFraction)
}

// Elements unfolds what can be iterated over: arrays, hashes as pairs, strings as characters, an
// integer as the range from 0, ranges, enums and lazy sequences.
func Elements(v Value) ([]Value, error) {
	switch v := v.(type) {
	case *Array:
		return v.elems, nil
	case *Hash:
		return v.Pairs(), nil
	case String:
		elems := make([]Value, 0, len(v))
		for i := 0; i < len(v); {
			_, n := utf8.DecodeRuneInString(string(v[i:]))
			elems = append(elems, v[i:i+n])
			i += n
		}
		return elems, nil
	}
	it, ok := Iterate(v)
	if !ok {
		return nil, fmt.Errorf("%s is not Iterable.", WithArticleUpper(Generalize(Infer(v)).String()))
	}
	var elems []Value
	for e := range it.All() {
		if elems = append(elems, e); len(elems) > maxElements {
			return nil, errTooMany
		}
	}
	return elems, nil
}

// Iterate gives the lazy sequence over what can be iterated over, ok false for what cannot.
func Iterate(v Value) (it *Iterator, ok bool) {
	fixed := func(elem Type, elems []Value) *Iterator {
		return NewIterator(elem, func(yield func(Value) bool) {
			for _, e := range elems {
				if !yield(e) {
					return
				}
			}
		})
	}
	switch v := v.(type) {
	case *Iterator:
		return v, true
	case Integer:
		if v < 0 {
			return nil, false
		}
		if v == 0 {
			return fixed(AnyInteger(), nil), true
		}
		return integerRange(0, int64(v)-1), true
	case *IntegerType:
		if v.Min == MinInt || v.Max == MaxInt {
			return nil, false
		}
		return integerRange(v.Min, v.Max), true
	case *EnumType:
		elems := make([]Value, len(v.Values))
		for i, s := range v.Values {
			elems[i] = String(s)
		}
		return fixed(v, elems), true
	case *AliasType:
		if v.resolved == nil {
			return nil, false
		}
		return Iterate(v.resolved)
	case *Array, *Hash, String:
		elems, err := Elements(v)
		elem, _ := iteratedType(Infer(v))
		if elem == nil {
			elem = AnyType
		}
		return fixed(elem, elems), err == nil
	}
	return nil, false
}

func integerRange(from, to int64) *Iterator {
	return NewIterator(&IntegerType{from, to}, func(yield func(Value) bool) {
		for i := from; ; i++ {
			if !yield(Integer(i)) || i == to {
				return
			}
		}
	})
}
