package pcore

// IsInstance says whether v belongs to t.
func IsInstance(t Type, v Value) bool { return t.instance(v) }

// IsAssignable says whether every instance of o belongs to t: `o <= t` in Puppet.
func IsAssignable(t, o Type) bool { return assignable(t, o, nil) }

// A Loader finds named types that are not built in: aliases, objects, type sets.
type Loader interface {
	// LoadType finds the type of a qualified name, in lower case without a leading "::". A nil
	// Type without an error means that there is none. Self-recursive aliases return the *AliasType
	// that is being bound.
	LoadType(name string) (Type, error)
}

// A TypeError is a type expression that makes no sense. Arg is the position of the argument that
// is wrong, -1 when the expression as a whole is; Issue is Puppet's issue code.
type TypeError struct {
	Issue   string
	Message string
	Arg     int
}

// Error implements error.
func (e *TypeError) Error() string { return e.Message }
