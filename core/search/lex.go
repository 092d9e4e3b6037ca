package search

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chargehand/chargehand/internal/errs"
)

// Bounds on a query; what goes over them is TooLarge. They keep its SQL under
// the limits of every database (SQLite: depth 1000, 32766 values).
const (
	MaxLength = 64 << 10 // bytes of text
	MaxDepth  = 64       // nested parentheses and negations
	MaxTerms  = 1000     // words and values; a list counts as one
	MaxTests  = 800      // comparisons after free text is spelled out
	MaxValues = 20000    // values in all the lists
)

// An Error says where in a query something is wrong. It is the cause inside
// the Malformed error that Parse and Resolve give.
type Error struct {
	Pos     int // byte offset in the query
	Message string
}

// Error tells the position only; the message is the error's that it is inside of.
func (e *Error) Error() string { return "at byte " + strconv.Itoa(e.Pos) }

func malformed(pos int, message string) error {
	return &errs.Error{Kind: errs.Malformed, Message: message, Cause: &Error{Pos: pos, Message: message}}
}

// kind tells what a token is. The values after word are the upstream parser's
// symbols; their names show in error messages.
type kind uint8

const (
	word kind = iota
	lparen
	rparen
	comma
	and
	or
	not
	null
	notnull
	compare // with token.op
)

var kindNames = [...]string{word: "word", lparen: "lparen", rparen: "rparen", comma: "comma", and: "and", or: "or", not: "not", null: "null", notnull: "notnull"}

type token struct {
	kind     kind
	op       Op
	text     string // of a word, unquoted
	quoted   bool
	pos, end int
}

// name is what error messages call the token.
func (t token) name() string {
	if t.kind == compare {
		return opNames[t.op]
	}
	return kindNames[t.kind]
}

type symbol struct {
	kind kind
	op   Op
}

// symbolOf reads an operator at the start of s and tells its length; the
// longest match wins.
func symbolOf(s string) (symbol, int) {
	if len(s) >= 2 {
		switch s[:2] {
		case "&&":
			return symbol{kind: and}, 2
		case "||":
			return symbol{kind: or}, 2
		case "!~":
			return symbol{compare, Unlike}, 2
		case "!^":
			return symbol{compare, NotIn}, 2
		case "!=", "<>":
			return symbol{compare, Ne}, 2
		case "==":
			return symbol{compare, Eq}, 2
		case ">=":
			return symbol{compare, Ge}, 2
		case "<=":
			return symbol{compare, Le}, 2
		}
	}
	switch s[0] {
	case '(':
		return symbol{kind: lparen}, 1
	case ')':
		return symbol{kind: rparen}, 1
	case ',':
		return symbol{kind: comma}, 1
	case '&':
		return symbol{kind: and}, 1
	case '|':
		return symbol{kind: or}, 1
	case '-', '!':
		return symbol{kind: not}, 1
	case '=':
		return symbol{compare, Eq}, 1
	case '>':
		return symbol{compare, Gt}, 1
	case '<':
		return symbol{compare, Lt}, 1
	case '~':
		return symbol{compare, Like}, 1
	case '^':
		return symbol{compare, In}, 1
	}
	return symbol{}, 0
}

// keyword reads an unquoted word as an operator, in any case.
func keyword(w string) (symbol, bool) {
	if len(w) > 6 {
		return symbol{}, false
	}
	switch strings.ToLower(w) {
	case "and":
		return symbol{kind: and}, true
	case "or":
		return symbol{kind: or}, true
	case "not":
		return symbol{kind: not}, true
	case "has", "set?":
		return symbol{kind: notnull}, true
	case "null?":
		return symbol{kind: null}, true
	case "before":
		return symbol{compare, Lt}, true
	case "after":
		return symbol{compare, Gt}, true
	case "at":
		return symbol{compare, Eq}, true
	}
	return symbol{}, false
}

// wordEnd are the characters that end a word, besides white space. '-', '!',
// '^' and '"' are ordinary inside one.
const wordEnd = "=~<>&|)(,"

// lex splits a query into tokens.
func lex(query string) ([]token, error) {
	if len(query) > MaxLength {
		return nil, errs.New(errs.TooLarge, "the search query is longer than %d bytes", MaxLength)
	}
	if at := invalidUTF8(query); at >= 0 {
		return nil, malformed(at, "the search query is not valid UTF-8")
	}
	var tokens []token
	for pos := 0; pos < len(query); {
		r, size := utf8.DecodeRuneInString(query[pos:])
		if unicode.IsSpace(r) {
			pos += size
			continue
		}
		t := next(query, pos)
		tokens = append(tokens, t)
		pos = t.end
	}
	return tokens, nil
}

func next(query string, pos int) token {
	if query[pos] == '"' {
		return quotedToken(query, pos)
	}
	if s, n := symbolOf(query[pos:]); n > 0 {
		return token{kind: s.kind, op: s.op, pos: pos, end: pos + n}
	}
	end := pos
	for i, r := range query[pos:] {
		if unicode.IsSpace(r) || strings.ContainsRune(wordEnd, r) {
			break
		}
		end = pos + i + utf8.RuneLen(r)
	}
	text := query[pos:end]
	if s, ok := keyword(text); ok {
		return token{kind: s.kind, op: s.op, text: text, pos: pos, end: end}
	}
	return token{kind: word, text: text, pos: pos, end: end}
}

// quotedToken reads "…" with backslash escapes; a missing closing quote is
// taken to stand at the end.
func quotedToken(query string, pos int) token {
	var b strings.Builder
	i := pos + 1
	for ; i < len(query) && query[i] != '"'; i++ {
		if query[i] == '\\' && i+1 < len(query) {
			i++
		}
		b.WriteByte(query[i])
	}
	return token{kind: word, text: b.String(), quoted: true, pos: pos, end: min(i+1, len(query))}
}

func invalidUTF8(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}
