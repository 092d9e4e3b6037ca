package v2

import (
	"slices"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

func humanize(field string) string {
	s := strings.TrimSuffix(field, "_id")
	s = strings.NewReplacer("_", " ", ".", " ").Replace(s)
	if s == "" {
		return field
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Query reads the parameters of a list.
func (q *Request) Query() (noun.Query, error) {
	out := noun.Query{
		Search: q.Text("search"), Order: q.Text("order"), Parents: q.Parents, Context: q.Context,
		Permission: q.Route.Permission, Include: q.include(),
	}
	if q.API.o.PerPage != nil {
		out.PerPage = q.API.o.PerPage()
	}
	switch text := q.Text("per_page"); text {
	case "":
	case "all":
		out.All = true
	default:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 {
			return out, errs.New(errs.Malformed, "per_page must be a positive number or 'all'")
		}
		out.PerPage = n
	}
	if text := q.Text("page"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 {
			return out, errs.New(errs.Malformed, "page must be a positive number")
		}
		out.Page = n
	}
	return out, nil
}

// maxIncluded bounds the rows of lists that include parts of the single view.
const maxIncluded = 1000

// include are the parts of the single view that a list is asked to show.
func (q *Request) include() []string {
	if q.Route.Noun == nil || !q.Route.Noun.Thins() {
		return nil
	}
	allowed := []string{"parameters", "all_parameters"}
	asked, ok := q.Params["include"].([]any)
	if !ok {
		for part := range strings.SplitSeq(q.Text("include"), ",") {
			asked = append(asked, strings.TrimSpace(part))
		}
	}
	var out []string
	for _, a := range asked {
		if name, ok := a.(string); ok && slices.Contains(allowed, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func index(q *Request) error {
	query, err := q.Query()
	if err != nil {
		return err
	}
	view := noun.Index
	if q.Text("thin") != "" && q.Route.Noun.Thins() {
		view, query.Bare = noun.Thin, true
		query.Order = ""
	}
	if len(query.Include) > 0 && (query.All || query.PerPage > maxIncluded) {
		query.All, query.PerPage = false, maxIncluded
	}
	page, err := q.Route.Noun.List(q.R.Context(), q.Caller, query)
	if err != nil {
		return err
	}
	return q.List(page, view)
}

// List answers with a page of records.
func (q *Request) List(page *noun.Page, view noun.View) error {
	o := q.Rendering(view)
	if q.Route.Noun != nil {
		o.Include = q.include()
	}
	w := noun.NewWriter(o)
	q.Envelope(w, page, func() {
		w.Open('[')
		for _, r := range page.Records {
			q.Route.Noun.Render(w, r, page.Names, view)
		}
		w.Close(']')
	})
	return q.Bytes(200, w.Bytes())
}

// Envelope writes what stands around the results of a list.
func (q *Request) Envelope(w *noun.Writer, page *noun.Page, results func()) {
	root := q.Text("root_name")
	if root == "false" {
		results()
		return
	}
	if root == "" {
		root = "results"
	}
	w.Open('{')
	w.Member("total", page.Total)
	w.Member("subtotal", page.Subtotal)
	w.Member("page", page.Page)
	w.Member("per_page", page.PerPage)
	w.Member("search", q.orNull("search"))
	if q.Has("include_permissions") && q.Route.Noun != nil {
		w.Member("can_create", q.Caller.Can(q.Route.Noun.Permission("create")))
		w.Member("can_edit", q.Caller.Can(q.Route.Noun.Permission("update")))
	}
	w.Key("sort")
	w.Open('{')
	by, direction, _ := strings.Cut(strings.TrimSpace(q.Text("order")), " ")
	if by == "" {
		w.Member("by", nil)
		w.Member("order", nil)
	} else {
		if direction == "" {
			direction = "ASC"
		}
		w.Member("by", by)
		w.Member("order", direction)
	}
	w.Close('}')
	w.Key(root)
	results()
	w.Close('}')
}

func (q *Request) orNull(name string) any {
	if !q.Has(name) {
		return nil
	}
	return q.Text(name)
}

func show(q *Request) error {
	item, err := q.Item()
	if err != nil {
		return err
	}
	return q.Show(200, item)
}

func (q *Request) write() noun.Query {
	return noun.Query{Context: q.Context, Parents: q.Parents, Permission: q.Route.Permission}
}

func create(q *Request) error {
	item, err := q.Route.Noun.CreateFrom(q.R.Context(), q.Caller, q.Input(), q.write())
	if err != nil {
		return err
	}
	return q.Show(201, item)
}

func update(q *Request) error {
	item, err := q.Route.Noun.UpdateFrom(q.R.Context(), q.Caller, q.ID(), q.Input(), q.write())
	if err != nil {
		return err
	}
	return q.Show(200, item)
}

func destroy(q *Request) error {
	item, err := q.Route.Noun.Delete(q.R.Context(), q.Caller, q.ID(), q.write())
	if err != nil {
		return err
	}
	o := q.Rendering(noun.Index)
	o.ISO = true
	w := noun.NewWriter(o)
	item.Noun.Render(w, item.Record, item.Names, noun.Index)
	return q.Bytes(200, w.Bytes())
}

// resetParameters removes all parameters of a record.
func resetParameters(q *Request) error {
	query := q.write()
	query.All = true
	page, err := q.Route.Noun.List(q.R.Context(), q.Caller, query)
	if err != nil {
		return err
	}
	for _, r := range page.Records {
		if _, err := q.Route.Noun.Delete(q.R.Context(), q.Caller, strconv.FormatInt(q.Route.Noun.ID(r), 10), q.write()); err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
	}
	return q.List(page, noun.Index)
}
