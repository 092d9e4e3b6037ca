package ui

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/errs"
)

// A listPage is one page of one noun's records.
type listPage struct {
	Noun            *noun.Any
	Heading         string
	Columns         []column
	Rows            []row
	Search, Problem string
	Order           string
	Page, Pages     int64
	Total, Subtotal int64
	MayCreate       bool
	Query           url.Values
}

// A column is headed by a label, and sorts by a field where it can.
type column struct{ Label, Order string }

type row struct {
	Link  string
	Title string
	Cells []cell
}

// A cell shows text, with a state that colours and words it, or a time.
type cell struct {
	Text  string
	Link  string
	State string // ok, warn, bad, wait or ""
	Exact string // shown on hover
	Wide  bool   // text that may break anywhere
}

func (e *edge) noun(r *http.Request) (*noun.Any, error) {
	collection := cmp.Or(r.PathValue("collection"), "hosts")
	for _, n := range e.Registry.Nouns() {
		if _, nestedOnly := n.Parents(); n.Collection() == collection && n.HasAPI() && !nestedOnly && n.Name() != "setting" {
			return n, nil
		}
	}
	return nil, errs.New(errs.NotFound, "there is no page %q", "/"+collection)
}

const perPage = 20

func (e *edge) list(w http.ResponseWriter, r *http.Request) error {
	n, err := e.noun(r)
	if err != nil {
		return err
	}
	values := r.URL.Query()
	page, _ := strconv.ParseInt(values.Get("page"), 10, 64)
	q := noun.Query{Search: values.Get("search"), Order: values.Get("order"), Page: max(page, 1), PerPage: perPage, Whole: n.Name() == "host" || n.Name() == "audit"}
	if values.Get("format") == "csv" {
		q.PerPage, q.All = 0, true
	}
	p := listPage{Noun: n, Heading: heading(n), Search: q.Search, Order: q.Order, Page: q.Page, Query: values}
	p.MayCreate = n.Allows("create") && caller(r).Can(n.Permission("create"))
	found, err := n.List(r.Context(), caller(r), q)
	if errs.Is(err, errs.Malformed) || errs.Is(err, errs.Invalid) {
		p.Problem = errs.PublicText(err)
		return e.render(w, r, p.Heading, p.view())
	}
	if err != nil {
		return err
	}
	p.Total, p.Subtotal = found.Total, found.Subtotal
	p.Pages = (found.Subtotal + perPage - 1) / perPage
	e.fillRows(&p, found)
	if values.Get("format") == "csv" {
		return writeCSV(w, &p)
	}
	return e.render(w, r, p.Heading, p.view())
}

func (e *edge) fillRows(p *listPage, found *noun.Page) {
	switch p.Noun.Name() {
	case "host":
		e.fillHosts(p, found)
		return
	case "audit":
		e.fillAudits(p, found)
		return
	case "config_report":
		e.fillReportRows(p, found)
		return
	}
	fields := columnsOf(p.Noun)
	for _, f := range fields {
		p.Columns = append(p.Columns, sorted(p.Noun, f.Info().Label, f.Name()))
	}
	for _, rec := range found.Records {
		line := row{Title: p.Noun.Title(rec), Link: "/" + p.Noun.Collection() + "/" + strconv.FormatInt(p.Noun.ID(rec), 10) + "/edit"}
		if !p.Noun.Allows("update") {
			line.Link = ""
		}
		for _, f := range fields {
			line.Cells = append(line.Cells, e.cell(f, rec, found.Names))
		}
		p.Rows = append(p.Rows, line)
	}
}

// sorted makes a column that sorts by a field when the noun can.
func sorted(n *noun.Any, label, field string) column {
	if _, err := n.ParseOrder(field); err != nil {
		return column{Label: label}
	}
	return column{Label: label, Order: field}
}

// columnsOf picks what a table shows of a noun: what the map of pages says, else
// up to five short fields that its lists carry, besides the title.
func columnsOf(n *noun.Any) []*noun.Field {
	var all []*noun.Field
	if p := pageOf(n); p != nil && p.columns != nil {
		for _, name := range p.columns {
			if f := n.Field(name); f != nil {
				all = append(all, f)
			}
		}
		return all
	}
	for _, f := range n.Fields() {
		info := f.Info()
		if !info.InIndex || info.Long || info.IsTitle || f.Kind() == noun.JSONKind || f.Kind() == noun.ComputedKind || f.Kind() == noun.SecretKind || f.Name() == "id" {
			continue
		}
		if f.Name() == "created_at" || f.Name() == "updated_at" || (f.Name() == "name" && len(all) == 0 && n.Field("title") == nil) {
			continue
		}
		if all = append(all, f); len(all) == 5 {
			break
		}
	}
	return all
}

func (e *edge) cell(f *noun.Field, rec any, names *noun.Names) cell {
	switch v := f.Value(rec).(type) {
	case nil:
		return cell{}
	case bool:
		if v {
			return cell{Text: "yes"}
		}
		return cell{Text: "no"}
	case time.Time:
		return cell{Text: e.ago(v), Exact: v.UTC().Format(time.RFC3339)}
	case int64:
		if f.Kind() == noun.RefKind && f.To() != nil && names != nil {
			return cell{Text: names.Name(f.To().Name(), v)}
		}
		return cell{Text: strconv.FormatInt(v, 10)}
	default:
		text := fmt.Sprint(v)
		if len(text) > 120 {
			text = text[:120] + "…"
		}
		return cell{Text: text}
	}
}

// fillHosts shows what an operator asks of hosts first.
func (e *edge) fillHosts(p *listPage, found *noun.Page) {
	for _, c := range [][2]string{
		{"Status", "global_status"}, {"Operating system", "operatingsystem"}, {"Host group", "hostgroup"}, {"Address", "ip"}, {"MAC", "mac"}, {"Last report", "last_report"},
	} {
		p.Columns = append(p.Columns, sorted(p.Noun, c[0], c[1]))
	}
	for _, rec := range found.Records {
		h := rec.(*inventory.Host)
		line := row{Title: h.Name, Link: "/hosts/" + url.PathEscape(h.Name)}
		address, mac := "", ""
		if nic := h.Primary(); nic != nil {
			address, mac = nic.IP, nic.MAC
			if address == "" {
				address = nic.IP6
			}
		}
		line.Cells = []cell{
			hostState(h),
			{Text: found.Names.Name("operatingsystem", h.OperatingSystemID)},
			{Text: found.Names.Name("hostgroup", h.HostgroupID)},
			{Text: address},
			{Text: mac},
			{Text: e.ago(h.LastReport), Exact: exact(h.LastReport)},
		}
		p.Rows = append(p.Rows, line)
	}
}

func exact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// hostState words a host's state; colour only repeats it.
func hostState(h *inventory.Host) cell {
	switch {
	case h.Build:
		return cell{Text: "Building", State: "wait"}
	case h.GlobalStatus >= 2:
		return cell{Text: "Error", State: "bad"}
	case h.GlobalStatus == 1:
		return cell{Text: "Warning", State: "warn"}
	case h.LastReport.IsZero() && !h.Managed:
		return cell{Text: "No reports", State: ""}
	}
	return cell{Text: "OK", State: "ok"}
}

// writeCSV sends the shown columns; cells that a spreadsheet would run are
// defused with a leading quote.
func writeCSV(w http.ResponseWriter, p *listPage) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+p.Noun.Collection()+`.csv"`)
	out := csv.NewWriter(w)
	head := []string{p.Noun.Label()}
	for _, c := range p.Columns {
		head = append(head, c.Label)
	}
	if err := out.Write(head); err != nil {
		return nil // the client is gone
	}
	for _, line := range p.Rows {
		record := []string{defused(line.Title)}
		for _, c := range line.Cells {
			record = append(record, defused(c.Text))
		}
		if err := out.Write(record); err != nil {
			return nil
		}
	}
	out.Flush()
	return nil
}

func defused(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// with gives the list's URL with one parameter changed.
func (p listPage) with(name, value string) templ.SafeURL {
	q := url.Values{}
	for k, v := range p.Query {
		if k != "done" {
			q[k] = v
		}
	}
	q.Set(name, value)
	if name != "page" {
		q.Del("page")
	}
	return templ.SafeURL("/" + p.Noun.Collection() + "?" + q.Encode())
}

// sortBy gives the list's URL sorted by a column, the other way round when it is
// so already.
func (p listPage) sortBy(c column) templ.SafeURL {
	if p.sorting(c) == "ascending" {
		return p.with("order", c.Order+" DESC")
	}
	return p.with("order", c.Order+" ASC")
}

// sorting is the value of aria-sort for a column.
func (p listPage) sorting(c column) string {
	switch {
	case c.Order == "":
		return ""
	case p.Order == c.Order, p.Order == c.Order+" ASC":
		return "ascending"
	case p.Order == c.Order+" DESC":
		return "descending"
	}
	return "none"
}

// record serves what lies below a collection: the empty form, the search box's
// completion, or one record's form.
func (e *edge) record(w http.ResponseWriter, r *http.Request) error {
	switch r.PathValue("id") {
	case "new":
		return e.newRecord(w, r)
	case "complete":
		return e.complete(w, r)
	}
	if r.PathValue("collection") == "config_reports" {
		return e.report(w, r)
	}
	return e.editRecord(w, r)
}

// complete answers the search box with suggestions.
func (e *edge) complete(w http.ResponseWriter, r *http.Request) error {
	n, err := e.noun(r)
	if err != nil {
		return err
	}
	if !caller(r).Can(n.Permission("index")) {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: %s", n.Permission("index"))
	}
	text := r.URL.Query().Get("search")
	if len(text) > 4096 {
		return errs.New(errs.TooLarge, "the search is too long to complete")
	}
	found := search.Complete(n.Searches(), text, len(text), search.Values{})
	if len(found) > 12 {
		found = found[:12]
	}
	return e.renderPart(w, r, suggestions(found))
}

func (e *edge) renderPart(w http.ResponseWriter, r *http.Request, part templ.Component) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return errs.WrapAs(errs.Internal, part.Render(r.Context(), w), "render")
}
