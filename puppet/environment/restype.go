package environment

import (
	"path/filepath"

	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// ResourceType implements eval.Loader: it reads what `puppet generate types`
// writes about a type, so that its Ruby is not needed.
func (e *Environment) ResourceType(name string) (*eval.ResourceType, error) {
	if !validSegment(name) {
		return nil, nil
	}
	path := filepath.Join(e.Dir, ".resource_types", name+".pp")
	f, err := e.cache.parsed(path, syntax.Options{}, syntax.ValidateOptions{Strict: e.Strict})
	if f == nil || err != nil {
		return nil, err
	}
	if f.err != nil {
		return nil, f.err
	}
	t, ok := readResourceType(f.program.Body)
	if !ok || t.Name != name {
		return nil, wordedf("The code loaded from %s does not define the resource type '%s'", path, name)
	}
	return t, nil
}

// readResourceType reads Puppet::Resource::ResourceType3.new(name, properties,
// parameters, title patterns, isomorphic, capability).
func readResourceType(body syntax.Expr) (*eval.ResourceType, bool) {
	call, ok := body.(*syntax.CallMethod)
	if !ok || len(call.Args) < 3 {
		return nil, false
	}
	f, ok := call.Functor.(*syntax.NamedAccess)
	if !ok {
		return nil, false
	}
	if ref, ok := f.L.(*syntax.QualifiedReference); !ok || ref.Cased != "Puppet::Resource::ResourceType3" {
		return nil, false
	}
	name, ok := text(call.Args[0])
	if !ok {
		return nil, false
	}
	t := &eval.ResourceType{Name: name, Unique: true}
	for _, list := range call.Args[1:3] {
		params, ok := list.(*syntax.Array)
		if !ok {
			return nil, false
		}
		for _, p := range params.Values {
			if !readParam(t, p) {
				return nil, false
			}
		}
	}
	if len(call.Args) > 3 {
		t.Title = titlePatterns(call.Args[3])
	}
	if len(call.Args) > 4 {
		if b, ok := call.Args[4].(*syntax.Boolean); ok {
			t.Unique = b.Value
		}
	}
	return t, true
}

func text(e syntax.Expr) (string, bool) {
	s, ok := e.(*syntax.String)
	if !ok {
		return "", false
	}
	return s.Value, true
}

// readParam reads Puppet::Resource::Param(Type, 'name', is_namevar).
func readParam(t *eval.ResourceType, e syntax.Expr) bool {
	call, ok := e.(*syntax.Call)
	if !ok || len(call.Args) < 2 {
		return false
	}
	name, ok := text(call.Args[1])
	if !ok {
		return false
	}
	t.Attributes = append(t.Attributes, name)
	if len(call.Args) > 2 {
		if b, ok := call.Args[2].(*syntax.Boolean); ok && b.Value {
			t.Key = append(t.Key, name)
		}
	}
	return true
}

type titlePattern struct {
	re    *pcore.Regexp
	names []string
}

// titlePatterns makes a splitter of { /regex/ => ['name', …] }; nil where the
// title is the namevar.
func titlePatterns(e syntax.Expr) func(string) map[string]string {
	h, ok := e.(*syntax.Hash)
	if !ok {
		return nil
	}
	var patterns []titlePattern
	for _, entry := range h.Entries {
		re, ok := entry.Key.(*syntax.Regexp)
		names, isArray := entry.Value.(*syntax.Array)
		if !ok || !isArray {
			return nil
		}
		compiled, err := pcore.NewRegexp(re.Pattern)
		if err != nil {
			return nil
		}
		p := titlePattern{re: compiled}
		for _, n := range names.Values {
			s, ok := text(n)
			if !ok {
				return nil
			}
			p.names = append(p.names, s)
		}
		patterns = append(patterns, p)
	}
	return func(title string) map[string]string { return splitTitle(patterns, title) }
}

func splitTitle(patterns []titlePattern, title string) map[string]string {
	for _, p := range patterns {
		loc, err := p.re.Find(title, 0)
		if err != nil || loc == nil {
			continue
		}
		said := map[string]string{}
		for i, n := range p.names {
			if at := 2 * (i + 1); at+1 < len(loc) && loc[at] >= 0 {
				said[n] = title[loc[at]:loc[at+1]]
			}
		}
		return said
	}
	return map[string]string{}
}
