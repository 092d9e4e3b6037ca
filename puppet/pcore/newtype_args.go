package pcore

import (
	"fmt"
)

func rangeError(min, max string) error {
	return fmt.Errorf("'from' must be less or equal to 'to'. Got (%s, %s", min, max)
}

// bounds reads one or two integers, or default for an open end.
func bounds(vals []Value) (min, max int64, err error) {
	min, max = MinInt, MaxInt
	for i, v := range vals {
		n, ok := v.(Integer)
		switch {
		case ok && i == 0:
			min = int64(n)
		case ok:
			max = int64(n)
		}
	}
	if min > max {
		return 0, 0, rangeError(formatInt(min), formatInt(max))
	}
	return min, max, nil
}

func isBound(v Value) bool {
	switch v.(type) {
	case Integer, Default:
		return true
	}
	return false
}

func (a arguments) integer() (Value, error) {
	if n := len(a.vals); n > 2 || n < 1 {
		return nil, &TypeError{"BAD_INTEGER_SLICE_ARITY", fmt.Sprintf("Integer-Type supports [] with one or two arguments (from, to). Got %d", n), -1}
	}
	for i, v := range a.vals {
		if !isBound(v) {
			return nil, &TypeError{"BAD_INTEGER_SLICE_TYPE", "Integer-Type [] requires all arguments to be integers (or default). Got " + RubyClass(v), i}
		}
	}
	min, max, err := bounds(a.vals)
	return &IntegerType{min, max}, err
}

func (a arguments) float() (Value, error) {
	if n := len(a.vals); n > 2 || n < 1 {
		return nil, &TypeError{"BAD_INTEGER_SLICE_ARITY", fmt.Sprintf("Float-Type supports [] with one or two arguments (from, to). Got %d", n), -1}
	}
	ends := [2]float64{floatMin, floatMax}
	for i, v := range a.vals {
		switch v := v.(type) {
		case Integer:
			ends[i] = float64(v)
		case Float:
			ends[i] = float64(v)
		case Default:
		default:
			return nil, &TypeError{"BAD_INTEGER_SLICE_TYPE", "Float-Type [] requires all arguments to be floats, or integers (or default). Got " + RubyClass(v), i}
		}
	}
	if ends[0] > ends[1] {
		return nil, rangeError(FormatFloat(ends[0]), FormatFloat(ends[1]))
	}
	return &FloatType{ends[0], ends[1]}, nil
}

// sizeOf reads a size: one Integer type, or one or two integers or default. offset is the position
// of vals among all arguments, least the smallest number of them.
func (a arguments) sizeOf(vals []Value, offset int, label string, least int) (*Size, error) {
	if len(vals) == 0 || len(vals) > 2 {
		return nil, arity(label, least, least+1, len(a.vals))
	}
	if t, ok := vals[0].(*IntegerType); ok && len(vals) == 1 {
		return toSize(t.Min, t.Max), nil
	}
	for i, v := range vals {
		if !isBound(v) {
			return nil, &TypeError{
				"BAD_COLLECTION_SLICE_TYPE",
				"A Type's size constraint arguments must be a single Integer type, or 1-2 integers (or default). Got " + WithArticle(RubyClass(v)), offset + i,
			}
		}
	}
	min, max, err := bounds(vals)
	if err != nil {
		return nil, err
	}
	return toSize(min, max), nil
}

func toSize(lo, hi int64) *Size { return &Size{max(lo, 0), max(hi, 0)} }

func (a arguments) str() (Value, error) {
	if n := len(a.vals); n > 2 || n < 1 {
		return nil, &TypeError{"BAD_STRING_SLICE_ARITY", fmt.Sprintf("String supports [] with one or two arguments. Got %d", n), -1}
	}
	size, err := a.sizeOf(a.vals, 0, "String-Type", 1)
	return &StringType{Size: size}, err
}

func (a arguments) enum() (Value, error) {
	insensitive := false
	if n := len(a.vals); n > 0 {
		if b, ok := a.vals[n-1].(Boolean); ok {
			insensitive = bool(b)
			a.vals = a.vals[:n-1]
		}
	}
	if err := a.check(1, -1, []string{"String"}, isString); err != nil {
		return nil, err
	}
	values := make([]string, len(a.vals))
	for i, v := range a.vals {
		values[i] = v.String()
	}
	return NewEnum(values, insensitive), nil
}

func (a arguments) pattern() (Value, error) {
	err := a.check(1, -1, []string{"String", "Regexp", "Pattern-Type", "Regexp-Type"}, func(v Value) bool {
		switch v.(type) {
		case String, *Regexp, *PatternType, *RegexpType:
			return true
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	var patterns []*Regexp
	for _, v := range a.vals {
		switch v := v.(type) {
		case String:
			r, err := NewRegexp(string(v))
			if err != nil {
				return nil, err
			}
			patterns = append(patterns, r)
		case *Regexp:
			patterns = append(patterns, v)
		case *PatternType:
			patterns = append(patterns, v.Patterns...)
		case *RegexpType:
			if v.Pattern != nil {
				patterns = append(patterns, v.Pattern)
			}
		}
	}
	return &PatternType{uniquePatterns(patterns)}, nil
}

func (a arguments) regexp() (Value, error) {
	err := a.check(1, 1, []string{"String", "Regexp"}, func(v Value) bool {
		switch v.(type) {
		case String, *Regexp:
			return true
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	if r, ok := a.vals[0].(*Regexp); ok {
		return &RegexpType{r}, nil
	}
	r, err := NewRegexp(a.vals[0].String())
	return &RegexpType{r}, err
}

func (a arguments) array() (Value, error) {
	n := len(a.vals)
	if n < 1 || n > 3 {
		return nil, arity("Array-Type", 1, 3, n)
	}
	elem, ok := a.vals[0].(Type)
	rest, offset := a.vals, 0
	if ok {
		rest, offset = a.vals[1:], 1
	} else if n != 2 {
		return nil, badTypeArgument("Array-Type", a.vals[0], 0)
	} else {
		elem = AnyType
	}
	if len(rest) == 0 {
		return &ArrayType{Elem: elem}, nil
	}
	size, err := a.sizeOf(rest, offset, "Array-Type", 1)
	if err != nil {
		return nil, err
	}
	if emptySize(size) {
		elem = UnitType
	}
	return &ArrayType{elem, size}, nil
}

func (a arguments) hash() (Value, error) {
	n := len(a.vals)
	if n == 2 {
		_, ok1 := a.vals[0].(Integer)
		_, ok2 := a.vals[1].(Integer)
		if ok1 && ok2 {
			min, max, err := bounds(a.vals)
			if err != nil {
				return nil, err
			}
			t := &HashType{AnyType, AnyType, toSize(min, max)}
			if emptySize(t.Size) {
				t.Key, t.Val = UnitType, UnitType
			}
			return t, nil
		}
	}
	for i, v := range a.vals[:min(n, 2)] {
		if !isType(v) {
			return nil, badTypeArgument("Hash-Type", v, i)
		}
	}
	if n < 2 || n > 4 {
		return nil, arity("Hash-Type", 2, 4, n)
	}
	t := &HashType{Key: a.vals[0].(Type), Val: a.vals[1].(Type)}
	if n > 2 {
		size, err := a.sizeOf(a.vals[2:], 2, "Hash-Type", 2)
		if err != nil {
			return nil, err
		}
		t.Size = size
	}
	return t, nil
}

// splitSize cuts one or two bounds off the end of the arguments.
func splitSize(vals []Value) (rest []Value, size *Size, err error) {
	n := len(vals)
	count := 0
	for count < 2 && count < n && isRangeParameter(vals[n-1-count]) {
		count++
	}
	if count == 0 {
		return vals, nil, nil
	}
	min, max, err := bounds(vals[n-count:])
	return vals[:n-count], toSize(min, max), err
}

func isRangeParameter(v Value) bool { return isBound(v) || v == Value(String("default")) }

func (a arguments) tuple() (Value, error) {
	rest, size, err := splitSize(a.vals)
	if err != nil {
		return nil, err
	}
	a.vals = rest
	if err := a.check(1, -1, []string{"Any-Type"}, isType); err != nil {
		return nil, err
	}
	return &TupleType{a.types(), size}, nil
}

func (a arguments) timeRange() (Value, error) {
	if len(a.vals) > 2 {
		return nil, arity("A "+a.base.Name()+"-Type", 0, 2, len(a.vals))
	}
	if _, ok := a.base.(*TimestampType); ok {
		ends := [2]Timestamp{minTimestamp, maxTimestamp}
		for i, v := range a.vals {
			if _, open := v.(Default); open {
				continue
			}
			t, err := toTimestamp(v)
			if err != nil {
				return nil, err
			}
			ends[i] = t
		}
		if ends[0] > ends[1] {
			return nil, rangeError(ends[0].String(), ends[1].String())
		}
		return &TimestampType{ends[0], ends[1]}, nil
	}
	ends := [2]Timespan{minTimespan, maxTimespan}
	for i, v := range a.vals {
		if _, open := v.(Default); open {
			continue
		}
		t, err := toTimespan(v)
		if err != nil {
			return nil, err
		}
		ends[i] = t
	}
	if ends[0] > ends[1] {
		return nil, rangeError(ends[0].String(), ends[1].String())
	}
	return &TimespanType{ends[0], ends[1]}, nil
}

func (a arguments) semver() (Value, error) {
	err := a.check(1, -1, []string{"String", "VersionRange"}, func(v Value) bool {
		switch v.(type) {
		case String, *SemVerRange:
			return true
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	t := &SemVerType{}
	for _, v := range a.vals {
		r, ok := v.(*SemVerRange)
		if !ok {
			if r, err = ParseSemVerRange(v.String()); err != nil {
				return nil, err
			}
		}
		t.Ranges = append(t.Ranges, r)
	}
	return t, nil
}

func (a arguments) uri() (Value, error) {
	if len(a.vals) != 1 {
		return nil, arity("URI-Type", 1, 0, len(a.vals))
	}
	switch v := a.vals[0].(type) {
	case *Hash:
		return &URIType{v}, nil
	case *URI:
		return &URIType{v.Components()}, nil
	case String:
		u, err := ParseURI(string(v))
		if err != nil {
			return nil, err
		}
		return &URIType{u.Components()}, nil
	}
	return nil, badTypeArgument("URI-Type", a.vals[0], 0)
}
