package codedir_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppet/fileserve"
	"github.com/chargehand/chargehand/puppet/server"
	"github.com/chargehand/chargehand/puppet/server/codedir"
)

const tree = `
-- environments/production/manifests/site.pp --
node default {
  include base
  notify { "trusted ${trusted['certname']} ${trusted['extensions']['pp_role']} ${server_facts['servername']}": }
}
-- environments/production/hiera.yaml --
version: 5
hierarchy:
  - name: common
    path: common.yaml
-- environments/production/data/common.yaml --
base::greeting: from hiera
-- environments/production/modules/base/manifests/init.pp --
class base (String $greeting) {
  notify { "${greeting} ${facts['os']['name']} ${owner}": }
  @@notify { 'exported': }
}
-- environments/staging/environment.conf --
manifest = site.pp
modulepath = site:$basemodulepath
environment_timeout = 5m
-- environments/staging/site.pp --
fail('on purpose')
-- environments/staging/site/shared/files/x --
staging
-- environments/not-a-name/manifests/site.pp --
-- modules/shared/files/x --
shared
-- modules/assigned/manifests/init.pp --
class assigned ($port = 1) { notify { "port ${port}": } }
-- modules/Not-A-Module/files/x --
`

func open(t *testing.T) (*codedir.Code, string) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(tree)).Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return codedir.New(codedir.Options{Dir: dir}), dir
}

func request(environment string) server.CompileRequest {
	return server.CompileRequest{
		Certname: "a.test", Environment: environment, Rich: true, ServerName: "puppet.test",
		Facts:      server.Facts{Certname: "a.test", Values: json.RawMessage(`{"os":{"name":"Debian"}}`)},
		Trusted:    server.Trusted{Authenticated: "remote", Certname: "a.test", Extensions: map[string]string{"pp_role": "web"}},
		Classes:    []server.Class{{Name: "assigned", Parameters: map[string]any{"port": 8080}}},
		Parameters: map[string]any{"owner": "me"},
	}
}

func TestCompile(t *testing.T) {
	code, _ := open(t)
	catalog, err := code.Compile(t.Context(), request("production"))
	if err != nil {
		t.Fatal(err)
	}
	var wire struct {
		Environment string
		Classes     []string
		Resources   []struct{ Type, Title string }
	}
	if err := json.Unmarshal(catalog.Wire, &wire); err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, r := range wire.Resources {
		if r.Type == "Notify" {
			titles = append(titles, r.Title)
		}
	}
	want := []string{"port 8080", "from hiera Debian me", "trusted a.test web puppet.test"}
	if diff := cmp.Diff(sorted(want), sorted(titles)); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if wire.Environment != "production" || catalog.Environment != "production" {
		t.Errorf("environment %q, %q", wire.Environment, catalog.Environment)
	}
	full, err := catalog.Full.MarshalJSON()
	if err != nil || !strings.Contains(string(full), `"exported"`) {
		t.Errorf("the full catalog lacks what is exported: %v", err)
	}
}

func sorted(list []string) string { // one line a title, in any order
	m := map[string]bool{}
	for _, s := range list {
		m[s] = true
	}
	data, _ := json.Marshal(m)
	return string(data)
}

func TestErrors(t *testing.T) {
	code, dir := open(t)
	_, err := code.Compile(t.Context(), request("staging"))
	want := "Evaluation Error: Error while evaluating a Function Call, on purpose (file: " + filepath.Join(dir, "environments/staging/site.pp") + ", line: 1, column: 1) on node a.test"
	if !errs.Is(err, errs.Invalid) || errs.PublicText(err) != want {
		t.Errorf("%v\nwanted %s", err, want)
	}
	for _, name := range []string{"nowhere", "", "..", "../environments/production", "not-a-name"} {
		if _, err := code.Compile(t.Context(), request(name)); !errs.Is(err, errs.NotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestEnvironments(t *testing.T) {
	code, dir := open(t)
	all, err := code.Environments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	none, five := time.Duration(0), 5*time.Minute
	want := []server.Environment{
		{Name: "production", ModulePath: []string{at("environments/production/modules"), at("modules")}, Manifest: at("environments/production/manifests"), Timeout: &none},
		{Name: "staging", ModulePath: []string{at("environments/staging/site"), at("modules")}, Manifest: at("environments/staging/site.pp"), Timeout: &five},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("environments (-want +got):\n%s", diff)
	}
	empty := codedir.New(codedir.Options{Dir: t.TempDir()})
	if all, err := empty.Environments(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("an empty directory: %v, %v", all, err)
	}
}

func TestModules(t *testing.T) {
	code, dir := open(t)
	got, err := code.Modules(t.Context(), "staging")
	if err != nil {
		t.Fatal(err)
	}
	want := []fileserve.Module{
		{Name: "shared", Dir: filepath.Join(dir, "environments/staging/site/shared")},
		{Name: "assigned", Dir: filepath.Join(dir, "modules/assigned")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modules (-want +got):\n%s", diff)
	}
	if _, err := code.Modules(t.Context(), "nowhere"); !errs.Is(err, errs.NotFound) {
		t.Errorf("an unknown environment: %v", err)
	}
}
