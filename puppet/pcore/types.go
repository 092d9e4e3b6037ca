package pcore

import "math"

// A Type describes a set of values, and is a value itself. All implementations are in this
// package: they are pointers to structs with exported fields that must not be written to, or Basic.
type Type interface {
	Value
	// Name is the simple name, without parameters: "Integer".
	Name() string

	// instance says whether v belongs to the type.
	instance(v Value) bool
	// accepts says whether every instance of o belongs to the type. It never gets a Unit, an
	// alias, a Variant, an Optional or a NotUndef of something defined: assignable unfolds those.
	accepts(o Type, g *guard) bool
	// format appends the text of the type.
	format(f *formatter)
}

// A Basic is a type without parameters.
type Basic uint8

// The basic types. UnitType stands for "no element": it is what empty collections hold.
const (
	AnyType Basic = iota
	ScalarType
	ScalarDataType
	NumericType
	UndefType
	DefaultType
	BinaryType
	SemVerRangeType
	CatalogEntryType
	UnitType
)

var basicNames = [...]string{
	"Any", "Scalar", "ScalarData", "Numeric", "Undef", "Default", "Binary", "SemVerRange", "CatalogEntry", "Unit",
}

// The ends of an unbounded Integer range or size.
const (
	MinInt = math.MinInt64
	MaxInt = math.MaxInt64
)

// Size is a range of lengths; Max is MaxInt where there is no upper end. A nil *Size is any length.
type Size struct{ Min, Max int64 }

// IntegerType is Integer[Min, Max].
type IntegerType struct{ Min, Max int64 }

// FloatType is Float[Min, Max]; an open end is an infinity.
type FloatType struct{ Min, Max float64 }

// BooleanType is Boolean, or Boolean[Value].
type BooleanType struct{ Value *bool }

// StringType is String, String[Size], or the type of exactly one string.
type StringType struct {
	Size  *Size
	Value *string
}

// EnumType is Enum[Values...]; Values are sorted and unique.
type EnumType struct {
	Values          []string
	CaseInsensitive bool
}

// PatternType is Pattern[Patterns...].
type PatternType struct{ Patterns []*Regexp }

// RegexpType is Regexp, or the type of exactly one regular expression.
type RegexpType struct{ Pattern *Regexp }

// TimestampType is Timestamp[Min, Max].
type TimestampType struct{ Min, Max Timestamp }

// TimespanType is Timespan[Min, Max].
type TimespanType struct{ Min, Max Timespan }

// SemVerType is SemVer[Ranges...].
type SemVerType struct{ Ranges []*SemVerRange }

// URIType is URI, URI['…'] or URI[{scheme => …}].
type URIType struct{ Params *Hash }

// CollectionType is Collection[Size].
type CollectionType struct{ Size *Size }

// ArrayType is Array[Elem, Size].
type ArrayType struct {
	Elem Type
	Size *Size
}

// HashType is Hash[Key, Val, Size].
type HashType struct {
	Key, Val Type
	Size     *Size
}

// TupleType is Tuple[Types..., Size]: a size beyond the types repeats the last one.
type TupleType struct {
	Types []Type
	Size  *Size
}

// A StructElement is one key of a StructType. The key may be absent where Optional is set.
type StructElement struct {
	Key      string
	Optional bool
	Value    Type
}

// StructType is Struct[{…}].
type StructType struct{ Elements []StructElement }

// IterableType is Iterable[Elem]; Elem may be nil.
type IterableType struct{ Elem Type }

// IteratorType is Iterator[Elem]; Elem may be nil.
type IteratorType struct{ Elem Type }

// VariantType is Variant[Types...].
type VariantType struct{ Types []Type }

// OptionalType is Optional[Of]; Of may be nil.
type OptionalType struct{ Of Type }

// NotUndefType is NotUndef[Of]; Of may be nil.
type NotUndefType struct{ Of Type }

// TypeType is Type[Of]; Of may be nil.
type TypeType struct{ Of Type }

// SensitiveType is Sensitive[Of]; Of is Any by default.
type SensitiveType struct{ Of Type }

// CallableType is Callable[[Params, Block], Return]; each may be nil for "any" (Params, Return) and
// "none" (Block).
type CallableType struct {
	Params *TupleType
	Block  Type
	Return Type
}

// InitType is Init[Of, Args...]: what `Of.new` takes before Args.
type InitType struct {
	Of   Type
	Args []Value
}

// RuntimeType is Runtime[Runtime, Of].
type RuntimeType struct {
	Runtime string
	Of      string
	Pattern *Regexp // Runtime['go', [/a/, 'b']] in its pattern form
	Replace string
}

// ResourceType is Resource, File, or File['title'].
type ResourceType struct {
	TypeName string // "" for Resource; as written, not normalised, else
	Title    string
	HasTitle bool
}

// ClassType is Class or Class[ClassName].
type ClassType struct{ ClassName string }

// TypeReferenceType is a type whose name could not be resolved.
type TypeReferenceType struct{ Text string }

// Name implements Type.
func (t Basic) Name() string { return basicNames[t] }

// Name implements Type.
func (*IntegerType) Name() string { return "Integer" }

// Name implements Type.
func (*FloatType) Name() string { return "Float" }

// Name implements Type.
func (*BooleanType) Name() string { return "Boolean" }

// Name implements Type.
func (*StringType) Name() string { return "String" }

// Name implements Type.
func (*EnumType) Name() string { return "Enum" }

// Name implements Type.
func (*PatternType) Name() string { return "Pattern" }

// Name implements Type.
func (*RegexpType) Name() string { return "Regexp" }

// Name implements Type.
func (*TimestampType) Name() string { return "Timestamp" }

// Name implements Type.
func (*TimespanType) Name() string { return "Timespan" }

// Name implements Type.
func (*SemVerType) Name() string { return "SemVer" }

// Name implements Type.
func (*URIType) Name() string { return "URI" }

// Name implements Type.
func (*CollectionType) Name() string { return "Collection" }

// Name implements Type.
func (*ArrayType) Name() string { return "Array" }

// Name implements Type.
func (*HashType) Name() string { return "Hash" }

// Name implements Type.
func (*TupleType) Name() string { return "Tuple" }

// Name implements Type.
func (*StructType) Name() string { return "Struct" }

// Name implements Type.
func (*IterableType) Name() string { return "Iterable" }

// Name implements Type.
func (*IteratorType) Name() string { return "Iterator" }

// Name implements Type.
func (*VariantType) Name() string { return "Variant" }

// Name implements Type.
func (*OptionalType) Name() string { return "Optional" }

// Name implements Type.
func (*NotUndefType) Name() string { return "NotUndef" }

// Name implements Type.
func (*TypeType) Name() string { return "Type" }

// Name implements Type.
func (*SensitiveType) Name() string { return "Sensitive" }

// Name implements Type.
func (*CallableType) Name() string { return "Callable" }

// Name implements Type.
func (*InitType) Name() string { return "Init" }

// Name implements Type.
func (*RuntimeType) Name() string { return "Runtime" }

// Name implements Type.
func (*ResourceType) Name() string { return "Resource" }

// Name implements Type.
func (*ClassType) Name() string { return "Class" }

// Name implements Type.
func (*TypeReferenceType) Name() string { return "TypeReference" }

// Type implements Value: the type of a type is Type[it].
func (t Basic) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *IntegerType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *FloatType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *BooleanType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *StringType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *EnumType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *PatternType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *RegexpType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *TimestampType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *TimespanType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *SemVerType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *URIType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *CollectionType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *ArrayType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *HashType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *TupleType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *StructType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *IterableType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *IteratorType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *VariantType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *OptionalType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *NotUndefType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *TypeType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *SensitiveType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *CallableType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *InitType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *RuntimeType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *ResourceType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *ClassType) Type() Type { return &TypeType{t} }

// Type implements Value.
func (t *TypeReferenceType) Type() Type { return &TypeType{t} }

// String implements Value.
func (t Basic) String() string { return typeText(t) }

// String implements Value.
func (t *IntegerType) String() string { return typeText(t) }

// String implements Value.
func (t *FloatType) String() string { return typeText(t) }

// String implements Value.
func (t *BooleanType) String() string { return typeText(t) }

// String implements Value.
func (t *StringType) String() string { return typeText(t) }

// String implements Value.
func (t *EnumType) String() string { return typeText(t) }

// String implements Value.
func (t *PatternType) String() string { return typeText(t) }

// String implements Value.
func (t *RegexpType) String() string { return typeText(t) }

// String implements Value.
func (t *TimestampType) String() string { return typeText(t) }

// String implements Value.
func (t *TimespanType) String() string { return typeText(t) }

// String implements Value.
func (t *SemVerType) String() string { return typeText(t) }

// String implements Value.
func (t *URIType) String() string { return typeText(t) }

// String implements Value.
func (t *CollectionType) String() string { return typeText(t) }

// String implements Value.
func (t *ArrayType) String() string { return typeText(t) }

// String implements Value.
func (t *HashType) String() string { return typeText(t) }

// String implements Value.
func (t *TupleType) String() string { return typeText(t) }

// String implements Value.
func (t *StructType) String() string { return typeText(t) }

// String implements Value.
func (t *IterableType) String() string { return typeText(t) }

// String implements Value.
func (t *IteratorType) String() string { return typeText(t) }

// String implements Value.
func (t *VariantType) String() string { return typeText(t) }

// String implements Value.
func (t *OptionalType) String() string { return typeText(t) }

// String implements Value.
func (t *NotUndefType) String() string { return typeText(t) }

// String implements Value.
func (t *TypeType) String() string { return typeText(t) }

// String implements Value.
func (t *SensitiveType) String() string { return typeText(t) }

// String implements Value.
func (t *CallableType) String() string { return typeText(t) }

// String implements Value.
func (t *InitType) String() string { return typeText(t) }

// String implements Value.
func (t *RuntimeType) String() string { return typeText(t) }

// String implements Value.
func (t *ResourceType) String() string { return typeText(t) }

// String implements Value.
func (t *ClassType) String() string { return typeText(t) }

// String implements Value.
func (t *TypeReferenceType) String() string { return typeText(t) }
