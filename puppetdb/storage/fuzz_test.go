package storage_test

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppetdb/command"
	"github.com/chargehand/chargehand/puppetdb/query"
)

// A writer makes questions out of bytes: mostly well-formed ones, since random
// text is hardly ever a query.
type writer struct {
	rest  []byte
	depth int
}

func (w *writer) next(n int) int {
	if len(w.rest) == 0 || n == 0 {
		return 0
	}
	b := w.rest[0]
	w.rest = w.rest[1:]
	return int(b) % n
}

func pick[T any](w *writer, all ...T) T { return all[w.next(len(all))] }

func (w *writer) entity() *query.Entity {
	all := query.Entities()
	return all[w.next(len(all))]
}

func (w *writer) field(e *query.Entity) any {
	name := e.Fields[w.next(len(e.Fields))].Name
	if len(e.Dotted) > 0 && w.next(4) == 1 {
		name = pick(w, e.Dotted...) + pick(w, ".os.family", `."a.b"[0]`, ".x[3].y", `."q\"`, ".it's", `."`, ".match(\"e.*\")", ".\x00", "."+string(rune(0xfffd)))
	}
	if len(e.Keyed) > 0 && w.next(4) == 1 {
		return []any{pick(w, e.Keyed...), pick(w, "ensure", "it's", `"`, "a.b", "\x00")}
	}
	return name
}

func (w *writer) value() any {
	return pick[any](w, "a", "it's", "\x00", "[", ".*", "2026-01-02T03:04:05Z", "\xff", json.Number("1"), json.Number("-1.5"), json.Number("1e400"),
		json.Number("99999999999999999999"), true, nil, []any{"a", json.Number("1")}, map[string]any{"a": nil}, "?", "'", "active", "a\\d{3}(?:x)")
}

func (w *writer) fields(e *query.Entity) []any {
	var all []any
	for range 1 + w.next(3) {
		if w.next(4) == 1 {
			f := []any{"function", pick(w, "count", "avg", "sum", "min", "max", "jsonb_typeof", "to_string")}
			if w.next(4) != 1 {
				f = append(f, w.field(e))
			}
			if w.next(8) == 1 {
				f = append(f, "YYYY")
			}
			all = append(all, f)
			continue
		}
		all = append(all, w.field(e))
	}
	return all
}

func (w *writer) cond(e *query.Entity) any {
	w.depth++
	defer func() { w.depth-- }()
	kind := w.next(10)
	if w.depth > 60 && kind < 3 {
		kind = 5
	}
	switch kind {
	case 0:
		all := []any{pick(w, "and", "or")}
		for range w.next(4) {
			all = append(all, w.cond(e))
		}
		return all
	case 1:
		return []any{"not", w.cond(e)}
	case 2:
		other := w.entity()
		return []any{"subquery", other.Name, w.cond(other)}
	case 3:
		other := w.entity()
		names := []any{w.field(e), w.field(e)}[:1+w.next(2)]
		return []any{"in", names, []any{"from", other.Name, []any{"extract", []any{w.field(other), w.field(other)}[:len(names)], w.cond(other)}, []any{"limit", json.Number("2")}}}
	case 4:
		return []any{"in", w.field(e), []any{"array", []any{w.value(), w.value()}}}
	case 6:
		return []any{"null?", w.field(e), w.next(2) == 0}
	case 7:
		return []any{"~>", w.field(e), []any{"a.*", json.Number("1")}}
	case 8:
		return []any{"=", "node_state", pick(w, "active", "inactive", "any")}
	}
	return []any{pick(w, "=", "~", "<", ">=", "!=", ">", "<=", "!~"), w.field(e), w.value()}
}

func (w *writer) question() []any {
	e := w.entity()
	q := []any{"from", e.Name}
	switch w.next(3) {
	case 0:
		q = append(q, w.cond(e))
	case 1:
		extract := []any{"extract", w.fields(e)}
		if w.next(2) == 1 {
			extract = append(extract, w.cond(e))
		}
		if w.next(2) == 1 {
			extract = append(extract, append([]any{"group_by"}, w.fields(e)...))
		}
		q = append(q, extract)
	}
	if w.next(3) == 1 {
		q = append(q, []any{"order_by", []any{[]any{w.field(e), pick(w, "asc", "desc")}}})
	}
	if w.next(3) == 1 {
		q = append(q, []any{"limit", json.Number("3")})
	}
	if w.next(3) == 1 {
		q = append(q, []any{"offset", json.Number("1")})
	}
	return q
}

// FuzzRender holds that every question is answered or refused as the asker's
// mistake: SQL that the database does not understand would be ours.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{"", "\x00\x00\x05", "\x01\x01\x02\x01\x00\x04\x01\x01", "\x02\x00\x02\x03\x01\x01\x04\x01\x05", "\x03\x01\x01\x01\x02\x01\x01\x00\x01\x01\x01\x01"} {
		f.Add([]byte(seed))
	}
	bed := filled(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		tree := (&writer{rest: data}).question()
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		q, err := query.ParseRoot(tree)
		if err == nil {
			err = bed.Write(t.Context(), io.Discard, q)
		}
		if err == nil {
			_, err = bed.Count(t.Context(), q)
		}
		switch {
		case err == nil, errs.Is(err, errs.Malformed), errs.Is(err, errs.Unsupported), errs.Is(err, errs.TooLarge):
		default:
			t.Errorf("%s\n%v", text, err)
		}
	})
}

func filled(f *testing.F) *bed {
	f.Helper()
	b := openBed(f, "sqlite:"+f.TempDir()+"/puppetdb.db")
	b.must(b.apply(command.ReplaceFacts, 5, facts("a", at(0), `{"os":{"family":"Debian"},"x":[1,2,3,{"y":null}],"a.b":["c"],"n":1.5,"it's":true}`)))
	b.must(b.apply(command.ReplaceCatalog, 9, catalog("a", at(0), "1", "file")))
	b.must(b.apply(command.StoreReport, 8, report("a", at(0), "changed")))
	return b
}
