package ui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestNoSession(t *testing.T) {
	b := newSite(t).as(t, "")
	fill := strings.NewReplacer("{$}", "", "{id}", "1", "{collection}", "domains", "{name}", "x", "{file}", "app.css")
	for _, rt := range routes() {
		method, pattern, _ := strings.Cut(rt.pattern, " ")
		path := fill.Replace(pattern)
		if rt.open {
			continue
		}
		r := b.do(method, path, nil, nil)
		want := "/users/login"
		if method == http.MethodGet && path != "/" {
			want += "?next=" + url.QueryEscape(path)
		}
		if r.status != http.StatusSeeOther || r.header.Get("Location") != want {
			t.Errorf("%s without a session: %d to %q, want %q", rt.pattern, r.status, r.header.Get("Location"), want)
		}
	}
	r := b.do(http.MethodGet, "/hosts/web01/timeline", nil, http.Header{"Hx-Request": {"true"}})
	if got := r.header.Get("HX-Redirect"); !strings.HasPrefix(got, "/users/login?next=") {
		t.Errorf("a part without a session leads to %q", got)
	}
}

func TestSafeNext(t *testing.T) {
	for in, want := range map[string]string{
		"/hosts?search=a%20b": "/hosts?search=a%20b", "": "/", "hosts": "/", "//evil.example/": "/", "https://evil.example/": "/",
		`/\evil.example`: "/", "/a\r\nSet-Cookie: x": "/", "javascript:alert(1)": "/", "/%zz": "/",
	} {
		if got := safeNext(in); got != want {
			t.Errorf("safeNext(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLogin(t *testing.T) {
	s := newSite(t)
	for _, test := range []struct {
		login, password, next string
		status                int
		location              string
	}{
		{"admin", password, "/hosts?page=2", http.StatusSeeOther, "/hosts?page=2"},
		{"admin", password, "//evil.example", http.StatusSeeOther, "/"},
		{"admin", "wrong", "/hosts", http.StatusUnauthorized, ""},
		{hostile, "x", "/hosts", http.StatusUnauthorized, ""},
	} {
		r := s.as(t, "").post("/users/login", url.Values{"login": {test.login}, "password": {test.password}, "next": {test.next}})
		if r.status != test.status || r.header.Get("Location") != test.location {
			t.Errorf("%+v: %d to %q", test, r.status, r.header.Get("Location"))
		}
		cookie := r.header.Get("Set-Cookie")
		if test.status == http.StatusSeeOther {
			if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
				t.Errorf("%+v: cookie %q", test, cookie)
			}
			continue
		}
		if cookie != "" || strings.Contains(r.body, hostile) || !strings.Contains(r.body, `name="next" value="/hosts"`) {
			t.Errorf("%+v: cookie %q, page %s", test, cookie, r.body)
		}
	}
	b := s.as(t, "admin")
	b.want(http.StatusOK, "/")
	if r := b.post("/users/logout", nil); r.status != http.StatusSeeOther {
		t.Errorf("log out: %d", r.status)
	}
	b.want(http.StatusSeeOther, "/")
}

func TestHeaders(t *testing.T) {
	b := newSite(t).as(t, "admin")
	for _, path := range []string{"/", "/hosts", "/nosuch", "/users/login", "/assets/app.css"} {
		h := b.get(path).header
		for name, want := range map[string]string{
			"Content-Security-Policy": contentPolicy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if got := h.Get("Cache-Control"); !strings.HasPrefix(path, "/assets/") && got != "no-store" {
			t.Errorf("%s: Cache-Control is %q", path, got)
		}
	}
}

func TestCrossOrigin(t *testing.T) {
	b := newSite(t).as(t, "admin")
	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}},
	} {
		if r := b.do(http.MethodPost, "/models", url.Values{"name": {"stolen"}}, header); r.status != http.StatusForbidden {
			t.Errorf("%v: status %d", header, r.status)
		}
	}
	if body := b.want(http.StatusOK, "/models"); strings.Contains(body, "stolen") {
		t.Error("another site's form was obeyed")
	}
}

// TestMenuOfDeclarations: a noun that names a section is in the menu of whoever
// may see it, under its heading.
func TestMenuOfDeclarations(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "viewer")
	if r := b.do(http.MethodGet, "/", nil, nil); !strings.Contains(r.body, `href="/http_proxies"`) || !strings.Contains(r.body, ">HTTP proxies<") {
		t.Errorf("no HTTP proxies in the menu:\n%s", r.body)
	}
	if r := b.do(http.MethodGet, "/http_proxies", nil, nil); r.status != http.StatusOK || !strings.Contains(r.body, "HTTP proxies</h1>") {
		t.Errorf("the list: %d\n%s", r.status, r.body)
	}
}
