// Package pql reads PQL, PuppetDB's query language for people, into the AST form
// that package query checks: the tree is the one that the JSON form decodes to.
//
//	nodes [certname] { facts { name = "kernel" and value = "Linux" } order by certname limit 5 }
//
// The grammar, with "_" for optional space and "__" for space that must be there:
//
//	query     = _ from _
//	from      = entity [ _ "[" _ [ columns ] _ "]" ] _ where
//	where     = "{" _ [ or ] _ [ "group by" __ columns | { paging _ } ] _ "}"
//	paging    = ( "limit" | "offset" ) __ integer | "order by" __ sort { "," _ sort }
//	sort      = field [ __ ( "asc" | "desc" ) ] _
//	columns   = column { _ "," _ column }
//	column    = function _ "(" _ [ ( field | string ) { _ "," _ string } ] _ ")" | field
//	or        = and { __ "or" __ and }
//	and       = not { __ "and" __ not }
//	not       = "!" _ not | "(" _ or _ ")" | entity _ where | condition
//	condition = field _ ( "is null" | "is not null" ) | field _ operator _ value
//	          | ( field | "[" _ columns _ "]" ) _ "in" _ ( query | list of literals )
//
// A parse error tells the farthest place that could be reached and what would
// have been understood there. The package is pure: it imports internal/errs and
// the standard library.
package pql

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/chargehand/chargehand/internal/errs"
)

// Bounds on a query: what is larger is refused as TooLarge.
const (
	maxText  = 1 << 20 // bytes
	maxDepth = 100     // nested parentheses, negations, subqueries and arrays
	maxShown = 2000    // bytes of the line that an error repeats
)

// Parse reads one query: ["from", ENTITY, …], with json.Number for numbers.
// What is wrong with the text is Malformed, and its message the one of PuppetDB.
func Parse(text string) ([]any, error) {
	if len(text) > maxText {
		return nil, errs.New(errs.TooLarge, "the query is larger than %d bytes", maxText)
	}
	p := &parser{text: text, reached: -1}
	p.space()
	tree, ok := p.from()
	end := p.pos
	p.space()
	switch {
	case p.err != nil:
		return nil, p.err
	case !ok:
		return nil, p.failure()
	case p.pos < len(text):
		p.reached, p.wants = end, []string{"end-of-string", spaceToken + " (followed by end-of-string)"}
		return nil, p.failure()
	case p.sense != nil:
		return nil, p.sense
	}
	return tree, nil
}

// A parser tries alternatives from left to right and goes back when one does not
// fit; it remembers the farthest place where something did not fit.
type parser struct {
	text    string
	pos     int
	depth   int
	reached int
	wants   []string // what would have fitted there
	err     error    // ends all attempts: a bound was reached
	sense   error    // what is wrong with a text that parses
}

// want notes what would have fitted at pos.
func (p *parser) want(pos int, token string) {
	if pos > p.reached {
		p.reached, p.wants = pos, p.wants[:0]
	}
	if pos == p.reached && !slices.Contains(p.wants, token) {
		p.wants = append(p.wants, token)
	}
}

// object notes something that is wrong even if the text parses.
func (p *parser) object(format string, args ...any) {
	if p.sense == nil {
		p.sense = errs.New(errs.Malformed, format, args...)
	}
}

// back returns to an earlier place after an alternative that did not fit.
func (p *parser) back(pos int) bool {
	p.pos = pos
	return p.err == nil
}

// token takes a fixed text.
func (p *parser) token(text string) bool {
	if strings.HasPrefix(p.text[p.pos:], text) {
		p.pos += len(text)
		return true
	}
	p.want(p.pos, text)
	return false
}

const spaceToken = `#"\s+"`

func isSpace(c byte) bool { return c == ' ' || ('\t' <= c && c <= '\r') }

// space takes white space and tells whether there was any.
func (p *parser) space() bool {
	start := p.pos
	for p.pos < len(p.text) && isSpace(p.text[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		p.want(start, spaceToken)
	}
	return p.pos > start
}

// enter bounds the recursion; leave undoes it.
func (p *parser) enter() bool {
	if p.depth++; p.depth > maxDepth && p.err == nil {
		p.err = errs.New(errs.TooLarge, "the query is nested deeper than %d", maxDepth)
	}
	return p.err == nil
}

func (p *parser) leave() { p.depth-- }

// failure words the parse error: line and column count from one, columns as Java
// counts characters.
func (p *parser) failure() error {
	before := p.text[:p.reached]
	start := strings.LastIndexByte(before, '\n') + 1
	line, _, _ := strings.Cut(p.text[start:], "\n")
	column := len(utf16.Encode([]rune(before[start:]))) + 1
	var b strings.Builder
	fmt.Fprintf(&b, "PQL parse error at line %s, column %s:\n\n", grouped(strings.Count(before, "\n")+1), grouped(column))
	if len(line) <= maxShown {
		fmt.Fprintf(&b, "%s\n%*s\n\n", line, column, "^")
	}
	b.WriteString("Expected")
	if len(p.wants) > 1 {
		b.WriteString(" one of:\n")
	} else {
		b.WriteByte(':')
	}
	for _, w := range slices.Backward(p.wants) {
		b.WriteString("\n" + w)
	}
	b.WriteByte('\n')
	return errs.New(errs.Malformed, "%s", b.String())
}

// grouped writes 1234 as 1,234.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
