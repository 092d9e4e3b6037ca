// Package modules runs what Puppet modules bring along in Ruby: functions of the
// newer API (Puppet::Functions.create_function) and of the older one
// (Puppet::Parser::Functions.newfunction), and ERB templates.
//
// Values pass as JSON. What JSON lacks is an object with "__ptype" and
// "__pvalue": Default, Sensitive, Regexp, Hash (keys and values in turn, for keys
// that are no texts), and any other kind by its text, which Ruby code can hand on.
//
// While it runs, Ruby code asks its ruby.Host for
//
//	lookupvar NAME                     → {"found": bool, "value": …}
//	call_function NAME, ARGS, BLOCK    → value; a BLOCK that is not null is called by Guest.Call("block", BLOCK, args)
//	call_lambda NUMBER, ARGS           → value of the host's lambda
//	log LEVEL, TEXT
//
// It imports the standard library, internal/errs, ruby and ruby/erb.
package modules

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ruby"
	"github.com/chargehand/chargehand/ruby/erb"
)

//go:embed ruby/*.rb
var rubyFiles embed.FS

// A File is a Ruby file of a module.
type File struct {
	Name string // of the function that it defines, "ns::name"; for a library what it is required as
	Path string // that errors cite
	Text string
}

// Code is the Ruby code of an environment. It is safe for concurrent use.
type Code struct {
	image *ruby.Image
}

// New declares the code of an environment. Library files are loaded when others
// require them. Nothing is loaded before the first call.
func New(engine *ruby.Engine, name string, functions, library []File) (*Code, error) {
	var sources []ruby.Source
	for _, part := range []string{"values.rb", "puppet.rb", "modules.rb"} {
		text, err := rubyFiles.ReadFile("ruby/" + part)
		if err != nil {
			return nil, err
		}
		sources = append(sources, ruby.Source{Name: "modules/" + part, Text: string(text)})
	}
	byName := map[string]string{}
	for _, f := range library {
		byName[f.Name] = f.Text
	}
	files := [][3]string{}
	for _, f := range functions {
		files = append(files, [3]string{f.Name, f.Path, f.Text})
	}
	for _, call := range []struct {
		method string
		data   any
	}{{"library", byName}, {"load", files}} {
		text, err := json.Marshal(call.data)
		if err != nil {
			return nil, errs.WrapAs(errs.Malformed, err, "load Ruby code")
		}
		sources = append(sources, ruby.Source{
			Name: "modules/" + call.method,
			Text: fmt.Sprintf("Chargehand::Modules.%s(JSON.parse(<<'DATA', max_nesting: false))\n%s\nDATA\n", call.method, text),
		})
	}
	return &Code{image: engine.Image(name, sources...)}, nil
}

// A Function is one that the code defines.
type Function struct {
	Name       string     `json:"name"`
	Dispatches []Dispatch `json:"dispatches"` // of the newer API
	Older      bool       `json:"older"`      // API: takes its arguments as one list
	RValue     bool       `json:"rvalue"`     // of the older API: it has a value
	Arity      int        `json:"arity"`      // of the older API: -n-1 is n or more
	Error      string     `json:"error"`      // why it could not be loaded
}

// A Dispatch is one way to call a function. Types are texts of the Puppet language.
type Dispatch struct {
	Params  []Param `json:"params"`
	Block   string  `json:"block"` // "none", "optional" or "required"
	Returns string  `json:"returns"`
}

// A Param is a parameter of a Dispatch.
type Param struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Kind string `json:"kind"` // "required", "optional", "repeated" or "required_repeated"
}

// Functions lists what the code defines.
func (c *Code) Functions(ctx context.Context) ([]Function, error) {
	raw, err := c.image.Call(ctx, nil, "functions")
	if err != nil {
		return nil, err
	}
	var list []Function
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "list the Ruby functions")
	}
	return list, nil
}

// A Run is the code at work for one compilation: what functions leave behind,
// later calls of the same run find. One goroutine at a time may use it.
type Run struct {
	session *ruby.Session
	host    ruby.Host
}

// Run begins a run. It must be closed.
func (c *Code) Run(host ruby.Host) *Run { return &Run{session: c.image.Session(), host: host} }

// Close frees the code; runs end by themselves.
func (c *Code) Close() error { return c.image.Close() }

// Close ends the run.
func (r *Run) Close() { r.session.Close() }

// Call calls a function. Dispatch counts the function's from 0; a negative one
// lets the number of arguments choose. Lambda numbers the block that goes with the
// call, negative for none. It may be called from within the host's answers.
func (r *Run) Call(ctx context.Context, name string, args []any, dispatch, lambda int) (json.RawMessage, error) {
	if args == nil {
		args = []any{}
	}
	return r.session.Call(ctx, r.host, "call", name, args, index(dispatch), index(lambda))
}

func index(n int) any {
	if n < 0 {
		return nil
	}
	return n
}

// Render renders an ERB template with its local variables.
func (r *Run) Render(ctx context.Context, name, text string, vars map[string]any) (string, error) {
	if vars == nil {
		vars = map[string]any{}
	}
	raw, err := r.session.Call(ctx, r.host, "template", erb.Compile(text), name, vars)
	if err != nil {
		return "", err
	}
	var out string
	if err := json.Unmarshal(raw, &out); err != nil {
		return "", errs.New(errs.Invalid, "template %q does not render to text", name)
	}
	return out, nil
}
