package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppetdb/query"
	"github.com/chargehand/chargehand/puppetdb/query/pql"
)

// A question is a request's query and paging, from URL parameters or a JSON body.
type question struct {
	tree    any
	text    string // the query as it was given, when it was text
	orderBy any
	limit   string
	offset  string
	total   bool
	pretty  bool
	explain bool
	rest    map[string]any // the parameters as they were given
}

// maxQuery bounds the body of a question, in bytes.
const maxQuery = 4 << 20

var queryParameters = []string{
	"query", "limit", "offset", "order_by", "include_total", "pretty", "origin", "optimize_drop_unused_joins",
	"explain", "include_facts_expiration", "include_package_inventory",
}

// readQuestion reads a question that may have further parameters of its endpoint.
func readQuestion(w http.ResponseWriter, r *http.Request, more []string) (question, error) {
	given := map[string]any{}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		values := r.URL.Query()
		for name := range values {
			given[name] = values.Get(name)
		}
	case http.MethodPost:
		body, err := readObject(w, r)
		if err != nil {
			return question{}, err
		}
		given = body
	default:
		return question{}, errs.New(errs.Malformed, "PuppetDB queries must be made via GET/POST")
	}
	for name := range given {
		if !contains(queryParameters, name) && !contains(more, name) {
			return question{}, errs.New(errs.Malformed, "Unsupported query parameter '%s'", name)
		}
	}
	return fromGiven(given)
}

func readObject(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuery))
	if err != nil {
		return nil, errs.WrapAs(errs.TooLarge, err, "the query is larger than %d bytes", maxQuery)
	}
	tree, err := query.Decode(string(raw))
	if err != nil {
		return nil, err
	}
	body, ok := tree.(map[string]any)
	if !ok {
		return nil, errs.New(errs.Malformed, "the body must be an object with the query in it")
	}
	return body, nil
}

func fromGiven(given map[string]any) (question, error) {
	q := question{rest: given, limit: param(given["limit"]), offset: param(given["offset"]), orderBy: given["order_by"]}
	if text, ok := given["query"].(string); ok {
		q.text = text
	} else {
		q.tree = given["query"]
	}
	if q.orderBy == "" {
		q.orderBy = nil
	}
	q.total, q.pretty = q.flag("include_total"), q.flag("pretty")
	if how, ok := given["explain"]; ok {
		if how != "analyze" {
			return q, errs.New(errs.Malformed, "Illegal value '%s' for :explain; expected `analyze`.", param(how))
		}
		q.explain = true
	}
	return q, nil
}

// flag reads a parameter that is true or anything else.
func (q question) flag(name string) bool { return strings.EqualFold(param(q.rest[name]), "true") }

func param(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// page adds the request's paging to a parsed query.
func (q question) page(into *query.Query) (err error) {
	if q.limit != "" {
		if into.Limit, err = query.PositiveLimit(q.limit); err != nil {
			return err
		}
	}
	if q.offset != "" {
		if into.Offset, err = query.Offset(q.offset); err != nil {
			return err
		}
	}
	into.Total, into.Explain = q.total, q.explain
	if q.orderBy != nil {
		return into.OrderByParam(q.orderBy)
	}
	return nil
}

// root answers /pdb/query/v4.
func (e *edge) root(w http.ResponseWriter, r *http.Request) error {
	ask, err := readQuestion(w, r, []string{"ast_only"})
	if err != nil {
		return err
	}
	if ask.tree == nil {
		if ask.text == "" {
			if r.Method == http.MethodPost {
				return errs.New(errs.Malformed, `Your initial query must be of the form: ["from",<entity>,(<optional-query>)]. Check your query and try again.`)
			}
			return errs.New(errs.Malformed, "Missing required query parameter 'query'")
		}
		if ask.tree, err = parseText(ask.text); err != nil {
			return err
		}
	}
	q, err := query.ParseRoot(ask.tree)
	if err != nil {
		return err
	}
	if ask.flag("ast_only") {
		writeJSON(w, http.StatusOK, ask.tree)
		return nil
	}
	q.Entity = ask.widen(q.Entity)
	return e.answer(w, r, ask, q)
}

// parseText reads a question in either of its forms.
func parseText(text string) (any, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		return query.Decode(text)
	}
	return pql.Parse(text)
}

// entity answers /pdb/query/v4/ENTITY[/…].
func (e *edge) entity(w http.ResponseWriter, r *http.Request) error {
	target, err := resolve(segments(r))
	if err != nil {
		return err
	}
	ask, err := readQuestion(w, r, target.parameters())
	if err != nil {
		return err
	}
	if ask.tree == nil && ask.text != "" {
		if ask.tree, err = query.Decode(ask.text); err != nil {
			return err
		}
	}
	if target == nil {
		http.Redirect(w, r, "/pdb/dashboard/index.html", http.StatusFound)
		return nil
	}
	for _, parent := range target.exists {
		n, err := e.Service.Count(r.Context(), parent.query)
		if err != nil {
			return err
		}
		if n == 0 {
			return jsonError{errs.New(errs.NotFound, "No information is known about %s %s", parent.noun, parent.name)}
		}
	}
	q, err := query.Parse(ask.widen(target.entity), ask.tree)
	if err != nil {
		return err
	}
	if err := ask.events(target, q); err != nil {
		return err
	}
	q.Where = both(target.where, q.Where)
	if target.member != "" {
		only, err := query.Parse(target.entity, []any{"extract", []any{target.member}})
		if err != nil {
			return err
		}
		q.Columns = only.Columns
		return e.member(w, r, target, q)
	}
	if target.single {
		q.Explain = ask.explain
		return e.single(w, r, target, q)
	}
	return e.answer(w, r, ask, q)
}

// segments splits the path after the version, unescaping each part by itself so
// that a title may hold a slash.
func segments(r *http.Request) []string {
	_, rest, _ := strings.Cut(r.URL.EscapedPath(), "/pdb/query/v4/")
	var parts []string
	for part := range strings.SplitSeq(strings.TrimSuffix(rest, "/"), "/") {
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		parts = append(parts, part)
	}
	return parts
}

// maxAnswering is how long a question may keep the database busy.
const maxAnswering = 10 * time.Minute

func (e *edge) answer(w http.ResponseWriter, r *http.Request, ask question, q *query.Query) error {
	ctx, cancel := context.WithTimeout(r.Context(), maxAnswering)
	defer cancel()
	err := e.write(w, r.WithContext(ctx), ask, q)
	if errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil {
		return errs.New(errs.Unavailable, "the query took longer than %s", maxAnswering)
	}
	return err
}

func (e *edge) write(w http.ResponseWriter, r *http.Request, ask question, q *query.Query) error {
	if err := ask.page(q); err != nil {
		return err
	}
	if q.Total {
		n, err := e.Service.Count(r.Context(), q)
		if err != nil {
			return err
		}
		w.Header().Set("X-Records", strconv.FormatInt(n, 10))
	}
	if ask.pretty || q.Entity.Name == "fact_names" {
		return e.reshaped(w, r, ask, q)
	}
	late := &lateHeader{ResponseWriter: w}
	err := e.Service.Answer(r.Context(), late, q)
	if err != nil && late.started {
		e.Log.Error("puppetdb: the answer broke off", "path", r.URL.Path, "error", err)
		panic(http.ErrAbortHandler) // the client must see that the answer is not whole
	}
	return err
}

// lateHeader sends the 200 only with the first bytes, so that an error before
// them can still become a proper answer.
type lateHeader struct {
	http.ResponseWriter
	started bool
}

func (l *lateHeader) Write(b []byte) (int, error) {
	if !l.started {
		l.started = true
		l.Header().Set("Content-Type", "application/json;charset=utf-8")
		l.WriteHeader(http.StatusOK)
	}
	return l.ResponseWriter.Write(b)
}

// reshaped answers small lists that are not sent as they are: pretty ones, and
// the names of facts, which are plain texts.
func (e *edge) reshaped(w http.ResponseWriter, r *http.Request, ask question, q *query.Query) error {
	if q.Entity.Name == "fact_names" && q.OrderBy == nil {
		if err := q.OrderByParam(`[{"field": "name"}]`); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if err := e.Service.Answer(r.Context(), &b, q); err != nil {
		return err
	}
	body := b.Bytes()
	if q.Entity.Name == "fact_names" && len(q.Columns) == 0 {
		var rows []struct {
			Name string `json:"name"`
		}
		if err := json.Unmarshal(body, &rows); err != nil {
			return errs.WrapAs(errs.Internal, err, "decode")
		}
		names := make([]string, len(rows))
		for i := range rows {
			names[i] = rows[i].Name
		}
		writeJSON(w, http.StatusOK, names)
		return nil
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	var pretty bytes.Buffer
	if ask.pretty && json.Indent(&pretty, body, "", "  ") == nil {
		body = pretty.Bytes()
	}
	_, _ = w.Write(body)
	return nil
}

// single answers one object, or 404.
func (e *edge) single(w http.ResponseWriter, r *http.Request, t *target, q *query.Query) error {
	var b bytes.Buffer
	if err := e.Service.Answer(r.Context(), &b, q); err != nil {
		return err
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(b.Bytes(), &rows); err != nil {
		return errs.WrapAs(errs.Internal, err, "decode")
	}
	if len(rows) == 0 {
		return jsonError{errs.New(errs.NotFound, "No information is known about %s %s", t.noun, t.name)}
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	_, _ = w.Write(rows[0])
	return nil
}

// member answers one list-valued field of one object: the logs of a report.
func (e *edge) member(w http.ResponseWriter, r *http.Request, t *target, q *query.Query) error {
	var b bytes.Buffer
	if err := e.Service.Answer(r.Context(), &b, q); err != nil {
		return err
	}
	var rows []map[string]struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(b.Bytes(), &rows); err != nil {
		return errs.WrapAs(errs.Internal, err, "decode")
	}
	if len(rows) == 0 {
		return jsonError{errs.New(errs.NotFound, "No information is known about %s %s", t.noun, t.name)}
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	_, _ = w.Write(rows[0][t.member].Data)
	return nil
}

func (e *edge) version(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"version": e.Version})
	return nil
}

func (e *edge) latest(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]any{"newer": false, "version": e.Version, "link": nil})
	return nil
}

func (e *edge) serverTime(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"server_time": time.Now().UTC().Format("2006-01-02T15:04:05.000Z")})
	return nil
}

func (e *edge) simple(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/plain;charset=utf-8")
	if err := e.Service.Ready(r.Context()); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "error")
		return nil
	}
	_, _ = io.WriteString(w, "running")
	return nil
}

func (e *edge) services(w http.ResponseWriter, r *http.Request) error {
	up := e.Service.Ready(r.Context()) == nil
	state := "running"
	if !up {
		state = "error"
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"puppetdb-status": map[string]any{
			"service_version": e.Version, "service_status_version": 1, "detail_level": "info", "state": state,
			"status": map[string]any{
				"maintenance_mode?": false, "queue_depth": e.Service.Status().Depth, "read_db_up?": up, "write_db_up?": up,
				"write_dbs_up?": up, "write_db": map[string]any{"default": map[string]any{"up?": up}},
			},
			"active_alerts": []any{},
		},
		"status-service": map[string]any{
			"service_version": e.Version, "service_status_version": 1, "detail_level": "info", "state": "running",
			"status": map[string]any{}, "active_alerts": []any{},
		},
	})
	return nil
}
