package pcore

import (
	"strings"
)

// A formatter writes types, and the values inside them, as Puppet source.
type formatter struct {
	b strings.Builder
	// expanded writes an alias as "Name = what it stands for", and objects with their contents.
	expanded bool
	// exact makes equal types, and only those, have equal texts: single strings show their value,
	// variants are sorted.
	exact bool
	// within holds the aliases being expanded.
	within map[*AliasType]bool
}

func typeText(t Type) string {
	var f formatter
	t.format(&f)
	return f.b.String()
}

// typeKey is equal for types that describe the same set in the same way.
func typeKey(t Type) string {
	f := formatter{exact: true}
	t.format(&f)
	return f.b.String()
}

// ExpandedString is the text of a type in which aliases show what they stand for:
// "Port = Integer[1, 65535]".
func ExpandedString(t Type) string {
	f := formatter{expanded: true}
	t.format(&f)
	return f.b.String()
}

// SameType says whether two types are the same, not merely mutually assignable.
func SameType(a, b Type) bool {
	if a == b {
		return true
	}
	switch a := a.(type) {
	case *ResourceType:
		b, ok := b.(*ResourceType)
		return ok && a.HasTitle == b.HasTitle && a.Title == b.Title && strings.EqualFold(a.TypeName, b.TypeName)
	case *ClassType:
		b, ok := b.(*ClassType)
		return ok && a.ClassName == b.ClassName
	}
	return typeKey(a) == typeKey(b)
}

// call writes name[args], or the bare name when there are no arguments.
func (f *formatter) call(name string, args ...func()) {
	f.b.WriteString(name)
	if len(args) == 0 {
		return
	}
	f.b.WriteByte('[')
	for i, arg := range args {
		if i > 0 {
			f.b.WriteString(", ")
		}
		arg()
	}
	f.b.WriteByte(']')
}

func (f *formatter) text(s string) func() { return func() { f.b.WriteString(s) } }

func (f *formatter) of(v Value) func() { return func() { f.value(v) } }

func (f *formatter) size(s *Size) []func() {
	if s == nil {
		return nil
	}
	args := []func(){f.text(formatInt(s.Min))}
	if s.Max != MaxInt {
		args = append(args, f.text(formatInt(s.Max)))
	}
	return args
}

func (f *formatter) types(ts []Type) []func() {
	args := make([]func(), 0, len(ts)+2)
	for _, t := range ts {
		args = append(args, f.of(t))
	}
	return args
}

// value writes a value as source.
func (f *formatter) value(v Value) {
	switch v := v.(type) {
	case Type:
		v.format(f)
	case Undef:
		f.b.WriteString("undef")
	case String:
		f.b.WriteString(Quote(string(v)))
	case *Array:
		f.b.WriteByte('[')
		for i, e := range v.elems {
			if i > 0 {
				f.b.WriteString(", ")
			}
			f.value(e)
		}
		f.b.WriteByte(']')
	case *Hash:
		f.hash(v, func(e Entry) { f.value(e.Key) }, func(e Entry) { f.value(e.Value) })
	case *SemVer, *SemVerRange, Timestamp, Timespan:
		f.b.WriteString("'" + v.String() + "'")
	case *URI:
		f.b.WriteString("URI(" + Quote(v.String()) + ")")
	case *Object:
		f.b.WriteString(v.typ.Name())
		f.b.WriteByte('(')
		f.value(v.InitHash())
		f.b.WriteByte(')')
	default:
		f.b.WriteString(v.String())
	}
}

func (f *formatter) hash(h *Hash, key, value func(Entry)) {
	f.b.WriteByte('{')
	for i, e := range h.entries {
		if i > 0 {
			f.b.WriteString(", ")
		}
		key(e)
		f.b.WriteString(" => ")
		value(e)
	}
	f.b.WriteByte('}')
}

func (t Basic) format(f *formatter) { f.b.WriteString(basicNames[t]) }

// CapitalizeSegments writes a qualified name as a type reference: "a::b" is "A::B". A name that
// starts in upper case stays.
func CapitalizeSegments(name string) string {
	if name == "" || (name[0] >= 'A' && name[0] <= 'Z') {
		return name
	}
	segments := strings.Split(name, "::")
	for i, s := range segments {
		segments[i] = Capitalize(s)
	}
	return strings.Join(segments, "::")
}

// Capitalize is Ruby's: the first character in upper case, all others in lower case.
func Capitalize(s string) string {
	for i, r := range s {
		if i > 0 || r == 0 {
			return strings.ToUpper(s[:i]) + strings.ToLower(s[i:])
		}
	}
	return strings.ToUpper(s)
}

func emptySize(s *Size) bool { return s != nil && s.Min == 0 && s.Max == 0 }
