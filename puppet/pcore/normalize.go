package pcore

import (
	"slices"
	"strings"
)

// Normalize writes a type in its simplest form: variants are flattened and merged, Optional and
// NotUndef around what makes them superfluous go away.
func Normalize(t Type) Type {
	switch t := t.(type) {
	case *VariantType:
		return normalVariant(t)
	case *OptionalType:
		return normalOptional(t)
	case *NotUndefType:
		return normalNotUndef(t)
	case *ArrayType:
		return &ArrayType{Normalize(t.Elem), t.Size}
	case *HashType:
		return &HashType{Normalize(t.Key), Normalize(t.Val), t.Size}
	case *TupleType:
		return &TupleType{normalizeAll(t.Types), t.Size}
	case *StructType:
		elements := make([]StructElement, len(t.Elements))
		for i, e := range t.Elements {
			elements[i] = StructElement{e.Key, e.Optional, Normalize(e.Value)}
		}
		return &StructType{elements}
	case *TypeType:
		return &TypeType{normalOrNil(t.Of)}
	case *SensitiveType:
		return &SensitiveType{normalOrNil(t.Of)}
	case *IterableType:
		return &IterableType{normalOrNil(t.Elem)}
	case *IteratorType:
		return &IteratorType{normalOrNil(t.Elem)}
	}
	return t
}

func normalOrNil(t Type) Type {
	if t == nil {
		return nil
	}
	return Normalize(t)
}

func normalizeAll(types []Type) []Type {
	normal := make([]Type, len(types))
	for i, t := range types {
		normal[i] = Normalize(t)
	}
	return normal
}

func normalOptional(t *OptionalType) Type {
	of := normalOrNil(t.Of)
	if of == nil {
		return t
	}
	if n, ok := of.(*NotUndefType); ok && n.Of != nil {
		return normalOptional(&OptionalType{n.Of})
	}
	if assignable(of, UndefType, nil) {
		return of
	}
	return &OptionalType{of}
}

func normalNotUndef(t *NotUndefType) Type {
	of := normalOrNil(t.Of)
	if of == nil {
		return t
	}
	if o, ok := of.(*OptionalType); ok && o.Of != nil {
		return normalNotUndef(&NotUndefType{o.Of})
	}
	if !assignable(of, UndefType, nil) {
		return of
	}
	return &NotUndefType{of}
}

func normalVariant(t *VariantType) Type {
	types := normalizeAll(t.Types)
	if len(types) == 0 {
		return t
	}
	if len(types) == 1 {
		return types[0]
	}
	if undefs := slices.IndexFunc(types, isUndefOrOptional); undefs >= 0 {
		rest := make([]Type, 0, len(types))
		for _, e := range types {
			switch e := e.(type) {
			case *OptionalType:
				if e.Of != nil {
					rest = append(rest, e.Of)
				}
			default:
				if e != UndefType {
					rest = append(rest, e)
				}
			}
		}
		if len(rest) == 0 {
			return UndefType
		}
		return normalOptional(&OptionalType{variantOf(rest)})
	}
	flat, _ := variantOf(types).(*VariantType)
	if flat == nil {
		return types[0]
	}
	merged := mergeEnums(flat.Types)
	merged = mergePatterns(merged)
	merged = mergeRanges(merged, mergeIntegers)
	merged = mergeRanges(merged, mergeFloats)
	return variantOf(merged)
}

func isUndefOrOptional(t Type) bool {
	_, ok := t.(*OptionalType)
	return ok || t == UndefType
}

// mergeInto splits off the types that pick takes and, when there are two or more, puts what merge
// makes of them at the end.
func mergeInto(types []Type, pick func(Type) bool, merge func([]Type) Type) []Type {
	var picked, others []Type
	for _, t := range types {
		if pick(t) {
			picked = append(picked, t)
		} else {
			others = append(others, t)
		}
	}
	if len(picked) < 2 {
		return types
	}
	return append(others, merge(picked))
}

func mergeEnums(types []Type) []Type {
	types = mergeInto(types, func(t Type) bool {
		if e, ok := t.(*EnumType); ok {
			return len(e.Values) > 0 && !e.CaseInsensitive
		}
		s, ok := t.(*StringType)
		return ok && s.Value != nil
	}, func(picked []Type) Type {
		var values []string
		for _, t := range picked {
			v, _ := literalStrings(t)
			values = append(values, v...)
		}
		return NewEnum(values, false)
	})
	return mergeInto(types, func(t Type) bool {
		e, ok := t.(*EnumType)
		return ok && len(e.Values) > 0 && e.CaseInsensitive
	}, func(picked []Type) Type {
		var values []string
		for _, t := range picked {
			for _, v := range t.(*EnumType).Values {
				values = append(values, strings.ToLower(v))
			}
		}
		return NewEnum(values, true)
	})
}

func mergePatterns(types []Type) []Type {
	return mergeInto(types, func(t Type) bool {
		_, ok := t.(*PatternType)
		return ok
	}, func(picked []Type) Type {
		var patterns []*Regexp
		for _, t := range picked {
			patterns = append(patterns, t.(*PatternType).Patterns...)
		}
		return &PatternType{uniquePatterns(patterns)}
	})
}

// mergeRanges joins types pairwise as long as merge can.
func mergeRanges(types []Type, merge func(a, b Type) Type) []Type {
	types = slices.Clone(types)
	for i := 0; i < len(types); i++ {
		for j := i + 1; j < len(types); j++ {
			if m := merge(types[i], types[j]); m != nil {
				types[i] = m
				types = slices.Delete(types, j, j+1)
				j = i
			}
		}
	}
	return types
}

func mergeIntegers(a, b Type) Type {
	x, ok1 := a.(*IntegerType)
	y, ok2 := b.(*IntegerType)
	if !ok1 || !ok2 {
		return nil
	}
	if x.Min > y.Min {
		x, y = y, x
	}
	if x.Max != MaxInt && y.Min > x.Max+1 {
		return nil
	}
	return &IntegerType{x.Min, max(x.Max, y.Max)}
}

func mergeFloats(a, b Type) Type {
	x, ok1 := a.(*FloatType)
	y, ok2 := b.(*FloatType)
	if !ok1 || !ok2 || x.Max < y.Min || y.Max < x.Min {
		return nil
	}
	return &FloatType{min(x.Min, y.Min), max(x.Max, y.Max)}
}
