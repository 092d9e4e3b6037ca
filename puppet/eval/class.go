package eval

import (
	"slices"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// addResource puts a resource into the catalog.
func (c *Compiler) addResource(s *Scope, r *Resource) error {
	if len(c.resources) >= c.limits.Resources {
		return &limitError{"The catalog has too many resources"}
	}
	c.resources = append(c.resources, r)
	if err := c.register(r); err != nil {
		return err
	}
	if !r.isClass() && !pcore.IsUndef(r.Get("stage")) {
		return raisef("Only classes can set 'stage'; normal resources like %s cannot change run stage", r.Ref())
	}
	if r.Type != "Stage" && !r.isClass() {
		c.addEdge(s.resource, r)
	}
	return nil
}

func (c *Compiler) addEdge(from, to *Resource) {
	for _, e := range c.inEdges[to] {
		if e == from {
			return
		}
	}
	c.edges = append(c.edges, edge{from, to})
	c.inEdges[to] = append(c.inEdges[to], from)
}

// register enters a resource under its reference and its uniqueness key.
func (c *Compiler) register(r *Resource) error {
	key := r.key()
	if old := c.table[key]; old != nil {
		return duplicate(r, old)
	}
	c.all = append(c.all, r)
	c.table[key] = r
	if err := c.registerAliases(r); err != nil {
		return err
	}
	if r.builtin != nil && r.builtin.Unique {
		return c.registerKey(r)
	}
	return nil
}

func duplicate(r, old *Resource) error {
	message := "Duplicate declaration: " + r.Ref() + " is already declared"
	if old.Line > 0 {
		message += " at" + syntax.Location(old.File, old.Line, 0)
	}
	return raisef("%s; cannot redeclare%s", message, syntax.Location(r.File, r.Line, 0))
}

// registerAliases enters the names that the alias attribute gives.
func (c *Compiler) registerAliases(r *Resource) error {
	for _, v := range flatten([]pcore.Value{r.Get("alias")}) {
		if pcore.IsUndef(v) || v.String() == r.Title {
			continue
		}
		if err := c.aliasAs(r, pcore.InspectRuby(v), []pcore.Value{v}); err != nil {
			return err
		}
	}
	return nil
}

// uniqueness is the values of the key attributes, in the order of their names.
func (r *Resource) uniqueness() []pcore.Value {
	attributes := r.builtin.split(r.Title)
	namevar := r.builtin.namevar()
	names := slices.Sorted(slices.Values(r.builtin.Key))
	values := make([]pcore.Value, len(names))
	for i, name := range names {
		var v pcore.Value = pcore.Undef{}
		if p := r.params[name]; p != nil && !pcore.IsUndef(p.Value) {
			v = p.Value
		} else if p := r.params["name"]; p != nil && name == namevar && !pcore.IsUndef(p.Value) {
			v = p.Value
		} else if text, ok := attributes[name]; ok {
			v = pcore.String(text)
		}
		if s, ok := v.(*pcore.Sensitive); ok {
			v = s.Unwrap()
		}
		values[i] = v
	}
	return values
}

// registerKey enters the uniqueness key where it is not the title.
func (c *Compiler) registerKey(r *Resource) error {
	values := r.uniqueness()
	if len(values) == 1 && (pcore.IsUndef(values[0]) || values[0] == pcore.Value(pcore.String(r.Title))) {
		return nil
	}
	return c.aliasAs(r, pcore.InspectRuby(pcore.NewArray(values)), values)
}

func (c *Compiler) aliasAs(r *Resource, shown string, values []pcore.Value) error {
	parts := []string{r.Type}
	ref := []pcore.Value{pcore.String(r.Type)}
	for _, v := range flatten(values) {
		parts = append(parts, v.String())
		ref = append(ref, v)
	}
	key := strings.Join(parts, "\x00")
	old := c.table[key]
	if old == nil {
		c.table[key] = r
		return nil
	}
	if old == r {
		return nil
	}
	at := strings.TrimSpace(syntax.Location(r.File, r.Line, 0))
	if at != "" {
		at = " at " + at
	}
	return raisef("Cannot alias %s to %s%s; resource %s already declared%s", r.Ref(), shown, at,
		pcore.InspectRuby(pcore.NewArray(ref)), syntax.Location(old.File, old.Line, 0))
}

// declareClass makes sure that a class is in the catalog; params is nil for
// include-like declarations.
func (c *Compiler) declareClass(d *Definition, s *Scope, params []*Param, resourceLike bool) (*Resource, error) {
	t := resourceType{def: d, class: d.Kind == ClassKind, node: d.Kind == NodeKind}
	if !resourceLike {
		if r := c.findResource(t.typeName(), d.Name); r != nil {
			return r, nil
		}
	}
	r, err := c.newResource(t, d.Name, s, params, true, callPlace{})
	if err != nil {
		return nil, err
	}
	r.source = d
	if err := c.instantiate(r, s); err != nil {
		return nil, err
	}
	return r, c.addResource(s, r)
}

// instantiate brings in the parent class, and tags the catalog.
func (c *Compiler) instantiate(r *Resource, s *Scope) error {
	d := r.def
	if d == nil {
		return nil
	}
	if d.Parent != "" && c.table[refKey("Class", d.Parent)] == nil {
		p, err := c.parentOf(d)
		if err != nil {
			return err
		}
		if err := c.checkInheritance(d); err != nil {
			return err
		}
		if _, err := c.declareClass(p, s, nil, false); err != nil {
			return err
		}
	}
	if d.Kind != DefineKind {
		c.tags.merge(&r.tags)
	}
	return nil
}

func (c *Compiler) parentOf(d *Definition) (*Definition, error) {
	p, err := c.findClass(d.Parent)
	if err == nil && p == nil {
		err = failAt(d.File, d.Line, "Could not find parent resource type '::%s' of type hostclass in %s", strings.TrimPrefix(d.Parent, "::"), c.opts.Environment)
	}
	return p, err
}

// checkInheritance refuses classes that inherit from themselves.
func (c *Compiler) checkInheritance(d *Definition) error {
	seen := map[string]bool{d.Name: true}
	for at := d; at.Parent != ""; {
		p, err := c.parentOf(at)
		if err != nil {
			return err
		}
		if seen[p.Name] {
			return raisef("stack level too deep")
		}
		seen[p.Name] = true
		at = p
	}
	return nil
}

// evaluate evaluates the code of a class, node or defined type once.
func (c *Compiler) evaluate(r *Resource) error {
	if r.evaluated {
		return nil
	}
	r.evaluated = true
	if r.def == nil {
		return raisef("Cannot find definition %s", r.Type)
	}
	r.addScopeTags()
	return c.evaluateCode(r)
}

func (c *Compiler) evaluateCode(r *Resource) error {
	d := r.def
	s := r.scope
	if d.Parent != "" {
		p, err := c.parentOf(d)
		if err != nil {
			return err
		}
		if pr := c.table[refKey("Class", p.Name)]; pr != nil {
			if err := c.evaluate(pr); err != nil {
				return err
			}
			if ps := c.classScopes[p.Name]; ps != nil {
				s = ps
			}
		}
	}
	if !(r.isClass() && d.Name == "") {
		parent := s
		s = newScope(c, parent)
		s.source, s.resource = d, r
	}
	if d.Kind != DefineKind && d.Name != "" {
		c.addClass(d.Name)
	}
	if err := c.bindParameters(r, s); err != nil {
		return err
	}
	if err := c.edgeToStage(r); err != nil {
		return err
	}
	return c.evaluateBody(d, s)
}

func (c *Compiler) evaluateBody(d *Definition, s *Scope) error {
	saved := s.top
	defer func() { s.top = saved }()
	if d.match != nil {
		s.pushMatch(d.match)
	}
	bodies := []syntax.Expr{d.body}
	if d.Kind == ClassKind && d.Name == "" {
		bodies = c.mainBodies
	}
	for _, b := range bodies {
		if b == nil {
			continue
		}
		if _, err := c.eval(b, s); err != nil {
			j, ok := err.(*jump)
			switch {
			case ok && (j.kind == jumpReturn || j.kind == jumpNext) && !(d.Kind == ClassKind && d.Name == ""):
				return nil
			case ok:
				return illegalJump(j)
			}
			return err
		}
	}
	return nil
}

// illegalJump is the error for return, next or break where nothing takes it.
func illegalJump(j *jump) error {
	return &Error{Class: CompileError, Message: j.Error(), File: j.file, Line: j.line}
}

func (c *Compiler) addClass(name string) {
	c.classNames = append(c.classNames, name)
	c.tagCatalog(name)
}

func (c *Compiler) tagCatalog(name string) {
	if validTag(name) {
		c.tags.addSegments(strings.ToLower(name))
	}
}

// edgeToStage puts a class into its stage.
func (c *Compiler) edgeToStage(r *Resource) error {
	if !r.isClass() {
		return nil
	}
	name := r.Get("stage")
	if pcore.IsUndef(name) && r.scope != nil && r.scope.resource != nil {
		name = r.scope.resource.Get("stage")
	}
	title := "main"
	if !pcore.IsUndef(name) {
		title = name.String()
	}
	stage := c.table[refKey("Stage", title)]
	if stage == nil {
		shown := "main"
		if v := r.Get("stage"); !pcore.IsUndef(v) {
			shown = v.String()
		}
		return raisef("Could not find stage %s specified by %s", shown, r.Ref())
	}
	if pcore.IsUndef(r.Get("stage")) && stage.Title != "main" {
		r.set("stage", pcore.String(stage.Title))
	}
	c.addEdge(stage, r)
	return nil
}
