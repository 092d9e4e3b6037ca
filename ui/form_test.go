package ui

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/store/storetest"
)

func TestDomainForm(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "admin")
	r := b.post("/domains", url.Values{"name": {"made.example"}, "fullname": {"<b>Made</b>"}, "_parameters": {"1"}, "parameter_name": {"ntp", ""}, "parameter_type": {"string", "string"}, "parameter_value": {"time.made.example", ""}})
	if r.status != http.StatusSeeOther {
		t.Fatalf("create: %d: %s", r.status, firstProblem(r.body))
	}
	domains := noun.Of[inventory.Domain](s.reg)
	edit := "/domains/made.example"
	if body := b.want(http.StatusOK, edit+"/edit"); !strings.Contains(body, `value="&lt;b&gt;Made&lt;/b&gt;"`) || !strings.Contains(body, `value="time.made.example"`) {
		t.Errorf("the form does not show what was saved: %s", body)
	}
	if r := b.post(edit, url.Values{"name": {"made.example"}, "fullname": {"Mended"}}); r.status != http.StatusSeeOther {
		t.Errorf("update: %d: %s", r.status, firstProblem(r.body))
	}
	if d, err := domains.Get(t.Context(), storetest.Admin{}, "made.example"); err != nil || d.Fullname != "Mended" {
		t.Errorf("updated to %+v, %v", d, err)
	}
	if r := b.post(edit+"/delete", nil); r.status != http.StatusSeeOther {
		t.Errorf("delete: %d: %s", r.status, firstProblem(r.body))
	}
	b.want(http.StatusNotFound, edit+"/edit")
}

func TestErrorsBesideFields(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "admin")
	id := func(n int64) []string { return []string{strconv.FormatInt(n, 10)} }
	for _, test := range []struct {
		name, path string
		form       url.Values
		field      string
		kept       []string
	}{
		{"taken name", "/domains", url.Values{"name": {"example.com"}, "fullname": {"typed by hand"}}, "name", []string{`value="example.com"`, `value="typed by hand"`}},
		{"no name", "/domains", url.Values{"name": {""}, "fullname": {"typed by hand"}}, "name", []string{`value="typed by hand"`}},
		{"update", "/domains/other.example", url.Values{"name": {"example.com"}, "fullname": {"again"}}, "name", []string{`value="again"`, `action="/domains/`}},
		{"subnet", "/subnets", url.Values{"name": {"lab2"}, "network": {"nonsense"}, "cidr": {"24"}}, "network", []string{`value="lab2"`, `value="nonsense"`}},
		{"host without domain", "/hosts", url.Values{"name": {"web02"}, "comment": {"typed by hand"}, "_build": {"1"}}, "domain_id", []string{`value="web02"`, `value="typed by hand"`}},
		{"host with a wrong MAC", "/hosts", url.Values{
			"name": {"web02"}, "mac": {"nonsense"}, "organization_id": id(s.world.Org), "location_id": id(s.world.Loc), "domain_id": id(s.world.Domain),
			"operatingsystem_id": id(s.world.OS), "architecture_id": id(s.world.Arch), "medium_id": id(s.world.Medium), "ptable_id": id(s.world.Ptable),
		}, "mac", []string{`value="web02"`, `value="nonsense"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := b.post(test.path, test.form)
			if r.status != http.StatusUnprocessableEntity {
				t.Fatalf("status %d: %s", r.status, firstProblem(r.body))
			}
			if !strings.Contains(r.body, `id="`+test.field+`-problem"`) {
				t.Errorf("nothing is said at %s: %s", test.field, r.body)
			}
			for _, kept := range test.kept {
				if !strings.Contains(r.body, kept) {
					t.Errorf("lost %s", kept)
				}
			}
		})
	}
}

// A hidden parameter's value is not in the page, and saving the page keeps it.
func TestHiddenParameter(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "admin")
	body := b.want(http.StatusOK, "/domains/other.example/edit")
	if strings.Contains(body, "hush") || !strings.Contains(body, `value="`+noun.Masked+`"`) {
		t.Errorf("the hidden value is not masked: %s", body)
	}
	form := url.Values{"name": {"other.example"}, "_parameters": {"1"}, "parameter_name": {"ntp", "key"}, "parameter_type": {"string", "string"}, "parameter_value": {"time.example", noun.Masked}}
	if r := b.post("/domains/other.example", form); r.status != http.StatusSeeOther {
		t.Fatalf("status %d: %s", r.status, firstProblem(r.body))
	}
	item, err := noun.Of[inventory.Domain](s.reg).Any.Get(t.Context(), storetest.Admin{}, "other.example", "show", noun.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range item.Record.(*inventory.Domain).Parameters {
		if p.Name == "key" && (p.Value != "hush" || !p.Hidden) {
			t.Errorf("the hidden parameter became %+v", p)
		}
	}
}

func TestCSV(t *testing.T) {
	b := newSite(t).as(t, "admin")
	r := b.get("/models?format=csv")
	records, err := csv.NewReader(strings.NewReader(r.body)).ReadAll()
	if err != nil || len(records) != 3 {
		t.Fatalf("%q: %v", r.body, err)
	}
	if !strings.Contains(r.body, "'=1+2") || !strings.Contains(r.header.Get("Content-Disposition"), "models.csv") {
		t.Errorf("%q as %q", r.body, r.header.Get("Content-Disposition"))
	}
	for in, want := range map[string]string{"=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "a=1": "a=1", "": ""} {
		if got := defused(in); got != want {
			t.Errorf("defused(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCertificates(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "admin")
	body := b.want(http.StatusOK, "/certificates")
	if strings.Index(body, "new.example.com") > strings.Index(body, "signed.example.com") || !strings.Contains(body, `class="soon"`) {
		t.Errorf("requests first, and what ends soon marked: %s", body)
	}
	b.post("/certificates/new.example.com/sign", nil)
	b.post("/certificates/signed.example.com/revoke", nil)
	if got := strings.Join(s.ca.done, ", "); got != "sign new.example.com, clean signed.example.com" {
		t.Errorf("the CA did %s", got)
	}
	if r := s.as(t, "viewer").post("/certificates/new.example.com/sign", nil); r.status != http.StatusForbidden || len(s.ca.done) != 2 {
		t.Errorf("a viewer signs: %d, %v", r.status, s.ca.done)
	}
}
