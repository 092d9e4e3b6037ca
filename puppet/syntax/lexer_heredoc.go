package syntax

import (
	"regexp"
	"strings"
)

// heredocSpec reads @(TAG), @("TAG":syntax/escapes): groups are the tag, the
// syntax and the escapes.
var heredocSpec = regexp.MustCompile(`^@\(([^:/\r\n)]+)(?::[\p{Zs}\t]*([a-z][a-zA-Z0-9_+]+)[\p{Zs}\t]*)?(?:/((?:\w|[$])*)[\p{Zs}\t]*)?\)`)

// heredocHead is what the @() says.
type heredocHead struct {
	tag, syntax string
	escapes     escapeSet
	dollar      bool // \$ is an escape
	interpolate bool
}

func (l *lexer) heredoc() {
	from := l.pos
	head, ok := l.heredocHead()
	if !ok {
		return
	}
	afterHead := l.pos
	l.push(tHeredoc, head.syntax, from, afterHead)
	body := l.jump
	if body == 0 {
		nl := indexFrom(l.text, "\n", l.pos)
		if nl < 0 {
			l.errorf(l.pos, "HEREDOC_WITHOUT_TEXT", "Heredoc without any following lines of text")
			return
		}
		body = nl + 1
	}
	lines, leading, margin, chomp, ok := l.heredocLines(body, head.tag)
	if !ok {
		l.errorf(body, "HEREDOC_WITHOUT_END_TAGGED_LINE", "Heredoc without end-tagged line")
		return
	}
	text, at := heredocText(lines, body, leading, margin, chomp)
	for i := range at {
		at[i].global = l.global(at[i].global)
	}
	l.push(tSublocate, "", body, body)
	sub := &lexer{
		src: l.src, text: text, at: at, out: l.out, warn: l.warn,
		depth: l.depth + 1, escapes: head.escapes, unquotedIn: head.interpolate,
	}
	sub.interpolated(0, func() (string, terminator) {
		return sub.slurp(0, head.escapes, head.dollar && head.interpolate, head.interpolate)
	})
	l.out, l.warn, l.fail = sub.out, sub.warn, sub.fail
	l.pos = afterHead
	if len(l.out) > 0 {
		l.after = l.out[len(l.out)-1].kind
	}
}

func (l *lexer) heredocHead() (h heredocHead, ok bool) {
	end := indexFrom(l.text, ")", l.pos)
	if end < 0 {
		l.errorf(l.pos, "HEREDOC_UNCLOSED_PARENTHESIS", "Unclosed parenthesis after '@(' followed by '%s'", l.followedBy())
		return h, false
	}
	start := l.pos
	l.pos = end + 1
	spec := l.text[start:l.pos]
	m := heredocSpec.FindStringSubmatchIndex(spec)
	if m == nil {
		l.errorf(l.pos, "HEREDOC_INVALID_SYNTAX", "Invalid syntax in heredoc expected @(endtag[:syntax][/escapes])")
		return h, false
	}
	h.tag = strings.TrimSpace(spec[m[2]:m[3]])
	if m[4] >= 0 {
		h.syntax = spec[m[4]:m[5]]
	}
	if len(h.tag) >= 2 && h.tag[0] == '"' && h.tag[len(h.tag)-1] == '"' {
		h.interpolate = true
		h.tag = strings.TrimSpace(h.tag[1 : len(h.tag)-1])
	}
	if h.tag == "" {
		l.errorf(l.pos, "HEREDOC_EMPTY_ENDTAG", "Heredoc with an empty endtag")
		return h, false
	}
	if m[6] >= 0 {
		return h, l.heredocEscapes(&h, spec[m[6]:m[7]])
	}
	return h, true
}

func (l *lexer) heredocEscapes(h *heredocHead, flags string) bool {
	if flags == "" {
		flags = "trnsuL$"
	}
	for i := range len(flags) {
		if strings.IndexByte(flags[i+1:], flags[i]) >= 0 {
			l.errorf(l.pos, "HEREDOC_MULTIPLE_AT_ESCAPES", "An escape char for @() may only appear once. Got '%s'",
				strings.Join(strings.Split(flags, ""), ", "))
			return false
		}
	}
	h.escapes.chars = `\`
	for _, f := range flags {
		switch f {
		case 't', 'r', 'n', 's', 'u', '$':
			h.escapes.chars += string(f)
		case 'L':
			h.escapes.newline = true
		default:
			l.errorf(l.pos, "HEREDOC_INVALID_ESCAPE", "Invalid heredoc escape char. Only t, r, n, s,  u, L, $ allowed. Got '%c'", f)
			return false
		}
	}
	h.dollar = h.escapes.has('$')
	return true
}

// heredocLines collects lines up to the one with the end tag, and leaves
// l.jump after it.
func (l *lexer) heredocLines(body int, tag string) (lines []string, leading string, margin, chomp, ok bool) {
	for pos := body; pos < len(l.text); {
		end := indexFrom(l.text, "\n", pos)
		if end < 0 {
			end = len(l.text) - 1
		}
		line := l.text[pos : end+1]
		pos = end + 1
		if leading, margin, chomp, ok = endLine(line, tag); ok {
			l.jump = pos
			return lines, leading, margin, chomp, true
		}
		lines = append(lines, line)
	}
	return nil, "", false, false, false
}

// endLine reads `  | - TAG`. As in Puppet the tag may follow other text.
func endLine(line, tag string) (leading string, margin, chomp, ok bool) {
	rest := strings.TrimRight(line, "\n")
	rest = strings.TrimRight(strings.TrimSuffix(rest, "\r"), " \t\u00a0")
	if !strings.HasSuffix(rest, tag) {
		return "", false, false, false
	}
	rest = rest[:len(rest)-len(tag)]
	head := strings.TrimRight(rest, " \t")
	if strings.HasSuffix(head, "-") {
		chomp = true
		head = strings.TrimRight(head[:len(head)-1], " \t")
	}
	if strings.HasSuffix(head, "|") {
		margin = true
		leading = head[:len(head)-1]
	} else {
		leading = rest
	}
	leading = leading[len(strings.TrimRight(leading, " \t")):]
	return leading, margin, chomp, true
}

// heredocText joins the lines without their margin and keeps where each line
// stands.
func heredocText(lines []string, offset int, leading string, margin, chomp bool) (string, []lineShift) {
	var b strings.Builder
	at := make([]lineShift, 0, len(lines)+1)
	for _, line := range lines {
		cut := 0
		if margin && leading != "" && strings.HasPrefix(line, leading) {
			cut = len(leading)
		}
		at = append(at, lineShift{local: b.Len(), global: offset + cut, margin: cut})
		b.WriteString(line[cut:])
		offset += len(line)
	}
	text := b.String()
	if chomp {
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	}
	if len(at) == 0 {
		at = append(at, lineShift{global: offset})
	}
	return text, at
}
