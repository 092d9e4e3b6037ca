package provision

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// schema tells the Ruby side which classes of records there are and what each
// answers to: by class and method null for a plain value, "Time", the class of
// another record, or that class in a list. It is read off the structs, so that
// the fields are said once.
func schema() ([]byte, error) {
	classes := map[string]map[string]any{}
	describe(reflect.TypeFor[Host](), classes)
	return json.Marshal(classes)
}

func describe(t reflect.Type, classes map[string]map[string]any) {
	if classes[t.Name()] != nil {
		return
	}
	fields := map[string]any{}
	classes[t.Name()] = fields
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = typeOf(t.Field(i).Type, classes)
	}
}

func typeOf(t reflect.Type, classes map[string]map[string]any) any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "Time"
	case t.Kind() == reflect.Pointer:
		return typeOf(t.Elem(), classes)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return []any{typeOf(t.Elem(), classes)}
	case t.Kind() == reflect.Struct:
		describe(t, classes)
		return t.Name()
	}
	return nil
}
