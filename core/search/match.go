package search

import (
	"cmp"
	"strings"
	"time"
	"unicode"
)

// Match evaluates a condition over one row in memory. The function get gives
// the values of a field: none for NULL, several for a has-many relation, each
// of the type that Test.Value has for the field.
func Match(c Cond, get func(f *Field, key string) []any) bool {
	switch c := c.(type) {
	case Every:
		for _, t := range c.Terms {
			if !Match(t, get) {
				return false
			}
		}
		return true
	case Some:
		for _, t := range c.Terms {
			if Match(t, get) {
				return true
			}
		}
		return false
	case Negate:
		return !Match(c.X, get)
	case Test:
		return c.any(get(c.Field, c.Key))
	}
	return false
}

// any tells whether one of the values passes. There is no third truth value to
// carry: a comparison with NULL counts as false wherever SQL would ask.
func (t Test) any(values []any) bool {
	switch t.Kind {
	case IsNull:
		return len(values) == 0
	case IsSet:
		return len(values) > 0
	}
	for _, v := range values {
		if t.holds(v) {
			return true
		}
	}
	return false
}

func (t Test) holds(v any) bool {
	switch t.Kind {
	case Matches, MatchesNot:
		text, _ := v.(string)
		p, _ := t.Value.(string)
		return like(text, p) == (t.Kind == Matches)
	case OneOf, NoneOf:
		found := false
		for _, w := range t.Values {
			if order, ok := compareValues(v, w); ok && order == 0 {
				found = true
			}
		}
		return found == (t.Kind == OneOf)
	}
	order, ok := compareValues(v, t.Value)
	if !ok {
		return false
	}
	switch t.Kind {
	case Equal:
		return order == 0
	case NotEqual:
		return order != 0
	case Greater:
		return order > 0
	case Less:
		return order < 0
	case GreaterEqual:
		return order >= 0
	case LessEqual:
		return order <= 0
	}
	return false
}

// compareValues orders two values of one type; ok is false when the types differ.
func compareValues(a, b any) (order int, ok bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case int64:
		b, ok := b.(int64)
		return cmp.Compare(a, b), ok
	case float64:
		b, ok := b.(float64)
		return cmp.Compare(a, b), ok
	case time.Time:
		b, ok := b.(time.Time)
		return a.Compare(b), ok
	case bool:
		b, ok := b.(bool)
		if a == b {
			return 0, ok
		}
		return 1, ok
	}
	return 0, false
}

// like matches text with a LIKE pattern, without regard to case. It runs in
// time proportional to len(text) × len(pattern) at worst.
func like(text, pattern string) bool {
	t, p := []rune(fold(text)), []rune(fold(pattern))
	i, j := 0, 0
	star, mark := -1, 0 // the last "%" and how much of text it swallows so far
	for i < len(t) {
		switch {
		case j < len(p) && p[j] == '%':
			star, mark = j, i
			j++
		case j < len(p) && (p[j] == '_' || p[j] == t[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j] == '%' {
		j++
	}
	return j == len(p)
}

func fold(s string) string {
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, s)
}
