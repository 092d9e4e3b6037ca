package v2

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// serve runs one route: who asks, what for, may they, in which context.
func (a *API) serve(w http.ResponseWriter, r *http.Request, route *Route) {
	q := &Request{W: w, R: r, API: a, Route: route}
	if err := q.run(); err != nil {
		q.fail(err)
	}
}

func (q *Request) run() error {
	var err error
	if !q.Route.Public {
		if q.Caller, err = q.API.o.Auth.Authenticate(q.W, q.R); err != nil {
			return err
		}
		if !q.Route.Anyone && !q.Caller.Can(q.Route.Permission) {
			return errs.WrapAs(errs.Forbidden, &noun.Denied{Permissions: []string{q.Route.Permission}}, "Access denied")
		}
	}
	if q.Params, err = q.API.decode(q.R); err != nil {
		return err
	}
	if q.Caller != nil {
		if err := q.context(); err != nil {
			return err
		}
	}
	return q.Route.handle(q)
}

// A plainMessage error has its text without the error root.
type plainMessage struct{ error }

func (p plainMessage) Unwrap() error { return p.error }

// context finds the taxonomies and parents that the request is about.
func (q *Request) context() error {
	organization, location := q.named("organization"), q.named("location")
	var err error
	if q.Context, err = q.API.reg.Context(q.R.Context(), q.Caller, organization, location); err != nil {
		return plainMessage{err}
	}
	q.W.Header().Set("Foreman_current_organization", current(q.Context.Organization, q.Context.OrganizationName))
	q.W.Header().Set("Foreman_current_location", current(q.Context.Location, q.Context.LocationName))
	if q.Route.Noun == nil {
		return nil
	}
	for _, name := range q.Route.parents {
		if name == "organization" || name == "location" {
			continue
		}
		if err := q.parent(name, q.R.PathValue(name+"_id")); err != nil {
			return err
		}
	}
	if q.Route.Action != "index" {
		return nil
	}
	for _, n := range q.API.reg.Nouns() {
		key := n.Name() + "_id"
		ref := q.Text(key)
		if ref == "" || n.Name() == "organization" || n.Name() == "location" || q.R.PathValue(key) != "" {
			continue
		}
		if q.Route.Noun.BelongsTo(n) {
			if err := q.parent(n.Name(), ref); err != nil {
				return err
			}
		}
	}
	return nil
}

func (q *Request) named(taxonomy string) string {
	if v := q.R.PathValue(taxonomy + "_id"); v != "" {
		return v
	}
	return q.Text(taxonomy + "_id")
}

func current(id int64, name string) string {
	if id == 0 {
		return "; ANY"
	}
	return fmt.Sprintf("%d; %s", id, name)
}

func (q *Request) parent(name, ref string) error {
	n := q.API.reg.Noun(name)
	item, err := n.Get(q.R.Context(), q.Caller, ref, "show", noun.Query{Context: q.Context, Bare: true})
	if errs.Is(err, errs.NotFound) {
		return plainMessage{errs.New(errs.NotFound, "%s not found by id '%s'", n.Label(), ref)}
	}
	if err != nil {
		return err
	}
	q.Parents = append(q.Parents, noun.Parent{Noun: n, ID: item.ID()})
	return nil
}

// JSON answers with any value.
func (q *Request) JSON(status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return errs.WrapAs(errs.Internal, err, "write the answer")
	}
	return q.Bytes(status, text)
}

// Bytes answers with JSON text.
func (q *Request) Bytes(status int, text []byte) error {
	send(q.W, status, text)
	return nil
}

// Plain answers with plain text.
func (q *Request) Plain(status int, text string) error {
	q.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	q.W.WriteHeader(status)
	_, _ = q.W.Write([]byte(text)) // the client may be gone
	return nil
}

func send(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may be gone
}

// Rendering is how the request wants records to be written.
func (q *Request) Rendering(view noun.View) *noun.Rendering {
	show := q.True("show_hidden_parameters") || q.True("show_hidden")
	return &noun.Rendering{
		View: view, Can: q.Caller.Can, ShowHidden: show && q.Caller.Can("edit_params"),
		Extra: q.permissions(),
	}
}

// permissions adds what the caller may do to a row, where it asks.
func (q *Request) permissions() func(w *noun.Writer, rec any) {
	if !q.Has("include_permissions") || q.Route.Noun == nil {
		return nil
	}
	n := q.Route.Noun
	return func(w *noun.Writer, rec any) {
		w.Member("can_edit", q.Caller.Can(n.Permission("update")))
		w.Member("can_delete", q.Caller.Can(n.Permission("destroy")))
	}
}

// Show answers with one record in its show view.
func (q *Request) Show(status int, item *noun.Item) error {
	o := q.Rendering(noun.Show)
	w := noun.NewWriter(o)
	root := q.Text("root_name")
	wrapped := root != "" && root != "false"
	if wrapped {
		w.Open('{')
		w.Key(root)
	}
	item.Noun.Render(w, item.Record, item.Names, noun.Show)
	if wrapped {
		w.Close('}')
	}
	return q.Bytes(status, w.Bytes())
}

// fail answers with an error, in the body that upstream gives it.
func (q *Request) fail(err error) {
	if q.R.Context().Err() != nil {
		return // nobody listens any more
	}
	status, body := q.errorBody(err)
	if status >= 500 {
		q.API.o.Log.Error("api", "method", q.R.Method, "path", q.R.URL.Path, "err", err)
	}
	text, merr := json.Marshal(body)
	if merr != nil {
		status, text = 500, []byte(`{"error":{"message":"internal error"}}`)
	}
	if status == http.StatusUnauthorized {
		q.W.Header().Set("WWW-Authenticate", `Basic realm="Chargehand"`)
	}
	send(q.W, status, text)
}

type object = map[string]any

func (q *Request) errorBody(err error) (int, any) {
	kind := errs.KindOf(err)
	text := errs.PublicText(err)
	var (
		media   *unsupportedMedia
		bad     *badJSON
		plain   plainMessage
		refused *noun.Refused
		nested  *noun.Nested
		denied  *noun.Denied
	)
	switch {
	case errors.As(err, &media):
		return http.StatusUnsupportedMediaType, object{"error": object{"message": media.Error()}}
	case errors.As(err, &bad):
		return 400, object{"status": 400, "error": bad.Error()}
	case errors.As(err, &plain):
		return kind.Status(), object{"message": text}
	case errors.As(err, &nested):
		if nested.Quiet {
			return 200, object{"error": object{"message": text}}
		}
		return 409, object{"message": publicHead(err)}
	case errors.As(err, &denied):
		return 403, object{"error": object{"message": "Access denied", "details": denied.Error(), "missing_permissions": denied.Permissions}}
	case kind == errs.Forbidden:
		return 403, object{"error": object{"message": "Access denied", "details": text, "missing_permissions": nil}}
	case kind == errs.Invalid && len(errs.FieldsOf(err)) > 0, errors.As(err, &refused):
		var id any
		if errors.As(err, &refused) && refused.ID != 0 {
			id = refused.ID
		}
		return 422, invalid(id, errs.FieldsOf(err))
	case kind == errs.Malformed:
		return 400, object{"error": object{"message": text, "class": "ScopedSearch::QueryNotSupported"}}
	case kind == errs.Limited:
		return 401, object{"error": object{"message": text}}
	}
	return kind.Status(), object{"error": object{"message": text}}
}

func publicHead(err error) string {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

// invalid is the body of broken rules.
func invalid(id any, fields []errs.FieldError) any {
	errors := object{}
	full := []string{}
	for _, f := range fields {
		list, _ := errors[f.Field].([]string)
		errors[f.Field] = append(list, f.Message)
		full = append(full, fullMessage(f))
	}
	return object{"error": object{"id": id, "errors": errors, "full_messages": full}}
}

func fullMessage(f errs.FieldError) string {
	if f.Field == "base" || f.Field == "" {
		return f.Message
	}
	return humanize(f.Field) + " " + f.Message
}

func noRoute(w http.ResponseWriter) {
	send(w, 404, []byte(`{"status":404,"error":"Not Found"}`))
}
