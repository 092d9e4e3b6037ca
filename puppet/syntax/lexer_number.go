package syntax

import (
	"strings"
	"unicode/utf8"
)

// wordBoundary tells whether no word goes on at position i.
func wordBoundary(s string, i int) bool {
	return i >= len(s) || !isWord(s[i]) && s[i] < utf8.RuneSelf
}

// numberLength is the length of the number at the start of s, 0 if there is
// none that ends at a word's end.
func numberLength(s string) int {
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && isHex(s[2]) {
		i := 2
		for i < len(s) && isHex(s[i]) {
			i++
		}
		if wordBoundary(s, i) {
			return i
		}
	}
	whole := digitsFrom(s, 0)
	fraction := whole
	if whole+1 < len(s) && s[whole] == '.' && isDigit(s[whole+1]) {
		fraction = digitsFrom(s, whole+1)
	}
	for _, end := range []int{exponentEnd(s, fraction), fraction, exponentEnd(s, whole), whole} {
		if wordBoundary(s, end) {
			return end
		}
	}
	return 0
}

func digitsFrom(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

func exponentEnd(s string, i int) int {
	j := i
	if j < len(s) && (s[j] == 'e' || s[j] == 'E') {
		j++
		if j < len(s) && s[j] == '-' {
			j++
		}
		if k := digitsFrom(s, j); k > j {
			return k
		}
	}
	return i
}

func (l *lexer) number() {
	n := numberLength(l.text[l.pos:])
	if n > 0 {
		val := l.text[l.pos : l.pos+n]
		if l.checkNumber(val, l.pos) {
			l.lastMatch = val
			l.emit(tNumber, n)
		}
		return
	}
	l.badNumber()
}

// badNumber words the error for digits that run into a word, taking digits
// and the point before them along.
func (l *lexer) badNumber() {
	from, end := l.pos, l.pos
	for end < len(l.text) && isWord(l.text[end]) {
		end++
	}
	if from > 1 && l.text[from-1] == '.' {
		for i := from - 2; i >= 0 && isDigit(l.text[i]); i-- {
			from = i
		}
	}
	val := l.text[from:end]
	if l.checkNumber(val, from) {
		l.errorf(from+1, "ILLEGAL_NUMBER", "Illegal number '%s'", val)
	}
}

// checkNumber refuses what is no number of the language.
func (l *lexer) checkNumber(val string, at int) bool {
	switch {
	case len(val) > 1 && val[0] == '0' && (val[1] == 'x' || val[1] == 'X'):
		if len(val) == 2 || strings.Trim(val[2:], "0123456789abcdefABCDEF") != "" {
			l.errorf(at, "INVALID_HEX_NUMBER", "Not a valid hex number %s", val)
			return false
		}
	case len(val) > 1 && val[0] == '0' && val[1] != '.':
		if strings.Trim(val, "01234567") != "" {
			l.errorf(at, "INVALID_OCTAL_NUMBER", "Not a valid octal number %s", val)
			return false
		}
	case strings.ContainsAny(val, "eE.") && isDigit(val[0]) && decimalPrefix(val):
		if numberLength(val) != len(val) {
			l.errorf(at, "INVALID_DECIMAL_NUMBER", "Not a valid decimal number %s", val)
			return false
		}
	default:
		if digitsFrom(val, 0) != len(val) {
			l.errorf(at, "ILLEGAL_NUMBER", "Illegal number '%s'", val)
			return false
		}
	}
	return true
}

func decimalPrefix(val string) bool {
	i := digitsFrom(val, 0)
	return i < len(val) && strings.IndexByte("eE.", val[i]) >= 0
}
