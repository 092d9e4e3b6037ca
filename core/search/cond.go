package search

// A Cond is a query with nothing left to interpret: Every, Some, Negate or
// Test. A store turns each into SQL; Match evaluates it in memory.
type Cond interface{ cond() }

// Every holds when all of its terms do: always, without any.
type Every struct{ Terms []Cond }

// Some holds when one of its terms does: never, without any.
type Some struct{ Terms []Cond }

// Negate holds when X does not. X being unknown (a comparison with NULL) counts
// as X not holding, so the store writes NOT COALESCE(x, false).
type Negate struct{ X Cond }

// Test compares one field with one value, or a list. On a row where the field
// is NULL it does not hold, but for IsNull. On a field with many values (a
// has-many relation) it holds when any one of them passes, so NotEqual there
// means "one of them differs"; IsNull means that there is none.
type Test struct {
	Field *Field
	Key   string // of a keyed field
	Kind  TestKind
	// Value is string, int64, float64, bool or time.Time (UTC) as the field's
	// type says; nil for IsNull, IsSet, OneOf, NoneOf. For Matches and
	// MatchesNot it is a LIKE pattern, compared without regard to case: "%"
	// any run, "_" any one character, nothing escaped.
	Value any
	// Values is the list of OneOf and NoneOf, of the same types.
	Values []any
}

func (Every) cond()  {}
func (Some) cond()   {}
func (Negate) cond() {}
func (Test) cond()   {}

// A TestKind is what a Test does.
type TestKind uint8

// The kinds of tests.
const (
	Equal TestKind = iota // text: with regard to case
	NotEqual
	Greater
	Less
	GreaterEqual
	LessEqual
	Matches
	MatchesNot
	OneOf
	NoneOf
	IsNull
	IsSet
)

var testNames = [...]string{"=", "!=", ">", "<", ">=", "<=", "~", "!~", "in", "not in", "is null", "is set"}

// String names the kind for logs and tests.
func (k TestKind) String() string { return testNames[k] }

// Always is the condition that every row meets.
func Always() Cond { return Every{} }

// Never is the condition that no row meets.
func Never() Cond { return Some{} }
