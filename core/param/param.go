// Package param resolves what a host's parameters are, from all the places that
// may set them, and builds the answer of the external node classifier from it.
//
// It may import core/noun, core/inventory, and internal packages.
package param

import (
	"cmp"
	"slices"

	"github.com/chargehand/chargehand/core/noun"
)

// An Origin is one record that parameters hang on, such as a host group.
type Origin struct {
	Kind string // "global", "organization", "location", "domain", "subnet", "operating system", "host group", "host"
	Name string // the record's title; "" for global
	ID   int64
}

// The kinds of origin, weakest first. Their index is their precedence.
func kinds() []string {
	return []string{"global", "organization", "location", "domain", "subnet", "operating system", "host group", "host"}
}

// A Source is an origin with its parameters.
type Source struct {
	Origin
	Parameters []noun.Parameter
}

// A Resolved parameter is the value that counts, where it comes from, and what
// it hides.
type Resolved struct {
	noun.Parameter
	Origin Origin
	Hides  []Hidden // weaker values of the same name, strongest first
}

// A Hidden value is one that another hides.
type Hidden struct {
	noun.Parameter
	Origin Origin
}

// Resolve merges sources into one value for each name, sorted by name. Sources
// must come weakest first within their kind (ancestors before descendants); the
// kinds themselves are ordered here.
func Resolve(sources []Source) []Resolved {
	order := kinds()
	ordered := slices.Clone(sources)
	slices.SortStableFunc(ordered, func(a, b Source) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
	byName := map[string]*Resolved{}
	for _, s := range ordered {
		for _, p := range s.Parameters {
			now := Resolved{Parameter: p, Origin: s.Origin}
			if was := byName[p.Name]; was != nil {
				now.Hides = append([]Hidden{{Parameter: was.Parameter, Origin: was.Origin}}, was.Hides...)
			}
			byName[p.Name] = &now
		}
	}
	all := make([]Resolved, 0, len(byName))
	for _, r := range byName {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b Resolved) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Values gives the typed values by name.
func Values(resolved []Resolved) map[string]any {
	m := make(map[string]any, len(resolved))
	for _, r := range resolved {
		m[r.Name] = r.Typed()
	}
	return m
}
