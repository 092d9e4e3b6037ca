package pcore

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

func (a arguments) structType() (Value, error) {
	if err := a.check(1, 1, []string{"Hash"}, func(v Value) bool { _, ok := v.(*Hash); return ok }); err != nil {
		return nil, err
	}
	t := &StructType{}
	for _, e := range a.vals[0].(*Hash).entries {
		value, ok := e.Value.(Type)
		if !ok {
			return nil, fmt.Errorf("Struct element value_type must be a Type")
		}
		elem := StructElement{Value: value}
		key := Type(nil)
		switch k := e.Key.(type) {
		case String:
			if k == "" {
				return nil, fmt.Errorf("Struct element key cannot be an empty String")
			}
			text := string(k)
			key = &StringType{Value: &text}
			elem.Optional = assignable(value, UndefType, nil)
		case *NotUndefType:
			key = k.Of
		case *OptionalType:
			key = k.Of
			elem.Optional = true
		case *StringType, *EnumType:
			key = k.(Type)
		default:
			return nil, fmt.Errorf("Illegal Struct member key type. Expected NotUndef, Optional, String, or Enum. Got: %s", RubyClass(e.Key))
		}
		names, _ := literalStrings(orNil(key))
		if len(names) != 1 || names[0] == "" {
			return nil, fmt.Errorf("Unable to extract a non-empty literal string from Struct member key type %s", e.Key)
		}
		elem.Key = names[0]
		t.Elements = append(t.Elements, elem)
	}
	return t, nil
}

func (a arguments) callable() (Value, error) {
	vals := a.vals
	t := &CallableType{}
	if len(vals) > 0 {
		if params, ok := vals[0].(*Array); ok {
			if len(vals) != 2 {
				return nil, arity("A Callable-Type", 2, 0, len(vals))
			}
			ret, ok := vals[1].(Type)
			if !ok {
				return nil, a.badArgument(1, vals[1], "Any-Type")
			}
			if ret != AnyType {
				t.Return = ret
			}
			vals = params.elems
			if len(vals) == 0 {
				t.Params = &TupleType{Size: &Size{0, 0}}
				return t, nil
			}
		}
	}
	if n := len(vals); n > 0 {
		if last, ok := vals[n-1].(Type); ok && callableKind(last) {
			t.Block = last
			vals = vals[:n-1]
		}
	}
	vals, size, err := splitSize(vals)
	if err != nil {
		return nil, err
	}
	types := make([]Type, len(vals))
	for i, v := range vals {
		p, ok := v.(Type)
		if !ok {
			return nil, a.badArgument(i, v, "Any-Type")
		}
		types[i] = p
	}
	if len(types) == 0 && size != nil && size.Max > 0 {
		types = append(types, UnitType)
	}
	if len(types) == 0 && size == nil {
		if t.Block == nil && t.Return == nil {
			return t, nil
		}
		size = &Size{0, 0}
	}
	t.Params = &TupleType{types, size}
	return t, nil
}

// callableKind says whether a type can be that of a block.
func callableKind(t Type) bool {
	switch t := t.(type) {
	case *CallableType:
		return true
	case *OptionalType:
		return t.Of != nil && callableKind(t.Of)
	case *AliasType:
		return t.resolved != nil && callableKind(t.resolved)
	case *VariantType:
		return len(t.Types) > 0 && !slices.ContainsFunc(t.Types, func(e Type) bool { return !callableKind(e) })
	}
	return false
}

func (a arguments) init() (Value, error) {
	t, ok := a.vals[0].(Type)
	if !ok {
		return nil, badTypeArgument("Init-Type", a.vals[0], 0)
	}
	return &InitType{t, a.vals[1:]}, nil
}

var (
	classRefPattern  = regexp.MustCompile(`^((::){0,1}[A-Z]\w*)+$`)
	classNamePattern = regexp.MustCompile(`^((::)?[a-z]\w*)(::[a-z]\w*)*$`)
)

// titles flattens titles and drops undef; several says whether the result is an array.
func titles(vals []Value) (flat []Value, several bool) {
	for _, v := range vals {
		if _, ok := v.(*Array); ok {
			several = true
		}
	}
	for _, v := range flatten(vals) {
		if !IsUndef(v) {
			flat = append(flat, v)
		}
	}
	return flat, several || len(vals) > 1
}

func emptySpecialization(several bool) (Value, error) {
	return nil, &TypeError{"EMPTY_RESOURCE_SPECIALIZATION", "Arguments to Resource[] are all empty/undefined", 0}
}

func (a arguments) resource(t *ResourceType) (Value, error) {
	name, vals, shifted := t.TypeName, a.vals, 0
	if name == "" {
		switch v := vals[0].(type) {
		case String:
			name = CapitalizeSegments(string(v))
		case *ResourceType:
			name = v.TypeName
		default:
			return nil, &TypeError{"ILLEGAL_RESOURCE_SPECIALIZATION", "First argument to Resource[] must be a resource type or a String. Got " + keyTypeName(v) + ".", 0}
		}
		vals, shifted = vals[1:], 1
	}
	if !classRefPattern.MatchString(name) {
		return nil, &TypeError{"ILLEGAL_CLASSREF", "Illegal type reference. The given name '" + name + "' does not conform to the naming rule", 0}
	}
	if len(vals) == 0 {
		return &ResourceType{TypeName: name}, nil
	}
	flat, several := titles(vals)
	if len(flat) == 0 {
		return emptySpecialization(several)
	}
	refs := make([]Value, len(flat))
	for i, v := range flat {
		title, ok := v.(String)
		if !ok {
			return nil, &TypeError{"BAD_TYPE_SPECIALIZATION", fmt.Sprintf(
				"Error creating type specialization of %s, Cannot use %s where a resource title String is expected",
				WithArticle(t.String()+"-Type"), keyTypeName(v)), i + shifted}
		}
		refs[i] = &ResourceType{TypeName: name, Title: string(title), HasTitle: true}
	}
	if several {
		return NewArray(refs), nil
	}
	return refs[0], nil
}

func (a arguments) class(t *ClassType) (Value, error) {
	flat, several := titles(a.vals)
	if len(flat) == 0 {
		return emptySpecialization(several)
	}
	if t.ClassName != "" {
		return nil, &TypeError{"ILLEGAL_TYPE_SPECIALIZATION", "Cannot specialize an already specialized Class type", -1}
	}
	refs := make([]Value, len(flat))
	for i, v := range flat {
		s, ok := v.(String)
		if !ok {
			return nil, &TypeError{"ILLEGAL_HOSTCLASS_NAME", "Illegal Class name in class reference. " + WithArticleUpper(keyTypeName(v)) + " cannot be used where a String is expected", i}
		}
		name := strings.TrimPrefix(strings.ToLower(string(s)), "::")
		if !classNamePattern.MatchString(name) {
			return nil, &TypeError{"ILLEGAL_NAME", "Illegal name. The given name '" + string(s) + "' does not conform to the naming rule /^((::)?[a-z]\\w*)(::[a-z]\\w*)*$/", i}
		}
		refs[i] = &ClassType{name}
	}
	if several {
		return NewArray(refs), nil
	}
	return refs[0], nil
}

// WithArticleUpper is WithArticle at the start of a sentence.
func WithArticleUpper(word string) string {
	s := WithArticle(word)
	return strings.ToUpper(s[:1]) + s[1:]
}
