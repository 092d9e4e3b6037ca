package noun

import (
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/core/search"
)

// A SearchWord declares what a noun can be searched by.
type SearchWord struct {
	name      string
	aliases   []string
	explicit  bool
	completes bool
	path      string
	key       string
	words     []search.Word
	ops       []search.Op
	kind      *search.Type
	truth     bool
	user      search.User
	shift     uint
	width     uint
	handler   string
}

// SearchOn makes what a path leads to searchable: associations separated by
// dots and at the end a field, "operatingsystem.title", "interfaces.mac". An
// association name[flag] keeps only the rows where the flag is true.
func SearchOn(name, path string) *SearchWord {
	return &SearchWord{name: name, path: path, completes: true}
}

// SearchBy leaves it to the store, which has a handler of that name.
func SearchBy(name, handler string) *SearchWord {
	virtual := search.TypeVirtual
	return &SearchWord{name: name, handler: handler, kind: &virtual, explicit: true}
}

// Explicit takes the field out of free text.
func (s *SearchWord) Explicit() *SearchWord { s.explicit = true; return s }

// Alias gives other names.
func (s *SearchWord) Alias(names ...string) *SearchWord {
	s.aliases = append(s.aliases, names...)
	return s
}

// Keyed makes the field one with a key, which path leads to.
func (s *SearchWord) Keyed(path string) *SearchWord { s.key, s.explicit = path, true; return s }

// Words are the values that a query may name.
func (s *SearchWord) Words(words ...search.Word) *SearchWord { s.words = words; return s }

// Ops limits the operators.
func (s *SearchWord) Ops(ops ...search.Op) *SearchWord { s.ops = ops; return s }

// Truth lets true and false stand for more than 0 and 0.
func (s *SearchWord) Truth() *SearchWord { s.truth = true; return s }

// CurrentUser says what the value current_user stands for.
func (s *SearchWord) CurrentUser(u search.User) *SearchWord { s.user = u; return s }

// Bits compares with a part of an integer.
func (s *SearchWord) Bits(shift, width uint) *SearchWord { s.shift, s.width = shift, width; return s }

func (s *SearchWord) declare(d *declaration) { d.noun.searchWords = append(d.noun.searchWords, s) }

// bindSearch resolves the search words, once all nouns know each other.
func (n *Any) bindSearch() error {
	n.searches = make(search.Fields, 0, len(n.searchWords))
	targets := make([]*Target, 0, len(n.searchWords))
	for _, w := range n.searchWords {
		t := &Target{Handler: w.handler, Shift: w.shift, Width: w.width}
		var err error
		if w.handler == "" {
			if t.Steps, t.Field, err = n.path(w.path); err != nil {
				return fmt.Errorf("noun %s: search field %s: %w", n.name, w.name, err)
			}
		}
		if w.key != "" {
			if err := t.bindKey(n, w.key); err != nil {
				return fmt.Errorf("noun %s: search field %s: %w", n.name, w.name, err)
			}
		}
		n.searches = append(n.searches, w.field(t))
		targets = append(targets, t)
	}
	n.targets = make(map[*search.Field]*Target, len(targets))
	for i := range n.searches {
		n.targets[&n.searches[i]] = targets[i]
	}
	return nil
}

// bindKey finds the key next to the value: their paths start with the same steps.
func (t *Target) bindKey(n *Any, path string) error {
	steps, field, err := n.path(path)
	if err != nil {
		return err
	}
	shared := 0
	for shared < len(steps) && shared < len(t.Steps) && steps[shared].Has == t.Steps[shared].Has && steps[shared].Has != nil {
		shared++
	}
	if shared != len(t.Steps) {
		return fmt.Errorf("key %s is not beside the value", path)
	}
	t.KeySteps, t.Key = steps[shared:], field
	return nil
}

func (w *SearchWord) field(t *Target) search.Field {
	f := search.Field{
		Name: w.name, Aliases: w.aliases, Ops: w.ops, Explicit: w.explicit, Keyed: w.key != "",
		Words: w.words, Truth: w.truth, User: w.user, Completes: w.completes,
	}
	switch {
	case w.kind != nil:
		f.Type = *w.kind
	case w.words != nil:
		f.Type = search.TypeSet
	default:
		f.Type = t.Field.searchType()
		if f.Type == search.TypeSet {
			f.Words = search.Booleans()
		}
	}
	return f
}

func (f *Field) searchType() search.Type {
	switch f.kind {
	case IntKind, OptIntKind, RefKind:
		return search.TypeInteger
	case BoolKind:
		return search.TypeSet
	case TimeKind:
		return search.TypeDatetime
	}
	return search.TypeText
}

// path resolves "a.b.field" from n.
func (n *Any) path(path string) ([]Step, *Field, error) {
	var steps []Step
	at := n
	for {
		head, rest, more := strings.Cut(path, ".")
		if !more {
			if f := at.column(head); f != nil {
				return steps, f, nil
			}
			return nil, nil, fmt.Errorf("%s has no field %q", at.name, head)
		}
		step, ok := at.step(head)
		if !ok {
			return nil, nil, fmt.Errorf("%s has no association %q", at.name, head)
		}
		steps, at, path = append(steps, step), step.To(), rest
	}
}

// column finds a kept field by name; a Ref also as name_id.
func (n *Any) column(name string) *Field {
	if f := n.by[name]; f != nil && f.kind != ComputedKind {
		return f
	}
	if f := n.by[strings.TrimSuffix(name, "_id")]; f != nil && f.kind == RefKind {
		return f
	}
	return nil
}

func (n *Any) step(name string) (Step, bool) {
	name, flag, _ := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	if f := n.by[name]; f != nil && f.kind == RefKind {
		return Step{Ref: f}, true
	}
	for _, l := range n.links {
		if l.name == name {
			return Step{Link: l}, true
		}
	}
	for _, h := range n.allHas() {
		if h.name == name {
			s := Step{Has: h}
			if flag != "" {
				s.Only = h.to.by[flag]
			}
			return s, true
		}
	}
	return Step{}, false
}

func (n *Any) allHas() []*HasMany {
	all := append([]*HasMany(nil), n.has...)
	for _, c := range n.children {
		all = append(all, &c.HasMany)
	}
	return all
}

// Searches are the fields that the noun can be searched by.
func (n *Any) Searches() search.Fields { return n.searches }

// Target tells where a search field leads to; the field must be one of Searches.
func (n *Any) Target(f *search.Field) *Target { return n.targets[f] }

// parentTarget finds how rows of n belong to a record of another noun: through
// a Ref, a Link, or what the search field name_id says.
func (n *Any) parentTarget(parent *Any) *Target {
	id := parent.by["id"]
	for _, f := range n.fields {
		if f.kind == RefKind && f.to == parent && (f.name == parent.name || f == n.parentField) {
			return &Target{Field: f}
		}
	}
	for _, l := range n.links {
		if l.to == parent {
			return &Target{Steps: []Step{{Link: l}}, Field: id}
		}
	}
	for _, l := range parent.links {
		if l.to == n {
			return &Target{Steps: []Step{{Link: &Link{
				name: parent.plural, to: parent, owner: n, table: l.table, own: l.other, other: l.own, kindCol: l.kindCol, kind: l.kind,
			}}}, Field: id}
		}
	}
	if f, _ := n.searches.Find(parent.name + "_id"); f != nil {
		return n.targets[f]
	}
	return nil
}
