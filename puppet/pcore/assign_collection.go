package pcore

// orAny gives the range a size stands for.
func orAny(s *Size) Size {
	if s == nil {
		return Size{0, MaxInt}
	}
	return *s
}

func (s Size) covers(o Size) bool { return s.Min <= o.Min && o.Max <= s.Max }

func (s *Size) contains(n int) bool { return s == nil || s.Min <= int64(n) && int64(n) <= s.Max }

func (t *CollectionType) accepts(o Type, _ *guard) bool {
	s, ok := sizeOf(o)
	return ok && orAny(t.Size).covers(s)
}

// sizeOf gives the range of lengths of a collection type.
func sizeOf(o Type) (Size, bool) {
	switch o := o.(type) {
	case *CollectionType:
		return orAny(o.Size), true
	case *ArrayType:
		return orAny(o.Size), true
	case *HashType:
		return orAny(o.Size), true
	case *TupleType:
		return o.sizes(), true
	case *StructType:
		n := int64(len(o.Elements))
		return Size{n, n}, true
	}
	return Size{}, false
}

// sizes is the range of lengths of a tuple: the number of its types unless said otherwise.
func (t *TupleType) sizes() Size {
	if t.Size != nil {
		return *t.Size
	}
	n := int64(len(t.Types))
	if n == 0 {
		return Size{0, MaxInt}
	}
	return Size{n, n}
}

// at gives the type of the element at i: the last one repeats.
func (t *TupleType) at(i int) Type {
	if i < len(t.Types) {
		return t.Types[i]
	}
	return t.Types[len(t.Types)-1]
}

func (t *ArrayType) accepts(o Type, g *guard) bool {
	switch o := o.(type) {
	case *TupleType:
		if !orAny(t.Size).covers(o.exactSizes()) {
			return false
		}
		for _, e := range o.Types {
			if !assignable(t.Elem, e, g) {
				return false
			}
		}
		return true
	case *ArrayType:
		return orAny(t.Size).covers(orAny(o.Size)) && assignable(t.Elem, o.Elem, g)
	}
	return false
}

// exactSizes is sizes, but an unsized tuple without types counts as empty.
func (t *TupleType) exactSizes() Size {
	if t.Size != nil {
		return *t.Size
	}
	n := int64(len(t.Types))
	return Size{n, n}
}

func (t *HashType) accepts(o Type, g *guard) bool {
	switch o := o.(type) {
	case *HashType:
		if orAny(t.Size).Min == 0 && emptySize(o.Size) {
			return true
		}
		return assignable(t.Key, o.Key, g) && assignable(t.Val, o.Val, g) && orAny(t.Size).covers(orAny(o.Size))
	case *StructType:
		if !t.Size.contains(len(o.Elements)) {
			return false
		}
		for _, e := range o.Elements {
			if !t.Key.instance(String(e.Key)) || !assignable(t.Val, e.Value, g) {
				return false
			}
		}
		return true
	}
	return false
}

func (t *TupleType) accepts(o Type, g *guard) bool {
	switch o := o.(type) {
	case *TupleType:
		if !t.sizes().covers(o.sizes()) {
			return false
		}
		if len(t.Types) == 0 {
			return true
		}
		if len(o.Types) == 0 {
			return t.sizes().Min == 0
		}
		for i, e := range o.Types {
			if !assignable(t.at(i), e, g) {
				return false
			}
		}
		return true
	case *ArrayType:
		size := orAny(o.Size)
		if !t.sizes().covers(size) {
			return false
		}
		for i := 0; i < len(t.Types) && int64(i) < size.Max; i++ {
			if !assignable(t.Types[i], o.Elem, g) {
				return false
			}
		}
		return true
	}
	return false
}

func (t *StructType) element(key string) *StructElement {
	for i := range t.Elements {
		if t.Elements[i].Key == key {
			return &t.Elements[i]
		}
	}
	return nil
}

func (t *StructType) accepts(o Type, g *guard) bool {
	switch o := o.(type) {
	case *StructType:
		matched := 0
		for _, e := range t.Elements {
			other := o.element(e.Key)
			if other == nil {
				if !e.Optional {
					return false
				}
				continue
			}
			matched++
			if other.Optional && !e.Optional || !assignable(e.Value, other.Value, g) {
				return false
			}
		}
		return matched == len(o.Elements)
	case *HashType:
		required := int64(0)
		for _, e := range t.Elements {
			if e.Optional {
				continue
			}
			required++
			if !assignable(e.Value, o.Val, g) || !assignable(AnyString(), o.Key, g) {
				return false
			}
		}
		return Size{required, int64(len(t.Elements))}.covers(orAny(o.Size))
	}
	return false
}

func (t *IterableType) accepts(o Type, g *guard) bool {
	elem, ok := iteratedType(o)
	if !ok {
		return false
	}
	if t.Elem == nil || assignable(t.Elem, AnyType, g) {
		return true
	}
	return elem != nil && assignable(t.Elem, elem, g)
}

func (t *IteratorType) accepts(o Type, g *guard) bool {
	i, ok := o.(*IteratorType)
	return ok && (t.Elem == nil || i.Elem != nil && assignable(t.Elem, i.Elem, g))
}

// iteratedType gives the type of what iterating over an instance of o yields; nil when unknown.
func iteratedType(o Type) (elem Type, ok bool) {
	one := &StringType{Size: &Size{1, 1}}
	switch o := Unalias(o).(type) {
	case *IterableType:
		return o.Elem, true
	case *IteratorType:
		return o.Elem, true
	case *StringType, *EnumType:
		return one, true
	case *IntegerType:
		return &IntegerType{MinInt, MaxInt}, true
	case *ArrayType:
		return o.Elem, true
	case *TupleType:
		return variantOf(o.Types), true
	case *HashType:
		return &TupleType{Types: []Type{o.Key, o.Val}, Size: &Size{2, 2}}, true
	case *StructType:
		keys, values := []Type{}, []Type{}
		for _, e := range o.Elements {
			key := e.Key
			keys = append(keys, &StringType{Value: &key})
			values = append(values, e.Value)
		}
		return &TupleType{Types: []Type{variantOf(keys), variantOf(values)}, Size: &Size{2, 2}}, true
	case *CollectionType:
		return nil, true
	case *TypeType:
		switch of := Unalias(orNil(o.Of)).(type) {
		case *EnumType:
			return of, true
		case *IntegerType:
			return of, of.Min != MinInt && of.Max != MaxInt
		}
	}
	return nil, false
}
