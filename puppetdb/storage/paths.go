package storage

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"github.com/chargehand/chargehand/puppetdb/query"
)

// leaves gives one row for each leaf of a fact "v@": its path, as an array, and
// its value. Empty arrays and objects have none.
func leaves(d sqldb.Dialect) (join, path, value, kind string) {
	if d == sqldb.Postgres {
		return ` CROSS JOIN LATERAL (
			WITH RECURSIVE walk (path, value) AS (
				SELECT jsonb_build_array(v@.name), v@.value
				UNION ALL
				SELECT w.path || step.key, step.value FROM walk w CROSS JOIN LATERAL (
					SELECT to_jsonb(o.key) AS key, o.value FROM jsonb_each(CASE WHEN jsonb_typeof(w.value) = 'object' THEN w.value ELSE '{}' END) o
					UNION ALL
					SELECT to_jsonb(a.place - 1), a.value FROM jsonb_array_elements(CASE WHEN jsonb_typeof(w.value) = 'array' THEN w.value ELSE '[]' END)
						WITH ORDINALITY a (value, place)) step)
			SELECT walk.path, walk.value FROM walk WHERE jsonb_typeof(walk.value) NOT IN ('object', 'array')) l@`,
			"l@.path", "l@.value",
			`CASE jsonb_typeof(l@.value) WHEN 'number' THEN CASE WHEN l@.value::text LIKE '%.%' THEN 'float' ELSE 'integer' END ELSE jsonb_typeof(l@.value) END`
	}
	return ` JOIN json_tree(v@.value) l@ ON l@.type NOT IN ('object', 'array')`,
		"json_steps(v@.name, l@.fullkey)",
		"(v@.value -> l@.fullkey)",
		"CASE l@.type WHEN 'text' THEN 'string' WHEN 'real' THEN 'float' WHEN 'true' THEN 'boolean' WHEN 'false' THEN 'boolean' ELSE l@.type END"
}

// pathSeparator stands between the elements of a path that is written as one
// text; it sorts before all that can be in them.
const pathSeparator = "\x01"

// pathText writes a path as one text; elements of digits are quoted, to tell
// them from indexes.
func pathText(d sqldb.Dialect, path, separator string) string {
	if d == sqldb.Postgres {
		between := "'" + separator + "'"
		if separator == pathSeparator {
			between = "chr(1)"
		}
		return `(SELECT string_agg(CASE WHEN jsonb_typeof(x.e) = 'string' AND x.e #>> '{}' ~ '^[0-9]*$' THEN x.e::text ELSE x.e #>> '{}' END COLLATE "C", ` +
			between + ` ORDER BY x.place) FROM jsonb_array_elements(` + path + `) WITH ORDINALITY x (e, place))`
	}
	if separator == pathSeparator {
		return "json_join(" + path + ", char(1))"
	}
	return "json_join(" + path + ", '" + separator + "')"
}

func depth(d sqldb.Dialect, path string) string {
	if d == sqldb.Postgres {
		return "(jsonb_array_length(" + path + ") - 1)"
	}
	return "(json_array_length(" + path + ") - 1)"
}

// factRelations describes the entities about the insides of facts.
func factRelations(d sqldb.Dialect) map[string]relation {
	join, path, value, kind := leaves(d)
	// SQLite would rather work out the paths of all rows once more for each use.
	return map[string]relation{
		"fact_contents": {
			from: "facts v@ JOIN nodes n@ ON n@.id = v@.node_id JOIN factsets f@ ON f@.node_id = v@.node_id" + join,
			fields: map[string]string{
				"certname": "n@.certname", "environment": "f@.environment", "name": "v@.name", "path": path, "value": value,
			},
			texts: map[string]string{"path": pathText(d, path, pathSeparator)},
		},
		"fact_paths": {
			from:   "(SELECT DISTINCT v@.name, " + path + " AS path, " + kind + " AS type FROM facts v@" + join + ") p@",
			fields: map[string]string{"name": "p@.name", "path": "p@.path", "type": "p@.type", "depth": depth(d, "p@.path")},
			texts:  map[string]string{"path": pathText(d, "p@.path", "#~")},
		},
	}
}

// matchPath compares a path element by element.
func (r *renderer) matchPath(s *scope, c query.MatchPath) (string, error) {
	sql, err := r.output(s, c.Ref)
	if err != nil {
		return "", err
	}
	conds := []string{depth(r.dialect, sql) + " = " + strconv.Itoa(len(c.Patterns)-1)}
	for i, p := range c.Patterns {
		place := strconv.Itoa(i)
		element, elementType := "CAST(json_extract("+sql+", '$["+place+"]') AS TEXT)", "json_type("+sql+", '$["+place+"]')"
		name := "'text'"
		if r.dialect == sqldb.Postgres {
			element, elementType, name = "("+sql+" ->> "+place+")", "jsonb_typeof("+sql+" -> "+place+")", "'string'"
		}
		switch p := p.(type) {
		case int64:
			conds = append(conds, elementType+" <> "+name, element+" = "+r.bind(strconv.FormatInt(p, 10)))
		case string:
			digits := strings.Trim(p, "0123456789") == ""
			if digits {
				conds = append(conds, elementType+" = "+name)
			}
			if c.Whole && !digits {
				conds = append(conds, "NOT ("+elementType+" = "+name+" AND "+r.regex(element, "^[0-9]*$")+")")
			}
			if c.Whole {
				p = "^(?:" + p + ")$"
			}
			conds = append(conds, r.regex(element, p))
		}
	}
	return "(" + strings.Join(conds, " AND ") + ")", nil
}

// compareMatching compares the leaves whose path matches: facts.a.match("b.*").c.
// As in PuppetDB the steps are one regular expression, open at both ends.
func (r *renderer) compareMatching(s *scope, c query.Compare) (string, error) {
	if s.entity.Name != "inventory" {
		return "", errs.New(errs.Unsupported, "match(…) in '%s': only facts and trusted have it", c.Ref.Text)
	}
	var parts []string
	if c.Ref.Field.Name == "trusted" {
		parts = append(parts, "trusted")
	}
	for _, step := range c.Ref.Path {
		switch step.Kind {
		case query.ByKey:
			parts = append(parts, regexp.QuoteMeta(step.Key))
		case query.ByIndex:
			parts = append(parts, strconv.Itoa(step.Index))
		case query.ByMatch:
			parts = append(parts, "(?:"+strings.TrimSuffix(strings.TrimPrefix(step.Key, "^"), "$")+")")
		}
	}
	contents, ok := query.Named("fact_contents")
	if !ok {
		return "", errs.New(errs.Internal, "no entity fact_contents")
	}
	inner, err := r.open(contents)
	if err != nil {
		return "", err
	}
	field, ok := contents.Field("value")
	if !ok {
		return "", errs.New(errs.Internal, "no field value")
	}
	pattern := strings.Join(parts, "#~")
	path := r.regex(pathText(r.dialect, inner.fields["path"], "#~"), pattern)
	value, err := r.compare(inner, query.Compare{Ref: query.Ref{Field: field, Text: "value"}, Op: c.Op, Value: c.Value})
	return s.node() + ".id IN (SELECT " + inner.node() + ".id FROM " + inner.from + " WHERE " + path + " AND " + value + ")", err
}
