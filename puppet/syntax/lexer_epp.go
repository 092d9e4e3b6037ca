package syntax

import "strings"

// runEpp lexes a template.
func (l *lexer) runEpp() {
	l.eppMode = eppText
	l.push(tEppStart, "", 0, 0)
	l.eppText(false)
	l.run()
}

// eppClose leaves code for text at %> or -%>.
func (l *lexer) eppClose(n int, end kind, trim bool) {
	from := l.pos
	l.pos += n
	if l.eppMode == eppExpr {
		l.push(end, l.text[from:l.pos], from, l.pos)
		l.after = end
	}
	l.eppMode = eppText
	l.eppText(trim)
}

// eppText reads text up to the next tag with code.
func (l *lexer) eppText(trim bool) {
	from := l.pos
	text, mode, ok := l.scanEppText(trim)
	if !ok {
		return
	}
	if text != "" || mode == eppText && from < len(l.text) {
		l.push(tRenderString, text, from, l.pos)
		l.after = tRenderString
	}
	l.eppOpen = mode != eppText
	if mode == eppExpr {
		l.push(tRenderExpr, "", from, from)
		l.after = tRenderExpr
	}
	l.eppMode = mode
}

func (l *lexer) scanEppText(trim bool) (text string, mode eppMode, ok bool) {
	var s strings.Builder
	for !l.eof() {
		open := indexFrom(l.text, "<%", l.pos)
		part := l.text[l.pos:]
		if open >= 0 {
			part = l.text[l.pos:open]
		}
		l.pos += len(part)
		if trim {
			part = trimLineEnd(part)
			trim = false
		}
		s.WriteString(strings.ReplaceAll(part, "%%>", "%>"))
		if open < 0 {
			return s.String(), eppText, true
		}
		l.pos += 2
		switch l.peek(0) {
		case 0:
			if l.eof() {
				l.errorf(l.pos, "EPP_UNBALANCED_EXPRESSION", "Unbalanced embedded expression - opening <%% and reaching end of input")
				return "", 0, false
			}
			return s.String(), eppCode, true
		case '-':
			l.pos++
			return strings.TrimRight(s.String(), " \t"), eppCode, true
		case '%':
			l.pos++
			s.WriteString("<%")
		case '=':
			l.pos++
			return s.String(), eppExpr, true
		case '#':
			before, t, ok := l.eppComment(s.String())
			if !ok {
				return "", 0, false
			}
			s.Reset()
			s.WriteString(before)
			trim = t
		default:
			return s.String(), eppCode, true
		}
	}
	return s.String(), eppText, true
}

// trimLineEnd drops the rest of a line of which only blanks are left.
func trimLineEnd(s string) string {
	s = strings.TrimLeft(s, " \t")
	s = strings.TrimPrefix(s, "\r")
	return strings.TrimPrefix(s, "\n")
}

// eppComment skips a comment. A %> that is preceded by % does not end it.
func (l *lexer) eppComment(before string) (text string, trim, ok bool) {
	for i := l.pos + 1; i+1 < len(l.text); i++ {
		if l.text[i] != '%' || l.text[i+1] != '>' || l.text[i-1] == '%' {
			continue
		}
		comment := l.text[l.pos : i+2]
		l.pos = i + 2
		if len(comment) > 1 && comment[1] == '-' {
			before = strings.TrimRight(before, " \t")
		}
		return before, strings.HasSuffix(comment, "-%>"), true
	}
	l.errorf(l.pos, "EPP_UNBALANCED_COMMENT", "Reaching end after opening <%%# without seeing %%>")
	return "", false, false
}
