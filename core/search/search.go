// Package search is the language that lists are narrowed with: in search boxes,
// in the API's search parameter and in the filters of roles.
//
// It works in stages, each testable without the next: Parse turns text into an
// Expr, which knows words and nothing else; Resolve checks an Expr against the
// Fields of a noun and gives a Cond, in which every odd rule of the language is
// already spelled out in plain typed tests; a store writes a Cond as SQL, and
// Match evaluates the same Cond over values in memory. Complete offers what may
// stand at the cursor.
//
// The package is pure: it imports internal/errs and the pure part of the
// standard library, and takes the time from its caller.
package search

import (
	"strings"
)

// An Expr is one node of a parsed query: And, Or, Not, Text, Compare or Null.
type Expr interface {
	// String writes the node back as a query that parses to an equal tree.
	String() string
	expr()
}

// And holds when all of its terms do; without terms it always holds, which is
// what an empty query is.
type And struct{ Terms []Expr }

// Or holds when one of its terms does. It has at least two.
type Or struct{ Terms []Expr }

// Not holds when X does not, rows where X is unknown (NULL) among them.
type Not struct{ X Expr }

// Text is a lone word or quoted string: it is looked for in every field that
// takes part in free-text search.
type Text struct {
	Value string
	Pos   int // byte offset in the query
}

// Compare compares a field with a value. Without a field (Field is empty and
// Pos is the operator's) it stands for all free-text fields.
type Compare struct {
	Field string
	Op    Op
	Value string // for In and NotIn the list, joined by commas
	Pos   int    // byte offset of the field, or of the operator where there is none
}

// Null asks whether a field is set at all: "null? f", or with Negated "has f".
type Null struct {
	Field   string
	Negated bool
	Pos     int // byte offset of the keyword
}

func (And) expr()     {}
func (Or) expr()      {}
func (Not) expr()     {}
func (Text) expr()    {}
func (Compare) expr() {}
func (Null) expr()    {}

// An Op is a comparison operator.
type Op uint8

// The comparison operators.
const (
	Eq Op = iota
	Ne
	Gt
	Lt
	Ge
	Le
	Like
	Unlike
	In
	NotIn
)

// opText is how each operator is written; opNames how the upstream parser calls it.
var (
	opText  = [...]string{Eq: "=", Ne: "!=", Gt: ">", Lt: "<", Ge: ">=", Le: "<=", Like: "~", Unlike: "!~", In: "^", NotIn: "!^"}
	opNames = [...]string{Eq: "eq", Ne: "ne", Gt: "gt", Lt: "lt", Ge: "gte", Le: "lte", Like: "like", Unlike: "unlike", In: "in", NotIn: "notin"}
)

// String writes the operator as it stands in a query.
func (op Op) String() string { return opText[op] }

// All is the query that every row matches.
func All() Expr { return And{} }

// AllOf joins expressions with AND, leaving out those that always hold.
func AllOf(terms ...Expr) Expr {
	var kept []Expr
	for _, t := range terms {
		switch t := t.(type) {
		case nil:
		case And:
			kept = append(kept, t.Terms...)
		default:
			kept = append(kept, t)
		}
	}
	if len(kept) == 1 {
		return kept[0]
	}
	return And{Terms: kept}
}

// AnyOf joins expressions with OR. There must be at least one; if one of them
// always holds, so does the result.
func AnyOf(terms ...Expr) Expr {
	var kept []Expr
	for _, t := range terms {
		switch t := t.(type) {
		case nil:
		case And:
			if len(t.Terms) == 0 {
				return All()
			}
			kept = append(kept, t)
		case Or:
			kept = append(kept, t.Terms...)
		default:
			kept = append(kept, t)
		}
	}
	switch len(kept) {
	case 0:
		return All()
	case 1:
		return kept[0]
	}
	return Or{Terms: kept}
}

// Values splits the list of an In or NotIn.
func (c Compare) Values() []string {
	var values []string
	for v := range strings.SplitSeq(c.Value, ",") {
		if v = strings.TrimSpace(v); v != "" {
			values = append(values, v)
		}
	}
	return values
}

// String writes the terms in parentheses where they are joined themselves.
func (e And) String() string { return join(e.Terms, " and ") }

// String writes the terms in parentheses where they are joined themselves.
func (e Or) String() string { return join(e.Terms, " or ") }

// String writes "not" before the operand.
func (e Not) String() string { return "not " + operand(e.X) }

// String quotes the text.
func (e Text) String() string { return Quote(e.Value) }

// String writes field, operator and quoted value.
func (e Compare) String() string {
	value := Quote(e.Value)
	if e.Op == In || e.Op == NotIn {
		values := strings.Split(e.Value, ",")
		for i := range values {
			values[i] = Quote(values[i])
		}
		value = "(" + strings.Join(values, ", ") + ")"
	}
	if e.Field == "" {
		return e.Op.String() + " " + value
	}
	return Quote(e.Field) + " " + e.Op.String() + " " + value
}

// String writes "has" or "null?" and the field.
func (e Null) String() string {
	if e.Negated {
		return "has " + Quote(e.Field)
	}
	return "null? " + Quote(e.Field)
}

func join(terms []Expr, operator string) string {
	parts := make([]string, len(terms))
	for i, t := range terms {
		parts[i] = operand(t)
	}
	return strings.Join(parts, operator)
}

func operand(e Expr) string {
	switch e.(type) {
	case And, Or:
		return "(" + e.String() + ")"
	}
	return e.String()
}

// Quote writes s as one value of a query: bare where that reads back as the
// same word, in double quotes otherwise.
func Quote(s string) string {
	if isBare(s) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func isBare(s string) bool {
	tokens, err := lex(s)
	return err == nil && len(tokens) == 1 && tokens[0].kind == word && tokens[0].text == s && s[0] != '"'
}
