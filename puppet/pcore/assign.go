package pcore

import "unicode/utf8"

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

func (t *IntegerType) accepts(o Type, _ *guard) bool {
	i, ok := o.(*IntegerType)
	return ok && t.Min <= i.Min && i.Max <= t.Max
}

func (t *FloatType) accepts(o Type, _ *guard) bool {
	f, ok := o.(*FloatType)
	return ok && t.Min <= f.Min && f.Max <= t.Max
}

func (t *BooleanType) accepts(o Type, _ *guard) bool {
	b, ok := o.(*BooleanType)
	return ok && (t.Value == nil || b.Value != nil && *t.Value == *b.Value)
}

// orAny gives the range a size stands for.
func orAny(s *Size) Size {
	if s == nil {
		return Size{0, MaxInt}
	}
	return *s
}

func (s Size) covers(o Size) bool { return s.Min <= o.Min && o.Max <= s.Max }

func (s *Size) contains(n int) bool { return s == nil || s.Min <= int64(n) && int64(n) <= s.Max }

func stringLen(s string) int { return utf8.RuneCountInString(s) }

func (t *StringType) accepts(o Type, _ *guard) bool {
	switch o := o.(type) {
	case *StringType:
		if t.Value != nil {
			return o.Value != nil && *t.Value == *o.Value
		}
		if t.Size == nil {
			return true
		}
		if o.Value != nil {
			return t.Size.contains(stringLen(*o.Value))
		}
		return t.Size.covers(orAny(o.Size))
	case *EnumType:
		if t.Value != nil {
			return len(o.Values) == 1 && !o.CaseInsensitive && o.Values[0] == *t.Value
		}
		if t.Size == nil {
			return true
		}
		for _, v := range o.Values {
			if !t.Size.contains(stringLen(v)) {
				return false
			}
		}
		return len(o.Values) > 0 || t.Size.covers(orAny(nil))
	case *PatternType:
		return t.Value == nil && (t.Size == nil || t.Size.covers(orAny(nil)))
	}
	return false
}

func (t *EnumType) accepts(o Type, _ *guard) bool {
	switch o := o.(type) {
	case *StringType:
		return len(t.Values) == 0 || o.Value != nil && t.has(*o.Value)
	case *PatternType:
		return len(t.Values) == 0
	case *EnumType:
		if len(t.Values) == 0 {
			return true
		}
		if len(o.Values) == 0 || o.CaseInsensitive && !t.CaseInsensitive {
			return false
		}
		for _, v := range o.Values {
			if !t.has(v) {
				return false
			}
		}
		return true
	}
	return false
}

func (t *EnumType) has(s string) bool {
	for _, v := range t.Values {
		if v == s || t.CaseInsensitive && equalFold(v, s) {
			return true
		}
	}
	return false
}

func (t *PatternType) accepts(o Type, _ *guard) bool {
	if len(t.Patterns) == 0 {
		switch o.(type) {
		case *StringType, *EnumType, *PatternType:
			return true
		}
		return false
	}
	switch o := o.(type) {
	case *StringType:
		return o.Value != nil && t.matches(*o.Value)
	case *EnumType:
		for _, v := range o.Values {
			if !t.matches(v) {
				return false
			}
		}
		return len(o.Values) > 0
	case *PatternType:
		return SameType(t, o)
	}
	return false
}

func (t *PatternType) matches(s string) bool {
	for _, p := range t.Patterns {
		if p.MatchString(s) {
			return true
		}
	}
	return len(t.Patterns) == 0
}

func (t *RegexpType) accepts(o Type, _ *guard) bool {
	r, ok := o.(*RegexpType)
	return ok && (t.Pattern == nil || r.Pattern != nil && t.Pattern.source == r.Pattern.source)
}

func (t *TimestampType) accepts(o Type, _ *guard) bool {
	s, ok := o.(*TimestampType)
	return ok && t.Min <= s.Min && s.Max <= t.Max
}

func (t *TimespanType) accepts(o Type, _ *guard) bool {
	s, ok := o.(*TimespanType)
	return ok && t.Min <= s.Min && s.Max <= t.Max
}

func (t *SemVerType) accepts(o Type, _ *guard) bool {
	s, ok := o.(*SemVerType)
	if !ok {
		return false
	}
	if len(t.Ranges) == 0 {
		return true
	}
	if len(s.Ranges) == 0 {
		return false
	}
	for _, r := range s.Ranges {
		covered := false
		for _, mine := range t.Ranges {
			covered = covered || mine.Covers(r)
		}
		if !covered {
			return false
		}
	}
	return true
}

func (t *URIType) accepts(o Type, _ *guard) bool {
	u, ok := o.(*URIType)
	if !ok {
		return false
	}
	if t.Params == nil {
		return true
	}
	if u.Params == nil {
		return false
	}
	for _, e := range t.Params.entries {
		v, ok := u.Params.Get(e.Key)
		if !ok || !Equal(e.Value, v) && !matches(e.Value, v) {
			return false
		}
	}
	return true
}

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
