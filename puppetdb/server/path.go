package server

import (
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppetdb/query"
)

// A target is what a path asks for: an entity with conditions from the path.
type target struct {
	entity *query.Entity
	where  query.Cond
	single bool   // one object, not a list
	noun   string // for the 404 of a single object
	name   string
	member string   // a list-valued field of that object
	exists []parent // objects that must be known, else 404

	counts, aggregate bool // how many, instead of which; of events
}

// A parent is an object named in a path before the list that belongs to it.
type parent struct {
	noun, name string
	query      *query.Query
}

// A pattern is one shape of path. "*" stands for any one segment; the operands
// name, in order, the fields that those segments are compared with ("" compares
// nothing).
type pattern struct {
	path     []string
	entity   string
	fields   []string
	single   bool
	member   string
	parentOf string // the entity whose object the first operand names
}

func patterns() []pattern {
	var all []pattern
	add := func(entity string, parentOf string, path []string, fields ...string) {
		all = append(all, pattern{path: path, entity: entity, fields: fields, parentOf: parentOf})
	}
	one := func(entity, path, field string) {
		all = append(all, pattern{path: []string{path, "*"}, entity: entity, fields: []string{field}, single: true})
	}
	one("nodes", "nodes", "certname")
	one("catalogs", "catalogs", "certname")
	one("factsets", "factsets", "certname")
	one("environments", "environments", "name")
	one("producers", "producers", "name")
	add("package_inventory", "", []string{"package-inventory", "*"}, "certname")
	add("facts", "", []string{"facts", "*"}, "name")
	add("facts", "", []string{"facts", "*", "*"}, "name", "value")
	add("resources", "", []string{"resources", "*"}, "type")
	add("resources", "", []string{"resources", "*", "*"}, "type", "title")
	for _, scope := range []struct{ path, field string }{{"nodes", "certname"}, {"environments", "environment"}} {
		add("facts", scope.path, []string{scope.path, "*", "facts"}, scope.field)
		add("facts", scope.path, []string{scope.path, "*", "facts", "*"}, scope.field, "name")
		add("facts", scope.path, []string{scope.path, "*", "facts", "*", "*"}, scope.field, "name", "value")
		add("resources", scope.path, []string{scope.path, "*", "resources"}, scope.field)
		add("resources", scope.path, []string{scope.path, "*", "resources", "*"}, scope.field, "type")
		add("resources", scope.path, []string{scope.path, "*", "resources", "*", "*"}, scope.field, "type", "title")
	}
	add("reports", "environments", []string{"environments", "*", "reports"}, "environment")
	add("events", "environments", []string{"environments", "*", "events"}, "environment")
	for _, of := range []string{"factsets", "catalogs", "reports"} {
		add(of, "producers", []string{"producers", "*", of}, "producer")
	}
	add("resources", "catalogs", []string{"catalogs", "*", "resources"}, "certname")
	add("edges", "catalogs", []string{"catalogs", "*", "edges"}, "certname")
	add("factsets", "factsets", []string{"factsets", "*", "facts"}, "certname")
	add("events", "reports", []string{"reports", "*", "events"}, "report")
	for _, member := range []string{"metrics", "logs"} {
		all = append(all, pattern{path: []string{"reports", "*", member}, entity: "reports", fields: []string{"hash"}, member: member})
	}
	return all
}

// resolve finds what a path asks for; nil when it is no path of the API.
func resolve(parts []string) (*target, error) {
	if len(parts) == 1 && (parts[0] == "event-counts" || parts[0] == "aggregate-event-counts") {
		events, ok := query.Named("events")
		if !ok {
			return nil, errs.New(errs.Internal, "no entity events")
		}
		return &target{entity: events, counts: true, aggregate: parts[0] != "event-counts"}, nil
	}
	if len(parts) == 1 {
		e, ok := query.Named(parts[0])
		if !ok || e.Path != parts[0] {
			return nil, nil
		}
		return &target{entity: e}, nil
	}
	for _, p := range patterns() {
		if operands, ok := p.match(parts); ok {
			return p.target(operands)
		}
	}
	return nil, nil
}

func (p pattern) match(parts []string) (operands []string, ok bool) {
	if len(parts) != len(p.path) {
		return nil, false
	}
	for i, want := range p.path {
		if want == "*" {
			operands = append(operands, parts[i])
		} else if want != parts[i] {
			return nil, false
		}
	}
	return operands, true
}

// nouns are the words of the 404 texts.
func noun(path string) string {
	return map[string]string{
		"nodes": "node", "catalogs": "catalog", "factsets": "factset", "environments": "environment",
		"producers": "producer", "reports": "report",
	}[path]
}

func (p pattern) target(operands []string) (*target, error) {
	e, ok := query.Named(p.entity)
	if !ok {
		return nil, errs.New(errs.Internal, "no entity %s", p.entity)
	}
	t := &target{entity: e, single: p.single, noun: noun(p.path[0]), name: operands[0], member: p.member}
	for i, field := range p.fields {
		cond, err := equal(e, field, operands[i])
		if err != nil {
			return nil, err
		}
		t.where = both(t.where, cond)
	}
	if _, ofNode := e.Field("certname"); p.single && ofNode {
		t.where = both(t.where, query.State{Want: "any"})
	}
	if p.parentOf == "" {
		return t, nil
	}
	owner, ok := query.Named(p.parentOf)
	if !ok {
		return nil, errs.New(errs.Internal, "no entity %s", p.parentOf)
	}
	key := map[string]string{"environments": "name", "producers": "name", "reports": "hash"}[p.parentOf]
	if key == "" {
		key = "certname"
	}
	cond, err := equal(owner, key, operands[0])
	if err != nil {
		return nil, err
	}
	if _, ofNode := owner.Field("certname"); ofNode {
		cond = both(cond, query.State{Want: "any"})
	}
	t.exists = []parent{{noun: noun(p.parentOf), name: operands[0], query: &query.Query{Entity: owner, Where: cond}}}
	return t, nil
}

// equal compares a field with a path segment, which is text whatever it spells.
func equal(e *query.Entity, field, segment string) (query.Cond, error) {
	q, err := query.Parse(e, []any{"=", field, segment})
	if err != nil {
		return nil, err
	}
	return q.Where, nil
}

func both(a, b query.Cond) query.Cond {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return query.And{Of: []query.Cond{a, b}}
}
