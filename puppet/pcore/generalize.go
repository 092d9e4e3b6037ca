package pcore

// Generalize drops what is particular to a value: ranges, sizes, single strings.
func Generalize(t Type) Type {
	switch t := t.(type) {
	case *IntegerType:
		return AnyInteger()
	case *FloatType:
		return AnyFloat()
	case *BooleanType:
		return &BooleanType{}
	case *StringType:
		return AnyString()
	case *EnumType:
		return generalEnum(t)
	case *CollectionType:
		return &CollectionType{}
	case *ArrayType:
		if t.Elem == AnyType {
			return AnyArray()
		}
		return &ArrayType{Elem: Generalize(t.Elem)}
	case *HashType:
		if emptySize(t.Size) {
			return t
		}
		return &HashType{Key: Generalize(t.Key), Val: Generalize(t.Val)}
	case *TupleType:
		return &TupleType{generalizeAll(t.Types), t.Size}
	case *StructType:
		elements := make([]StructElement, len(t.Elements))
		for i, e := range t.Elements {
			elements[i] = StructElement{e.Key, e.Optional, Generalize(e.Value)}
		}
		return &StructType{elements}
	case *VariantType:
		return variantOf(generalizeAll(t.Types))
	case *CallableType:
		return generalCallable(t)
	case *TimestampType:
		return &TimestampType{minTimestamp, maxTimestamp}
	case *TimespanType:
		return &TimespanType{minTimespan, maxTimespan}
	}
	return generalContained(t)
}

// generalContained handles the types that hold one other type.
func generalContained(t Type) Type {
	switch t := t.(type) {
	case *IterableType:
		return &IterableType{generalOrNil(t.Elem)}
	case *IteratorType:
		return &IteratorType{generalOrNil(t.Elem)}
	case *OptionalType:
		return &OptionalType{generalOrNil(t.Of)}
	case *NotUndefType:
		return &NotUndefType{generalOrNil(t.Of)}
	case *TypeType:
		return &TypeType{generalOrNil(t.Of)}
	case *SensitiveType:
		return &SensitiveType{generalOrNil(t.Of)}
	case *ExtendedType:
		return t.Base
	}
	return t
}

func generalOrNil(t Type) Type {
	if t == nil {
		return nil
	}
	return Generalize(t)
}

func generalEnum(t *EnumType) Type {
	if len(t.Values) == 0 {
		return AnyString()
	}
	size := &Size{MaxInt, 0}
	for _, v := range t.Values {
		n := int64(stringLen(v))
		size.Min, size.Max = min(size.Min, n), max(size.Max, n)
	}
	return &StringType{Size: size}
}

func generalCallable(t *CallableType) Type {
	g := &CallableType{Block: generalOrNil(t.Block), Return: generalOrNil(t.Return)}
	if t.Params != nil {
		g.Params = &TupleType{generalizeAll(t.Params.Types), t.Params.Size}
	}
	return g
}

func generalizeAll(types []Type) []Type {
	general := make([]Type, len(types))
	for i, t := range types {
		general[i] = Generalize(t)
	}
	return general
}
