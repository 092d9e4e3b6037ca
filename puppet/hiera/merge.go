package hiera

import (
	"errors"
	"fmt"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// A strategy makes one value of those that several levels have, the highest first. Its merge is nil
// when only the first one counts.
type strategy struct {
	merge  func(high, low pcore.Value) (pcore.Value, error)
	first  func(pcore.Value) pcore.Value // what is done to the first of several values
	single func(pcore.Value) pcore.Value // what is done to a value when there is only one level
	of     pcore.Type                    // what the values must be
}

var (
	hashOfData   = pcore.MustParseType("Hash[String, Data]")
	uniqueValues = pcore.MustParseType("Variant[Scalar, Array[Data]]")
	deepOptions  = pcore.MustParseType(`Struct[{strategy => Optional[Pattern[deep]], knockout_prefix => Optional[String],
		merge_debug => Optional[Boolean], merge_hash_arrays => Optional[Boolean], sort_merged_arrays => Optional[Boolean]}]`)

	firstFound = strategy{}
	hashMerge  = strategy{of: hashOfData, merge: func(high, low pcore.Value) (pcore.Value, error) {
		return low.(*pcore.Hash).Merge(high.(*pcore.Hash)), nil
	}}
	uniqueMerge = strategy{
		of: uniqueValues, first: flat,
		merge: func(high, low pcore.Value) (pcore.Value, error) {
			return union(flat(high), flat(low)), nil
		},
		single: func(v pcore.Value) pcore.Value {
			if a, ok := v.(*pcore.Array); ok {
				return union(a, pcore.NewArray(nil))
			}
			return v
		},
	}
)

// newStrategy reads a strategy: nil, its name, or a hash with its name and options.
func newStrategy(merge pcore.Value) (strategy, error) {
	if merge == nil || pcore.IsUndef(merge) {
		return firstFound, nil
	}
	var options *pcore.Hash
	name := merge
	if h, ok := merge.(*pcore.Hash); ok {
		s, ok := h.GetString("strategy")
		if !ok || pcore.IsUndef(s) {
			return strategy{}, errors.New("The hash given as 'merge' must contain the name of a strategy in string form for the key 'strategy'")
		}
		name = s
		if h.Len() > 1 {
			options = h
		}
	}
	plainOnly := func(s strategy) (strategy, error) {
		if options == nil {
			return s, nil
		}
		of := pcore.MustParseType("Struct[{strategy => Optional[Pattern[/" + name.String() + "/]]}]")
		return s, optionsError(of, options)
	}
	switch name.String() {
	case "first", "default":
		return plainOnly(firstFound)
	case "hash":
		return plainOnly(hashMerge)
	case "unique":
		return plainOnly(uniqueMerge)
	case "deep":
		if err := optionsError(deepOptions, options); err != nil {
			return strategy{}, err
		}
		return deepStrategy(options, false)
	case "unconstrained_deep":
		return deepStrategy(options, false)
	case "reverse_deep":
		return deepStrategy(options, true)
	}
	return strategy{}, fmt.Errorf("Unknown merge strategy: '%s'", name)
}

func optionsError(of pcore.Type, options *pcore.Hash) error {
	if options == nil || pcore.IsInstance(of, options) {
		return nil
	}
	return errors.New(pcore.DescribeMismatch("The merge options has wrong type,", of, options.Type()))
}

// lookup asks n levels, the highest first, and merges what they have. errNotFound means that none
// has anything.
func (s strategy) lookup(n int, level func(i int) (pcore.Value, error)) (pcore.Value, error) {
	var merged pcore.Value
	for i := range n {
		v, err := level(i)
		if errors.Is(err, errNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		switch {
		case s.merge == nil:
			return v, nil
		case n == 1 && s.single != nil:
			return s.single(v), nil
		case merged == nil && s.first != nil && n > 1:
			merged = s.first(v)
		case merged == nil:
			merged = v
		default:
			if merged, err = s.checked(merged, v); err != nil {
				return nil, err
			}
		}
	}
	if merged == nil {
		return nil, errNotFound
	}
	return merged, nil
}

func (s strategy) checked(high, low pcore.Value) (pcore.Value, error) {
	for i, v := range []pcore.Value{high, low} {
		if s.of != nil && !pcore.IsInstance(s.of, v) {
			which := [...]string{"first", "second"}[i]
			return nil, &Error{Message: pcore.DescribeMismatch("The "+which+" element of the merge has wrong type,", s.of, v.Type())}
		}
	}
	return s.merge(high, low)
}

func flat(v pcore.Value) pcore.Value {
	a, ok := v.(*pcore.Array)
	if !ok {
		return pcore.ArrayOf(v)
	}
	var out []pcore.Value
	for _, e := range a.All() {
		if inner, ok := e.(*pcore.Array); ok {
			out = append(out, flat(inner).(*pcore.Array).Slice()...)
		} else {
			out = append(out, e)
		}
	}
	return pcore.NewArray(out)
}

// union is the elements of both arrays, each once.
func union(a, b pcore.Value) pcore.Value {
	seen := map[any]bool{}
	var out []pcore.Value
	for _, v := range []pcore.Value{a, b} {
		for _, e := range v.(*pcore.Array).All() {
			if k := pcore.Key(e); !seen[k] {
				seen[k] = true
				out = append(out, e)
			}
		}
	}
	return pcore.NewArray(out)
}
