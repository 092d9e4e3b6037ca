package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// rendering collects the output of a template.
type rendering struct {
	text   strings.Builder
	secret bool
}

// template evaluates the parts of a template into the rendering under way.
func (c *Compiler) template(e syntax.Expr, s *Scope) (pcore.Value, error) {
	switch e := e.(type) {
	case *syntax.Epp:
		outer := c.render
		c.render = &rendering{}
		_, err := c.eval(e.Body, s)
		r := c.render
		c.render = outer
		if err != nil {
			return nil, err
		}
		if r.secret {
			return pcore.NewSensitive(pcore.String(r.text.String())), nil
		}
		return pcore.String(r.text.String()), nil
	case *syntax.RenderString:
		return pcore.Undef{}, c.output(e.Value)
	case *syntax.Render:
		v, err := c.eval(e.X, s)
		if err != nil {
			return nil, err
		}
		if secret, ok := v.(*pcore.Sensitive); ok {
			if c.render != nil {
				c.render.secret = true
			}
			v = secret.Unwrap()
		}
		return pcore.Undef{}, c.output(v.String())
	}
	return pcore.Undef{}, nil
}

func (c *Compiler) output(text string) error {
	if c.render == nil {
		return raisef("undefined method `<<' for nil:NilClass")
	}
	c.render.text.WriteString(text)
	return c.textSize(c.render.text.Len())
}

// RenderEpp renders a template that a program holds. args are nil where none
// were given; local lets a template without parameters see the caller's
// variables.
func (c *Compiler) RenderEpp(s *Scope, prog *syntax.Program, name string, args *pcore.Hash, local bool) (pcore.Value, error) {
	l, ok := prog.Body.(*syntax.Lambda)
	if !ok {
		return nil, raisef("%s: the template holds no code", name)
	}
	body, ok := l.Body.(*syntax.Epp)
	if !ok {
		return nil, raisef("%s: the template holds no code", name)
	}
	k := &closure{"lambda", l.Params, l.Body, nil}
	if body.ParamsSpecified {
		if err := c.checkEppArguments(k, args); err != nil {
			return nil, err
		}
	} else if local {
		return c.renderWith(s, s.eppVariables(args), k, body)
	}
	g := s.global()
	return g.withoutFrames(func() (pcore.Value, error) {
		if !body.ParamsSpecified {
			return c.renderWith(g, argumentMap(args), k, body)
		}
		vars, err := c.bindByName(k, g, args)
		if err != nil {
			return nil, err
		}
		return c.renderWith(g, vars, k, body)
	})
}

// eppVariables are the arguments of an inline template.
func (s *Scope) eppVariables(args *pcore.Hash) map[string]pcore.Value { return argumentMap(args) }

func argumentMap(args *pcore.Hash) map[string]pcore.Value {
	vars := map[string]pcore.Value{}
	if args != nil {
		for k, v := range args.All() {
			vars[k.String()] = v
		}
	}
	return vars
}

func (c *Compiler) renderWith(s *Scope, vars map[string]pcore.Value, k *closure, body *syntax.Epp) (pcore.Value, error) {
	saved := s.top
	defer func() { s.top = saved }()
	s.push(vars)
	return c.eval(k.body, s)
}

func (c *Compiler) checkEppArguments(k *closure, args *pcore.Hash) error {
	if args == nil {
		return nil
	}
	known := make(map[string]bool, len(k.params))
	for _, p := range k.params {
		known[p.Name] = true
	}
	for name := range args.All() {
		if !known[name.String()] {
			return raisef("lambda: has no parameter named '%s'", name.String())
		}
	}
	return nil
}

// bindByName gives the parameters of a template their values.
func (c *Compiler) bindByName(k *closure, s *Scope, args *pcore.Hash) (map[string]pcore.Value, error) {
	vars := map[string]pcore.Value{}
	pending := map[string]bool{}
	for _, p := range k.params {
		pending[p.Name] = true
	}
	given := func(name string) pcore.Value {
		if args == nil {
			return nil
		}
		v, _ := args.GetString(name)
		return v
	}
	for _, p := range k.params {
		if v := given(p.Name); v != nil && !pcore.IsUndef(v) {
			vars[p.Name] = v
			delete(pending, p.Name)
		}
	}
	var lines []string
	for _, p := range k.params {
		v, set := vars[p.Name]
		switch {
		case set:
		case p.Value != nil:
			var err error
			if v, err = c.defaultValue(k.name, k.params, p, s, vars, pending); err != nil {
				return nil, err
			}
			vars[p.Name] = v
			delete(pending, p.Name)
		case given(p.Name) != nil:
			v = pcore.Undef{}
			vars[p.Name] = v
			delete(pending, p.Name)
		default:
			lines = append(lines, " expects a value for parameter '"+p.Name+"'")
			continue
		}
		t, err := c.paramType(p, s)
		if err != nil {
			return nil, err
		}
		if !pcore.IsInstance(t, v) {
			lines = append(lines, mismatchLines("parameter '"+p.Name+"'", t, v)...)
		}
	}
	switch len(lines) {
	case 0:
		return vars, nil
	case 1:
		return nil, raisef("lambda:%s", lines[0])
	}
	return nil, raisef("lambda:\n %s", strings.Join(lines, "\n "))
}
