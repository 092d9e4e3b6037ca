package pcore

// A guard remembers the pairs being compared, so that recursive aliases come to an end: what is
// being asked already is taken to hold.
type guard struct{ pairs map[[2]Type]bool }

func (g *guard) enter(t, o Type) (fresh bool) {
	key := [2]Type{t, o}
	if g.pairs[key] {
		return false
	}
	g.pairs[key] = true
	return true
}

// assignable says whether every instance of o belongs to t.
func assignable(t, o Type, g *guard) bool {
	if t == o || o == UnitType || t == UnitType || t == AnyType {
		return true
	}
	_, tAlias := t.(*AliasType)
	oAlias, isAlias := o.(*AliasType)
	if tAlias || isAlias {
		if g == nil {
			g = &guard{pairs: map[[2]Type]bool{}}
		}
		if !g.enter(t, o) {
			return true
		}
		if isAlias {
			return oAlias.resolved != nil && assignable(t, oAlias.resolved, g)
		}
		return t.accepts(o, g)
	}
	switch o := o.(type) {
	case *VariantType:
		if n, ok := t.(*NotUndefType); ok && len(o.Types) == 0 {
			return n.accepts(o, g)
		}
		if v, ok := t.(*VariantType); ok && len(v.Types) == 0 {
			return true
		}
		for _, e := range o.Types {
			if !assignable(t, e, g) {
				return false
			}
		}
		return len(o.Types) > 0
	case *OptionalType:
		return assignable(t, UndefType, g) && (o.Of == nil || assignable(t, o.Of, g))
	case *NotUndefType:
		if o.Of != nil && !assignable(o.Of, UndefType, g) {
			return assignable(t, o.Of, g)
		}
	}
	return t.accepts(o, g)
}

func (t Basic) accepts(o Type, g *guard) bool {
	switch t {
	case AnyType, UnitType:
		return true
	case ScalarType:
		switch o.(type) {
		case *RegexpType, *SemVerType, *TimespanType, *TimestampType:
			return true
		}
		return o == ScalarType || o == SemVerRangeType || ScalarDataType.accepts(o, g)
	case ScalarDataType:
		switch o.(type) {
		case *StringType, *EnumType, *PatternType, *IntegerType, *FloatType, *BooleanType:
			return true
		}
		return o == ScalarDataType || o == NumericType
	case NumericType:
		switch o.(type) {
		case *IntegerType, *FloatType:
			return true
		}
	case CatalogEntryType:
		switch o.(type) {
		case *ResourceType, *ClassType:
			return true
		}
	}
	return o == t
}

// orNil makes a missing contained type harmless for a type switch.
func orNil(t Type) Type {
	if t == nil {
		return UnitType
	}
	return t
}

func (t *VariantType) accepts(o Type, g *guard) bool {
	for _, e := range t.Types {
		if assignable(e, o, g) {
			return true
		}
	}
	return false
}

func (t *OptionalType) accepts(o Type, g *guard) bool {
	return o == UndefType || t.Of == nil || assignable(t.Of, o, g)
}

func (t *NotUndefType) accepts(o Type, g *guard) bool {
	return !assignable(o, UndefType, g) && (t.Of == nil || assignable(t.Of, o, g))
}

func (t *TypeType) accepts(o Type, g *guard) bool {
	p, ok := o.(*TypeType)
	return ok && (t.Of == nil || p.Of != nil && assignable(t.Of, p.Of, g))
}

func (t *SensitiveType) accepts(o Type, g *guard) bool {
	s, ok := o.(*SensitiveType)
	return ok && (t.Of == nil || s.Of != nil && assignable(t.Of, s.Of, g))
}

func (t *CallableType) accepts(o Type, g *guard) bool {
	c, ok := o.(*CallableType)
	if !ok {
		return false
	}
	if t.Return != nil {
		if c.Return == nil || !assignable(t.Return, c.Return, g) {
			return false
		}
	}
	if t.Params == nil {
		return true
	}
	if c.Params == nil || !assignable(c.Params, t.Params, g) {
		return false
	}
	return assignable(orUndef(c.Block), orUndef(t.Block), g)
}

func orUndef(t Type) Type {
	if t == nil {
		return UndefType
	}
	return t
}

func (t *InitType) accepts(o Type, g *guard) bool {
	if i, ok := o.(*InitType); ok {
		return t.Of == nil || i.Of != nil && assignable(t.Of, i.Of, g)
	}
	if t.Of == nil {
		return assignable(RichDataType, o, g)
	}
	return assignable(t.Of, o, g) || t.takes(o)
}

func (t *RuntimeType) accepts(o Type, _ *guard) bool {
	r, ok := o.(*RuntimeType)
	return ok && (t.Runtime == "" || t.Runtime == r.Runtime && (t.Of == "" || t.Of == r.Of))
}

func (t *ResourceType) accepts(o Type, _ *guard) bool {
	r, ok := o.(*ResourceType)
	if !ok {
		return false
	}
	return t.TypeName == "" || equalFold(t.TypeName, r.TypeName) && (!t.HasTitle || r.HasTitle && t.Title == r.Title)
}

func (t *ClassType) accepts(o Type, _ *guard) bool {
	c, ok := o.(*ClassType)
	return ok && (t.ClassName == "" || t.ClassName == c.ClassName)
}

func (t *TypeReferenceType) accepts(o Type, _ *guard) bool {
	r, ok := o.(*TypeReferenceType)
	return ok && t.Text == r.Text
}
