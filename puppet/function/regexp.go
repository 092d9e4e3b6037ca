package function

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func regexpFunctions(t *Table) {
	t.add("match",
		on("String string, Variant[Any, Type] pattern", func(c *call) (pcore.Value, error) {
			return matchText(c.args[0].String(), c.args[1])
		}),
		on("Array[String] string, Variant[Any, Type] pattern", func(c *call) (pcore.Value, error) {
			a := c.args[0].(*pcore.Array)
			out := make([]pcore.Value, a.Len())
			for i, e := range a.All() {
				m, err := matchText(e.String(), c.args[1])
				if err != nil {
					return nil, err
				}
				out[i] = m
			}
			return pcore.NewArray(out), nil
		}))
	t.add("split",
		on("String str, String pattern", func(c *call) (pcore.Value, error) {
			re, err := pcore.NewRegexp(c.args[1].String())
			if err != nil {
				return nil, err
			}
			return split(c.args[0].String(), re)
		}),
		on("String str, Regexp pattern", func(c *call) (pcore.Value, error) {
			return split(c.args[0].String(), c.args[1].(*pcore.Regexp))
		}),
		on("String str, Type[Regexp] pattern", func(c *call) (pcore.Value, error) {
			re, err := patternOf(c.args[1])
			if err != nil {
				return nil, err
			}
			return split(c.args[0].String(), re)
		}))
	t.add("regsubst",
		on("Variant[Array[String], String] target, String pattern, Variant[String, Hash[String, String]] replacement, "+
			"Optional[Pattern[/^[GEIM]*$/]] flags?, Enum['N','E','S','U'] encoding?", regsubstText),
		on("Variant[Array[String], String] target, Variant[Regexp, Type[Regexp]] pattern, "+
			"Variant[String, Hash[String, String]] replacement, Pattern[/^G?$/] flags?", func(c *call) (pcore.Value, error) {
			re, err := patternOf(c.args[1])
			if err != nil {
				return nil, err
			}
			return regsubst(c, re, c.arg(3) == pcore.Value(pcore.String("G")))
		}))
}

// patternOf gives the expression of a Regexp or of the type of one.
func patternOf(v pcore.Value) (*pcore.Regexp, error) {
	switch v := v.(type) {
	case *pcore.Regexp:
		return v, nil
	case *pcore.RegexpType:
		if v.Pattern != nil {
			return v.Pattern, nil
		}
	}
	return pcore.NewRegexp("")
}

// matchText gives the match and its groups as an array, undef where there is none. The pattern may be
// text, an expression, a type of either, or an array of all of them.
func matchText(s string, pattern pcore.Value) (pcore.Value, error) {
	switch p := pattern.(type) {
	case pcore.String:
		re, err := pcore.NewRegexp(string(p))
		if err != nil {
			return nil, err
		}
		return groupsOf(s, re)
	case *pcore.Regexp:
		return groupsOf(s, p)
	case *pcore.AliasType:
		return matchText(s, pcore.Unalias(p))
	case *pcore.RegexpType:
		if p.Pattern == nil {
			return nil, fmt.Errorf("Given Regexp Type has no regular expression")
		}
		return groupsOf(s, p.Pattern)
	case *pcore.VariantType:
		return firstMatch(s, p.Types)
	case *pcore.PatternType:
		return firstMatch(s, p.Patterns)
	case *pcore.Array:
		return firstMatch(s, flattenAll(p.Slice()))
	}
	return nil, fmt.Errorf("match() expects pattern of T, where T is String, Regexp, Regexp[r], Pattern[p], or Array[T]. Got %s", pcore.RubyClass(pattern))
}

func firstMatch[V pcore.Value](s string, patterns []V) (pcore.Value, error) {
	for _, p := range patterns {
		m, err := matchText(s, p)
		if err != nil || !pcore.IsUndef(m) {
			return m, err
		}
	}
	return pcore.Undef{}, nil
}

func groupsOf(s string, re *pcore.Regexp) (pcore.Value, error) {
	loc, err := re.Find(s, 0)
	if err != nil || loc == nil {
		return pcore.Undef{}, err
	}
	groups := make([]pcore.Value, len(loc)/2)
	for i := range groups {
		groups[i] = pcore.Undef{}
		if loc[2*i] >= 0 {
			groups[i] = pcore.String(s[loc[2*i]:loc[2*i+1]])
		}
	}
	return pcore.NewArray(groups), nil
}

// split is Ruby's: an empty match splits characters, groups are part of the result, empty fields at
// the end are not.
func split(s string, re *pcore.Regexp) (pcore.Value, error) {
	var fields []pcore.Value
	begin, start, lastEmpty := 0, 0, false
	for start <= len(s) && s != "" {
		loc, err := re.Find(s, start)
		if err != nil {
			return nil, err
		}
		if loc == nil {
			break
		}
		switch {
		case start != loc[0] || loc[0] != loc[1]:
			fields = append(fields, pcore.String(s[begin:loc[0]]))
			begin, start = loc[1], loc[1]
		case lastEmpty:
			fields = append(fields, pcore.String(s[begin:start]))
			begin = start
		default:
			_, n := utf8.DecodeRuneInString(s[start:])
			start += max(n, 1)
			lastEmpty = true
			continue
		}
		lastEmpty = false
		for g := 2; g+1 < len(loc); g += 2 {
			if loc[g] >= 0 {
				fields = append(fields, pcore.String(s[loc[g]:loc[g+1]]))
			}
		}
	}
	if begin < len(s) {
		fields = append(fields, pcore.String(s[begin:]))
	}
	for len(fields) > 0 && fields[len(fields)-1] == pcore.Value(pcore.String("")) {
		fields = fields[:len(fields)-1]
	}
	return pcore.NewArray(fields), nil
}

func regsubstText(c *call) (pcore.Value, error) {
	source, flags, global := c.args[1].String(), "", false
	if f, ok := c.arg(3).(pcore.String); ok {
		for _, r := range f {
			switch r {
			case 'G':
				global = true
			case 'E':
				flags += "x"
			case 'I':
				flags += "i"
			case 'M':
				flags += "m"
			}
		}
	}
	if flags != "" {
		source = "(?" + flags + ":" + source + ")"
	}
	re, err := pcore.NewRegexp(source)
	if err != nil {
		return nil, err
	}
	return regsubst(c, re, global)
}

func regsubst(c *call, re *pcore.Regexp, global bool) (pcore.Value, error) {
	n := 1
	if global {
		n = -1
	}
	a, ok := c.args[0].(*pcore.Array)
	if !ok {
		return substitute(c.args[0].String(), re, c.args[2], n)
	}
	out := make([]pcore.Value, a.Len())
	for i, e := range a.All() {
		s, err := substitute(e.String(), re, c.args[2], n)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return pcore.NewArray(out), nil
}

func substitute(s string, re *pcore.Regexp, replacement pcore.Value, n int) (pcore.Value, error) {
	matches, err := re.FindAll(s, n)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	at := 0
	for _, loc := range matches {
		b.WriteString(s[at:loc[0]])
		if h, ok := replacement.(*pcore.Hash); ok {
			if v, ok := h.GetString(s[loc[0]:loc[1]]); ok {
				b.WriteString(v.String())
			}
		} else {
			expand(&b, replacement.String(), s, loc, re)
		}
		if at = loc[1]; b.Len() > maxText {
			return nil, errTooLong
		}
	}
	b.WriteString(s[at:])
	return pcore.String(b.String()), nil
}

// expand writes a replacement, in which \0 is the match, \1 a group, \` and \' what is around it.
func expand(b *strings.Builder, replacement, s string, loc []int, re *pcore.Regexp) {
	for i := 0; i < len(replacement); i++ {
		if replacement[i] != '\\' || i+1 >= len(replacement) {
			b.WriteByte(replacement[i])
			continue
		}
		i++
		switch c := replacement[i]; {
		case c >= '1' && c <= '9' && re.Named():
			// With named groups, Ruby has no numbered ones.
		case c >= '0' && c <= '9':
			if g := 2 * int(c-'0'); g < len(loc) && loc[g] >= 0 {
				b.WriteString(s[loc[g]:loc[g+1]])
			}
		case c == 'k' && strings.HasPrefix(replacement[i+1:], "<") && strings.Contains(replacement[i:], ">"):
			end := i + strings.IndexByte(replacement[i:], '>')
			if g := 2 * re.GroupIndex(replacement[i+2:end]); g >= 0 && g < len(loc) && loc[g] >= 0 {
				b.WriteString(s[loc[g]:loc[g+1]])
			}
			i = end
		case c == '&':
			b.WriteString(s[loc[0]:loc[1]])
		case c == '`':
			b.WriteString(s[:loc[0]])
		case c == '\'':
			b.WriteString(s[loc[1]:])
		case c == '\\':
			b.WriteByte('\\')
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
}
