package syntax

import (
	"unicode"
	"unicode/utf8"
)

// lexer turns text into tokens, eagerly: the tokens do not depend on the
// parser. A lexical error becomes the last token, so that an earlier syntax
// error is found first.
type lexer struct {
	src  *Source // of the file: places refer to it
	text string  // what is lexed: the file or the text of a heredoc
	pos  int
	at   []lineShift // where the lines of a heredoc's text stand in the file
	out  []token
	warn []*Error
	fail *Error

	after      kind // the token before, for the meaning of /
	braces     int
	lineStart  int // offset where the current line's code begins
	jump       int // where the line after the current one continues, past heredocs
	eppMode    eppMode
	eppOpen    bool
	depth      int
	lastMatch  string // what was read last before a string goes unclosed
	escapes    escapeSet
	unquotedIn bool // heredoc: $ interpolates
}

// lineShift maps a line of heredoc text back to the file.
type lineShift struct{ local, global, margin int }

type eppMode uint8

const (
	eppNone eppMode = iota
	eppText
	eppCode
	eppExpr
)

func newLexer(src *Source) *lexer {
	return &lexer{src: src, text: src.Text, out: make([]token, 0, len(src.Text)/5+8)}
}

// global maps a position of the lexed text to the file.
func (l *lexer) global(pos int) int {
	if l.at == nil {
		return pos
	}
	shift := l.at[0]
	if pos == 0 {
		return shift.global - shift.margin
	}
	for _, s := range l.at {
		if s.local > pos {
			break
		}
		shift = s
	}
	return shift.global + pos - shift.local
}

func (l *lexer) errorf(pos int, code, format string, args ...any) {
	if l.fail == nil {
		l.fail = l.src.errorAt(min(l.global(pos), len(l.src.Text)), code, format, args...)
	}
}

func (l *lexer) push(k kind, val string, from, to int) {
	g := l.global(from)
	n := to - from
	if l.at != nil && to > from {
		n = max(l.global(to-1)+1-g, 0)
	}
	l.out = append(l.out, token{kind: k, val: val, off: g, length: n})
}

// emit pushes a token that ends where reading goes on.
func (l *lexer) emit(k kind, n int) {
	from := l.pos
	l.pos += n
	l.push(k, l.text[from:l.pos], from, l.pos)
	l.after = k
}

func (l *lexer) eof() bool { return l.pos >= len(l.text) }

func (l *lexer) peek(n int) byte {
	if l.pos+n < len(l.text) {
		return l.text[l.pos+n]
	}
	return 0
}

// run lexes to the end of the text.
func (l *lexer) run() {
	for !l.eof() && l.fail == nil {
		l.step()
	}
	l.finish()
}

func (l *lexer) finish() {
	if l.fail == nil && l.eppOpen {
		l.errorf(l.pos, "EPP_UNBALANCED_TAG", "Unbalanced epp tag, reached <eof> without closing tag.")
	}
	if l.fail != nil {
		l.out = append(l.out, token{kind: tError, off: len(l.src.Text)})
		return
	}
	l.out = append(l.out, token{kind: tEOF, off: len(l.src.Text)})
}

// step reads one token, or one piece of what stands between tokens.
func (l *lexer) step() {
	c := l.text[l.pos]
	switch {
	case c == ' ' || c == '\t' || c == '\r':
		l.pos++
	case c == '\n':
		l.newline()
	case c == '#':
		for !l.eof() && l.text[l.pos] != '\n' {
			l.pos++
		}
	case c >= '0' && c <= '9':
		l.number()
	case c >= 'a' && c <= 'z' || c == '_':
		l.word(l.pos)
	case c >= 'A' && c <= 'Z':
		l.classRef(1, "ILLEGAL_CLASS_REFERENCE", "Illegal class reference")
	case c == '$':
		l.variable()
	case c == '"':
		l.doubleQuoted()
	case c == '\'':
		l.singleQuoted()
	case c == '/':
		l.slash()
	case c == ':':
		l.colon()
	case c >= utf8.RuneSelf:
		l.other()
	default:
		l.punctuation(c)
	}
}

func (l *lexer) newline() {
	l.pos++
	if l.jump > 0 {
		l.pos, l.jump = l.jump, 0
	}
	l.lineStart = l.pos
}

func (l *lexer) other() {
	r, n := utf8.DecodeRuneInString(l.text[l.pos:])
	if unicode.Is(unicode.Zs, r) {
		l.pos += n
		return
	}
	from := l.pos
	l.pos += n
	l.push(tOther, "", from, l.pos)
	l.after = tOther
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

// bareWord is the length of the longest bare word at the start of s, and
// whether it is a proper name.
func bareWord(s string) (n int, name bool) {
	name = true
	for {
		i := n
		if len(s) >= i+2 && s[i] == ':' && s[i+1] == ':' {
			i += 2
		} else if n > 0 {
			return n, name
		}
		if i >= len(s) || !(isLower(s[i]) || s[i] == '_') {
			return n, name
		}
		segment := i
		end := i + 1
		for i++; i < len(s) && (isWord(s[i]) || s[i] == '-'); i++ {
			if s[i] != '-' {
				end = i + 1
			}
		}
		for j := segment; j < end; j++ {
			if s[j] == '-' || j == segment && s[j] == '_' {
				name = false
			}
		}
		n = end
	}
}

func (l *lexer) word(from int) {
	n, name := bareWord(l.text[from:])
	if n == 0 {
		l.errorf(from+2, "ILLEGAL_FULLY_QUALIFIED_NAME", "Illegal fully qualified name")
		return
	}
	word := l.text[from : from+n]
	k := tWord
	if name {
		k, _ = keywordKind(word)
	}
	l.lastMatch = word
	l.emit(k, n)
}

func classRef(s string) int {
	n := 0
	for {
		i := n
		if len(s) >= i+2 && s[i] == ':' && s[i+1] == ':' {
			i += 2
		}
		if i >= len(s) || s[i] < 'A' || s[i] > 'Z' {
			return n
		}
		for i++; i < len(s) && isWord(s[i]); i++ {
		}
		n = i
	}
}

func (l *lexer) classRef(faulty int, code, message string) {
	n := classRef(l.text[l.pos:])
	if n == 0 || len(l.text) >= l.pos+n+2 && l.text[l.pos+n:l.pos+n+2] == "::" {
		l.errorf(l.pos+n+faulty, code, "%s", message)
		return
	}
	l.lastMatch = l.text[l.pos : l.pos+n]
	l.emit(tClassRef, n)
}

func (l *lexer) colon() {
	if l.peek(1) != ':' {
		l.emit(tColon, 1)
		return
	}
	if c := l.peek(2); c >= 'A' && c <= 'Z' {
		l.classRef(3, "ILLEGAL_FULLY_QUALIFIED_CLASS_REFERENCE", "Illegal fully qualified class reference")
		return
	}
	l.word(l.pos)
}

// variableName is the length of a variable's name at the start of s.
func variableName(s string) int {
	i := 0
	if len(s) >= 2 && s[0] == ':' && s[1] == ':' {
		i = 2
	}
	end := 0
	for {
		start := i
		for i < len(s) && isWord(s[i]) {
			i++
		}
		if i == start {
			return end
		}
		end = i
		if len(s) < i+2 || s[i] != ':' || s[i+1] != ':' {
			return end
		}
		i += 2
	}
}

func (l *lexer) variable() {
	n := variableName(l.text[l.pos+1:])
	from := l.pos
	l.pos += 1 + n
	l.lastMatch = l.text[from:l.pos]
	l.push(tVariable, l.text[from+1:l.pos], from, l.pos)
	l.after = tVariable
}

func (l *lexer) slash() {
	if l.peek(1) == '*' {
		end := indexFrom(l.text, "*/", l.pos+2)
		if end < 0 {
			l.errorf(l.pos, "UNCLOSED_MLCOMMENT", "Unclosed multiline comment")
			return
		}
		l.pos = end + 2
		return
	}
	if !regexpMayFollow(l.after) {
		l.emit(tDiv, 1)
		return
	}
	escaped := false
	for i := l.pos + 1; i < len(l.text); i++ {
		switch c := l.text[i]; {
		case c == '/' && !escaped:
			pattern := unescapeSlashes(l.text[l.pos+1 : i])
			from := l.pos
			l.pos = i + 1
			l.push(tRegex, pattern, from, l.pos)
			l.after = tRegex
			return
		case c == '\\':
			escaped = !escaped
		default:
			escaped = false
		}
	}
	l.emit(tDiv, 1)
}

func regexpMayFollow(after kind) bool {
	switch after {
	case tRParen, tRBrack, tRRCollect, tRCollect,
		tName, tClassRef, tNumber, tString, tBoolean, tDQPre, tDQMid, tDQPost,
		tHeredoc, tRegex, tVariable, tWord:
		return false
	}
	return true
}
