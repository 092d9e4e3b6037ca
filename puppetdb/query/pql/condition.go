package pql

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// condition reads one comparison, null test or `in`.
func (p *parser) condition() (any, bool) {
	start := p.pos
	if fields, ok := p.bracketed(p.column); ok {
		p.space()
		return p.in(fields)
	}
	if !p.back(start) {
		return nil, false
	}
	field, ok := p.field()
	if !ok {
		return nil, false
	}
	p.space()
	switch {
	case p.token("is not null"):
		return []any{"null?", field, false}, true
	case p.token("is null"):
		return []any{"null?", field, true}, true
	}
	start = p.pos
	if cond, ok := p.in(field); ok || p.err != nil {
		return cond, ok
	}
	for _, op := range operators() {
		p.pos = start
		if !p.token(op.text) {
			continue
		}
		p.space()
		if value, ok := op.value(p); ok {
			return op.tree(field, value), true
		}
		if p.err != nil {
			return nil, false
		}
	}
	return nil, false
}

// An operator compares a field with one kind of value.
type operator struct {
	text  string
	value func(p *parser) (any, bool)
}

func operators() []operator {
	return []operator{
		{"~", (*parser).string},
		{"~>", (*parser).patterns},
		{">=", (*parser).ordered},
		{"<=", (*parser).ordered},
		{"<", (*parser).ordered},
		{">", (*parser).ordered},
		{"=", (*parser).literal},
		{"!=", (*parser).literal},
		{"!~", (*parser).literal},
	}
}

func (o operator) tree(field string, value any) []any {
	if op, ok := strings.CutPrefix(o.text, "!"); ok {
		return []any{"not", []any{op, field, value}}
	}
	return []any{o.text, field, value}
}

// in reads "in" _ ( query | list of literals ) after the field or fields.
func (p *parser) in(fields any) (any, bool) {
	if !p.token("in") {
		return nil, false
	}
	p.space()
	start := p.pos
	if sub, ok := p.from(); ok {
		return []any{"in", fields, sub}, true
	}
	if !p.back(start) {
		return nil, false
	}
	values, ok := p.bracketed(p.literal)
	return []any{"in", fields, []any{"array", values}}, ok
}

func (p *parser) patterns() (any, bool) {
	list, ok := p.bracketed(p.string)
	return list, ok
}

func (p *parser) ordered() (any, bool) {
	if n, ok := p.number(); ok || p.err != nil {
		return n, ok
	}
	return p.string()
}

func (p *parser) literal() (any, bool) {
	if !p.enter() {
		return nil, false
	}
	defer p.leave()
	start := p.pos
	if s, ok := p.string(); ok || !p.back(start) {
		return s, ok
	}
	if n, ok := p.number(); ok || !p.back(start) {
		return n, ok
	}
	switch {
	case p.token("true"):
		return true, true
	case p.token("false"):
		return false, true
	}
	return p.bracketed(p.literal)
}

// number reads an integer, or a decimal with an exponent or without.
func (p *parser) number() (any, bool) {
	start := p.pos
	p.token("-")
	if !p.digits() {
		p.pos = start
		return nil, false
	}
	end := p.pos
	if p.token(".") && p.digits() {
		fraction := p.pos
		if p.token("E") || p.token("e") {
			if !p.token("-") {
				p.token("+")
			}
			if !p.digits() {
				p.pos = fraction
			}
		}
		return p.decimal(p.text[start:p.pos])
	}
	p.pos = end
	return p.whole(p.text[start:end])
}

func (p *parser) digits() bool {
	start := p.pos
	for p.pos < len(p.text) && '0' <= p.text[p.pos] && p.text[p.pos] <= '9' {
		p.pos++
	}
	if p.pos == start {
		p.want(start, `#"[0-9]+"`)
	}
	return p.pos > start
}

func (p *parser) integer() (any, bool) {
	start := p.pos
	p.token("-")
	if !p.digits() {
		p.pos = start
		return nil, false
	}
	return p.whole(p.text[start:p.pos])
}

func (p *parser) whole(text string) (any, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		p.object("For input string: %q", text)
	}
	return json.Number(strconv.FormatInt(n, 10)), true
}

// decimal keeps a point or an exponent in the number's text, so that 1.0 stays
// a decimal.
func (p *parser) decimal(text string) (any, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.object("the number %s is out of range", text)
	}
	short := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(short, ".e") {
		short += ".0"
	}
	return json.Number(short), true
}

// string reads "…" with JSON's escapes, or '…' in which only \' is one.
func (p *parser) string() (any, bool) {
	start := p.pos
	if p.token(`'`) {
		if s, ok := p.quoted('\''); ok {
			return strings.ReplaceAll(s, `\'`, `'`), true
		}
		p.pos = start
		return nil, false
	}
	if !p.token(`"`) {
		return nil, false
	}
	inner, ok := p.quoted('"')
	if !ok {
		p.pos = start
		return nil, false
	}
	var s string
	if err := json.Unmarshal([]byte(`"`+inner+`"`), &s); err != nil {
		p.object("the string \"%.200s\" has an escape or a character that JSON does not allow", inner)
	}
	return s, true
}

// quoted reads up to the quote, which it takes too; a backslash shields the
// character after it.
func (p *parser) quoted(quote byte) (string, bool) {
	start := p.pos
	for p.pos < len(p.text) && p.text[p.pos] != quote {
		if p.text[p.pos] == '\\' {
			if p.pos+1 == len(p.text) || p.text[p.pos+1] == '\n' || p.text[p.pos+1] == '\r' {
				break
			}
			p.pos++
		}
		p.pos++
	}
	inner := p.text[start:p.pos]
	return inner, p.token(string(quote))
}

// field reads a plain name, or a path into facts, trusted or parameters.
func (p *parser) field() (string, bool) {
	start := p.pos
	for _, head := range []string{"facts", "trusted", "parameters"} {
		if p.token(head) && p.path() {
			return p.text[start:p.pos], true
		}
		p.pos = start
	}
	for p.pos < len(p.text) && isName(p.text[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		p.want(start, `#"[a-zA-Z0-9_]+\??"`)
		return "", false
	}
	if p.pos < len(p.text) && p.text[p.pos] == '?' {
		p.pos++
	}
	return p.text[start:p.pos], true
}

func isName(c byte) bool {
	return c == '_' || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9')
}

// path reads the members after facts, trusted or parameters, each with its dot.
func (p *parser) path() bool {
	for n := 0; ; n++ {
		start := p.pos
		if !p.token(".") || !p.member() {
			p.pos = start
			return n > 0
		}
	}
}

var (
	quotedMember = regexp.MustCompile(`^".*?"(?:\.|\s)`)
	matchMember  = regexp.MustCompile(`^match\(.*?\)`)
	plainMember  = regexp.MustCompile(`^[^\s.",\[\]!<=>~]+(?:\[\d+\])?`)
)

// member reads one step of a path: "a name", match("a pattern"), name or name[0].
func (p *parser) member() bool {
	rest := p.text[p.pos:]
	if m := quotedMember.FindString(rest); m != "" {
		p.pos += len(m) - 1 // what follows the quote only has to be there
		return true
	}
	for _, form := range []*regexp.Regexp{matchMember, plainMember} {
		if m := form.FindString(rest); m != "" {
			p.pos += len(m)
			return true
		}
	}
	for _, token := range []string{`#"\".*?\"(?=\.|\s)"`, `#"[^\s\.\",\[\]!<=>~]+(\[\d+\])?"`, `#"match\(.*?\)"`} {
		p.want(p.pos, token)
	}
	return false
}
