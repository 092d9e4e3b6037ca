package provision

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestParseMetadata(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Metadata
		body       string
	}{
		{"none", "#!/bin/sh\n", Metadata{}, "#!/bin/sh\n"},
		{"empty", "", Metadata{}, ""},
		{"usual", "<%#\nname: A b\nkind: finish\noses:\n- Debian\n- Ubuntu 2\n-%>\nbody\n", Metadata{Name: "A b", Kind: "finish", OSes: []string{"Debian", "Ubuntu 2"}}, "body\n"},
		{"no dash, carriage returns", "<%#\r\nname: A\r\nsnippet: true\r\n%>\r\nbody", Metadata{Name: "A", Snippet: true}, "body"},
		{"blank lines before", "\n\n<%#\nname: A\n%>\nbody", Metadata{Name: "A"}, "body"},
		{"one line", "<%# kind: provision name: X y model: ProvisioningTemplate %>\nbody", Metadata{Kind: "provision", Name: "X y", Model: "ProvisioningTemplate"}, "body"},
		{"another comment", "<%# just words -%>\nbody", Metadata{}, "<%# just words -%>\nbody"},
		{"not first", "x\n<%#\nname: A\n-%>\n", Metadata{}, "x\n<%#\nname: A\n-%>\n"},
		{"not closed", "<%#\nname: A\n", Metadata{}, "<%#\nname: A\n"},
		{"unknown keys", "<%#\nname: A\nx_own: 1\n-%>\n", Metadata{Name: "A", Other: map[string]any{"x_own": uint64(1)}}, ""},
		{
			"inputs", "<%#\nname: A\ntemplate_inputs:\n- name: command\n  required: true\n  input_type: user\n  options: \"a\\nb\"\n-%>\n",
			Metadata{Name: "A", Inputs: []Input{{Name: "command", Required: true, InputType: "user", Options: "a\nb"}}},
			"",
		},
	} {
		m, body, err := ParseMetadata(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, *m); diff != "" || body != tt.body {
			t.Errorf("%s: body %q, metadata (-want +got):\n%s", tt.name, body, diff)
		}
	}
}

func TestMetadataErrors(t *testing.T) {
	for _, text := range []string{
		"<%#\nname: [\n-%>\n",
		"<%#\nname: A\noses: {a: 1}\n-%>\n",
		"<%#\nname: A\n" + strings.Repeat("# long\n", maxHeader/7) + "-%>\n",
	} {
		if m, _, err := ParseMetadata(text); !errs.Is(err, errs.Invalid) && !errs.Is(err, errs.TooLarge) {
			t.Errorf("%.40q: %+v, %v", text, m, err)
		}
	}
	if _, err := (&Metadata{Name: "A", Description: "ends %> here"}).Text(""); !errs.Is(err, errs.Invalid) {
		t.Errorf("a description that ends the comment: %v", err)
	}
	if err := (&Metadata{Name: "A", Kind: "nonsense"}).CheckModel(); !errs.Is(err, errs.Invalid) {
		t.Errorf("an unknown kind: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	all, err := Defaults()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, d := range all {
		key := d.Model + "/" + d.Name
		if names[key] || d.Name == "" || d.Description == "" {
			t.Errorf("%s: a second one, or without name or description", key)
		}
		names[key] = true
		if err := d.CheckModel(); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if len(d.Other) > 0 {
			t.Errorf("%s: unknown keys %v", key, d.Other)
		}
		text, err := d.Metadata.Text(mustBody(t, d.Text))
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		again, body, err := ParseMetadata(text)
		if err != nil || cmp.Diff(d.Metadata, *again) != "" || body != mustBody(t, d.Text) {
			t.Errorf("%s does not survive export and import: %v\n%s", key, err, cmp.Diff(d.Metadata, *again))
		}
	}
	for _, k := range []Kind{PXELinux, PXEGrub, PXEGrub2, IPXE} {
		for _, name := range []string{k.DefaultLocalBoot(), k.DefaultGlobal()} {
			if !names["ProvisioningTemplate/"+name] {
				t.Errorf("there is no %s", name)
			}
		}
	}
}

func mustBody(t *testing.T, text string) string {
	t.Helper()
	_, body, err := ParseMetadata(text)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func FuzzParseMetadata(f *testing.F) {
	for _, seed := range []string{"", "<%#\nname: A\n-%>\nb", "<%# kind: x name: y %>", "<%#\n- a\n%>", "<%#\n&a [*a]: 1\n%>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, body, err := ParseMetadata(text)
		if err != nil {
			return
		}
		if !strings.HasSuffix(text, body) {
			t.Errorf("the body %q is no end of the text", body)
		}
		out, err := m.Text(body)
		if err != nil {
			return
		}
		if _, again, err := ParseMetadata(out); err == nil && again != body && m.Name != "" {
			t.Errorf("the body %q became %q", body, again)
		}
	})
}
