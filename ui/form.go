package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A formPage edits one record: its fields, lists and parameters, as declared.
type formPage struct {
	Noun       *noun.Any
	Heading    string
	Action     string // URL that it posts to
	ID         int64  // 0 for a new record
	Inputs     []input
	Parameters []parameterRow
	HasParams  bool
	Errors     []string // about the record as a whole
	MayDelete  bool
	ReadOnly   bool
	Preview    bool // a template that can be tried on a host
}

// An input is one field of a form.
type input struct {
	Name, Label, Help, Value, Error string
	Kind                            string // text, area, number, check, choice, many, secret
	Required, ReadOnly              bool
	Options                         []option
	Checked                         bool
	Rows                            int  // of an area
	Code                            bool // an area of code
	Refills                         bool // choosing it fills the rest of the form anew
}

type option struct {
	Value, Text string
	Selected    bool
}

type parameterRow struct {
	ID                int64
	Name, Type, Value string
	Hidden            bool
}

func (e *edge) newRecord(w http.ResponseWriter, r *http.Request) error {
	n, err := e.noun(r)
	if err != nil {
		return err
	}
	if !n.Allows("create") || !caller(r).Can(n.Permission("create")) {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: %s", n.Permission("create"))
	}
	p, err := e.form(r, n, &noun.Item{Noun: n, Record: n.Make()}, nil)
	if err != nil {
		return err
	}
	p.Heading, p.Action = "New "+strings.ToLower(n.Label()), "/"+n.Collection()
	return e.render(w, r, p.Heading, p.view())
}

func (e *edge) editRecord(w http.ResponseWriter, r *http.Request) error {
	n, err := e.noun(r)
	if err != nil {
		return err
	}
	item, err := n.Get(r.Context(), caller(r), r.PathValue("id"), "show", noun.Query{})
	if err != nil {
		return err
	}
	p, err := e.form(r, n, item, nil)
	if err != nil {
		return err
	}
	return e.render(w, r, p.Heading, p.view())
}

// form fills a form from a record, or from what was typed when that is given.
func (e *edge) form(r *http.Request, n *noun.Any, item *noun.Item, typed url.Values) (*formPage, error) {
	p := &formPage{Noun: n, ID: item.ID(), HasParams: n.HasParameters(), Preview: n.Name() == "provisioning_template"}
	p.Action = fmt.Sprintf("/%s/%d", n.Collection(), p.ID)
	p.Heading = n.Label() + " " + n.Title(item.Record)
	p.MayDelete = p.ID != 0 && n.Allows("destroy") && caller(r).Can(n.Permission("destroy"))
	p.ReadOnly = p.ID != 0 && (!n.Allows("update") || !caller(r).Can(n.Permission("update")))
	for _, f := range n.Fields() {
		in, ok, err := e.input(r, f, item.Record, typed)
		if err != nil {
			return nil, err
		}
		if ok {
			in.ReadOnly = in.ReadOnly || p.ReadOnly || (p.ID != 0 && f.Info().Fixed)
			p.Inputs = append(p.Inputs, in)
		}
	}
	for _, l := range n.Links() {
		if l.ReadOnlyList() || !caller(r).Can(l.To().Permission("index")) {
			continue
		}
		in, err := e.many(r, l, item.Record, typed)
		if err != nil {
			return nil, err
		}
		p.Inputs = append(p.Inputs, in)
	}
	if p.HasParams {
		p.Parameters = parameterRows(n, item.Record, typed)
	}
	return p, nil
}

// input makes the control of a field; false for fields that are not set by hand.
func (e *edge) input(r *http.Request, f *noun.Field, rec any, typed url.Values) (input, bool, error) {
	info := f.Info()
	if info.ReadOnly || info.Hidden && f.Kind() != noun.SecretKind || f.Kind() == noun.ComputedKind || f.Kind() == noun.TimeKind || f.Kind() == noun.JSONKind {
		return input{}, false, nil
	}
	in := input{Name: f.Key(), Label: info.Label, Help: info.Help, Required: info.Required, Kind: "text"}
	if v := f.Value(rec); v != nil && f.Kind() != noun.SecretKind {
		in.Value = fmt.Sprint(v)
	}
	if typed != nil {
		in.Value = typed.Get(in.Name)
	}
	switch {
	case f.Kind() == noun.BoolKind:
		in.Kind, in.Checked = "check", in.Value == "true"
	case f.Kind() == noun.SecretKind:
		in.Kind, in.Value = "secret", ""
	case f.Kind() == noun.RefKind:
		options, err := e.options(r, f.To(), []string{in.Value}, info.FeatureNeeded)
		if err != nil {
			return in, false, err
		}
		in.Kind, in.Options = "choice", append([]option{{}}, options...)
	case len(info.Choices) > 0:
		in.Kind = "choice"
		if info.Nullable {
			in.Options = append(in.Options, option{})
		}
		for _, c := range info.Choices {
			in.Options = append(in.Options, option{Value: c, Text: c, Selected: c == in.Value})
		}
	case info.Long:
		in.Kind, in.Rows = "area", 3
		if f.Name() == "template" || f.Name() == "layout" {
			in.Rows, in.Code = 24, true
		}
	case f.Kind() == noun.IntKind || f.Kind() == noun.OptIntKind:
		in.Kind = "number"
	}
	return in, true, nil
}

// maxOptions bounds a choice; what has more is better set through the API.
const maxOptions = 500

// options lists the records that the caller may choose from.
func (e *edge) options(r *http.Request, to *noun.Any, chosen []string, feature string) ([]option, error) {
	if to == nil || !caller(r).Can(to.Permission("index")) {
		return nil, nil
	}
	q := noun.Query{PerPage: maxOptions, Bare: true}
	if feature != "" {
		q.Search, q.Bare = `feature = "`+strings.ReplaceAll(feature, `"`, ``)+`"`, false
	}
	found, err := to.List(r.Context(), caller(r), q)
	if errs.Is(err, errs.Malformed) && feature != "" { // the noun cannot be searched by feature
		q.Search = ""
		found, err = to.List(r.Context(), caller(r), q)
	}
	if err != nil {
		return nil, errs.Wrap(err, "list %s", to.Collection())
	}
	var all []option
	for _, rec := range found.Records {
		id := strconv.FormatInt(to.ID(rec), 10)
		all = append(all, option{Value: id, Text: to.Title(rec), Selected: slices.Contains(chosen, id)})
	}
	return all, nil
}

func (e *edge) many(r *http.Request, l *noun.Link, rec any, typed url.Values) (input, error) {
	in := input{Name: l.One() + "_ids", Label: listLabel(l), Kind: "many"}
	var chosen []string
	for _, id := range l.IDs(rec) {
		chosen = append(chosen, strconv.FormatInt(id, 10))
	}
	if typed != nil {
		chosen = typed[in.Name]
	}
	var err error
	in.Options, err = e.options(r, l.To(), chosen, "")
	return in, err
}

// listLabel heads a list as its noun's page is headed, where it is named so.
func listLabel(l *noun.Link) string {
	if l.Name() == l.To().Collection() {
		return heading(l.To())
	}
	return spaced(l.Name())
}

func spaced(name string) string {
	words := strings.ReplaceAll(name, "_", " ")
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

func parameterRows(n *noun.Any, rec any, typed url.Values) []parameterRow {
	var rows []parameterRow
	if typed != nil {
		for i, name := range typed["parameter_name"] {
			rows = append(rows, parameterRow{Name: name, Type: at(typed["parameter_type"], i), Value: at(typed["parameter_value"], i)})
		}
		return rows
	}
	for _, p := range ownParameters(n, rec) {
		value := p.Value
		if p.Hidden {
			value = noun.Masked
		}
		rows = append(rows, parameterRow{ID: p.ID, Name: p.Name, Type: p.Type, Value: value, Hidden: p.Hidden})
	}
	return rows
}

// ownParameters are the parameters on a whole record itself.
func ownParameters(n *noun.Any, rec any) []*noun.Parameter {
	var own []*noun.Parameter
	for _, child := range n.Children() {
		if !slices.Contains(child.Bodies(), n.ParametersKey()) {
			continue
		}
		for _, p := range child.Records(rec) {
			if p, ok := p.(*noun.Parameter); ok {
				own = append(own, p)
			}
		}
	}
	return own
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// body turns a posted form into what the API would be sent.
func body(n *noun.Any, form url.Values) noun.Input {
	in := noun.Input{}
	for _, f := range n.Fields() {
		key := f.Key()
		switch {
		case f.Kind() == noun.BoolKind:
			if _, shown := form["_"+key]; shown {
				in[key] = form.Get(key) == "true"
			}
		case !form.Has(key):
		case f.Kind() == noun.SecretKind && form.Get(key) == "":
		case form.Get(key) == "":
			in[key] = nil
		default:
			in[key] = strings.ReplaceAll(form.Get(key), "\r\n", "\n")
		}
	}
	for _, l := range n.Links() {
		key := l.One() + "_ids"
		if _, shown := form["_"+key]; shown {
			ids := []any{}
			for _, id := range form[key] {
				ids = append(ids, id)
			}
			in[key] = ids
		}
	}
	if n.HasParameters() && form.Has("_parameters") {
		in[n.ParametersKey()] = parameterInput(form)
	}
	return in
}

func parameterInput(form url.Values) []any {
	list := []any{}
	for i, name := range form["parameter_name"] {
		value := at(form["parameter_value"], i)
		if name == "" {
			continue
		}
		p := map[string]any{"name": name, "parameter_type": at(form["parameter_type"], i)}
		if value != noun.Masked {
			p["value"] = value
		}
		list = append(list, p)
	}
	return list
}

func (e *edge) create(w http.ResponseWriter, r *http.Request) error {
	n, err := e.noun(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errs.WrapAs(errs.Malformed, err, "read the form")
	}
	_, err = n.CreateFrom(r.Context(), caller(r), body(n, r.PostForm), noun.Query{})
	if err == nil {
		http.Redirect(w, r, "/"+n.Collection()+"?done=created", http.StatusSeeOther)
		return nil
	}
	return e.again(w, r, n, &noun.Item{Noun: n, Record: n.Make()}, err)
}

func (e *edge) update(w http.ResponseWriter, r *http.Request) error {
	n, err := e.noun(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errs.WrapAs(errs.Malformed, err, "read the form")
	}
	_, err = n.UpdateFrom(r.Context(), caller(r), r.PathValue("id"), body(n, r.PostForm), noun.Query{})
	if err == nil {
		http.Redirect(w, r, "/"+n.Collection()+"/"+url.PathEscape(r.PathValue("id"))+"/edit?done=saved", http.StatusSeeOther)
		return nil
	}
	item, gerr := n.Get(r.Context(), caller(r), r.PathValue("id"), "show", noun.Query{})
	if gerr != nil {
		return err
	}
	return e.again(w, r, n, item, err)
}

// again shows the form once more with what was typed and what is wrong with it.
func (e *edge) again(w http.ResponseWriter, r *http.Request, n *noun.Any, item *noun.Item, problem error) error {
	kind := errs.KindOf(problem)
	if kind != errs.Invalid && kind != errs.Conflict && kind != errs.Upstream && kind != errs.Malformed {
		return problem
	}
	p, err := e.form(r, n, item, r.PostForm)
	if err != nil {
		return err
	}
	if p.ID == 0 {
		p.Heading, p.Action = "New "+strings.ToLower(n.Label()), "/"+n.Collection()
	}
	p.Errors = place(p.Inputs, problem)
	w.WriteHeader(kind.Status())
	return e.render(w, r, p.Heading, p.view())
}

// place puts field errors next to their inputs and gives back the others.
func place(inputs []input, problem error) (rest []string) {
	fields := errs.FieldsOf(problem)
	for _, f := range fields {
		i := slices.IndexFunc(inputs, func(in input) bool {
			return in.Name == f.Field || in.Name == f.Field+"_id" || strings.TrimSuffix(in.Name, "_id") == f.Field
		})
		if i < 0 {
			text := f.Message
			if f.Field != "base" && f.Field != "" {
				text = spaced(f.Field) + " " + f.Message
			}
			rest = append(rest, text)
			continue
		}
		inputs[i].Error = f.Message
	}
	if len(fields) == 0 {
		rest = append(rest, errs.PublicText(problem))
	}
	return rest
}

func (e *edge) delete(w http.ResponseWriter, r *http.Request) error {
	n, err := e.noun(r)
	if err != nil {
		return err
	}
	if _, err := n.Delete(r.Context(), caller(r), r.PathValue("id"), noun.Query{}); err != nil {
		return err
	}
	http.Redirect(w, r, "/"+n.Collection()+"?done=deleted", http.StatusSeeOther)
	return nil
}
