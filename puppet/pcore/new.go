package pcore

import (
	"errors"
	"fmt"
	"time"
)

// A Maker makes new instances of types: `Integer('0x1F')`. It is immutable and safe for concurrent use.
type Maker struct {
	loader Loader
	now    func() time.Time
	table  map[string]*constructor
}

// A constructor is how instances of one type are made: by the first dispatch that takes the
// arguments.
type constructor struct {
	name       string
	dispatches []dispatch
	// mismatch, unless nil, words the error for arguments that no dispatch takes; "" leaves it to
	// the description of the signatures.
	mismatch func(args []Value) (string, error)
}

type dispatch struct {
	sig  Signature
	call func(m *Maker, args []Value) (Value, error)
}

// NewMaker makes a Maker. The loader, which may be nil, finds types named in texts; now tells the
// time for Timestamp().
func NewMaker(loader Loader, now func() time.Time) *Maker {
	return &Maker{loader, now, constructors}
}

// New makes an instance of t of the arguments. What is an instance already stays as it is. Errors
// are worded as Puppet words them.
func (m *Maker) New(t Type, args []Value) (Value, error) {
	if _, isInit := t.(*InitType); len(args) == 1 && !isInit && t.instance(args[0]) {
		return args[0], nil
	}
	v, err := m.construct(t, args)
	if err != nil {
		return nil, err
	}
	if !t.instance(v) {
		return nil, errors.New(DescribeMismatch(fmt.Sprintf("Converted value from %s.new() has wrong type,", t), t, v.Type()))
	}
	return v, nil
}

// construct calls the constructor of the type that makes the instances of t.
func (m *Maker) construct(t Type, args []Value) (Value, error) {
	name := ""
	switch t := t.(type) {
	case *AliasType:
		if t.resolved != nil {
			return m.construct(t.resolved, args)
		}
	case *OptionalType:
		if t.Of != nil {
			return m.construct(t.Of, args)
		}
	case *NotUndefType:
		if t.Of != nil {
			return m.construct(t.Of, args)
		}
		name = "Unit"
	case *InitType:
		return m.newInit(t, args)
	case *ObjectType:
		return newObject(t, args)
	case *ExtendedType:
		return newObject(t.Base, args)
	case *TupleType:
		name = "Array"
	case *StructType:
		name = "Hash"
	case *EnumType, *PatternType:
	default:
		name = t.Name()
	}
	c, ok := m.table[name]
	if !ok {
		return nil, fmt.Errorf("Creation of new instance of type '%s' is not supported", t)
	}
	return m.call(c, args)
}

func (m *Maker) call(c *constructor, args []Value) (Value, error) {
	signatures := make([]Signature, len(c.dispatches))
	for i := range c.dispatches {
		d := &c.dispatches[i]
		if d.sig.Accepts(args, nil) {
			return d.call(m, args)
		}
		signatures[i] = d.sig
	}
	if c.mismatch != nil {
		text, err := c.mismatch(args)
		if err != nil {
			return nil, err
		}
		if text != "" {
			return nil, fmt.Errorf("'%s' %s", c.name, text)
		}
	}
	return nil, errors.New(DescribeSignatures(c.name, signatures, args, nil))
}

// newInit makes an instance of what Init[T, args] stands for.
func (m *Maker) newInit(t *InitType, args []Value) (Value, error) {
	if t.Of == nil {
		return nil, fmt.Errorf("Creation of new instance of type '%s' is not supported", t)
	}
	if len(args) != 1 {
		return nil, errors.New(DescribeSignatures("new_Init", []Signature{signature("Any value")}, args, nil))
	}
	if a, ok := args[0].(*Array); ok && len(t.Args) == 0 && !t.instance(a) {
		return m.New(t.Of, a.elems)
	} else if ok && len(t.Args) == 0 && !t.takesOne(a.Type()) {
		return m.New(t.Of, a.elems)
	}
	return m.New(t.Of, append([]Value{args[0]}, t.Args...))
}

// takesOne says whether the constructor of t.Of takes one argument of type o, and the further ones
// of Init.
func (t *InitType) takesOne(o Type) bool {
	types := []Type{o}
	for _, a := range t.Args {
		types = append(types, a.Type())
	}
	return constructible(t.Of, &TupleType{Types: types})
}

// takes says whether t.Of can be made of an instance of o: as the argument, or as the list of them.
func (t *InitType) takes(o Type) bool {
	if t.takesOne(o) {
		return true
	}
	if len(t.Args) > 0 {
		return false
	}
	switch o := o.(type) {
	case *TupleType:
		return constructible(t.Of, o)
	case *ArrayType:
		return constructible(t.Of, &TupleType{Types: []Type{o.Elem}, Size: o.Size})
	}
	return false
}

// constructible says whether a constructor takes arguments of these types.
func constructible(t Type, args *TupleType) bool {
	t = Unalias(t)
	switch of := t.(type) {
	case *OptionalType:
		return of.Of != nil && constructible(of.Of, args)
	case *NotUndefType:
		return of.Of == nil || constructible(of.Of, args)
	case *ObjectType:
		s := of.signatures()
		return assignable(s[0].Callable.Params, args, nil) || assignable(s[1].Callable.Params, args, nil)
	}
	name := t.Name()
	switch t.(type) {
	case *TupleType:
		name = "Array"
	case *StructType:
		name = "Hash"
	}
	for _, sigs := range constructorSignatures[name] {
		if sigs.Callable.Params == nil || assignable(sigs.Callable.Params, args, nil) {
			return true
		}
	}
	return false
}

// signatures are the ways to make an object: with its attributes by position, or in a hash.
func (t *ObjectType) signatures() []Signature {
	var required, optional []Attribute
	for _, a := range t.Attributes() {
		switch {
		case a.Kind == ConstantAttr || a.Kind == DerivedAttribute:
		case a.Value != nil:
			optional = append(optional, a)
		default:
			required = append(required, a)
		}
	}
	all := append(required, optional...)
	byName := &StructType{}
	positional := &TupleType{Size: &Size{int64(len(required)), int64(len(all))}}
	sig := Signature{Callable: &CallableType{Params: positional}}
	for i, a := range all {
		positional.Types = append(positional.Types, a.Of)
		sig.Names = append(sig.Names, a.Name)
		byName.Elements = append(byName.Elements, StructElement{a.Name, i >= len(required), a.Of})
	}
	hash := Signature{
		Callable: &CallableType{Params: &TupleType{Types: []Type{byName}}},
		Names:    []string{"hash"},
	}
	return []Signature{hash, sig}
}

func newObject(t *ObjectType, args []Value) (Value, error) {
	if t.def == nil {
		return nil, fmt.Errorf("Creation of new instance of type '%s' is not supported", t)
	}
	if t.def.name == "" {
		return nil, errors.New("an Object type without a name has no instances")
	}
	sigs := t.signatures()
	attributes := t.Attributes()
	o := &Object{t, make([]Value, len(attributes))}
	var get func(string) (Value, bool)
	switch {
	case sigs[0].Accepts(args, nil):
		h := args[0].(*Hash)
		get = h.GetString
	case sigs[1].Accepts(args, nil):
		names := sigs[1].Names
		get = func(name string) (Value, bool) {
			for i := range args {
				if names[i] == name {
					return args[i], true
				}
			}
			return nil, false
		}
	default:
		if t == DeferredType || t == ErrorType {
			sigs = sigs[1:]
		}
		return nil, errors.New(DescribeSignatures("new_"+t.Name(), sigs, args, nil))
	}
	for i, a := range attributes {
		v, ok := get(a.Name)
		if !ok {
			v = a.Value
		}
		if v == nil {
			v = Undef{}
		}
		o.values[i] = v
	}
	return o, nil
}
