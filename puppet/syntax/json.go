package syntax

import (
	"encoding/json"
	"reflect"
	"strings"
	"unicode"
)

// JSON writes the tree of a program as JSON: an object for each node with its
// kind, its place and what it holds.
func JSON(prog *Program) ([]byte, error) { return json.Marshal(jsonNode(prog.Body)) }

// jsonNode makes a document of a node by its exported fields.
func jsonNode(e Expr) any {
	if e == nil {
		return nil
	}
	p := e.Base()
	out := map[string]any{
		"kind": strings.TrimPrefix(reflect.TypeOf(e).String(), "*syntax."),
		"line": p.Line(), "column": p.Column(), "offset": p.Offset, "length": p.Length,
	}
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous || !f.IsExported() {
			continue
		}
		if value := jsonField(v.Field(i)); value != nil {
			out[lowerFirst(f.Name)] = value
		}
	}
	return out
}

func jsonField(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = jsonField(v.Index(i))
		}
		return list
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if e, ok := v.Interface().(Expr); ok {
			return jsonNode(e)
		}
		return nil
	}
	return v.Interface()
}

func lowerFirst(s string) string {
	r := []rune(s)
	r[0] = unicode.ToLower(r[0])
	return string(r)
}
