package noun

import "slices"

// What edges may know of a declaration: enough for routes, documents, tables
// and forms.

// Name is the noun's name, the root key of its bodies.
func (n *Any) Name() string { return n.name }

// Root is the root key of bodies: Name, but "parameter" for all parameters.
func (n *Any) Root() string {
	if n.parentField != nil && n.resource == "Parameter" {
		return "parameter"
	}
	return n.name
}

// Collection is the noun's collection in paths.
func (n *Any) Collection() string {
	if n.parentField != nil && n.resource == "Parameter" {
		return "parameters"
	}
	return n.plural
}

// Resource is Foreman's class name.
func (n *Any) Resource() string { return n.resource }

// Label is what sentences and headings call the noun.
func (n *Any) Label() string { return n.label }

// Section is where the noun is in the menu, and under which heading; empty when
// it is up to the interface.
func (n *Any) Section() (group, heading string) { return n.section, n.heading }

// Table is where the rows are.
func (n *Any) Table() string { return n.table }

// RowType is the column and value that tell the noun's rows in a shared table
// from others; both "" where the table is its own.
func (n *Any) RowType() (column, value string) { return n.typeColumn, n.typeValue }

// Taxed tells whether records are in organizations and locations: one of each,
// or any number through the links.
func (n *Any) Taxed() (taxed, one bool) {
	f := n.by["organization"]
	return n.taxed, n.taxed && f != nil && f.kind == RefKind
}

// ScopeRef is the Ref that Scope.Parent concerns, or nil.
func (n *Any) ScopeRef() *Field { return n.by[n.scopeBy] }

// HasAPI tells whether the noun has routes.
func (n *Any) HasAPI() bool { return !n.internal }

// Dotted tells whether ids may hold dots.
func (n *Any) Dotted() bool { return n.dotted }

// Parents are the nouns below which it has nested routes; only tells that it
// has no others.
func (n *Any) Parents() (names []string, only bool) { return n.parents, n.nestedOnly }

// Allows tells whether a CRUD action exists.
func (n *Any) Allows(action string) bool {
	return n.only == nil || slices.Contains(n.only, action)
}

// Permissions are what may be granted on its records, for the actions that it
// has: none when its permissions are those of another noun.
func (n *Any) Permissions() []string {
	if n.internal || n.permStem != n.plural {
		return nil
	}
	var names []string
	for _, action := range []string{"index", "show", "create", "update", "destroy"} {
		if n.Allows(action) {
			names = append(names, n.Permission(action))
		}
	}
	for _, a := range n.actions {
		names = append(names, a.Permission)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Actions are the actions beyond CRUD.
func (n *Any) Actions() []Action { return n.actions }

// Fields are the attributes in the order of the declaration.
func (n *Any) Fields() []*Field { return n.fields }

// Field finds an attribute by name; nil when there is none.
func (n *Any) Field(name string) *Field { return n.by[name] }

// Columns are the attributes that rows keep.
func (n *Any) Columns() []*Field {
	var out []*Field
	for _, f := range n.fields {
		if f.kind != ComputedKind {
			out = append(out, f)
		}
	}
	return out
}

// Links are the many-to-many associations.
func (n *Any) Links() []*Link { return n.links }

// Children are the records that are part of this noun's.
func (n *Any) Children() []*Child { return n.children }

// HasParameters tells whether records carry parameters.
func (n *Any) HasParameters() bool { return n.parameters != nil }

// Make gives a new empty record, a *T, with defaults set.
func (n *Any) Make() any {
	rec := n.make()
	n.defaults(rec)
	return rec
}

// New gives a new record with nothing set.
func (n *Any) New() any { return n.make() }

// ID is a record's id.
func (n *Any) ID(rec any) int64 { return n.base(rec).ID }

// SetID sets it; for stores.
func (n *Any) SetID(rec any, id int64) { n.base(rec).ID = id }

// LockField is the version of the optimistic lock, or nil.
func (n *Any) LockField() *Field {
	for _, f := range n.fields {
		if f.lock {
			return f
		}
	}
	return nil
}

// IntAt reads a whole-number field; for stores.
func (f *Field) IntAt(rec any) int64 { return f.intAt(rec) }

// SetInt writes a whole-number field; for stores.
func (f *Field) SetInt(rec any, v int64) { f.setInt(rec, &v) }

// Name is the field's name in bodies, without the _id of references.
func (f *Field) Name() string { return f.name }

// Key is the field's key in bodies.
func (f *Field) Key() string { return f.errorName() }

// ColumnName is where the value is kept.
func (f *Field) ColumnName() string { return f.column }

// Owner is the noun that the field is of.
func (f *Field) Owner() *Any { return f.owner }

// Kind says what the field holds.
func (f *Field) Kind() Kind { return f.kind }

// To is the noun referred to, or nil.
func (f *Field) To() *Any { return f.to }

// Info is what forms and documents say about a field.
type Info struct {
	Label, Help                      string
	Required, ReadOnly, Fixed        bool
	Long, Hidden, InIndex            bool
	Max                              int
	Default                          any
	Choices                          []string
	FeatureNeeded, SeeingNeeds       string
	Nullable, IsTitle, CaselessEqual bool
}

// Info tells what the declaration says beyond name and kind.
func (f *Field) Info() Info {
	return Info{
		Label: first(f.label, sentence(f.name)), Help: f.help, Required: f.required,
		ReadOnly: f.readonly, Fixed: f.fixed, Long: f.long, Hidden: f.hidden,
		InIndex: f.views&Index != 0 && !f.hidden, Max: f.max, Default: f.def, Choices: f.enum,
		FeatureNeeded: f.feature, SeeingNeeds: f.see, IsTitle: f.title, CaselessEqual: f.caseless,
		Nullable: f.kind != BoolKind && f.kind != IntKind && !f.required && !f.notNull,
	}
}

// Name is the list's name in bodies.
func (l *Link) Name() string { return l.name }

// One is the stem of its _ids and _names keys.
func (l *Link) One() string { return l.one }

// To is the noun listed.
func (l *Link) To() *Any { return l.to }

// ReadOnlyList tells that bodies cannot set it.
func (l *Link) ReadOnlyList() bool { return l.readonly }

// Pair is the table of pairs: its name, the columns of this noun's and of the
// other's ids, and the column and value that tell whose pairs they are.
func (l *Link) Pair() (table, own, other, kindColumn, kind string) {
	return l.table, l.own, l.other, l.kindCol, l.kind
}

// Name is the list's name in bodies.
func (h *HasMany) Name() string { return h.name }

// To is the noun listed.
func (h *HasMany) To() *Any { return h.to }

// By is the Ref of To that refers here.
func (h *HasMany) By() *Field { return h.ref }

// Bodies are the body keys that set the children.
func (c *Child) Bodies() []string { return c.body }

// SetSecret writes an opened secret; for stores.
func (f *Field) SetSecret(rec any, plain string) { f.setText(rec, plain) }

// BelongsTo tells whether lists of n can be narrowed to a record of parent.
func (n *Any) BelongsTo(parent *Any) bool { return n.parentTarget(parent) != nil }

// Thins tells whether lists know the thin form: those of nouns under an
// optimistic lock do, which are the large ones.
func (n *Any) Thins() bool { return n.LockField() != nil }

// Body is the key that bodies set the field by.
func (f *Field) Body() string {
	if f.kind == RefKind {
		return f.name + "_id"
	}
	if f.hidden && len(f.aliases) > 0 {
		return f.aliases[0]
	}
	return f.name
}
