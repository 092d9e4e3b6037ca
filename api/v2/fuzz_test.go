package v2

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzBody: whatever the body, the answer is JSON and no defect of ours.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"host":{"name":"a","interfaces_attributes":[{"mac":"52:54:00:00:00:01"}]}}`, `{"name":null}`, `[]`, `{"host":[]}`, `1e999`,
		`{"host":{"interfaces_attributes":{"0":{"_destroy":true}},"host_parameters_attributes":[1],"domain_id":-1,"ip":"::"}}`,
		`{"host":{"name":"\u0000","lock_version":5,"managed":"maybe","organization":{"id":"x"},"puppetclass_ids":"1"}}`,
		strings.Repeat("[", 100), `{"host":{"domain_id":99999999999999999999}}`, "\xff",
	} {
		f.Add(seed)
	}
	s := newServer(f, "")
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/api/hosts", "/api/subnets", "/api/domains"} {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.SetBasicAuth("admin", "x")
			w := httptest.NewRecorder()
			s.api.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}

// FuzzPath: ids, orders and searches never are a defect of ours.
func FuzzPath(f *testing.F) {
	for _, seed := range [][3]string{
		{"1", "name", ""},
		{"12-a", "name DESC", "name = a"},
		{"-1", "params.x desc", "params.a = b"},
		{"a/b", "'", "facts.x ~ y"},
		{"9223372036854775808", "id, name", "last_report > \"3 days ago\""},
		{"%00", "interfaces.ip", "status.failed > 1"},
		{"\xff", "os_title", "not (a"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	s := newServer(f, "")
	f.Fuzz(func(t *testing.T, id, order, search string) {
		for _, target := range []string{
			"/api/hosts/" + url.PathEscape(id), "/api/hostgroups/" + url.PathEscape(id),
			"/api/hosts?order=" + url.QueryEscape(order) + "&search=" + url.QueryEscape(search) + "&page=" + url.QueryEscape(id),
		} {
			u, err := url.Parse(target)
			if err != nil {
				return
			}
			r := httptest.NewRequest("GET", "/", nil)
			r.URL = u
			r.SetBasicAuth("admin", "x")
			w := httptest.NewRecorder()
			s.api.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Fatalf("%s: %d %s", target, w.Code, w.Body)
			}
		}
	})
}
