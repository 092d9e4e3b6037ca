package search

import (
	"strings"
	"time"
)

// A Type says what values a field has and so what may be compared with it.
type Type uint8

// The types of fields.
const (
	TypeText     Type = iota // text: = != ~ !~ ^ !^
	TypeInteger              // whole numbers: = != > < >= <= ^ !^
	TypeDecimal              // numbers: as TypeInteger
	TypeDatetime             // times: = != > < >= <=
	TypeSet                  // one of the field's Words: = !=
	TypeVirtual              // what the store makes of it: every operator, values as text
)

var typeNames = [...]string{TypeText: "string", TypeInteger: "integer", TypeDecimal: "decimal", TypeDatetime: "datetime", TypeSet: "set", TypeVirtual: "virtual"}

// String names the type as error messages do.
func (t Type) String() string { return typeNames[t] }

// A Word is one value of a set field: how a query writes it and what the row holds.
type Word struct {
	Text  string
	Value any // string, bool or int64
}

// Booleans are the words of a set field over a boolean column.
func Booleans() []Word { return []Word{{"true", true}, {"false", false}} }

// A User says what a field's value "current_user" stands for.
type User uint8

// What "current_user" means.
const (
	NotUser   User = iota // nothing: it is text like any other
	UserLogin             // the login of whoever asks
	UserID                // the id of whoever asks
)

// A Field is something that a noun's rows can be searched by.
type Field struct {
	Name    string
	Aliases []string
	Type    Type
	// Ops limits the operators further than Type does; nil does not.
	Ops []Op
	// Explicit fields are left out of free-text search.
	Explicit bool
	// Keyed fields are written "name.key"; the key is everything after the
	// first dot.
	Keyed bool
	// Words are the values of a set field.
	Words []Word
	// Truth lets the words true and false stand for "more than 0" and "0" in a
	// numeric field.
	Truth bool
	// User says what "current_user" stands for here.
	User User
	// Completes says that values can be offered for completion.
	Completes bool
}

// allows tells whether the field may be compared with op.
func (f *Field) allows(op Op) bool {
	if f.Ops != nil {
		for _, o := range f.Ops {
			if o == op {
				return true
			}
		}
		return false
	}
	switch f.Type {
	case TypeText:
		return op == Eq || op == Ne || op == Like || op == Unlike || op == In || op == NotIn
	case TypeInteger, TypeDecimal:
		return op != Like && op != Unlike
	case TypeDatetime:
		return op != Like && op != Unlike && op != In && op != NotIn
	case TypeSet:
		return op == Eq || op == Ne
	}
	return true
}

// Fields are all the fields of one noun, in the order in which free text looks
// through them.
type Fields []Field

// Find finds the field that a query names and, for a keyed field, the key. An
// exact name wins over a keyed field's prefix.
func (fs Fields) Find(name string) (field *Field, key string) {
	if f := fs.named(name, false); f != nil {
		return f, ""
	}
	if head, key, ok := strings.Cut(name, "."); ok && key != "" {
		if f := fs.named(head, true); f != nil {
			return f, key
		}
	}
	return nil, ""
}

func (fs Fields) named(name string, keyed bool) *Field {
	for i := range fs {
		f := &fs[i]
		if f.Keyed != keyed {
			continue
		}
		if f.Name == name {
			return f
		}
		for _, alias := range f.Aliases {
			if alias == name {
				return f
			}
		}
	}
	return nil
}

// Env is what a query's meaning depends on besides its text.
type Env struct {
	Now    time.Time      // for "3 hours ago"
	Zone   *time.Location // the asker's; nil means UTC
	Login  string         // for "current_user"
	UserID int64          // for "current_user"
	// Strict refuses dates that cannot be read instead of ignoring them; a
	// role's filter must never widen because of one.
	Strict bool
}

func (e Env) now() time.Time {
	if e.Zone == nil {
		return e.Now.UTC()
	}
	return e.Now.In(e.Zone)
}
