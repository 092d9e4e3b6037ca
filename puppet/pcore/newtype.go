package pcore

import (
	"fmt"
	"strings"
)

// simpleTypes are the types that names alone resolve to, in lower case.
var simpleTypes = map[string]Type{
	"any": AnyType, "scalar": ScalarType, "scalardata": ScalarDataType, "numeric": NumericType, "undef": UndefType,
	"default": DefaultType, "binary": BinaryType, "semverrange": SemVerRangeType, "catalogentry": CatalogEntryType,
	"unit": UnitType, "integer": AnyInteger(), "float": AnyFloat(), "boolean": &BooleanType{}, "string": AnyString(),
	"enum": &EnumType{}, "pattern": &PatternType{}, "regexp": &RegexpType{},
	"timestamp": &TimestampType{minTimestamp, maxTimestamp}, "timespan": &TimespanType{minTimespan, maxTimespan},
	"semver": &SemVerType{}, "uri": &URIType{}, "collection": &CollectionType{}, "array": AnyArray(), "hash": AnyHash(),
	"tuple": &TupleType{}, "struct": &StructType{}, "iterable": &IterableType{}, "iterator": &IteratorType{},
	"variant": &VariantType{}, "optional": &OptionalType{}, "notundef": &NotUndefType{}, "type": &TypeType{},
	"sensitive": &SensitiveType{AnyType}, "callable": &CallableType{}, "init": &InitType{}, "runtime": &RuntimeType{},
	"resource": &ResourceType{}, "class": &ClassType{}, "object": AnyObject, "typeset": AnyTypeSet,
	"typereference": &TypeReferenceType{"UnresolvedReference"}, "typealias": unresolvedAlias(),
	"data": DataType, "richdata": RichDataType, "richdatakey": RichDataKeyType,
	"puppet::lookupkey": RichDataKeyType, "puppet::lookupvalue": RichDataType,
	"error": ErrorType, "deferred": DeferredType, "puppet::lookupcontext": LookupContextType,
}

func unresolvedAlias() *AliasType {
	a := NewAlias("UnresolvedAlias")
	a.resolved = &TypeReferenceType{"UnresolvedReference"}
	return a
}

// BuiltinType finds a type that the language itself defines; the case of the name does not matter.
func BuiltinType(name string) (Type, bool) {
	t, ok := simpleTypes[strings.ToLower(strings.TrimPrefix(name, "::"))]
	return t, ok
}

// NewType gives the type of a name with arguments, as `Name[args]` does: a built-in one or one that
// the loader knows. The result is a Type, or an *Array of them for File['a', 'b'].
func NewType(name string, args []Value, l Loader) (Value, error) {
	t, err := FindType(name, l)
	if err != nil || len(args) == 0 {
		return t, err
	}
	return Parameterize(t, args)
}

// FindType gives the type of a name: a built-in one or one that the loader, which may be nil, knows.
func FindType(name string, l Loader) (Type, error) {
	if t, ok := BuiltinType(name); ok {
		return t, nil
	}
	if l != nil {
		t, err := l.LoadType(strings.ToLower(strings.TrimPrefix(name, "::")))
		if err != nil {
			return nil, err
		}
		if t != nil {
			return t, nil
		}
	}
	return &TypeReferenceType{name}, nil
}

// arguments are what stands in the brackets after a type. Nested arrays are flattened away.
type arguments struct {
	base Type
	vals []Value
}

// Parameterize gives t[args...], as a Type or, for resources with several titles, an *Array of types.
// An error is a *TypeError where Puppet has an issue code for it, and plain otherwise.
func Parameterize(t Type, args []Value) (Value, error) {
	a := arguments{t, args}
	switch t := t.(type) {
	case *StructType:
		return a.structType()
	case *CallableType:
		return a.callable()
	case *InitType:
		return a.init()
	case *ResourceType:
		return a.resource(t)
	case *ClassType:
		return a.class(t)
	case *TypeReferenceType:
		return nil, &TypeError{"UNKNOWN_RESOURCE_TYPE", "Resource type not found: " + t.Text, -1}
	}
	a.vals = flatten(args)
	return a.flat()
}

func flatten(vs []Value) []Value {
	nested := false
	for _, v := range vs {
		if _, ok := v.(*Array); ok {
			nested = true
		}
	}
	if !nested {
		return vs
	}
	var flat []Value
	for _, v := range vs {
		if a, ok := v.(*Array); ok {
			flat = append(flat, flatten(a.elems)...)
		} else {
			flat = append(flat, v)
		}
	}
	return flat
}

// flat handles the types whose arguments are a plain list.
func (a arguments) flat() (Value, error) {
	switch t := a.base.(type) {
	case *IntegerType:
		return a.integer()
	case *FloatType:
		return a.float()
	case *BooleanType:
		if err := a.check(1, 1, []string{"Boolean", "Boolean"}, isBoolean); err != nil {
			return nil, err
		}
		b := bool(a.vals[0].(Boolean))
		return &BooleanType{&b}, nil
	case *StringType:
		return a.str()
	case *EnumType:
		return a.enum()
	case *PatternType:
		return a.pattern()
	case *RegexpType:
		return a.regexp()
	case *CollectionType:
		size, err := a.sizeOf(a.vals, 0, "Collection-Type", 1)
		return &CollectionType{size}, err
	case *ArrayType:
		return a.array()
	case *HashType:
		return a.hash()
	case *TupleType:
		return a.tuple()
	case *VariantType:
		if err := a.check(1, -1, []string{"Any-Type"}, isType); err != nil {
			return nil, err
		}
		return variantOf(a.types()), nil
	case *TimestampType, *TimespanType:
		return a.timeRange()
	case *SemVerType:
		return a.semver()
	case *URIType:
		return a.uri()
	case *RuntimeType:
		if err := a.check(2, 2, []string{"String", "String"}, isString); err != nil {
			return nil, err
		}
		return &RuntimeType{Runtime: a.vals[0].String(), Of: a.vals[1].String()}, nil
	case *ObjectType:
		return a.object(t)
	case *TypeSetType:
		return a.typeSet()
	case *AliasType:
		if t.resolved != nil {
			return Parameterize(t.resolved, a.vals)
		}
	}
	return a.one()
}

// one handles the types that hold one other type.
func (a arguments) one() (Value, error) {
	label := a.base.Name() + "-Type"
	switch a.base.(type) {
	case *OptionalType, *SensitiveType, *TypeType, *IterableType, *IteratorType, *NotUndefType:
	default:
		return nil, &TypeError{"OPERATOR_NOT_APPLICABLE", "Operator '[]' is not applicable to " + WithArticle(a.base.String()+"-Type") + ".", -1}
	}
	if len(a.vals) != 1 {
		max := 0
		if _, ok := a.base.(*NotUndefType); ok {
			max = 1
		}
		return nil, arity(label, 1-max, max, len(a.vals))
	}
	t, isType := a.vals[0].(Type)
	s, isString := a.vals[0].(String)
	switch a.base.(type) {
	case *OptionalType, *NotUndefType:
		if isString {
			text := string(s)
			t, isType = &StringType{Value: &text}, true
		}
	}
	if !isType {
		if _, ok := a.base.(*NotUndefType); ok {
			return nil, &TypeError{"BAD_NOT_UNDEF_SLICE_TYPE", label + "[] argument must be a Type or a String. Got " + RubyClass(a.vals[0]), 0}
		}
		return nil, badTypeArgument(label, a.vals[0], 0)
	}
	switch a.base.(type) {
	case *OptionalType:
		return &OptionalType{t}, nil
	case *NotUndefType:
		if t == AnyType {
			return &NotUndefType{}, nil
		}
		return &NotUndefType{t}, nil
	case *SensitiveType:
		return &SensitiveType{t}, nil
	case *TypeType:
		return &TypeType{t}, nil
	case *IterableType:
		return &IterableType{t}, nil
	}
	return &IteratorType{t}, nil
}

func badTypeArgument(label string, v Value, arg int) error {
	return &TypeError{"BAD_TYPE_SLICE_TYPE", label + "[] arguments must be types. Got " + RubyClass(v), arg}
}

// arity is the error for a wrong number of arguments; max is 0 for none, -1 for any.
func arity(label string, min, max, actual int) error {
	var want string
	switch {
	case max == -1:
		want = fmt.Sprintf("%d or more arguments", min)
	case max != 0 && max != min:
		want = fmt.Sprintf("%d to %d arguments", min, max)
	case min == 1:
		want = "1 argument"
	default:
		want = fmt.Sprintf("%d arguments", min)
	}
	return &TypeError{"BAD_TYPE_SLICE_ARITY", fmt.Sprintf("%s[] accepts %s. Got %d", label, want, actual), -1}
}

// check demands a number of arguments that all satisfy ok; labels name what is expected.
func (a arguments) check(min, max int, labels []string, ok func(Value) bool) error {
	if len(a.vals) < min || max >= 0 && len(a.vals) > max {
		return arity(WithArticleUpper(a.base.String()+"-Type"), 1, max, len(a.vals))
	}
	for i, v := range a.vals {
		if !ok(v) {
			return a.badArgument(i, v, strings.Join(labels, " or "))
		}
	}
	return nil
}

func (a arguments) badArgument(i int, v Value, expected string) error {
	return &TypeError{"BAD_TYPE_SPECIALIZATION", fmt.Sprintf("Error creating type specialization of %s, Cannot use %s where %s is expected",
		WithArticle(a.base.String()+"-Type"), keyTypeName(v), expected), i}
}

// keyTypeName names the kind of a value that is no good as a key.
func keyTypeName(v Value) string {
	switch v.(type) {
	case Undef:
		return "Undef"
	case Default:
		return "Default"
	}
	return Generalize(Infer(v)).String()
}

func isBoolean(v Value) bool { _, ok := v.(Boolean); return ok }
func isString(v Value) bool  { _, ok := v.(String); return ok }
func isType(v Value) bool    { _, ok := v.(Type); return ok }

func (a arguments) types() []Type {
	types := make([]Type, len(a.vals))
	for i, v := range a.vals {
		types[i] = v.(Type)
	}
	return types
}

// RubyClass names the Ruby class that the reference implementation has for a value, which some of its
// messages show.
func RubyClass(v Value) string {
	switch v := v.(type) {
	case Undef:
		return "NilClass"
	case Default:
		return "Symbol"
	case Boolean:
		if v {
			return "TrueClass"
		}
		return "FalseClass"
	case Integer:
		return "Integer"
	case Float:
		return "Float"
	case String:
		return "String"
	case *Regexp:
		return "Regexp"
	case *Array:
		return "Array"
	case *Hash:
		return "Hash"
	case *Sensitive:
		return "Puppet::Pops::Types::PSensitiveType::Sensitive"
	case Binary:
		return "Puppet::Pops::Types::PBinaryType::Binary"
	case Timestamp:
		return "Puppet::Pops::Time::Timestamp"
	case Timespan:
		return "Puppet::Pops::Time::Timespan"
	case *SemVer:
		return "SemanticPuppet::Version"
	case *SemVerRange:
		return "SemanticPuppet::VersionRange"
	case Type:
		return "Puppet::Pops::Types::P" + v.Name() + "Type"
	}
	return v.Type().Name()
}
