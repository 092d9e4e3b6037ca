package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// relation is an arrow between two ends, each a reference or a collector.
type relation struct {
	from, to pcore.Value
	param    string // before or notify
}

// relationship evaluates an arrow and gives its right end, so that arrows
// chain.
func (c *Compiler) relationship(e *syntax.Relationship, s *Scope) (pcore.Value, error) {
	left, err := c.relationEnd(e, e.L, s)
	if err != nil {
		return nil, err
	}
	right, err := c.relationEnd(e, e.R, s)
	if err != nil {
		return nil, err
	}
	from, to := left, right
	if e.Op[0] == '<' {
		from, to = right, left
	}
	param := "before"
	if strings.Contains(e.Op, "~") {
		param = "notify"
	}
	for _, f := range from {
		for _, t := range to {
			if err := c.checkEnds(f, t); err != nil {
				return nil, err
			}
			c.relations = append(c.relations, relation{f, t, param})
		}
	}
	if len(right) == 0 {
		return pcore.NewArray(left), nil
	}
	if k, ok := right[0].(*Collector); ok && len(right) == 1 {
		k.instead = left
	}
	return pcore.NewArray(right), nil
}

func (c *Compiler) relationEnd(e *syntax.Relationship, x syntax.Expr, s *Scope) ([]pcore.Value, error) {
	v, err := c.eval(x, s)
	if err != nil {
		return nil, err
	}
	var ends []pcore.Value
	seen := map[any]bool{}
	for _, v := range flatten([]pcore.Value{v}) {
		end, err := c.relationTarget(e, v)
		if err != nil {
			return nil, err
		}
		var key any = end
		if t, ok := end.(pcore.Type); ok {
			key = pcore.Key(t)
		}
		if !seen[key] {
			seen[key] = true
			ends = append(ends, end)
		}
	}
	return ends, nil
}

func (c *Compiler) relationTarget(e *syntax.Relationship, v pcore.Value) (pcore.Value, error) {
	switch v := v.(type) {
	case *Collector:
		return v, nil
	case pcore.String:
		t, err := c.ParseType(string(v))
		if err != nil {
			return nil, err
		}
		return c.catalogType(e, t)
	case pcore.Type:
		return c.catalogType(e, v)
	}
	return nil, fail(e, "ILLEGAL_RELATIONSHIP_OPERAND_TYPE", "Illegal relationship operand, can not form a relationship with %s. A Catalog type is required.", aLabel(v))
}

func (c *Compiler) catalogType(e *syntax.Relationship, t pcore.Type) (pcore.Value, error) {
	inner := t
	if tt, ok := t.(*pcore.TypeType); ok && tt.Of != nil {
		inner = tt.Of
	}
	switch inner.(type) {
	case *pcore.ResourceType, *pcore.ClassType:
		return inner, nil
	}
	if t == pcore.Type(pcore.CatalogEntryType) {
		return t, nil
	}
	return nil, fail(e, "NOT_CATALOG_TYPE", "Illegal relationship operand, can not form a relationship with something of type %s. A Catalog type is required.", t.String())
}

// ParseType reads a type from text, as Type references in strings are.
func (c *Compiler) ParseType(text string) (pcore.Type, error) {
	res, err := syntax.Parse("", text, syntax.Options{})
	if err != nil {
		return nil, raisef("The expression <%s> is not a valid type specification.", text)
	}
	switch res.Program.Body.(type) {
	case *syntax.QualifiedReference, *syntax.Access:
	default:
		return nil, raisef("The expression <%s> is not a valid type specification.", text)
	}
	v, err := c.top.withoutFrames(func() (pcore.Value, error) { return c.eval(res.Program.Body, c.top) })
	if err != nil {
		return nil, err
	}
	t, ok := v.(pcore.Type)
	if !ok {
		return nil, raisef("The expression <%s> is not a valid type specification.", text)
	}
	return t, nil
}

// checkEnds makes sure that the types of both ends exist.
func (c *Compiler) checkEnds(ends ...pcore.Value) error {
	for _, v := range ends {
		t, ok := v.(*pcore.ResourceType)
		if !ok || t.TypeName == "" {
			continue
		}
		if name := strings.ToLower(t.TypeName); name == "class" || name == "node" {
			continue
		}
		_, known, err := c.resourceTypeNamed(t.TypeName)
		if err != nil {
			return err
		}
		if !known {
			return raisef("No title provided and nil is not a valid resource reference")
		}
	}
	return nil
}

// reference splits a catalog type into a resource's type and title.
func reference(v pcore.Value) (typ, title string, ok bool) {
	switch t := v.(type) {
	case *pcore.ClassType:
		return "Class", classTitle(t.ClassName), t.ClassName != ""
	case *pcore.ResourceType:
		typ, title := canonicalType(t.TypeName), t.Title
		if typ == "Class" {
			title = classTitle(title)
		}
		return typ, title, t.TypeName != ""
	}
	return "", "", false
}

func classTitle(name string) string {
	return pcore.CapitalizeSegments(strings.TrimPrefix(name, "::"))
}

// refText is a reference as a parameter has it: File[/a].
func refText(v pcore.Value) string {
	typ, title, ok := reference(v)
	if !ok {
		return v.String()
	}
	return typ + "[" + title + "]"
}

func badReferenceText(text string) error {
	return raisef("No title provided and %s is not a valid resource reference", pcore.InspectRuby(pcore.String(text)))
}

// evaluateRelations writes the arrows into the parameters of their left ends.
func (c *Compiler) evaluateRelations() error {
	for _, rel := range c.relations {
		for _, from := range ends(rel.from, true) {
			for _, to := range ends(rel.to, false) {
				if err := c.relate(from, to, rel.param); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// end is one end of a relationship, found or only named.
type end struct {
	r    *Resource
	text string
}

// ends gives the resources at an end. A collector on the left that found
// nothing stands for what is before it in the chain.
func ends(v pcore.Value, left bool) []end {
	k, ok := v.(*Collector)
	if !ok {
		return []end{{text: refText(v)}}
	}
	var list []end
	for _, r := range k.order {
		list = append(list, end{r, r.Ref()})
	}
	if len(list) == 0 && left {
		if len(k.instead) == 1 {
			return ends(k.instead[0], true)
		}
		for _, v := range k.instead {
			list = append(list, end{text: refText(v)})
		}
	}
	return list
}

func (c *Compiler) relate(from, to end, param string) error {
	for _, e := range []end{from, to} {
		if e.r == nil && strings.HasSuffix(e.text, "[]") {
			return badReferenceText(e.text)
		}
	}
	source, target := from.r, to.r
	if source == nil {
		source = c.FindRef(from.text)
	}
	if source == nil {
		return raisef("Could not find resource '%s' for relationship on '%s'", from.text, to.text)
	}
	if target == nil {
		target = c.FindRef(to.text)
	}
	if target == nil {
		return raisef("Could not find resource '%s' for relationship from '%s'", to.text, from.text)
	}
	var list []pcore.Value
	old := source.params[param]
	if old != nil {
		switch v := old.Value.(type) {
		case pcore.Undef:
		case *pcore.Array:
			list = append(list, v.Slice()...)
		default:
			list = append(list, v)
		}
	}
	p := &Param{Name: param, Value: pcore.NewArray(append(list, pcore.String(to.text))), source: source.source}
	if old != nil {
		if _, was := old.Value.(*pcore.Array); was {
			p.File, p.Line = old.File, old.Line
		}
	}
	return source.setParam(p)
}
