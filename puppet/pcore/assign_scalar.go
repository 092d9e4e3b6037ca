package pcore

import "unicode/utf8"

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
