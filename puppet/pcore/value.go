// Package pcore is Puppet's type system: its values, its types as values, inference, assignability,
// the descriptions of mismatches, conversion with `new`, formats and rich-data serialisation.
//
// It is pure: no files, no network, no clock. Values are immutable and safe to share between
// concurrent compilers. It imports nothing of Chargehand but internal/ packages.
package pcore

import (
	"encoding/base64"
	"iter"
	"strings"
)

// A Value is a Puppet runtime value. The kinds of this package are
//
//	Undef Default Boolean Integer Float String Timestamp Timespan Binary   (comparable with Go's ==)
//	*Regexp *Array *Hash *Sensitive *SemVer *SemVerRange *URI *Iterator *Object
//	every Type
//
// and an evaluator adds its own, such as lambdas. A nil Value is never valid: absence is Undef{}.
type Value interface {
	// String is the text the value interpolates as, "${v}".
	String() string
	// Type is the narrowest type of the value, as `type($v)` gives it.
	Type() Type
}

// A Callable is a value that can be called, and knows its signature: lambdas and functions.
type Callable interface {
	Value
	Signature() *CallableType
}

// Undef is the missing value. Compare with `v == pcore.Value(pcore.Undef{})` or IsUndef.
type Undef struct{}

// Default is the value of the keyword `default`.
type Default struct{}

// Boolean is true or false.
type Boolean bool

// Integer is a 64 bit signed integer; arithmetic on it must be checked for overflow.
type Integer int64

// Float is a 64 bit float.
type Float float64

// String is a text, UTF-8 by convention.
type String string

// Binary holds raw bytes; a string because bytes must not change.
type Binary string

// Sensitive hides a value from logs and interpolation.
type Sensitive struct{ inner Value }

// NewSensitive wraps a value; a Sensitive is not wrapped twice.
func NewSensitive(v Value) *Sensitive {
	if s, ok := v.(*Sensitive); ok {
		return s
	}
	return &Sensitive{v}
}

// Unwrap gives the hidden value.
func (s *Sensitive) Unwrap() Value { return s.inner }

// Iterator is a lazy sequence, as `reverse_each` and `step` give without a block.
type Iterator struct {
	elem Type
	seq  iter.Seq[Value]
}

// NewIterator makes a lazy sequence whose elements are instances of elem. The sequence must be
// repeatable and safe for concurrent use.
func NewIterator(elem Type, seq iter.Seq[Value]) *Iterator { return &Iterator{elem, seq} }

// All iterates over the elements.
func (it *Iterator) All() iter.Seq[Value] { return it.seq }

// IsUndef says whether v is undef.
func IsUndef(v Value) bool { _, ok := v.(Undef); return ok }

// Truthy is the boolean sense of a value: only undef and false are false.
func Truthy(v Value) bool {
	switch v := v.(type) {
	case Undef:
		return false
	case Boolean:
		return bool(v)
	}
	return true
}

// Bool turns a Go bool into a Value without allocating.
func Bool(b bool) Value { return Boolean(b) }

func (Undef) String() string   { return "" }
func (Default) String() string { return "default" }
func (b Boolean) String() string {
	if b {
		return "true"
	}
	return "false"
}
func (i Integer) String() string    { return formatInt(int64(i)) }
func (f Float) String() string      { return FormatFloat(float64(f)) }
func (s String) String() string     { return string(s) }
func (b Binary) String() string     { return base64.StdEncoding.EncodeToString([]byte(b)) }
func (*Sensitive) String() string   { return "Sensitive [value redacted]" }
func (it *Iterator) String() string { return "Iterator[" + it.elem.String() + "]-Value" }

// Type implements Value.
func (Undef) Type() Type { return UndefType }

// Type implements Value.
func (Default) Type() Type { return DefaultType }

// Type implements Value.
func (b Boolean) Type() Type { v := bool(b); return &BooleanType{&v} }

// Type implements Value.
func (i Integer) Type() Type { return &IntegerType{int64(i), int64(i)} }

// Type implements Value.
func (f Float) Type() Type { return &FloatType{float64(f), float64(f)} }

// Type implements Value.
func (s String) Type() Type { v := string(s); return &StringType{Value: &v} }

// Type implements Value.
func (Binary) Type() Type { return BinaryType }

// Type implements Value.
func (s *Sensitive) Type() Type { return &SensitiveType{Generalize(s.inner.Type())} }

// Type implements Value.
func (it *Iterator) Type() Type { return &IteratorType{it.elem} }

// An Array is an immutable list.
type Array struct {
	elems  []Value
	weight int64
}

// NewArray makes an array of the elements; it takes the slice over.
func NewArray(elems []Value) *Array {
	weight := int64(1)
	for _, e := range elems {
		weight = addWeight(weight, e)
	}
	return &Array{elems, weight}
}

// ArrayOf makes an array of its arguments.
func ArrayOf(elems ...Value) *Array { return NewArray(elems) }

// MaxWeight is how many values a value may unfold to. What goes over all of a value treats heavier
// ones as a whole, and whoever makes values of others should refuse them.
const MaxWeight = 10_000_000

// Weight is the number of values that v unfolds to, itself included: an array that has another one
// twice counts it twice, though it is stored once.
func Weight(v Value) int64 {
	switch v := v.(type) {
	case *Array:
		return v.weight
	case *Hash:
		return v.weight
	case *Sensitive:
		return addWeight(1, v.inner)
	}
	return 1
}

// addWeight adds the weight of a value; the sum stops well before it would overflow.
func addWeight(sum int64, v Value) int64 { return min(sum+Weight(v), 1<<60) }

// Len is the number of elements.
func (a *Array) Len() int { return len(a.elems) }

// At gives the element at i, which must be in range.
func (a *Array) At(i int) Value { return a.elems[i] }

// All iterates over index and element.
func (a *Array) All() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		for i, e := range a.elems {
			if !yield(i, e) {
				return
			}
		}
	}
}

// Slice gives the elements; the caller must not write to them.
func (a *Array) Slice() []Value { return a.elems }

// String implements Value.
func (a *Array) String() string {
	var b strings.Builder
	writeText(&b, a)
	return b.String()
}

// Type implements Value.
func (a *Array) Type() Type {
	if a.weight > MaxWeight {
		return AnyArray()
	}
	return inferArray(a)
}
