package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chargehand/chargehand/internal/errs"
)

func TestForm(t *testing.T) {
	for _, c := range []struct {
		query, body string
		texts       map[string]string
		lists       map[string][]string
	}{
		{"", "a=1&b=&c", map[string]string{"a": "1", "b": ""}, nil},
		{"a=1", "a=2", map[string]string{"a": "2"}, nil},
		{"", "a=1&a=2", map[string]string{"a": "2"}, nil},
		{"", "m[]=x&m[]=y", nil, map[string][]string{"m": {"x", "y"}}},
		{"", "m%5B%5D=x&m%5b%5d=y", nil, map[string][]string{"m": {"x", "y"}}},
		{"m[]=x", "m[]=y", nil, map[string][]string{"m": {"y"}}},
		{"", "m", nil, nil},
		{"m=x", "m", nil, nil},
		{"", "m[]", nil, map[string][]string{"m": nil}},
		{"", "a[b]=c&<Sun4>x=y", map[string]string{"a[b]": "c", "<Sun4>x": "y"}, nil},
		{"", "&&a=1&", map[string]string{"a": "1"}, nil},
		{"", "a=1=2;b", map[string]string{"a": "1=2;b"}, nil},
		{"", "a=x+y%20z%0A", map[string]string{"a": "x y z\n"}, nil},
		{"", "[]=x", map[string]string{"[]": "x"}, nil},
	} {
		f, err := parseForm(c.query, c.body)
		if err != nil {
			t.Errorf("%s %s: %v", c.query, c.body, err)
		}
		if diff := cmp.Diff(c.texts, f.texts, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s %s: %s", c.query, c.body, diff)
		}
		if diff := cmp.Diff(c.lists, f.lists, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s %s: %s", c.query, c.body, diff)
		}
	}
}

func TestFormCapturesWin(t *testing.T) {
	f, err := parseForm("mac=a&ip[]=b")
	if err != nil {
		t.Fatal(err)
	}
	f.capture(map[string]string{"mac": "path", "ip": "path"})
	if f.text("mac") != "path" || f.text("ip") != "path" || f.list("ip") != nil {
		t.Errorf("%+v", f)
	}
}

func TestFormTypes(t *testing.T) {
	for label, want := range map[string]string{
		"": "1", "application/x-www-form-urlencoded; charset=UTF-8": "1", "APPLICATION/X-WWW-FORM-URLENCODED": "1",
		"application/json": "", "text/plain": "", "multipart/form-data; boundary=x": "", ";": "",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/x", strings.NewReader("a=1"))
		r.Header.Set("Content-Type", label)
		if f, err := readForm(r); err != nil || f.text("a") != want {
			t.Errorf("%q: %+v %v", label, f, err)
		}
	}
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{"a=1&b[]=2&b[]=3", "a", "%zz", "a[]&a=1", "&=&", "a[b][c]=d", "%00=x", "m%5B%5D=%ff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseForm(s)
		if err != nil {
			if k := errs.KindOf(err); k != errs.Malformed && k != errs.TooLarge {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		for k, v := range got.texts {
			if !utf8.ValidString(k) || strings.ContainsRune(v, 0) {
				t.Errorf("%q: %q=%q", s, k, v)
			}
			if _, both := got.lists[k]; both {
				t.Errorf("%q: %q is a text and a list", s, k)
			}
		}
	})
}
