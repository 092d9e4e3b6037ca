// Package query is PuppetDB's query language as a tree: what may be asked of
// each entity, and the AST form of a question checked against it. The storage
// turns the tree into SQL; PQL is another way to write the same tree.
//
// It is pure: it imports internal/errs and the standard library, and reads no
// files, network or clock.
package query

import (
	"slices"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Kind is what a field holds, and so which operators and values fit it.
type Kind uint8

// The kinds of field.
const (
	Text   Kind = iota
	Number      // integers
	Bool
	Time        // answered as RFC 3339 with milliseconds, in UTC
	Value       // any JSON value; comparisons are typed
	List        // a list of texts, of which `=` asks for one
	Path        // a list of texts and integers: where a leaf of a fact lies
	EncodedPath // a Path that is a text as well: `~` asks it, and `~>` matches it as a whole
	Object
)

// A Field is one column of an entity.
type Field struct {
	Name string
	Kind Kind
	// QueryOnly fields answer to conditions but are not extracted; AnswerOnly
	// ones are the other way round.
	QueryOnly, AnswerOnly bool
	// Filled fields count as there in conditions, even where they are null.
	Filled bool
	// Quiet fields are left out of an answer that names no columns.
	Quiet bool
}

// An Entity is one thing to ask about.
type Entity struct {
	Name   string // as in PQL and in error texts: fact_contents
	Path   string // as in URLs: fact-contents
	Fields []Field
	// Dotted names the fields whose inner values can be asked for: facts.os.family.
	Dotted []string
	// Active entities' own endpoints show only nodes that are neither deactivated
	// nor expired, unless the question mentions the node's state. The root
	// endpoint does so for every entity that belongs to a node.
	Active bool
	// Keyed names the special forms ["fact", NAME] and ["parameter", NAME].
	Keyed []string
}

// Field finds a field by name.
func (e *Entity) Field(name string) (*Field, bool) {
	i := slices.IndexFunc(e.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return nil, false
	}
	return &e.Fields[i], true
}

func text(names ...string) []Field  { return fields(Text, names...) }
func times(names ...string) []Field { return fields(Time, names...) }

func fields(kind Kind, names ...string) []Field {
	all := make([]Field, len(names))
	for i, n := range names {
		all[i] = Field{Name: n, Kind: kind}
	}
	return all
}

// Entities lists what can be asked about.
func Entities() []*Entity {
	return []*Entity{
		{
			Name: "nodes", Path: "nodes", Active: true, Keyed: []string{"fact"},
			Fields: slices.Concat(
				text("certname", "catalog_environment", "facts_environment", "report_environment", "latest_report_hash", "latest_report_status", "latest_report_job_id", "cached_catalog_status"),
				times("deactivated", "expired", "catalog_timestamp", "facts_timestamp", "report_timestamp"),
				fields(Bool, "latest_report_noop", "latest_report_noop_pending", "latest_report_corrective_change"),
				[]Field{{Name: "node_state", Kind: Text, QueryOnly: true}}),
		},
		{
			Name: "facts", Path: "facts", Active: true,
			Fields: slices.Concat(text("certname", "environment", "name"), fields(Value, "value")),
		},
		{
			Name: "fact_contents", Path: "fact-contents", Active: true,
			Fields: slices.Concat(text("certname", "environment", "name"), fields(Path, "path"), fields(Value, "value")),
		},
		{
			Name: "fact_paths", Path: "fact-paths",
			Fields: slices.Concat(text("name", "type"), fields(EncodedPath, "path"), []Field{{Name: "depth", Kind: Number, QueryOnly: true}}),
		},
		{
			Name: "factsets", Path: "factsets", Active: true,
			Fields: slices.Concat(text("certname", "environment", "producer", "hash"), times("timestamp", "producer_timestamp"), []Field{{Name: "facts", Kind: Object}}),
		},
		{
			Name: "inventory", Path: "inventory", Active: true, Dotted: []string{"facts", "trusted"}, Keyed: []string{"fact"},
			Fields: slices.Concat(text("certname", "environment"), times("timestamp"), fields(Object, "facts", "trusted")),
		},
		{
			Name: "catalogs", Path: "catalogs",
			Fields: slices.Concat(
				text("certname", "version", "environment", "hash", "transaction_uuid", "catalog_uuid", "code_id", "job_id", "producer"),
				times("producer_timestamp"),
				[]Field{{Name: "resources", Kind: Object, AnswerOnly: true}, {Name: "edges", Kind: Object, AnswerOnly: true}}),
		},
		{
			Name: "resources", Path: "resources", Active: true, Keyed: []string{"parameter"}, Dotted: []string{"parameters"},
			Fields: slices.Concat(
				text("certname", "environment", "type", "title", "file", "resource"), fields(Number, "line"), fields(Bool, "exported"),
				[]Field{{Name: "tags", Kind: List}, {Name: "tag", Kind: List, QueryOnly: true}, {Name: "parameters", Kind: Object}}),
		},
		{
			Name: "edges", Path: "edges", Active: true,
			Fields: text("certname", "relationship", "source_type", "source_title", "target_type", "target_title"),
		},
		{
			Name: "reports", Path: "reports",
			Fields: slices.Concat(
				text("hash", "certname", "puppet_version", "configuration_version", "producer", "environment", "status", "transaction_uuid", "catalog_uuid", "code_id", "job_id", "cached_catalog_status", "type"),
				fields(Number, "report_format"),
				times("start_time", "end_time", "producer_timestamp", "receive_time"),
				fields(Bool, "noop", "noop_pending", "corrective_change"),
				[]Field{
					{Name: "latest_report?", Kind: Bool, QueryOnly: true},
					{Name: "resource_events", Kind: Object, AnswerOnly: true},
					{Name: "metrics", Kind: Object, AnswerOnly: true},
					{Name: "logs", Kind: Object, AnswerOnly: true},
				}),
		},
		{
			Name: "events", Path: "events",
			Fields: slices.Concat(
				text("certname", "report", "status", "resource_type", "resource_title", "property", "name", "message", "file", "containing_class", "environment", "configuration_version"),
				fields(Number, "line"),
				[]Field{{Name: "new_value", Kind: Value, Filled: true}, {Name: "old_value", Kind: Value, Filled: true}},
				times("timestamp", "run_start_time", "run_end_time", "report_receive_time"),
				fields(Bool, "corrective_change"), fields(Path, "containment_path"),
				[]Field{{Name: "latest_report?", Kind: Bool, QueryOnly: true}}),
		},
		{Name: "packages", Path: "packages", Fields: text("package_name", "version", "provider")},
		{
			Name: "package_inventory", Path: "package-inventory", Active: true,
			Fields: text("certname", "package_name", "version", "provider"),
		},
		{
			Name: "catalog_inputs", Path: "catalog-inputs", Active: true,
			Fields: slices.Concat(text("certname", "catalog_uuid"), times("producer_timestamp"), []Field{{Name: "inputs", Kind: List}}),
		},
		{
			Name: "catalog_input_contents", Path: "catalog-input-contents", Active: true,
			Fields: slices.Concat(text("certname", "catalog_uuid"), times("producer_timestamp"), text("type", "name")),
		},
		{Name: "environments", Path: "environments", Fields: text("name")},
		{Name: "producers", Path: "producers", Fields: text("name")},
		{Name: "fact_names", Path: "fact-names", Fields: text("name")},
	}
}

// byCertname are the entities that an implicit relation joins by the node's name.
var byCertname = []string{"catalogs", "catalog_inputs", "catalog_input_contents", "edges", "events", "facts", "fact_contents", "factsets", "inventory", "nodes", "reports", "resources"}

// Relate tells which fields join the two entities in an implicit subquery: the
// same names on both sides unless the pair says otherwise. Malformed when there
// is no such relation.
func Relate(outer, inner *Entity) (outerFields, innerFields []string, err error) {
	switch {
	case outer.Name == "resources" && !slices.Contains([]string{"catalogs", "nodes", "environments"}, inner.Name),
		outer.Name == "inventory" && inner.Name == "environments":
		return nil, nil, errs.New(errs.Malformed, "No implicit relationship for entity '%s'", inner.Name)
	case outer.Name == "reports" && inner.Name == "events":
		return []string{"hash"}, []string{"report"}, nil
	case outer.Name == "events" && inner.Name == "reports":
		return []string{"report"}, []string{"hash"}, nil
	case outer.Name == "facts" && inner.Name == "fact_contents", outer.Name == "fact_contents" && inner.Name == "facts":
		return []string{"certname", "name"}, []string{"certname", "name"}, nil
	case outer.Name == "fact_paths" && inner.Name == "facts":
		return []string{"name"}, []string{"name"}, nil
	case outer.Name == "fact_paths" && inner.Name == "fact_contents":
		return []string{"path"}, []string{"path"}, nil
	case outer.Name == "environments":
		return join("name", "environment", inner)
	case inner.Name == "environments":
		return flip(join("name", "environment", outer))
	case outer.Name == "producers":
		return join("name", "producer", inner)
	case inner.Name == "producers":
		return flip(join("name", "producer", outer))
	case (outer.Name == "package_inventory" || slices.Contains(byCertname, outer.Name)) && slices.Contains(byCertname, inner.Name):
		return []string{"certname"}, []string{"certname"}, nil
	}
	return nil, nil, errs.New(errs.Malformed, "No implicit relationship for entity '%s'", inner.Name)
}

func join(outerField, innerField string, inner *Entity) (o, i []string, err error) {
	if _, ok := inner.Field(innerField); !ok {
		return nil, nil, errs.New(errs.Malformed, "No implicit relationship for entity '%s'", inner.Name)
	}
	return []string{outerField}, []string{innerField}, nil
}

func flip(a, b []string, err error) (o, i []string, e error) { return b, a, err }

// With gives the entity with further fields.
func (e *Entity) With(more ...Field) *Entity {
	with := *e
	with.Fields = slices.Concat(e.Fields, more)
	return &with
}

// Named finds an entity by its name or path.
func Named(name string) (*Entity, bool) {
	for _, e := range Entities() {
		if e.Name == name || e.Path == name {
			return e, true
		}
	}
	return nil, false
}

// quoteList writes names as PuppetDB's messages do: 'a', 'b', and 'c'.
func quoteList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "'" + n + "'"
	}
	switch len(quoted) {
	case 0, 1:
		return strings.Join(quoted, "")
	case 2:
		return quoted[0] + " and " + quoted[1]
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + ", and " + quoted[last]
}

func (e *Entity) unqueryable(name string) error {
	var names []string
	for _, f := range e.Fields {
		if !f.AnswerOnly && f.Name != "node_state" && f.Name != "tag" {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return errs.New(errs.Malformed, "'%s' is not a queryable object for %s. Known queryable objects are %s", name, e.Name, quoteList(names))
}

func (e *Entity) unextractable(name string) error {
	var names []string
	for _, f := range e.Fields {
		if !f.QueryOnly {
			names = append(names, f.Name)
		}
	}
	return errs.New(errs.Malformed, "Can't extract unknown '%s' field '%s'. Acceptable fields are %s", e.Name, name, quoteList(names))
}
