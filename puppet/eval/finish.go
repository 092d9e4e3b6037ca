package eval

import (
	"fmt"
	"sort"
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
		err = fmt.Errorf("Could not find class %s for %s", name, c.opts.Node)
	}
	return d, err
}

// sortedNames gives the names of a set in order.
func sortedNames(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for n := range set {
		list = append(list, n)
	}
	sort.Strings(list)
	return list
}
