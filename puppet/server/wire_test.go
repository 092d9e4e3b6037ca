package server_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/puppet/server"
)

const agentName = "agent1.example.test"

// as names who calls in the tables below.
type as string

const (
	anon  as = ""
	agent as = agentName
	admin as = serverName
)

// TestWire holds the answers against those recorded from the real server: the
// same status, Content-Type and body, where bodies are not its Java's.
func TestWire(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	clients := map[as]*http.Client{}
	for _, who := range []as{anon, agent, admin} {
		clients[who] = s.client(string(who))
	}
	for _, name := range []string{"n1.example.test", "n2.example.test"} {
		csr, _ := newRequest(t, name)
		_, err := s.ca.Submit(t.Context(), name, csr)
		s.must(err)
	}
	const env = "?environment=production"
	for _, c := range []struct {
		who    as
		line   string
		body   string
		accept string
		status int
		ctype  string
		want   string // the body; a trailing … stands for more
	}{
		// server-errors/
		{agent, "GET /puppet/v3/catalog/" + agentName, "", "application/json", 400, typePlain, "The environment must be purely alphanumeric, not 'null'"},
		{agent, "GET /puppet/v3/catalog/" + agentName + "?environment=no-such!", "", "application/json", 400, typePlain, "The environment must be purely alphanumeric, not 'no-such!'"},
		{agent, "GET /puppet/v3/catalog/other.example.test" + env, "", "*/*", 403, "", "Forbidden request: /puppet/v3/catalog/other.example.test (method :get). Please see the server logs for details."},
		{agent, "GET /puppet/v3/catalog/" + agentName + env, "", "text/html", 406, typeJSON, `{"message":"Not Acceptable: No supported formats are acceptable (Accept: text/html)","issue_kind":"UNSUPPORTED_FORMAT"}`},
		{agent, "GET /puppet/v3/catalog/" + agentName + "?environment=nosuch", "", "application/json", 200, typeJSON, `{"catalog_format":2,"catalog_uuid":"2192b4b0-fdb5-4b48-8151-d209ec51e868","classes":["settings"],"code_id":null,"edges":[…`},
		{agent, "GET /puppet/v3/file_content/modules/demo/nope.txt" + env, "", "application/octet-stream", 404, typeJSON, `{"message":"Not Found: Could not find file_content modules/demo/nope.txt","issue_kind":"RESOURCE_NOT_FOUND"}`},
		{agent, "GET /puppet/v3/file_content/modules/demo/src.txt" + env, "", "application/json", 406, typeJSON, `{"message":"Not Acceptable: No supported formats are acceptable (Accept: application/json)","issue_kind":"UNSUPPORTED_FORMAT"}`},
		{agent, "GET /puppet/v3/file_content/modules/demo/tree" + env, "", "application/octet-stream", 200, "application/octet-stream", ""},
		{agent, "GET /puppet/v3/file_content/modules/demo/src.txt" + env, "", "application/octet-stream", 200, "application/octet-stream", "from the server\n"},
		{anon, "GET /puppet/v3/file_content/modules/demo/src.txt" + env, "", "*/*", 403, "", "Forbidden request: /puppet/v3/file_content/modules/demo/src.txt (method :get). Please see the server logs for details."},
		{agent, "GET /puppet/v3/facts/" + agentName + env, "", "application/json", 404, "application/json", `{"message":"Not Found","url":"/puppet/v3/facts/` + agentName + `","status":"404"}`},
		{agent, "GET /puppet/v3/file_metadata/modules/demo/nope.txt" + env, "", "application/json", 404, typeJSON, `{"message":"Not Found: Could not find file_metadata modules/demo/nope.txt","issue_kind":"RESOURCE_NOT_FOUND"}`},
		{agent, "GET /puppet/v3/file_metadata/modules/demo/src.txt", "", "application/json", 400, typeJSON, `{"message":"Bad Request: An environment parameter must be specified","issue_kind":"RUNTIME_ERROR"}`},
		{agent, "GET /puppet/v3/file_metadata/modules/nomod/x" + env, "", "application/json", 404, typeJSON, `{"message":"Not Found: Could not find file_metadata modules/nomod/x","issue_kind":"RESOURCE_NOT_FOUND"}`},
		{agent, "GET /puppet/v3/file_metadata/nomount/x" + env, "", "application/json", 500, typeJSON, `{"message":"Server Error: Not authorized to call find on /file_metadata/nomount/x with {:rest=>\"nomount/x\"}","issue_kind":"RUNTIME_ERROR"}`},
		{agent, "GET /puppet/v3/file_metadatas/modules/demo/nope" + env + "&recurse=true", "", "application/json", 404, typeJSON, `{"message":"Not Found: Could not find instances in file_metadata with 'modules/demo/nope'","issue_kind":"RESOURCE_NOT_FOUND"}`},
		{agent, "GET /puppet/v3/file_metadatas/plugins?environment=nosuchenv&recurse=false", "", "application/json, text/pson", 404, typeJSON, `{"message":"Not Found: Could not find environment 'nosuchenv'","issue_kind":"RUNTIME_ERROR"}`},
		{agent, "PUT /puppet/v3/report/" + agentName + env, `{"nonsense":1}`, "application/json", 400, typeJSON, `{"message":"Bad Request: The request body is invalid: Could not intern from json: …`},
		{agent, "GET /puppet/v3/static_file_content/modules/demo/files/src.txt" + env, "", "*/*", 400, "text/plain", "Error: A /static_file_content request requires an environment, a code-id, and a file-path"},
		{agent, "GET /puppet/v3/node/" + agentName + env, "", "application/json", 200, typeJSON, `{"name":"agent1.example.test","environment":"production"}`},
		{agent, "GET /puppet/v3/nope/x" + env, "", "*/*", 404, "text/html;charset=utf-8", "<html>…"},
		// server-environments/, server-admin/, server-catalog-v4/
		{anon, "GET /puppet/v3/environments", "", "*/*", 403, "", "Forbidden request: /puppet/v3/environments (method :get). Please see the server logs for details."},
		{agent, "GET /puppet/v3/environment_classes" + env, "", "*/*", 403, "", "Forbidden request: /puppet/v3/environment_classes (method :get). Please see the server logs for details."},
		{admin, "DELETE /puppet-admin-api/v1/environment-cache", "", "*/*", 403, "", "Forbidden request: /puppet-admin-api/v1/environment-cache (method :delete). Please see the server logs for details."},
		{admin, "POST /puppet/v4/catalog", "{}", "*/*", 403, "", "Forbidden request: /puppet/v4/catalog (method :post). Please see the server logs for details."},
		// server-status/
		{anon, "GET /status/v1/simple", "", "*/*", 200, typePlain, "running"},
		{anon, "GET /status/v1/simple/server", "", "*/*", 200, typePlain, "running"},
		{anon, "GET /status/v1/simple/nope", "", "*/*", 404, typePlain, "not found: nope"},
		{anon, "GET /status/v1/services/nope", "", "*/*", 404, typeJSON, `{"kind":"service-not-found","msg":"No status information found for service nope"}`},
		{anon, "GET /status/v1/services/ca", "", "*/*", 200, typeJSON, `{"service_version":"7.23.0","service_status_version":1,"detail_level":"info","state":"running","status":{},"active_alerts":[],"service_name":"ca"}`},
		// ca-api/
		{anon, "GET /puppet-ca/v1/certificate/nope.example.test", "", "*/*", 404, "text/plain", "Could not find certificate nope.example.test"},
		{anon, "GET /puppet-ca/v1/certificate/ca", "", "*/*", 200, "text/plain", "-----BEGIN CERTIFICATE-----\n…"},
		{anon, "GET /puppet-ca/v1/certificate_revocation_list/ca", "", "*/*", 200, "text/plain", "-----BEGIN X509 CRL-----\n…"},
		{anon, "GET /puppet-ca/v1/certificate_revocation_list/infra", "", "*/*", 403, "", "Forbidden request: /puppet-ca/v1/certificate_revocation_list/infra (method :get). Please see the server logs for details."},
		{anon, "PUT /puppet-ca/v1/certificate_request/zz.example.test", "garbage", "*/*", 400, typePlain, "the body is not a certificate request in PEM"},
		{anon, "GET /puppet-ca/v1/certificate_request/nope.example.test", "", "*/*", 404, "text/plain", "Could not find certificate_request nope.example.test"},
		{anon, "GET /puppet-ca/v1/certificate_request/n1.example.test", "", "*/*", 200, "text/plain", "-----BEGIN CERTIFICATE REQUEST-----\n…"},
		{admin, "DELETE /puppet-ca/v1/certificate_request/n1.example.test", "", "*/*", 403, "", "Forbidden request: /puppet-ca/v1/certificate_request/n1.example.test (method :delete). Please see the server logs for details."},
		{anon, "GET /puppet-ca/v1/certificate_status/n1.example.test", "", "*/*", 403, "", "Forbidden request: /puppet-ca/v1/certificate_status/n1.example.test (method :get). Please see the server logs for details."},
		{agent, "GET /puppet-ca/v1/certificate_status/n1.example.test", "", "*/*", 403, "", "Forbidden request: /puppet-ca/v1/certificate_status/n1.example.test (method :get). Please see the server logs for details."},
		{admin, "GET /puppet-ca/v1/certificate_status/n1.example.test", "", "application/json", 200, typeJSON, `{"name":"n1.example.test","state":"requested","dns_alt_names":[],"subject_alt_names":[],"authorization_extensions":{},"fingerprint":"…`},
		{admin, "GET /puppet-ca/v1/certificate_status/nope.example.test", "", "application/json", 404, typeJSON, "Resource not found."},
		{admin, "GET /puppet-ca/v1/certificate_statuses/any_key", "", "text/html", 406, typePlain, "No acceptable resource available."},
		{admin, "GET /puppet-ca/v1/certificate_statuses", "", "*/*", 404, "text/html;charset=utf-8", "Not Found"},
		{admin, "PUT /puppet-ca/v1/certificate_status/nope.example.test", `{"desired_state":"signed"}`, "*/*", 404, typePlain, "Invalid certificate subject."},
		{admin, "PUT /puppet-ca/v1/certificate_status/n1.example.test", `{"desired_state":"bogus"}`, "*/*", 400, typePlain, "State bogus invalid; Must specify desired state of 'signed' or 'revoked' for host n1.example.test."},
		{admin, "PUT /puppet-ca/v1/certificate_status/n1.example.test", `not json`, "*/*", 400, typePlain, "Request body is not JSON."},
		{admin, "PUT /puppet-ca/v1/certificate_status/n1.example.test", `{}`, "*/*", 400, typePlain, `Missing required parameter "desired_state"`},
		{admin, "PUT /puppet-ca/v1/certificate_status/n1.example.test", `{"desired_state":"revoked"}`, "*/*", 409, typePlain, "Cannot revoke certificate for host n1.example.test without a signed certificate"},
		{admin, "PUT /puppet-ca/v1/certificate_status/n1.example.test", `{"desired_state":"signed","cert_ttl":3600}`, "*/*", 204, "text/plain", ""},
		{admin, "PUT /puppet-ca/v1/certificate_status/n1.example.test", `{"desired_state":"signed"}`, "*/*", 409, typePlain, "Cannot sign certificate for host n1.example.test without a certificate request"},
		{admin, "PUT /puppet-ca/v1/certificate_status/n1.example.test", `{"desired_state":"revoked"}`, "*/*", 204, "text/plain", ""},
		{admin, "PUT /puppet-ca/v1/certificate_status/n1.example.test", `{"desired_state":"revoked"}`, "*/*", 204, "text/plain", ""},
		{admin, "DELETE /puppet-ca/v1/certificate_status/n1.example.test", "", "*/*", 204, typeJSON, ""},
		{admin, "DELETE /puppet-ca/v1/certificate_status/n1.example.test", "", "*/*", 404, typePlain, "Resource not found."},
		{admin, "POST /puppet-ca/v1/sign", `{"certnames":["n2.example.test","nope.example.test"]}`, "*/*", 200, "application/json", `{"signed":["n2.example.test"],"no-csr":["nope.example.test"],"signing-errors":[]}`},
		{admin, "PUT /puppet-ca/v1/clean", `{"certnames":["n2.example.test","nope.example.test"]}`, "*/*", 200, "text/plain", `The following certs do not exist and cannot be revoked: ["nope.example.test"]`},
		{anon, "GET /puppet-ca/v1/expirations", "", "*/*", 403, "", "Forbidden request: /puppet-ca/v1/expirations (method :get). Please see the server logs for details."},
		{agent, "GET /puppet-ca/v1/expirations", "", "*/*", 200, "application/json", `{"ca-certs":{"Puppet CA: puppet.example.test":"…`},
		{agent, "POST /puppet-ca/v1/certificate_renewal", "", "*/*", 200, "text/plain", "-----BEGIN CERTIFICATE-----\n…"},
	} {
		a := s.call(clients[c.who], c.line, c.body, "Accept: "+c.accept, "Content-Type: application/json")
		if a.status != c.status || a.header.Get("Content-Type") != c.ctype || !matches(c.want, a.body) {
			t.Errorf("%q %s: %d %s %q; wanted %d %s %q", c.who, c.line, a.status, a.header.Get("Content-Type"), a.body, c.status, c.ctype, c.want)
		}
		version := a.header.Get("X-Puppet-Version")
		if puppet := strings.Contains(c.line, "/puppet/v3/") || strings.Contains(c.line, "/puppet-ca/"); puppet && a.status != 404 && version != "7.23.0" {
			t.Errorf("%s: X-Puppet-Version is %q", c.line, version)
		}
	}
}

const (
	typeJSON  = "application/json;charset=utf-8"
	typePlain = "text/plain;charset=utf-8"
)

func matches(want, got string) bool {
	if begin, more := strings.CutSuffix(want, "…"); more {
		return strings.HasPrefix(got, begin)
	}
	return got == want
}

// TestTraversal sends paths as they are, past the client's own cleaning.
func TestTraversal(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	c := s.client(agentName)
	for _, path := range []string{
		"/puppet/v3/file_content/modules/demo/../../manifests/site.pp",
		"/puppet/v3/file_content/modules/demo/%2e%2e/%2e%2e/manifests/site.pp",
		"/puppet/v3/file_content/modules/demo/..%2f..%2fmanifests/site.pp",
		"/puppet/v3/file_content/modules%2fdemo%2f..%2f..%2fmanifests%2fsite.pp",
		"/puppet/v3/catalog/../catalog/" + agentName,
		"/puppet/v3/file_content/modules/demo/x%00.txt",
		"/puppet/v3/file_content/modules/demo/%ff",
	} {
		if a := s.call(c, "GET "+path+"?environment=production", "", "Accept: */*"); a.status != 400 {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
	// an encoded slash is a slash to the rules as well
	if a := s.call(c, "GET /puppet/v3/catalog%2fother.test?environment=production", ""); a.status != 403 {
		t.Errorf("an encoded slash: %d", a.status)
	}
}

// TestAuthorization walks all routes as everybody: who is let in is the table of
// the real server's defaults.
func TestAuthorization(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	all, certs, own, adm, none := "all", "certs", "own", "admin", "none"
	clients := map[string]*http.Client{all: s.client(""), certs: s.client("other.test"), own: s.client(agentName), adm: s.client(serverName)}
	order := []string{all, certs, own, adm}
	for line, who := range map[string]string{
		"GET /puppet-ca/v1/certificate/x": all, "PUT /puppet-ca/v1/certificate_request/x": all, "GET /puppet-ca/v1/certificate_request/x": all,
		"GET /puppet-ca/v1/certificate_revocation_list/ca": all, "GET /status/v1/simple": all, "GET /status/v1/services": all,
		"GET /puppet/v3/environments": certs, "GET /puppet/v3/file_metadata/modules/x": certs, "GET /puppet/v3/file_metadatas/plugins": certs,
		"GET /puppet/v3/file_content/modules/x": certs, "GET /puppet/v3/file_bucket_file/x": certs, "GET /puppet/v3/static_file_content/x": certs,
		"GET /puppet/v3/tasks": certs, "GET /puppet-ca/v1/expirations": certs,
		"GET /puppet/v3/catalog/" + agentName: own, "POST /puppet/v3/catalog/" + agentName: own, "GET /puppet/v3/node/" + agentName: own,
		"PUT /puppet/v3/report/" + agentName: own, "PUT /puppet/v3/facts/" + agentName: own,
		"GET /puppet-ca/v1/certificate_status/x": adm, "PUT /puppet-ca/v1/certificate_status/x": adm, "DELETE /puppet-ca/v1/certificate_status/x": adm,
		"GET /puppet-ca/v1/certificate_statuses/x": adm, "PUT /puppet-ca/v1/clean": adm, "POST /puppet-ca/v1/sign": adm, "POST /puppet-ca/v1/sign/all": adm,
		"PUT /puppet-ca/v1/certificate_revocation_list": adm,
		"DELETE /puppet-ca/v1/certificate_request/x":    none, "POST /puppet/v4/catalog": none, "GET /puppet/v3/environment_classes": none,
		"GET /puppet/v3/environment_modules": none, "DELETE /puppet-admin-api/v1/jruby-pool": none,
	} {
		for i, caller := range order {
			want := who == all || who == caller || (who == certs && i > 0)
			if a := s.call(clients[caller], line, ""); (a.status != 403) != want {
				t.Errorf("%s as %s: %d", line, caller, a.status)
			}
		}
	}
}

// TestRevokedAgentIsOut revokes a certificate while its agent is connected.
func TestRevokedAgentIsOut(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	c := s.client("gone.test")
	const line = "GET /puppet/v3/environments"
	if a := s.call(c, line, ""); a.status != 200 {
		t.Fatalf("before: %d", a.status)
	}
	s.must(s.ca.Revoke(t.Context(), "gone.test"))
	c.CloseIdleConnections()
	if _, err := c.Get("https://" + s.address + "/puppet/v3/environments"); err == nil {
		t.Error("a revoked certificate is let in")
	}
}

func recorded(t *testing.T, name string) (request, response string) {
	t.Helper()
	dir := os.Getenv("CHARGEHAND_REFERENCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "reference")
	}
	data, err := os.ReadFile(filepath.Join(dir, "puppet", "captures", name))
	if err != nil {
		t.Log("no recorded exchanges here; set CHARGEHAND_REFERENCE")
		return "", ""
	}
	sent, got, _ := strings.Cut(string(data), "\n-----RESPONSE-----\n")
	_, request, _ = strings.Cut(sent, "\n\n")
	_, response, _ = strings.Cut(got, "\n\n")
	return strings.TrimSuffix(request, "\n"), response
}

// TestRecordedRun sends what a real agent sent: its facts and its report.
func TestRecordedRun(t *testing.T) {
	form, _ := recorded(t, "agent-first-run/251-POST_catalog.http")
	report, _ := recorded(t, "agent-first-run/257-PUT_report.http")
	if form == "" {
		return
	}
	s := newSite(t, pki.Policy{}, nil)
	c := s.client(agentName)
	a := s.call(c, "POST /puppet/v3/catalog/"+agentName+"?environment=production", form,
		"Content-Type: application/x-www-form-urlencoded", "Accept: application/vnd.puppet.rich+json, application/json, text/pson", "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3")
	if a.status != 200 || a.header.Get("Content-Type") != "application/vnd.puppet.rich+json; charset=utf-8" || a.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%d %v %q", a.status, a.header, a.body)
	}
	z, err := gzip.NewReader(strings.NewReader(a.body))
	s.must(err)
	catalog, err := io.ReadAll(z)
	s.must(err)
	if !bytes.Equal(catalog, s.catalogs[0].Catalog.Wire) {
		t.Error("the agent's catalog is not the stored one")
	}
	var facts map[string]any
	s.must(json.Unmarshal(s.facts[0].Values, &facts))
	if len(facts) < 100 || facts["clientcert"] != agentName || s.facts[0].Timestamp.IsZero() {
		t.Errorf("%d facts at %s", len(facts), s.facts[0].Timestamp)
	}
	a = s.call(c, "PUT /puppet/v3/report/"+agentName+"?environment=production", report, "Content-Type: application/json")
	if a.status != 200 || a.body != `["store","puppetdb"]` {
		t.Errorf("%d %q", a.status, a.body)
	}
	r := s.reports[0]
	r.JSON = nil
	r.Time = r.Time.Truncate(time.Hour)
	want := server.Report{
		Certname: agentName, Environment: "production", Status: r.Status, Format: 12, PuppetVersion: "7.23.0",
		Time: r.Time, TransactionUUID: r.TransactionUUID,
	}
	if diff := cmp.Diff(want, r); diff != "" || r.TransactionUUID == "" || r.Time.IsZero() {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// TestImpersonation sends another's facts and report under one's own name.
func TestImpersonation(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	c := s.client(agentName)
	const env = "?environment=production"
	facts := `{"name":"victim.test","values":{"a":1}}`
	form := url.Values{"facts_format": {"application/json"}, "facts": {url.PathEscape(facts)}}.Encode()
	for line, body := range map[string]string{
		"POST /puppet/v3/catalog/" + agentName + env: form,
		"PUT /puppet/v3/facts/" + agentName + env:    facts,
		"PUT /puppet/v3/report/" + agentName + env:   `{"host":"victim.test","time":"2026-11-23T17:49:17Z","status":"changed","logs":[]}`,
	} {
		ctype := "application/json"
		if strings.HasPrefix(line, "POST") {
			ctype = "application/x-www-form-urlencoded"
		}
		if a := s.call(c, line, body, "Content-Type: "+ctype); a.status != 400 {
			t.Errorf("%s: %d %s", line, a.status, a.body)
		}
	}
	if len(s.facts)+len(s.reports)+len(s.catalogs) != 0 {
		t.Error("something was stored")
	}
}

// TestSinks shows what a sink's failure does: one that is not required is the
// log's business, one that is required sends the agent away for a while.
func TestSinks(t *testing.T) {
	report := `{"host":"` + agentName + `","time":"2026-11-23T17:49:17.7Z","status":"unchanged","logs":[]}`
	for _, required := range []bool{false, true} {
		s := newSite(t, pki.Policy{}, func(s *site, o *server.Options) { o.Reports[0].Required = required })
		s.sinkErr = errs.New(errs.Upstream, "core is down")
		a := s.call(s.client(agentName), "PUT /puppet/v3/report/"+agentName+"?environment=production", report, "Content-Type: application/json")
		if required != (a.status == 503) || required != (a.header.Get("Retry-After") != "") || (!required && a.status != 200) {
			t.Errorf("required %v: %d %v", required, a.status, a.header)
		}
		if s.server.Counters().SinkErrors != 1 {
			t.Errorf("counters %+v", s.server.Counters())
		}
	}
}

func TestCompileError(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	a := s.call(s.client("broken.test"), "GET /puppet/v3/catalog/broken.test?environment=production", "")
	want := `{"message":"Server Error: Evaluation Error: Error while evaluating a Function Call, on purpose (file: /x/site.pp, line: 1, column: 1) on node broken.test","issue_kind":"RUNTIME_ERROR"}`
	if a.status != 500 || a.body != want {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestClassifierDecides the environment and the classes.
func TestClassifierDecides(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	s.write("-- environments/staging/modules/.keep --\n")
	s.classes = server.Classification{Environment: "staging", Classes: []server.Class{{Name: "ntp"}}, Parameters: map[string]any{"owner": "me"}}
	c := s.client(agentName)
	a := s.call(c, "GET /puppet/v3/node/"+agentName+"?environment=production", "")
	if want := `{"name":"agent1.example.test","environment":"staging","parameters":{"owner":"me"},"classes":{"ntp":{}}}`; a.body != want {
		t.Errorf("node: %s", a.body)
	}
	if a := s.call(c, "GET /puppet/v3/catalog/"+agentName+"?environment=production", ""); !strings.Contains(a.body, `"environment":"staging"`) {
		t.Errorf("catalog: %s", a.body)
	}
	s.classes.Environment = "nowhere"
	if a := s.call(c, "GET /puppet/v3/catalog/"+agentName+"?environment=production", ""); a.status != 404 {
		t.Errorf("the classifier's environment does not exist: %d %s", a.status, a.body)
	}
}

func TestBucketAndCRL(t *testing.T) {
	s := newSite(t, pki.Policy{}, nil)
	c := s.client(agentName)
	const file = "/puppet/v3/file_bucket_file/sha256/360a5647411da3619d244ffeb2aa990682af09bcc05892146e42882fd9f9fab7"
	for _, step := range []struct {
		line, body string
		status     int
		want       string
	}{
		{"HEAD " + file + "//srv/bk.txt?environment=production", "", 404, ""},
		{"PUT " + file + "//srv/bk.txt?environment=production", "bucket me\n", 200, ""},
		{"HEAD " + file + "//srv/bk.txt?environment=production", "", 200, ""},
		{"GET " + file + "?environment=production", "", 200, "bucket me\n"},
		{"PUT " + file + "?environment=production", "another", 400, `{"message":"Bad Request: …`},
	} {
		if a := s.call(c, step.line, step.body, "Accept: application/octet-stream", "Content-Type: application/octet-stream"); a.status != step.status || !matches(step.want, a.body) {
			t.Errorf("%s: %d %q", step.line, a.status, a.body)
		}
	}
	const crl = "GET /puppet-ca/v1/certificate_revocation_list/ca"
	if a := s.call(c, crl, "", "If-Modified-Since: "+time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)); a.status != 304 || a.body != "" {
		t.Errorf("not modified: %d", a.status)
	}
	if a := s.call(c, crl, "", "If-Modified-Since: "+time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)); a.status != 200 {
		t.Errorf("modified: %d", a.status)
	}
}
