package pcore

import "slices"

// inferArray gives the detailed type: a tuple of the detailed types of the elements.
func inferArray(a *Array) Type {
	if a.Len() == 0 {
		return &ArrayType{Elem: UnitType, Size: &Size{0, 0}}
	}
	types := make([]Type, a.Len())
	for i, e := range a.elems {
		types[i] = e.Type()
	}
	return &TupleType{Types: types}
}

// inferHash gives the detailed type: a struct when all keys are non-empty strings.
func inferHash(h *Hash) Type {
	if h.Len() == 0 {
		return &HashType{UnitType, UnitType, &Size{0, 0}}
	}
	elements := make([]StructElement, 0, h.Len())
	for _, e := range h.entries {
		key, ok := e.Key.(String)
		if !ok || key == "" {
			n := int64(h.Len())
			return &HashType{variantOf(detailed(h.Keys())), variantOf(detailed(h.Values())), &Size{n, n}}
		}
		elements = append(elements, StructElement{Key: string(key), Value: e.Value.Type()})
	}
	return &StructType{elements}
}

func detailed(vs []Value) []Type {
	types := make([]Type, len(vs))
	for i, v := range vs {
		types[i] = v.Type()
	}
	return types
}

// Infer gives the single common type of a value: arrays and hashes get the common type of their
// elements, where v.Type() would list each.
func Infer(v Value) Type {
	if Weight(v) > MaxWeight {
		return v.Type()
	}
	switch v := v.(type) {
	case *Array:
		if v.Len() == 0 {
			return inferArray(v)
		}
		n := int64(v.Len())
		return &ArrayType{commonOf(v.elems), &Size{n, n}}
	case *Hash:
		if v.Len() == 0 {
			return inferHash(v)
		}
		n := int64(v.Len())
		return &HashType{commonOf(v.Keys()), commonOf(v.Values()), &Size{n, n}}
	case *SemVer:
		return &SemVerType{}
	}
	return v.Type()
}

func commonOf(vs []Value) Type {
	var common Type
	for _, v := range vs {
		t := Infer(v)
		if common == nil {
			common = t
			continue
		}
		common = CommonType(common, t)
	}
	return common
}

// CommonType is the narrowest type that is easily named and takes all of a and b.
func CommonType(a, b Type) Type {
	switch {
	case a == UndefType || a == UnitType:
		return b
	case b == UndefType || b == UnitType:
		return a
	case assignable(a, b, nil):
		return a
	case assignable(b, a, nil):
		return b
	}
	if t := commonSame(a, b); t != nil {
		return t
	}
	for _, t := range []Type{NumericType, ScalarDataType, ScalarType, DataType} {
		if assignable(t, a, nil) && assignable(t, b, nil) {
			return t
		}
	}
	if at, ok := a.(*TypeType); ok {
		if bt, ok := b.(*TypeType); ok && at.Of != nil && bt.Of != nil {
			return &TypeType{CommonType(at.Of, bt.Of)}
		}
	}
	if assignable(RichDataType, a, nil) && assignable(RichDataType, b, nil) {
		return RichDataType
	}
	return AnyType
}

// commonSame widens two types of the same kind; nil when they are not.
func commonSame(a, b Type) Type {
	switch a := a.(type) {
	case *ArrayType:
		if b, ok := b.(*ArrayType); ok {
			return &ArrayType{Elem: CommonType(a.Elem, b.Elem)}
		}
	case *HashType:
		if b, ok := b.(*HashType); ok {
			return &HashType{Key: CommonType(a.Key, b.Key), Val: CommonType(a.Val, b.Val)}
		}
	case *ClassType:
		if _, ok := b.(*ClassType); ok {
			return &ClassType{}
		}
	case *ResourceType:
		if b, ok := b.(*ResourceType); ok {
			if equalFold(a.TypeName, b.TypeName) {
				return &ResourceType{TypeName: a.TypeName}
			}
			return &ResourceType{}
		}
	case *IntegerType:
		if b, ok := b.(*IntegerType); ok {
			return &IntegerType{min(a.Min, b.Min), max(a.Max, b.Max)}
		}
	case *FloatType:
		if b, ok := b.(*FloatType); ok {
			return &FloatType{min(a.Min, b.Min), max(a.Max, b.Max)}
		}
	case *StringType, *EnumType:
		return commonStrings(a, b)
	case *PatternType:
		if b, ok := b.(*PatternType); ok {
			return &PatternType{uniquePatterns(slices.Concat(a.Patterns, b.Patterns))}
		}
	case *VariantType:
		if b, ok := b.(*VariantType); ok {
			return variantOf(slices.Concat(a.Types, b.Types))
		}
	case *RegexpType:
		if _, ok := b.(*RegexpType); ok {
			return &RegexpType{}
		}
	case *CallableType:
		if _, ok := b.(*CallableType); ok {
			return &CallableType{}
		}
	}
	return nil
}

func commonStrings(a, b Type) Type {
	as, aok := a.(*StringType)
	bs, bok := b.(*StringType)
	if aok && bok && as.Size != nil && bs.Size != nil {
		return &StringType{Size: &Size{min(as.Size.Min, bs.Size.Min), max(as.Size.Max, bs.Size.Max)}}
	}
	av, aok := literalStrings(a)
	bv, bok := literalStrings(b)
	switch {
	case aok && bok:
		return NewEnum(slices.Concat(av, bv), false)
	case isStringOrEnum(b):
		if as != nil && bs != nil {
			return AnyString()
		}
		return NewEnum(nil, false)
	}
	return nil
}

func isStringOrEnum(t Type) bool {
	switch t.(type) {
	case *StringType, *EnumType:
		return true
	}
	return false
}

func literalStrings(t Type) ([]string, bool) {
	switch t := t.(type) {
	case *StringType:
		if t.Value != nil {
			return []string{*t.Value}, true
		}
	case *EnumType:
		return t.Values, true
	}
	return nil, false
}

// NewEnum makes an Enum; it sorts the values and drops double ones.
func NewEnum(values []string, caseInsensitive bool) *EnumType {
	values = slices.Clone(values)
	slices.Sort(values)
	return &EnumType{slices.Compact(values), caseInsensitive}
}

// AnyString is the type String.
func AnyString() *StringType { return &StringType{} }

// AnyInteger is the type Integer.
func AnyInteger() *IntegerType { return &IntegerType{MinInt, MaxInt} }

// AnyFloat is the type Float.
func AnyFloat() *FloatType { return &FloatType{floatMin, floatMax} }

// AnyArray is the type Array.
func AnyArray() *ArrayType { return &ArrayType{Elem: AnyType} }

// AnyHash is the type Hash.
func AnyHash() *HashType { return &HashType{Key: AnyType, Val: AnyType} }

// variantOf makes a Variant, or the only type there is; it flattens variants and drops double ones.
func variantOf(types []Type) Type {
	var flat []Type
	for _, t := range types {
		if v, ok := t.(*VariantType); ok {
			flat = append(flat, v.Types...)
		} else {
			flat = append(flat, t)
		}
	}
	flat = uniqueTypes(flat)
	if len(flat) == 1 {
		return flat[0]
	}
	return &VariantType{flat}
}

func uniqueTypes(types []Type) []Type {
	seen := make(map[string]bool, len(types))
	unique := make([]Type, 0, len(types))
	for _, t := range types {
		if k := typeKey(t); !seen[k] {
			seen[k] = true
			unique = append(unique, t)
		}
	}
	return unique
}

func uniquePatterns(patterns []*Regexp) []*Regexp {
	seen := make(map[string]bool, len(patterns))
	unique := make([]*Regexp, 0, len(patterns))
	for _, p := range patterns {
		if !seen[p.source] {
			seen[p.source] = true
			unique = append(unique, p)
		}
	}
	return unique
}
