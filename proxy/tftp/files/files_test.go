package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/proxytest"
	"github.com/chargehand/chargehand/proxy/tftp"
)

func open(t *testing.T) (*Provider, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return New(root), dir
}

func TestConformance(t *testing.T) {
	proxytest.TFTP(t, func(t *testing.T) proxytest.TFTPHome {
		p, dir := open(t)
		return proxytest.TFTPHome{Provider: p, ReadFile: func(t *testing.T, name string) ([]byte, bool) {
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			return content, err == nil
		}}
	})
}

// A directory that is a link out of the root is no place to write.
func TestLinksOutOfTheRootAreNotFollowed(t *testing.T) {
	p, dir := open(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "pxelinux.cfg")); err != nil {
		t.Fatal(err)
	}
	m := mac.MustParse("52:54:00:00:00:01")
	if err := p.Set(t.Context(), tftp.PXELinux, m, []byte("x")); err == nil {
		t.Error("written through a link")
	}
	if err := p.Delete(t.Context(), tftp.PXELinux, m); err == nil {
		t.Error("deleted through a link")
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("outside lies %v", left)
	}
}

// Readable for a TFTP server that runs as somebody else.
func TestFilesAreReadableForAll(t *testing.T) {
	p, dir := open(t)
	m := mac.MustParse("52:54:00:00:00:01")
	if err := p.Set(t.Context(), tftp.PXEGrub2, m, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, name := range tftp.PXEGrub2.Files(m) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm()&0o444 != 0o444 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}
