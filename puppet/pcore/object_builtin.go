package pcore

// The object types that the language itself defines.
var (
	// ErrorType is what fail and failing plans produce: message, kind, details, issue code.
	ErrorType = mustObject(HashOf(
		"name", String("Error"),
		"type_parameters", HashOf("kind", errorParameter(), "issue_code", errorParameter()),
		"attributes", HashOf(
			"msg", nonEmpty(),
			"kind", HashOf("type", optionalOf(nonEmpty()), "value", Undef{}),
			"details", HashOf("type", optionalOf(&HashType{Key: nonEmpty(), Val: DataType}), "value", Undef{}),
			"issue_code", HashOf("type", optionalOf(nonEmpty()), "value", Undef{}),
		),
		"functions", HashOf("message", &CallableType{Params: &TupleType{Size: &Size{0, 0}}, Return: nonEmpty()}),
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

func nonEmpty() *StringType { return &StringType{Size: &Size{1, MaxInt}} }

func errorParameter() Type {
	return &VariantType{[]Type{
		AnyString(), &RegexpType{}, &TypeType{&EnumType{}}, &TypeType{&PatternType{}}, &TypeType{&NotUndefType{}}, &TypeType{UndefType},
	}}
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

// NewError makes an Error; kind and issue may be empty, details nil.
func NewError(message, kind, issue string, details *Hash) *Object {
	opt := func(s string) Value {
		if s == "" {
			return Undef{}
		}
		return String(s)
	}
	var more Value = Undef{}
	if details != nil {
		more = details
	}
	return &Object{ErrorType, []Value{String(message), opt(kind), more, opt(issue)}}
}
