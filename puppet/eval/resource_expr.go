package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// titled is a resource body with its titles and parameters evaluated.
type titled struct {
	titles []string
	params []*Param
	isDef  bool // default:
}

// resource evaluates a resource expression and gives references to what it
// declared.
func (c *Compiler) resource(e *syntax.Resource, s *Scope) (pcore.Value, error) {
	typ, err := c.resourceTypeOf(e, s)
	if err != nil {
		return nil, err
	}
	if e.Form == "exported" && !c.settings.StoreConfigs {
		c.warnAt(e, "RT_NO_STORECONFIGS_EXPORT", "You cannot collect exported resources without storeconfigs being set; the export is ignored")
	}
	bodies, defaults, err := c.resourceBodies(e, s)
	if err != nil {
		return nil, err
	}
	d := &declaration{c: c, scope: s, file: e.File(), line: e.Line(), virtual: e.Form != "regular", exported: e.Form == "exported", typ: typ}
	var refs []pcore.Value
	for _, b := range bodies {
		made, err := d.declare(b.titles, mergeParams(defaults, b.params))
		if err != nil {
			return nil, err
		}
		refs = append(refs, made...)
	}
	return pcore.NewArray(refs), nil
}

func mergeParams(defaults, own []*Param) []*Param {
	if len(defaults) == 0 {
		return own
	}
	merged := append([]*Param{}, defaults...)
	at := make(map[string]int, len(defaults))
	for i, p := range merged {
		at[p.Name] = i
	}
	for _, p := range own {
		if i, ok := at[p.Name]; ok {
			merged[i] = p
			continue
		}
		merged = append(merged, p)
	}
	return merged
}

// resourceTypeOf gives the type name in a resource expression.
func (c *Compiler) resourceTypeOf(e *syntax.Resource, s *Scope) (string, error) {
	if q, ok := e.Type.(*syntax.QualifiedName); ok {
		return q.Value, nil
	}
	v, err := c.eval(e.Type, s)
	if err != nil {
		return "", err
	}
	acceptable := false
	switch t := e.Type.(type) {
	case *syntax.QualifiedReference:
		acceptable = true
	case *syntax.Access:
		_, acceptable = t.L.(*syntax.QualifiedReference)
	}
	actual := generalized(v)
	if acceptable {
		switch t := v.(type) {
		case *pcore.ClassType:
			if t.ClassName == "" {
				return "class", nil
			}
			actual = t.String()
		case *pcore.ResourceType:
			if !t.HasTitle && t.TypeName != "" {
				return t.TypeName, nil
			}
			actual = t.String()
		}
	}
	return "", fail(e.Type, "ILLEGAL_RESOURCE_TYPE", "Illegal Resource Type expression, expected result to be a type name, or untitled Resource, got %s", actual)
}

func (c *Compiler) resourceBodies(e *syntax.Resource, s *Scope) (bodies []titled, defaults []*Param, err error) {
	used := map[string]bool{}
	for _, body := range e.Bodies {
		t, err := c.resourceTitles(e, body, used, s)
		if err != nil {
			return nil, nil, err
		}
		if t.params, err = c.attributes(e, body.Ops, s); err != nil {
			return nil, nil, err
		}
		if t.isDef {
			defaults = t.params
		}
		bodies = append(bodies, t)
	}
	return bodies, defaults, nil
}

func (c *Compiler) resourceTitles(e *syntax.Resource, body *syntax.ResourceBody, used map[string]bool, s *Scope) (t titled, err error) {
	v, err := c.eval(body.Title, s)
	if err != nil {
		return t, err
	}
	if pcore.IsUndef(v) {
		return t, fail(body.Title, "MISSING_TITLE", "Missing title. The title expression resulted in undef")
	}
	for i, title := range flatten([]pcore.Value{v}) {
		var name string
		switch v := title.(type) {
		case pcore.Undef:
			return t, fail(body.Title, "MISSING_TITLE_AT", "Missing title at index %d. The title expression resulted in an undef title", i)
		case pcore.Default:
			name = "\x00default"
			t.isDef = true
		case pcore.String:
			if v == "" {
				return t, fail(body.Title, "EMPTY_STRING_TITLE_AT", "Empty string title at %d. Title strings must have a length greater than zero.", i)
			}
			name = string(v)
			t.titles = append(t.titles, name)
		default:
			return t, fail(body.Title, "ILLEGAL_TITLE_TYPE_AT", "Illegal title type at index %d. Expected String, got %s", i, generalized(title))
		}
		if used[name] {
			return t, fail(e, "DUPLICATE_TITLE", "The title '%s' has already been used in this resource expression", strings.TrimPrefix(name, "\x00"))
		}
		used[name] = true
	}
	return t, nil
}

// attributes evaluates operations into parameters.
func (c *Compiler) attributes(e syntax.Expr, ops []syntax.Expr, s *Scope) ([]*Param, error) {
	params := make([]*Param, 0, len(ops))
	for _, op := range ops {
		made, err := c.attribute(op, s)
		if err != nil {
			return nil, err
		}
		params = append(params, made...)
	}
	if _, check := e.(*syntax.Resource); check {
		seen := make(map[string]bool, len(params))
		for _, p := range params {
			if seen[p.Name] {
				return nil, fail(e, "DUPLICATE_ATTRIBUE", "The attribute '%s' has already been set", p.Name)
			}
			seen[p.Name] = true
		}
	}
	return params, nil
}

func (c *Compiler) attribute(op syntax.Expr, s *Scope) ([]*Param, error) {
	p := op.Base()
	make1 := func(name string, v pcore.Value, add bool) (*Param, error) {
		if _, lazy := v.(*pcore.Iterator); lazy {
			return nil, placed(raisef("Use of an Iterator is not supported here"), op)
		}
		return &Param{Name: name, Value: v, File: p.File(), Line: p.Line(), source: s.source, add: add}, nil
	}
	switch op := op.(type) {
	case *syntax.AttributeOp:
		v, err := c.eval(op.Value, s)
		if err != nil {
			return nil, err
		}
		param, err := make1(op.Name, v, op.Op == "+>")
		return []*Param{param}, err
	case *syntax.AttributesOp:
		v, err := c.eval(op.X, s)
		if err != nil {
			return nil, err
		}
		h, ok := v.(*pcore.Hash)
		if !ok {
			return nil, fail(op.X, "TYPE_MISMATCH", "Expected value of type Hash, got %s", generalized(v))
		}
		var params []*Param
		for k, v := range h.All() {
			param, err := make1(k.String(), v, false)
			if err != nil {
				return nil, err
			}
			params = append(params, param)
		}
		return params, nil
	}
	return nil, fail(op, "UNSUPPORTED_EXPRESSION", "Expressions of type %s are not supported in this version of Puppet", syntax.AnLabel(op))
}

// inRuby is the honest error for what only Ruby knows.
func inRuby(what, name, path string) error {
	return raisef("the %s '%s' is written in Ruby (%s), which is not available", what, name, path)
}

// unknownType is the error for a type that is not there, or cannot be used.
func (c *Compiler) unknownType(name string) error {
	if path := c.rubyFile("type", strings.ToLower(name)); path != "" {
		return inRuby("resource type", name, path)
	}
	return raisef("Unknown resource type: '%s'", name)
}

// declaration is where and how resources are declared.
type declaration struct {
	c        *Compiler
	scope    *Scope
	file     string
	line     int
	virtual  bool
	exported bool
	typ      string
}

// declare makes a resource of each title.
func (d *declaration) declare(titles []string, params []*Param) ([]pcore.Value, error) {
	if strings.EqualFold(strings.TrimPrefix(d.typ, "::"), "class") {
		return d.classes(titles, params)
	}
	t, ok, err := d.c.resourceTypeNamed(d.typ)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, d.c.unknownType(d.typ)
	}
	var refs []pcore.Value
	for _, title := range titles {
		r, err := d.resource(t, title, params)
		if err != nil {
			return nil, err
		}
		if err := d.c.addResource(d.scope, r); err != nil {
			return nil, err
		}
		refs = append(refs, &pcore.ResourceType{TypeName: r.Type, Title: title, HasTitle: true})
	}
	return refs, nil
}

func (d *declaration) resource(t resourceType, title string, params []*Param) (*Resource, error) {
	r, err := d.c.newResource(t, title, d.scope, params, true, callPlace{d.file, d.line})
	if err != nil {
		return nil, err
	}
	r.virtual, r.Exported = d.virtual, d.exported
	if t.builtin != nil {
		if t.builtin.Title != nil && len(t.builtin.Key) > 1 {
			d.compoundTitle(r)
		}
	}
	return r, nil
}

// compoundTitle writes what the title says into the parameters.
func (d *declaration) compoundTitle(r *Resource) {
	for _, name := range r.builtin.Key {
		if v, ok := r.builtin.split(r.Title)[name]; ok && r.params[name] == nil {
			r.set(name, pcore.String(v))
		}
	}
}

func (d *declaration) classes(titles []string, params []*Param) ([]pcore.Value, error) {
	var refs []pcore.Value
	for _, title := range titles {
		def, err := d.c.findClass(title)
		if err != nil {
			return nil, err
		}
		if def == nil {
			return nil, raisef("Could not find declared class %s", strings.TrimPrefix(title, "::"))
		}
		r, err := d.c.newResource(resourceType{def: def, class: true}, def.Name, d.scope, params, true, callPlace{d.file, d.line})
		if err != nil {
			return nil, err
		}
		r.virtual, r.Exported, r.Kind = d.virtual, d.exported, "class"
		if err := d.c.instantiate(r, d.scope); err != nil {
			return nil, err
		}
		if err := d.c.addResource(d.scope, r); err != nil {
			return nil, err
		}
		if err := d.c.evaluate(r); err != nil {
			return nil, err
		}
		refs = append(refs, &pcore.ClassType{ClassName: def.Name})
	}
	return refs, nil
}

func (c *Compiler) resourceDefaults(e *syntax.ResourceDefaults, s *Scope) (pcore.Value, error) {
	v, err := c.eval(e.Type, s)
	if err != nil {
		return nil, err
	}
	t, ok := v.(*pcore.ResourceType)
	if !ok || t.TypeName == "" || t.HasTitle {
		return nil, fail(e.Type, "ILLEGAL_RESOURCE_TYPE", "Illegal Resource Type expression, expected result to be a type name, or untitled Resource, got %s", generalized(v))
	}
	params, err := c.attributes(e, e.Ops, s)
	if err != nil {
		return nil, err
	}
	return t, s.addDefaults(canonicalType(t.TypeName), params)
}
