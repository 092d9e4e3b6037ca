package server_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The recorded site: commands of 60 nodes and what the real PuppetDB 7.12.1
// answered to queries about them.

type recordedCommand struct {
	Command           string          `json:"command"`
	Version           int             `json:"version"`
	Certname          string          `json:"certname"`
	ProducerTimestamp string          `json:"producer_timestamp"`
	Body              json.RawMessage `json:"body"`
	Raw               *string         `json:"raw"`
	Expect            string          `json:"expect"`
}

type recordedQuery struct {
	ID      string          `json:"id"`
	Entity  string          `json:"entity"`
	Method  string          `json:"method"`
	Path    string          `json:"path"`
	Params  map[string]any  `json:"params"`
	Body    json.RawMessage `json:"body"`
	BodyRaw *string         `json:"body_raw"`
	HashOf  *struct {
		Path   string         `json:"path"`
		Params map[string]any `json:"params"`
		Field  string         `json:"field"`
	} `json:"hash_of"`
	Status    int               `json:"status"`
	Headers   map[string]string `json:"headers"`
	Answer    any               `json:"answer"`
	Ordered   bool              `json:"ordered"`
	Ignore    []string          `json:"ignore"`
	Unordered []string          `json:"unordered"`
	Compare   string            `json:"compare"`
}

func readLines[T any](t *testing.T, name string) []T {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	dec := json.NewDecoder(zr)
	for {
		var v T
		if err := dec.Decode(&v); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
}

func TestRecorded(t *testing.T) {
	for name, open := range storages(t) {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(open(t))
			defer srv.Close()
			loadSite(t, srv)
			equal, asked := 0, 0
			for _, q := range readLines[recordedQuery](t, "queries.jsonl.gz") {
				asked++
				if why := differ(q, ask(t, srv, q)); why != "" {
					t.Errorf("%s %s %s %v %s: %s", q.ID, q.Method, q.Path, q.Params, q.Body, why)
					continue
				}
				equal++
			}
			t.Logf("queries: %d of %d equal", equal, asked)
		})
	}
}

func loadSite(t *testing.T, srv *httptest.Server) {
	t.Helper()
	for i, c := range readLines[recordedCommand](t, "commands.jsonl.gz") {
		raw := []byte(c.Body)
		if c.Raw != nil {
			raw = []byte(*c.Raw)
		}
		params := url.Values{
			"command": {strings.ReplaceAll(c.Command, " ", "_")}, "version": {strconv.Itoa(c.Version)},
			"certname": {c.Certname}, "producer-timestamp": {c.ProducerTimestamp},
		}
		want := http.StatusOK
		switch c.Expect {
		case "400":
			want = http.StatusBadRequest
		case "":
			params.Set("secondsToWaitForCompletion", "30")
		}
		var zipped bytes.Buffer
		zw := gzip.NewWriter(&zipped)
		_, _ = zw.Write(raw)
		if err := zw.Close(); err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/pdb/cmd/v1?"+params.Encode(), &zipped)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Content-Encoding", "gzip")
		status, _, body := do(t, srv, req)
		if status != want {
			t.Errorf("command %d (%s of %s): status %d %s", i+1, c.Command, c.Certname, status, body)
		}
	}
}

type reply struct {
	status  int
	headers http.Header
	answer  any
}

func do(t *testing.T, srv *httptest.Server, req *http.Request) (int, http.Header, []byte) {
	t.Helper()
	client := *srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, body
}

func ask(t *testing.T, srv *httptest.Server, q recordedQuery) reply {
	t.Helper()
	path, params := q.Path, q.Params
	if q.HashOf != nil {
		rows, _ := request(t, srv, http.MethodGet, q.HashOf.Path, q.HashOf.Params, nil).answer.([]any)
		hash := "no-hash-found"
		if len(rows) > 0 {
			hash, _ = rows[0].(map[string]any)[q.HashOf.Field].(string)
		}
		path = strings.ReplaceAll(path, "{hash}", hash)
		params = map[string]any{}
		for k, v := range q.Params {
			params[k] = strings.ReplaceAll(fmt.Sprint(v), "{hash}", hash)
		}
	}
	body := []byte(q.Body)
	if q.BodyRaw != nil {
		body = []byte(*q.BodyRaw)
	}
	return request(t, srv, q.Method, path, params, body)
}

var unescaped = regexp.MustCompile(`[^A-Za-z0-9_.~/%:-]`)

func request(t *testing.T, srv *httptest.Server, method, path string, params map[string]any, body []byte) reply {
	t.Helper()
	target := srv.URL + unescaped.ReplaceAllStringFunc(path, func(s string) string {
		return url.PathEscape(s)
	})
	if len(params) > 0 {
		values := url.Values{}
		for k, v := range params {
			values.Set(k, fmt.Sprint(v))
		}
		target += "?" + values.Encode()
	}
	var src io.Reader
	if len(body) > 0 {
		src = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, src)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if src != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	status, headers, text := do(t, srv, req)
	var answer any
	if json.Unmarshal(text, &answer) != nil {
		answer = string(text)
	}
	return reply{status: status, headers: headers, answer: answer}
}

// differ says why an answer is not the recorded one, or nothing.
func differ(q recordedQuery, got reply) string {
	if q.Compare == "error" {
		if got.status >= 400 {
			return ""
		}
		return fmt.Sprintf("status %d is no error", got.status)
	}
	if got.status != q.Status {
		return fmt.Sprintf("status %d, not %d: %.200v", got.status, q.Status, got.answer)
	}
	if q.Compare == "status" {
		return ""
	}
	for name, want := range q.Headers {
		if have := strings.ToLower(strings.ReplaceAll(got.headers.Get(name), " ", "")); have != want {
			return fmt.Sprintf("%s %q, not %q", name, have, want)
		}
	}
	if _, wanted := q.Headers["X-Records"]; !wanted && got.headers.Get("X-Records") != "" {
		return "X-Records nobody asked for"
	}
	switch q.Compare {
	case "words":
		if a, b := words(got.answer), words(q.Answer); !slices.Equal(a, b) {
			return fmt.Sprintf("text %q, not %q", got.answer, q.Answer)
		}
		return ""
	case "first-line":
		a, _, _ := strings.Cut(fmt.Sprint(got.answer), "\n")
		b, _, _ := strings.Cut(fmt.Sprint(q.Answer), "\n")
		if strings.TrimSpace(a) != strings.TrimSpace(b) {
			return fmt.Sprintf("first line %q, not %q", a, b)
		}
		return ""
	}
	return unlike(settle(got.answer, q), settle(q.Answer, q))
}

func unlike(a, b any) string {
	x, y := dump(a), dump(b)
	if x == y {
		return ""
	}
	rows, ok := a.([]any)
	other, ok2 := b.([]any)
	if ok && ok2 && len(rows) == len(other) {
		for i := range rows {
			if dump(rows[i]) != dump(other[i]) {
				return fmt.Sprintf("row %.600s, not %.600s", dump(rows[i]), dump(other[i]))
			}
		}
	}
	if ok && ok2 {
		return fmt.Sprintf("%d rows, not %d", len(rows), len(other))
	}
	return fmt.Sprintf("%.900s, not %.900s", x, y)
}

func words(v any) []string {
	all := regexp.MustCompile("[\\s,'\"`.]+").Split(fmt.Sprint(v), -1)
	all = slices.DeleteFunc(all, func(w string) bool { return w == "" || w == "and" })
	slices.Sort(all)
	return all
}

func settle(answer any, q recordedQuery) any {
	x := canon(answer)
	for _, path := range q.Ignore {
		x = at(x, strings.Split(path, "/"), func(v any) any { return fmt.Sprintf("<%T>", v) })
	}
	for _, path := range q.Unordered {
		x = at(x, strings.Split(path, "/"), sorted)
	}
	if !q.Ordered {
		x = sorted(x)
	}
	return x
}

func sorted(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b any) int { return cmp.Compare(dump(a), dump(b)) })
	return list
}

func canon(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k := range v {
			m[k] = canon(v[k])
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = canon(v[i])
		}
		return list
	case float64:
		if math.Abs(v) < 1e15 && v == math.Trunc(v) {
			return v
		}
		f, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64)
		if err != nil {
			return v
		}
		return f
	}
	return v
}

// at replaces what lies under path by f of it; "*" is any element.
func at(v any, path []string, f func(any) any) any {
	if len(path) == 0 {
		return f(v)
	}
	switch v := v.(type) {
	case []any:
		if path[0] != "*" {
			return v
		}
		list := make([]any, len(v))
		for i := range v {
			list[i] = at(v[i], path[1:], f)
		}
		return list
	case map[string]any:
		m := map[string]any{}
		for k := range v {
			m[k] = v[k]
			if k == path[0] {
				m[k] = at(v[k], path[1:], f)
			}
		}
		return m
	}
	return v
}

func dump(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
