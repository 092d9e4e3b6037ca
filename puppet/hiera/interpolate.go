package hiera

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// usedVariable is what interpolation read, to see later whether it would read the same.
type usedVariable struct {
	key   string
	value pcore.Value
}

var methodCall = regexp.MustCompile(`^(\w+)\((?:"([^"]+)"|'([^']+)')\)$`)

// interpolate replaces %{…} in strings, wherever they are in the value. Methods such as lookup('x')
// are for data only, not for configurations.
func (s *search) interpolate(v pcore.Value, methods bool) (pcore.Value, error) {
	switch v := v.(type) {
	case pcore.String:
		if !strings.Contains(string(v), "%{") {
			return v, nil
		}
		return s.interpolateText(string(v), methods)
	case *pcore.Array:
		return s.interpolateArray(v, methods)
	case *pcore.Hash:
		b := pcore.NewHashBuilder(v.Len())
		for k, e := range v.All() {
			k, err := s.interpolate(k, methods)
			if err != nil {
				return nil, err
			}
			e, err = s.interpolate(e, methods)
			if err != nil {
				return nil, err
			}
			b.Set(k, e)
		}
		return b.Hash(), nil
	}
	return v, nil
}

func (s *search) interpolateArray(a *pcore.Array, methods bool) (pcore.Value, error) {
	out := make([]pcore.Value, a.Len())
	for i, e := range a.All() {
		e, err := s.interpolate(e, methods)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return pcore.NewArray(out), nil
}

// nothing are the expressions that stand for the empty string.
var nothing = map[string]bool{"": true, "::": true, `""`: true, "''": true, `"::"`: true, "'::'": true}

func (s *search) interpolateText(text string, methods bool) (pcore.Value, error) {
	var b strings.Builder
	for rest := text; ; {
		start := strings.Index(rest, "%{")
		if start < 0 {
			b.WriteString(rest)
			return pcore.String(b.String()), nil
		}
		end := strings.IndexByte(rest[start:], '}')
		if end < 0 {
			b.WriteString(rest)
			return pcore.String(b.String()), nil
		}
		b.WriteString(rest[:start])
		expression := strings.TrimSpace(rest[start+2 : start+end])
		whole := len(rest) == len(text) && start == 0 && end == len(rest)-1
		rest = rest[start+end+1:]
		if nothing[expression] {
			continue
		}
		v, alias, err := s.expression(expression, text, whole, methods)
		if err != nil || alias {
			return v, err
		}
		b.WriteString(interpolated(v))
		if b.Len() > 64<<20 {
			return nil, &Error{Message: "Interpolation makes the text too long"}
		}
	}
}

// interpolated is the text of a value inside of a string, as Ruby's to_s gives it.
func interpolated(v pcore.Value) string {
	switch v.(type) {
	case *pcore.Array, *pcore.Hash:
		return pcore.InspectRuby(v)
	}
	return v.String()
}

// expression evaluates what is between %{ and }. The value of an alias stands for the whole string.
func (s *search) expression(expression, subject string, whole, methods bool) (v pcore.Value, alias bool, err error) {
	method, argument := "scope", expression
	if m := methodCall.FindStringSubmatch(expression); m != nil {
		if !methods {
			return nil, false, issue("HIERA_INTERPOLATION_METHOD_SYNTAX_NOT_ALLOWED", "Interpolation using method syntax is not allowed in this context")
		}
		method, argument = m[1], m[2]+m[3]
	}
	guard := argument
	switch method {
	case "scope":
		v, err = s.variable(argument, subject)
		guard = "scope:" + argument
	case "lookup", "hiera":
		v, err = s.subLookup(argument)
	case "alias":
		if !whole {
			return nil, false, issue("HIERA_INTERPOLATION_ALIAS_NOT_ENTIRE_STRING", "'alias' interpolation is only permitted if the expression is equal to the entire string")
		}
		v, err = s.subLookup(argument)
		return v, true, err
	case "literal":
		v = pcore.String(argument)
	default:
		return nil, false, issue("HIERA_INTERPOLATION_UNKNOWN_INTERPOLATION_METHOD", "Unknown interpolation method '%s'", method)
	}
	if err != nil {
		return nil, false, err
	}
	v, err = s.guarded(guard, func() (pcore.Value, error) { return s.interpolate(v, methods) })
	return v, false, err
}

// subLookup looks another key up; a missing one is the empty string.
func (s *search) subLookup(name string) (pcore.Value, error) {
	sub := *s
	sub.used = nil
	if s.overrides != nil {
		if v, ok := s.overrides.GetString(name); ok {
			return v, nil
		}
	}
	v, err := sub.lookup(name, nil)
	if errors.Is(err, errNotFound) {
		if s.defaults != nil {
			if v, ok := s.defaults.GetString(name); ok {
				return v, nil
			}
		}
		return pcore.String(""), nil
	}
	return v, err
}

// variable reads a variable, by a dotted key, as the code that looks up sees it.
func (s *search) variable(name, subject string) (pcore.Value, error) {
	segments, err := function.SplitKey(name)
	if err != nil {
		return nil, &Error{Message: fmt.Sprintf("%s in string: %s", err, subject)}
	}
	v, err := s.rootVariable(segments[0].String(), true)
	if err != nil {
		return nil, err
	}
	if !pcore.IsUndef(v) {
		if v, err = digInto(name, segments[1:], v); errors.Is(err, errNotFound) {
			v, err = pcore.Undef{}, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if s.used != nil {
		*s.used = append(*s.used, usedVariable{name, v})
	}
	return v, nil
}

func (s *search) rootVariable(name string, warn bool) (pcore.Value, error) {
	if v, ok := s.local[name]; ok {
		return v, nil
	}
	if s.overrides != nil {
		if v, ok := s.overrides.GetString(name); ok {
			return v, nil
		}
	}
	v, found, err := s.env.Variable(name)
	if err != nil {
		return nil, err
	}
	if found {
		return v, nil
	}
	if s.defaults != nil {
		if v, ok := s.defaults.GetString(name); ok {
			return v, nil
		}
	}
	if warn && s.opts.Strict != "off" {
		s.env.WarnOnce("hiera undefined variable "+name, fmt.Sprintf("Undefined variable '%s'; \n   (file & line not available)", name))
	}
	return pcore.Undef{}, nil
}

// stable says whether interpolation would still read what it read before.
func (s *search) stable(used []usedVariable) bool {
	for _, u := range used {
		segments, err := function.SplitKey(u.key)
		if err != nil {
			return false
		}
		v, err := s.rootVariable(segments[0].String(), false)
		if err != nil {
			return false
		}
		if !pcore.IsUndef(v) {
			if v, err = digInto(u.key, segments[1:], v); err != nil {
				v = pcore.Undef{}
			}
		}
		if !pcore.Eql(v, u.value) {
			return false
		}
	}
	return true
}
