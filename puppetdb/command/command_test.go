package command

import (
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestDecodeRefuses(t *testing.T) {
	const stamp = `"producer_timestamp":"2026-05-04T08:00:00.000Z","environment":"production"`
	tests := []struct {
		name    string
		command Name
		version int
		payload string
		kind    errs.Kind
	}{
		{"not JSON", ReplaceFacts, 5, `{`, errs.Invalid},
		{"two values", ReplaceFacts, 5, `{"certname":"a","values":{},` + stamp + `} {}`, errs.Invalid},
		{"no values", ReplaceFacts, 5, `{"certname":"a",` + stamp + `}`, errs.Invalid},
		{"another node", ReplaceFacts, 5, `{"certname":"b","values":{},` + stamp + `}`, errs.Invalid},
		{"too new", ReplaceFacts, 9, `{}`, errs.Unsupported},
		{"edge from nowhere", ReplaceCatalog, 9, `{"certname":"a","resources":[],"edges":[{"source":{"type":"A","title":"b"},"target":{"type":"A","title":"b"},"relationship":"contains"}],` + stamp + `}`, errs.Invalid},
		{"upper-case tag", ReplaceCatalog, 9, `{"certname":"a","resources":[{"type":"A","title":"b","tags":["X"]}],` + stamp + `}`, errs.Invalid},
		{"same resource twice", ReplaceCatalog, 9, `{"certname":"a","resources":[{"type":"A","title":"b"},{"type":"A","title":"b"}],` + stamp + `}`, errs.Invalid},
		{"no metrics", StoreReport, 8, `{"certname":"a",` + stamp + `}`, errs.Invalid},
		{"an array", DeactivateNode, 3, `[]`, errs.Invalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if v, err := Decode(test.command, test.version, "a", []byte(test.payload)); !errs.Is(err, test.kind) {
				t.Errorf("got %v, %v", v, err)
			}
		})
	}
}

func TestParse(t *testing.T) {
	if n, err := Parse("replace_facts", 5); err != nil || n != ReplaceFacts {
		t.Errorf("got %q, %v", n, err)
	}
	for name, version := range map[string]int{"replace_facts": 3, "explode node": 1} {
		if _, err := Parse(name, version); !errs.Is(err, errs.Malformed) {
			t.Errorf("%s %d: %v", name, version, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(0, []byte(`{"certname":"a","values":{"x":1}}`))
	f.Add(1, []byte(`{"certname":"a","resources":[{"type":"A","parameters":{}}],"edges":[]}`))
	f.Add(2, []byte(`{"certname":"a","metrics":[],"logs":[],"resources":[{"events":[{}]}]}`))
	names := []Name{ReplaceFacts, ReplaceCatalog, StoreReport, DeactivateNode}
	f.Fuzz(func(t *testing.T, which int, payload []byte) {
		if _, err := Decode(names[(which%4+4)%4], 3, "", payload); err != nil && errs.KindOf(err) == errs.Internal {
			t.Errorf("%s: %v", payload, err)
		}
	})
}
