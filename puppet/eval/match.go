package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// regexp compiles a pattern once per compilation.
func (c *Compiler) regexp(pattern string) (*pcore.Regexp, error) {
	if re := c.regexps[pattern]; re != nil {
		return re, nil
	}
	re, err := pcore.NewRegexp(pattern)
	if err != nil {
		return nil, err
	}
	c.regexps[pattern] = re
	return re, nil
}

// match is =~.
func (c *Compiler) match(e *syntax.Binary, left, right pcore.Value, s *Scope) (bool, error) {
	var re *pcore.Regexp
	switch r := right.(type) {
	case pcore.Type:
		return pcore.IsInstance(r, left), nil
	case *pcore.SemVerRange:
		return inRange(r, left), nil
	case *pcore.Regexp:
		re = r
	case pcore.String:
		var err error
		if re, err = c.regexp(string(r)); err != nil {
			return false, fail(e.R, "MATCH_NOT_REGEXP", "Can not convert right match operand to a regular expression. Caused by '%s'.", err.Error())
		}
	default:
		return false, fail(e.R, "MATCH_NOT_REGEXP", "Can not convert right match operand to a regular expression. Caused by 'no implicit conversion of %s into String'.", rubyClass(right))
	}
	text, ok := left.(pcore.String)
	if !ok {
		return false, fail(e.L, "MATCH_NOT_STRING", "Left match operand must result in a String value. Got %s.", aLabel(left))
	}
	return c.matchRegexp(re, string(text), s), nil
}

// matchRegexp matches and, on a hit, sets the match variables.
func (c *Compiler) matchRegexp(re *pcore.Regexp, text string, s *Scope) bool {
	loc, err := re.Find(text, 0)
	if err != nil || loc == nil {
		return false
	}
	if s != nil {
		s.pushMatch(groups(text, loc))
	}
	return true
}

func groups(text string, loc []int) []pcore.Value {
	list := make([]pcore.Value, len(loc)/2)
	for i := range list {
		list[i] = pcore.Undef{}
		if loc[2*i] >= 0 {
			list[i] = pcore.String(text[loc[2*i]:loc[2*i+1]])
		}
	}
	return list
}

func inRange(r *pcore.SemVerRange, v pcore.Value) bool {
	switch v := v.(type) {
	case *pcore.SemVer:
		return r.Includes(v)
	case pcore.String:
		sv, err := pcore.ParseSemVer(string(v))
		return err == nil && r.Includes(sv)
	}
	return false
}

// matches tests a value against an option of a case or selector.
func (c *Compiler) matches(v, pattern pcore.Value, s *Scope) bool {
	switch p := pattern.(type) {
	case *pcore.Regexp:
		text, ok := v.(pcore.String)
		return ok && c.matchRegexp(p, string(text), s)
	case *pcore.SemVer:
		switch v := v.(type) {
		case *pcore.SemVer:
			return p.Compare(v) == 0
		case pcore.String:
			sv, err := pcore.ParseSemVer(string(v))
			return err == nil && p.Compare(sv) == 0
		}
		return false
	case *pcore.SemVerRange:
		return inRange(p, v)
	case pcore.Type:
		return pcore.IsInstance(p, v)
	case pcore.Default:
		return true
	case *pcore.Array:
		list, ok := v.(*pcore.Array)
		if !ok || list.Len() != p.Len() {
			return false
		}
		for i, x := range p.All() {
			if !c.matches(list.At(i), x, s) {
				return false
			}
		}
		return true
	case *pcore.Hash:
		h, ok := v.(*pcore.Hash)
		if !ok {
			return false
		}
		for k, x := range p.All() {
			value, ok := h.Get(k)
			if !ok {
				value = pcore.Undef{}
			}
			if !c.matches(value, x, s) {
				return false
			}
		}
		return true
	}
	return pcore.Equal(v, pattern)
}

// includes is `v in container`.
func (c *Compiler) includes(container, v pcore.Value, s *Scope) bool {
	switch a := container.(type) {
	case pcore.String:
		switch v := v.(type) {
		case pcore.String:
			return strings.Contains(strings.ToLower(string(a)), strings.ToLower(string(v)))
		case *pcore.Regexp:
			return c.matchRegexp(v, string(a), s)
		case pcore.Integer, pcore.Float:
			return pcore.Equal(a, v)
		}
	case pcore.Binary:
		switch v := v.(type) {
		case pcore.Binary:
			return strings.Contains(string(a), string(v))
		case pcore.String:
			return strings.Contains(string(a), string(v))
		case pcore.Integer:
			return v >= 0 && v < 256 && strings.IndexByte(string(a), byte(v)) >= 0
		}
	case *pcore.Array:
		return c.listIncludes(a.Slice(), v, s)
	case *pcore.Hash:
		return c.listIncludes(a.Keys(), v, s)
	case *pcore.SemVerRange:
		return inRange(a, v)
	}
	return false
}

func (c *Compiler) listIncludes(list []pcore.Value, v pcore.Value, s *Scope) bool {
	for _, e := range list {
		hit := false
		switch v := v.(type) {
		case *pcore.Regexp:
			text, ok := e.(pcore.String)
			hit = ok && c.matchRegexp(v, string(text), s)
		case pcore.String, *pcore.SemVer:
			hit = c.matches(v, e, s)
		case pcore.Type:
			hit = pcore.IsInstance(v, e)
		default:
			hit = pcore.Equal(e, v)
		}
		if hit {
			return true
		}
	}
	return false
}
