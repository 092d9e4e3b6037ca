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
	p.MayDelete = p.ID != 0 && n.Allows("destroy") && e.may(r, n, item, "destroy")
	p.ReadOnly = p.ID != 0 && (!n.Allows("update") || !e.may(r, n, item, "update"))
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
		in, err := e.many(r, l, item.Record, typed, p.ID == 0 && typed == nil)
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

// may tells whether the caller may do that to this very record: a role can be
// narrowed to some records.
func (e *edge) may(r *http.Request, n *noun.Any, item *noun.Item, action string) bool {
	permission := n.Permission(action)
	if !caller(r).Can(permission) {
		return false
	}
	_, err := n.Get(r.Context(), caller(r), strconv.FormatInt(item.ID(), 10), action, noun.Query{Permission: permission})
	return err == nil
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

// onlyOne chooses the one option that there is, for a record that is new.
func onlyOne(options []option, fresh bool) []option {
	if fresh && len(options) == 1 {
		options[0].Selected = true
	}
	return options
}

func (e *edge) many(r *http.Request, l *noun.Link, rec any, typed url.Values, fresh bool) (input, error) {
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
	if l.To().Name() == "organization" || l.To().Name() == "location" {
		in.Options = onlyOne(in.Options, fresh)
	}
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
			if name == "" && at(typed["parameter_value"], i) == "" {
				continue
			}
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
