package pql

import "slices"

// entities are the names that PQL knows; the others are asked for in AST form.
func entities() []string {
	return []string{
		"facts", "reports", "catalogs", "packages", "package_inventory", "resources", "nodes",
		"environments", "factsets", "fact_paths", "fact_contents", "inventory", "edges", "events",
	}
}

func functions() []string { return []string{"count", "avg", "sum", "min", "max", "to_string"} }

// of gives the first name at this place after which rest succeeds. One name may
// begin with another: facts, factsets.
func (p *parser) of(names []string, rest func(name string) bool) bool {
	start := p.pos
	for _, name := range names {
		if p.token(name) && rest(name) {
			return true
		}
		if !p.back(start) {
			return false
		}
	}
	return false
}

func (p *parser) from() (tree []any, ok bool) {
	if !p.enter() {
		return nil, false
	}
	defer p.leave()
	ok = p.of(entities(), func(entity string) bool {
		columns, extracted := p.extract()
		p.space()
		clauses, ok := p.where()
		if ok {
			tree = assemble(entity, columns, extracted, clauses)
		}
		return ok
	})
	return tree, ok
}

// assemble puts the condition and grouping into the extraction, where there is one.
func assemble(entity string, columns []any, extracted bool, clauses []any) []any {
	tree := []any{"from", entity}
	if !extracted {
		return append(tree, clauses...)
	}
	extract := []any{"extract", columns}
	paging := slices.IndexFunc(clauses, isPaging)
	if paging < 0 {
		paging = len(clauses)
	}
	tree = append(tree, append(extract, clauses[:paging]...))
	return append(tree, clauses[paging:]...)
}

func isPaging(clause any) bool {
	list, ok := clause.([]any)
	return ok && slices.Contains([]any{"limit", "offset", "order_by"}, list[0])
}

// extract reads [ _ "[" … "]" ]; without one it leaves the place as it was.
func (p *parser) extract() (columns []any, ok bool) {
	start := p.pos
	p.space()
	if !p.token("[") {
		p.pos = start
		return nil, false
	}
	columns = []any{}
	p.space()
	if list, ok := p.columns(); ok {
		columns = list
		p.space()
	}
	if !p.token("]") {
		p.pos = start
		return nil, false
	}
	return columns, true
}

func (p *parser) where() (clauses []any, ok bool) {
	if !p.token("{") {
		return nil, false
	}
	p.space()
	start := p.pos
	if cond, ok := p.or(); ok {
		clauses = append(clauses, cond)
	} else if !p.back(start) {
		return nil, false
	}
	p.space()
	if group, ok := p.groupBy(); ok {
		clauses = append(clauses, group)
		p.space()
	} else {
		for {
			start := p.pos
			clause, ok := p.paging()
			if !ok {
				p.pos = start
				break
			}
			clauses = append(clauses, clause)
			p.space()
		}
	}
	return clauses, p.err == nil && p.token("}")
}

func (p *parser) groupBy() ([]any, bool) {
	start := p.pos
	if p.token("group by") && p.space() {
		if list, ok := p.columns(); ok {
			return append([]any{"group_by"}, list...), true
		}
	}
	p.pos = start
	return nil, false
}

func (p *parser) paging() ([]any, bool) {
	start := p.pos
	for _, word := range []string{"limit", "offset"} {
		if p.token(word) && p.space() {
			if n, ok := p.integer(); ok {
				return []any{word, n}, true
			}
		}
		p.pos = start
	}
	if !p.token("order by") || !p.space() {
		return nil, false
	}
	key, ok := p.sortKey()
	if !ok {
		return nil, false
	}
	keys := []any{key}
	for {
		end := p.pos
		if !p.token(",") {
			return []any{"order_by", keys}, true
		}
		p.space()
		if key, ok = p.sortKey(); !ok {
			p.pos = end
			return []any{"order_by", keys}, p.err == nil
		}
		keys = append(keys, key)
	}
}

func (p *parser) sortKey() (any, bool) {
	start := p.pos
	if p.token("asc") || p.token("desc") {
		p.pos = start
		p.want(start, `NOT "asc" | "desc"`)
		return nil, false
	}
	field, ok := p.field()
	if !ok {
		return nil, false
	}
	var key any = field
	end := p.pos
	if p.space() {
		switch {
		case p.token("asc"):
			key = []any{field, "asc"}
		case p.token("desc"):
			key = []any{field, "desc"}
		default:
			p.pos = end
		}
	}
	p.space()
	return key, true
}

// separated reads item { _ "," _ item }.
func (p *parser) separated(item func() (any, bool)) ([]any, bool) {
	first, ok := item()
	if !ok {
		return nil, false
	}
	all := []any{first}
	for {
		end := p.pos
		p.space()
		if !p.token(",") {
			p.pos = end
			return all, true
		}
		p.space()
		next, ok := item()
		if !ok {
			p.pos = end
			return all, p.err == nil
		}
		all = append(all, next)
	}
}

// bracketed reads "[" _ item { _ "," _ item } _ "]".
func (p *parser) bracketed(item func() (any, bool)) ([]any, bool) {
	if !p.token("[") {
		return nil, false
	}
	p.space()
	all, ok := p.separated(item)
	if !ok {
		return nil, false
	}
	p.space()
	return all, p.token("]")
}

func (p *parser) columns() ([]any, bool) { return p.separated(p.column) }

func (p *parser) column() (any, bool) {
	start := p.pos
	var call []any
	if p.of(functions(), func(name string) bool {
		args, ok := p.arguments()
		call = append([]any{"function", name}, args...)
		return ok
	}) {
		return call, true
	}
	p.pos = start
	return p.field()
}

func (p *parser) arguments() (args []any, ok bool) {
	p.space()
	if !p.token("(") {
		return nil, false
	}
	p.space()
	start := p.pos
	args, ok = p.separated(func() (any, bool) {
		if p.pos == start {
			if field, ok := p.field(); ok {
				return field, true
			}
			p.pos = start
		}
		return p.string()
	})
	if !ok {
		p.pos = start
	}
	p.space()
	return args, p.err == nil && p.token(")")
}

func (p *parser) or() (any, bool)  { return p.junction("or", p.and) }
func (p *parser) and() (any, bool) { return p.junction("and", p.not) }

// junction reads part { __ word __ part }; one part stands for itself.
func (p *parser) junction(word string, part func() (any, bool)) (any, bool) {
	first, ok := part()
	if !ok {
		return nil, false
	}
	all := []any{word, first}
	for {
		end := p.pos
		if p.space() && p.token(word) && p.space() {
			if next, ok := part(); ok {
				all = append(all, next)
				continue
			}
		}
		if !p.back(end) {
			return nil, false
		}
		if len(all) == 2 {
			return first, true
		}
		return all, true
	}
}

func (p *parser) not() (any, bool) {
	if !p.enter() {
		return nil, false
	}
	defer p.leave()
	start := p.pos
	if p.token("!") {
		p.space()
		inner, ok := p.not()
		return []any{"not", inner}, ok
	}
	if p.token("(") {
		p.space()
		inner, ok := p.or()
		p.space()
		return inner, ok && p.err == nil && p.token(")")
	}
	if related, ok := p.subquery(); ok {
		return related, true
	}
	if !p.back(start) {
		return nil, false
	}
	return p.condition()
}

// subquery reads entity _ where: an implicit relation.
func (p *parser) subquery() (tree any, ok bool) {
	ok = p.of(entities(), func(entity string) bool {
		p.space()
		clauses, ok := p.where()
		if ok && (len(clauses) > 1 || (len(clauses) == 1 && slices.Contains([]any{"limit", "offset", "order_by", "group_by"}, clauses[0].([]any)[0]))) {
			p.object("the subquery on %s takes a condition, but neither paging nor grouping; write `FIELD in %s[FIELD] { … }` for those", entity, entity)
		}
		tree = append([]any{"subquery", entity}, clauses...)
		return ok
	})
	return tree, ok
}
