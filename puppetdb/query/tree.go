package query

import "time"

// A Query is one checked question.
type Query struct {
	Entity  *Entity
	Columns []Column // empty: every field that is not Quiet
	Where   Cond     // nil: everything
	GroupBy []Column
	// Active leaves inactive nodes out, unless Where mentions the node's state.
	Active bool
	// Distinct keeps, of the events of one property of a resource, only the last.
	Distinct *Span
	Counts   *Counts // how often, instead of which; of events
	Explain  bool    // how the database finds the answer, instead of the answer
	Paging
}

// A Span is a time from Start to End, both included.
type Span struct{ Start, End time.Time }

// Paging is what comes after the question.
type Paging struct {
	OrderBy []Order
	Limit   int64 // 0: no limit
	Offset  int64
	Total   bool // the caller wants to know how many there are without limit and offset
}

// An Order is one sort key.
type Order struct {
	Ref  Ref
	Desc bool
}

// A Ref names what a condition or column is about: a field, or something inside it.
type Ref struct {
	Field *Field
	// Fact is set for ["fact", NAME]: the value of the node's fact.
	Fact string
	// Path goes into a document: parameters.NAME, facts.os.family.
	Path  []Step
	Keyed bool   // written as ["parameter", NAME]
	Text  string // as the question spelled it, and the key in the answer
}

// A Step goes one level into a document.
type Step struct {
	Key   string
	Index int
	Kind  StepKind
}

// A StepKind tells which part of a Step counts.
type StepKind uint8

// The kinds of step.
const (
	ByKey   StepKind = iota // an object's member
	ByIndex                 // an array's element
	ByMatch                 // every member whose key matches the regular expression Key
)

// A Column is one value of each row of an answer.
type Column struct {
	Ref      Ref
	Function string // "", count, avg, sum, min, max, to_string, jsonb_typeof
	Argument string // to_string's format
	Name     string // the key in the answer
}

// Aggregates tells the functions of many rows from those of one.
func (c Column) Aggregates() bool {
	switch c.Function {
	case "count", "avg", "sum", "min", "max":
		return true
	}
	return false
}

// Same tells whether both columns hold the same, whatever they are called.
func (c Column) Same(other Column) bool {
	return c.Function == other.Function && c.Argument == other.Argument && c.Ref.Text == other.Ref.Text
}

// An Op compares.
type Op string

// The comparisons. Regex is unanchored.
const (
	Equal        Op = "="
	Greater      Op = ">"
	GreaterEqual Op = ">="
	Less         Op = "<"
	LessEqual    Op = "<="
	Regex        Op = "~"
)

// A Cond is a condition: And, Or, Not, Compare, MatchPath, Null, In, Related or State.
type Cond interface{ cond() }

type (
	// And holds when all of its conditions do.
	And struct{ Of []Cond }
	// Or holds when any does.
	Or struct{ Of []Cond }
	// Not holds when its condition does not, in SQL's three-valued sense.
	Not struct{ Of Cond }
	// Compare holds when the value stands in the relation. Value is a string, a
	// float64, an int64, a bool, a time.Time, or (for Value fields with Equal) any JSON value.
	Compare struct {
		Ref   Ref
		Op    Op
		Value any
	}
	// MatchPath holds when each element of a path matches its pattern: a string
	// is a regular expression, an int64 an index. Whole anchors the expressions.
	MatchPath struct {
		Ref      Ref
		Patterns []any
		Whole    bool
	}
	// Null holds when the field is (Is) or is not (!Is) null.
	Null struct {
		Ref Ref
		Is  bool
	}
	// In holds when the fields together are among the values or the rows of Sub.
	In struct {
		Refs   []Ref
		Values []any
		Sub    *Query
	}
	// Related holds when the other entity has a row that belongs to this one.
	Related struct {
		Outer, Inner []string // joined field names
		Sub          *Query
	}
	// State asks for the node's activity: "active", "inactive" or "any".
	State struct{ Want string }
)

func (And) cond()       {}
func (Or) cond()        {}
func (Not) cond()       {}
func (Compare) cond()   {}
func (MatchPath) cond() {}
func (Null) cond()      {}
func (In) cond()        {}
func (Related) cond()   {}
func (State) cond()     {}

// MentionsState reports whether the condition asks for the node's activity
// itself, so that inactive nodes must not be left out beforehand.
func MentionsState(c Cond) bool {
	switch c := c.(type) {
	case And:
		return anyMentions(c.Of)
	case Or:
		return anyMentions(c.Of)
	case Not:
		return MentionsState(c.Of)
	case State:
		return true
	}
	return false
}

func anyMentions(conds []Cond) bool {
	for _, c := range conds {
		if MentionsState(c) {
			return true
		}
	}
	return false
}
