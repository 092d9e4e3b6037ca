package eval

import (
	"strings"
	"unicode"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// Param is the value of one attribute of a resource.
type Param struct {
	Name   string
	Value  pcore.Value
	File   string
	Line   int
	source *Definition // whose code set it
	add    bool        // +>
}

// Resource is a resource while its catalog is built.
type Resource struct {
	Type     string // with capitals: File, Class, My::Thing
	Title    string // "main" for the main class
	File     string
	Line     int
	Kind     string // compilable_type, defined_type, unknown
	Exported bool

	def       *Definition // of a class, node or defined type
	builtin   *ResourceType
	scope     *Scope
	source    *Definition
	params    map[string]*Param
	order     []string
	sensitive []string
	tags      tagSet

	virtual     bool
	evaluated   bool
	scopeTagged bool
	finished    bool
	collectorID string
}

// Ref is how other resources name it: File[/etc/motd].
func (r *Resource) Ref() string { return r.Type + "[" + r.Title + "]" }

// key is where the catalog's table has the resource. The main class has a key
// that no reference leads to.
func (r *Resource) key() string {
	if r.isMain() {
		return "main"
	}
	return refKey(r.Type, r.Title)
}

func (r *Resource) isMain() bool { return r.isClass() && r.def != nil && r.def.Name == "" }

func (r *Resource) isClass() bool { return r.Type == "Class" }

// Get gives an attribute, undef where it is not set. title is always set.
func (r *Resource) Get(name string) pcore.Value {
	if name == "title" {
		return pcore.String(r.Title)
	}
	if p := r.params[name]; p != nil {
		return p.Value
	}
	return pcore.Undef{}
}

func (r *Resource) setParam(p *Param) error {
	if r.params == nil {
		r.params = map[string]*Param{}
	}
	if p.Name == "tag" {
		if err := r.tagValue(p.Value); err != nil {
			return err
		}
	}
	if _, set := r.params[p.Name]; !set {
		r.order = append(r.order, p.Name)
	}
	r.params[p.Name] = p
	return nil
}

// set gives an attribute a value on behalf of the resource's own source.
func (r *Resource) set(name string, v pcore.Value) {
	p := &Param{Name: name, Value: v, source: r.source}
	_ = r.setParam(p) // fails for tags only
}

// tagSet keeps tags in the order they came.
type tagSet struct {
	list []string
	has  map[string]bool
}

func (t *tagSet) add(tag string) bool {
	if t.has[tag] {
		return false
	}
	if t.has == nil {
		t.has = make(map[string]bool, 8)
	}
	t.has[tag] = true
	t.list = append(t.list, tag)
	return true
}

func (t *tagSet) addSegments(tag string) {
	if t.add(tag) && strings.Contains(tag, "::") {
		for _, segment := range strings.Split(tag, "::") {
			t.add(segment)
		}
	}
}

func (t *tagSet) merge(o *tagSet) {
	for _, tag := range o.list {
		t.add(tag)
	}
}

// validTag tells whether a text may be a tag.
func validTag(tag string) bool {
	for i, r := range tag {
		if r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			continue
		}
		if i == 0 || !strings.ContainsRune(":.-", r) {
			return false
		}
	}
	return tag != ""
}

// tagIfValid adds a name of the resource's own.
func (r *Resource) tagIfValid(name string) {
	if validTag(name) {
		r.tags.addSegments(strings.ToLower(name))
	}
}

// tag adds a tag that somebody asked for.
func (r *Resource) tag(name string) error {
	name = strings.ToLower(name)
	if !validTag(name) {
		return &compileFailure{message: "Invalid tag '" + name + "'", file: r.File, line: r.Line}
	}
	r.tags.addSegments(name)
	return nil
}

func (r *Resource) tagValue(v pcore.Value) error {
	switch v := v.(type) {
	case pcore.Undef:
		return nil
	case *pcore.Array:
		for _, e := range v.All() {
			if err := r.tagValue(e); err != nil {
				return err
			}
		}
		return nil
	}
	return r.tag(v.String())
}

// tagged tells whether the resource, or the scope it was declared in, has one
// of the tags.
func (r *Resource) tagged(tags []string) bool {
	for _, t := range tags {
		if r.tags.has[t] {
			return true
		}
	}
	if c := r.scope.resource; c != nil && c != r {
		return c.tagged(tags)
	}
	return false
}

// addScopeTags takes over the tags of the container.
func (r *Resource) addScopeTags() {
	if r.scopeTagged {
		return
	}
	r.scopeTagged = true
	if c := r.scope.resource; c != nil && c != r {
		r.tags.merge(&c.tags)
	}
}

// newResource makes a resource of a type that was found, with the defaults
// in force where it is declared.
func (c *Compiler) newResource(t resourceType, title string, s *Scope, params []*Param, withDefaults bool, at callPlace) (*Resource, error) {
	r := &Resource{
		Type: t.typeName(), Title: title, Kind: t.kind(), scope: s, source: s.source, File: at.file, Line: at.line,
		def: t.def, builtin: t.builtin, params: make(map[string]*Param, len(params)+2),
	}
	if r.Type == "Class" {
		r.Title = pcore.CapitalizeSegments(strings.TrimPrefix(title, "::"))
	}
	for _, p := range params {
		if _, double := r.params[p.Name]; double {
			return nil, &compileFailure{message: "Duplicate parameter '" + p.Name + "' for on " + r.Ref()}
		}
		if err := r.setParam(p); err != nil {
			return nil, err
		}
	}
	r.tags.addSegments(strings.ToLower(r.Type))
	r.tagIfValid(r.Title)
	if withDefaults {
		if err := r.applyDefaults(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Resource) applyDefaults() error {
	t := r.scope.lookupDefaults(r.Type)
	if t == nil {
		return nil
	}
	for _, name := range t.names {
		if _, set := r.params[name]; set {
			continue
		}
		if err := r.setParam(t.params[name]); err != nil {
			return err
		}
	}
	return nil
}

// resourceType is what a type name of a resource was found to be.
type resourceType struct {
	def     *Definition
	builtin *ResourceType
	class   bool
	node    bool
}

func (t resourceType) typeName() string {
	switch {
	case t.class:
		return "Class"
	case t.node:
		return "Node"
	case t.builtin != nil:
		return pcore.CapitalizeSegments(t.builtin.Name)
	}
	return pcore.CapitalizeSegments(t.def.Name)
}

func (t resourceType) kind() string {
	switch {
	case t.class, t.node:
		return "unknown"
	case t.builtin != nil:
		return "compilable_type"
	}
	return "defined_type"
}
