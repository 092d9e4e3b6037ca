package noun

import (
	"context"
	"encoding/json"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/errs"
)

// assignment is one body on its way into one record.
type assignment struct {
	c    *change
	n    *Any
	rec  any
	made bool // the record is new
}

type setter func(ctx context.Context, a *assignment, v any) error

// assign puts a body's values into c.new and notes which fields it named. Keys
// that are not the noun's are dropped, as upstream does.
func (n *Any) assign(ctx context.Context, c *change, in Input, _ Query) error {
	if c.given == nil {
		c.given = map[string]bool{}
	}
	return n.assignInto(ctx, &assignment{c: c, n: n, rec: c.new, made: c.old == nil}, in, c.given)
}

func (n *Any) assignInto(ctx context.Context, a *assignment, in Input, given map[string]bool) error {
	for _, key := range orderedKeys(in) {
		set, ok := n.setters[key]
		if !ok {
			continue
		}
		if given != nil {
			given[n.givenName(key)] = true
		}
		if err := set(ctx, a, in[key]); err != nil {
			return err
		}
	}
	return nil
}

// orderedKeys puts names before ids, so that x_id wins over x_name when a body
// has both, and makes every run alike.
func orderedKeys(in Input) []string {
	keys := make([]string, 0, len(in))
	for k := range in {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := strings.HasSuffix(keys[i], "_id"), strings.HasSuffix(keys[j], "_id")
		if a != b {
			return b
		}
		return keys[i] < keys[j]
	})
	return keys
}

// givenName maps a body key to the field or list it sets.
func (n *Any) givenName(key string) string {
	if n.by[key] != nil {
		return key
	}
	for _, suffix := range []string{"_id", "_name", "_title", "_ids", "_names"} {
		if stem := strings.TrimSuffix(key, suffix); stem != key {
			return stem
		}
	}
	return key
}

// BodyKeys are the keys that bodies may have.
func (n *Any) BodyKeys() []string {
	keys := make([]string, 0, len(n.setters))
	for k := range n.setters {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (n *Any) allSetters() map[string]setter {
	m := map[string]setter{}
	for _, f := range n.fields {
		if f.readonly || f.kind == ComputedKind {
			continue
		}
		f.addSetters(m)
	}
	for _, f := range n.asked {
		m[f.name] = f.assign
	}
	for _, key := range n.facets {
		m[key] = assignWithin
	}
	for _, l := range n.links {
		if !l.readonly {
			l.addSetters(m)
		}
	}
	for _, c := range n.children {
		for _, key := range c.body {
			m[key] = c.assignList
		}
	}
	return m
}

func assignWithin(ctx context.Context, a *assignment, v any) error {
	in, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	for _, key := range a.n.facets {
		delete(in, key)
	}
	return a.n.assignInto(ctx, a, in, a.c.given)
}

func (f *Field) addSetters(m map[string]setter) {
	if f.kind != RefKind {
		for _, key := range append([]string{f.name}, f.aliases...) {
			m[key] = f.assign
		}
		return
	}
	for _, stem := range append([]string{f.name}, f.aliases...) {
		m[stem+"_id"] = f.assign
		m[stem+"_name"] = f.assignName
		m[stem+"_title"] = f.assignName
		m[stem] = f.assignObject
	}
}

func (f *Field) assign(_ context.Context, a *assignment, v any) error {
	if f.fixed && !a.made {
		return nil
	}
	if message := f.put(a.rec, v); message != "" {
		a.c.fail(f.errorName(), "%s", message)
	}
	return nil
}

// Put sets the field of rec to a JSON value; it gives what is wrong with it, or "".
func (f *Field) put(rec any, v any) string {
	switch f.kind {
	case TextKind, SecretKind:
		s, ok := textOf(v)
		if !ok {
			if f.shape == nil {
				return "is invalid"
			}
			text, err := json.Marshal(v)
			if err != nil {
				return "is invalid"
			}
			s = string(text)
		}
		if f.kind == SecretKind && s == Masked {
			return ""
		}
		f.setText(rec, s)
	case IntKind, OptIntKind, RefKind:
		i, ok := intOf(v)
		if !ok {
			return "is not a number"
		}
		f.setInt(rec, i)
	case BoolKind:
		b, ok := boolOf(v)
		if !ok {
			return "is invalid"
		}
		f.setBool(rec, b)
	case TimeKind:
		t, ok := timeOf(v)
		if !ok {
			return "is invalid"
		}
		f.setTime(rec, t)
	case JSONKind:
		text, err := json.Marshal(v)
		if err != nil || f.setJSON(rec, text) != nil {
			return "is invalid"
		}
	}
	return ""
}

func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case int:
		return strconv.Itoa(v), true
	}
	return "", false
}

func intOf(v any) (*int64, bool) {
	s, ok := textOf(v)
	if !ok {
		return nil, false
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, true
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil || f != float64(int64(f)) {
			return nil, false
		}
		i = int64(f)
	}
	return &i, true
}

func boolOf(v any) (bool, bool) {
	s, ok := textOf(v)
	if !ok {
		return false, false
	}
	if s == "" {
		return false, true
	}
	b, err := castBool(s)
	if err != nil {
		return false, false
	}
	return b.(bool), true
}

func timeOf(v any) (time.Time, bool) {
	s, ok := textOf(v)
	if !ok {
		return time.Time{}, false
	}
	if s == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 0 && t.Year() < 9999 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func (f *Field) assignName(ctx context.Context, a *assignment, v any) error {
	if f.fixed && !a.made {
		return nil
	}
	name, ok := textOf(v)
	if !ok {
		a.c.fail(f.errorName(), "is invalid")
		return nil
	}
	if name == "" {
		f.setInt(a.rec, nil)
		return nil
	}
	ids, err := a.c.lookup(ctx, f.to, f.name, []string{name})
	if err != nil {
		return err
	}
	f.setInt(a.rec, &ids[0])
	return nil
}

func (f *Field) assignObject(ctx context.Context, a *assignment, v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	if id, ok := m["id"]; ok {
		return f.assign(ctx, a, id)
	}
	if name, ok := m["name"]; ok {
		return f.assignName(ctx, a, name)
	}
	return nil
}

// lookup finds the ids of records by title or name, among those that the caller
// may view.
func (c *change) lookup(ctx context.Context, n *Any, assoc string, names []string) ([]int64, error) {
	scope := Everything()
	if !n.internal {
		scope = c.caller.Scope(n.Permission("show"), n.resource, Context{})
		scope.Env.Now = c.tx.now
	}
	var tests []Test
	for _, k := range n.keys {
		tests = append(tests, Test{Target: &Target{Field: k}, Kind: search.OneOf, Values: anys(names)})
	}
	recs, err := c.tx.conn.Select(ctx, n, Selection{Scope: scope, AnyOf: tests, Limit: MaxRows}, n.briefColumns(nil))
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(names))
	for i, name := range names {
		rec := n.best(recs, name, 0)
		if rec == nil {
			return nil, errs.New(errs.Invalid, "Could not find %s with name: %s", assoc, clip(name))
		}
		ids[i] = n.base(rec).ID
	}
	return ids, nil
}

func (l *Link) addSetters(m map[string]setter) {
	for _, one := range append([]string{l.one}, l.aliases...) {
		m[one+"_ids"] = l.assignIDs
		m[one+"_names"] = l.assignNames
	}
	m[l.name] = l.assignObjects
}

func (l *Link) assignIDs(_ context.Context, a *assignment, v any) error {
	list, ok := listOf(v)
	if !ok {
		a.c.fail(l.one+"_ids", "is invalid")
		return nil
	}
	ids := make([]int64, 0, len(list))
	for _, e := range list {
		id, ok := intOf(e)
		if !ok {
			a.c.fail(l.one+"_ids", "is invalid")
			return nil
		}
		if id != nil && !contains(ids, *id) {
			ids = append(ids, *id)
		}
	}
	l.SetIDs(a.rec, ids)
	return nil
}

func (l *Link) assignNames(ctx context.Context, a *assignment, v any) error {
	list, ok := listOf(v)
	if !ok {
		a.c.fail(l.one+"_names", "is invalid")
		return nil
	}
	var names []string
	for _, e := range list {
		s, ok := textOf(e)
		if !ok {
			a.c.fail(l.one+"_names", "is invalid")
			return nil
		}
		if s != "" {
			names = append(names, s)
		}
	}
	if len(names) == 0 {
		l.SetIDs(a.rec, []int64{})
		return nil
	}
	ids, err := a.c.lookup(ctx, l.to, l.one, names)
	if err == nil {
		l.SetIDs(a.rec, ids)
	}
	return err
}

// assignObjects takes [{"id": 2}, …] or [{"name": "x"}, …].
func (l *Link) assignObjects(ctx context.Context, a *assignment, v any) error {
	list, ok := listOf(v)
	if !ok {
		return nil
	}
	var ids, names []any
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return nil
		}
		if id, ok := m["id"]; ok {
			ids = append(ids, id)
		} else if name, ok := m["name"]; ok {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return l.assignNames(ctx, a, names)
	}
	return l.assignIDs(ctx, a, ids)
}

// listOf takes an array, an object with index keys, or nothing.
func listOf(v any) ([]any, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case string:
		if v == "" {
			return nil, true
		}
	case []any:
		return v, true
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Slice(keys, func(i, j int) bool {
			a, aerr := strconv.Atoi(keys[i])
			b, berr := strconv.Atoi(keys[j])
			if aerr == nil && berr == nil {
				return a < b
			}
			return keys[i] < keys[j]
		})
		list := make([]any, len(keys))
		for i, k := range keys {
			list[i] = v[k]
		}
		return list, true
	}
	return nil, false
}

// assignList merges a body's list into the children: those with an id, or with the
// key of one that is there, are changed, others are new, _destroy removes.
func (c *Child) assignList(ctx context.Context, a *assignment, v any) error {
	list, ok := listOf(v)
	if !ok {
		a.c.fail(c.name, "is invalid")
		return nil
	}
	have := c.Records(a.rec)
	kept := map[any]bool{}
	seen := map[string]bool{}
	drop := map[any]bool{}
	for _, e := range list {
		body, ok := e.(map[string]any)
		if !ok {
			a.c.fail(c.name, "is invalid")
			return nil
		}
		if c.key != "" {
			name, _ := textOf(body[c.key])
			if seen[name] && name != "" {
				a.c.fail(c.name, "duplicate name: %s", clip(name))
			}
			seen[name] = true
		}
		rec, err := c.match(have, body)
		if err != nil {
			return err
		}
		made := rec == nil
		if made {
			rec = c.to.make()
			c.to.defaults(rec)
			have = append(have, rec)
		}
		kept[rec] = true
		if gone, _ := boolOf(body["_destroy"]); gone {
			drop[rec] = true
			continue
		}
		sub := &assignment{c: a.c, n: c.to, rec: rec, made: made}
		if err := c.to.assignInto(ctx, sub, body, nil); err != nil {
			return err
		}
		if note, ok := rec.(interface{ Given(body map[string]any) }); ok {
			note.Given(body)
		}
	}
	out := have[:0:0]
	for _, r := range have {
		if drop[r] || c.replace && !kept[r] {
			continue
		}
		out = append(out, r)
	}
	c.SetRecords(a.rec, out)
	return nil
}

// match finds the child that a body means.
func (c *Child) match(have []any, body map[string]any) (any, error) {
	if id, ok := intOf(body["id"]); ok && id != nil {
		for _, r := range have {
			if c.to.base(r).ID == *id {
				return r, nil
			}
		}
		return nil, errs.New(errs.NotFound, "Resource %s not found by id '%d'", c.to.name, *id)
	}
	if c.key == "" {
		return nil, nil
	}
	name, _ := textOf(body[c.key])
	for _, r := range have {
		if c.to.by[c.key].textAt(r) == name {
			return r, nil
		}
	}
	return nil, nil
}
