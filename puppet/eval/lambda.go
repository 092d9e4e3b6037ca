package eval

import (
	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// Lambda is a block of code that can be called.
type Lambda struct {
	c     *Compiler
	scope *Scope
	code  *closure
	sig   *pcore.Signature
}

// closure is what lambdas, functions and templates have in common.
type closure struct {
	name    string
	params  []*syntax.Parameter
	body    syntax.Expr
	returns syntax.Expr
}

func (c *Compiler) lambda(e *syntax.Lambda, s *Scope) *Lambda {
	return &Lambda{c: c, scope: s, code: &closure{"lambda", e.Params, e.Body, e.Returns}}
}

// String implements pcore.Value.
func (l *Lambda) String() string { return "Lambda" }

// Type implements pcore.Value.
func (l *Lambda) Type() pcore.Type {
	if s, err := l.signature(); err == nil {
		return s.Callable
	}
	return &pcore.CallableType{}
}

// Signature implements pcore.Callable.
func (l *Lambda) Signature() *pcore.CallableType {
	s, err := l.signature()
	if err != nil {
		return &pcore.CallableType{}
	}
	return s.Callable
}

func (l *Lambda) signature() (*pcore.Signature, error) {
	if l.sig == nil {
		s, err := l.c.signature(l.code, l.scope)
		if err != nil {
			return nil, err
		}
		l.sig = s
	}
	return l.sig, nil
}

// Call calls the lambda. next() ends it with a value.
func (l *Lambda) Call(args ...pcore.Value) (pcore.Value, error) {
	sig, err := l.signature()
	if err != nil {
		return nil, err
	}
	return l.c.callClosure(l.code, sig, l.scope, args, nil)
}

// ParamCount says how many arguments the lambda takes; rest that it takes any
// number beyond.
func (l *Lambda) ParamCount() (n int, rest bool) {
	n = len(l.code.params)
	return n, n > 0 && l.code.params[n-1].CapturesRest
}

// Name is what messages call the parameters' owner.
func (l *Lambda) Name() string { return l.code.name }

// signature evaluates the types of the parameters.
func (c *Compiler) signature(k *closure, s *Scope) (*pcore.Signature, error) {
	sig := &pcore.Signature{}
	types := make([]pcore.Type, len(k.params))
	var from, to int64
	optional := false
	for i, p := range k.params {
		t, err := c.paramType(p, s)
		if err != nil {
			return nil, err
		}
		low, high := int64(1), int64(1)
		switch {
		case p.CapturesRest:
			low, high = 0, pcore.MaxInt
			if a, ok := t.(*pcore.ArrayType); ok {
				t = a.Elem
				if a.Size != nil {
					low, high = a.Size.Min, a.Size.Max
				}
			}
		case p.Value != nil:
			low = 0
		}
		if low == 0 {
			optional = true
		} else if optional {
			return nil, fail(p, "REQUIRED_PARAMETER_AFTER_OPTIONAL", "Parameter $%s is required but appears after optional parameters", p.Name)
		}
		types[i] = t
		from += low
		if to += high; to < 0 || high == pcore.MaxInt {
			to = pcore.MaxInt
		}
		sig.Names = append(sig.Names, p.Name)
	}
	sig.Callable = &pcore.CallableType{Params: &pcore.TupleType{Types: types, Size: &pcore.Size{Min: from, Max: to}}}
	if k.returns != nil {
		t, err := c.typeOf(k.returns, s)
		if err != nil {
			return nil, err
		}
		sig.Callable.Return = t
	}
	return sig, nil
}

// paramType is the declared type of a parameter, Any where there is none.
func (c *Compiler) paramType(p *syntax.Parameter, s *Scope) (pcore.Type, error) {
	if p.Type == nil {
		return pcore.AnyType, nil
	}
	return c.typeOf(p.Type, s)
}

func (c *Compiler) typeOf(e syntax.Expr, s *Scope) (pcore.Type, error) {
	v, err := c.eval(e, s)
	if err != nil {
		return nil, err
	}
	t, ok := v.(pcore.Type)
	if !ok {
		return nil, raisef("expected a type, got %s", generalized(v))
	}
	return t, nil
}

// callClosure binds arguments and evaluates the body over a scope.
func (c *Compiler) callClosure(k *closure, sig *pcore.Signature, s *Scope, args []pcore.Value, block pcore.Callable) (pcore.Value, error) {
	saved := s.top
	defer func() { s.top = saved }()
	vars, err := c.bind(k, s, args)
	if err != nil {
		return nil, err
	}
	given := make([]pcore.Value, 0, len(args))
	for _, p := range k.params {
		v := vars[p.Name]
		if a, ok := v.(*pcore.Array); ok && p.CapturesRest {
			given = append(given, a.Slice()...)
			continue
		}
		given = append(given, v)
	}
	if !sig.Accepts(given, block) {
		return nil, raise(pcore.DescribeSignatures(k.name, []pcore.Signature{*sig}, given, block))
	}
	s.push(vars)
	v, err := c.eval(k.body, s)
	if j, ok := err.(*jump); ok && j.kind == jumpNext {
		v, err = j.value, nil
	}
	if err != nil {
		return nil, err
	}
	if r := sig.Callable.Return; r != nil && !pcore.IsInstance(r, v) {
		return nil, raise(pcore.DescribeMismatch("value returned from "+k.name+" has wrong type,", r, v.Type()))
	}
	return v, nil
}

// bind gives each parameter its argument or default.
func (c *Compiler) bind(k *closure, s *Scope, args []pcore.Value) (map[string]pcore.Value, error) {
	vars := make(map[string]pcore.Value, len(k.params))
	var pending map[string]bool
	for i, p := range k.params {
		switch {
		case i < len(args) && p.CapturesRest:
			rest := args[i:]
			if len(rest) == 1 && pcore.IsUndef(rest[0]) && p.Value != nil {
				break
			}
			vars[p.Name] = pcore.NewArray(rest)
			continue
		case i < len(args):
			vars[p.Name] = args[i]
			continue
		case p.Value == nil && p.CapturesRest:
			vars[p.Name] = pcore.NewArray(nil)
			continue
		case p.Value == nil:
			return nil, fail(p, "MISSING_REQUIRED_PARAMETER", "Parameter $%s is required but no value was given", p.Name)
		}
		if pending == nil {
			pending = map[string]bool{}
			for _, q := range k.params[i:] {
				pending[q.Name] = true
			}
		}
		v, err := c.defaultValue(k.name, k.params, p, s, vars, pending)
		if err != nil {
			return nil, err
		}
		if _, ok := v.(*pcore.Array); p.CapturesRest && !ok {
			v = pcore.ArrayOf(v)
		}
		vars[p.Name] = v
		delete(pending, p.Name)
	}
	return vars, nil
}

// defaultValue evaluates the default of a parameter, which sees those before it.
func (c *Compiler) defaultValue(callee string, params []*syntax.Parameter, p *syntax.Parameter, s *Scope, vars map[string]pcore.Value, pending map[string]bool) (pcore.Value, error) {
	saved := s.top
	defer func() { s.top = saved }()
	s.top = &frame{below: s.top, vars: vars, params: pending, readOnly: true}
	v, err := c.evalDefault(p.Value, s)
	if u, ok := err.(*unevaluatedParam); ok {
		return nil, badReference(callee, params, p.Name, u.name)
	}
	return v, err
}

// evalDefault evaluates without giving a place to the error of a parameter
// that has no value yet.
func (c *Compiler) evalDefault(e syntax.Expr, s *Scope) (pcore.Value, error) {
	v, err := c.eval(e, s)
	if placed, ok := err.(*Error); ok {
		if u, ok := placed.Cause.(*unevaluatedParam); ok {
			return nil, u
		}
	}
	return v, err
}

func badReference(callee string, params []*syntax.Parameter, from, to string) error {
	for _, p := range params {
		if p.Name == from {
			break
		}
		if p.Name == to {
			return raisef("%s: expects a value for parameter $%s", callee, to)
		}
	}
	return raisef("%s: default expression for $%s tries to illegally access not yet evaluated $%s", callee, from, to)
}
