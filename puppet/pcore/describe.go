package pcore

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A mismatch is one reason why a type does not fit.
type mismatch struct {
	kind     mismatchKind
	path     []pathElement
	key      string // of the key mismatches
	expected Type   // of the type mismatches
	actual   Type
	want     Size // of the size mismatches
	got      Size
}

type mismatchKind int

const (
	typeMismatch mismatchKind = iota
	patternMismatch
	sizeMismatch
	countMismatch
	missingKey
	missingParameter
	extraneousKey
	invalidParameter
	unexpectedBlock
	missingBlock
	unresolvedType
)

// A pathElement is a step from the whole to the part that does not fit. Steps into variants are not
// part of the place, only of the way there.
type pathElement struct {
	text    string
	variant bool
	sig     bool // the number of a signature, printed before the message
}

func indexStep(i int) pathElement         { return pathElement{text: fmt.Sprintf("index %d", i)} }
func entryStep(key string) pathElement    { return pathElement{text: "entry '" + key + "'"} }
func entryKeyStep(key string) pathElement { return pathElement{text: "key of entry '" + key + "'"} }
func paramStep(name string) pathElement   { return pathElement{text: "parameter '" + name + "'"} }
func variantStep(i int) pathElement {
	return pathElement{text: fmt.Sprintf("variant %d", i), variant: true}
}

func signatureStep(i int) pathElement {
	return pathElement{text: fmt.Sprintf("%d.", i+1), variant: true, sig: true}
}

// add gives the path with one more step; paths are shared, so it never writes to the old one.
func add(path []pathElement, step pathElement) []pathElement {
	return append(slices.Clip(path), step)
}

// place is the path without the variants.
func (m *mismatch) place() string {
	var parts []string
	for _, e := range m.path {
		if !e.variant {
			parts = append(parts, e.text)
		}
	}
	return strings.Join(parts, "\x00")
}

// same says whether two mismatches are reported as one. Only those on blocks ever are: Puppet takes
// all others for different, whatever they say.
func (m *mismatch) same(o *mismatch) bool {
	return m.kind == o.kind && (m.kind == missingBlock || m.kind == unexpectedBlock) && m.place() == o.place()
}

func newTypeMismatch(kind mismatchKind, path []pathElement, expected, actual Type) *mismatch {
	return &mismatch{kind: kind, path: path, expected: Normalize(expected), actual: Normalize(actual)}
}

// text is the message, with a leading space.
func (m *mismatch) text() string {
	path, prefix := m.path, ""
	if len(path) > 0 && path[0].sig {
		prefix = " " + path[0].text
		path = path[1:]
	}
	for _, e := range path {
		prefix += " " + e.text
	}
	switch m.kind {
	case typeMismatch:
		return prefix + m.typeText()
	case patternMismatch:
		return prefix + m.patternText()
	case sizeMismatch:
		return prefix + " expects size to be " + rangeText(m.want, "0") + ", got " + rangeText(m.got, "0")
	case countMismatch:
		plural := "s"
		if m.want.Min == 1 && (m.want.Max == 1 || m.want.Max == MaxInt) || m.want.Min == 0 && m.want.Max == 1 {
			plural = ""
		}
		return prefix + " expects " + rangeText(m.want, "no") + " argument" + plural + ", got " + rangeText(m.got, "none")
	case missingKey:
		return prefix + " expects a value for key '" + m.key + "'"
	case missingParameter:
		return prefix + " expects a value for parameter '" + m.key + "'"
	case extraneousKey:
		return prefix + " unrecognized key '" + m.key + "'"
	case invalidParameter:
		return prefix + " has no parameter named '" + m.key + "'"
	case unexpectedBlock:
		return prefix + " does not expect a block"
	case missingBlock:
		return prefix + " expects a block"
	case unresolvedType:
		return prefix + " references an unresolved type '" + m.key + "'"
	}
	return prefix + " unknown mismatch"
}

func rangeText(s Size, zero string) string {
	switch {
	case s.Min == s.Max && s.Min == 0:
		return zero
	case s.Min == s.Max:
		return formatInt(s.Min)
	case s.Min == 0 && s.Max == MaxInt:
		return "unlimited"
	case s.Min == 0:
		return "at most " + formatInt(s.Max)
	case s.Max == MaxInt:
		return "at least " + formatInt(s.Min)
	}
	return "between " + formatInt(s.Min) + " and " + formatInt(s.Max)
}

// typeText says what was expected and what came: in short where the kinds differ, in detail where
// only the details do.
func (m *mismatch) typeText() string {
	expected, optional := m.expected, false
	if o, ok := expected.(*OptionalType); ok && o.Of != nil {
		expected, optional = o.Of, true
	}
	choices := []Type{expected}
	if v, ok := expected.(*VariantType); ok {
		choices = v.Types
	}
	var names []string
	var got string
	if slices.ContainsFunc(choices, func(t Type) bool { return alwaysDetailed(t, m.actual) || fitsKind(t, m.actual) }) {
		got = detailedActual(choices, m.actual)
		for _, t := range choices {
			names = append(names, ExpandedString(t))
		}
	} else {
		got = shortName(m.actual)
		for _, t := range choices {
			if n := shortName(t); !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	if optional {
		names = append([]string{"Undef"}, names...)
	}
	switch n := len(names); n {
	case 0:
		return " expects a value of type Variant, got " + got
	case 1:
		return " expects " + WithArticle(names[0]) + " value, got " + got
	case 2:
		return " expects a value of type " + names[0] + " or " + names[1] + ", got " + got
	default:
		return " expects a value of type " + strings.Join(names[:n-1], ", ") + ", or " + names[n-1] + ", got " + got
	}
}

func (m *mismatch) patternText() string {
	expected, prefix := m.expected, ""
	if o, ok := expected.(*OptionalType); ok && o.Of != nil {
		expected, prefix = o.Of, "an undef value or "
	}
	got := shortName(m.actual)
	if s, ok := m.actual.(*StringType); ok && s.Value != nil {
		got = "'" + *s.Value + "'"
	}
	return " expects " + prefix + "a match for " + ExpandedString(expected) + ", got " + got
}

// WithArticle puts "a" or "an" before a word.
func WithArticle(word string) string {
	if word != "" && strings.IndexByte("aeiouAEIOU", word[0]) >= 0 {
		return "an " + word
	}
	return "a " + word
}

// contained gives the type inside of the types that hold just one.
func contained(t Type) Type {
	switch t := t.(type) {
	case *TypeType:
		return t.Of
	case *SensitiveType:
		return t.Of
	case *OptionalType:
		return t.Of
	case *NotUndefType:
		return t.Of
	case *IterableType:
		return t.Elem
	case *IteratorType:
		return t.Elem
	case *InitType:
		return t.Of
	}
	return nil
}

func shortName(t Type) string {
	if of := contained(t); of != nil && of != AnyType {
		return t.Name() + "[" + of.Name() + "]"
	}
	return t.Name()
}

// sameKind says whether two types are of the same family, whatever their parameters.
func sameKind(a, b Type) bool {
	if _, ok := a.(Basic); ok {
		return a == b
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b)
}

func alwaysDetailed(expected, actual Type) bool {
	if sameKind(expected, actual) {
		return true
	}
	if _, ok := actual.(*AliasType); ok {
		return true
	}
	switch expected.(type) {
	case *AliasType:
		return true
	case *StructType:
		_, ok := actual.(*HashType)
		return ok
	case *TupleType:
		_, ok := actual.(*ArrayType)
		return ok
	}
	return false
}

// fitsKind says whether actual would fit if expected had no parameters.
func fitsKind(expected, actual Type) bool {
	return assignable(withoutParameters(Unalias(expected)), actual, nil)
}

func withoutParameters(t Type) Type {
	switch t.(type) {
	case *EnumType:
		return &EnumType{}
	case *PatternType:
		return &PatternType{}
	case *RegexpType:
		return &RegexpType{}
	case *TupleType:
		return &TupleType{}
	case *StructType:
		return &StructType{}
	case *ArrayType:
		return AnyArray()
	case *HashType:
		return AnyHash()
	case *VariantType:
		return &VariantType{}
	case *OptionalType:
		return &OptionalType{}
	case *NotUndefType:
		return &NotUndefType{}
	case *TypeType:
		return &TypeType{}
	case *SensitiveType:
		return &SensitiveType{AnyType}
	case *CallableType:
		return &CallableType{}
	case *IterableType:
		return &IterableType{}
	case *IteratorType:
		return &IteratorType{}
	case *InitType:
		return &InitType{}
	case *ResourceType:
		return &ResourceType{}
	case *ClassType:
		return &ClassType{}
	case *ObjectType, *ExtendedType:
		return AnyObject
	case *SemVerType:
		return &SemVerType{}
	case *URIType:
		return &URIType{}
	case *RuntimeType:
		return &RuntimeType{}
	}
	return Generalize(t)
}

func detailedActual(choices []Type, actual Type) string {
	resolved := make([]Type, len(choices))
	for i, t := range choices {
		resolved[i] = Unalias(t)
	}
	choices = resolved
	if slices.ContainsFunc(choices, func(t Type) bool { return alwaysDetailed(t, actual) }) {
		return ExpandedString(actual)
	}
	general := Generalize(actual)
	if slices.ContainsFunc(choices, func(t Type) bool { return assignable(t, general, nil) }) {
		return ExpandedString(actual)
	}
	return simpleName(actual.Name())
}
