package compile

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/chargehand/chargehand/puppet/catalog"
	"github.com/chargehand/chargehand/puppet/environment"
	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// Request is all that a catalog is made of.
type Request struct {
	Certname    string
	Environment *environment.Environment
	Facts       *pcore.Hash
	Trusted     *pcore.Hash // as $trusted shows it
	ServerFacts *pcore.Hash
	ENC         ENC
	Settings    Settings
	// Version is what config_version printed; "" makes the time the version.
	Version string

	Hiera   eval.Hiera   // nil: no data
	Ruby    eval.Ruby    // nil: no Ruby
	Exports eval.Exports // nil: nothing is exported by other nodes
	// Generate runs a command for generate(), PuppetDB answers
	// puppetdb_query(); a nil one makes the function an error.
	Generate func(argv []string) (string, error)
	PuppetDB func(query pcore.Value) (pcore.Value, error)

	Limits  eval.Limits
	Timeout time.Duration    // zero means two minutes
	Now     func() time.Time // nil: the clock of the machine
	Log     func(eval.Event) // nil: no log
}

// ENC is what a node classifier says about the node.
type ENC struct {
	Classes     []eval.NodeClass
	Parameters  *pcore.Hash
	Environment string
}

// Settings are the Puppet settings that matter to a compilation.
type Settings struct {
	Strict          string // off, warning, error; "" means warning
	StrictVariables bool
	StoreConfigs    bool
	PlainData       bool        // rich_data=false
	Values          *pcore.Hash // as $settings::name shows them
}

// Error is a failed compilation.
type Error struct {
	Class   eval.Class
	Code    string // Puppet's issue code, "" where it has none
	Message string // without place and node
	File    string
	Line    int
	Column  int
	Node    string
	Prefix  string // "Could not parse for environment production: " in front of all
	Cause   error
}

// Error is the message as agents get it.
func (e *Error) Error() string {
	s := e.Prefix + e.Message + syntax.Location(e.File, e.Line, e.Column)
	if e.Node != "" {
		s += " on node " + e.Node
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// library is the table of functions, made when it is first needed.
var library = sync.OnceValue(function.NewTable)

// Compile makes the catalog of a node. The error is an *Error.
func Compile(ctx context.Context, r Request) (*catalog.Catalog, error) {
	ctx, cancel := r.prepare(ctx)
	defer cancel()
	loader := &mainLoader{Environment: r.Environment}
	c := eval.New(ctx, r.options(loader))
	err := c.Run(r.node())
	var made *catalog.Catalog
	if err == nil {
		made, err = c.Catalog(!r.Settings.PlainData)
	}
	if err != nil {
		return nil, r.failure(err, loader)
	}
	made.Time, made.Version = r.Now().Unix(), r.Version
	return made, nil
}

// prepare fills in what the request leaves open.
func (r *Request) prepare(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.Timeout == 0 {
		r.Timeout = 2 * time.Minute
	}
	if r.Log == nil {
		r.Log = func(eval.Event) {}
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Settings.Strict == "" {
		r.Settings.Strict = "warning"
	}
	return context.WithTimeout(ctx, r.Timeout)
}

func (r *Request) options(l eval.Loader) eval.Options {
	return eval.Options{
		Node: r.Certname, Environment: r.Environment.Name, Loader: l, Hiera: r.Hiera, Ruby: r.Ruby, Exports: r.Exports,
		Settings: eval.Settings{
			Strict: r.Settings.Strict, StrictVariables: r.Settings.StrictVariables,
			StoreConfigs: r.Settings.StoreConfigs, Values: r.Settings.Values,
		},
		Functions: library(), Limits: r.Limits, Now: r.Now, Log: r.Log, Generate: r.Generate, PuppetDB: r.PuppetDB,
	}
}

// node gives the variables of the node: facts, under the classifier's
// parameters, and the server's facts.
func (r *Request) node() eval.NodeFacts {
	params := pcore.NewHash(nil)
	server := pcore.HashOf("environment", pcore.String(r.Environment.Name))
	if r.ServerFacts != nil {
		server = r.ServerFacts.Merge(server)
	}
	for _, h := range []*pcore.Hash{r.Facts, r.ENC.Parameters, r.ServerFacts} {
		if h != nil {
			params = params.Merge(h)
		}
	}
	return eval.NodeFacts{
		Parameters: params, Facts: r.Facts, Trusted: r.Trusted, ServerFacts: server, Classes: r.ENC.Classes,
	}
}

// mainLoader is the environment's loader; it remembers that the manifests
// could not be read, which errors tell.
type mainLoader struct {
	*environment.Environment
	failed bool
}

// Main implements eval.Loader.
func (l *mainLoader) Main() ([]*eval.Unit, error) {
	units, err := l.Environment.Main()
	l.failed = err != nil
	return units, err
}

// failure words an error and logs it.
func (r *Request) failure(err error, l *mainLoader) error {
	e := &Error{Message: err.Error(), Node: r.Certname, Class: eval.CompileError, Cause: err}
	if l.failed {
		e.Prefix = "Could not parse for environment " + r.Environment.Name + ": "
	}
	var placed *eval.Error
	var found *syntax.Error
	switch {
	case errors.As(err, &placed):
		e.Class, e.Code, e.Message, e.File, e.Line, e.Column = placed.Class, placed.Code, placed.Message, placed.File, placed.Line, placed.Column
	case errors.As(err, &found):
		e.Class, e.Code, e.Message, e.File, e.Line, e.Column = eval.LanguageError, found.Code, found.Message, found.File, found.Line, found.Column
	}
	if e.Class == eval.LanguageError && e.Code == "" && (e.Line > 0 || e.File == "") {
		e.Class = eval.CompileError
	}
	if e.Class == eval.CompileError {
		// Puppet makes one text of such an error, with its place.
		e.Message += syntax.Location(e.File, e.Line, e.Column)
		e.File, e.Line, e.Column = "", 0, 0
	}
	r.logFailure(err, e)
	return e
}

// logFailure writes each finding of a validation, then the error.
func (r *Request) logFailure(err error, e *Error) {
	const most = 10
	var invalid *environment.Invalid
	if errors.As(err, &invalid) {
		for _, w := range invalid.Findings.Warnings {
			r.log("warning", w)
		}
		if len(invalid.Findings.Errors) > 1 {
			for i, f := range invalid.Findings.Errors {
				if i == most {
					break
				}
				r.log("err", f)
			}
		}
	}
	event := eval.Event{Level: "err", Message: e.Message, File: e.File, Line: e.Line, Column: e.Column, Code: e.Code}
	if e.Class == eval.CompileError {
		event = eval.Event{Level: "err", Message: e.Error()}
	}
	r.Log(event)
}

func (r *Request) log(level string, e *syntax.Error) {
	r.Log(eval.Event{Level: level, Message: strings.TrimSpace(e.Message), File: e.File, Line: e.Line, Column: e.Column, Code: e.Code})
}
