package pcore

import "strings"

// AttributeKind says how an attribute of an object gets its value.
type AttributeKind string

// The kinds of attributes.
const (
	PlainAttribute   AttributeKind = ""
	ConstantAttr     AttributeKind = "constant"
	DerivedAttribute AttributeKind = "derived"
	GivenOrDerived   AttributeKind = "given_or_derived"
	ReferenceAttr    AttributeKind = "reference"
)

// An Attribute is a member of an object type that holds a value.
type Attribute struct {
	Name  string
	Of    Type
	Kind  AttributeKind
	Value Value // the default, nil for none
}

// A Method is a member of an object type that can be called. Only objects that an evaluator
// implements have methods to run; here they are known by name and signature.
type Method struct {
	Name string
	Of   *CallableType
}

// ObjectType is a type with attributes, made with Object[{…}], or one that is built in. A nil Def
// stands for Object itself.
type ObjectType struct{ def *objectDef }

type objectDef struct {
	name       string
	parent     Type // *ObjectType behind aliases, nil for none
	typeParams []Attribute
	attributes []Attribute
	functions  []Method
	equality   []string
	init       *Hash // as it was given
}

// AnyObject is the type Object.
var AnyObject = &ObjectType{}

// ExtendedType is a parameterised object type: Error['puppet/error'].
type ExtendedType struct {
	Base   *ObjectType
	Params *Hash
}

// An Object is an instance of an object type.
type Object struct {
	typ    *ObjectType
	values []Value // by position in typ.allAttributes
}

// Name implements Type.
func (t *ObjectType) Name() string {
	if t.def == nil || t.def.name == "" {
		return "Object"
	}
	return t.def.name
}

// Name implements Type.
func (t *ExtendedType) Name() string { return t.Base.Name() }

// Type implements Value.
func (t *ObjectType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *ExtendedType) Type() Type { return &TypeType{t} }

// String implements Value: an object type shows what it is made of.
func (t *ObjectType) String() string {
	if t.def == nil {
		return "Object[{}]"
	}
	return ExpandedString(t)
}

// String implements Value.
func (t *ExtendedType) String() string { return typeText(t) }

// Parent is the type it inherits from, nil for none.
func (t *ObjectType) Parent() *ObjectType {
	if t.def == nil || t.def.parent == nil {
		return nil
	}
	p, _ := Unalias(t.def.parent).(*ObjectType)
	return p
}

// Attributes are all attributes, those of the parents first; an attribute that overrides one keeps
// its position.
func (t *ObjectType) Attributes() []Attribute {
	if t.def == nil {
		return nil
	}
	var all []Attribute
	if p := t.Parent(); p != nil {
		all = p.Attributes()
	}
	for _, a := range t.def.attributes {
		at := -1
		for i := range all {
			if all[i].Name == a.Name {
				at = i
			}
		}
		if at >= 0 {
			all[at] = a
		} else {
			all = append(all, a)
		}
	}
	return all
}

// Attribute finds an attribute by name.
func (t *ObjectType) Attribute(name string) (Attribute, bool) {
	for _, a := range t.Attributes() {
		if a.Name == name {
			return a, true
		}
	}
	return Attribute{}, false
}

// Method finds a method by name, in the type or its parents.
func (t *ObjectType) Method(name string) (Method, bool) {
	for ; t != nil && t.def != nil; t = t.Parent() {
		for _, m := range t.def.functions {
			if m.Name == name {
				return m, true
			}
		}
	}
	return Method{}, false
}

// Type implements Value: a type with parameters comes with the values that the object has for them.
func (o *Object) Type() Type {
	params := o.typ.TypeParameters()
	if len(params) == 0 {
		return o.typ
	}
	b := NewHashBuilder(len(params))
	for _, p := range params {
		if v, ok := o.Get(p.Name); ok {
			b.SetString(p.Name, v)
		}
	}
	return &ExtendedType{o.typ, b.Hash()}
}

// ObjectType is the type it was made of.
func (o *Object) ObjectType() *ObjectType { return o.typ }

// Get gives the value of an attribute.
func (o *Object) Get(name string) (Value, bool) {
	for i, a := range o.typ.Attributes() {
		if a.Name == name {
			return o.values[i], true
		}
	}
	if name == "message" && o.typ == ErrorType {
		return o.values[0], true
	}
	return nil, false
}

// InitHash is the hash that makes an equal object: attributes with their default value are left out.
func (o *Object) InitHash() *Hash {
	b := HashBuilder{}
	for i, a := range o.typ.Attributes() {
		if a.Kind == ConstantAttr || a.Kind == DerivedAttribute {
			continue
		}
		if a.Value != nil && Eql(a.Value, o.values[i]) {
			continue
		}
		b.SetString(a.Name, o.values[i])
	}
	return b.Hash()
}

// String implements Value.
func (o *Object) String() string {
	var f formatter
	f.value(o)
	return f.b.String()
}

func (o *Object) equal(v Value) bool {
	p, ok := v.(*Object)
	if !ok || !SameType(o.typ, p.typ) {
		return false
	}
	return equalSlices(o.identity(), p.identity(), Eql)
}

// identity gives the values that make two objects equal: those that the type names in its equality,
// all of them where it names none.
func (o *Object) identity() []Value {
	for t := o.typ; t != nil && t.def != nil; t = t.Parent() {
		if t.def.equality == nil {
			continue
		}
		values := make([]Value, 0, len(t.def.equality))
		for _, name := range t.def.equality {
			if v, ok := o.Get(name); ok {
				values = append(values, v)
			}
		}
		return values
	}
	return o.values
}

func (o *Object) key() string {
	return keyText(String(o.typ.Name())) + keyText(NewArray(o.identity()))
}

func (t *ObjectType) format(f *formatter) {
	if t.def == nil {
		f.call("Object")
		return
	}
	if !f.expanded && !(f.exact && t.def.name == "") {
		f.b.WriteString(t.Name())
		return
	}
	inner := &formatter{exact: f.exact}
	inner.objectHash(t.InitHash())
	f.b.WriteString("Object[" + inner.b.String() + "]")
}

func (f *formatter) objectHash(h *Hash) {
	bare := func(e Entry) { f.b.WriteString(e.Key.String()) }
	f.hash(h, bare, func(e Entry) {
		members, ok := e.Value.(*Hash)
		if !ok || (e.Key != String("attributes") && e.Key != String("functions")) {
			f.value(e.Value)
			return
		}
		f.hash(members, func(m Entry) { f.value(m.Key) }, func(m Entry) {
			spec, ok := m.Value.(*Hash)
			if !ok {
				f.value(m.Value)
				return
			}
			f.hash(spec, bare, func(s Entry) {
				if s.Key == String("kind") {
					f.b.WriteString(s.Value.String())
					return
				}
				f.value(s.Value)
			})
		})
	})
}

func (t *ExtendedType) format(f *formatter) {
	var args []func()
	for _, p := range t.Base.TypeParameters() {
		v, ok := t.Params.GetString(p.Name)
		if !ok {
			v = Default{}
		}
		if args = append(args, f.of(v)); len(args) == t.Params.Len() && ok {
			break
		}
	}
	f.call(t.Base.Name(), args...)
}

// TypeParameters are the parameters the type takes, those of the parents first.
func (t *ObjectType) TypeParameters() []Attribute {
	if t.def == nil {
		return nil
	}
	var all []Attribute
	if p := t.Parent(); p != nil {
		all = p.TypeParameters()
	}
	return append(all, t.def.typeParams...)
}

func (t *ObjectType) instance(v Value) bool {
	o, ok := v.(*Object)
	if !ok {
		// Values of other packages can be instances of object types too.
		if _, isType := v.(Type); isType {
			return false
		}
		of, ok := v.Type().(*ObjectType)
		return ok && t.accepts(of, nil)
	}
	return t.def == nil || t.accepts(o.typ, nil)
}

func (t *ObjectType) accepts(o Type, g *guard) bool {
	switch o := o.(type) {
	case *ObjectType:
		for p := o; p != nil; p = p.Parent() {
			if t.def == nil || p == t || p.def != nil && SameType(t, p) {
				return true
			}
		}
	case *ExtendedType:
		return t.accepts(o.Base, g)
	}
	return false
}

func (t *ExtendedType) instance(v Value) bool {
	o, ok := v.(*Object)
	if !ok || !t.Base.instance(v) {
		return false
	}
	for _, p := range t.Params.entries {
		actual, ok := o.Get(p.Key.String())
		if !ok || !matches(p.Value, actual) {
			return false
		}
	}
	return true
}

// matches says whether a value fits a type parameter: a type, a pattern, a list of choices or a value.
func matches(param, v Value) bool {
	switch p := param.(type) {
	case Type:
		return p.instance(v)
	case *Regexp:
		s, ok := v.(String)
		return ok && p.MatchString(string(s))
	case *Array:
		for _, e := range p.elems {
			if matches(e, v) {
				return true
			}
		}
		return false
	}
	return Equal(param, v)
}

func (t *ExtendedType) accepts(o Type, g *guard) bool {
	e, ok := o.(*ExtendedType)
	if !ok || !t.Base.accepts(e.Base, g) {
		return false
	}
	for _, p := range t.Params.entries {
		v, ok := e.Params.Get(p.Key)
		if !ok || !Eql(p.Value, v) && !matches(p.Value, v) {
			return false
		}
	}
	return true
}

// simpleName is the last segment of a qualified name.
func simpleName(name string) string {
	if i := strings.LastIndex(name, "::"); i >= 0 {
		return name[i+2:]
	}
	return name
}

// InitHash is the hash that makes an equal type.
func (t *ObjectType) InitHash() *Hash {
	if t.def == nil {
		return NewHash(nil)
	}
	return t.def.init
}
