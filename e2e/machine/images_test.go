//go:build e2efull

package machine_test

import (
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// include are the packages of the installed system beside the smallest Debian.
const include = "puppet-agent,extlinux,linux-image-cloud-amd64,busybox-static,curl,iproute2"

// drivers are the kernel modules that the initial RAM disk carries.
const drivers = "failover net_failover virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk virtio_net"

// leftOut is what the installed system does without.
var leftOut = []string{"usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists", "boot/initrd.img-*"}

// images puts linux, initrd.gz and root.tar into dir. The root file system is
// debootstrapped once for its packages and kept in the cache.
func images(cache, dir string) error {
	root := filepath.Join(cache, fmt.Sprintf("root-%08x", crc32.ChecksumIEEE([]byte(include))))
	if _, err := os.Stat(root); err != nil {
		fresh := root + ".new"
		for _, argv := range [][]string{
			{"rm", "-rf", fresh},
			{"debootstrap", "--variant=minbase", "--include=" + include, "bookworm", fresh},
			{"sh", "-c", `cd "$0" && rm -rf $* && mkdir -p var/cache/apt/archives/partial var/lib/apt/lists/partial && : >etc/apt/sources.list`, fresh},
			{"mv", fresh, root},
		} {
			if argv[0] == "sh" {
				argv = append(argv, leftOut...)
			}
			if err := do(argv...); err != nil {
				return err
			}
		}
	}
	if err := initrd(root, dir); err != nil {
		return err
	}
	if err := do("cp", "-L", filepath.Join(root, "vmlinuz"), filepath.Join(dir, "linux")); err != nil {
		return err
	}
	return do("tar", "-C", root, "--numeric-owner", "-cf", filepath.Join(dir, "root.tar"), ".")
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
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return nil
}
