package autosignfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/proxytest"
	"github.com/chargehand/chargehand/proxy/puppetca/autosignfile"
)

func open(t testing.TB, content string) (*autosignfile.File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "puppet", "autosign.conf")
	f, err := autosignfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if content != "" {
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o644), os.Chmod(path, 0o664)); err != nil {
			t.Fatal(err)
		}
	}
	return f, path
}

func TestConformance(t *testing.T) {
	proxytest.Autosign(t, func(t *testing.T) proxytest.AutosignHome {
		f, _ := open(t, "")
		return proxytest.AutosignHome{Provider: f}
	})
}

// TestOthersLinesStay: comments, blank lines, patterns and order are kept.
func TestOthersLinesStay(t *testing.T) {
	f, path := open(t, "# by hand\n\n*.dev.example.test\n  a.example.test  \nb.example.test")
	ctx := t.Context()
	names, err := f.List(ctx)
	if diff := cmp.Diff([]string{"*.dev.example.test", "a.example.test", "b.example.test"}, names); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, name := range []string{"a.example.test", "c.example.test"} {
		if _, err := f.Add(ctx, name, 0); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"a.example.test", "absent.example.test"} {
		if _, err := f.Remove(ctx, name); err != nil {
			t.Error(err)
		}
	}
	got, err := os.ReadFile(path)
	if want := "# by hand\n\n*.dev.example.test\nb.example.test\nc.example.test\n"; string(got) != want || err != nil {
		t.Errorf("the file is now %q, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o664 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTooLargeIsLeftAlone(t *testing.T) {
	f, path := open(t, strings.Repeat("x\n", 5<<20))
	if _, err := f.Add(t.Context(), "a.example.test", 0); !errs.Is(err, errs.TooLarge) {
		t.Error(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 10<<20 {
		t.Errorf("%v %v", info.Size(), err)
	}
}

// FuzzFile: whatever stands in the file, adding and removing a name leaves the
// other lines as they were.
func FuzzFile(f *testing.F) {
	f.Add("# x\n*.y\n\nz")
	f.Add("\r\n\x00\n#fuzz.example.test")
	f.Add("fuzz.example.test\nfuzz.example.test")
	f.Fuzz(func(t *testing.T, content string) {
		file, path := open(t, content)
		const name = "fuzz.example.test"
		if _, err := file.Add(t.Context(), name, 0); err != nil {
			t.Fatal(err)
		}
		if names, err := file.List(t.Context()); err != nil || !strings.Contains(strings.Join(names, "\n"), name) {
			t.Fatalf("%q: %v %v", content, names, err)
		}
		if found, err := file.Remove(t.Context(), name); !found || err != nil {
			t.Fatalf("%q: %v %v", content, found, err)
		}
		var want strings.Builder
		for line := range strings.Lines(content) {
			if strings.TrimSpace(line) != name {
				want.WriteString(strings.TrimSuffix(line, "\n") + "\n")
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want.String() {
			t.Errorf("%q became %q, want %q (%v)", content, got, want.String(), err)
		}
	})
}
