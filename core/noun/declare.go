package noun

import (
	"context"
	"fmt"
	"strings"
	"unsafe"

	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/errs"
)

// A Noun is a declared record type, as code that knows the type sees it.
type Noun[T any] struct{ *Any }

// Any is a declared record type, as edges see it: records are values of *T.
type Any struct {
	name        string // "domain": root key of bodies, stem of ids
	plural      string // "domains": collection in paths
	resource    string // "Domain": Foreman's class name, in filters and audits
	audited     string // auditable_type where it is not resource
	label       string // "Domain" in sentences
	table       string
	typeColumn  string // the column that says which noun of a shared table a row is
	typeValue   string
	perms       map[string]string // action → permission, where not <action>_<plural>
	section     string            // of the menu
	heading     string            // there
	permStem    string
	fields      []*Field
	links       []*Link
	has         []*HasMany
	children    []*Child
	items       []Word
	searchWords []*SearchWord
	searches    search.Fields
	targets     map[*search.Field]*Target
	order       string // default order, a search query's order text or a column
	brief       []string
	parents     []string // nouns whose nested routes list this one
	only        []string // CRUD actions that exist; nil means all
	nestedOnly  bool     // no route but below a parent
	dotted      bool     // ids may hold dots, so .json is not stripped
	taxed       bool
	scopeBy     string // the Ref that Scope.Parent concerns
	parameters  *Child
	subs        []*Any
	parentField *Field
	actions     []Action
	hooks       hooks
	titleField  *Field
	keys        []*Field // texts that ids may be besides the number
	internal    bool     // no API of its own
	unaudited   bool
	briefNeeds  []string
	asked       []*Field
	facets      []string
	through     string // the Ref to the noun that owns the records and saves them
	loaded      []func(ctx context.Context, tx *Tx, recs []any, ns *Names, whole bool) error
	make        func() any
	pointer     func(any) unsafe.Pointer
	base        func(any) *Base
	copyOf      func(any) any
	reg         *Registry
	by          map[string]*Field
	setters     map[string]setter
}

type declaration struct {
	noun *Any
	at   uintptr
	size uintptr
}

func (d *declaration) offset(p uintptr) uintptr {
	if p < d.at || p >= d.at+d.size {
		panic(fmt.Sprintf("noun %s: a word points outside of the record handed to the declaration", d.noun.name))
	}
	return p - d.at
}

// Based is what a struct gets by embedding Base.
type Based interface{ base() *Base }

// Declare makes a noun of the struct T, which embeds Base. It calls words once,
// with a record that only serves to tell the fields' places; a declaration that
// cannot be is a defect and panics.
func Declare[T any](name string, words func(*T) Fields) *Noun[T] {
	rec := new(T)
	if _, ok := any(rec).(Based); !ok {
		panic("noun " + name + ": the struct does not embed noun.Base")
	}
	n := &Any{
		name: name, plural: name + "s", table: name + "s",
		make:    func() any { return new(T) },
		pointer: func(r any) unsafe.Pointer { return unsafe.Pointer(r.(*T)) },
		base:    func(r any) *Base { return r.(Based).base() },
		copyOf:  func(r any) any { c := *r.(*T); return &c },
		perms:   map[string]string{},
	}
	n.resource = camel(name)
	n.label = sentence(name)
	d := &declaration{noun: n, at: uintptr(unsafe.Pointer(rec)), size: unsafe.Sizeof(*rec)}
	b := any(rec).(Based).base()
	Int("id", &b.ID).ReadOnly().Search().Explicit().declare(d)
	for _, w := range words(rec) {
		w.declare(d)
	}
	Time("created_at", &b.CreatedAt).ReadOnly().declare(d)
	Time("updated_at", &b.UpdatedAt).ReadOnly().declare(d)
	n.permStem = first(n.permStem, n.plural)
	n.finish()
	return &Noun[T]{n}
}

func (n *Any) finish() {
	n.by = make(map[string]*Field, len(n.fields))
	for _, f := range n.fields {
		if n.by[f.name] != nil {
			panic("noun " + n.name + ": field " + f.name + " twice")
		}
		n.by[f.name] = f
		if f.title {
			n.keys = append(n.keys, f)
			n.titleField = f
		}
	}
	if f := n.by["name"]; f != nil && f.kind == TextKind {
		if n.titleField == nil {
			n.titleField = f
		}
		if len(n.keys) == 0 {
			n.keys = []*Field{f}
		}
	}
	for _, l := range n.links {
		if l.kindCol != "" && l.kind == "" {
			l.kind = n.resource
		}
	}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func camel(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

func sentence(name string) string {
	s := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(s[:1]) + s[1:]
}

// Plural sets the collection's name where it is not the name and "s".
func Plural(name string) Word {
	return wordFunc(func(d *declaration) { d.noun.plural, d.noun.table = name, name })
}

// Table sets the table where it is not the plural.
func Table(name string) Word { return wordFunc(func(d *declaration) { d.noun.table = name }) }

// SharedTable says that rows of several nouns are in one table; column holds
// value on this noun's.
func SharedTable(table, column, value string) Word {
	return wordFunc(func(d *declaration) {
		d.noun.table, d.noun.typeColumn, d.noun.typeValue = table, column, value
	})
}

// Resource sets Foreman's class name, which filters and audits use.
func Resource(name string) Word { return wordFunc(func(d *declaration) { d.noun.resource = name }) }

// AuditedAs sets the class name in audits where it is not the resource.
func AuditedAs(name string) Word { return wordFunc(func(d *declaration) { d.noun.audited = name }) }

// Unaudited leaves a noun's changes out of the audit trail.
func Unaudited() Word { return wordFunc(func(d *declaration) { d.noun.unaudited = true }) }

// Named sets what sentences call the noun.
func Named(label string) Word { return wordFunc(func(d *declaration) { d.noun.label = label }) }

// Section puts the noun into a group of the interface's menu, under a heading. A
// noun without one has its pages all the same, and no way to them in the menu
// unless the interface knows it.
func Section(group, heading string) Word {
	return wordFunc(func(d *declaration) { d.noun.section, d.noun.heading = group, heading })
}

// PermissionsOf uses view_stem, create_stem, edit_stem, destroy_stem.
func PermissionsOf(stem string) Word {
	return wordFunc(func(d *declaration) { d.noun.permStem = stem })
}

// Needs sets one action's permission.
func Needs(action, permission string) Word {
	return wordFunc(func(d *declaration) { d.noun.perms[action] = permission })
}

// OrderedBy sets the default order: a field and perhaps "DESC".
func OrderedBy(order string) Word { return wordFunc(func(d *declaration) { d.noun.order = order }) }

// InBrief names the fields that show where a record stands inside another.
func InBrief(fields ...string) Word {
	return wordFunc(func(d *declaration) { d.noun.brief = fields })
}

// Under lists the nouns below whose paths this one has nested routes.
func Under(parents ...string) Word {
	return wordFunc(func(d *declaration) { d.noun.parents = append(d.noun.parents, parents...) })
}

// OnlyUnder is Under without routes of its own at the top.
func OnlyUnder(parents ...string) Word {
	return wordFunc(func(d *declaration) {
		d.noun.parents, d.noun.nestedOnly = append(d.noun.parents, parents...), true
	})
}

// Only limits the CRUD actions: index, show, create, update, destroy.
func Only(actions ...string) Word { return wordFunc(func(d *declaration) { d.noun.only = actions }) }

// NoRoutes leaves all CRUD actions out.
func NoRoutes() Word { return wordFunc(func(d *declaration) { d.noun.only = []string{} }) }

// Internal nouns have no API of their own.
func Internal() Word {
	return wordFunc(func(d *declaration) { d.noun.internal, d.noun.unaudited = true, true })
}

// Dotted says that ids of the noun may hold dots.
func Dotted() Word { return wordFunc(func(d *declaration) { d.noun.dotted = true }) }

// ScopedBy names the Ref whose record must be visible for a row to be: what
// belongs to a host shows with the host.
func ScopedBy(ref string) Word { return wordFunc(func(d *declaration) { d.noun.scopeBy = ref }) }

// SavedThrough names the Ref to the noun that owns this one's records: creating,
// changing and deleting one saves its owner, with all the owner's rules.
func SavedThrough(ref string) Word {
	return wordFunc(func(d *declaration) { d.noun.through = ref })
}

// OneTaxonomy says that the noun's Refs organization and location are its
// taxonomies: one of each.
func OneTaxonomy() Word { return wordFunc(func(d *declaration) { d.noun.taxed = true }) }

// Keys names the text fields that an id may be, in order.
func Keys(fields ...string) Word {
	return wordFunc(func(d *declaration) {
		for _, name := range fields {
			for _, f := range d.noun.fields {
				if f.name == name {
					d.noun.keys = append(d.noun.keys, f)
				}
			}
		}
	})
}

// An Action is something that can be done with a noun beyond CRUD. Its handler
// is registered by whoever can do it; edges offer only those that have one.
type Action struct {
	Name       string
	Permission string
	Verb       string // HTTP verb
	Member     bool   // on one record
	Path       string // below the record or collection; Name when empty
	Label      string
}

// Act declares an action on one record.
func Act(name, verb, permission string) Word {
	return wordFunc(func(d *declaration) {
		d.noun.actions = append(d.noun.actions, Action{Name: name, Permission: permission, Verb: verb, Member: true})
	})
}

// A Change is one write of one record, as hooks see it.
type Change[T any] struct {
	// Old is nil on creation, New on deletion. Old must not be changed.
	Old, New *T
	Tx       *Tx
	Caller   Caller
	Context  Context
	// Given tells the fields that the request named; nil when a program wrote.
	Given map[string]bool
	// Notes is for hooks of one write to hand something on, such as a plan's id.
	Notes   map[string]string
	fails   *[]errs.FieldError
	answers map[string]answer
}

// Outside runs f when no transaction is open and gives its answer: for asking
// other systems, which may take their time. The first time it is called for a
// key the write is rolled back, f runs, and the write starts again, so that the
// second time the answer is there. Pass on the error as it is.
func (c *Change[T]) Outside(key string, f func(ctx context.Context) (any, error)) (any, error) {
	if a, ok := c.answers[key]; ok {
		return a.value, a.err
	}
	return nil, &unanswered{key, f}
}

type answer struct {
	value any
	err   error
}

// unanswered ends a transaction that needs an answer from outside.
type unanswered struct {
	key string
	ask func(ctx context.Context) (any, error)
}

func (u *unanswered) Error() string { return "not asked yet: " + u.key }

// Fail notes a broken rule; "base" is the record as a whole.
func (c *Change[T]) Fail(field, format string, args ...any) {
	*c.fails = append(*c.fails, errs.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// Has tells whether the request named the field.
func (c *Change[T]) Has(field string) bool { return c.Given[field] }

type change struct {
	old, new any
	tx       *Tx
	caller   Caller
	context  Context
	given    map[string]bool
	notes    map[string]string
	fails    []errs.FieldError
	answers  map[string]answer
}

type hook func(ctx context.Context, c *change) error

type hooks struct {
	prepare, check, saved, committed []hook
}

func hookOf[T any](f func(ctx context.Context, c *Change[T]) error) hook {
	return func(ctx context.Context, c *change) error {
		t := &Change[T]{
			Tx: c.tx, Caller: c.caller, Context: c.context, Given: c.given,
			Notes: c.notes, fails: &c.fails, answers: c.answers,
		}
		if c.old != nil {
			t.Old = c.old.(*T)
		}
		if c.new != nil {
			t.New = c.new.(*T)
		}
		return f(ctx, t)
	}
}

// Prepare runs before validation of a creation or update: normalise, fill in.
func Prepare[T any](f func(ctx context.Context, c *Change[T]) error) Word {
	h := hookOf(f)
	return wordFunc(func(d *declaration) { d.noun.hooks.prepare = append(d.noun.hooks.prepare, h) })
}

// Check runs with the validation, on deletions too: call Fail for what is wrong.
func Check[T any](f func(ctx context.Context, c *Change[T]) error) Word {
	h := hookOf(f)
	return wordFunc(func(d *declaration) { d.noun.hooks.check = append(d.noun.hooks.check, h) })
}

// Saved runs after the rows are written, in their transaction.
func Saved[T any](f func(ctx context.Context, c *Change[T]) error) Word {
	h := hookOf(f)
	return wordFunc(func(d *declaration) { d.noun.hooks.saved = append(d.noun.hooks.saved, h) })
}

// Committed runs after the commit; its error reaches the caller though the rows stay.
func Committed[T any](f func(ctx context.Context, c *Change[T]) error) Word {
	h := hookOf(f)
	return wordFunc(func(d *declaration) { d.noun.hooks.committed = append(d.noun.hooks.committed, h) })
}

func parameterNoun(parent *Any, kind string, precedence int) *Any {
	n := Declare(parent.name+"_parameter", func(p *Parameter) Fields {
		w := Fields{
			SharedTable("parameters", "type", kind), Resource("Parameter"), AuditedAs(kind), Named("Parameter"),
			PermissionsOf("params"), OnlyUnder(parent.name), OrderedBy("name"),
			Text("name", &p.Name).Required().Unique("reference_id").Format(noSpace).Search(),
			Text("parameter_type", &p.Type).Column("key_type").Default("string").Enum(ParameterTypes()...).Search("type").Explicit(),
			Computed("associated_type", func(*Parameter, *Names) any { return strings.ReplaceAll(parent.assocLabel(), "_", " ") }),
			Bool("hidden_value", &p.Hidden).On(0),
			Computed("hidden_value?", func(p *Parameter, _ *Names) any { return p.Hidden }),
			parameterValue(&p.Value),
			Text("searchable_value", &p.Search).Long().NotNull().Hidden().ReadOnly().Search("value").Explicit(),
			Computed("priority", func(*Parameter, *Names) any { return precedence }),
			Computed("is_property", func(*Parameter, *Names) any { return false }),
			Ref("parent", &p.ParentID, parent.name).Column("reference_id").Hidden().ReadOnly(),
			Prepare(func(_ context.Context, c *Change[Parameter]) error { return prepareParameter(c) }),
		}
		return w
	})
	n.Any.parentField = n.by["parent"]
	return n.Any
}

func (n *Any) assocLabel() string {
	switch n.name {
	case "operatingsystem":
		return "operating system"
	case "hostgroup":
		return "host group"
	}
	return n.name
}

// ParameterFields are the attributes of parameters that belong to no record.
func ParameterFields(p *Parameter) Fields {
	return Fields{
		Text("name", &p.Name).Required().Unique().Format(noSpace).Search(),
		Text("parameter_type", &p.Type).Column("key_type").Default("string").Enum(ParameterTypes()...).Search("key_type", "parameter_type"),
		Bool("hidden_value", &p.Hidden),
		Computed("hidden_value?", func(p *Parameter, _ *Names) any { return p.Hidden }),
		parameterValue(&p.Value),
		Text("searchable_value", &p.Search).Long().NotNull().Hidden().ReadOnly().Search("value"),
		Prepare(func(_ context.Context, c *Change[Parameter]) error { return prepareParameter(c) }),
	}
}

func noSpace(s string) string {
	if strings.ContainsAny(s, " \t\r\n") {
		return "can't contain white spaces."
	}
	return ""
}
