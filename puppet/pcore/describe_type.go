package pcore

import (
	"slices"
	"strings"
)

// DescribeMismatch says why a value of type actual is no instance of expected; name, such as
// "assert_type():", leads each line.
func DescribeMismatch(name string, expected, actual Type) string {
	errs := describe(expected, actual, []pathElement{{text: name}})
	if len(errs) == 1 {
		return strings.TrimSpace(errs[0].text())
	}
	return joinTexts(errs, "\n ")
}

func joinTexts(errs []*mismatch, sep string) string {
	texts := make([]string, len(errs))
	for i, e := range errs {
		texts[i] = e.text()
	}
	return strings.Join(texts, sep)
}

func describe(expected, actual Type, path []pathElement) []*mismatch {
	if ref := findReference(expected, 0); ref != "" {
		return []*mismatch{{kind: unresolvedType, path: path, key: ref}}
	}
	return describeAs(Normalize(expected), expected, actual, path)
}

// findReference looks for a type that was not found.
func findReference(t Type, depth int) string {
	if depth > 20 {
		return ""
	}
	var inner []Type
	switch t := t.(type) {
	case *TypeReferenceType:
		return t.Text
	case *VariantType:
		inner = t.Types
	case *TupleType:
		inner = t.Types
	case *ArrayType:
		inner = []Type{t.Elem}
	case *HashType:
		inner = []Type{t.Key, t.Val}
	case *StructType:
		for _, e := range t.Elements {
			inner = append(inner, e.Value)
		}
	default:
		if of := contained(t); of != nil {
			inner = []Type{of}
		}
	}
	for _, e := range inner {
		if ref := findReference(e, depth+1); ref != "" {
			return ref
		}
	}
	return ""
}

// describeAs compares with expected; original is how it was written, for the message.
func describeAs(expected, original, actual Type, path []pathElement) []*mismatch {
	switch e := expected.(type) {
	case *VariantType:
		return describeVariant(e, original, actual, path)
	case *StructType:
		return describeStruct(e, original, actual, path)
	case *HashType:
		return describeHash(e, original, actual, path)
	case *TupleType:
		return describeTuple(e, original, actual, path, sizeMismatch)
	case *ArrayType:
		return describeArray(e, original, actual, path)
	case *CallableType:
		return describeCallable(e, original, actual, path)
	case *OptionalType:
		if actual == UndefType || e.Of == nil {
			return nil
		}
		if _, ok := original.(*AliasType); !ok {
			original = e
		}
		return describeAs(e.Of, original, actual, path)
	case *PatternType, *EnumType:
		return []*mismatch{newTypeMismatch(patternMismatch, path, original, actual)}
	case *AliasType:
		return describeAs(Normalize(e.resolved), e, actual, path)
	}
	if assignable(expected, actual, nil) {
		return nil
	}
	return []*mismatch{newTypeMismatch(typeMismatch, path, original, actual)}
}

func describeVariant(expected *VariantType, original, actual Type, path []pathElement) []*mismatch {
	types := expected.Types
	if _, ok := original.(*OptionalType); ok {
		types = append([]Type{UndefType}, types...)
	}
	var perVariant [][]*mismatch
	for i, t := range types {
		errs := describe(t, actual, add(path, variantStep(i)))
		if len(errs) == 0 {
			return nil
		}
		perVariant = append(perVariant, errs)
	}
	errs := mergeMismatches(len(path), sizeMismatch, perVariant)
	if _, ok := original.(*AliasType); ok && len(errs) == 1 {
		return []*mismatch{newTypeMismatch(typeMismatch, path, original, actual)}
	}
	return errs
}

// mergeMismatches makes one of the mismatches of all variants when they are of one kind and at one
// place. at is the position of the variant in the paths.
func mergeMismatches(at int, size mismatchKind, perVariant [][]*mismatch) []*mismatch {
	all := slices.Concat(perVariant...)
	for _, kind := range []mismatchKind{size, missingBlock, unexpectedBlock, typeMismatch} {
		var picked []*mismatch
		for _, m := range all {
			if m.kind == kind || kind == typeMismatch && m.kind == patternMismatch || kind == sizeMismatch && m.kind == countMismatch {
				picked = append(picked, m)
			}
		}
		if len(picked) != len(perVariant) || len(picked) == 0 {
			continue
		}
		if merged := mergeSame(picked); merged != nil {
			all = []*mismatch{merged}
			break
		}
	}
	var unique []*mismatch
	for _, m := range all {
		if !slices.ContainsFunc(unique, m.same) {
			unique = append(unique, m)
		}
	}
	if len(unique) == 1 && at < len(unique[0].path) {
		m := *unique[0]
		m.path = slices.Delete(slices.Clone(m.path), at, at+1)
		return []*mismatch{&m}
	}
	return unique
}

func mergeSame(picked []*mismatch) *mismatch {
	merged := *picked[0]
	for _, m := range picked[1:] {
		if m.place() != merged.place() {
			return nil
		}
		switch merged.kind {
		case typeMismatch, patternMismatch:
			merged.expected = Normalize(variantOf([]Type{merged.expected, m.expected}))
		case sizeMismatch, countMismatch:
			merged.want = Size{min(merged.want.Min, m.want.Min), max(merged.want.Max, m.want.Max)}
		}
	}
	return &merged
}

func sizeError(kind mismatchKind, path []pathElement, want, got Size) []*mismatch {
	return []*mismatch{{kind: kind, path: path, want: want, got: got}}
}

func describeArray(expected *ArrayType, original, actual Type, path []pathElement) []*mismatch {
	want := orAny(expected.Size)
	switch a := actual.(type) {
	case *TupleType:
		if got := a.exactSizes(); !want.covers(got) {
			return sizeError(sizeMismatch, path, want, got)
		}
		var errs []*mismatch
		for i, t := range a.Types {
			if !assignable(expected.Elem, t, nil) {
				errs = append(errs, describe(expected.Elem, t, add(path, indexStep(i)))...)
			}
		}
		return errs
	case *ArrayType:
		if got := orAny(a.Size); !want.covers(got) {
			return sizeError(sizeMismatch, path, want, got)
		}
		actual = &ArrayType{Elem: a.Elem}
	}
	return []*mismatch{newTypeMismatch(typeMismatch, path, original, actual)}
}

func describeHash(expected *HashType, original, actual Type, path []pathElement) []*mismatch {
	want := orAny(expected.Size)
	switch a := actual.(type) {
	case *StructType:
		if got := a.sizes(); !want.covers(got) {
			return sizeError(sizeMismatch, path, want, got)
		}
		var errs []*mismatch
		for _, e := range a.Elements {
			key := &StringType{Value: &e.Key}
			if !assignable(expected.Key, key, nil) {
				errs = append(errs, describe(expected.Key, key, add(path, entryKeyStep(e.Key)))...)
			}
			if !assignable(expected.Val, e.Value, nil) {
				errs = append(errs, describe(expected.Val, e.Value, add(path, entryStep(e.Key)))...)
			}
		}
		return errs
	case *HashType:
		if got := orAny(a.Size); !want.covers(got) {
			return sizeError(sizeMismatch, path, want, got)
		}
		actual = &HashType{Key: a.Key, Val: a.Val}
	}
	return []*mismatch{newTypeMismatch(typeMismatch, path, original, actual)}
}

// sizes is the range of lengths: keys that may be absent count for the upper end only.
func (t *StructType) sizes() Size {
	required := int64(0)
	for _, e := range t.Elements {
		if !e.Optional {
			required++
		}
	}
	return Size{required, int64(len(t.Elements))}
}

func describeStruct(expected *StructType, original, actual Type, path []pathElement) []*mismatch {
	switch a := actual.(type) {
	case *StructType:
		return describeStructs(expected, a, path)
	case *HashType:
		if want, got := expected.sizes(), orAny(a.Size); !want.covers(got) {
			return sizeError(sizeMismatch, path, want, got)
		}
		actual = &HashType{Key: a.Key, Val: a.Val}
	}
	return []*mismatch{newTypeMismatch(typeMismatch, path, original, actual)}
}

func describeStructs(expected, actual *StructType, path []pathElement) []*mismatch {
	var errs []*mismatch
	for _, e := range expected.Elements {
		a := actual.element(e.Key)
		switch {
		case a == nil && !e.Optional:
			errs = append(errs, &mismatch{kind: missingKey, path: path, key: e.Key})
		case a != nil && !assignable(e.Value, a.Value, nil):
			errs = append(errs, describe(e.Value, a.Value, add(path, entryStep(e.Key)))...)
		}
	}
	for _, a := range actual.Elements {
		if expected.element(a.Key) == nil {
			errs = append(errs, &mismatch{kind: extraneousKey, path: path, key: a.Key})
		}
	}
	return errs
}

func describeTuple(expected *TupleType, original, actual Type, path []pathElement, size mismatchKind) []*mismatch {
	want := expected.sizes()
	switch a := actual.(type) {
	case *TupleType:
		if got := a.sizes(); !want.covers(got) {
			return sizeError(size, path, want, got)
		}
		if len(expected.Types) == 0 {
			return nil
		}
		var errs []*mismatch
		for i, t := range a.Types {
			at := min(i, len(expected.Types)-1)
			if !assignable(expected.Types[at], t, nil) {
				errs = append(errs, describe(expected.Types[at], t, add(path, indexStep(at)))...)
			}
		}
		return errs
	case *ArrayType:
		if got := orAny(a.Size); !want.covers(got) {
			return sizeError(size, path, want, got)
		}
		var errs []*mismatch
		for i, t := range expected.Types {
			if !assignable(t, a.Elem, nil) {
				errs = append(errs, describe(t, a.Elem, add(path, indexStep(i)))...)
			}
		}
		return errs
	}
	return []*mismatch{newTypeMismatch(typeMismatch, path, original, actual)}
}

func describeCallable(expected *CallableType, original, actual Type, path []pathElement) []*mismatch {
	a, ok := actual.(*CallableType)
	if !ok {
		return []*mismatch{newTypeMismatch(typeMismatch, path, original, actual)}
	}
	if expected.Params == nil && expected.Return == nil {
		return nil
	}
	if expected.Params != nil {
		params := a.Params
		if params == nil {
			params = &TupleType{}
		}
		if errs := describeTuple(expected.Params, expected.Params, params, path, countMismatch); len(errs) > 0 {
			return errs
		}
	}
	returns := func(t Type) Type {
		if t == nil {
			return AnyType
		}
		return t
	}
	if want, got := returns(expected.Return), returns(a.Return); !assignable(want, got, nil) {
		return []*mismatch{newTypeMismatch(typeMismatch, add(path, pathElement{text: "return"}), want, got)}
	}
	if want, got := orUndef(expected.Block), orUndef(a.Block); !assignable(got, want, nil) {
		return []*mismatch{newTypeMismatch(typeMismatch, add(path, pathElement{text: "block"}), want, got)}
	}
	return nil
}
