package pcore

import "strings"

// Equal is Puppet's ==: strings without ASCII case, numbers by value, arrays and hashes by their
// contents in the same way.
func Equal(a, b Value) bool {
	switch a := a.(type) {
	case String:
		b, ok := b.(String)
		return ok && equalFold(string(a), string(b))
	case Integer:
		switch b := b.(type) {
		case Integer:
			return a == b
		case Float:
			return Float(a) == b
		}
		return false
	case Float:
		switch b := b.(type) {
		case Integer:
			return a == Float(b)
		case Float:
			return a == b
		}
		return false
	case *Array:
		b, ok := b.(*Array)
		return ok && (a == b || a.weight <= MaxWeight && equalSlices(a.elems, b.elems, Equal))
	case *Hash:
		b, ok := b.(*Hash)
		return ok && (a == b || a.weight <= MaxWeight && equalHashes(a, b, Equal))
	}
	return Eql(a, b)
}

// equalFold compares without regard to the case of ASCII letters, and only of those.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func equalSlices(a, b []Value, eq func(a, b Value) bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !eq(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalHashes(a, b *Hash, eq func(a, b Value) bool) bool {
	if len(a.entries) != len(b.entries) {
		return false
	}
	for _, e := range a.entries {
		v, ok := b.Get(e.Key)
		if !ok || !eq(e.Value, v) {
			return false
		}
	}
	return true
}

// Eql is strict equality, the one of hash keys and `unique`: case matters, 1 and 1.0 differ.
func Eql(a, b Value) bool {
	switch a := a.(type) {
	case *Array:
		b, ok := b.(*Array)
		return ok && (a == b || a.weight == b.weight && a.weight <= MaxWeight && equalSlices(a.elems, b.elems, Eql))
	case *Hash:
		b, ok := b.(*Hash)
		return ok && (a == b || a.weight == b.weight && a.weight <= MaxWeight && equalHashes(a, b, Eql))
	case *Regexp:
		b, ok := b.(*Regexp)
		return ok && a.source == b.source
	case *Sensitive:
		b, ok := b.(*Sensitive)
		return ok && Eql(a.inner, b.inner)
	case Type:
		b, ok := b.(Type)
		return ok && SameType(a, b)
	case equaler:
		return a.equal(b)
	}
	return a == b
}

// equaler is implemented by the kinds of this package that are pointers but compare by contents.
type equaler interface{ equal(Value) bool }

// Key is a comparable stand-in for v: Key(a) == Key(b) exactly when Eql(a, b).
func Key(v Value) any {
	switch v := v.(type) {
	case *Array, *Hash:
		var b strings.Builder
		writeKey(&b, v)
		return compoundKey{"c", b.String()}
	case *Regexp:
		return compoundKey{"r", v.source}
	case *Sensitive:
		return compoundKey{"s", keyText(v.inner)}
	case Type:
		return compoundKey{"t", typeKey(v)}
	case keyer:
		return compoundKey{"o", v.key()}
	}
	return v
}

// keyer is the companion of equaler.
type keyer interface{ key() string }

type compoundKey struct{ kind, text string }
