package v2

import (
	"fmt"
	"testing"
)

func TestHTTPProxy(t *testing.T) {
	s := newServer(t, "")
	const secret = "open-sesame-42"
	made := s.want(201, "POST", "/api/http_proxies",
		`{"http_proxy":{"name":"out","url":" https://proxy.example.com:8080 ","username":"u","password":"`+secret+`"}}`)
	if made["url"] != "https://proxy.example.com:8080" || made["username"] != "u" {
		t.Errorf("created: %v", made)
	}
	if _, shown := made["password"]; shown || made["organizations"] == nil || made["locations"] == nil {
		t.Errorf("body: %v", made)
	}

	for _, tc := range []struct{ name, url, field, want string }{
		{"out", "http://a", "name", "has already been taken"},
		{"", "http://a", "name", "can't be blank"},
		{"b", "", "url", "can't be blank"},
		{"b", "ftp://a", "url", "must start with http:// or https:// and name a host"},
		{"b", "a:8080", "url", "must start with http:// or https:// and name a host"},
		{"b", "http://", "url", "must start with http:// or https:// and name a host"},
		{"b", "http://:80", "url", "must start with http:// or https:// and name a host"},
	} {
		got := s.want(422, "POST", "/api/http_proxies", fmt.Sprintf(`{"http_proxy":{"name":%q,"url":%q}}`, tc.name, tc.url))
		if path(got, "error", "errors", tc.field, 0) != tc.want {
			t.Errorf("%q at %q: %v, want %s: %s", tc.name, tc.url, got, tc.field, tc.want)
		}
	}

	for search, want := range map[string]float64{
		"url+~+proxy.example": 1, "name+%3D+out": 1, "example": 1, "name+%3D+other": 0, "organization_id+%3D+0": 0,
	} {
		if got := s.want(200, "GET", "/api/http_proxies?search="+search, ""); got["subtotal"] != want {
			t.Errorf("search %s: %v, want %v rows", search, got, want)
		}
	}

	changed := s.want(200, "PUT", "/api/http_proxies/out", `{"http_proxy":{"name":"outer","password":"`+secret+`2"}}`)
	if changed["id"] != made["id"] || changed["name"] != "outer" {
		t.Errorf("updated: %v", changed)
	}
	s.want(200, "DELETE", "/api/http_proxies/outer", "")
	s.want(404, "GET", "/api/http_proxies/outer", "")

	s.user = "some"
	got := s.want(403, "GET", "/api/http_proxies", "")
	if path(got, "error", "missing_permissions", 0) != "view_http_proxies" {
		t.Errorf("list without permission: %v", got)
	}
}
