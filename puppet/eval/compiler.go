package eval

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// Loader gives the compiler what an environment's files hold. Its methods may
// be called by many compilers at a time; what they return must not change.
type Loader interface {
	Sources
	Files
}

// Sources are what is written in the Puppet language.
type Sources interface {
	// Main gives the manifests of the environment, parsed and validated, in
	// the order they are evaluated.
	Main() ([]*Unit, error)
	// Definitions gives the module file that a class or defined type of this
	// name, in lower case, belongs in; nil where there is none.
	Definitions(name string) (*Unit, error)
	// Function gives the file of a function in the Puppet language.
	Function(name string) (*Unit, error)
	// TypeAlias gives the file of a type alias.
	TypeAlias(name string) (*Unit, error)
	// ResourceType gives a resource type that was generated for the
	// environment; nil where there is none.
	ResourceType(name string) (*ResourceType, error)
}

// Files are the other files of modules.
type Files interface {
	// Template gives a parsed EPP template by its module/file name or path.
	Template(name string) (*syntax.Program, error)
	// File reads a file of a module's files folder, or an absolute path.
	File(name string) (text string, ok bool, err error)
	// FindFile finds the path of a file by kind ("files", "templates") and
	// name; "" where there is none.
	FindFile(kind, name string) string
	// RubyFile is the path of what a module has in Ruby under a name; kind is
	// "function" or "type". It is for telling why something cannot be used.
	RubyFile(kind, name string) string
	// ModuleDir is the folder of a module, "" where there is none.
	ModuleDir(name string) string
}

// Ruby runs what modules bring along in Ruby. A nil Ruby makes each use an
// error that names it.
type Ruby interface {
	// Function calls a function of the environment; ok is false where there is none.
	Function(c *Compiler, s *Scope, name string, args []pcore.Value, block pcore.Callable) (v pcore.Value, ok bool, err error)
	// Render renders an ERB template: a file's name, or the text itself when inline.
	Render(c *Compiler, s *Scope, template string, inline bool) (string, error)
	// Type loads a resource type; nil where there is none.
	Type(name string) (*ResourceType, error)
}

// Hiera looks up data. found is false where no level has the key.
type Hiera interface {
	Lookup(env *Env, q function.Query) (v pcore.Value, found bool, err error)
}

// Exports gives resources that other nodes export.
type Exports interface {
	Search(ctx context.Context, typ string, filter *Filter) ([]ExportedResource, error)
}

// ExportedResource is a resource from another node's catalog.
type ExportedResource struct {
	Type, Title, Certname string
	Parameters            *pcore.Hash
	Tags                  []string
}

// Filter is a query on exported resources: a comparison, or two filters
// joined by "and" or "or".
type Filter struct {
	Op          string // "==", "!=", "and", "or"
	Name        string
	Value       pcore.Value
	Left, Right *Filter
}

// Event is a line for the compilation's log.
type Event struct {
	Level   string // debug, info, notice, warning, err, alert, emerg, crit
	Message string
	Source  string // "" is Puppet itself
	File    string
	Line    int
	Column  int
	Code    string
}

// Settings are the Puppet settings that change what evaluation does.
type Settings struct {
	Strict          string // off, warning, error
	StrictVariables bool
	StoreConfigs    bool
	// Values are the settings as $settings::name shows them.
	Values *pcore.Hash
}

// Limits bound a compilation. Zero means the default.
type Limits struct {
	Steps     int // evaluated nodes
	Depth     int // nested evaluations
	Resources int
	Text      int // bytes in one string
}

func (l Limits) withDefaults() Limits {
	set := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	set(&l.Steps, 20_000_000)
	set(&l.Depth, 2_000)
	set(&l.Resources, 250_000)
	set(&l.Text, 64<<20)
	return l
}

// Options are what a Compiler works with.
type Options struct {
	Node        string
	Environment string
	Loader      Loader
	Hiera       Hiera // nil: no data
	Ruby        Ruby  // nil: no Ruby
	Functions   *function.Table
	// Generate runs a command for generate(); PuppetDB answers puppetdb_query().
	Generate func(argv []string) (string, error)
	PuppetDB func(query pcore.Value) (pcore.Value, error)
	Exports  Exports // nil: nothing exported elsewhere
	Settings Settings
	Limits   Limits
	Types    map[string]*ResourceType // more resource types than Puppet itself has, by lower-case name
	Now      func() time.Time         // nil: time stands still
	Log      func(Event)
}

// Compiler builds one catalog.
type Compiler struct {
	ctx      context.Context
	opts     Options
	loader   Loader
	settings Settings
	limits   Limits
	steps    int
	depth    int

	top       *Scope
	nodeScope *Scope

	classes   map[string]*Definition
	defines   map[string]*Definition
	nodes     map[string]*Definition
	nodeOrder []*Definition
	functions map[string]*puppetFunction
	aliases   map[string]*typeAlias
	loaded    map[string]bool
	missing   map[missingKey]bool
	types     map[string]*ResourceType
	regexps   map[string]*pcore.Regexp
	warned    map[string]bool
	units     map[*syntax.Program]bool

	classScopes map[string]*Scope
	resources   []*Resource          // in the order of evaluation
	all         []*Resource          // those and the ones added before main
	table       map[string]*Resource // by reference and alias
	edges       []edge
	inEdges     map[*Resource][]*Resource
	classNames  []string
	tags        tagSet
	overrides   map[string][]*Resource
	overOrder   []string
	collectors  []*Collector
	relations   []relation
	calls       []callPlace
	mainBodies  []syntax.Expr
	render      *rendering
	maker       *pcore.Maker
}

type edge struct{ from, to *Resource }

// callPlace is a call under way.
type callPlace struct {
	file string
	line int
}

// New makes a compiler.
func New(ctx context.Context, o Options) *Compiler {
	c := &Compiler{
		ctx: ctx, opts: o, loader: o.Loader, settings: o.Settings, limits: o.Limits.withDefaults(),
		classes: map[string]*Definition{}, defines: map[string]*Definition{}, nodes: map[string]*Definition{},
		functions: map[string]*puppetFunction{}, aliases: map[string]*typeAlias{}, loaded: map[string]bool{},
		missing: map[missingKey]bool{}, regexps: map[string]*pcore.Regexp{}, warned: map[string]bool{},
		units:       map[*syntax.Program]bool{},
		classScopes: map[string]*Scope{}, table: map[string]*Resource{},
		inEdges: map[*Resource][]*Resource{}, overrides: map[string][]*Resource{},
	}
	c.types = maps.Clone(builtinTypes())
	for name, t := range o.Types {
		c.types[name] = t
	}
	now := o.Now
	if now == nil {
		now = func() time.Time { return time.Unix(0, 0) }
	}
	c.maker = pcore.NewMaker(c, now)
	c.top = newScope(c, nil)
	return c
}

// Top is the top scope.
func (c *Compiler) Top() *Scope { return c.top }

// Context is the context of the compilation.
func (c *Compiler) Context() context.Context { return c.ctx }

// Options gives what the compiler was made with.
func (c *Compiler) Options() Options { return c.opts }

// step counts an evaluation and refuses to go beyond the limits.
func (c *Compiler) step() error {
	c.steps++
	if c.steps&1023 == 0 && c.ctx.Err() != nil {
		return &limitError{"Compilation was stopped: " + c.ctx.Err().Error()}
	}
	if c.steps > c.limits.Steps {
		return &limitError{"Compilation needs too many steps"}
	}
	if c.depth > c.limits.Depth {
		return &limitError{"stack level too deep"}
	}
	return nil
}

func (c *Compiler) textSize(n int) error {
	if n > c.limits.Text {
		return &limitError{"A text of the compilation is too large"}
	}
	return nil
}

// collectionSize refuses arrays and hashes that grow out of bounds.
func (c *Compiler) collectionSize(v pcore.Value) error {
	const bytesPerElement = 16
	n := 0
	switch v := v.(type) {
	case *pcore.Array:
		n = v.Len()
	case *pcore.Hash:
		n = v.Len()
	}
	if n > c.limits.Text/bytesPerElement {
		return &limitError{"A collection of the compilation is too large"}
	}
	return nil
}

// Log adds an event to the compilation's log.
func (c *Compiler) Log(e Event) {
	if c.opts.Log != nil {
		c.opts.Log(e)
	}
}

func (c *Compiler) logFound(level string, e *syntax.Error) {
	c.Log(Event{Level: level, Message: e.Message, File: e.File, Line: e.Line, Column: e.Column, Code: e.Code})
}

// warnAt logs a warning about a node, once for each place.
func (c *Compiler) warnAt(n syntax.Expr, code, format string, args ...any) {
	e := fail(n, code, format, args...).(*Error)
	message := strings.TrimPrefix(e.Message, "Evaluation Error: ")
	key := e.Error()
	if c.warned[key] {
		return
	}
	c.warned[key] = true
	c.Log(Event{Level: "warning", Message: message, File: e.File, Line: e.Line, Column: e.Column, Code: code})
}

// WarnOnce logs a warning that comes once per key and compilation.
func (c *Compiler) WarnOnce(key string, e Event) {
	if c.warned[key] {
		return
	}
	c.warned[key] = true
	e.Level = "warning"
	c.Log(e)
}

// builtinType finds a resource type by its lower-case name.
func (c *Compiler) builtinType(name string) (*ResourceType, error) {
	if t, known := c.types[name]; known {
		return t, nil
	}
	var t *ResourceType
	var err error
	if c.loader != nil {
		t, err = c.loader.ResourceType(name)
	}
	if t == nil && err == nil && c.opts.Ruby != nil {
		t, err = c.opts.Ruby.Type(name)
	}
	if err == nil {
		c.types[name] = t
	}
	return t, err
}

// resourceTypeNamed finds what a resource's type name stands for: a defined
// type of that name hides a built-in type only when it has a namespace.
func (c *Compiler) resourceTypeNamed(name string) (resourceType, bool, error) {
	name = strings.ToLower(strings.TrimPrefix(name, "::"))
	if !strings.Contains(name, ":") {
		if t, err := c.builtinType(name); t != nil || err != nil {
			return resourceType{builtin: t}, t != nil, err
		}
	}
	d, err := c.findDefine(name)
	if d == nil || err != nil {
		return resourceType{}, false, err
	}
	return resourceType{def: d}, true, nil
}

// canonicalType is a type name as references have it.
func canonicalType(name string) string {
	return pcore.CapitalizeSegments(strings.TrimPrefix(strings.ToLower(name), "::"))
}

func refKey(typ, title string) string {
	if typ == "Class" {
		title = classTitle(title)
	}
	return typ + "\x00" + title
}

// findResource finds a resource of the catalog by type and title.
func (c *Compiler) findResource(typ, title string) *Resource {
	typ = canonicalType(typ)
	if r := c.table[refKey(typ, title)]; r != nil {
		return r
	}
	t := c.types[strings.ToLower(typ)]
	if t == nil || !t.Unique || t.Title == nil && len(t.Key) == 1 {
		return nil
	}
	key := []string{typ}
	for _, v := range (&Resource{Type: typ, Title: title, builtin: t}).uniqueness() {
		key = append(key, v.String())
	}
	return c.table[strings.Join(key, "\x00")]
}

// FindRef finds a resource by its reference: "File[/a]".
func (c *Compiler) FindRef(ref string) *Resource {
	typ, title, ok := splitRef(ref)
	if !ok {
		return nil
	}
	return c.findResource(typ, title)
}

func splitRef(ref string) (typ, title string, ok bool) {
	open := strings.IndexByte(ref, '[')
	if open <= 0 || !strings.HasSuffix(ref, "]") {
		return "", "", false
	}
	return ref[:open], ref[open+1 : len(ref)-1], true
}
