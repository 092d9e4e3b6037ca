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
}

// ToData converts a value. The error names what cannot be serialised.
func (s *Serializer) ToData(v Value) (Value, error) {
	if Weight(v) > MaxWeight {
		return nil, errTooMany
	}
	return s.convert(v, nil)
}

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

// A typeWriter writes one type as an object of the meta type Pcore::…Type.
type typeWriter struct {
	s    *Serializer
	path []string
	b    HashBuilder
	err  error
}

func (s *Serializer) typeData(t Type, path []string) (Value, error) {
	w := &typeWriter{s: s, path: path}
	w.b.SetString(typeKeyName, String("Pcore::"+metaName(t)+"Type"))
	switch t := t.(type) {
	case *IntegerType, *FloatType, *TimestampType, *TimespanType:
		w.bounds(t)
	case *StringType, *EnumType, *PatternType, *RegexpType, *SemVerType, *URIType:
		w.scalar(t)
	case *CollectionType, *ArrayType, *HashType, *TupleType, *StructType:
		w.collection(t)
	case *VariantType:
		w.set("types", typeList(t.Types))
	case *CallableType:
		w.callable(t)
	case *SensitiveType:
	case *AliasType:
		if t.name != "UnresolvedAlias" {
			return nil, fmt.Errorf("%s cannot be serialised", t.name)
		}
		w.set("name", String(t.name))
		w.set("type_expr", Undef{})
		w.set("resolved_type", t.resolved)
	case *ExtendedType:
		return nil, fmt.Errorf("%s cannot be serialised", t.Name())
	default:
		w.other(t)
	}
	return w.b.Hash(), w.err
}

// metaName is the name of the meta type: for types with a name of their own, that of their kind.
func metaName(t Type) string {
	switch t.(type) {
	case *AliasType:
		return "TypeAlias"
	case *ObjectType:
		return "Object"
	case *TypeSetType:
		return "TypeSet"
	}
	return t.Name()
}

func (w *typeWriter) set(name string, v Value) {
	c, err := w.s.convert(v, append(w.path, name))
	if err != nil {
		w.err = err
		return
	}
	w.b.SetString(name, c)
}

// unless sets a value where it is not the open end of a range.
func (w *typeWriter) unless(open bool, name string, v Value) {
	if !open {
		w.set(name, v)
	}
}

func (w *typeWriter) size(name string, z *Size) {
	if z != nil {
		w.set(name, &IntegerType{z.Min, z.Max})
	}
}

func typeList(ts []Type) Value {
	elems := make([]Value, len(ts))
	for i, e := range ts {
		elems[i] = e
	}
	return NewArray(elems)
}

func (w *typeWriter) bounds(t Type) {
	switch t := t.(type) {
	case *IntegerType:
		w.unless(t.Min == MinInt, "from", Integer(t.Min))
		w.unless(t.Max == MaxInt, "to", Integer(t.Max))
	case *FloatType:
		w.unless(t.Min == floatMin, "from", Float(t.Min))
		w.unless(t.Max == floatMax, "to", Float(t.Max))
	case *TimestampType:
		w.unless(t.Min == minTimestamp, "from", t.Min)
		w.unless(t.Max == maxTimestamp, "to", t.Max)
	case *TimespanType:
		w.unless(t.Min == minTimespan, "from", t.Min)
		w.unless(t.Max == maxTimespan, "to", t.Max)
	}
}

func (w *typeWriter) scalar(t Type) {
	switch t := t.(type) {
	case *StringType:
		if t.Value != nil {
			w.set("size_type_or_value", String(*t.Value))
		}
		w.size("size_type_or_value", t.Size)
	case *EnumType:
		values := make([]Value, len(t.Values))
		for i, v := range t.Values {
			values[i] = String(v)
		}
		w.set("values", NewArray(values))
		w.unless(!t.CaseInsensitive, "case_insensitive", Boolean(true))
	case *PatternType:
		patterns := make([]Value, len(t.Patterns))
		for i, p := range t.Patterns {
			patterns[i] = &RegexpType{p}
		}
		w.set("patterns", NewArray(patterns))
	case *RegexpType:
		if t.Pattern != nil {
			w.set("pattern", String(t.Pattern.source))
		}
	case *SemVerType:
		ranges := make([]Value, len(t.Ranges))
		for i, r := range t.Ranges {
			ranges[i] = r
		}
		w.set("ranges", NewArray(ranges))
	case *URIType:
		if t.Params != nil {
			w.set("parameters", t.Params)
		}
	}
}

func (w *typeWriter) collection(t Type) {
	switch t := t.(type) {
	case *CollectionType:
		w.size("size_type", t.Size)
	case *ArrayType:
		w.unless(t.Elem == AnyType && t.Size == nil, "element_type", t.Elem)
		w.size("size_type", t.Size)
	case *HashType:
		bare := t.Key == AnyType && t.Val == AnyType && t.Size == nil
		w.unless(bare, "key_type", t.Key)
		w.unless(bare, "value_type", t.Val)
		w.size("size_type", t.Size)
	case *TupleType:
		w.set("types", typeList(t.Types))
		w.size("size_type", t.Size)
	case *StructType:
		elements := make([]Value, len(t.Elements))
		for i, e := range t.Elements {
			key := Type(&StringType{Value: &e.Key})
			if e.Optional {
				key = &OptionalType{key}
			}
			elements[i] = &Object{structElementType, []Value{key, e.Value}}
		}
		w.set("elements", NewArray(elements))
	}
}

func (w *typeWriter) callable(t *CallableType) {
	given := func(ok bool, v Value) Value {
		if !ok {
			return Undef{}
		}
		return v
	}
	w.set("param_types", given(t.Params != nil, t.Params))
	w.set("block_type", given(t.Block != nil, t.Block))
	w.set("return_type", given(t.Return != nil, t.Return))
}

func (w *typeWriter) other(t Type) {
	if of := contained(t); of != nil {
		w.set("type", of)
	}
	switch t := t.(type) {
	case *InitType:
		if len(t.Args) > 0 {
			w.set("init_args", NewArray(t.Args))
		}
	case *RuntimeType:
		if t.Runtime != "" {
			w.set("runtime", String(t.Runtime))
			w.set("name_or_pattern", String(t.Of))
		}
	case *ResourceType:
		w.unless(t.TypeName == "", "type_name", String(CapitalizeSegments(t.TypeName)))
		w.unless(!t.HasTitle, "title", String(t.Title))
	case *ClassType:
		w.unless(t.ClassName == "", "class_name", String(t.ClassName))
	case *TypeReferenceType:
		w.set("type_string", String(t.Text))
	case *ObjectType:
		w.set("_pcore_init_hash", t.InitHash())
	case *TypeSetType:
		w.set("_pcore_init_hash", t.init)
	}
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
