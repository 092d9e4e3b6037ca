package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

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
		f.Field = strings.TrimPrefix(f.Field, "interfaces.") // the form has one
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
