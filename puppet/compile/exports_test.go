package compile_test

import (
	"context"
	"slices"
	"testing"

	"github.com/chargehand/chargehand/puppet/compile"
	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// store is what other nodes export, in place of a PuppetDB.
type store []eval.ExportedResource

func exports(t *testing.T, data []byte) store {
	v, err := compile.FromJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	var s store
	for _, e := range v.(*pcore.Array).All() {
		h := e.(*pcore.Hash)
		field := func(name string) pcore.Value {
			if v, ok := h.GetString(name); ok {
				return v
			}
			return pcore.Undef{}
		}
		r := eval.ExportedResource{Type: field("type").String(), Title: field("title").String(), Certname: field("certname").String()}
		r.Parameters, _ = field("parameters").(*pcore.Hash)
		if tags, ok := field("tags").(*pcore.Array); ok {
			for _, tag := range tags.All() {
				r.Tags = append(r.Tags, tag.String())
			}
		}
		s = append(s, r)
	}
	return s
}

// Search implements eval.Exports.
func (s store) Search(_ context.Context, typ string, f *eval.Filter) ([]eval.ExportedResource, error) {
	var found []eval.ExportedResource
	for _, r := range s {
		if r.Type == typ && r.Certname != "node1.example.com" && fits(r, f) {
			found = append(found, r)
		}
	}
	return found, nil
}

func fits(r eval.ExportedResource, f *eval.Filter) bool {
	if f == nil {
		return true
	}
	switch f.Op {
	case "and":
		return fits(r, f.Left) && fits(r, f.Right)
	case "or":
		return fits(r, f.Left) || fits(r, f.Right)
	}
	hit := false
	switch f.Name {
	case "title":
		hit = r.Title == f.Value.String()
	case "tag":
		hit = slices.Contains(r.Tags, f.Value.String())
	default:
		if r.Parameters != nil {
			v, ok := r.Parameters.GetString(f.Name)
			hit = ok && pcore.Eql(v, f.Value)
		}
	}
	return hit == (f.Op == "==")
}
