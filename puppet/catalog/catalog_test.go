package catalog

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func sample() *Catalog {
	return &Catalog{
		Name: "n", Time: 17, UUID: "u", Format: 2, Environment: "production", Tags: []string{"a"}, Classes: []string{"settings"},
		Resources: []*Resource{
			{
				Type: "File", Title: "/a<b>", Tags: []string{"file"}, File: "/e/site.pp", Line: 3, Kind: "compilable_type",
				Parameters: []Parameter{
					{"mode", pcore.String("0644")},
					{"n", pcore.ArrayOf(pcore.Integer(1), pcore.Float(1), pcore.Undef{}, pcore.HashOf("k", pcore.Boolean(true)))},
				},
				Sensitive: []string{"mode"},
			},
			{Type: "Notify", Title: "x", Exported: true, Virtual: true},
		},
		Edges: []Edge{{"Class[main]", "File[/a<b>]"}, {"Class[main]", "Notify[x]"}},
	}
}

const agentForm = `{"tags":["a"],"name":"n","version":17,"code_id":null,"catalog_uuid":"u","catalog_format":2,"environment":"production",` +
	`"resources":[{"type":"File","title":"/a<b>","tags":["file"],"file":"/e/site.pp","line":3,"exported":false,"kind":"compilable_type",` +
	`"parameters":{"mode":"0644","n":[1,1.0,null,{"k":true}]},"sensitive_parameters":["mode"]}],` +
	`"edges":[{"source":"Class[main]","target":"File[/a<b>]"}],"classes":["settings"]}`

func TestWireForm(t *testing.T) {
	got, err := sample().ForAgent().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(agentForm, string(got)); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(got) {
		t.Error("not valid JSON")
	}
}

func TestExportedStaysForOthers(t *testing.T) {
	c := sample()
	if n := len(c.ForAgent().Resources); n != 1 {
		t.Errorf("the agent gets %d resources, want 1", n)
	}
	if len(c.Resources) != 2 || len(c.Edges) != 2 {
		t.Error("ForAgent changed the catalog itself")
	}
}

func TestOnlyDataIsWritten(t *testing.T) {
	for _, v := range []pcore.Value{pcore.Default{}, pcore.MustRegexp("a"), pcore.AnyInteger()} {
		if _, err := AppendJSON(nil, v); err == nil {
			t.Errorf("%s was written as JSON", v)
		}
	}
}
