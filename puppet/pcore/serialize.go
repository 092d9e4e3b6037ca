package pcore

import (
	"fmt"
	"strings"
)

// The keys that rich data is told apart by.
const (
	typeKeyName  = "__ptype"
	valueKeyName = "__pvalue"
)

// A Serializer turns values into Data: what JSON can say, as *Hash, *Array and scalars. With Rich set,
// other values become hashes with the key "__ptype"; without, they become strings.
type Serializer struct {
	Rich bool
	// Warn, unless nil, is told of each value that becomes a string because Rich is off.
	Warn func(path string, v Value)
	// Local writes type references as the string "Type[title]", as catalogs do, instead of rich data.
	Local bool
}

// ToData converts a value. The error names what cannot be serialised.
func (s *Serializer) ToData(v Value) (Value, error) { return s.convert(v, nil) }

func (s *Serializer) convert(v Value, path []string) (Value, error) {
	if len(path) > 500 {
		return nil, fmt.Errorf("the value is nested too deeply")
	}
	switch v := v.(type) {
	case Undef, Boolean, Integer, Float, String:
		return v, nil
	case *Array:
		elems := make([]Value, v.Len())
		for i, e := range v.elems {
			c, err := s.convert(e, append(path, formatInt(int64(i))))
			if err != nil {
				return nil, err
			}
			elems[i] = c
		}
		return NewArray(elems), nil
	case *Hash:
		return s.hash(v, path)
	}
	if !s.Rich {
		if s.Warn != nil {
			s.Warn(strings.Join(path, "/"), v)
		}
		return String(v.String()), nil
	}
	return s.rich(v, path)
}

func (s *Serializer) hash(h *Hash, path []string) (Value, error) {
	plain := true
	for _, e := range h.entries {
		k, ok := e.Key.(String)
		plain = plain && ok && k != typeKeyName && k != valueKeyName
	}
	if !plain && s.Rich {
		flat := make([]Value, 0, 2*h.Len())
		for _, e := range h.entries {
			k, err := s.convert(e.Key, path)
			if err != nil {
				return nil, err
			}
			v, err := s.convert(e.Value, append(path, e.Key.String()))
			if err != nil {
				return nil, err
			}
			flat = append(flat, k, v)
		}
		return HashOf(typeKeyName, String("Hash"), valueKeyName, NewArray(flat)), nil
	}
	b := NewHashBuilder(h.Len())
	for _, e := range h.entries {
		v, err := s.convert(e.Value, append(path, e.Key.String()))
		if err != nil {
			return nil, err
		}
		if !plain && s.Warn != nil && !isString(e.Key) {
			s.Warn(strings.Join(path, "/"), e.Key)
		}
		b.SetString(e.Key.String(), v)
	}
	return b.Hash(), nil
}

func tagged(name string, value Value) Value {
	return HashOf(typeKeyName, String(name), valueKeyName, value)
}

func (s *Serializer) rich(v Value, path []string) (Value, error) {
	switch v := v.(type) {
	case Default:
		return HashOf(typeKeyName, String("Default")), nil
	case *Sensitive:
		inner, err := s.convert(v.inner, path)
		if err != nil {
			return nil, err
		}
		return tagged("Sensitive", inner), nil
	case *Regexp:
		return tagged("Regexp", String(v.source)), nil
	case Binary, *SemVer, *SemVerRange, Timestamp, Timespan, *URI:
		return tagged(v.Type().Name(), String(v.String())), nil
	case Type:
		return s.typeData(v, path)
	case *Object:
		b := HashBuilder{}
		b.SetString(typeKeyName, String(v.typ.Name()))
		for _, e := range v.InitHash().entries {
			c, err := s.convert(e.Value, append(path, e.Key.String()))
			if err != nil {
				return nil, err
			}
			b.Set(e.Key, c)
		}
		return b.Hash(), nil
	}
	return nil, fmt.Errorf("%s cannot be serialised", v.Type().Name())
}

// typeData writes a type as an object of the meta type Pcore::…Type.
func (s *Serializer) typeData(t Type, path []string) (Value, error) {
	b := HashBuilder{}
	b.SetString(typeKeyName, String("Pcore::"+t.Name()+"Type"))
	var failed error
	set := func(name string, v Value) {
		c, err := s.convert(v, append(path, name))
		if err != nil {
			failed = err
			return
		}
		b.SetString(name, c)
	}
	size := func(name string, z *Size) {
		if z != nil {
			set(name, &IntegerType{z.Min, z.Max})
		}
	}
	list := func(ts []Type) Value {
		elems := make([]Value, len(ts))
		for i, e := range ts {
			elems[i] = e
		}
		return NewArray(elems)
	}
	of := func(name string, e Type) {
		if e != nil {
			set(name, e)
		}
	}
	switch t := t.(type) {
	case *IntegerType:
		if t.Min != MinInt {
			set("from", Integer(t.Min))
		}
		if t.Max != MaxInt {
			set("to", Integer(t.Max))
		}
	case *FloatType:
		if t.Min != floatMin {
			set("from", Float(t.Min))
		}
		if t.Max != floatMax {
			set("to", Float(t.Max))
		}
	case *TimestampType:
		if t.Min != minTimestamp {
			set("from", t.Min)
		}
		if t.Max != maxTimestamp {
			set("to", t.Max)
		}
	case *TimespanType:
		if t.Min != minTimespan {
			set("from", t.Min)
		}
		if t.Max != maxTimespan {
			set("to", t.Max)
		}
	case *StringType:
		if t.Value != nil {
			set("size_type_or_value", String(*t.Value))
		}
		size("size_type_or_value", t.Size)
	case *EnumType:
		values := make([]Value, len(t.Values))
		for i, v := range t.Values {
			values[i] = String(v)
		}
		set("values", NewArray(values))
		if t.CaseInsensitive {
			set("case_insensitive", Boolean(true))
		}
	case *PatternType:
		patterns := make([]Value, len(t.Patterns))
		for i, p := range t.Patterns {
			patterns[i] = &RegexpType{p}
		}
		set("patterns", NewArray(patterns))
	case *RegexpType:
		if t.Pattern != nil {
			set("pattern", String(t.Pattern.source))
		}
	case *SemVerType:
		ranges := make([]Value, len(t.Ranges))
		for i, r := range t.Ranges {
			ranges[i] = r
		}
		set("ranges", NewArray(ranges))
	case *URIType:
		if t.Params != nil {
			set("parameters", t.Params)
		}
	case *CollectionType:
		size("size_type", t.Size)
	case *ArrayType:
		if t.Elem != AnyType || t.Size != nil {
			set("element_type", t.Elem)
		}
		size("size_type", t.Size)
	case *HashType:
		if t.Key != AnyType || t.Val != AnyType || t.Size != nil {
			set("key_type", t.Key)
			set("value_type", t.Val)
		}
		size("size_type", t.Size)
	case *TupleType:
		set("types", list(t.Types))
		size("size_type", t.Size)
	case *StructType:
		s.structData(t, set)
	case *VariantType:
		set("types", list(t.Types))
	case *OptionalType:
		of("type", t.Of)
	case *NotUndefType:
		of("type", t.Of)
	case *TypeType:
		of("type", t.Of)
	case *SensitiveType:
	case *IterableType:
		of("type", t.Elem)
	case *IteratorType:
		of("type", t.Elem)
	case *InitType:
		of("type", t.Of)
		if len(t.Args) > 0 {
			set("init_args", NewArray(t.Args))
		}
	case *CallableType:
		s.callableData(t, set)
	case *RuntimeType:
		if t.Runtime != "" {
			set("runtime", String(t.Runtime))
			set("name_or_pattern", String(t.Of))
		}
	case *ResourceType:
		if t.TypeName != "" {
			set("type_name", String(CapitalizeSegments(t.TypeName)))
		}
		if t.HasTitle {
			set("title", String(t.Title))
		}
	case *ClassType:
		if t.ClassName != "" {
			set("class_name", String(t.ClassName))
		}
	case *TypeReferenceType:
		set("type_string", String(t.Text))
	case *ObjectType:
		b = HashBuilder{}
		b.SetString(typeKeyName, String("Pcore::ObjectType"))
		set("_pcore_init_hash", t.InitHash())
	case *TypeSetType:
		b = HashBuilder{}
		b.SetString(typeKeyName, String("Pcore::TypeSetType"))
		if t.init != nil {
			set("_pcore_init_hash", t.init)
		}
	case *AliasType:
		if t.name != "UnresolvedAlias" {
			return nil, fmt.Errorf("%s cannot be serialised", t.name)
		}
		b = HashBuilder{}
		b.SetString(typeKeyName, String("Pcore::TypeAliasType"))
		set("name", String(t.name))
		set("type_expr", Undef{})
		set("resolved_type", t.resolved)
	case *ExtendedType:
		return nil, fmt.Errorf("%s cannot be serialised", t.Name())
	}
	return b.Hash(), failed
}

func (s *Serializer) structData(t *StructType, set func(string, Value)) {
	elements := make([]Value, len(t.Elements))
	for i, e := range t.Elements {
		key := Type(&StringType{Value: &e.Key})
		if e.Optional {
			key = &OptionalType{key}
		}
		elements[i] = &Object{structElementType, []Value{key, e.Value}}
	}
	set("elements", NewArray(elements))
}

// structElementType is only for the rich data of structs.
var structElementType = mustPcoreObject("Pcore::StructElement", "key_type", "value_type")

func mustPcoreObject(name string, attributes ...string) *ObjectType {
	def := &objectDef{name: name, init: HashOf()}
	for _, a := range attributes {
		def.attributes = append(def.attributes, Attribute{Name: a, Of: AnyType})
	}
	return &ObjectType{def}
}

func (s *Serializer) callableData(t *CallableType, set func(string, Value)) {
	orUndef := func(ok bool, v Value) Value {
		if !ok {
			return Undef{}
		}
		return v
	}
	set("param_types", orUndef(t.Params != nil, t.Params))
	set("block_type", orUndef(t.Block != nil, t.Block))
	set("return_type", orUndef(t.Return != nil, t.Return))
}
