package v2

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// Bounds on what a request may hold.
const (
	maxBody  = 32 << 20
	maxDepth = 64
	maxQuery = 1 << 20
)

// A Request is one call of the API on its way through a handler.
type Request struct {
	W      http.ResponseWriter
	R      *http.Request
	API    *API
	Route  *Route
	Caller noun.Caller
	// Params are the body's and the query's values, JSON or text; the query wins.
	Params  map[string]any
	Context noun.Context
	Parents []noun.Parent
}

// decode reads query and body.
func (a *API) decode(r *http.Request) (map[string]any, error) {
	if (r.Method == http.MethodPost || r.Method == http.MethodPut) && !acceptable(r) {
		return nil, &unsupportedMedia{r.Header.Get("Content-Type")}
	}
	params := map[string]any{}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, errs.New(errs.TooLarge, "the body is larger than %d bytes", maxBody)
		}
		return nil, errs.WrapAs(errs.Malformed, err, "read the body")
	}
	if len(bytes.TrimSpace(body)) > 0 && isJSON(r) {
		if params, err = decodeBody(body); err != nil {
			return nil, err
		}
	}
	query, err := decodeQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	for k, v := range query {
		params[k] = v
	}
	return params, nil
}

func acceptable(r *http.Request) bool {
	if r.ContentLength == 0 && r.Header.Get("Content-Type") == "" {
		return false
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == "application/json"
}

// isJSON tells whether a body is to be read as JSON; GET and DELETE bodies of
// clients that name no type are.
func isJSON(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err != nil || media == "application/json"
}

// A badJSON error is a body that is not JSON; upstream words it in its own way.
type badJSON struct{ why string }

func (b *badJSON) Error() string {
	return "There was a problem in the JSON you submitted: " + b.why
}

type unsupportedMedia struct{ media string }

func (u *unsupportedMedia) Error() string {
	return "Media type in 'Content-Type: " + u.media + "' is unsupported in API v2 for POST and PUT requests. Please use 'Content-Type: application/json'."
}

// decodeBody reads a JSON object, numbers as they are written. Anything else
// than an object says nothing.
func decodeBody(body []byte) (map[string]any, error) {
	if depth(body) > maxDepth {
		return nil, &badJSON{"nesting is too deep"}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, &badJSON{err.Error()}
	}
	if d.More() {
		return nil, &badJSON{"more than one value"}
	}
	if m, ok := v.(map[string]any); ok {
		return m, nil
	}
	return map[string]any{"_json": v}, nil
}

// depth is how deep brackets nest outside of strings.
func depth(text []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// decodeQuery reads a=1, a[]=1 and a[b]=1.
func decodeQuery(raw string) (map[string]any, error) {
	if len(raw) > maxQuery {
		return nil, errs.New(errs.TooLarge, "the query is longer than %d bytes", maxQuery)
	}
	out := map[string]any{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, kerr := url.QueryUnescape(key)
		value, verr := url.QueryUnescape(value)
		if kerr != nil || verr != nil {
			return nil, errs.New(errs.Malformed, "the query is not properly encoded")
		}
		put(out, keyPath(key), value)
	}
	return out, nil
}

// keyPath splits "a[b][]" into a, b and "".
func keyPath(key string) []string {
	head, rest, ok := strings.Cut(key, "[")
	if !ok || head == "" || !strings.HasSuffix(key, "]") {
		return []string{key}
	}
	parts := strings.Split(strings.TrimSuffix(rest, "]"), "][")
	if len(parts) > 8 {
		return []string{key}
	}
	return append([]string{head}, parts...)
}

func put(m map[string]any, path []string, value string) {
	key := path[0]
	switch {
	case len(path) == 1:
		m[key] = value
	case len(path) == 2 && path[1] == "":
		list, _ := m[key].([]any)
		m[key] = append(list, value)
	default:
		inner, ok := m[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[key] = inner
		}
		put(inner, path[1:], value)
	}
}

// Text is a parameter as text; "" when it is not there.
func (q *Request) Text(name string) string {
	switch v := q.Params[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// Has tells whether a parameter was sent at all.
func (q *Request) Has(name string) bool { _, ok := q.Params[name]; return ok }

// True tells whether a parameter says yes.
func (q *Request) True(name string) bool {
	switch strings.ToLower(q.Text(name)) {
	case "true", "1", "yes":
		return true
	}
	return false
}

// ID is the record that the path names.
func (q *Request) ID() string {
	id := q.R.PathValue("id")
	if q.Route.Noun != nil && !q.Route.Noun.Dotted() {
		id = strings.TrimSuffix(id, ".json")
	}
	return id
}

// Input is the body under its root key, or all of it.
func (q *Request) Input() noun.Input {
	if root, ok := q.Params[q.Route.Noun.Root()].(map[string]any); ok {
		return root
	}
	in := noun.Input{}
	for k, v := range q.Params {
		if q.R.PathValue(k) == "" {
			in[k] = v
		}
	}
	return in
}

// Item loads the record that the path names, within the route's permission.
func (q *Request) Item() (*noun.Item, error) {
	return q.Route.Noun.Get(q.R.Context(), q.Caller, q.ID(), q.Route.Action, noun.Query{
		Context: q.Context, Parents: q.Parents, Permission: q.Route.Permission,
	})
}
