package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// Evaluate gives the value of an expression in a scope.
func (c *Compiler) Evaluate(e syntax.Expr, s *Scope) (pcore.Value, error) { return c.eval(e, s) }

// EvaluateProgram gives the value of a program at top scope.
func (c *Compiler) EvaluateProgram(p *syntax.Program) (pcore.Value, error) {
	v, err := c.eval(p.Body, c.top)
	if j, ok := err.(*jump); ok {
		return nil, illegalJump(j)
	}
	return v, err
}

// eval gives the value of an expression. An error that has no place gets the
// expression's.
func (c *Compiler) eval(e syntax.Expr, s *Scope) (pcore.Value, error) {
	if e == nil {
		return pcore.Undef{}, nil
	}
	if err := c.step(); err != nil {
		return nil, err
	}
	c.depth++
	v, err := c.evalNode(e, s)
	c.depth--
	if err != nil {
		return nil, placed(err, e)
	}
	return v, nil
}

func (c *Compiler) evalNode(e syntax.Expr, s *Scope) (pcore.Value, error) {
	switch e := e.(type) {
	case *syntax.String:
		return pcore.String(e.Value), nil
	case *syntax.QualifiedName:
		return pcore.String(e.Value), nil
	case *syntax.Variable:
		return c.variable(e, e.Name, s)
	case *syntax.Integer:
		return pcore.Integer(e.Value), nil
	case *syntax.Float:
		return pcore.Float(e.Value), nil
	case *syntax.Boolean:
		return pcore.Boolean(e.Value), nil
	case *syntax.Undef, *syntax.Nop:
		return pcore.Undef{}, nil
	case *syntax.Default:
		return pcore.Default{}, nil
	case *syntax.Regexp:
		return c.regexp(e.Pattern)
	case *syntax.QualifiedReference:
		return c.typeNamed(e)
	case *syntax.Array:
		list, err := c.unfold(nil, e.Values, s)
		if err != nil {
			return nil, err
		}
		return pcore.NewArray(list), nil
	case *syntax.Hash:
		return c.hash(e, s)
	case *syntax.Concat:
		return c.concat(e, s)
	case *syntax.Text:
		return c.eval(e.X, s)
	case *syntax.Heredoc:
		return c.heredoc(e, s)
	case *syntax.Call:
		return c.call(e, s)
	case *syntax.CallMethod:
		return c.callMethod(e, s)
	case *syntax.Access:
		return c.access(e, s)
	case *syntax.Block:
		return c.block(e, s)
	}
	return c.evalOperation(e, s)
}

func (c *Compiler) evalOperation(e syntax.Expr, s *Scope) (pcore.Value, error) {
	switch e := e.(type) {
	case *syntax.Binary:
		return c.binary(e, s)
	case *syntax.Assignment:
		return c.assignment(e, s)
	case *syntax.Relationship:
		return c.relationship(e, s)
	case *syntax.Not:
		v, err := c.eval(e.X, s)
		if err != nil {
			return nil, err
		}
		return pcore.Boolean(!pcore.Truthy(v)), nil
	case *syntax.Minus:
		return c.minus(e, s)
	case *syntax.Unfold:
		list, err := c.unfolded(e.X, s)
		return pcore.NewArray(list), err
	case *syntax.Paren:
		return c.eval(e.X, s)
	case *syntax.If:
		return c.ifExpr(e, s)
	case *syntax.Case:
		return c.caseExpr(e, s)
	case *syntax.Selector:
		return c.selector(e, s)
	case *syntax.Lambda:
		return c.lambda(e, s), nil
	case *syntax.Resource:
		return c.resource(e, s)
	case *syntax.ResourceDefaults:
		return c.resourceDefaults(e, s)
	case *syntax.ResourceOverride:
		return c.resourceOverride(e, s)
	case *syntax.Collect:
		return c.collect(e, s)
	case *syntax.Epp, *syntax.Render, *syntax.RenderString:
		return c.template(e, s)
	case *syntax.ReservedWord:
		return nil, fail(e, "RESERVED_WORD", "Use of reserved word: %s, must be quoted if intended to be a String value", e.Word)
	case *syntax.Class, *syntax.Define, *syntax.NodeDef, *syntax.Function, *syntax.TypeAlias, *syntax.TypeMapping:
		return pcore.Undef{}, nil
	}
	return nil, fail(e, "UNSUPPORTED_EXPRESSION", "Expressions of type %s are not supported in this version of Puppet", syntax.AnLabel(e))
}

func (c *Compiler) block(e *syntax.Block, s *Scope) (v pcore.Value, err error) {
	v = pcore.Undef{}
	for _, statement := range e.Statements {
		if v, err = c.eval(statement, s); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// variable reads a variable; one that is not set is undef, with a warning or
// an error as the settings say.
func (c *Compiler) variable(n syntax.Expr, name string, s *Scope) (pcore.Value, error) {
	v, ok, err := s.Lookup(name)
	if ok || err != nil {
		return v, err
	}
	switch {
	case c.settings.StrictVariables || c.settings.Strict == "error":
		return nil, fail(n, "UNKNOWN_VARIABLE", "Unknown variable: '%s'.", name)
	case c.settings.Strict != "off":
		c.warnAt(n, "UNKNOWN_VARIABLE", "Unknown variable: '%s'.", name)
	}
	return pcore.Undef{}, nil
}

func (c *Compiler) hash(e *syntax.Hash, s *Scope) (pcore.Value, error) {
	b := pcore.NewHashBuilder(len(e.Entries))
	for _, entry := range e.Entries {
		k, err := c.eval(entry.Key, s)
		if err != nil {
			return nil, err
		}
		v, err := c.eval(entry.Value, s)
		if err != nil {
			return nil, err
		}
		b.Set(k, v)
	}
	return b.Hash(), nil
}

func (c *Compiler) concat(e *syntax.Concat, s *Scope) (pcore.Value, error) {
	var b strings.Builder
	for _, segment := range e.Segments {
		if str, ok := segment.(*syntax.String); ok {
			b.WriteString(str.Value)
			continue
		}
		v, err := c.eval(segment, s)
		if err != nil {
			return nil, err
		}
		b.WriteString(v.String())
		if err := c.textSize(b.Len()); err != nil {
			return nil, err
		}
	}
	return pcore.String(b.String()), nil
}

func (c *Compiler) heredoc(e *syntax.Heredoc, s *Scope) (pcore.Value, error) {
	v, err := c.eval(e.Text, s)
	if err != nil {
		return nil, err
	}
	if _, static := e.Text.(*syntax.String); !static && e.Syntax != "" {
		if code, message := syntax.CheckSyntax(v.String(), e.Syntax); message != "" {
			p := e.Text.Base()
			return nil, &Error{
				Code: code, Message: "Invalid produced text having syntax: '" + e.Syntax + "'. " + message,
				File: p.File(), Line: p.Line(), Column: p.Column(),
			}
		}
	}
	return v, nil
}

// unfold evaluates a list of expressions, spreading *x.
func (c *Compiler) unfold(into []pcore.Value, list []syntax.Expr, s *Scope) ([]pcore.Value, error) {
	if into == nil {
		into = make([]pcore.Value, 0, len(list))
	}
	for _, e := range list {
		e = unparen(e)
		if u, ok := e.(*syntax.Unfold); ok {
			more, err := c.unfolded(u.X, s)
			if err != nil {
				return nil, err
			}
			into = append(into, more...)
			continue
		}
		v, err := c.eval(e, s)
		if err != nil {
			return nil, err
		}
		into = append(into, v)
	}
	return into, nil
}

// unfolded gives what *x stands for.
func (c *Compiler) unfolded(x syntax.Expr, s *Scope) ([]pcore.Value, error) {
	v, err := c.eval(x, s)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case pcore.Undef:
		return nil, nil
	case *pcore.Array:
		return v.Slice(), nil
	case *pcore.Hash:
		return v.Pairs(), nil
	case *pcore.Iterator:
		var list []pcore.Value
		for e := range v.All() {
			list = append(list, e)
		}
		return list, nil
	}
	return []pcore.Value{v}, nil
}

func unparen(e syntax.Expr) syntax.Expr {
	for {
		p, ok := e.(*syntax.Paren)
		if !ok {
			return e
		}
		e = p.X
	}
}

func (c *Compiler) ifExpr(e *syntax.If, s *Scope) (pcore.Value, error) {
	return s.guarded(func() (pcore.Value, error) {
		test, err := c.eval(e.Test, s)
		if err != nil {
			return nil, err
		}
		if pcore.Truthy(test) != e.Unless {
			return c.eval(e.Then, s)
		}
		return c.eval(e.Else, s)
	})
}

func (c *Compiler) caseExpr(e *syntax.Case, s *Scope) (pcore.Value, error) {
	return s.guarded(func() (pcore.Value, error) {
		test, err := c.eval(e.Test, s)
		if err != nil {
			return nil, err
		}
		var fallback syntax.Expr
		for _, o := range e.Options {
			for _, x := range o.Values {
				hit, isDefault, err := c.optionMatches(test, x, s)
				if err != nil {
					return nil, err
				}
				if isDefault {
					fallback = o.Then
				}
				if hit {
					return c.eval(o.Then, s)
				}
			}
		}
		return c.eval(fallback, s)
	})
}

// optionMatches tests one value of a case or selector.
func (c *Compiler) optionMatches(test pcore.Value, x syntax.Expr, s *Scope) (hit, isDefault bool, err error) {
	x = unparen(x)
	switch x := x.(type) {
	case *syntax.Default:
		return false, true, nil
	case *syntax.Unfold:
		list, err := c.unfolded(x.X, s)
		if err != nil {
			return false, false, err
		}
		for _, v := range list {
			if c.matches(test, v, s) {
				return true, false, nil
			}
		}
		return false, false, nil
	}
	v, err := c.eval(x, s)
	if err != nil {
		return false, false, err
	}
	return c.matches(test, v, s), false, nil
}

func (c *Compiler) selector(e *syntax.Selector, s *Scope) (pcore.Value, error) {
	return s.guarded(func() (pcore.Value, error) {
		test, err := c.eval(e.X, s)
		if err != nil {
			return nil, err
		}
		var fallback syntax.Expr
		for _, entry := range e.Entries {
			hit, isDefault, err := c.optionMatches(test, entry.Match, s)
			if err != nil {
				return nil, err
			}
			if isDefault {
				fallback = entry.Value
			}
			if hit {
				return c.eval(entry.Value, s)
			}
		}
		if fallback != nil {
			return c.eval(fallback, s)
		}
		return nil, fail(e.X, "UNMATCHED_SELECTOR", "No matching entry for selector parameter with value '%s'", test.String())
	})
}
