package query

import (
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestRefusals(t *testing.T) {
	deep := strings.Repeat(`["not",`, 100) + `["=","certname","a"]` + strings.Repeat(`]`, 100)
	tests := []struct {
		name, tree, want string
		kind             errs.Kind
	}{
		{"no entity", `["from","bogus"]`, "Invalid entity 'bogus' in query", errs.Malformed},
		{"not from", `{}`, "Your initial query must be of the form", errs.Malformed},
		{"unknown field", `["from","facts",["=","bogus",1]]`, "'bogus' is not a queryable object for facts. Known queryable objects are 'certname', 'environment', 'name', and 'value'", errs.Malformed},
		{"unknown operator", `["from","nodes",["xor",1]]`, "query operator 'xor' is unknown", errs.Malformed},
		{"deep", `["from","nodes",` + deep + `]`, "nested deeper", errs.TooLarge},
		{"deep subqueries", `["from","nodes",` + strings.Repeat(`["subquery","nodes",`, 21) + `["=","certname","a"]` + strings.Repeat(`]`, 21) + `]`, "subqueries nested deeper", errs.TooLarge},
		{"two limits", `["from","nodes",["limit",1],["limit",2]]`, "Multiple 'limit' clauses are not permitted", errs.Malformed},
		{"column out of its group", `["from","nodes",["extract",["certname",["function","count"]]]]`, "must appear in the group_by clause", errs.Malformed},
		{"group of aggregates", `["from","nodes",["extract",[["function","count"]],["group_by",["function","count"]]]]`, "cannot be grouped by", errs.Malformed},
		{"too few columns", `["from","nodes",["in",["certname","facts_environment"],["from","facts",["extract",["certname"]]]]]`, "'in' compares 2 fields", errs.Malformed},
		{"path that is none", `["from","facts",["~>","name",["a"]]]`, "Query operator ~> is not allowed on field name", errs.Malformed},
		{"wrong time", `["from","reports",[">","start_time","nope"]]`, "'nope' is not a valid timestamp value", errs.Malformed},
		{"bad regex", `["from","nodes",["~","certname","["]]`, "invalid regular expression", errs.Malformed},
		{"empty and", `["from","nodes",["and"]]`, "'and' takes at least one argument", errs.Malformed},
		{"no relation", `["from","producers",["subquery","edges"]]`, "No implicit relationship for entity 'edges'", errs.Malformed},
		{"unclosed", `["from"`, "Json parse error at line 1", errs.Malformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree, err := Decode(test.tree)
			if err == nil {
				_, err = ParseRoot(tree)
			}
			if !errs.Is(err, test.kind) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v (%v), want %q (%v)", err, errs.KindOf(err), test.want, test.kind)
			}
		})
	}
}

// TestEveryRelationNamesFields keeps the table of implicit relations honest.
func TestEveryRelationNamesFields(t *testing.T) {
	for _, outer := range Entities() {
		for _, inner := range Entities() {
			o, i, err := Relate(outer, inner)
			if err != nil {
				continue
			}
			for _, name := range o {
				if _, ok := outer.Field(name); !ok {
					t.Errorf("%s to %s: %s has no field %s", outer.Name, inner.Name, outer.Name, name)
				}
			}
			for _, name := range i {
				if _, ok := inner.Field(name); !ok {
					t.Errorf("%s to %s: %s has no field %s", outer.Name, inner.Name, inner.Name, name)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`["from","nodes",["extract",["certname",["function","count"]],["~","certname","a"],["group_by","certname"]],["limit",1]]`,
		`["from","inventory",["=","facts.os.\"x\"[0].match(\"e.*\")",1]]`,
		`["from","resources",["in",["certname","title"],["from","edges",["extract",["certname","source_title"]]]]]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := Decode(text)
		if err == nil {
			_, err = ParseRoot(tree)
		}
		if err != nil && errs.KindOf(err) == errs.Internal {
			t.Errorf("%q: %v", text, err)
		}
	})
}
