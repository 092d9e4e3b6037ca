// Package function holds the functions that the Puppet language brings along: those on strings,
// numbers, collections, types and data. What a function needs of a compilation it gets through the
// small interfaces declared here; functions that work on the catalog or the log itself (include,
// realize, defined, epp, notice …) belong to the evaluator.
//
// It may import puppet/pcore and the standard library. A Table is immutable and safe for concurrent
// use.
package function

import (
	"errors"
	"sort"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// Env is what every function can ask of the compilation that calls it.
type Env interface {
	// Call calls another function by name, whatever language it is written in.
	Call(name string, args []pcore.Value, block pcore.Callable) (pcore.Value, error)
	// WarnOnce writes a warning of Puppet itself, the first time that key comes.
	WarnOnce(key, message string)
	// Maker makes instances of types.
	Maker() *pcore.Maker
	// ParseType reads a type that is given as text.
	ParseType(text string) (pcore.Type, error)
}

// Variables is the Env of functions that read variables.
type Variables interface {
	// Variable finds a variable as the code that calls sees it; ok is false where it is not set.
	Variable(name string) (v pcore.Value, ok bool, err error)
}

// Files is the Env of functions that read files on the server.
type Files interface {
	// ReadFile reads an absolute path, or "module/name" in the folder of its kind: "files".
	ReadFile(name string) (text string, ok bool, err error)
	// FindFile gives the path of an absolute path or "module/name" in the folder of its kind, "files"
	// or "templates"; "" where there is none.
	FindFile(kind, name string) string
	// ModuleDir gives the folder of a module, "" where there is none.
	ModuleDir(name string) string
}

// Commands is the Env of `generate`.
type Commands interface {
	// Generate runs a command on the server and gives what it prints.
	Generate(argv []string) (string, error)
}

// Data is the Env of the functions that look data up.
type Data interface {
	// Lookup finds the first of the names. found is false where no level of the data has any.
	Lookup(q Query) (v pcore.Value, found bool, err error)
}

// Query is what is asked of Data.
type Query struct {
	Names []string
	// Merge is nil, the name of a strategy or a hash with it and its options.
	Merge pcore.Value
	// Override, when not nil, goes before all data, Defaults after it; both are by name.
	Override, Defaults *pcore.Hash
	// Level, the third argument of hiera and its kin, names a data file that goes before the hierarchy.
	Level string
}

// PuppetDB is the Env of `puppetdb_query`.
type PuppetDB interface {
	Query(query pcore.Value) (pcore.Value, error)
}

// Block is a block of code that is given to a function.
type Block interface {
	pcore.Callable
	// Call calls the block; an error that is a Break ends the iteration it is called in.
	Call(args ...pcore.Value) (pcore.Value, error)
	// ParamCount says how many arguments it takes; rest that it takes any number beyond.
	ParamCount() (n int, rest bool)
}

// Break is an error that ends the iteration whose block gives it, when EndsIteration is true.
type Break interface {
	error
	EndsIteration() bool
}

func isBreak(err error) bool {
	var b Break
	return errors.As(err, &b) && b.EndsIteration()
}

// A call is one call of a function.
type call struct {
	env   Env
	name  string
	args  []pcore.Value
	block Block
}

// arg gives the argument at i, nil where there is none.
func (c *call) arg(i int) pcore.Value {
	if i < len(c.args) {
		return c.args[i]
	}
	return nil
}

// maxText bounds the text that a function makes.
const maxText = 64 << 20

var (
	errTooHeavy = errors.New("a value has too many elements")
	errTooLong  = errors.New("the result is too long")
)

type impl func(c *call) (pcore.Value, error)

// A function is called through the first of its dispatches that takes the arguments.
type function struct {
	dispatches []dispatch
	signatures []pcore.Signature
	// mismatch, unless nil, words the error when no dispatch takes the arguments; "" leaves it to the
	// description of the signatures.
	mismatch func(c *call) string
	// legacy functions count their arguments and check nothing else.
	legacy *legacy
}

type dispatch struct {
	sig pcore.Signature
	fn  impl
}

// A Table knows all functions by name.
type Table struct{ functions map[string]*function }

// NewTable makes the table of the built-in functions.
func NewTable() *Table {
	t := &Table{map[string]*function{}}
	for _, family := range []func(*Table){
		numberFunctions, stringFunctions, regexpFunctions, collectionFunctions, extremeFunctions, iterationFunctions,
		treeFunctions, typeFunctions, dataFunctions, lookupFunctions, backendFunctions, hieraFunctions, digestFunctions, fileFunctions,
		timeFunctions, callFunctions, versionFunctions, scanFunctions,
	} {
		family(t)
	}
	return t
}

// on declares a way to call a function; params is in the form of pcore.NewSignature.
func on(params string, fn impl) dispatch { return dispatch{pcore.NewSignature(params, nil), fn} }

func (t *Table) add(name string, dispatches ...dispatch) *function {
	f := &function{dispatches: dispatches}
	for _, d := range dispatches {
		f.signatures = append(f.signatures, d.sig)
	}
	t.functions[name] = f
	return f
}

// Has says whether there is a function of this name.
func (t *Table) Has(name string) bool { return t.functions[name] != nil }

// Names gives all names, sorted.
func (t *Table) Names() []string {
	names := make([]string, 0, len(t.functions))
	for name := range t.functions {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Returns gives the declared return type for arguments, nil where the function declares none.
func (t *Table) Returns(name string, args []pcore.Value) pcore.Type {
	f := t.functions[name]
	if f == nil {
		return nil
	}
	for i := range f.signatures {
		if f.signatures[i].Accepts(args, nil) {
			return f.signatures[i].Callable.Return
		}
	}
	return nil
}

// Call calls a function; known is false where there is none of this name. A block must implement
// Block. Errors are worded as Puppet words them.
func (t *Table) Call(env Env, name string, args []pcore.Value, block pcore.Callable) (v pcore.Value, known bool, err error) {
	f := t.functions[name]
	if f == nil {
		return nil, false, nil
	}
	for _, a := range args {
		if pcore.Weight(a) > pcore.MaxWeight {
			return nil, true, errTooHeavy
		}
	}
	c := &call{env: env, name: name, args: args}
	if block != nil {
		b, ok := block.(Block)
		if !ok {
			return nil, true, errors.New("the block cannot be called")
		}
		c.block = b
	}
	v, err = f.call(c, block)
	if err == nil && pcore.Weight(v) > pcore.MaxWeight {
		return nil, true, errTooHeavy
	}
	return v, true, err
}

func (f *function) call(c *call, block pcore.Callable) (pcore.Value, error) {
	if f.legacy != nil {
		return f.legacy.call(c)
	}
	for i := range f.dispatches {
		if d := &f.dispatches[i]; d.sig.Accepts(c.args, block) {
			return d.fn(c)
		}
	}
	if f.mismatch != nil {
		if text := f.mismatch(c); text != "" {
			return nil, errors.New("'" + c.name + "' " + text)
		}
	}
	return nil, errors.New(pcore.DescribeSignatures(c.name, f.signatures, c.args, block))
}
