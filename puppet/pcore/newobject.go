package pcore

import (
	"errors"
	"fmt"
	"strings"
)

// Patterns of the names in objects and type sets.
var (
	memberName = MustRegexp(`\A[a-z_]\w*\z`)
	objectName = MustRegexp(`\A[A-Z][\w]*(?:::[A-Z][\w]*)*\z`)
)

// objectInitType is what Object[{…}] takes.
var objectInitType = newObjectInitType()

func newObjectInitType() *StructType {
	anyHashOf := func(key, value Type) Type { return &HashType{Key: key, Val: value} }
	member := &PatternType{[]*Regexp{memberName}}
	function := &VariantType{[]Type{&TypeType{&CallableType{}}, AnyHash()}}
	param := &VariantType{[]Type{&TypeType{}, &StructType{[]StructElement{
		{"type", false, &TypeType{}}, {"annotations", true, AnyHash()}, {"value", true, AnyType},
	}}}}
	return &StructType{[]StructElement{
		{"name", true, &PatternType{[]*Regexp{objectName}}},
		{"parent", true, &TypeType{}},
		{"type_parameters", true, anyHashOf(member, param)},
		{"attributes", true, anyHashOf(member, AnyType)},
		{"constants", true, anyHashOf(member, AnyType)},
		{"functions", true, anyHashOf(member, function)},
		{"equality", true, &VariantType{[]Type{member, &ArrayType{Elem: member}}}},
		{"equality_include_type", true, &BooleanType{}},
		{"checks", true, AnyType},
		{"annotations", true, AnyHash()},
	}}
}

// attributeInitType is what an attribute that is no mere type takes.
var attributeInitType = &StructType{[]StructElement{
	{"type", false, &TypeType{}},
	{"annotations", true, AnyHash()},
	{"final", true, &BooleanType{}},
	{"override", true, &BooleanType{}},
	{"kind", true, NewEnum([]string{"constant", "derived", "given_or_derived", "reference", "normal"}, false)},
	{"value", true, AnyType},
}}

// checkAttribute says what is wrong with the initialisation of an attribute.
func checkAttribute(object string, e Entry) error {
	switch v := e.Value.(type) {
	case Type:
		return nil
	case *Hash:
		if attributeInitType.instance(v) {
			return nil
		}
		return errors.New(DescribeMismatch(fmt.Sprintf("initializer for attribute %s[%s] has wrong type,", object, e.Key), attributeInitType, v.Type()))
	}
	return errors.New(DescribeMismatch(fmt.Sprintf("attribute %s[%s] has wrong type,", object, e.Key), &TypeType{}, e.Value.Type()))
}

// NewObjectType makes an object type of its initialisation hash.
func NewObjectType(init *Hash) (*ObjectType, error) {
	if !objectInitType.instance(init) {
		return nil, fmt.Errorf("%s", strings.Replace(
			DescribeMismatch("object initializer has wrong type,", objectInitType, init.Type()), "  ", " ", 1))
	}
	def := &objectDef{init: init}
	get := func(key string) Value {
		v, _ := init.GetString(key)
		return v
	}
	if name, ok := get("name").(String); ok {
		def.name = string(name)
	}
	if parent, ok := get("parent").(Type); ok {
		def.parent = parent
	}
	t := &ObjectType{def}
	if h, ok := get("type_parameters").(*Hash); ok {
		for _, e := range h.entries {
			a := newAttribute(e)
			if _, ok := a.Of.(*OptionalType); !ok {
				a.Of = &OptionalType{a.Of}
			}
			def.typeParams = append(def.typeParams, a)
		}
	}
	if h, ok := get("attributes").(*Hash); ok {
		for _, e := range h.entries {
			if err := checkAttribute(t.Name(), e); err != nil {
				return nil, err
			}
			def.attributes = append(def.attributes, newAttribute(e))
		}
	}
	if h, ok := get("constants").(*Hash); ok {
		for _, e := range h.entries {
			name := e.Key.String()
			for _, a := range def.attributes {
				if a.Name == name {
					return nil, fmt.Errorf("attribute %s[%s] is defined as both a constant and an attribute", t.Name(), name)
				}
			}
			def.attributes = append(def.attributes, Attribute{name, Generalize(Infer(e.Value)), ConstantAttr, e.Value})
		}
	}
	if h, ok := get("functions").(*Hash); ok {
		for _, e := range h.entries {
			def.functions = append(def.functions, newMethod(e))
		}
	}
	for _, v := range asList(get("equality")) {
		name := v.String()
		if _, ok := t.Attribute(name); !ok {
			return nil, fmt.Errorf("%s equality is referencing non existent attribute '%s'", t.Name(), name)
		}
		def.equality = append(def.equality, name)
	}
	return t, nil
}

func asList(v Value) []Value {
	switch v := v.(type) {
	case *Array:
		return v.elems
	case nil:
		return nil
	}
	return []Value{v}
}

func newAttribute(e Entry) Attribute {
	a := Attribute{Name: e.Key.String()}
	if t, ok := e.Value.(Type); ok {
		a.Of = t
		if _, ok := t.(*OptionalType); ok {
			a.Value = Undef{}
		}
		return a
	}
	spec := e.Value.(*Hash)
	if t, ok := spec.GetString("type"); ok {
		a.Of = t.(Type)
	}
	if v, ok := spec.GetString("value"); ok {
		a.Value = v
	}
	if k, ok := spec.GetString("kind"); ok && k.String() != "normal" {
		a.Kind = AttributeKind(k.String())
	}
	return a
}

func newMethod(e Entry) Method {
	m := Method{Name: e.Key.String(), Of: &CallableType{}}
	v := e.Value
	if spec, ok := v.(*Hash); ok {
		v, _ = spec.GetString("type")
	}
	if t, ok := v.(*CallableType); ok {
		m.Of = t
	}
	return m
}

func (a arguments) object(t *ObjectType) (Value, error) {
	if t.def == nil {
		if len(a.vals) != 1 {
			return nil, arity("Object-Type", 1, 0, len(a.vals))
		}
		h, ok := a.vals[0].(*Hash)
		if !ok {
			return nil, fmt.Errorf("%s", DescribeMismatch("object initializer has wrong type,", objectInitType, a.vals[0].Type()))
		}
		return NewObjectType(h)
	}
	return extend(t, a.vals)
}

// extend gives values to the type parameters of an object type, by position or by name.
func extend(t *ObjectType, vals []Value) (Value, error) {
	params := t.TypeParameters()
	if len(params) == 0 {
		return nil, fmt.Errorf("The %s-Type cannot be parameterized using []", t.Name())
	}
	b := HashBuilder{}
	set := func(p Attribute, v Value) error {
		if _, ok := v.(Default); ok {
			return nil
		}
		if !p.Of.instance(v) {
			label := fmt.Sprintf("type_parameter %s[%s] has wrong type,", t.Name(), p.Name)
			return fmt.Errorf("%s", DescribeMismatch(label, p.Of, v.Type()))
		}
		b.SetString(p.Name, v)
		return nil
	}
	if named, ok := vals[0].(*Hash); ok && len(vals) == 1 && !params[0].Of.instance(named) {
		for _, e := range named.entries {
			found := false
			for _, p := range params {
				if p.Name == e.Key.String() {
					found = true
					if err := set(p, e.Value); err != nil {
						return nil, err
					}
				}
			}
			if !found {
				return nil, fmt.Errorf("'%s' is not a known type parameter for %s-Type", e.Key, t.Name())
			}
		}
	} else {
		for i, p := range params {
			if i < len(vals) {
				if err := set(p, vals[i]); err != nil {
					return nil, err
				}
			}
		}
	}
	if b.Len() == 0 {
		return nil, fmt.Errorf("The %s-Type cannot be parameterized using an empty parameter list", t.Name())
	}
	return &ExtendedType{t, b.Hash()}, nil
}

func (a arguments) typeSet() (Value, error) {
	if len(a.vals) != 1 {
		return nil, arity("TypeSet-Type", 1, 0, len(a.vals))
	}
	h, ok := a.vals[0].(*Hash)
	if !ok {
		return nil, a.badArgument(0, a.vals[0], "Hash")
	}
	return NewTypeSet(h), nil
}

// NewTypeSet makes a type set of its initialisation hash.
func NewTypeSet(init *Hash) *TypeSetType {
	t := &TypeSetType{init: init}
	if name, ok := init.GetString("name"); ok {
		t.name = name.String()
	}
	return t
}

// Named gives an anonymous object type or type set the name of the definition it comes from, as
// `type My::Type = Object[{…}]` does; other types stay.
func Named(t Type, name string) Type {
	switch t := t.(type) {
	case *ObjectType:
		if t.def == nil || t.def.name != "" {
			return t
		}
		def := *t.def
		def.name = name
		def.init = HashOf("name", String(name)).Merge(def.init)
		return &ObjectType{&def}
	case *TypeSetType:
		if t.init == nil {
			return t
		}
		return &TypeSetType{name, t.init}
	}
	return t
}
