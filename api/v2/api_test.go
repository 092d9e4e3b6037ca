package v2

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/inventory/settings"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/store/storetest"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// users authenticates admin as Admin, and others as what they are in the map.
type users map[string]noun.Caller

func (u users) Authenticate(_ http.ResponseWriter, r *http.Request) (noun.Caller, error) {
	login, _, _ := r.BasicAuth()
	if c := u[login]; c != nil {
		return c, nil
	}
	return nil, errs.New(errs.Unauthenticated, "Unable to authenticate user %s", login)
}

type server struct {
	t    testing.TB
	api  *API
	w    *storetest.World
	user string
}

func newServer(t testing.TB, dsn string) *server {
	t.Helper()
	if dsn == "" {
		dsn = "sqlite:" + filepath.Join(t.TempDir(), "core.db")
	}
	db, err := sqldb.Open(context.Background(), dsn, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	reg := storetest.Registry(t, db, inventory.Options{})
	api := New(Options{Registry: reg, Ping: db.Ping, Settings: settings.New(reg, "foreman.example.com"), Auth: users{
		"admin": storetest.Admin{},
		"some":  storetest.Limited{Permissions: map[string]string{"view_domains": "name = example.com", "edit_domains": "name = example.com"}},
	}})
	return &server{t: t, api: api, w: storetest.Make(t, reg), user: "admin"}
}

// do sends a request and gives status and body.
func (s *server) do(method, path, body string) (int, map[string]any, http.Header) {
	s.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, reader)
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(s.user, "x")
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		s.t.Fatalf("%s %s: %d, not an object: %s", method, path, w.Code, w.Body)
	}
	return w.Code, v, w.Header()
}

// want is do that demands a status.
func (s *server) want(status int, method, path, body string) map[string]any {
	s.t.Helper()
	code, v, _ := s.do(method, path, body)
	if code != status {
		s.t.Fatalf("%s %s: status %d, want %d: %v", method, path, code, status, v)
	}
	return v
}

func path(v any, keys ...any) any {
	for _, k := range keys {
		switch k := k.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

func (s *server) domain(t *testing.T) {
	made := s.want(201, "POST", "/api/v2/domains", `{"domain":{"name":"a.example","fullname":"A","dns_id":`+fmt.Sprint(s.w.Proxy)+`,"subnets":[{"id":`+fmt.Sprint(s.w.Subnet)+`}],"nonsense":1,
		"domain_parameters_attributes":[{"name":"p","value":true,"parameter_type":"boolean"},{"name":"q","value":"x","hidden_value":true}]}}`)
	id := fmt.Sprint(made["id"])
	for want, got := range map[any]any{
		"a.example": made["name"], "proxy.example.com": made["dns_name"], "https://proxy.example.com:8443": path(made, "dns", "url"),
		"192.0.2.0/24": path(made, "subnets", 0, "network_address"), true: path(made, "parameters", 0, "value"),
		noun.Masked: path(made, "parameters", 1, "value"), "Default Organization": path(made, "organizations", 0, "name"),
		"domain": path(made, "parameters", 0, "associated_type"), 30.0: path(made, "parameters", 0, "priority"),
	} {
		if got != want {
			t.Errorf("created: got %v, want %v in %v", got, want, made)
		}
	}
	for _, p := range []string{"/api/domains/" + id, "/api/domains/a.example", "/api/v2/domains/" + id + "-a", "/api//domains/" + id + "/", "/api/subnets/lab/domains/" + id, "/api/organizations/1/locations/2/domains/a.example"} {
		if got := s.want(200, "GET", p, ""); got["fullname"] != "A" {
			t.Errorf("%s: %v", p, got)
		}
	}
	if got := s.want(200, "PUT", "/api/domains/"+id, `{"fullname":"B","domain_parameters_attributes":[{"name":"p","value":"false"}]}`); got["fullname"] != "B" || path(got, "parameters", 0, "value") != false || path(got, "parameters", 1) != nil {
		t.Errorf("updated without root: %v", got)
	}
	list := s.want(200, "GET", "/api/domains?search=name+%3D+a.example&order=name+desc&per_page=4294967296&unknown=1", "")
	if list["total"] != 2.0 || list["subtotal"] != 1.0 || list["per_page"] != 4294967296.0 || list["search"] != "name = a.example" || path(list, "sort", "order") != "desc" || path(list, "results", 0, "parameters") != nil {
		t.Errorf("list: %v", list)
	}
	if list := s.want(200, "GET", "/api/domains.json?per_page=all", `{"search":"name ~ example"}`); list["per_page"] != 2.0 || list["subtotal"] != 2.0 {
		t.Errorf("all: %v", list)
	}
	s.want(201, "POST", "/api/domains/"+id+"/parameters", `{"parameter":{"name":"n","value":{"a":1},"parameter_type":"hash"}}`)
	if got := s.want(200, "GET", "/api/domains/"+id+"/parameters/n", ""); path(got, "value", "a") != 1.0 {
		t.Errorf("parameter: %v", got)
	}
	if got := s.want(422, "DELETE", "/api/domains/"+id, ""); path(got, "error", "errors", "base", 0) != "a.example is used by lab" {
		t.Errorf("delete in use: %v", got)
	}
	s.want(200, "PUT", "/api/domains/"+id, `{"domain":{"subnet_ids":[]}}`)
	if got := s.want(200, "DELETE", "/api/domains/"+id, ""); !strings.HasSuffix(fmt.Sprint(got["created_at"]), "Z") {
		t.Errorf("deleted: %v", got)
	}
	s.want(404, "GET", "/api/domains/"+id, "")
}

func TestDomain(t *testing.T) {
	s := newServer(t, "")
	s.domain(t)
}

func TestErrors(t *testing.T) {
	s := newServer(t, "")
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/domains/99", "", 404, `{"error":{"message":"Resource domain not found by id '99'"}}`},
		{"GET", "/api/nothing", "", 404, `{"error":"Not Found","status":404}`},
		{"GET", "/api/v1/domains", "", 404, `{"error":"Not Found","status":404}`},
		{"GET", "/api/domains?subnet_id=77", "", 404, `{"message":"Subnet not found by id '77'"}`},
		{"GET", "/api/domains?organization_id=5", "", 404, `{"message":"Organization with id 5 not found"}`},
		{"GET", "/api/domains?search=nope+%3D+1", "", 400, `{"error":{"class":"ScopedSearch::QueryNotSupported","message":"Field 'nope' not recognized for searching!"}}`},
		{"GET", "/api/domains?per_page=-1", "", 400, `{"error":{"class":"ScopedSearch::QueryNotSupported","message":"per_page must be a positive number or 'all'"}}`},
		{"POST", "/api/domains", "", 422, `{"error":{"errors":{"name":["can't be blank"]},"full_messages":["Name can't be blank"],"id":null}}`},
		{"POST", "/api/domains", `{"domain":{"name":"example.com"}}`, 422, `{"error":{"errors":{"name":["has already been taken"]},"full_messages":["Name has already been taken"],"id":null}}`},
		{"POST", "/api/domains", `{"domain":{"name":"b","dns_name":"nobody"}}`, 422, `{"error":{"message":"Could not find dns with name: nobody"}}`},
		{"POST", "/api/organizations", `{"organization":{"name":"child","parent_id":1}}`, 201, ""},
		{"DELETE", "/api/organizations/1", "", 200, `{"error":{"message":"Cannot delete Default Organization because it has nested items."}}`},
		{"POST", "/api/hostgroups", `{"hostgroup":{"name":"g"}}`, 201, ""},
		{"POST", "/api/hostgroups", `{"hostgroup":{"name":"h","parent_name":"g"}}`, 201, ""},
		{"DELETE", "/api/hostgroups/g", "", 409, `{"message":"Cannot delete group g because it has nested groups."}`},
		{"POST", "/api/domains", "{", 400, ""},
	} {
		code, got, _ := s.do(test.method, test.path, test.body)
		text, _ := json.Marshal(got)
		if code != test.status || test.want != "" && string(text) != test.want {
			t.Errorf("%s %s: %d %s\nwant %d %s", test.method, test.path, code, text, test.status, test.want)
		}
	}
	s.user = "nobody"
	if code, got, _ := s.do("GET", "/api/domains", ""); code != 401 || path(got, "error", "message") != "Unable to authenticate user nobody" {
		t.Errorf("401: %d %v", code, got)
	}
	s.user = "some"
	if code, got, _ := s.do("GET", "/api/hosts", ""); code != 403 || path(got, "error", "missing_permissions", 0) != "view_hosts" || path(got, "error", "details") != "Missing one of the required permissions: view_hosts" {
		t.Errorf("403: %d %v", code, got)
	}
	if code, got, _ := s.do("PUT", "/api/domains/example.com", `{"domain":{"name":"x.example"}}`); code != 422 || !strings.Contains(fmt.Sprint(got), "You don't have permission edit_domains") {
		t.Errorf("recheck: %d %v", code, got)
	}
	r := httptest.NewRequest("POST", "/api/domains", strings.NewReader("name=x"))
	r.Header.Set("Content-Type", "text/plain")
	r.SetBasicAuth("admin", "x")
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	if w.Code != 415 || !strings.Contains(w.Body.String(), "Content-Type: text/plain") {
		t.Errorf("415: %d %s", w.Code, w.Body)
	}
}

func TestStatusAndDocument(t *testing.T) {
	s := newServer(t, "")
	code, got, h := s.do("GET", "/api/v2/ping", "")
	if code != 200 || path(got, "results", "foreman", "database", "active") != true || h.Get("Foreman_version") != Version || h.Get("Foreman_api_version") != "2" {
		t.Errorf("ping: %d %v %v", code, got, h)
	}
	if got := s.want(200, "GET", "/api/status", ""); got["version"] != Version {
		t.Errorf("status: %v", got)
	}
	if got := s.want(200, "GET", "/api", ""); path(got, "links", "domains") == nil {
		t.Errorf("home: %v", got)
	}
	sum := s.want(200, "GET", "/apidoc/apipie_checksum", "")["checksum"]
	_, doc, h := s.do("GET", "/apidoc/v2.json", "")
	if sum == "" || h.Get("Apipie-Checksum") != sum || path(doc, "docs", "resources", "domains", "methods", 0, "apis", 0, "api_url") != "/api/domains" {
		t.Errorf("document: %v %v", sum, h)
	}
}

func TestEveryRouteNamesAPermission(t *testing.T) {
	s := newServer(t, "")
	for _, r := range s.api.Routes() {
		if r.Permission == "" && !r.Public && !r.Anyone {
			t.Errorf("%s %s: no permission", r.Method, r.Pattern)
		}
	}
	t.Logf("%d routes", len(s.api.Routes()))
}

func TestInterfacesAreSavedThroughTheirHost(t *testing.T) {
	s := newServer(t, "")
	w := s.w
	host := s.want(201, "POST", "/api/hosts", fmt.Sprintf(`{"host":{"name":"a","managed":false,"domain_id":%d,"mac":"52:54:00:00:00:01"}}`, w.Domain))
	at := fmt.Sprintf("/api/hosts/%v/interfaces", host["id"])
	first := fmt.Sprint(path(host, "interfaces", 0, "id"))
	made := s.want(201, "POST", at, `{"interface":{"identifier":"eth1","mac":"52:54:00:00:00:02","type":"interface","ip":"192.0.2.7"}}`)
	s.want(200, "PUT", at+"/"+first, `{"interface":{"mac":"52-54-00-00-00-03"}}`)
	if got := s.want(200, "GET", "/api/hosts/a.example.com", ""); got["mac"] != "52:54:00:00:00:03" || len(got["interfaces"].([]any)) != 2 {
		t.Errorf("host: %v", got)
	}
	if got := s.want(422, "DELETE", at+"/"+first, ""); !strings.Contains(fmt.Sprint(got), "primary or provision") {
		t.Errorf("delete the primary: %v", got)
	}
	s.want(422, "POST", at, `{"interface":{"identifier":"eth1"}}`)
	s.want(200, "DELETE", at+"/"+fmt.Sprint(made["id"]), "")
	if got := s.want(200, "GET", at, ""); got["total"] != 1.0 {
		t.Errorf("interfaces: %v", got)
	}
	if got := s.want(200, "GET", "/api/hosts?thin=false&search=domain+=+example.com", ""); path(got, "results", 0, "name") != "a.example.com" || len(path(got, "results", 0).(map[string]any)) != 2 {
		t.Errorf("thin: %v", got)
	}
}

func TestSettings(t *testing.T) {
	s := newServer(t, "")
	if got := s.want(200, "GET", "/api/settings?search=name+%3D+foreman_url", ""); got["subtotal"] != 1.0 || path(got, "results", 0, "value") != "https://foreman.example.com" || path(got, "results", 0, "id") != "foreman_url" {
		t.Errorf("list: %v", got)
	}
	if got := s.want(200, "PUT", "/api/settings/token_duration", `{"setting":{"value":"60"}}`); got["value"] != 60.0 || got["default"] != 360.0 {
		t.Errorf("set: %v", got)
	}
	if got := s.want(200, "PUT", "/api/settings/oauth_consumer_key", `{"setting":{"value":"s3cret"}}`); got["value"] != noun.Masked {
		t.Errorf("encrypted: %v", got)
	}
	if got := s.want(200, "GET", "/api/settings/oauth_consumer_key", ""); got["value"] != noun.Masked {
		t.Errorf("encrypted: %v", got)
	}
	s.want(422, "PUT", "/api/settings/entries_per_page", `{"setting":{"value":"many"}}`)
	s.want(422, "PUT", "/api/settings/entries_per_page", `{"setting":{"value":0}}`)
	s.want(422, "PUT", "/api/settings/entries_per_page", `{"value":5}`)
	s.want(404, "GET", "/api/settings/1", "")
	s.want(200, "GET", "/api/settings?per_page=all&page=1", "")
}

type prober struct{ down bool }

func (p *prober) Probe(context.Context, string) (string, []inventory.Feature, error) {
	if p.down {
		return "", nil, errs.New(errs.Upstream, "connection refused")
	}
	return "3.13.0", []inventory.Feature{{ID: 1, Name: "TFTP", Capabilities: []string{}}}, nil
}

func TestProxyIsAskedForItsFeatures(t *testing.T) {
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "core.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := &prober{}
	reg := storetest.Registry(t, db, inventory.Options{Prober: p})
	s := &server{t: t, user: "admin", api: New(Options{Registry: reg, Auth: users{"admin": storetest.Admin{}}})}
	got := s.want(201, "POST", "/api/smart_proxies", `{"smart_proxy":{"name":"p","url":"https://p.example.com:8443"}}`)
	if path(got, "features", 0, "name") != "TFTP" {
		t.Errorf("features: %v", got)
	}
	p.down = true
	got = s.want(422, "POST", "/api/smart_proxies", `{"smart_proxy":{"name":"q","url":"https://q.example.com:8443"}}`)
	if path(got, "error", "errors", "base", 0) != "Unable to communicate with the proxy: connection refused" {
		t.Errorf("unreachable: %v", got)
	}
}

func TestIncludeAndContext(t *testing.T) {
	s := newServer(t, "")
	s.want(201, "POST", "/api/hosts", fmt.Sprintf(`{"host":{"name":"a","managed":false,"domain_id":%d,"host_parameters_attributes":[{"name":"p","value":"v"}]}}`, s.w.Domain))
	s.want(201, "POST", "/api/common_parameters", `{"common_parameter":{"name":"c","value":"hidden","hidden_value":true}}`)
	if got := s.want(200, "GET", "/api/hosts", ""); path(got, "results", 0, "all_parameters") != nil || path(got, "results", 0, "parameters") != nil {
		t.Errorf("not asked for: %v", got)
	}
	got := s.want(200, "GET", "/api/hosts?include[]=all_parameters&include[]=nonsense", "")
	if path(got, "results", 0, "all_parameters", 0, "name") != "p" || path(got, "results", 0, "all_parameters", 1, "value") != noun.Masked || path(got, "results", 0, "parameters") != nil {
		t.Errorf("included: %v", got)
	}
	if got := s.want(200, "GET", "/api/hosts?include=all_parameters&show_hidden_parameters=true", ""); path(got, "results", 0, "all_parameters", 1, "value") != "hidden" {
		t.Errorf("shown: %v", got)
	}
	_, _, h := s.do("GET", "/api/hosts?organization_id=1", "")
	if h.Get("Foreman_current_organization") != "1; Default Organization" || h.Get("Foreman_current_location") != "; ANY" {
		t.Errorf("headers: %v", h)
	}
}
