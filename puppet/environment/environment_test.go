package environment

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/puppet/syntax"
)

// write lays files out below a folder.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, files map[string]string) *Environment {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	e, err := Open(NewCache(), Options{Name: "production", Dir: dir, BaseModulePath: []string{filepath.Join(dir, "base")}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestParseConf(t *testing.T) {
	got := ParseConf("# c\nmanifest = site\nmodulepath=a:$basemodulepath:/b\n config_version = 'x y'\nnope = 1\n[main]\nmanifest = other\n")
	want := Conf{Manifest: "site", ModulePath: "a:$basemodulepath:/b", ConfigVersion: "x y", Unknown: []string{"nope"}, Sections: []string{"main"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/e/a", "/base", "/b"}, modulePath(got.ModulePath, "/e", []string{"/base"})); diff != "" {
		t.Error(diff)
	}
}

func TestManifestsInOrder(t *testing.T) {
	e := open(t, map[string]string{
		"manifests/b.pp": "$b = 1", "manifests/a/z.pp": "$z = 1", "manifests/a.pp": "$a = 1",
		"manifests/.hidden.pp": "}", "manifests/x.txt": "}",
	})
	units, err := e.Main()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range units {
		rel, _ := filepath.Rel(e.Dir, u.Program.Src.File)
		got = append(got, rel)
	}
	if diff := cmp.Diff([]string{"manifests/a.pp", "manifests/a/z.pp", "manifests/b.pp"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFirstModuleWins(t *testing.T) {
	e := open(t, map[string]string{
		"modules/m/manifests/init.pp": "class m { }", "base/m/manifests/sub.pp": "class m::sub { }", "base/n/manifests/a/b.pp": "class n::a::b { }",
	})
	for name, want := range map[string]bool{"m": true, "m::sub": false, "n::a::b": true, "n::a": false, "none": false} {
		u, err := e.Definitions(name)
		if err != nil {
			t.Fatal(err)
		}
		if (u != nil) != want {
			t.Errorf("%s: found is %t", name, u != nil)
		}
	}
}

func TestModuleFilesHoldTheirOwnNames(t *testing.T) {
	e := open(t, map[string]string{"modules/m/manifests/init.pp": "class n { }", "modules/m/functions/f.pp": "function m::g() { }"})
	_, err := e.Definitions("m")
	var invalid *Invalid
	if !errors.As(err, &invalid) || invalid.Findings.Errors[0].Code != "ILLEGAL_DEFINITION_LOCATION" {
		t.Errorf("got %v", err)
	}
	if _, err := e.Function("m::f"); err == nil || !strings.Contains(err.Error(), "m::g") && !strings.Contains(err.Error(), "Unacceptable") {
		t.Errorf("got %v", err)
	}
}

// TestNamesStayInside asks for names that would lead out of the folders.
func TestNamesStayInside(t *testing.T) {
	e := open(t, map[string]string{"modules/m/files/a": "inside", "modules/m/templates/t.epp": "x", "secret": "outside"})
	if text, ok, err := e.File("m/a"); !ok || err != nil || text != "inside" {
		t.Errorf("m/a: %q, %t, %v", text, ok, err)
	}
	for _, name := range []string{"m/../../../secret", "../m/a", "m/", "m", "m/./../../../secret"} {
		if text, ok, _ := e.File(name); ok {
			t.Errorf("%s gave %q", name, text)
		}
	}
	for _, name := range []string{"..::secret", "m::..::x", "M", "m::", ""} {
		if u, err := e.Definitions(name); u != nil || err != nil {
			t.Errorf("%s: %v, %v", name, u, err)
		}
	}
}

func TestCacheNoticesChanges(t *testing.T) {
	e := open(t, map[string]string{"manifests/site.pp": "$a = 1"})
	first, err := e.Main()
	if err != nil {
		t.Fatal(err)
	}
	again, err := e.Main()
	if err != nil || again[0].Program != first[0].Program {
		t.Error("an unchanged file was parsed again")
	}
	path := filepath.Join(e.Dir, "manifests", "site.pp")
	write(t, e.Dir, map[string]string{"manifests/site.pp": "$b = 2"})
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	changed, err := e.Main()
	if err != nil || changed[0].Program == first[0].Program {
		t.Error("a changed file was not parsed again")
	}
}

func TestGeneratedResourceTypes(t *testing.T) {
	e := open(t, map[string]string{".resource_types/comp.pp": `Puppet::Resource::ResourceType3.new(
  'comp', [Puppet::Resource::Param(Any, 'v')],
  [Puppet::Resource::Param(String, 'k1', true), Puppet::Resource::Param(String, 'k2', true)],
  { /(?m-ix:^(.*):(.*)$)/ => ['k1', 'k2'], /(.*)/ => ['k1'] }, true, false)`})
	rt, err := e.ResourceType("comp")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"k1", "k2"}, rt.Key); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"k1": "a", "k2": "b"}, rt.Title("a:b")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"k1": "a"}, rt.Title("a")); diff != "" {
		t.Error(diff)
	}
}

func TestInvalidCountsErrors(t *testing.T) {
	e := open(t, map[string]string{"manifests/site.pp": "$1 = 2\n$a::b = 3\n"})
	_, err := e.Main()
	var invalid *Invalid
	if !errors.As(err, &invalid) || len(invalid.Findings.Errors) != 2 {
		t.Fatalf("got %v", err)
	}
	var found *syntax.Error
	if !errors.As(err, &found) || found.Message != "Language validation logged 2 errors. Giving up" {
		t.Errorf("got %v", err)
	}
}
