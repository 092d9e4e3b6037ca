package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

func indexFrom(s, sub string, from int) int {
	if from > len(s) {
		return -1
	}
	i := strings.Index(s[from:], sub)
	if i < 0 {
		return -1
	}
	return from + i
}

func unescapeSlashes(pattern string) string { return strings.ReplaceAll(pattern, `\/`, "/") }

// punctuation reads operators and brackets.
func (l *lexer) punctuation(c byte) {
	c1, c2 := l.peek(1), l.peek(2)
	switch c {
	case '.':
		l.emit(tDot, 1)
	case ',':
		l.emit(tComma, 1)
	case '[':
		if l.pos == 0 || blankBefore(l.text[:l.pos]) {
			l.emit(tListStart, 1)
		} else {
			l.emit(tLBrack, 1)
		}
	case ']':
		l.emit(tRBrack, 1)
	case '(':
		if onlyBlank(l.text[min(l.lineStart, l.pos):l.pos]) {
			l.emit(tWSLParen, 1)
		} else {
			l.emit(tLParen, 1)
		}
	case ')':
		l.emit(tRParen, 1)
	case ';':
		l.emit(tSemic, 1)
	case '?':
		l.emit(tQMark, 1)
	case '*':
		l.emit(tTimes, 1)
	case '%':
		l.percent(c1)
	case '{':
		l.braces++
		if l.after == tQMark {
			l.emit(tSelBrace, 1)
		} else {
			l.emit(tLBrace, 1)
		}
	case '}':
		l.braces--
		l.emit(tRBrace, 1)
	case '@':
		switch c1 {
		case '@':
			l.emit(tAtAt, 2)
		case '(':
			l.heredoc()
		default:
			l.emit(tAt, 1)
		}
	case '|':
		l.emit3(c1 == '>' && c2 == '>', tRRCollect, c1 == '>', tRCollect, tPipe)
	default:
		l.operator(c, c1, c2)
	}
}

// emit3 emits the token of three bytes, of two, or of one.
func (l *lexer) emit3(is3 bool, k3 kind, is2 bool, k2, k1 kind) {
	switch {
	case is3:
		l.emit(k3, 3)
	case is2:
		l.emit(k2, 2)
	default:
		l.emit(k1, 1)
	}
}

func (l *lexer) operator(c, c1, c2 byte) {
	pick := func(one kind, next string, two ...kind) {
		if i := strings.IndexByte(next, c1); i >= 0 && c1 != 0 {
			l.emit(two[i], 2)
			return
		}
		l.emit(one, 1)
	}
	switch c {
	case '=':
		pick(tEquals, "=>~", tIsEqual, tFArrow, tMatch)
	case '+':
		pick(tPlus, "=>", tAppends, tPArrow)
	case '-':
		if l.eppMode != eppNone && c1 == '%' && c2 == '>' {
			l.eppClose(3, tEppEndTrim, true)
			return
		}
		pick(tMinus, ">=", tInEdge, tDeletes)
	case '!':
		pick(tNot, "=~", tNotEqual, tNoMatch)
	case '~':
		pick(tTilde, ">", tInEdgeSub)
	case '<':
		if c1 == '<' && c2 == '|' {
			l.emit(tLLCollect, 3)
			return
		}
		pick(tLess, "<=|-~", tLShift, tLessEqual, tLCollect, tOutEdge, tOutEdgeSub)
	case '>':
		pick(tGreater, ">=", tRShift, tGreaterEqual)
	default:
		from := l.pos
		l.pos++
		l.push(tOther, "", from, l.pos)
		l.after = tOther
	}
}

func (l *lexer) percent(c1 byte) {
	if c1 == '>' && l.eppMode != eppNone {
		l.eppClose(2, tEppEnd, false)
		return
	}
	l.emit(tModulo, 1)
}

func blankBefore(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r == '\t' || r == '\r' || r == '\n' || unicode.Is(unicode.Zs, r)
}

func onlyBlank(s string) bool {
	for _, r := range s {
		if r != '\t' && r != '\r' && !unicode.Is(unicode.Zs, r) {
			return false
		}
	}
	return true
}
