package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

func (c *Compiler) resourceOverride(e *syntax.ResourceOverride, s *Scope) (pcore.Value, error) {
	v, err := c.eval(e.Resources, s)
	if err != nil {
		return nil, err
	}
	params, err := c.attributes(e, e.Ops, s)
	if err != nil {
		return nil, err
	}
	for _, ref := range flatten([]pcore.Value{v}) {
		t, ok := ref.(*pcore.ResourceType)
		if !ok {
			return nil, fail(e, "ILLEGAL_OVERRIDDEN_TYPE", "Resource Override can only operate on resources, got: %s", label(ref))
		}
		if err := c.overrideOf(t, params, s, e.File(), e.Line()); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (c *Compiler) overrideOf(t *pcore.ResourceType, params []*Param, s *Scope, file string, line int) error {
	rt, ok, err := c.resourceTypeNamed(t.TypeName)
	if err != nil {
		return err
	}
	if !ok {
		return raisef("Unknown resource type: '%s'", strings.ToLower(t.TypeName))
	}
	o, err := c.newResource(rt, t.Title, s, params, false, callPlace{file, line})
	if err != nil {
		return err
	}
	return c.addOverride(o)
}

// addOverride merges an override into its resource, or keeps it until the
// resource comes.
func (c *Compiler) addOverride(o *Resource) error {
	if r := c.findResource(o.Type, o.Title); r != nil {
		return c.merge(r, o)
	}
	ref := o.Ref()
	if c.overrides[ref] == nil {
		c.overOrder = append(c.overOrder, ref)
	}
	c.overrides[ref] = append(c.overrides[ref], o)
	return nil
}

// merge applies an override to a resource.
func (c *Compiler) merge(r, o *Resource) error {
	if r.source != o.source && !o.source.childOf(c, r.source) {
		return failAt(o.File, o.Line, "Only subclasses can override parameters")
	}
	if r.evaluated {
		if err := c.mergeTooLate(r, o); err != nil {
			return err
		}
	}
	for _, name := range o.order {
		if err := c.overrideParam(r, o.params[name]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Compiler) mergeTooLate(r, o *Resource) error {
	message := "Attempt to override an already evaluated resource"
	if at := syntax.Location(r.File, r.Line, 0); at != "" {
		message += ", defined at" + at + ","
	}
	message += " with new values"
	switch c.settings.Strict {
	case "off":
	case "error":
		return failAt(o.File, o.Line, "%s", message)
	default:
		c.Log(Event{Level: "warning", Message: message + syntax.Location(o.File, o.Line, 0)})
	}
	return nil
}

func (c *Compiler) overrideParam(r *Resource, p *Param) error {
	old := r.params[p.Name]
	if old == nil {
		return r.setParam(p)
	}
	if r.scope.isDefault(r.Type, p.Name, p.Value) {
		return nil
	}
	if !p.source.childOf(c, old.source) && !(p.source == old.source && r.scope.isDefault(r.Type, p.Name, old.Value)) {
		by, at := "", ""
		if name := old.source.String(); name != "" {
			by = " by " + name
		}
		if l := syntax.Location(old.File, old.Line, 0); l != "" {
			at = " at" + l
		}
		return failAt(p.File, p.Line, "Parameter '%s' is already set on %s%s%s; cannot redefine", p.Name, r.Ref(), by, at)
	}
	if p.add {
		merged := *p
		merged.Value = pcore.NewArray(flatten([]pcore.Value{old.Value, p.Value}))
		p = &merged
	}
	return r.setParam(p)
}
