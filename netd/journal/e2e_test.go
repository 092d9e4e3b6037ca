//go:build e2e && linux

package journal

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A full disk refuses appends and keeps what is there; when there is room again,
// appends go on. The disk is a small tmpfs; needs root.
func TestE2EFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	path := filepath.Join(dir, "j")
	j, _ := open(t, path)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 100<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	kept := 0
	record := bytes.Repeat([]byte("x"), 3000)
	for j.Append(record) == nil {
		kept++
	}
	for range 5 { // and again, with less
		if err := j.Append(record); err == nil {
			t.Fatal("an append to a full disk succeeded")
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := j.Append(record); err != nil {
			t.Fatalf("with room again: %v", err)
		}
		kept++
	}
	j.Close()
	if _, got := open(t, path); len(got) != kept || kept < 10 {
		t.Errorf("%d records of %d", len(got), kept)
	}
}
