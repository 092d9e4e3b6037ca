package noun

import (
	"time"
	"unsafe"
)

// A Kind says what a field holds.
type Kind uint8

// The kinds of fields, each with the Go type that it is kept in.
const (
	TextKind     Kind = iota // string; "" is NULL unless NotNull
	IntKind                  // int64
	OptIntKind               // *int64; nil is NULL
	BoolKind                 // bool
	TimeKind                 // time.Time; the zero time is NULL
	RefKind                  // int64, the id of another noun's record; 0 is NULL
	SecretKind               // Secret: sealed at rest, never rendered
	JSONKind                 // any Go value, kept as JSON text
	ComputedKind             // nothing: made from the record
)

// A View is a set of renderings of a record.
type View uint8

// The views. Brief is how a record shows inside another; Thin is {id, name}.
const (
	Index View = 1 << iota
	Show
	Brief
	Thin
	both = Index | Show
)

// A Field is one attribute of a noun. The methods that give a *Field are words
// of the declaration; they are not for use after Declare.
type Field struct {
	name     string
	column   string
	label    string
	help     string
	kind     Kind
	off      uintptr
	owner    *Any
	required bool
	unique   bool
	caseless bool
	within   []string // uniqueness holds among rows equal in these columns
	taken    string
	readonly bool
	fixed    bool // may be set on create only
	notNull  bool
	lock     bool
	title    bool
	hidden   bool // never rendered by the API
	private  bool // audits tell that it changed, not what it is
	long     bool // many lines: a text area
	max      int
	min      *int64
	most     *int64
	def      any
	enum     []string
	checks   []func(string) string
	clean    func(string) string
	views    View
	see      string
	aliases  []string // other names in bodies
	searches []*SearchWord
	target   string
	to       *Any
	feature  string
	nested   bool
	shown    string // name of the x_name key where it is not the default
	titled   bool   // also render x_title
	noLabel  bool
	computed func(rec any, names *Names) any
	marshal  func(p unsafe.Pointer) ([]byte, error)
	decode   func(p unsafe.Pointer, text []byte) error
	value    func(p unsafe.Pointer) any
	shape    shape
}

// A Word is one entry of a declaration: a field, an association, a hook.
type Word interface{ declare(d *declaration) }

// Fields are the words of a declaration, in the order that bodies show them.
type Fields []Word

func field(kind Kind, name string, p unsafe.Pointer) *Field {
	return &Field{name: name, column: name, kind: kind, off: uintptr(p), views: both, max: 255}
}

// Text is a string.
func Text(name string, p *string) *Field { return field(TextKind, name, unsafe.Pointer(p)) }

// Int is a whole number.
func Int(name string, p *int64) *Field { return field(IntKind, name, unsafe.Pointer(p)) }

// OptInt is a whole number or nothing.
func OptInt(name string, p **int64) *Field { return field(OptIntKind, name, unsafe.Pointer(p)) }

// Bool is true or false.
func Bool(name string, p *bool) *Field { return field(BoolKind, name, unsafe.Pointer(p)) }

// Time is a moment or nothing.
func Time(name string, p *time.Time) *Field { return field(TimeKind, name, unsafe.Pointer(p)) }

// Sealed is a secret: it can be set, and never read back through an edge.
func Sealed(name string, p *Secret) *Field {
	f := field(SecretKind, name, unsafe.Pointer(p))
	f.hidden = true
	return f
}

// Ref is the record of another noun that this one belongs to. Bodies show and
// take name_id and name_name.
func Ref(name string, p *int64, target string) *Field {
	f := field(RefKind, name, unsafe.Pointer(p))
	f.column, f.target = name+"_id", target
	return f
}

// JSON is a Go value that is kept as JSON text and shown as it is.
func JSON[V any](name string, p *V) *Field {
	f := field(JSONKind, name, unsafe.Pointer(p))
	f.marshal, f.decode = jsonCodec[V]()
	f.value = func(p unsafe.Pointer) any { return *(*V)(p) }
	return f
}

// Computed is shown, not kept: f makes it from the record. Its value may be
// anything that JSON can show.
func Computed[T any](name string, f func(rec *T, names *Names) any) *Field {
	w := &Field{name: name, kind: ComputedKind, views: both, readonly: true}
	w.computed = func(rec any, names *Names) any { return f(rec.(*T), names) }
	return w
}

// Constant is shown with the same value for every record.
func Constant(name string, value any) *Field {
	w := &Field{name: name, kind: ComputedKind, views: both, readonly: true}
	w.computed = func(any, *Names) any { return value }
	return w
}

// Asked is true for one save when its body says so; it is not kept.
func Asked(name string, p *bool) Word { return asked(BoolKind, name, unsafe.Pointer(p)) }

// AskedText is Asked for text.
func AskedText(name string, p *string) Word { return asked(TextKind, name, unsafe.Pointer(p)) }

func asked(kind Kind, name string, p unsafe.Pointer) Word {
	return wordFunc(func(d *declaration) {
		f := field(kind, name, p)
		f.off, f.owner = d.offset(f.off), d.noun
		d.noun.asked = append(d.noun.asked, f)
	})
}

// Required fields can't be blank.
func (f *Field) Required() *Field { f.required = true; return f }

// Unique values are on one row only, among rows that are equal in the columns
// of within.
func (f *Field) Unique(within ...string) *Field { f.unique, f.within = true, within; return f }

// CaselessUnique is Unique without regard to case.
func (f *Field) CaselessUnique(within ...string) *Field {
	f.caseless = true
	return f.Unique(within...)
}

// Taken replaces the text "has already been taken".
func (f *Field) Taken(message string) *Field { f.taken = message; return f }

// Column sets the column's name where it is not the field's.
func (f *Field) Column(name string) *Field { f.column = name; return f }

// Label is what forms and tables call the field.
func (f *Field) Label(text string) *Field { f.label = text; return f }

// Help is one sentence for forms and for the API document.
func (f *Field) Help(text string) *Field { f.help = text; return f }

// Long text has many lines, and no bound of 255.
func (f *Field) Long() *Field { f.long, f.max = true, 0; return f }

// Max bounds the length of text; 0 lifts the bound.
func (f *Field) Max(n int) *Field { f.max = n; return f }

// Between bounds a number.
func (f *Field) Between(low, high int64) *Field { f.min, f.most = &low, &high; return f }

// Default is the value of a new record.
func (f *Field) Default(v any) *Field { f.def = v; return f }

// ReadOnly fields are shown and cannot be set by bodies.
func (f *Field) ReadOnly() *Field { f.readonly = true; return f }

// Fixed fields can be set on creation only.
func (f *Field) Fixed() *Field { f.fixed = true; return f }

// NotNull text is kept and shown as "" where it is empty.
func (f *Field) NotNull() *Field { f.notNull = true; return f }

// Lock makes an integer the version of an optimistic lock.
func (f *Field) Lock() *Field { f.lock, f.readonly, f.hidden = true, true, true; return f }

// Title marks the text that records are named by: in references, ids and audits.
func (f *Field) Title() *Field { f.title = true; return f }

// Hidden fields are kept and set but not shown by the API.
func (f *Field) Hidden() *Field { f.hidden = true; return f }

// Private keeps the values out of audits, which tell only that they changed: for
// what lets its bearer in, such as a token.
func (f *Field) Private() *Field { f.private = true; return f }

// Enum bounds text to values.
func (f *Field) Enum(values ...string) *Field { f.enum = values; return f }

// Format adds a check of text that is not empty: it gives what is wrong, or "".
func (f *Field) Format(check func(string) string) *Field {
	f.checks = append(f.checks, check)
	return f
}

// Clean normalises text before it is checked.
func (f *Field) Clean(clean func(string) string) *Field { f.clean = clean; return f }

// On limits the views that show the field.
func (f *Field) On(views View) *Field { f.views = views; return f }

// SeenWith hides the field from callers who lack a permission.
func (f *Field) SeenWith(permission string) *Field { f.see = permission; return f }

// Also gives other names that bodies may set the field by.
func (f *Field) Also(names ...string) *Field { f.aliases = append(f.aliases, names...); return f }

// Feature demands that the smart proxy referred to has a feature.
func (f *Field) Feature(name string) *Field { f.feature = name; return f.Nested() }

// Nested shows the record referred to as an object too.
func (f *Field) Nested() *Field { f.nested = true; return f }

// Titled shows name_title beside name_name.
func (f *Field) Titled() *Field { f.titled = true; return f }

// Nameless leaves name_name out.
func (f *Field) Nameless() *Field { f.noLabel = true; return f }

// Search makes the field searchable by its name, or by the first of names with
// the others as aliases. Free text looks in it too, unless Explicit follows.
func (f *Field) Search(names ...string) *Field {
	if len(names) == 0 {
		names = []string{f.name}
	}
	f.searches = append(f.searches, &SearchWord{name: names[0], aliases: names[1:], path: f.pathName(), completes: true})
	return f
}

// Explicit takes the field's last Search out of free text.
func (f *Field) Explicit() *Field { f.searches[len(f.searches)-1].explicit = true; return f }

func (f *Field) pathName() string {
	if f.kind == RefKind {
		return f.name + "_id"
	}
	return f.name
}

func (f *Field) declare(d *declaration) {
	if f.kind != ComputedKind {
		f.off = d.offset(f.off)
	}
	f.owner = d.noun
	d.noun.fields = append(d.noun.fields, f)
	d.noun.items = append(d.noun.items, f)
	d.noun.searchWords = append(d.noun.searchWords, f.searches...)
}

// ShownAs shows a Computed field under another name, one that a kept field that
// is Hidden is set by.
func (f *Field) ShownAs(key string) *Field { f.shown = key; return f }
