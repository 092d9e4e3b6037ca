package search

import (
	"slices"
	"strings"
)

// A SuggestionKind says what a suggestion would insert.
type SuggestionKind string

// The kinds of suggestions.
const (
	SuggestField    SuggestionKind = "field"
	SuggestOperator SuggestionKind = "operator"
	SuggestValue    SuggestionKind = "value"
	SuggestWord     SuggestionKind = "word" // and, or, not, has, null?
)

// A Suggestion is one way to go on at the cursor: Text replaces the bytes
// [From, To) of the query, and Query is the result.
type Suggestion struct {
	Kind     SuggestionKind
	Text     string
	From, To int
	Query    string
}

// Values offers values for completion. Both functions may be nil.
type Values struct {
	// Of gives values of a field that Completes, beginning with prefix without
	// regard to case. The caller sees to it that they come only from rows that
	// whoever asks may see.
	Of func(f *Field, key, prefix string) []string
	// Keys gives the keys of a keyed field that begin with prefix.
	Keys func(f *Field, prefix string) []string
}

// MaxSuggestions bounds what Complete gives.
const MaxSuggestions = 50

// Complete offers what may stand at the cursor (a byte offset; one that is out
// of range means the end). It never fails: a query that cannot be read gets no
// suggestions.
func Complete(fields Fields, query string, cursor int, values Values) []Suggestion {
	if cursor < 0 || cursor > len(query) {
		cursor = len(query)
	}
	tokens, err := lex(query[:cursor])
	if err != nil {
		return nil
	}
	c := &completer{fields: fields, query: query, from: cursor, to: cursor, values: values}
	tokens = c.takePartial(tokens)
	c.suggest(c.walk(tokens))
	return c.found
}

// place is where in the grammar the cursor stands.
type place uint8

const (
	atStart    place = iota // an expression begins
	afterField              // a word stands before the cursor
	atValue                 // right of an operator
	inList                  // inside the parentheses of ^ (…)
	atNull                  // after has or null?
	afterTerm               // a comparison is complete
)

type completer struct {
	fields   Fields
	query    string
	from, to int    // what a suggestion replaces
	partial  string // what is typed of it
	values   Values
	field    string // the field that an operator or value belongs to
	op       Op
	found    []Suggestion
}

// takePartial removes the token that the cursor touches, if it is still being
// typed: a word without its closing quote, or a "!" that may become "!=".
func (c *completer) takePartial(tokens []token) []token {
	n := len(tokens)
	if n == 0 || tokens[n-1].end != c.to {
		return tokens
	}
	last := tokens[n-1]
	text := c.query[last.pos:last.end]
	switch {
	case last.quoted && len(text) > 1 && strings.HasSuffix(text, `"`):
		return tokens
	case last.kind == word:
		c.partial = last.text
	case last.text != "" || text == "!": // keywords are words while they are being typed
		c.partial = text
	default:
		return tokens
	}
	c.from = last.pos
	return tokens[:n-1]
}

// walk follows the grammar over complete tokens.
func (c *completer) walk(tokens []token) place {
	at := atStart
	for _, t := range tokens {
		at = c.step(at, t)
	}
	return at
}

func (c *completer) step(at place, t token) place {
	if at == inList {
		if t.kind == rparen {
			return afterTerm
		}
		return inList
	}
	switch t.kind {
	case word:
		if at == atValue || at == atNull || t.quoted {
			return afterTerm
		}
		c.field = t.text
		return afterField
	case compare:
		if at != afterField {
			c.field = ""
		}
		c.op = t.op
		return atValue
	case lparen:
		if at == atValue && (c.op == In || c.op == NotIn) {
			return inList
		}
	case null, notnull:
		return atNull
	case rparen:
		return afterTerm
	}
	return atStart
}

func (c *completer) suggest(at place) {
	switch at {
	case atStart:
		c.fieldNames()
		c.words("not", "has", "null?")
	case afterField:
		c.operators()
		c.words("and", "or")
	case atValue, inList:
		c.fieldValues()
	case atNull:
		c.fieldNames()
	case afterTerm:
		c.words("and", "or")
		if c.partial != "" {
			c.fieldNames()
		}
	}
}

func (c *completer) add(kind SuggestionKind, text string) {
	if len(c.found) >= MaxSuggestions || text == "" {
		return
	}
	s := Suggestion{Kind: kind, Text: text, From: c.from, To: c.to}
	s.Query = c.query[:c.from] + text + c.query[c.to:]
	if !slices.Contains(c.found, s) {
		c.found = append(c.found, s)
	}
}

func (c *completer) begins(text string) bool {
	return len(text) >= len(c.partial) && strings.EqualFold(text[:len(c.partial)], c.partial)
}

func (c *completer) words(words ...string) {
	for _, w := range words {
		if c.begins(w) {
			c.add(SuggestWord, w)
		}
	}
}

func (c *completer) fieldNames() {
	for i := range c.fields {
		f := &c.fields[i]
		if !f.Keyed {
			if c.begins(f.Name) {
				c.add(SuggestField, f.Name)
			}
			continue
		}
		prefix, typed := strings.CutPrefix(c.partial, f.Name+".")
		switch {
		case typed && c.values.Keys != nil:
			for _, key := range c.values.Keys(f, prefix) {
				c.add(SuggestField, Quote(f.Name+"."+key))
			}
		case c.begins(f.Name + "."):
			c.add(SuggestField, f.Name+".")
		}
	}
}

func (c *completer) operators() {
	f, _ := c.fields.Find(c.field)
	if f == nil {
		return
	}
	for op := Eq; op <= NotIn; op++ {
		if f.allows(op) && c.begins(op.String()) {
			c.add(SuggestOperator, op.String())
		}
	}
}

func (c *completer) fieldValues() {
	f, key := c.fields.Find(c.field)
	if f == nil {
		return
	}
	for _, w := range f.Words {
		if c.begins(w.Text) {
			c.add(SuggestValue, Quote(w.Text))
		}
	}
	if f.Truth {
		c.literals("true", "false")
	}
	if f.User != NotUser {
		c.literals("current_user")
	}
	if f.Type == TypeDatetime {
		c.literals("today", "yesterday", "30 minutes ago", "1 hour ago", "2 hours ago", "1 day ago", "7 days ago")
		return
	}
	if f.Completes && c.values.Of != nil {
		for _, v := range c.values.Of(f, key, c.partial) {
			c.add(SuggestValue, Quote(v))
		}
	}
}

func (c *completer) literals(values ...string) {
	for _, v := range values {
		if c.begins(v) {
			c.add(SuggestValue, Quote(v))
		}
	}
}
