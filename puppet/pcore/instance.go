package pcore

func (t Basic) instance(v Value) bool {
	switch t {
	case AnyType, UnitType:
		return true
	case ScalarType:
		switch v.(type) {
		case String, Integer, Float, Boolean, *Regexp, *SemVer, *SemVerRange, Timespan, Timestamp:
			return true
		}
	case ScalarDataType:
		switch v.(type) {
		case String, Integer, Float, Boolean:
			return true
		}
	case NumericType:
		switch v.(type) {
		case Integer, Float:
			return true
		}
	case UndefType:
		return IsUndef(v)
	case DefaultType:
		_, ok := v.(Default)
		return ok
	case BinaryType:
		_, ok := v.(Binary)
		return ok
	case SemVerRangeType:
		_, ok := v.(*SemVerRange)
		return ok
	}
	return false
}

func (t *IntegerType) instance(v Value) bool {
	i, ok := v.(Integer)
	return ok && t.Min <= int64(i) && int64(i) <= t.Max
}

func (t *FloatType) instance(v Value) bool {
	f, ok := v.(Float)
	return ok && t.Min <= float64(f) && float64(f) <= t.Max
}

func (t *BooleanType) instance(v Value) bool {
	b, ok := v.(Boolean)
	return ok && (t.Value == nil || *t.Value == bool(b))
}

func (t *StringType) instance(v Value) bool {
	s, ok := v.(String)
	if !ok {
		return false
	}
	if t.Value != nil {
		return string(s) == *t.Value
	}
	return t.Size == nil || t.Size.contains(stringLen(string(s)))
}

func (t *EnumType) instance(v Value) bool {
	s, ok := v.(String)
	return ok && t.has(string(s))
}

func (t *PatternType) instance(v Value) bool {
	s, ok := v.(String)
	return ok && t.matches(string(s))
}

func (t *RegexpType) instance(v Value) bool {
	r, ok := v.(*Regexp)
	return ok && (t.Pattern == nil || t.Pattern.source == r.source)
}

func (t *TimestampType) instance(v Value) bool {
	s, ok := v.(Timestamp)
	return ok && t.Min <= s && s <= t.Max
}

func (t *TimespanType) instance(v Value) bool {
	s, ok := v.(Timespan)
	return ok && t.Min <= s && s <= t.Max
}

func (t *SemVerType) instance(v Value) bool {
	s, ok := v.(*SemVer)
	if !ok {
		return false
	}
	for _, r := range t.Ranges {
		if r.Includes(s) {
			return true
		}
	}
	return len(t.Ranges) == 0
}

func (t *URIType) instance(v Value) bool {
	u, ok := v.(*URI)
	return ok && (t.Params == nil || t.accepts(&URIType{u.Components()}, nil))
}

func (t *CollectionType) instance(v Value) bool {
	switch v := v.(type) {
	case *Array:
		return t.Size.contains(v.Len())
	case *Hash:
		return t.Size.contains(v.Len())
	}
	return false
}

func (t *ArrayType) instance(v Value) bool {
	a, ok := v.(*Array)
	if !ok || !t.Size.contains(a.Len()) {
		return false
	}
	if t.Elem == AnyType {
		return true
	}
	if a.weight > MaxWeight {
		return false
	}
	for _, e := range a.elems {
		if !t.Elem.instance(e) {
			return false
		}
	}
	return true
}

func (t *HashType) instance(v Value) bool {
	h, ok := v.(*Hash)
	if !ok || !t.Size.contains(h.Len()) || h.weight > MaxWeight && (t.Key != AnyType || t.Val != AnyType) {
		return false
	}
	for _, e := range h.entries {
		if !t.Key.instance(e.Key) || !t.Val.instance(e.Value) {
			return false
		}
	}
	return true
}

func (t *TupleType) instance(v Value) bool {
	a, ok := v.(*Array)
	if !ok {
		return false
	}
	size := t.sizes()
	if !size.contains(a.Len()) {
		return false
	}
	if len(t.Types) == 0 {
		return true
	}
	for i, e := range a.elems {
		if !t.at(i).instance(e) {
			return false
		}
	}
	return true
}

func (t *StructType) instance(v Value) bool {
	h, ok := v.(*Hash)
	if !ok {
		return false
	}
	matched := 0
	for i := range t.Elements {
		e := &t.Elements[i]
		v, ok := h.GetString(e.Key)
		if !ok {
			if !e.Optional {
				return false
			}
			continue
		}
		matched++
		if !e.Value.instance(v) {
			return false
		}
	}
	return matched == h.Len()
}

func (t *IterableType) instance(v Value) bool {
	if t.Elem == nil || assignable(t.Elem, AnyType, nil) {
		return iterable(v)
	}
	return assignable(t, Infer(v), nil)
}

func iterable(v Value) bool {
	switch v := v.(type) {
	case *Iterator, String, *Hash, *Array, *EnumType:
		return true
	case Integer:
		return v >= 0
	case *IntegerType:
		return v.Min != MinInt && v.Max != MaxInt
	case *AliasType:
		return v.resolved != nil && iterable(v.resolved)
	}
	return false
}

func (t *IteratorType) instance(v Value) bool {
	it, ok := v.(*Iterator)
	return ok && (t.Elem == nil || assignable(t.Elem, it.elem, nil))
}

func (t *VariantType) instance(v Value) bool {
	for _, e := range t.Types {
		if e.instance(v) {
			return true
		}
	}
	return false
}

func (t *OptionalType) instance(v Value) bool {
	return IsUndef(v) || t.Of != nil && t.Of.instance(v)
}

func (t *NotUndefType) instance(v Value) bool {
	return !IsUndef(v) && (t.Of == nil || t.Of.instance(v))
}

func (t *TypeType) instance(v Value) bool {
	o, ok := v.(Type)
	return ok && (t.Of == nil || assignable(t.Of, o, nil))
}

func (t *SensitiveType) instance(v Value) bool {
	s, ok := v.(*Sensitive)
	return ok && (t.Of == nil || t.Of.instance(s.inner))
}

func (t *CallableType) instance(v Value) bool {
	c, ok := v.(Callable)
	return ok && t.accepts(c.Signature(), nil)
}

func (t *InitType) instance(v Value) bool { return t.accepts(v.Type(), nil) }

func (t *RuntimeType) instance(v Value) bool {
	r, ok := v.Type().(*RuntimeType)
	return ok && t.accepts(r, nil)
}

func (t *ResourceType) instance(Value) bool      { return false }
func (t *ClassType) instance(Value) bool         { return false }
func (t *TypeReferenceType) instance(Value) bool { return false }
