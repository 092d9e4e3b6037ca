package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// bindParameters gives the parameters of a class, node or defined type their
// values: what was declared, what Hiera has, the defaults.
func (c *Compiler) bindParameters(r *Resource, s *Scope) error {
	d := r.def
	if d.Module != "" {
		s.vars["module_name"] = pcore.String(d.Module)
	}
	if p := s.parent; p != nil && p.source != nil && p.source.Module != "" && s != c.top {
		s.vars["caller_module_name"] = pcore.String(p.source.Module)
	}
	if err := c.hieraParameters(r, s); err != nil {
		return err
	}
	title, name := r.Title, r.Title
	if p := r.params["name"]; p != nil && !pcore.IsUndef(p.Value) {
		name = p.Value.String()
	}
	if d.Kind == ClassKind {
		title, name = strings.ToLower(title), strings.ToLower(name)
	}
	if err := s.setOwn("title", pcore.String(title)); err != nil {
		return err
	}
	if err := s.setOwn("name", pcore.String(name)); err != nil {
		return err
	}
	if d.Kind != DefineKind {
		c.classScopes[d.Name] = s
	}
	values, err := c.parameterValues(r, s)
	if err != nil {
		return err
	}
	if err := c.checkParameters(r, values); err != nil {
		return err
	}
	for _, n := range values.names {
		if err := s.setOwn(n, values.get(n)); err != nil {
			return err
		}
	}
	return nil
}

// bindings are values by name, in order.
type bindings struct {
	names  []string
	values map[string]pcore.Value
}

func (b *bindings) set(name string, v pcore.Value) {
	if _, ok := b.values[name]; !ok {
		b.names = append(b.names, name)
	}
	b.values[name] = v
}

func (b *bindings) get(name string) pcore.Value { return b.values[name] }

// hieraParameters asks Hiera for the parameters of a class that were not given.
func (c *Compiler) hieraParameters(r *Resource, s *Scope) error {
	if r.def.Kind != ClassKind || c.opts.Hiera == nil {
		return nil
	}
	for _, p := range r.def.params {
		if old := r.params[p.Name]; old != nil && !pcore.IsUndef(old.Value) {
			continue
		}
		v, found, err := c.opts.Hiera.Lookup(&Env{c, s}, function.Query{Names: []string{r.def.Name + "::" + p.Name}})
		if err != nil {
			return err
		}
		if found && !(pcore.IsUndef(v) && p.Value != nil) {
			r.set(p.Name, v)
		}
	}
	return nil
}

func (c *Compiler) parameterValues(r *Resource, s *Scope) (*bindings, error) {
	d := r.def
	b := &bindings{values: make(map[string]pcore.Value, len(r.params)+len(d.params))}
	pending := make(map[string]bool, len(d.params))
	for _, p := range d.params {
		pending[p.Name] = true
	}
	for _, n := range r.order {
		if n == "name" || n == "title" {
			continue
		}
		b.set(n, r.params[n].Value)
		delete(pending, n)
	}
	for _, p := range d.params {
		given := r.params[p.Name]
		if p.Value == nil || given != nil && !pcore.IsUndef(given.Value) {
			continue
		}
		v, err := c.defaultValue(r.Ref(), d.params, p, s, b.values, pending)
		if err != nil {
			return nil, err
		}
		r.set(p.Name, v)
		b.set(p.Name, v)
		delete(pending, p.Name)
	}
	return b, nil
}

// checkParameters checks the values against the declared parameters.
func (c *Compiler) checkParameters(r *Resource, b *bindings) error {
	declared, err := c.parameterTypes(r.def)
	if err != nil {
		return err
	}
	hash := pcore.NewHashBuilder(len(b.names))
	ok := true
	for _, n := range b.names {
		hash.SetString(n, b.values[n])
		t := declared[n]
		if t == nil && !isMetaparameter(n) && n != "name" || t != nil && c.mismatch(n, t, b.values[n]) != nil {
			ok = false
		}
	}
	for _, p := range r.def.params {
		if _, set := b.values[p.Name]; !set && p.Value == nil {
			ok = false
		}
	}
	if ok {
		return nil
	}
	return raise(c.describeParameters(r, declared, hash.Hash()))
}

// parameterTypes evaluates the types of the parameters, once.
func (c *Compiler) parameterTypes(d *Definition) (map[string]pcore.Type, error) {
	if d.types != nil {
		return d.types, nil
	}
	types := make(map[string]pcore.Type, len(d.params))
	for _, p := range d.params {
		v, err := c.top.withoutFrames(func() (pcore.Value, error) { return c.paramType(p, c.top) })
		if err != nil {
			return nil, err
		}
		types[p.Name] = v.(pcore.Type)
	}
	d.types = types
	return types, nil
}

// mismatch says why a value does not fit a parameter, nil where it does. A
// Deferred fits when its function's return type does.
func (c *Compiler) mismatch(name string, t pcore.Type, v pcore.Value) []string {
	o, ok := v.(*pcore.Object)
	if !ok || o.ObjectType() != pcore.DeferredType {
		if pcore.IsInstance(t, v) {
			return nil
		}
		return mismatchLines("parameter '"+name+"'", t, v)
	}
	returns := c.deferredType(o)
	if returns == nil {
		f, _ := o.Get("name")
		c.WarnOnce(f.String()+"_deferred_warning", Event{
			Message: "Deferred function " + f.String() + " has no return_type, unable to guarantee value type during compilation.",
		})
		return nil
	}
	if pcore.IsAssignable(pcore.Generalize(t), pcore.Generalize(returns)) {
		return nil
	}
	return []string{" " + pcore.DescribeMismatch("parameter '"+name+"'", t, returns)}
}

// deferredType is the return type of a Deferred's function, nil where it
// declares none.
func (c *Compiler) deferredType(o *pcore.Object) pcore.Type {
	name, _ := o.Get("name")
	var args []pcore.Value
	if v, ok := o.Get("arguments"); ok {
		if a, ok := v.(*pcore.Array); ok {
			args = a.Slice()
		}
	}
	if c.opts.Functions != nil && c.opts.Functions.Has(name.String()) {
		return c.opts.Functions.Returns(name.String(), args)
	}
	f, err := c.puppetFunction(name.String())
	if err != nil || f == nil || f.def.Returns == nil {
		return nil
	}
	t, err := c.typeOf(f.def.Returns, c.top)
	if err != nil {
		return nil
	}
	return t
}

// mismatchLines words why a value does not fit, a line for each reason.
func mismatchLines(name string, t pcore.Type, v pcore.Value) []string {
	lines := strings.Split(pcore.DescribeMismatch(name, t, v.Type()), "\n ")
	for i, l := range lines {
		lines[i] = " " + strings.TrimSpace(l)
	}
	return lines
}

// describeParameters words what is wrong with the parameters of a class or
// defined type.
func (c *Compiler) describeParameters(r *Resource, declared map[string]pcore.Type, given *pcore.Hash) string {
	var lines []string
	for k, v := range given.All() {
		name := k.String()
		t := declared[name]
		switch {
		case t == nil && (isMetaparameter(name) || name == "name"):
		case t == nil:
			lines = append(lines, " has no parameter named '"+name+"'")
		default:
			lines = append(lines, c.mismatch(name, t, v)...)
		}
	}
	for _, p := range r.def.params {
		if _, set := given.GetString(p.Name); !set && p.Value == nil {
			lines = append(lines, " expects a value for parameter '"+p.Name+"'")
		}
	}
	if len(lines) == 1 {
		return r.Ref() + ":" + lines[0]
	}
	return r.Ref() + ":\n " + strings.Join(lines, "\n ")
}
