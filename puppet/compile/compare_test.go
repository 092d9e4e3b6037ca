package compile_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/chargehand/chargehand/puppet/compile"
)

func (k *langCase) compareError(err error) (diffs []string) {
	want := k.golden.Error
	var e *compile.Error
	if !errors.As(err, &e) {
		return []string{"the error is no *compile.Error: " + err.Error()}
	}
	internal := want.Class == "LoadError" || want.Class == "NoMethodError" || want.Class == "SyntaxError" || want.Class == "SystemStackError"
	if want.Internal || internal || strings.Contains(want.Message, "#<") {
		return nil
	}
	differ := func(what string, got, want any) {
		if got != want {
			diffs = append(diffs, fmt.Sprintf("error %s:\n     got %v\n    want %v", what, got, want))
		}
	}
	differ("code", e.Code, want.Code)
	differ("file", k.norm(e.File), want.File)
	differ("line", e.Line, want.Line)
	differ("message", k.norm(e.Error()), want.Message)
	differ("pos", e.Column, want.Pos)
	return diffs
}

// normValue normalises every string in a document.
func (k *langCase) normValue(v any) any {
	switch v := v.(type) {
	case string:
		return k.norm(v)
	case []any:
		for i := range v {
			v[i] = k.normValue(v[i])
		}
	case map[string]any:
		for key, x := range v {
			delete(v, key)
			v[k.norm(key)] = k.normValue(x)
		}
	}
	return v
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	sort.Strings(list)
	return list
}

func (k *langCase) compareCatalog(data []byte) (diffs []string) {
	var got struct {
		Name, Environment string
		Tags, Classes     []string
		Resources         []map[string]any
		Edges             []struct{ Source, Target string }
	}
	if err := decode(data, &got); err != nil {
		return []string{err.Error()}
	}
	want := k.golden.Catalog
	differ := func(what string, got, want any) {
		if g, w := text(got), text(want); g != w {
			diffs = append(diffs, fmt.Sprintf("%s:\n     got %s\n    want %s", what, g, w))
		}
	}
	differ("name", got.Name, want.Name)
	differ("environment", got.Environment, want.Environment)
	differ("classes", got.Classes, want.Classes)
	differ("tags", sorted(got.Tags), sorted(want.Tags))
	var gotRefs, wantRefs []string
	byRef := map[string]map[string]any{}
	for _, r := range got.Resources {
		r = k.normValue(r).(map[string]any)
		ref := fmt.Sprintf("%s[%s]", r["type"], r["title"])
		gotRefs = append(gotRefs, ref)
		byRef[ref] = r
	}
	for _, r := range want.Resources {
		wantRefs = append(wantRefs, fmt.Sprintf("%s[%s]", r["type"], r["title"]))
	}
	differ("resources", gotRefs, wantRefs)
	for i, r := range want.Resources {
		if g := byRef[wantRefs[i]]; g != nil {
			for _, key := range []string{"file", "line", "kind", "parameters"} {
				differ(wantRefs[i]+" "+key, g[key], r[key])
			}
			for _, key := range []string{"tags", "sensitive_parameters"} {
				differ(wantRefs[i]+" "+key, sortedAny(g[key]), sortedAny(r[key]))
			}
			differ(wantRefs[i]+" exported", g["exported"] == true, r["exported"] == true)
		}
	}
	var gotEdges, wantEdges []string
	for _, e := range got.Edges {
		gotEdges = append(gotEdges, k.norm(e.Source+" "+e.Target))
	}
	for _, e := range want.Edges {
		wantEdges = append(wantEdges, e[0]+" "+e[1])
	}
	differ("edges", sorted(gotEdges), sorted(wantEdges))
	return diffs
}

func sortedAny(v any) []string {
	var list []string
	if a, ok := v.([]any); ok {
		for _, x := range a {
			list = append(list, fmt.Sprint(x))
		}
	}
	sort.Strings(list)
	return list
}

// compareLogs compares levels and texts in order, and the source of what
// manifests log.
func (k *langCase) compareLogs() (diffs []string) {
	var got, want []goldenLog
	for _, e := range k.logs {
		if !optionalLog(e.Level, e.Message) {
			got = append(got, goldenLog{Level: e.Level, Message: cutDeprecation(k.norm(e.Message)), Source: k.norm(e.Source)})
		}
	}
	for _, l := range k.golden.Logs {
		if !optionalLog(l.Level, l.Message) {
			want = append(want, goldenLog{Level: l.Level, Message: cutDeprecation(l.Message), Source: l.Source})
		}
	}
	for i := range max(len(got), len(want)) {
		var g, w goldenLog
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if !strings.HasPrefix(w.Source, "Scope(") {
			w.Source, g.Source = "", ""
		}
		if g != w {
			diffs = append(diffs, fmt.Sprintf("log %d:\n     got %s\n    want %s", i, g, w))
		}
	}
	return diffs
}

func optionalLog(level, message string) bool {
	return level == "debug" && strings.HasPrefix(message, "Retrieving")
}

func cutDeprecation(s string) string {
	if before, _, ok := strings.Cut(s, "(file & line not available)"); ok {
		return strings.TrimSpace(before)
	}
	return s
}
