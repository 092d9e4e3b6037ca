package rootfs_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/rootfs"
)

func open(t *testing.T) (*rootfs.Root, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	r, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, dir
}

func TestWriteReplacesAndReads(t *testing.T) {
	r, _ := open(t)
	for _, content := range []string{"one", "two, longer", ""} {
		if err := r.WriteFile("a/b/c", []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := r.ReadFile("a/b/c", 100)
		if err != nil || string(got) != content {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if _, err := r.ReadFile("a/b/c", 100); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteFile("big", make([]byte, 101), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadFile("big", 100); !errs.Is(err, errs.TooLarge) {
		t.Errorf("over the bound: %v", err)
	}
	if _, err := r.ReadFile("missing", 1); !errs.Is(err, errs.NotFound) {
		t.Errorf("missing: %v", err)
	}
}

func TestNothingLeavesTheRoot(t *testing.T) {
	r, dir := open(t)
	outside := filepath.Join(filepath.Dir(dir), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(dir), filepath.Join(dir, "up")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../outside", "/etc/passwd", "link", "up/outside", "a/../../outside"} {
		if got, err := r.ReadFile(name, 100); err == nil {
			t.Errorf("read %s: %q", name, got)
		}
		if name == "link" {
			continue // replaced below, which touches the link alone
		}
		if err := r.WriteFile(name, []byte("x"), 0o644); err == nil {
			t.Errorf("wrote %s", name)
		}
		if err := r.Remove(name); err == nil && name != "a/../../outside" {
			t.Errorf("removed %s", name)
		}
	}
	if err := r.WriteFile("link", []byte("x"), 0o644); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(outside); string(got) != "secret" {
		t.Errorf("outside is now %q", got)
	}
}

func TestPendingLeavesNoTrace(t *testing.T) {
	r, dir := open(t)
	p, err := r.Create("d/file", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if list, err := r.List("d"); err != nil || len(list) != 0 {
		t.Errorf("an unfinished write shows: %v, %v", list, err)
	}
	p.Abort()
	p.Abort()
	if left, _ := os.ReadDir(filepath.Join(dir, "d")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRemoveAndList(t *testing.T) {
	r, _ := open(t)
	for _, name := range []string{"d/b", "d/a"} {
		if err := r.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list, err := r.List("d")
	if err != nil || len(list) != 2 || list[0].Name() != "a" {
		t.Errorf("list: %v, %v", list, err)
	}
	for range 2 {
		if err := r.Remove("d/a"); err != nil {
			t.Error(err)
		}
	}
	if err := r.Remove("no/such/dir"); err != nil {
		t.Error(err)
	}
	if err := r.RemoveAll("d"); err != nil {
		t.Error(err)
	}
	if list, err := r.List("d"); err != nil || list != nil {
		t.Errorf("list of a missing directory: %v, %v", list, err)
	}
}

func TestReplaceKeepsModeAndOwner(t *testing.T) {
	r, dir := open(t)
	file := filepath.Join(dir, "f")
	if err := r.Replace("f", []byte("1"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	gave := os.Chown(file, 12345, 54321) == nil
	if err := r.Replace("f", []byte("2"), 0o640); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if sys := info.Sys().(*syscall.Stat_t); gave && (sys.Uid != 12345 || sys.Gid != 54321) {
		t.Errorf("owner is %d:%d", sys.Uid, sys.Gid)
	}
}
