package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

func (c *Compiler) assignment(e *syntax.Assignment, s *Scope) (pcore.Value, error) {
	if e.Op != "=" {
		return nil, fail(e, "UNSUPPORTED_OPERATOR", "The operator '%s' is not supported.", e.Op)
	}
	v, err := c.eval(e.R, s)
	if err != nil {
		return nil, err
	}
	return v, c.assign(e.L, v, e, s)
}

func (c *Compiler) assign(left syntax.Expr, v pcore.Value, e *syntax.Assignment, s *Scope) error {
	switch l := left.(type) {
	case *syntax.Variable:
		return c.assignVariable(l.Name, v, e, s)
	case *syntax.Array:
		return c.assignMany(l, v, e, s)
	}
	return fail(e, "ILLEGAL_ASSIGNMENT", "Illegal attempt to assign to '%s'. Not an assignable reference", syntax.AnLabel(left))
}

func (c *Compiler) assignVariable(name string, v pcore.Value, e *syntax.Assignment, s *Scope) error {
	switch {
	case name == "server_facts":
		return fail(e, "ILLEGAL_RESERVED_ASSIGNMENT", "Attempt to assign to a reserved variable name: '$%s'", name)
	case s.bound(name) && (name == "trusted" || name == "facts"):
		return fail(e, "ILLEGAL_RESERVED_ASSIGNMENT", "Attempt to assign to a reserved variable name: '$%s'", name)
	case s.bound(name) && (name == "title" || name == "name"):
		return fail(e, "ILLEGAL_REASSIGNMENT", "Cannot reassign built in (or already assigned) variable '$%s'", name)
	case s.bound(name):
		return fail(e, "ILLEGAL_REASSIGNMENT", "Cannot reassign variable '$%s'", name)
	case name == "trusted" || name == "facts":
		return &compileFailure{message: "Attempt to assign to a reserved variable name: '" + name + "'"}
	}
	return s.Set(name, v)
}

// assignMany is [$a, $b] = value.
func (c *Compiler) assignMany(l *syntax.Array, v pcore.Value, e *syntax.Assignment, s *Scope) error {
	switch v := v.(type) {
	case *pcore.Hash:
		for _, x := range l.Values {
			name, ok := x.(*syntax.Variable)
			if !ok {
				return fail(e, "ILLEGAL_ASSIGNMENT", "Illegal attempt to assign to '%s'. Not an assignable reference", syntax.AnLabel(x))
			}
			value, ok := v.GetString(name.Name)
			if !ok {
				return fail(e, "MISSING_MULTI_ASSIGNMENT_KEY", "No value for required key '%s' in assignment to variables from hash", name.Name)
			}
			if err := c.assign(x, value, e, s); err != nil {
				return err
			}
		}
		return nil
	case *pcore.ClassType:
		return c.assignFromClass(l, v, e, s)
	}
	values := []pcore.Value{v}
	if a, ok := v.(*pcore.Array); ok {
		values = a.Slice()
	}
	if len(values) != len(l.Values) {
		return fail(e, "ILLEGAL_MULTI_ASSIGNMENT_SIZE", "Mismatched number of assignable entries and values, expected %d, got %d", len(l.Values), len(values))
	}
	for i, x := range l.Values {
		if err := c.assign(x, values[i], e, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *Compiler) assignFromClass(l *syntax.Array, v *pcore.ClassType, e *syntax.Assignment, s *Scope) error {
	if c.findResource("Class", v.ClassName) == nil {
		return fail(e.R, "UNKNOWN_RESOURCE", "Resource not found: Class['%s']", v.ClassName)
	}
	for i, x := range l.Values {
		name, ok := x.(*syntax.Variable)
		if !ok {
			return fail(e, "ILLEGAL_ASSIGNMENT", "Illegal attempt to assign to '%s'. Not an assignable reference", syntax.AnLabel(x))
		}
		full := strings.ToLower(v.ClassName) + "::" + name.Name
		value, ok, err := s.Lookup(full)
		if err != nil {
			return err
		}
		if !ok {
			return fail(l.Values[i], "MISSING_MULTI_ASSIGNMENT_VARIABLE", "No value for required variable '$%s' in assignment to variables from class reference", full)
		}
		if err := c.assign(x, value, e, s); err != nil {
			return err
		}
	}
	return nil
}
