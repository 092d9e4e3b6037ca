package pcore

// The object types that the language itself defines.
var (
	// ErrorType is what fail and failing plans produce: message, kind, details, issue code.
	ErrorType = mustObject(HashOf(
		"name", String("Error"),
		"type_parameters", HashOf(
			"kind", optionalOf(stringOrPattern()),
			"issue_code", optionalOf(stringOrPattern()),
		),
		"attributes", HashOf(
			"message", AnyString(),
			"kind", HashOf("type", optionalOf(&StringType{Size: &Size{1, MaxInt}}), "value", Undef{}),
			"details", HashOf("type", optionalOf(&HashType{Key: AnyString(), Val: DataType}), "value", Undef{}),
			"issue_code", HashOf("type", optionalOf(&StringType{Size: &Size{1, MaxInt}}), "value", Undef{}),
		),
	))

	// DeferredType is a call that the agent makes when it applies the catalog.
	DeferredType = mustObject(HashOf(
		"name", String("Deferred"),
		"attributes", HashOf(
			"name", &PatternType{[]*Regexp{MustRegexp(`\A[$]?[a-z][a-z0-9_]*(?:::[a-z][a-z0-9_]*)*\z`)}},
			"arguments", HashOf("type", optionalOf(AnyArray()), "value", Undef{}),
		),
	))
)

// LookupContextType is what functions that provide data for Hiera are given.
var LookupContextType = mustObject(HashOf("name", String("Puppet::LookupContext")))

func optionalOf(t Type) *OptionalType { return &OptionalType{t} }

func stringOrPattern() Type {
	return &VariantType{[]Type{AnyString(), &RegexpType{}, &TypeType{&EnumType{}}, &TypeType{&PatternType{}}, AnyArray()}}
}

func mustObject(init *Hash) *ObjectType {
	t, err := NewObjectType(init)
	if err != nil {
		panic(err)
	}
	return t
}

// NewDeferred makes a Deferred: a function, or a variable when the name starts with "$", and its
// arguments.
func NewDeferred(name string, args []Value) *Object {
	return &Object{DeferredType, []Value{String(name), NewArray(args)}}
}

// NewError makes an Error; kind and issue may be empty.
func NewError(message, kind, issue string) *Object {
	opt := func(s string) Value {
		if s == "" {
			return Undef{}
		}
		return String(s)
	}
	return &Object{ErrorType, []Value{String(message), opt(kind), Undef{}, opt(issue)}}
}
