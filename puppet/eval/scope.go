package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// Scope is where variables live: the top scope, a node's, a class's, a define
// instance's. Lambdas, functions and conditions put frames on top of it.
type Scope struct {
	c        *Compiler
	parent   *Scope
	source   *Definition // nil for the top scope before main is known
	resource *Resource
	vars     map[string]pcore.Value
	top      *frame
	defaults map[string]*defaultsTable // by capitalised type name
}

// frame is a layer of variables over a scope.
type frame struct {
	below *frame
	vars  map[string]pcore.Value // local variables; nil for a match frame
	match []pcore.Value          // $0 and its groups
	// params is set while parameters get their values: names without a value
	// yet are in it and may not be read.
	params   map[string]bool
	readOnly bool
}

func newScope(c *Compiler, parent *Scope) *Scope {
	return &Scope{c: c, parent: parent, vars: map[string]pcore.Value{}}
}

// guarded runs f and takes off the frames it leaves.
func (s *Scope) guarded(f func() (pcore.Value, error)) (pcore.Value, error) {
	saved := s.top
	v, err := f()
	s.top = saved
	return v, err
}

// withoutFrames runs f on the bare scope, as functions see it.
func (s *Scope) withoutFrames(f func() (pcore.Value, error)) (pcore.Value, error) {
	saved := s.top
	s.top = nil
	v, err := f()
	s.top = saved
	return v, err
}

func (s *Scope) push(vars map[string]pcore.Value) { s.top = &frame{below: s.top, vars: vars} }

// pushMatch makes the groups of a match visible. A nil match hides older ones
// without setting new.
func (s *Scope) pushMatch(match []pcore.Value) {
	if match != nil {
		s.top = &frame{below: s.top, match: match}
	}
}

// isNumber tells whether a variable's name is that of a match variable.
func isNumber(name string) bool {
	for i := range len(name) {
		if name[i] < '0' || name[i] > '9' {
			return false
		}
	}
	return name != ""
}

func (f *frame) get(name string) (pcore.Value, bool, error) {
	for ; f != nil; f = f.below {
		switch {
		case f.match != nil:
			if isNumber(name) {
				return matchGroup(f.match, name), true, nil
			}
		case f.vars != nil:
			if v, ok := f.vars[name]; ok {
				return v, true, nil
			}
			if f.params[name] {
				return nil, false, &unevaluatedParam{name}
			}
		}
	}
	return nil, false, nil
}

func matchGroup(match []pcore.Value, name string) pcore.Value {
	n := 0
	for i := range len(name) {
		if n = n*10 + int(name[i]-'0'); n >= len(match) {
			return pcore.Undef{}
		}
	}
	return match[n]
}

// unevaluatedParam is what reading a parameter ahead of its turn gives.
type unevaluatedParam struct{ name string }

func (u *unevaluatedParam) Error() string { return "parameter $" + u.name + " has no value yet" }

// Lookup finds a variable; ok is false where it is not set at all.
func (s *Scope) Lookup(name string) (v pcore.Value, ok bool, err error) {
	if i := strings.Index(name, "::"); i >= 0 {
		if i == 0 {
			name = name[2:]
		}
		v, ok := s.qualified(name)
		return v, ok, nil
	}
	for at := s; at != nil; at = at.next() {
		v, ok, err := at.local(name)
		if ok || err != nil {
			return v, ok, err
		}
		if at.unknownParent() {
			break
		}
	}
	if name == "module_name" || name == "caller_module_name" || isNumber(name) {
		return pcore.Undef{}, true, nil
	}
	return nil, false, nil
}

// local looks in the frames and in the scope itself.
func (s *Scope) local(name string) (pcore.Value, bool, error) {
	if s.top != nil {
		if v, ok, err := s.top.get(name); ok || err != nil {
			return v, ok, err
		}
	}
	v, ok := s.vars[name]
	return v, ok, nil
}

// next is where lookup goes on: the parent class, else the node or top scope.
func (s *Scope) next() *Scope {
	if in := s.inherited(); in != nil {
		return in
	}
	return s.enclosing()
}

func (s *Scope) unknownParent() bool { return false }

// inherited is the scope of the parent class.
func (s *Scope) inherited() *Scope {
	if s.resource == nil || s.resource.Type != "Class" || s.resource.def == nil || s.resource.def.Parent == "" {
		return nil
	}
	return s.c.classScopes[strings.TrimPrefix(s.resource.def.Parent, "::")]
}

// enclosing is the node scope, or the top scope.
func (s *Scope) enclosing() *Scope {
	for p := s.parent; p != nil; p = p.parent {
		if p.isTop() || p.isNode() {
			return p
		}
	}
	return nil
}

func (s *Scope) isTop() bool { return s == s.c.top }

func (s *Scope) isNode() bool { return s.resource != nil && s.resource.Type == "Node" }

// global is the scope that templates see: the node's, or the top scope.
func (s *Scope) global() *Scope {
	for at := s; ; {
		if at.isTop() || at.isNode() {
			return at
		}
		next := at.next()
		if next == nil {
			return at
		}
		at = next
	}
}

// qualified finds class::name, or a top-scope variable for a bare name.
func (s *Scope) qualified(name string) (pcore.Value, bool) {
	i := strings.LastIndex(name, "::")
	if i < 0 {
		v, ok := s.c.top.vars[name]
		if !ok && s.c.top.resource != nil && (name == "module_name" || name == "caller_module_name") {
			return pcore.Undef{}, true
		}
		return v, ok
	}
	at := s.c.classScopes[name[:i]]
	for ; at != nil; at = at.inherited() {
		if v, ok, err := at.local(name[i+2:]); ok && err == nil {
			return v, true
		}
	}
	return nil, false
}

// Set binds a variable in the topmost frame that holds local ones.
func (s *Scope) Set(name string, v pcore.Value) error {
	vars := s.vars
	for f := s.top; f != nil; f = f.below {
		if f.vars != nil {
			if f.readOnly {
				return &compileFailure{message: "Attempt to assign variable " + name + " when evaluating parameters"}
			}
			vars = f.vars
			break
		}
	}
	if _, bound := vars[name]; bound {
		return &compileFailure{message: "Cannot reassign variable '$" + name + "'"}
	}
	vars[name] = v
	return nil
}

// bound tells whether a name is taken in the scope that Set would write to.
func (s *Scope) bound(name string) bool {
	for f := s.top; f != nil; f = f.below {
		if f.vars != nil {
			_, ok := f.vars[name]
			return ok || f.params[name]
		}
	}
	_, ok := s.vars[name]
	return ok
}

// setOwn binds a variable of the scope itself.
func (s *Scope) setOwn(name string, v pcore.Value) error {
	if _, bound := s.vars[name]; bound {
		return &compileFailure{message: "Cannot reassign variable '$" + name + "'"}
	}
	s.vars[name] = v
	return nil
}

// Exists tells whether a variable is set, undef included.
func (s *Scope) Exists(name string) bool {
	_, ok, err := s.Lookup(name)
	return ok && err == nil && !isNumber(name)
}

// String names the scope as log messages do.
func (s *Scope) String() string {
	if s.resource != nil {
		return "Scope(" + s.resource.Ref() + ")"
	}
	return "Scope()"
}

// Visible gives every variable that can be read without a qualifier, for
// templates.
func (s *Scope) Visible() map[string]pcore.Value {
	all := map[string]pcore.Value{}
	var chain []*Scope
	for at := s; at != nil; at = at.next() {
		chain = append(chain, at)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		for k, v := range chain[i].vars {
			all[k] = v
		}
		chain[i].top.collect(all)
	}
	return all
}

func (f *frame) collect(into map[string]pcore.Value) {
	if f == nil {
		return
	}
	f.below.collect(into)
	for k, v := range f.vars {
		into[k] = v
	}
}

// defaultsTable keeps resource defaults in the order they were set.
type defaultsTable struct {
	names  []string
	params map[string]*Param
}

func (s *Scope) addDefaults(typ string, params []*Param) error {
	if s.defaults == nil {
		s.defaults = map[string]*defaultsTable{}
	}
	t := s.defaults[typ]
	if t == nil {
		t = &defaultsTable{params: map[string]*Param{}}
		s.defaults[typ] = t
	}
	for _, p := range params {
		if _, set := t.params[p.Name]; set {
			return failAt(p.File, p.Line, "Default already defined for %s { %s }; cannot redefine", typ, p.Name)
		}
		t.params[p.Name] = p
		t.names = append(t.names, p.Name)
	}
	return nil
}

// lookupDefaults gives the defaults for a type, outer scopes first.
func (s *Scope) lookupDefaults(typ string) *defaultsTable {
	var found *defaultsTable
	if s.parent != nil {
		found = s.parent.lookupDefaults(typ)
	}
	own := s.defaults[typ]
	if own == nil {
		return found
	}
	merged := &defaultsTable{params: map[string]*Param{}}
	for _, t := range []*defaultsTable{found, own} {
		if t == nil {
			continue
		}
		for _, n := range t.names {
			if _, set := merged.params[n]; !set {
				merged.names = append(merged.names, n)
			}
			merged.params[n] = t.params[n]
		}
	}
	return merged
}

// isDefault tells whether a value is that of a resource default in force.
func (s *Scope) isDefault(typ, name string, v pcore.Value) bool {
	for at := s; at != nil; at = at.parent {
		if t := at.defaults[typ]; t != nil {
			if p := t.params[name]; p != nil && pcore.Eql(p.Value, v) {
				return true
			}
		}
	}
	return false
}
