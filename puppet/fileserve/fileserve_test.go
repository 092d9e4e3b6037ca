package fileserve_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/puppet/fileserve"
)

// site is a module path for one environment, production.
type site []fileserve.Module

func (s site) Modules(_ context.Context, environment string) ([]fileserve.Module, error) {
	if environment != "production" {
		return nil, errs.New(errs.NotFound, "Could not find environment '%s'", environment)
	}
	return s, nil
}

// ModulePath is the directory above the first module.
func (s site) ModulePath(context.Context, string) ([]string, error) {
	return []string{filepath.Join(filepath.Dir(s[0].Dir), "absent"), filepath.Dir(s[0].Dir)}, nil
}

// newSite makes two modules, and a file that lies outside of both.
func newSite(t testing.TB) (*fileserve.Server, string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"secret":                        "secret\n",
		"demo/files/src.txt":            "from the server\n",
		"demo/files/tree/a":             "a\n",
		"demo/files/tree/sub/b":         "b\n",
		"demo/files/tree/.git/config":   "x",
		"demo/files/tree/sub/.hidden":   "x",
		"demo/lib/facter/demo.rb":       "demo",
		"demo/lib/puppet/both.rb":       "first",
		"demo/facts.d/demo.txt":         "demo_ext=external\n",
		"demo/manifests/init.pp":        "class demo {}",
		"other/lib/puppet/both.rb":      "second",
		"other/lib/puppet/other.rb":     "other",
		"other/tasks/run.sh":            "true",
		"other/scripts/do.sh":           "do",
		"srv/mounted.txt":               "mounted",
		"empty/metadata.json":           "{}",
		"demo/files/locked/dir/nothing": "",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "srv", "bare"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"demo/files/inner":     "src.txt",
		"demo/files/out":       "../../secret",
		"demo/files/absolute":  "/etc/passwd",
		"demo/files/outdir":    "../..",
		"demo/files/dangling":  "nowhere",
		"demo/files/tree/loop": "..",
	} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Fatal(err)
		}
	}
	s, err := fileserve.New(site{
		{Name: "demo", Dir: filepath.Join(dir, "demo")}, {Name: "other", Dir: filepath.Join(dir, "other")}, {Name: "empty", Dir: filepath.Join(dir, "empty")},
	}, func() time.Time { return time.Now().Add(time.Hour) }, fileserve.Mount{Name: "srv", Dir: filepath.Join(dir, "srv")})
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func content(t testing.TB, s *fileserve.Server, name string) (string, error) {
	t.Helper()
	c, err := s.Open(t.Context(), "production", name)
	if err != nil || c.File == nil {
		return "", err
	}
	defer c.File.Close()
	data, err := io.ReadAll(c.File)
	if int64(len(data)) != c.Size {
		t.Errorf("%s: %d bytes, announced %d", name, len(data), c.Size)
	}
	return string(data), err
}

func TestOpen(t *testing.T) {
	s, _ := newSite(t)
	for _, c := range []struct {
		name, want string
		kind       errs.Kind // when want is empty and it is an error
		fails      bool
	}{
		{name: "modules/demo/src.txt", want: "from the server\n"},
		{name: "modules/demo/tree/sub/b", want: "b\n"},
		{name: "modules/demo/inner", want: "from the server\n"},
		{name: "modules/demo/tree"},
		{name: "modules/demo"},
		{name: "plugins/puppet/both.rb", want: "first"},
		{name: "plugins/puppet/other.rb", want: "other"},
		{name: "pluginfacts/demo.txt", want: "demo_ext=external\n"},
		{name: "tasks/other/run.sh", want: "true"},
		{name: "scripts/other/do.sh", want: "do"},
		{name: "srv/mounted.txt", want: "mounted"},
		{name: "modules/demo/nope", kind: errs.NotFound, fails: true},
		{name: "modules/demo/src.txt/below", kind: errs.NotFound, fails: true},
		{name: "modules/nomod/x", kind: errs.NotFound, fails: true},
		{name: "modules/demo/dangling", kind: errs.NotFound, fails: true},
		{name: "nomount/x", kind: errs.Forbidden, fails: true},
		{name: "", kind: errs.Forbidden, fails: true},
		// ways out
		{name: "modules/demo/out", kind: errs.NotFound, fails: true},
		{name: "modules/demo/absolute", kind: errs.NotFound, fails: true},
		{name: "modules/demo/outdir/secret", kind: errs.NotFound, fails: true},
		{name: "modules/demo/../manifests/init.pp", kind: errs.Malformed, fails: true},
		{name: "modules/../secret", kind: errs.Malformed, fails: true},
		{name: "modules/demo//etc/passwd", kind: errs.Malformed, fails: true},
		{name: "srv/../secret", kind: errs.Malformed, fails: true},
		{name: "plugins/..", kind: errs.Malformed, fails: true},
		{name: "modules/demo/a\x00b", kind: errs.Malformed, fails: true},
	} {
		got, err := content(t, s, c.name)
		if got != c.want || (err != nil) != c.fails || (c.fails && !errs.Is(err, c.kind)) {
			t.Errorf("%q: %q, %v", c.name, got, err)
		}
	}
	if _, err := s.Open(t.Context(), "nosuch", "plugins/x"); !errs.Is(err, errs.NotFound) || errs.PublicText(err) != "Could not find environment 'nosuch'" {
		t.Errorf("unknown environment: %v", err)
	}
}

func TestMetadata(t *testing.T) {
	s, dir := newSite(t)
	modified := time.Date(2026, 11, 23, 17, 42, 12, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "demo/files/src.txt"), modified, modified); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		q    fileserve.Query
		want string // type, mode, checksum, destination
	}{
		{"modules/demo/src.txt", fileserve.Query{}, `file 644 {sha256}f7c20f1345e5a0562377d19bfd558c98adf9530b2cbfaa99f94080c459e1a05c -`},
		{"modules/demo/src.txt", fileserve.Query{ChecksumType: "md5"}, `file 644 {md5}60978f55d4cc00c19744173ac00983f3 -`},
		{"modules/demo/src.txt", fileserve.Query{ChecksumType: "md5lite"}, `file 644 {md5lite}60978f55d4cc00c19744173ac00983f3 -`},
		{"modules/demo/src.txt", fileserve.Query{ChecksumType: "mtime"}, `file 644 {mtime}2026-11-23 17:42:12 +0000 -`},
		{"modules/demo/src.txt", fileserve.Query{ChecksumType: "none", Permissions: true}, `file 640 {none} -`},
		{"modules/demo/inner", fileserve.Query{}, `link 644 {sha256}f7c20f1345e5a0562377d19bfd558c98adf9530b2cbfaa99f94080c459e1a05c src.txt`},
		{"modules/demo/inner", fileserve.Query{FollowLinks: true}, `file 644 {sha256}f7c20f1345e5a0562377d19bfd558c98adf9530b2cbfaa99f94080c459e1a05c -`},
		{"modules/demo/dangling", fileserve.Query{}, `link 644 nil nowhere`},
		{"modules/demo/out", fileserve.Query{}, `link 644 nil ../../secret`},
	} {
		m, err := s.Metadata(t.Context(), "production", c.name, c.q)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := summary(m); got != c.want || m.RelativePath != nil || !strings.HasPrefix(m.Path, dir) {
			t.Errorf("%s %+v: %s at %s; wanted %s", c.name, c.q, got, m.Path, c.want)
		}
	}
	if _, err := s.Metadata(t.Context(), "production", "modules/demo/src.txt", fileserve.Query{ChecksumType: "crc"}); !errs.Is(err, errs.Invalid) {
		t.Errorf("an unknown checksum: %v", err)
	}
	if _, err := s.Metadata(t.Context(), "production", "modules/demo/out", fileserve.Query{FollowLinks: true}); !errs.Is(err, errs.NotFound) {
		t.Errorf("followed a link out: %v", err)
	}
}

func summary(m fileserve.Metadata) string {
	sum, to := "nil", "-"
	if m.Checksum.Value != nil {
		sum = *m.Checksum.Value
	}
	if m.Destination != nil {
		to = *m.Destination
	}
	mode := ""
	for n := m.Mode; n > 0; n /= 8 {
		mode = string(rune('0'+n%8)) + mode
	}
	return strings.Join([]string{m.Type, mode, sum, to}, " ")
}

func TestSearch(t *testing.T) {
	s, _ := newSite(t)
	all := fileserve.Query{Recurse: true}
	for _, c := range []struct {
		name string
		q    fileserve.Query
		want string
	}{
		{"modules/demo/tree", fileserve.Query{}, "."},
		{"modules/demo/tree", all, ". .git .git/config a loop sub sub/.hidden sub/b"},
		{"modules/demo/tree", fileserve.Query{Recurse: true, Ignore: []string{".git", "loop"}}, ". a sub sub/.hidden sub/b"},
		{"modules/demo/tree", fileserve.Query{Recurse: true, Ignore: []string{"*"}}, ". .git"}, // all but the dotted
		{"modules/demo/tree", fileserve.Query{Recurse: true, Depth: 1, Ignore: []string{"b", ".git", "loop"}}, ". a sub"},
		{"modules/demo/src.txt", all, "."},
		{"plugins", fileserve.Query{}, "."},
		{"plugins", all, ". facter facter/demo.rb puppet puppet/both.rb puppet/other.rb"},
		{"pluginfacts", all, ". demo.txt"},
		{"locales", all, "."}, // no module has any
		{"srv", all, ". bare mounted.txt"},
	} {
		found, err := s.Search(t.Context(), "production", c.name, c.q)
		var names []string
		for _, m := range found {
			names = append(names, *m.RelativePath)
		}
		if len(names) > 0 && names[0] != "." {
			t.Errorf("%s: %q comes first", c.name, names[0])
		}
		slices.Sort(names)
		got := strings.Join(names, " ")
		if err != nil || got != c.want {
			t.Errorf("%s %+v: %s (%v); wanted %s", c.name, c.q, got, err, c.want)
		}
	}
	for _, name := range []string{"modules/demo/nope", "modules/nomod/x", "locales/x", "modules"} {
		if _, err := s.Search(t.Context(), "production", name, all); !errs.Is(err, errs.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Search(t.Context(), "production", "modules/demo/tree", fileserve.Query{Recurse: true, MaxFiles: 2}); !errs.Is(err, errs.Invalid) {
		t.Errorf("more than max_files: %v", err)
	}
}

// TestSearchFollowsWithinTheTree follows links as pluginsync asks to: a circle
// ends, and what lies outside does not appear.
func TestSearchFollowsWithinTheTree(t *testing.T) {
	s, _ := newSite(t)
	found, err := s.Search(t.Context(), "production", "modules/demo", fileserve.Query{Recurse: true, FollowLinks: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found {
		switch *m.RelativePath {
		case "out", "absolute", "outdir", "dangling":
			t.Errorf("%s leads out, and yet is listed", *m.RelativePath)
		}
	}
	if len(found) < 10 || len(found) > 30 {
		t.Errorf("%d files listed", len(found))
	}
}

func TestPathsAndJSON(t *testing.T) {
	s, dir := newSite(t)
	found, err := s.Search(t.Context(), "production", "plugins", fileserve.Query{Recurse: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found {
		want := "demo/lib"
		if *m.RelativePath == "puppet/other.rb" {
			want = "other/lib"
		}
		if m.Path != filepath.Join(dir, want) {
			t.Errorf("%s is in %s", *m.RelativePath, m.Path)
		}
	}
	data, err := json.Marshal(found[0])
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{"path", "relative_path", "links", "owner", "group", "mode", "checksum", "type", "destination"}
	at := -1
	for _, k := range keys {
		i := strings.Index(string(data), `"`+k+`":`)
		if i <= at {
			t.Errorf("%s is missing or out of order in %s", k, data)
		}
		at = i
	}
}

// TestChecksumFollowsTheFile changes a file in place, keeping its size and
// modification time: the cache must notice all the same.
func TestChecksumFollowsTheFile(t *testing.T) {
	s, dir := newSite(t)
	file := filepath.Join(dir, "demo/files/src.txt")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := func() string {
		m, err := s.Metadata(t.Context(), "production", "modules/demo/src.txt", fileserve.Query{})
		if err != nil {
			t.Fatal(err)
		}
		return *m.Checksum.Value
	}
	old := sum()
	if again := sum(); again != old {
		t.Errorf("the same file has sums %s and %s", old, again)
	}
	if err := os.WriteFile(file, []byte("from the sewers\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, time.Now(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	if sum() == old {
		t.Error("the file changed and its sum did not")
	}
}

func TestParseConf(t *testing.T) {
	mounts, ignored := fileserve.ParseConf("# c\npath /lost\n[extra]\n  path /srv/extra\n  allow *\n[bad]\n path /x/%h\n")
	if diff := cmp.Diff([]fileserve.Mount{{Name: "extra", Dir: "/srv/extra"}}, mounts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"path /lost", "path /x/%h"}, ignored); diff != "" {
		t.Error(diff)
	}
}

func TestMountsThatCannotBe(t *testing.T) {
	for _, m := range []fileserve.Mount{{"modules", "/x"}, {"a", "relative"}, {"", "/x"}, {"a/b", "/x"}} {
		if _, err := fileserve.New(site{}, time.Now, m); !errs.Is(err, errs.Invalid) {
			t.Errorf("%v: %v", m, err)
		}
	}
}

func TestBucket(t *testing.T) {
	root, err := rootfs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	b := fileserve.NewBucket(root)
	const sum = "360a5647411da3619d244ffeb2aa990682af09bcc05892146e42882fd9f9fab7"
	if _, err := b.Open("sha256", sum); !errs.Is(err, errs.NotFound) {
		t.Errorf("before: %v", err)
	}
	for range 2 {
		if err := b.Put("sha256", sum, []byte("bucket me\n")); err != nil {
			t.Fatal(err)
		}
	}
	file, err := b.Open("sha256", sum)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if data, _ := io.ReadAll(file); string(data) != "bucket me\n" {
		t.Errorf("%q", data)
	}
	if err := b.Put("sha256", sum, []byte("other")); !errs.Is(err, errs.Invalid) {
		t.Errorf("another content: %v", err)
	}
	for _, bad := range []string{"", "..", "../../x", "zz", strings.Repeat("A", 64)} {
		if err := b.Put("sha256", bad, nil); !errs.Is(err, errs.Malformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := b.Put("..", sum, nil); !errs.Is(err, errs.Malformed) {
		t.Errorf("kind ..: %v", err)
	}
}

func FuzzPath(f *testing.F) {
	s, dir := newSite(f)
	for _, seed := range []string{"modules/demo/src.txt", "plugins/..", "modules/demo/../../secret", "srv/./x", "modules/demo/outdir/secret", "x"} {
		f.Add(seed)
	}
	secret, err := os.ReadFile(filepath.Join(dir, "secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, err := content(t, s, name)
		if errs.Is(err, errs.Internal) && !strings.Contains(err.Error(), "permission") {
			t.Errorf("%q: %v", name, err)
		}
		if got == string(secret) {
			t.Errorf("%q leaves its tree", name)
		}
	})
}

func BenchmarkSearchPlugins(b *testing.B) {
	dir := b.TempDir()
	for m := range 10 {
		lib := filepath.Join(dir, "m"+string(rune('0'+m)), "lib", "puppet", "functions")
		if err := os.MkdirAll(lib, 0o755); err != nil {
			b.Fatal(err)
		}
		for n := range 26 {
			if err := os.WriteFile(filepath.Join(lib, string(rune('a'+m))+string(rune('a'+n))+".rb"), make([]byte, 3000), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	var modules site
	for m := range 10 {
		modules = append(modules, fileserve.Module{Name: "m" + string(rune('0'+m)), Dir: filepath.Join(dir, "m"+string(rune('0'+m)))})
	}
	s, err := fileserve.New(modules, func() time.Time { return time.Now().Add(time.Hour) })
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if found, err := s.Search(b.Context(), "production", "plugins", fileserve.Query{Recurse: true, FollowLinks: true}); err != nil || len(found) != 263 {
			b.Fatal(len(found), err)
		}
	}
}
