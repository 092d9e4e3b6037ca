package terminus

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The keys that mark a rich value in JSON.
const (
	richType  = "__ptype"
	richValue = "__pvalue"
)

// redacted stands for a Sensitive inside of another value.
const redacted = "#<Sensitive [value redacted]:4960>"

// plain turns rich values, wherever they are, into the text that PuppetDB keeps.
func plain(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
		return v
	case map[string]any:
		if kind, ok := v[richType].(string); ok {
			return plainRich(kind, v)
		}
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

func plainRich(kind string, v map[string]any) any {
	switch kind {
	case "Default":
		return "default"
	case "Sensitive":
		return redacted
	case "Regexp":
		return "/" + inText(v[richValue]) + "/"
	case "Hash":
		return plainHash(v[richValue])
	case "Pcore::ClassType":
		if name, ok := v["class_name"].(string); ok {
			return "Class[" + name + "]"
		}
	}
	if value, ok := v[richValue]; ok { // SemVer, Timestamp, Timespan, Binary, URI …
		return inText(plain(value))
	}
	if name, ok := strings.CutPrefix(kind, "Pcore::"); ok {
		return strings.TrimSuffix(name, "Type")
	}
	return kind + "({" + attributes(v) + "})"
}

// plainHash is a hash whose keys are not all strings: a flat list of keys and values.
func plainHash(v any) any {
	list, _ := v.([]any)
	out := map[string]any{}
	for i := 0; i+1 < len(list); i += 2 {
		key := inText(plain(list[i]))
		if key == richType || key == richValue {
			key = "reserved key: " + key
		}
		out[key] = plain(list[i+1])
	}
	return out
}

// attributes writes an object's fields as Puppet does: 'name' => 'sprintf'. The
// two of Deferred have their order; others go by name.
func attributes(v map[string]any) string {
	var parts []string
	keys := slices.Sorted(maps.Keys(v))
	if _, deferred := v["arguments"]; deferred {
		keys = []string{"name", "arguments"}
	}
	for _, k := range keys {
		if value, ok := v[k]; ok && k != richType {
			parts = append(parts, quote(k)+" => "+inCode(plain(value)))
		}
	}
	return strings.Join(parts, ", ")
}

// inCode writes a value as a Puppet program has it.
func inCode(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case nil:
		return "undef"
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = inCode(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		return "{" + attributes(v) + "}"
	}
	return inText(v)
}

func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// inText writes a scalar.
func inText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	case json.Number:
		return v.String()
	}
	return fmt.Sprint(v)
}
