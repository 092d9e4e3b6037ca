package noun

import "unsafe"

// A Rule says what deleting a record does to those that refer to it.
type Rule uint8

// The rules.
const (
	Unlink  Rule = iota // the link goes, the others stay (references become NULL)
	Refuse              // not while there is one: "x is used by y"
	Cascade             // they go too
)

// A Link is a many-to-many association, kept in a table of pairs. Bodies show
// an array of briefs and take name_ids and name_names.
type Link struct {
	name     string // "subnets"
	one      string // "subnet"
	off      uintptr
	owner    *Any
	target   string
	to       *Any
	table    string
	own      string
	other    string
	kindCol  string // a column of the pair table that says whose pairs these are
	kind     string
	rule     Rule
	views    View
	readonly bool
	hidden   bool
	aliases  []string
	known    bool // only where the other noun is registered
	inherits bool
}

// Shares is a list of a taxonomy: the records of another noun that are in it.
// Where that noun is not registered there is no list.
func Shares(one, plural string, p *[]int64, class string) *Link {
	l := Many(one, plural, p, one, "taxable_taxonomies", "taxonomy_id", "taxable_id")
	l.kindCol, l.kind, l.known, l.inherits = "taxable_type", class, true, true
	return l
}

// From turns a Shares list round: the taxonomies that have this one.
func (l *Link) From(own, other string) *Link {
	l.own, l.other, l.inherits = own, other, false
	return l
}

// Many is a list of records of another noun. The pairs are in table, whose
// columns own and other are the two ids. nil in the struct leaves them alone.
func Many(one, plural string, p *[]int64, target, table, own, other string) *Link {
	return &Link{
		name: plural, one: one, off: uintptr(unsafe.Pointer(p)), target: target,
		table: table, own: own, other: other, views: Show,
	}
}

// OnDelete sets what happens when this record is deleted while pairs exist.
func (l *Link) OnDelete(r Rule) *Link { l.rule = r; return l }

// Hidden links are set by ids but not shown.
func (l *Link) Hidden() *Link { l.hidden = true; return l }

// ReadOnly links are shown and cannot be set by bodies.
func (l *Link) ReadOnly() *Link { l.readonly = true; return l }

// Also gives other names (of one) that bodies may set the ids by.
func (l *Link) Also(one ...string) *Link { l.aliases = append(l.aliases, one...); return l }

// IDs are the ids on rec; nil where they are not loaded.
func (l *Link) IDs(rec any) []int64 { return *at[[]int64](l.owner.pointer(rec), l.off) }

// SetIDs replaces them.
func (l *Link) SetIDs(rec any, ids []int64) { *at[[]int64](l.owner.pointer(rec), l.off) = ids }

func (l *Link) declare(d *declaration) {
	l.off = d.offset(l.off)
	l.owner = d.noun
	d.noun.links = append(d.noun.links, l)
	d.noun.items = append(d.noun.items, l)
}

// InTaxonomies puts a noun's records into organizations and locations.
func InTaxonomies(t *Taxed) Word {
	return words{
		taxonomyLink("location", "locations", &t.LocationIDs),
		taxonomyLink("organization", "organizations", &t.OrganizationIDs),
		wordFunc(func(d *declaration) { d.noun.taxed = true }),
		SearchOn("location", "locations.name").Explicit(), SearchOn("location_id", "locations.id").Explicit(),
		SearchOn("organization", "organizations.name").Explicit(), SearchOn("organization_id", "organizations.id").Explicit(),
	}
}

func taxonomyLink(one, plural string, p *[]int64) *Link {
	l := Many(one, plural, p, one, "taxable_taxonomies", "taxable_id", "taxonomy_id")
	l.kindCol = "taxable_type" // the kind is the owner's resource, known at Declare
	return l
}

// Within lets bodies set the record's own attributes inside an object of their
// own, as upstream has them in facets: "puppet_attributes": {"environment_id": 1}.
func Within(key string) Word {
	return wordFunc(func(d *declaration) { d.noun.facets = append(d.noun.facets, key) })
}

type words []Word

func (ws words) declare(d *declaration) {
	for _, w := range ws {
		w.declare(d)
	}
}

type wordFunc func(d *declaration)

func (f wordFunc) declare(d *declaration) { f(d) }

// A HasMany is the other end of a Ref: rows of another noun that refer to this.
type HasMany struct {
	name   string
	owner  *Any
	target string
	to     *Any
	by     string // the Ref of the target, by name
	ref    *Field
	rule   Rule
	views  View
	count  bool
}

// Has says that rows of target refer to this noun by their Ref named by.
func Has(plural, target, by string) *HasMany {
	return &HasMany{name: plural, target: target, by: by}
}

// OnDelete sets what deleting this record does to them.
func (h *HasMany) OnDelete(r Rule) *HasMany { h.rule = r; return h }

// Shown lists them as briefs when one record is shown.
func (h *HasMany) Shown() *HasMany { h.views = Show; return h }

// Counted shows how many there are, as name_count.
func (h *HasMany) Counted() *HasMany { h.count = true; return h }

func (h *HasMany) declare(d *declaration) {
	h.owner = d.noun
	d.noun.has = append(d.noun.has, h)
	d.noun.items = append(d.noun.items, h)
}

// A Child is a HasMany whose records are part of this one: loaded, written and
// deleted with it. Bodies set them by name_attributes.
type Child struct {
	HasMany
	off     uintptr
	body    []string // names of the *_attributes keys
	replace bool     // those not named in a body are deleted
	get     func(p unsafe.Pointer) []any
	set     func(p unsafe.Pointer, recs []any)
	nils    func(p unsafe.Pointer) bool
	see     string
	view    View // the view in which children show
	key     string
}

// Owns says that rows of target, which refer to this noun by their Ref named
// by, are kept in the slice p. A nil slice leaves them alone.
func Owns[C any](plural string, p *[]C, target, by string) *Child {
	c := &Child{HasMany: HasMany{name: plural, target: target, by: by, rule: Cascade, views: Show}, view: Brief}
	c.off = uintptr(unsafe.Pointer(p))
	c.get = func(p unsafe.Pointer) []any {
		s := *(*[]C)(p)
		recs := make([]any, len(s))
		for i := range s {
			recs[i] = &s[i]
		}
		return recs
	}
	c.set = func(p unsafe.Pointer, recs []any) {
		s := make([]C, len(recs))
		for i, r := range recs {
			s[i] = *r.(*C)
		}
		*(*[]C)(p) = s
	}
	c.nils = func(p unsafe.Pointer) bool { return *(*[]C)(p) == nil }
	return c
}

// Attributes names the body keys that set the children.
func (c *Child) Attributes(names ...string) *Child { c.body = names; return c }

// Replaced makes a body's list complete: children it does not name go. key is
// the field that children are recognised by where they have no id.
func (c *Child) Replaced(key string) *Child { c.replace, c.key = true, key; return c }

// Full shows the children in their own show view rather than in brief.
func (c *Child) Full() *Child { c.view = Show; return c }

// On sets the views that show the children.
func (c *Child) On(v View) *Child { c.views = v; return c }

// Loaded tells whether rec carries its children.
func (c *Child) Loaded(rec any) bool {
	return !c.nils(unsafe.Add(c.owner.pointer(rec), c.off))
}

// Records are pointers to rec's children.
func (c *Child) Records(rec any) []any { return c.get(unsafe.Add(c.owner.pointer(rec), c.off)) }

// SetRecords replaces rec's children by copies.
func (c *Child) SetRecords(rec any, recs []any) {
	c.set(unsafe.Add(c.owner.pointer(rec), c.off), recs)
}

func (c *Child) declare(d *declaration) {
	c.off = d.offset(c.off)
	c.owner = d.noun
	d.noun.children = append(d.noun.children, c)
	d.noun.items = append(d.noun.items, c)
}

// WithParameters gives a noun parameters: a child array, nested routes and the
// search field params. Kind is Foreman's class of them, "DomainParameter";
// precedence tells how they rank when a host's are resolved; body is the key
// that sets them, "domain_parameters_attributes".
func WithParameters(p *[]Parameter, kind string, precedence int, body string) Word {
	return parameters(p, kind, precedence, body, Show)
}

// WithListedParameters is WithParameters for nouns whose lists show them too.
func WithListedParameters(p *[]Parameter, kind string, precedence int, body string) Word {
	return parameters(p, kind, precedence, body, both)
}

func parameters(p *[]Parameter, kind string, precedence int, body string, views View) Word {
	return wordFunc(func(d *declaration) {
		sub := parameterNoun(d.noun, kind, precedence)
		d.noun.subs = append(d.noun.subs, sub)
		c := Owns("parameters", p, sub.name, "parent").Attributes(body, "parameters_attributes").Replaced("name").Full().On(views)
		c.see = "view_params"
		c.declare(d)
		d.noun.parameters = c
		SearchOn("params", "parameters.searchable_value").Keyed("parameters.name").declare(d)
		SearchOn("params_name", "parameters.name").Explicit().declare(d)
	})
}

// ParameterTypes are the types of parameters, as bodies name them.
func ParameterTypes() []string {
	return []string{"string", "boolean", "integer", "real", "array", "hash", "yaml", "json"}
}
