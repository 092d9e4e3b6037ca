package eval

import (
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// NodeFacts are what the compiler knows of the node.
type NodeFacts struct {
	Parameters  *pcore.Hash // top-scope variables: facts and ENC parameters
	Facts       *pcore.Hash
	Trusted     *pcore.Hash
	ServerFacts *pcore.Hash
	Classes     []NodeClass // from the ENC
}

// NodeClass is a class that the ENC assigns; Parameters is nil for one without.
type NodeClass struct {
	Name       string
	Parameters *pcore.Hash
}

// Run compiles: it evaluates the manifests, the node's block and its classes,
// and all that follows from them.
func (c *Compiler) Run(n NodeFacts) error {
	for _, k := range n.Classes {
		c.addClass(k.Name)
	}
	if err := c.Prepare(n); err != nil {
		return err
	}
	steps := []func() error{
		c.evaluateNode,
		func() error { return c.evaluateNodeClasses(n.Classes) },
		c.evaluateGenerators, c.validateRelationships, c.finish, c.failOnUnevaluated,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Prepare sets the scene: variables, settings and the main class, whose code
// it evaluates.
func (c *Compiler) Prepare(n NodeFacts) error {
	stage := &Resource{Type: "Stage", Title: "main", Kind: "compilable_type", scope: c.top, builtin: c.types["stage"], params: map[string]*Param{}}
	stage.tags.add("stage")
	if err := c.register(stage); err != nil {
		return err
	}
	units, err := c.loader.Main()
	if err != nil {
		return err
	}
	for _, u := range units {
		if _, err := c.addUnit(u); err != nil {
			return err
		}
		if u.Program.Body != nil {
			c.mainBodies = append(c.mainBodies, u.Program.Body)
		}
	}
	c.setVariables(n)
	if err := c.settingsScope(); err != nil {
		return err
	}
	return c.evaluateMain()
}

func (c *Compiler) setVariables(n NodeFacts) {
	if n.Parameters != nil {
		for k, v := range n.Parameters.All() {
			if k.String() != "environment" {
				c.top.vars[k.String()] = v
			}
		}
	}
	c.top.vars["environment"] = pcore.String(c.opts.Environment)
	for name, h := range map[string]*pcore.Hash{"trusted": n.Trusted, "server_facts": n.ServerFacts, "facts": n.Facts} {
		if h == nil {
			h = pcore.NewHash(nil)
		}
		c.top.vars[name] = h
	}
}

// settingsScope makes the class settings, whose variables are Puppet's
// settings.
func (c *Compiler) settingsScope() error {
	d := &Definition{Kind: ClassKind, Name: "settings"}
	c.classes["settings"] = d
	r := &Resource{Type: "Class", Title: "Settings", Kind: "unknown", scope: c.top, def: d, source: d, params: map[string]*Param{}, evaluated: true}
	r.tags.add("class")
	r.tags.add("settings")
	if err := c.register(r); err != nil {
		return err
	}
	s := newScope(c, c.top)
	s.source, s.resource = d, r
	c.classScopes["settings"] = s
	c.addClass("settings")
	c.addEdge(c.table[refKey("Stage", "main")], r)
	s.vars["title"], s.vars["name"] = pcore.String("settings"), pcore.String("settings")
	if v := c.settings.Values; v != nil {
		for k, value := range v.All() {
			s.vars[k.String()] = value
		}
		s.vars["all_local"] = v
	}
	return nil
}

func (c *Compiler) evaluateMain() error {
	d := c.classes[""]
	if d == nil {
		d = &Definition{Kind: ClassKind}
		c.classes[""] = d
	}
	r := &Resource{Type: "Class", Title: "main", Kind: "unknown", scope: c.top, def: d, source: d, params: map[string]*Param{}}
	r.tags.add("class")
	c.top.source, c.top.resource = d, r
	if err := c.addResource(c.top, r); err != nil {
		return err
	}
	return c.evaluate(r)
}

// evaluateNode evaluates the block of the node, if there are any blocks.
func (c *Compiler) evaluateNode() error {
	if len(c.nodeOrder) == 0 {
		return nil
	}
	d, err := c.matchNode(strings.ToLower(c.opts.Node))
	if err != nil {
		return err
	}
	if d == nil {
		return &compileFailure{message: fmt.Sprintf("Could not find node statement with name 'default' or '%s'", c.opts.Node)}
	}
	r, err := c.declareClass(d, c.top, nil, false)
	if err != nil {
		return err
	}
	if err := c.evaluate(r); err != nil {
		return err
	}
	c.nodeScope = c.classScopes[d.Name]
	return nil
}

func (c *Compiler) matchNode(name string) (*Definition, error) {
	if d := c.nodes[name]; d != nil && d.regexp == nil {
		return d, nil
	}
	for _, d := range c.nodeOrder {
		if d.regexp == nil {
			continue
		}
		loc, err := d.regexp.Find(name, 0)
		if err != nil {
			return nil, err
		}
		if loc != nil {
			d.match = groups(name, loc)
			return d, nil
		}
	}
	return c.nodes["default"], nil
}

// evaluateNodeClasses evaluates the classes that the ENC assigns: those with
// parameters first.
func (c *Compiler) evaluateNodeClasses(classes []NodeClass) error {
	s := c.nodeScope
	if s == nil {
		s = c.top
	}
	var with, without []NodeClass
	for _, k := range classes {
		if k.Parameters != nil && k.Parameters.Len() > 0 {
			with = append(with, k)
		} else {
			without = append(without, k)
		}
	}
	for _, list := range [][]NodeClass{with, without} {
		defs := make([]*Definition, len(list))
		for i, k := range list {
			d, err := c.classFor(k.Name)
			if err != nil {
				return err
			}
			defs[i] = d
		}
		for i, k := range list {
			if err := c.declareNodeClass(defs[i], k, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Compiler) declareNodeClass(d *Definition, k NodeClass, s *Scope) error {
	var params []*Param
	if k.Parameters != nil {
		for n, v := range k.Parameters.All() {
			params = append(params, &Param{Name: n.String(), Value: v, source: d})
		}
	}
	_, err := c.declareClass(d, s, params, len(params) > 0)
	return err
}

func (c *Compiler) classFor(name string) (*Definition, error) {
	d, err := c.findClass(name)
	if err == nil && d == nil {
		err = raisef("Could not find class %s for %s", name, c.opts.Node)
	}
	return d, err
}
