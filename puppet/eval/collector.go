package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// Collector finds resources of the catalog, and of other nodes, again and
// again while the catalog grows.
type Collector struct {
	c        *Compiler
	scope    *Scope
	typ      string
	exported bool
	query    func(*Resource) (bool, error)
	filter   *Filter
	params   []*Param // overrides
	override bool
	file     string
	line     int

	titles    []titleRef // realize: a fixed set
	fixed     bool
	collected map[string]bool
	order     []*Resource
	fetched   bool
	instead   []pcore.Value // what stands before it in a chain, for when it finds nothing
}

type titleRef struct{ typ, title string }

func (t titleRef) String() string { return t.typ + "[" + t.title + "]" }

// String implements pcore.Value.
func (k *Collector) String() string { return label(k) + "[" + k.typ + "]" }

// Type implements pcore.Value.
func (k *Collector) Type() pcore.Type { return &pcore.RuntimeType{Runtime: "ruby", Of: "Collector"} }

func (c *Compiler) collect(e *syntax.Collect, s *Scope) (pcore.Value, error) {
	if e.Query.Exported && !c.settings.StoreConfigs {
		c.warnAt(e, "RT_NO_STORECONFIGS", "You cannot collect exported resources without storeconfigs being set; the collection will be ignored")
	}
	ref, ok := e.Type.(*syntax.QualifiedReference)
	if !ok {
		return nil, raisef("LHS is not a type")
	}
	if ref.Value == "class" {
		return nil, raisef("Classes cannot be collected")
	}
	t, ok, err := c.resourceTypeNamed(ref.Value)
	if err != nil {
		return nil, err
	}
	if !ok {
		if path := c.rubyFile("type", ref.Value); path != "" {
			return nil, inRuby("resource type", ref.Value, path)
		}
		return nil, raisef("Resource type %s doesn't exist", ref.Value)
	}
	k := &Collector{c: c, scope: s, typ: t.typeName(), exported: e.Query.Exported, file: e.File(), line: e.Line(), collected: map[string]bool{}}
	if len(e.Ops) > 0 {
		if k.params, err = c.attributes(e, e.Ops, s); err != nil {
			return nil, err
		}
		k.override = true
	}
	if e.Query.X != nil {
		if k.query, err = c.query(e.Query.X, s); err != nil {
			return nil, err
		}
		if k.exported {
			if k.filter, err = c.queryFilter(e.Query.X, s); err != nil {
				return nil, err
			}
		}
	}
	c.collectors = append(c.collectors, k)
	return k, nil
}

// query makes a test of resources.
func (c *Compiler) query(e syntax.Expr, s *Scope) (func(*Resource) (bool, error), error) {
	switch e := unparen(e).(type) {
	case *syntax.Binary:
		switch e.Op {
		case "and", "or":
			l, err := c.query(e.L, s)
			if err != nil {
				return nil, err
			}
			r, err := c.query(e.R, s)
			if err != nil {
				return nil, err
			}
			return func(x *Resource) (bool, error) {
				if hit, err := l(x); err != nil || hit == (e.Op == "or") {
					return hit, err
				}
				return r(x)
			}, nil
		case "==", "!=":
			return c.queryComparison(e, s)
		}
	}
	v, err := c.eval(e, s)
	if err != nil {
		return nil, err
	}
	return nil, raisef("undefined method `call' for %s", pcore.InspectRuby(v))
}

func (c *Compiler) queryComparison(e *syntax.Binary, s *Scope) (func(*Resource) (bool, error), error) {
	left, err := c.queryOperand(e.L, s)
	if err != nil {
		return nil, err
	}
	right, err := c.queryOperand(e.R, s)
	if err != nil {
		return nil, err
	}
	name := left.String()
	if e.Op == "==" && name == "tag" {
		tags := []string{}
		for _, v := range flatten([]pcore.Value{right}) {
			switch v.(type) {
			case pcore.Integer, pcore.Float:
				return nil, raisef("Cannot transform a number to a tag")
			}
			tags = append(tags, strings.ToLower(v.String()))
		}
		return func(r *Resource) (bool, error) { return r.tagged(tags), nil }, nil
	}
	return func(r *Resource) (bool, error) {
		v := r.Get(name)
		if e.Op == "!=" {
			return !equalRefs(v, right), nil
		}
		if a, ok := v.(*pcore.Array); ok {
			return c.includes(a, right, s), nil
		}
		return equalRefs(v, right), nil
	}, nil
}

func equalRefs(a, b pcore.Value) bool { return pcore.Equal(a, b) }

// queryOperand evaluates a side of a comparison in a query.
func (c *Compiler) queryOperand(e syntax.Expr, s *Scope) (pcore.Value, error) {
	switch x := unparen(e).(type) {
	case *syntax.Access, *syntax.Variable, *syntax.Boolean, *syntax.String, *syntax.Concat, *syntax.Integer, *syntax.Float, *syntax.Undef, *syntax.QualifiedName:
		return c.eval(x, s)
	default:
		return nil, raisef("Cannot transform object of class %s", rubyNode(x))
	}
}

// rubyNode names the class that a node has in Puppet, for a message.
func rubyNode(e syntax.Expr) string {
	name := "LiteralList"
	switch e.(type) {
	case *syntax.Call:
		name = "CallNamedFunctionExpression"
	case *syntax.CallMethod:
		name = "CallMethodExpression"
	case *syntax.Hash:
		name = "LiteralHash"
	case *syntax.Regexp:
		name = "LiteralRegularExpression"
	case *syntax.QualifiedReference:
		name = "QualifiedReference"
	case *syntax.Default:
		name = "LiteralDefault"
	case *syntax.Minus:
		name = "UnaryMinusExpression"
	case *syntax.Selector:
		name = "SelectorExpression"
	}
	return "Puppet::Pops::Model::" + name
}

// queryFilter makes a query on exported resources.
func (c *Compiler) queryFilter(e syntax.Expr, s *Scope) (*Filter, error) {
	b, ok := unparen(e).(*syntax.Binary)
	if !ok {
		return nil, raisef("Cannot transform object of class %s", rubyNode(e))
	}
	f := &Filter{Op: b.Op}
	var err error
	if b.Op == "and" || b.Op == "or" {
		if f.Left, err = c.queryFilter(b.L, s); err != nil {
			return nil, err
		}
		f.Right, err = c.queryFilter(b.R, s)
		return f, err
	}
	name, err := c.queryOperand(b.L, s)
	if err != nil {
		return nil, err
	}
	f.Name = name.String()
	f.Value, err = c.queryOperand(b.R, s)
	return f, err
}

// evaluate looks for resources that were not found before.
func (k *Collector) evaluate() (bool, error) {
	found, err := k.find()
	if err != nil {
		return false, err
	}
	for _, r := range found {
		r.virtual = false
	}
	if k.override && len(found) > 0 && k.scope.source != nil {
		k.scope.source.overrid = true
	}
	fresh := false
	for _, r := range found {
		ref := r.Ref()
		if k.collected[ref] {
			continue
		}
		if k.override {
			o, err := k.c.newResource(resourceType{def: r.def, builtin: r.builtin}, r.Title, k.scope, k.params, false, callPlace{k.file, k.line})
			if err != nil {
				return false, err
			}
			if err := k.c.addOverride(o); err != nil {
				return false, err
			}
		}
		k.collected[ref] = true
		k.order = append(k.order, r)
		fresh = true
	}
	return fresh, nil
}

func (k *Collector) find() ([]*Resource, error) {
	if k.fixed {
		return k.findFixed(), nil
	}
	if k.exported && !k.c.settings.StoreConfigs {
		return nil, nil
	}
	var found []*Resource
	for _, r := range k.c.resources {
		if r.Type != k.typ || k.exported && !r.Exported {
			continue
		}
		hit := true
		if k.query != nil {
			var err error
			if hit, err = k.query(r); err != nil {
				return nil, err
			}
		}
		if hit {
			found = append(found, r)
		}
	}
	if !k.exported {
		return found, nil
	}
	imported, err := k.importExported()
	return append(found, imported...), err
}

// importExported takes resources of other nodes into the catalog.
func (k *Collector) importExported() ([]*Resource, error) {
	if k.c.opts.Exports == nil || k.fetched {
		return nil, nil
	}
	k.fetched = true
	list, err := k.c.opts.Exports.Search(k.c.ctx, k.typ, k.filter)
	if err != nil {
		return nil, err
	}
	var added []*Resource
	for _, x := range list {
		id := x.Certname + "|" + x.Type + "|" + x.Title
		if old := k.c.findResource(x.Type, x.Title); old != nil {
			if old.collectorID != id {
				return nil, &compileFailure{message: "A duplicate resource was found while collecting exported resources, with the type and title " + canonicalType(x.Type) + "[" + x.Title + "]"}
			}
			continue
		}
		r, err := k.importOne(x, id)
		if err != nil {
			return nil, err
		}
		added = append(added, r)
	}
	return added, nil
}

func (k *Collector) importOne(x ExportedResource, id string) (*Resource, error) {
	t, ok, err := k.c.resourceTypeNamed(x.Type)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, raisef("Unknown resource type: '%s'", x.Type)
	}
	r, err := k.c.newResource(t, x.Title, k.scope, nil, true, callPlace{})
	if err != nil {
		return nil, err
	}
	r.virtual, r.collectorID = true, id
	if x.Parameters != nil {
		for n, v := range x.Parameters.All() {
			r.set(n.String(), v)
		}
	}
	for _, tag := range x.Tags {
		if err := r.tag(tag); err != nil {
			return nil, err
		}
	}
	return r, k.c.addResource(k.scope, r)
}

// findFixed finds the resources of realize that have come by now.
func (k *Collector) findFixed() []*Resource {
	var found []*Resource
	var open []titleRef
	for _, t := range k.titles {
		if r := k.c.findResource(t.typ, t.title); r != nil {
			r.virtual = false
			found = append(found, r)
			continue
		}
		open = append(open, t)
	}
	k.titles = open
	return found
}
