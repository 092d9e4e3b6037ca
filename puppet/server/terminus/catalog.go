package terminus

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppet/server"
)

// agentCatalog is a catalog as agents read it.
type agentCatalog struct {
	Version   json.RawMessage `json:"version"`
	CodeID    *string         `json:"code_id"`
	UUID      string          `json:"catalog_uuid"`
	Resources []resource      `json:"resources"`
	Edges     []struct {
		Source string `json:"source"`
		Target string `json:"target"`
	} `json:"edges"`
}

type resource struct {
	Type       string         `json:"type"`
	Title      string         `json:"title"`
	Tags       []string       `json:"tags"`
	File       *string        `json:"file,omitempty"`
	Line       *int64         `json:"line,omitempty"`
	Exported   bool           `json:"exported"`
	Kind       string         `json:"kind,omitempty"`
	Parameters map[string]any `json:"parameters"`
	Sensitive  []string       `json:"sensitive_parameters,omitempty"`
}

type catalogPayload struct {
	Version         string     `json:"version"`
	CodeID          *string    `json:"code_id"`
	UUID            string     `json:"catalog_uuid"`
	Resources       []resource `json:"resources"`
	Edges           []edge     `json:"edges"`
	JobID           *string    `json:"job_id"`
	Certname        string     `json:"certname"`
	TransactionUUID *string    `json:"transaction_uuid"`
	Environment     string     `json:"environment"`
	Produced        string     `json:"producer_timestamp"`
	Producer        string     `json:"producer"`
}

type edge struct {
	Source       target `json:"source"`
	Target       target `json:"target"`
	Relationship string `json:"relationship"`
}

type target struct {
	Type  string `json:"type"`
	Title string `json:"title"`
}

// StoreCatalog submits replace catalog.
func (t *Terminus) StoreCatalog(ctx context.Context, c server.CompiledCatalog) error {
	wire := c.Catalog.Wire
	if c.Catalog.Full != nil {
		full, err := c.Catalog.Full.MarshalJSON()
		if err != nil {
			return errs.Wrap(err, "encode the catalog of %s", c.Certname)
		}
		wire = full
	}
	var in agentCatalog
	decode := json.NewDecoder(bytes.NewReader(wire))
	decode.UseNumber()
	if err := decode.Decode(&in); err != nil {
		return errs.Wrap(err, "read the catalog of %s", c.Certname)
	}
	for i := range in.Resources {
		in.Resources[i].prepare()
	}
	p := catalogPayload{
		Version: text(in.Version), CodeID: in.CodeID, UUID: in.UUID, Resources: in.Resources, Edges: in.edges(),
		JobID: optional(c.JobUUID), Certname: c.Certname, TransactionUUID: optional(c.TransactionUUID),
		Environment: c.Catalog.Environment, Produced: stamp(c.Time), Producer: c.Producer,
	}
	return t.submit(ctx, "replace catalog", 9, c.Certname, c.Time, p)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// unordered are the parameters whose order means nothing; sorted, they do not
// make a catalog look changed.
var unordered = map[string]bool{
	"alias": true, "audit": true, "before": true, "check": true, "notify": true, "require": true, "subscribe": true, "tag": true,
}

// prepare takes secrets out, turns rich values into text and names the aliases.
func (r *resource) prepare() {
	for _, name := range r.Sensitive {
		delete(r.Parameters, name)
	}
	r.Sensitive = nil
	if r.Parameters == nil {
		r.Parameters = map[string]any{}
	}
	if r.Tags == nil {
		r.Tags = []string{}
	}
	for name, v := range r.Parameters {
		v = plain(v)
		if list, ok := v.([]any); ok && unordered[name] {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(inText(a), inText(b)) })
		}
		r.Parameters[name] = v
	}
	if alias := r.alias(); alias != nil {
		r.Parameters["alias"] = alias
	}
}

// alias lists the names that the resource goes by besides its title. Types that
// can have the same name twice, such as Exec, get none from it.
func (r *resource) alias() []any {
	var all []any
	switch given := r.Parameters["alias"].(type) {
	case []any:
		all = given
	case nil:
	default:
		all = []any{given}
	}
	naming := map[string]string{"File": "path", "Exec": ""}
	name, special := naming[r.Type]
	if !special {
		name = "name"
	}
	if v, ok := r.Parameters[name].(string); ok && !slices.Contains(all, any(v)) {
		all = append(all, v)
	}
	return all
}

// relationships say which way each metaparameter points: forward, from the
// resource to the one it names, or back.
var relationships = []struct {
	parameter, name string
	forward         bool
}{
	{"before", "before", true},
	{"require", "required-by", false},
	{"notify", "notifies", true},
	{"subscribe", "subscription-of", false},
}

// edges are what contains what, and one for each relationship. A relationship to
// what is not in the catalog has been refused by the compiler; here it is left out.
func (c *agentCatalog) edges() []edge {
	known := map[target]target{}
	for _, r := range c.Resources {
		own := target{r.Type, r.Title}
		known[own] = own
		if aliases, ok := r.Parameters["alias"].([]any); ok {
			for _, a := range aliases {
				known[target{r.Type, inText(a)}] = own
			}
		}
	}
	seen := map[edge]bool{}
	list := []edge{}
	add := func(e edge) {
		if !seen[e] {
			seen[e] = true
			list = append(list, e)
		}
	}
	for _, e := range c.Edges {
		from, ok1 := parseReference(e.Source)
		to, ok2 := parseReference(e.Target)
		if ok1 && ok2 {
			add(edge{from, to, "contains"})
		}
	}
	for _, r := range c.Resources {
		own := target{r.Type, r.Title}
		for _, kind := range relationships {
			for _, text := range references(r.Parameters[kind.parameter]) {
				named, ok := parseReference(text)
				other, found := known[named]
				switch {
				case !ok || !found:
				case kind.forward:
					add(edge{own, other, kind.name})
				default:
					add(edge{other, own, kind.name})
				}
			}
		}
	}
	return list
}

func references(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, references(one)...)
		}
		return all
	}
	return nil
}

// parseReference reads Type[title].
func parseReference(text string) (target, bool) {
	kind, title, ok := strings.Cut(text, "[")
	if !ok || !strings.HasSuffix(title, "]") {
		return target{}, false
	}
	return target{kind, strings.TrimSuffix(title, "]")}, true
}
