package site

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// An API speaks Foreman's API v2 as an administrator.
type API struct {
	testing.TB
	URL    string // https://ADDRESS:PORT
	client *http.Client
}

// NewAPI speaks to the web front at an address.
func NewAPI(t testing.TB, address string) *API {
	return &API{TB: t, URL: "https://" + address, client: &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the tests of TLS are elsewhere
	}}}
}

// API speaks to the process's web front.
func (p *Process) API() *API { return NewAPI(p.TB, p.Endpoints["web.https"]) }

// Try makes one call; status 0 says that there was no answer.
func (a *API) Try(method, path string, body any) (status int, text []byte, err error) {
	var send io.Reader
	switch v := body.(type) {
	case nil:
	case string:
		send = strings.NewReader(v)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return 0, nil, err
		}
		send = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, a.URL+path, send)
	if err != nil {
		return 0, nil, err
	}
	req.SetBasicAuth("admin", Password)
	if send != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// An Object is a decoded JSON object.
type Object = map[string]any

// Call makes a call that must succeed and gives its object.
func (a *API) Call(method, path string, body any) Object {
	a.Helper()
	status, text, err := a.Try(method, path, body)
	if err != nil || status >= 300 {
		a.Fatalf("%s %s: %d %v\n%s", method, path, status, err, text)
	}
	var out Object
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			a.Fatalf("%s %s: %v\n%s", method, path, err, text)
		}
	}
	return out
}

// Create makes a record and gives its id.
func (a *API) Create(path, noun string, fields Object) int64 {
	a.Helper()
	return ID(a.Call(http.MethodPost, "/api/v2/"+path, Object{noun: fields}))
}

// Find gives the id of the one record that a search finds.
func (a *API) Find(path, search string) int64 {
	a.Helper()
	all := a.List(path, search)
	if len(all) != 1 {
		a.Fatalf("%s %s: %d records", path, search, len(all))
	}
	return ID(all[0])
}

// List gives what a search finds, a thousand at most.
func (a *API) List(path, search string) []Object {
	a.Helper()
	page := a.Call(http.MethodGet, "/api/v2/"+path+"?per_page=1000&search="+url.QueryEscape(search), nil)
	results, _ := page["results"].([]any)
	all := make([]Object, 0, len(results))
	for _, r := range results {
		all = append(all, r.(Object))
	}
	return all
}

// ID is an object's id.
func ID(o Object) int64 {
	id, _ := o["id"].(float64)
	return int64(id)
}
