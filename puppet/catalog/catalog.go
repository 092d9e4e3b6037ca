package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// Catalog is what a node is to become.
type Catalog struct {
	Name        string
	Version     string // "" leaves the number in Time
	Time        int64  // of compilation, in Unix seconds: the version where there is no other
	CodeID      string // "" is null
	UUID        string
	Format      int // 2, or 1 for old agents
	Environment string
	Tags        []string
	Classes     []string
	Resources   []*Resource
	Edges       []Edge
}

// Edge says that a resource contains another; both are references.
type Edge struct{ Source, Target string }

// Resource is a resource of a finished catalog.
type Resource struct {
	Type, Title string
	Tags        []string
	File        string
	Line        int
	Exported    bool
	Virtual     bool // exported for others, not for the node itself
	Kind        string
	// Parameters are data: scalars, arrays and hashes with string keys.
	Parameters []Parameter
	Sensitive  []string
}

// Parameter is a named value.
type Parameter struct {
	Name  string
	Value pcore.Value
}

// Ref is how other resources name it.
func (r *Resource) Ref() string { return r.Type + "[" + r.Title + "]" }

// ForAgent is the catalog without the resources that are meant for others.
func (c *Catalog) ForAgent() *Catalog {
	out := *c
	out.Resources = nil
	gone := map[string]bool{}
	for _, r := range c.Resources {
		if r.Virtual {
			gone[r.Ref()] = true
			continue
		}
		out.Resources = append(out.Resources, r)
	}
	if len(gone) == 0 {
		return &out
	}
	out.Edges = nil
	for _, e := range c.Edges {
		if !gone[e.Source] && !gone[e.Target] {
			out.Edges = append(out.Edges, e)
		}
	}
	return &out
}

// MarshalJSON writes the wire form, always in the same order.
func (c *Catalog) MarshalJSON() ([]byte, error) {
	var w writer
	w.open('{')
	w.key("tags")
	w.strings(c.Tags)
	w.key("name")
	w.string(c.Name)
	w.key("version")
	if c.Version != "" {
		w.string(c.Version)
	} else {
		w.b.WriteString(strconv.FormatInt(c.Time, 10))
	}
	w.key("code_id")
	w.orNull(c.CodeID)
	w.key("catalog_uuid")
	w.orNull(c.UUID)
	w.key("catalog_format")
	w.b.WriteString(strconv.Itoa(max(c.Format, 1)))
	w.key("environment")
	w.string(c.Environment)
	w.key("resources")
	w.open('[')
	for _, r := range c.Resources {
		w.element()
		if err := w.resource(r); err != nil {
			return nil, err
		}
	}
	w.close(']')
	w.key("edges")
	w.open('[')
	for _, e := range c.Edges {
		w.element()
		w.open('{')
		w.key("source")
		w.string(e.Source)
		w.key("target")
		w.string(e.Target)
		w.close('}')
	}
	w.close(']')
	w.key("classes")
	w.strings(c.Classes)
	w.close('}')
	return w.b.Bytes(), nil
}

// MarshalJSON writes one resource as the catalog has it.
func (r *Resource) MarshalJSON() ([]byte, error) {
	var w writer
	if err := w.resource(r); err != nil {
		return nil, err
	}
	return w.b.Bytes(), nil
}

// writer writes JSON piece by piece and knows where commas go.
type writer struct {
	b     bytes.Buffer
	first bool
}

func (w *writer) open(bracket byte) {
	w.b.WriteByte(bracket)
	w.first = true
}

func (w *writer) close(bracket byte) {
	w.b.WriteByte(bracket)
	w.first = false
}

func (w *writer) element() {
	if !w.first {
		w.b.WriteByte(',')
	}
	w.first = false
}

func (w *writer) key(name string) {
	w.element()
	w.string(name)
	w.b.WriteByte(':')
}

func (w *writer) string(s string) {
	enc := json.NewEncoder(&w.b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // strings cannot fail
	w.b.Truncate(w.b.Len() - 1)
}

func (w *writer) orNull(s string) {
	if s == "" {
		w.b.WriteString("null")
		return
	}
	w.string(s)
}

func (w *writer) strings(list []string) {
	w.open('[')
	for _, s := range list {
		w.element()
		w.string(s)
	}
	w.close(']')
}

func (w *writer) resource(r *Resource) error {
	w.open('{')
	w.key("type")
	w.string(r.Type)
	w.key("title")
	w.string(r.Title)
	w.key("tags")
	w.strings(r.Tags)
	if r.File != "" {
		w.key("file")
		w.string(r.File)
	}
	if r.Line > 0 {
		w.key("line")
		w.b.WriteString(strconv.Itoa(r.Line))
	}
	w.key("exported")
	w.b.WriteString(strconv.FormatBool(r.Exported))
	if r.Kind != "" {
		w.key("kind")
		w.string(r.Kind)
	}
	if len(r.Parameters) > 0 {
		w.key("parameters")
		w.open('{')
		for _, p := range r.Parameters {
			w.key(p.Name)
			if err := w.value(p.Value); err != nil {
				return fmt.Errorf("%s[%s]: %w", r.Ref(), p.Name, err)
			}
		}
		w.close('}')
	}
	if len(r.Sensitive) > 0 {
		w.key("sensitive_parameters")
		w.strings(r.Sensitive)
	}
	w.close('}')
	return nil
}

// AppendJSON appends a data value as JSON.
func AppendJSON(to []byte, v pcore.Value) ([]byte, error) {
	var w writer
	if err := w.value(v); err != nil {
		return to, err
	}
	return append(to, w.b.Bytes()...), nil
}

func (w *writer) value(v pcore.Value) error {
	switch v := v.(type) {
	case pcore.Undef:
		w.b.WriteString("null")
	case pcore.Boolean:
		w.b.WriteString(v.String())
	case pcore.Integer:
		w.b.WriteString(strconv.FormatInt(int64(v), 10))
	case pcore.Float:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("%s has no form in JSON", v)
		}
		w.b.WriteString(pcore.FormatFloat(float64(v)))
	case pcore.String:
		w.string(string(v))
	case *pcore.Array:
		w.open('[')
		for _, e := range v.All() {
			w.element()
			if err := w.value(e); err != nil {
				return err
			}
		}
		w.close(']')
	case *pcore.Hash:
		w.open('{')
		for k, e := range v.All() {
			w.key(k.String())
			if err := w.value(e); err != nil {
				return err
			}
		}
		w.close('}')
	default:
		return fmt.Errorf("a %s is no data", v.Type())
	}
	return nil
}
