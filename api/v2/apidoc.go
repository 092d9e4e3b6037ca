package v2

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
)

// The API document, in the form that Foreman's clients build their commands
// from. It is made of the routes and declarations once, when the API is.

type docMethod struct {
	DocURL          string     `json:"doc_url"`
	Name            string     `json:"name"`
	APIs            []docAPI   `json:"apis"`
	Formats         any        `json:"formats"`
	FullDescription string     `json:"full_description"`
	Errors          []any      `json:"errors"`
	Params          []docParam `json:"params"`
	Returns         []any      `json:"returns"`
	Examples        []string   `json:"examples"`
	Metadata        any        `json:"metadata"`
	See             []any      `json:"see"`
	Headers         []any      `json:"headers"`
	Show            bool       `json:"show"`
}

type docAPI struct {
	URL         string `json:"api_url"`
	Method      string `json:"http_method"`
	Description string `json:"short_description"`
	Deprecated  any    `json:"deprecated"`
}

type docParam struct {
	Name        string     `json:"name"`
	FullName    string     `json:"full_name"`
	Description string     `json:"description"`
	Required    bool       `json:"required"`
	AllowNil    bool       `json:"allow_nil"`
	AllowBlank  bool       `json:"allow_blank"`
	Validator   string     `json:"validator"`
	Type        string     `json:"expected_type"`
	Metadata    any        `json:"metadata"`
	Show        bool       `json:"show"`
	Validations []any      `json:"validations"`
	Params      []docParam `json:"params,omitempty"`
}

func (a *API) document() (text []byte, checksum string) {
	resources := map[string]any{}
	methods := map[string]map[string]*docMethod{}
	order := map[string][]string{}
	for i := range a.routes {
		r := &a.routes[i]
		name := "home"
		if r.Noun != nil {
			name = r.Noun.Collection()
		}
		if methods[name] == nil {
			methods[name] = map[string]*docMethod{}
		}
		m := methods[name][r.Action]
		if m == nil {
			m = describe(name, r)
			methods[name][r.Action] = m
			order[name] = append(order[name], r.Action)
		}
		m.APIs = append(m.APIs, docAPI{URL: "/api" + colons(r.Pattern), Method: r.Method, Description: summary(r)})
	}
	for name, actions := range order {
		list := make([]*docMethod, len(actions))
		for i, action := range actions {
			list[i] = methods[name][action]
		}
		resources[name] = object{
			"doc_url": "/apidoc/v2/" + name, "api_url": "/api", "name": label(name), "short_description": nil,
			"full_description": "", "version": "v2", "formats": nil, "metadata": nil, "methods": list,
			"headers": []any{}, "deprecated": false,
		}
	}
	doc := object{"docs": object{
		"name": "Chargehand", "info": "Foreman's REST API, version 2.", "copyright": "", "doc_url": "/apidoc/v2",
		"api_url": "/api", "resources": resources,
	}}
	text, err := json.Marshal(doc)
	if err != nil {
		panic("api: the document cannot be written: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return text, hex.EncodeToString(sum[:16])
}

func label(name string) string { return humanize(name) }

// colons writes {id} as :id.
func colons(pattern string) string {
	return strings.NewReplacer("{$}", "", "{", ":", "}", "").Replace(pattern)
}

func summary(r *Route) string {
	if r.Noun == nil {
		return humanize(r.Action)
	}
	switch r.Action {
	case "index":
		return "List all " + strings.ReplaceAll(r.Noun.Collection(), "_", " ")
	case "show":
		return "Show a " + strings.ToLower(r.Noun.Label())
	case "create":
		return "Create a " + strings.ToLower(r.Noun.Label())
	case "update":
		return "Update a " + strings.ToLower(r.Noun.Label())
	case "destroy":
		return "Delete a " + strings.ToLower(r.Noun.Label())
	}
	return humanize(r.Action)
}

func describe(resource string, r *Route) *docMethod {
	m := &docMethod{
		DocURL: "/apidoc/v2/" + resource + "/" + r.Action, Name: r.Action, Errors: []any{}, Params: []docParam{},
		Returns: []any{}, Examples: []string{}, See: []any{}, Headers: []any{}, Show: true,
	}
	m.Params = append(m.Params,
		param("location_id", "numeric", "Scope by locations", false), param("organization_id", "numeric", "Scope by organizations", false))
	if r.member {
		m.Params = append(m.Params, param("id", "string", "Identifier or name", true))
	}
	if r.Noun == nil {
		return m
	}
	for _, name := range parentsOf(r.Noun) {
		m.Params = append(m.Params, param(name+"_id", "string", "Identifier of the "+strings.ReplaceAll(name, "_", " "), false))
	}
	switch r.Action {
	case "index":
		m.Params = append(m.Params, param("search", "string", "Filter results", false), param("order", "string", "Sort by a search field, such as 'name DESC'", false),
			param("page", "numeric", "Page number, starting at 1", false), param("per_page", "string", "Number of results per page, or 'all'", false))
		if r.Noun.Thins() {
			m.Params = append(m.Params, param("thin", "boolean", "Only id and name", false), param("include", "array", "Parts to include", false))
		}
		m.Metadata = object{"search": searchDoc(r.Noun)}
	case "create", "update":
		m.Params = append(m.Params, bodyDoc(r.Noun, r.Action == "create"))
	}
	return m
}

func parentsOf(n *noun.Any) []string {
	var out []string
	names, _ := n.Parents()
	for _, name := range names {
		if name != "organization" && name != "location" {
			out = append(out, name)
		}
	}
	return out
}

func param(name, kind, description string, required bool) docParam {
	return docParam{
		Name: name, FullName: name, Description: description, Required: required, AllowNil: !required, AllowBlank: !required,
		Validator: "Must be a " + kind, Type: kind, Show: true, Validations: []any{},
	}
}

func searchDoc(n *noun.Any) []any {
	list := []any{}
	for _, f := range n.Searches() {
		values := object{"name": f.Name, "type": f.Type.String()}
		if f.Type == search.TypeSet {
			words := []string{}
			for _, w := range f.Words {
				words = append(words, w.Text)
			}
			values["values"] = words
		}
		list = append(list, values)
	}
	return list
}

// bodyDoc describes the root key of a noun's bodies.
func bodyDoc(n *noun.Any, creating bool) docParam {
	root := param(n.Root(), "hash", n.Label(), true)
	add := func(p docParam) {
		p.FullName = n.Root() + "[" + p.Name + "]"
		root.Params = append(root.Params, p)
	}
	for _, f := range n.Fields() {
		info := f.Info()
		if info.ReadOnly || f.Kind() == noun.ComputedKind {
			continue
		}
		p := param(f.Body(), typeOf(f), info.Label, info.Required && creating)
		p.AllowNil = true
		if info.Help != "" {
			p.Description = info.Help
		}
		if len(info.Choices) > 0 {
			p.Validator = "Must be one of: <code>" + strings.Join(info.Choices, "</code>, <code>") + "</code>."
		}
		add(p)
	}
	for _, l := range n.Links() {
		if !l.ReadOnlyList() {
			add(param(l.One()+"_ids", "array", "IDs of associated "+strings.ReplaceAll(l.Name(), "_", " "), false))
		}
	}
	for _, c := range n.Children() {
		if bodies := c.Bodies(); len(bodies) > 0 {
			p := param(bodies[0], "array", humanize(c.Name()), false)
			for _, f := range c.To().Fields() {
				if info := f.Info(); !info.ReadOnly && f.Kind() != noun.ComputedKind {
					inner := param(f.Body(), typeOf(f), info.Label, false)
					inner.FullName = n.Root() + "[" + bodies[0] + "][" + f.Body() + "]"
					p.Params = append(p.Params, inner)
				}
			}
			add(p)
		}
	}
	return root
}

func typeOf(f *noun.Field) string {
	switch f.Kind() {
	case noun.IntKind, noun.OptIntKind, noun.RefKind:
		return "numeric"
	case noun.BoolKind:
		return "boolean"
	case noun.JSONKind:
		return "any_type"
	}
	return "string"
}

func (a *API) serveDoc(w http.ResponseWriter, r *http.Request, path string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		noRoute(w)
		return
	}
	switch path {
	case "/v2.json", "/v2":
		send(w, 200, a.doc)
	case "/apipie_checksum", "/apipie_checksum.json":
		send(w, 200, []byte(`{"checksum":"`+a.checksum+`"}`))
	default:
		noRoute(w)
	}
}
