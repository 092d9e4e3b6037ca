package ui

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/core/audit"
	"github.com/chargehand/chargehand/core/noun"
)

// fillAudits tells who did what to which record, and when.
func (e *edge) fillAudits(p *listPage, found *noun.Page) {
	p.Columns = []column{{Label: "Action"}, {Label: "Kind"}, {Label: "By"}, sorted(p.Noun, "When", "created_at"), {Label: "Changes"}}
	for _, rec := range found.Records {
		a := rec.(*audit.Audit)
		p.Rows = append(p.Rows, row{Title: cmp.Or(a.Name, a.AssociatedName, "nameless"), Cells: []cell{
			{Text: a.Action},
			{Text: a.Type},
			{Text: cmp.Or(a.UserName, "the program")},
			{Text: e.ago(a.CreatedAt), Exact: exact(a.CreatedAt)},
			{Text: changes(a.Changes), Wide: true},
		}})
	}
}

// The bounds of a change as a list shows it, in runes and in attributes.
const (
	maxChange  = 40
	maxChanges = 6
)

// changes words audited changes: attributes with their value, or with the old one
// and the new.
func changes(raw json.RawMessage) string {
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return ""
	}
	var names []string
	for name, value := range all {
		if name == "token" { // a build's secret, good for as long as the build lasts
			value = json.RawMessage(`"` + noun.Masked + `"`)
		}
		if text := changed(value); text != "" && !strings.HasSuffix(name, "_at") {
			names = append(names, name+": "+text)
		}
	}
	slices.Sort(names)
	if len(names) > maxChanges {
		names = append(names[:maxChanges], "…")
	}
	return strings.Join(names, "; ")
}

func changed(raw json.RawMessage) string {
	var pair []json.RawMessage
	if json.Unmarshal(raw, &pair) == nil && len(pair) == 2 {
		return cmp.Or(short(pair[0]), "nothing") + " → " + cmp.Or(short(pair[1]), "nothing")
	}
	return short(raw)
}

func short(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(bytes.TrimSpace(raw))
	}
	if text == "[]" || text == "null" {
		return ""
	}
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > maxChange {
		return string(runes[:maxChange]) + "…"
	}
	return string(runes)
}
