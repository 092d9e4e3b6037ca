package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// evaluateGenerators evaluates collectors and defined types until nothing new
// comes of it.
func (c *Compiler) evaluateGenerators() error {
	const mostRounds = 1000
	for round := 0; ; round++ {
		found, err := c.evaluateCollectors()
		if err != nil {
			return err
		}
		some, err := c.evaluateDefinitions()
		if err != nil {
			return err
		}
		if !found && !some {
			return nil
		}
		if round > mostRounds {
			return &compileFailure{message: "Somehow looped more than 1000 times while evaluating host catalog"}
		}
	}
}

func (c *Compiler) evaluateCollectors() (bool, error) {
	found := false
	for _, k := range append([]*Collector{}, c.collectors...) {
		fresh, err := k.evaluate()
		if err != nil {
			return false, err
		}
		found = found || fresh
	}
	return found, nil
}

func (c *Compiler) evaluateDefinitions() (bool, error) {
	var waiting []*Resource
	for _, r := range c.resources {
		if !r.evaluated && !r.virtual && r.builtin == nil {
			waiting = append(waiting, r)
		}
	}
	for _, r := range waiting {
		err := c.evaluate(r)
		if err == nil {
			continue
		}
		if _, stop := err.(*limitError); stop {
			return false, err
		}
		return false, &Error{
			Code:    "RUNTIME_ERROR",
			Message: "Evaluation Error: Error while evaluating a Resource Statement, " + err.Error(),
			File:    r.File, Line: r.Line, Cause: err,
		}
	}
	return len(waiting) > 0, nil
}

// validateRelationships checks that the ends of relationship parameters exist.
func (c *Compiler) validateRelationships() error {
	for _, r := range c.resources {
		if r.virtual {
			continue
		}
		for _, name := range r.order {
			if !isRelationship(name) {
				continue
			}
			p := r.params[name]
			for _, v := range flatten([]pcore.Value{p.Value}) {
				if pcore.IsUndef(v) {
					continue
				}
				text := refText(v)
				if _, title, ok := splitRef(text); !ok || title == "" {
					return failAt(p.File, p.Line, "No title provided and %s is not a valid resource reference", pcore.InspectRuby(pcore.String(text)))
				}
				if c.FindRef(text) == nil {
					return failAt(p.File, p.Line, "Could not find resource '%s' in parameter '%s'", text, name)
				}
			}
		}
	}
	return nil
}

// finish applies what was kept for the end and validates each resource.
func (c *Compiler) finish() error {
	if err := c.evaluateRelations(); err != nil {
		return err
	}
	for _, r := range c.resources {
		ref := r.Ref()
		for _, o := range c.overrides[ref] {
			if err := c.merge(r, o); err != nil {
				return err
			}
		}
		delete(c.overrides, ref)
		if err := c.finishResource(r); err != nil {
			return err
		}
	}
	c.inheritMetaparameters()
	return nil
}

func (c *Compiler) finishResource(r *Resource) error {
	if r.finished {
		return nil
	}
	r.finished = true
	r.addScopeTags()
	for _, name := range r.order {
		p := r.params[name]
		if secret, ok := p.Value.(*pcore.Sensitive); ok {
			plain := *p
			plain.Value = secret.Unwrap()
			r.params[name] = &plain
			r.sensitive = append(r.sensitive, name)
		}
	}
	if r.builtin != nil {
		for _, name := range r.order {
			if !r.builtin.valid(name) {
				// The place is told twice: by the check and by what catches it.
				return failAt(r.File, r.Line, "no parameter named '%s'%s on %s", name, at(r), r.Ref())
			}
		}
		return nil
	}
	if r.def == nil {
		return nil
	}
	b := &bindings{values: make(map[string]pcore.Value, len(r.params))}
	for _, n := range r.order {
		v := r.params[n].Value
		if contains(r.sensitive, n) {
			v = pcore.NewSensitive(v)
		}
		b.set(n, v)
	}
	if r.def.Kind == NodeKind {
		return nil
	}
	return c.checkParameters(r, b)
}

func at(r *Resource) string {
	return (&compileFailure{file: r.File, line: r.Line}).Error()
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// inheritMetaparameters hands noop, schedule and the like, and tags, from
// containers to what they contain.
func (c *Compiler) inheritMetaparameters() {
	out := map[*Resource][]*Resource{}
	for _, e := range c.edges {
		out[e.from] = append(out[e.from], e.to)
	}
	main := c.table["main"]
	seen := map[*Resource]bool{main: true}
	for queue := []*Resource{main}; len(queue) > 0; queue = queue[1:] {
		r := queue[0]
		for _, target := range out[r] {
			for _, name := range Metaparameters() {
				if p := r.params[name]; p != nil && !isRelationship(name) && !pcore.IsUndef(p.Value) && pcore.IsUndef(target.Get(name)) {
					target.set(name, p.Value)
				}
			}
			target.tags.merge(&r.tags)
			if !seen[target] {
				seen[target] = true
				queue = append(queue, target)
			}
		}
	}
}

func (c *Compiler) failOnUnevaluated() error {
	var open []string
	for _, ref := range c.overOrder {
		for range c.overrides[ref] {
			open = append(open, ref)
		}
	}
	if len(open) > 0 {
		return &compileFailure{message: "Could not find resource(s) " + strings.Join(open, ", ") + " for overriding"}
	}
	for _, k := range c.collectors {
		for _, t := range k.titles {
			open = append(open, t.String())
		}
	}
	if len(open) > 0 {
		return &compileFailure{message: "Failed to realize virtual resources " + strings.Join(open, ", ")}
	}
	return nil
}
