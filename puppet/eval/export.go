package eval

import (
	"fmt"
	"slices"

	"github.com/chargehand/chargehand/puppet/catalog"
	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// Catalog gives the catalog that Run made, with data for parameters. Without
// rich, values that JSON does not know become text.
func (c *Compiler) Catalog(rich bool) (*catalog.Catalog, error) {
	out := &catalog.Catalog{
		Name: c.opts.Node, Environment: c.opts.Environment, Classes: c.classNames, Tags: c.tags.list, Format: 1,
	}
	for _, r := range c.all {
		if r.virtual && !r.Exported {
			continue
		}
		w, err := c.export(r, rich)
		if err != nil {
			return nil, err
		}
		out.Resources = append(out.Resources, w)
	}
	for _, e := range c.edges {
		if gone(e.from) || gone(e.to) {
			continue
		}
		out.Edges = append(out.Edges, catalog.Edge{Source: e.from.Ref(), Target: e.to.Ref()})
	}
	return out, nil
}

func gone(r *Resource) bool { return r.virtual && !r.Exported }

func (c *Compiler) export(r *Resource, rich bool) (*catalog.Resource, error) {
	w := &catalog.Resource{
		Type: r.Type, Title: r.Title, Tags: r.tags.list, File: r.File, Line: r.Line,
		Exported: r.Exported, Virtual: r.virtual, Kind: r.Kind, Sensitive: r.sensitive,
	}
	for _, p := range r.exportParams() {
		s := pcore.Serializer{Rich: rich}
		if !rich {
			s.Warn = func(path string, v pcore.Value) { c.warnText(r, p.Name, path, v) }
		}
		v, err := s.ToData(withReferences(p.Value))
		if err != nil {
			return nil, fmt.Errorf("%s['%s'] %w", r.Ref(), p.Name, err)
		}
		w.Parameters = append(w.Parameters, catalog.Parameter{Name: p.Name, Value: v})
	}
	return w, nil
}

// withReferences writes references to resources as text: File[/a].
func withReferences(v pcore.Value) pcore.Value {
	switch v := v.(type) {
	case *pcore.ResourceType, *pcore.ClassType:
		return pcore.String(refText(v))
	case *pcore.Array:
		if !holdsReference(v) {
			return v
		}
		list := make([]pcore.Value, v.Len())
		for i, e := range v.All() {
			list[i] = withReferences(e)
		}
		return pcore.NewArray(list)
	case *pcore.Hash:
		if !holdsReference(v) {
			return v
		}
		b := pcore.NewHashBuilder(v.Len())
		for k, e := range v.All() {
			b.Set(withReferences(k), withReferences(e))
		}
		return b.Hash()
	}
	return v
}

func holdsReference(v pcore.Value) bool {
	switch v := v.(type) {
	case *pcore.ResourceType, *pcore.ClassType:
		return true
	case *pcore.Array:
		return slices.ContainsFunc(v.Slice(), holdsReference)
	case *pcore.Hash:
		return slices.ContainsFunc(v.Entries(), func(e pcore.Entry) bool { return holdsReference(e.Key) || holdsReference(e.Value) })
	}
	return false
}

// warnText warns of a value that became text.
func (c *Compiler) warnText(r *Resource, name, _ string, v pcore.Value) {
	message := fmt.Sprintf("%s['%s'] contains %s value. It will be converted to the String '%s'", r.Ref(), name, rubyLabel(v), v.String())
	code := "SERIALIZATION_UNKNOWN_CONVERTED_TO_STRING"
	if _, ok := v.(pcore.Default); ok {
		message = fmt.Sprintf("%s['%s'] contains the special value default. It will be converted to the String 'default'", r.Ref(), name)
		code = "SERIALIZATION_DEFAULT_CONVERTED_TO_STRING"
	}
	c.Log(Event{Level: "warning", Message: message, File: r.File, Line: r.Line, Code: code})
}

// rubyLabel is what the warning calls a value.
func rubyLabel(v pcore.Value) string {
	if _, ok := v.(pcore.Type); ok {
		return aLabel(v)
	}
	return syntax.An(pcore.RubyClass(v))
}

// exportParams are the parameters as the catalog has them: what the title
// says, unless it is the title itself, then what was set.
func (r *Resource) exportParams() []catalog.Parameter {
	namevar := "name"
	titleSays := map[string]string{"name": r.Title}
	if r.builtin != nil {
		namevar = r.builtin.namevar()
		titleSays = r.builtin.split(r.Title)
	}
	var list []catalog.Parameter
	add := func(name string, v pcore.Value) {
		if name == namevar && v == pcore.Value(pcore.String(r.Title)) && !r.titleIsMain() {
			return
		}
		list = append(list, catalog.Parameter{Name: name, Value: v})
	}
	for _, name := range sortedKeys(titleSays) {
		if p := r.params[name]; p == nil || pcore.IsUndef(p.Value) {
			add(name, pcore.String(titleSays[name]))
		}
	}
	for _, name := range r.order {
		v := r.params[name].Value
		if pcore.IsUndef(v) {
			continue
		}
		if a, ok := v.(*pcore.Array); ok && isRelationship(name) {
			v = pcore.NewArray(slices.DeleteFunc(slices.Clone(flatten(a.Slice())), pcore.IsUndef))
		}
		add(name, v)
	}
	return list
}

// titleIsMain marks the two resources whose name the catalog spells out.
func (r *Resource) titleIsMain() bool {
	return r.isMain() || r.Type == "Stage" && r.Title == "main"
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
