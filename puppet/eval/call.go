package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// puppetFunction is a function in the Puppet language.
type puppetFunction struct {
	def  *syntax.Function
	code *closure
	sig  *pcore.Signature
}

func (c *Compiler) call(e *syntax.Call, s *Scope) (pcore.Value, error) {
	switch f := e.Functor.(type) {
	case *syntax.QualifiedName:
		args, err := c.unfold(nil, e.Args, s)
		if err != nil {
			return nil, err
		}
		return c.callAt(e, f.Value, args, c.blockOf(e.Lambda, s), s)
	case *syntax.QualifiedReference:
		return c.callNew(e, s)
	case *syntax.Access:
		if _, ok := f.L.(*syntax.QualifiedReference); ok {
			return c.callNew(e, s)
		}
	case *syntax.RenderString:
		return nil, fail(e, "ILLEGAL_EPP_PARAMETERS", "Ambiguous EPP parameter expression. Probably missing '<%%-' before parameters to remove leading whitespace")
	}
	return nil, fail(e.Functor, "ILLEGAL_EXPRESSION", "Illegal expression. %s is unacceptable as function name in %s",
		upperFirst(syntax.AnLabel(e.Functor)), syntax.AnLabel(e))
}

// callNew is Type(args).
func (c *Compiler) callNew(e *syntax.Call, s *Scope) (pcore.Value, error) {
	t, err := c.eval(e.Functor, s)
	if err != nil {
		return nil, err
	}
	args, err := c.unfold([]pcore.Value{t}, e.Args, s)
	if err != nil {
		return nil, err
	}
	return c.callAt(e, "new", args, c.blockOf(e.Lambda, s), s)
}

func (c *Compiler) callMethod(e *syntax.CallMethod, s *Scope) (pcore.Value, error) {
	f, ok := e.Functor.(*syntax.NamedAccess)
	if !ok {
		return nil, fail(e.Functor, "ILLEGAL_EXPRESSION", "Illegal expression. %s is unacceptable as function accessor in %s",
			upperFirst(syntax.AnLabel(e.Functor)), syntax.AnLabel(e))
	}
	args, err := c.unfold(nil, []syntax.Expr{f.L}, s)
	if err != nil {
		return nil, err
	}
	name := f.R.(*syntax.QualifiedName).Value
	if len(args) > 0 {
		if v, ok, err := c.member(args[0], name); ok || err != nil {
			return v, err
		}
	}
	args, err = c.unfold(args, e.Args, s)
	if err != nil {
		return nil, err
	}
	block := c.blockOf(e.Lambda, s)
	if r, ok := receiver(args); ok {
		if v, known, err := r.Method(name, args[1:], block); known || err != nil {
			return v, err
		}
	}
	return c.callAt(e, name, args, block, s)
}

// Receiver is a value that has methods of its own, such as the context that
// functions get which provide data.
type Receiver interface {
	pcore.Value
	// Method calls a method; known is false where there is none of the name.
	Method(name string, args []pcore.Value, block pcore.Callable) (v pcore.Value, known bool, err error)
}

func receiver(args []pcore.Value) (Receiver, bool) {
	if len(args) == 0 {
		return nil, false
	}
	r, ok := args[0].(Receiver)
	return r, ok
}

// member reads an attribute of an object, or a part of a URI.
func (c *Compiler) member(v pcore.Value, name string) (pcore.Value, bool, error) {
	switch v := v.(type) {
	case *pcore.Object:
		value, ok := v.Get(name)
		return value, ok, nil
	case *pcore.URI:
		switch name {
		case "scheme", "userinfo", "host", "port", "path", "query", "fragment", "opaque":
			if part, ok := v.Components().GetString(name); ok {
				return part, true, nil
			}
			return pcore.Undef{}, true, nil
		}
	}
	return nil, false, nil
}

func (c *Compiler) blockOf(l *syntax.Lambda, s *Scope) pcore.Callable {
	if l == nil {
		return nil
	}
	return c.lambda(l, s)
}

// callAt calls a function for an expression.
func (c *Compiler) callAt(e syntax.Expr, name string, args []pcore.Value, block pcore.Callable, s *Scope) (pcore.Value, error) {
	p := e.Base()
	c.calls = append(c.calls, callPlace{p.File(), p.Line()})
	v, known, err := c.callNamed(name, args, block, s)
	c.calls = c.calls[:len(c.calls)-1]
	if !known && err == nil {
		return nil, fail(e, "UNKNOWN_FUNCTION", "Unknown function: '%s'.", name)
	}
	return v, err
}

// Call calls a function by name, from wherever.
func (c *Compiler) Call(s *Scope, name string, args []pcore.Value, block pcore.Callable) (pcore.Value, error) {
	v, known, err := c.callNamed(name, args, block, s)
	if !known && err == nil {
		return nil, raisef("Unknown function '%s'", name)
	}
	return v, err
}

// callNamed finds a function and calls it; known is false where there is none.
func (c *Compiler) callNamed(name string, args []pcore.Value, block pcore.Callable, s *Scope) (v pcore.Value, known bool, err error) {
	name = strings.TrimPrefix(name, "::")
	if f := c.functions[name]; f != nil {
		v, err = c.callPuppet(f, args, block)
		return v, true, err
	}
	if f := catalogFunction(name); f != nil {
		v, err = f(&invocation{c: c, scope: s, name: name, args: args, block: block})
		return v, true, err
	}
	if v, known, err = c.callBuiltin(name, args, block, s); known || err != nil {
		return v, true, err
	}
	f, err := c.puppetFunction(name)
	if err != nil {
		return nil, true, err
	}
	if f != nil {
		v, err = c.callPuppet(f, args, block)
		return v, true, err
	}
	if c.opts.Ruby != nil {
		return c.opts.Ruby.Function(c, s, name, args, block)
	}
	if path := c.rubyFile("function", name); path != "" {
		return nil, true, inRuby("function", name, path)
	}
	return nil, false, nil
}

// puppetFunction finds a function of the manifests or of a module.
func (c *Compiler) puppetFunction(name string) (*puppetFunction, error) {
	if f := c.functions[name]; f != nil || c.loader == nil {
		return f, nil
	}
	if key := "function " + name; !c.loaded[key] {
		c.loaded[key] = true
		u, err := c.loader.Function(name)
		if err != nil {
			return nil, err
		}
		if u != nil {
			if _, err := c.addUnit(u); err != nil {
				return nil, err
			}
		}
	}
	return c.functions[name], nil
}

// callPuppet calls a function in the Puppet language, which sees the top scope
// wherever it is called from.
func (c *Compiler) callPuppet(f *puppetFunction, args []pcore.Value, block pcore.Callable) (pcore.Value, error) {
	g := c.top
	return g.withoutFrames(func() (pcore.Value, error) {
		if f.sig == nil {
			f.code = &closure{f.def.Name, f.def.Params, f.def.Body, f.def.Returns}
			sig, err := c.signature(f.code, g)
			if err != nil {
				return nil, err
			}
			f.sig = sig
		}
		if !f.sig.Accepts(args, block) {
			return nil, raise(pcore.DescribeSignatures(f.def.Name, []pcore.Signature{*f.sig}, args, block))
		}
		v, err := c.callClosure(f.code, f.sig, g, args, block)
		if j, ok := err.(*jump); ok && j.kind == jumpReturn {
			return c.checkReturn(f, j.value)
		}
		return v, err
	})
}

func (c *Compiler) checkReturn(f *puppetFunction, v pcore.Value) (pcore.Value, error) {
	if r := f.sig.Callable.Return; r != nil && !pcore.IsInstance(r, v) {
		return nil, raise(pcore.DescribeMismatch("value returned from "+f.def.Name+" has wrong type,", r, v.Type()))
	}
	return v, nil
}

func (c *Compiler) rubyFile(kind, name string) string {
	if c.loader == nil {
		return ""
	}
	return c.loader.RubyFile(kind, name)
}

// typeAlias is a type of the manifests or of a module.
type typeAlias struct {
	def *syntax.TypeAlias
	typ pcore.Type // nil until it was needed
}

// alias finds a type alias and, the first time, evaluates what it stands for.
func (c *Compiler) alias(name string) (pcore.Type, error) {
	a := c.aliases[name]
	if a == nil && c.loader != nil {
		if key := "type " + name; !c.loaded[key] {
			c.loaded[key] = true
			u, err := c.loader.TypeAlias(name)
			if err != nil {
				return nil, err
			}
			if u != nil {
				if _, err := c.addUnit(u); err != nil {
					return nil, err
				}
			}
			a = c.aliases[name]
		}
	}
	if a == nil {
		return nil, nil
	}
	if a.typ != nil {
		return a.typ, nil
	}
	standIn := pcore.NewAlias(a.def.Name)
	a.typ = standIn
	v, err := c.top.withoutFrames(func() (pcore.Value, error) { return c.eval(a.def.X, c.top) })
	if err != nil {
		return nil, err
	}
	t, ok := v.(pcore.Type)
	if !ok {
		return nil, raisef("Type alias '%s' cannot be resolved to a real type", a.def.Name)
	}
	switch t.(type) {
	case *pcore.ObjectType, *pcore.TypeSetType:
		a.typ = pcore.Named(t, a.def.Name)
		return a.typ, standIn.Bind(a.typ)
	}
	return a.typ, standIn.Bind(t)
}
