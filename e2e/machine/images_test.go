//go:build e2e

package machine_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// include are the packages of the installed system beside the smallest Debian.
const include = "puppet-agent,extlinux,linux-image-cloud-amd64,busybox-static,curl,iproute2"

// drivers are the kernel modules that the initial RAM disk carries.
const drivers = "failover net_failover virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk virtio_net"

// leftOut is what the installed system does without.
var leftOut = []string{"usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists", "boot/initrd.img-*"}

// makeWithin bounds what one command may take; the longest installs a system
// from a mirror that may be slow.
const makeWithin = 20 * time.Minute

// images puts linux, initrd.gz and root.tar into dir.
func images(cache, dir string) error {
	root, err := system(cache)
	if err != nil {
		return err
	}
	if err := initrd(root, dir); err != nil {
		return err
	}
	if err := do("cp", "-L", filepath.Join(root, "vmlinuz"), filepath.Join(dir, "linux")); err != nil {
		return err
	}
	return do("tar", "-C", root, "--numeric-owner", "-cf", filepath.Join(dir, "root.tar"), ".")
}

// system gives the root file system, which is installed once for its packages
// and kept in the cache. It gets its name there when it is whole and on the
// disk: what an interrupted run left has another, and is removed.
func system(cache string) (string, error) {
	root := filepath.Join(cache, fmt.Sprintf("root-%08x", crc32.ChecksumIEEE([]byte(include))))
	lock, err := os.Create(root + ".lock")
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if _, err := os.Stat(root); !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	fresh := root + ".new"
	thin := append([]string{"sh", "-c", `cd "$0" && rm -rf $* && mkdir -p var/cache/apt/archives/partial var/lib/apt/lists/partial && : >etc/apt/sources.list`, fresh}, leftOut...)
	for _, argv := range [][]string{
		{"rm", "-rf", fresh},
		{"debootstrap", "--variant=minbase", "--include=" + include, "bookworm", fresh},
		thin,
		{"sync", "--file-system", fresh},
		{"mv", fresh, root},
	} {
		if err := do(argv...); err != nil {
			return "", err
		}
	}
	return root, nil
}

// initrd packs busybox, the drivers and the scripts of testdata.
func initrd(root, dir string) error {
	tree := filepath.Join(dir, "initrd")
	modules, err := filepath.Glob(filepath.Join(root, "lib/modules/*/kernel"))
	if err != nil || len(modules) != 1 {
		return fmt.Errorf("kernels in %s: %v %v", root, modules, err)
	}
	for _, sub := range []string{"bin", "modules"} {
		if err := os.MkdirAll(filepath.Join(tree, sub), 0o755); err != nil {
			return err
		}
	}
	for _, d := range strings.Fields(drivers) {
		if err := do("find", modules[0], "-name", d+".ko", "-exec", "cp", "{}", filepath.Join(tree, "modules"), ";"); err != nil {
			return err
		}
	}
	for _, argv := range [][]string{
		{"cp", filepath.Join(root, "bin/busybox"), filepath.Join(tree, "bin")},
		{"install", "-m", "755", "testdata/init", "testdata/udhcpc", "testdata/first-boot", tree},
		{"sh", "-c", `cd "$0" && find . | cpio --quiet -o -H newc | gzip -9 >"$1"`, tree, filepath.Join(dir, "initrd.gz")},
	} {
		if err := do(argv...); err != nil {
			return err
		}
	}
	return nil
}

func do(argv ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), makeWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = 10 * time.Second // its own children may live on
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return nil
}
