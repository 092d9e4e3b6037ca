package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// escapeSet says which escapes a kind of string knows.
type escapeSet struct {
	chars    string // characters that may follow a backslash
	newline  bool   // a backslash at a line's end joins the lines
	warnings bool   // an unknown escape is worth a warning
}

func (e escapeSet) has(c byte) bool { return strings.IndexByte(e.chars, c) >= 0 }

var doubleQuotedEscapes = escapeSet{chars: "\\$'\"rntsu", newline: true, warnings: true}

func (l *lexer) singleQuoted() {
	from := l.pos
	i := from + 1
	for i < len(l.text) && l.text[i] != '\'' {
		if l.text[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(l.text) {
		l.pos++
		l.errorf(l.pos, "UNCLOSED_QUOTE", "Unclosed quote after \"'\" followed by '%s'", l.followedBy())
		return
	}
	val := l.text[from+1 : i]
	if strings.IndexByte(val, '\\') >= 0 {
		val = unescapeSingle(val)
	}
	l.pos = i + 1
	l.push(tString, val, from, l.pos)
	l.after = tString
}

func unescapeSingle(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == '\'') {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// followedBy quotes the next characters for a message about a missing end.
func (l *lexer) followedBy() string {
	if l.eof() {
		return "<eof>"
	}
	rest := l.text[l.pos:]
	i := 0
	for n := 0; n < 5 && i < len(rest); n++ {
		_, size := utf8.DecodeRuneInString(rest[i:])
		i += size
	}
	return strings.NewReplacer("\t", `\t`, "\n", `\n`, "\r", `\r`).Replace(rest[:i] + "...")
}

// terminator is what ended a piece of an interpolated string.
type terminator uint8

const (
	endString terminator = iota
	endVariable
	endExpression
	endMissing
)

// slurp reads text up to the string's end or an interpolation. quote is the
// closing quote, 0 for unquoted text that ends with the input.
func (l *lexer) slurp(quote byte, escapes escapeSet, escapedDollar, interpolate bool) (string, terminator) {
	from := l.pos
	i := from
	for i < len(l.text) {
		c := l.text[i]
		switch {
		case c == '\\' && (quote != 0 || escapedDollar):
			i += 2
			continue
		case quote != 0 && c == quote:
			l.pos = i + 1
			return l.unescape(l.text[from:i], escapes), endString
		case c == '$' && interpolate:
			end := endVariable
			l.pos = i + 1
			if l.peek(0) == '{' {
				l.pos++
				end = endExpression
			}
			return l.unescape(l.text[from:i], escapes), end
		}
		i++
	}
	if quote != 0 {
		return "", endMissing
	}
	l.pos = len(l.text)
	return l.unescape(l.text[from:], escapes), endString
}

func (l *lexer) unescape(s string, e escapeSet) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' || i+1 >= len(s) {
			b.WriteByte(c)
			i++
			continue
		}
		i += 1 + l.unescapeOne(&b, s[i+1:], e)
	}
	return b.String()
}

// unescapeOne writes what the escape before rest stands for and says how much
// of rest it took.
func (l *lexer) unescapeOne(b *strings.Builder, rest string, e escapeSet) int {
	c := rest[0]
	switch {
	case c == 'u' && e.has('u'):
		if r, n, ok := unicodeEscape(rest); ok {
			b.WriteRune(r)
			return n
		}
		l.warnf("ILLEGAL_UNICODE_ESCAPE", "Unicode escape '\\u' was not followed by 4 hex digits or 1-6 hex digits in {} or was > 10ffff")
		b.WriteString(`\u`)
		return 1
	case c == '\n' && e.newline:
		return 1
	case c == '\r':
		if e.newline && len(rest) > 1 && rest[1] == '\n' {
			return 2
		}
		b.WriteByte('\\')
		return 0
	case e.has(c):
		switch c {
		case 'r':
			c = '\r'
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		case 's':
			c = ' '
		}
		b.WriteByte(c)
		return 1
	}
	_, n := utf8.DecodeRuneInString(rest)
	if e.warnings {
		l.warnf("UNRECOGNIZED_ESCAPE", "Unrecognized escape sequence '\\%s'", rest[:n])
	}
	b.WriteByte('\\')
	b.WriteString(rest[:n])
	return n
}

func (l *lexer) warnf(code, format string, args ...any) {
	const most = 1000
	if len(l.warn) < most {
		l.warn = append(l.warn, l.src.errorAt(min(l.global(l.pos), len(l.src.Text)), code, format, args...))
	}
}

// unicodeEscape reads uXXXX or u{X…}.
func unicodeEscape(s string) (r rune, n int, ok bool) {
	digits := ""
	if len(s) >= 5 && s[1] != '{' {
		digits, n = s[1:5], 5
	} else if len(s) > 1 && s[1] == '{' {
		end := strings.IndexByte(s, '}')
		if end < 3 || end > 8 {
			return 0, 0, false
		}
		digits, n = s[2:end], end+1
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || v > utf8.MaxRune {
		return 0, 0, false
	}
	return rune(v), n, true
}

func (l *lexer) doubleQuoted() {
	base := len(l.out)
	from := l.pos
	l.pos++
	l.lastMatch = `"`
	l.interpolated(from, func() (string, terminator) {
		return l.slurp('"', doubleQuotedEscapes, true, true)
	})
	if l.fail != nil {
		l.out = l.out[:base]
		return
	}
	l.after = l.out[len(l.out)-1].kind
}

// interpolated reads a string piece by piece: one tString, or a tDQPre, the
// tokens of an expression, any number of tDQMid each followed by such, and a
// tDQPost.
func (l *lexer) interpolated(from int, slurp func() (string, terminator)) {
	last, middle := tString, tDQPre
	for l.fail == nil {
		text := ""
	piece:
		for {
			part, end := slurp()
			text += part
			switch end {
			case endMissing:
				l.errorf(l.pos, "UNCLOSED_QUOTE", "Unclosed quote after %s followed by '%s'", formatQuote(l.lastMatch), l.followedBy())
				return
			case endString:
				l.push(last, text, from, l.pos)
				return
			case endExpression:
				l.push(middle, text, from, l.pos)
				l.interpolation()
				break piece
			case endVariable:
				n := variableName(l.text[l.pos:])
				if n == 0 {
					text += "$"
					continue
				}
				l.push(middle, text, from, l.pos-1)
				l.push(tVariable, l.text[l.pos:l.pos+n], l.pos-1, l.pos+n)
				l.lastMatch = l.text[l.pos : l.pos+n]
				l.pos += n
				break piece
			}
		}
		from = l.pos
		last, middle = tDQPost, tDQMid
	}
}

func formatQuote(q string) string {
	if q == "'" {
		return `"'"`
	}
	return "'" + q + "'"
}

// interpolation reads the tokens between ${ and its }.
func (l *lexer) interpolation() {
	if l.depth++; l.depth > maxDepth {
		l.errorf(l.pos, "", "Interpolations are nested too deeply")
		return
	}
	defer func() { l.depth-- }()
	start := len(l.out)
	open := l.braces
	l.braces++
	for !l.eof() && l.fail == nil {
		before := len(l.out)
		l.step()
		if l.fail != nil || len(l.out) != before+1 || l.out[before].kind != tRBrace || l.braces != open {
			continue
		}
		l.out = l.out[:before]
		n := before - start
		if n == 1 || n > 1 && (l.out[start+1].kind == tDot || l.out[start+1].kind == tLBrack) {
			if t := &l.out[start]; t.kind == tNumber || t.kind == tName || t.kind == tWord || t.kind.isKeyword() {
				t.kind = tVariable
			}
		}
		return
	}
	if blankBefore(l.text[:l.pos]) {
		l.lastMatch = ""
	}
}
