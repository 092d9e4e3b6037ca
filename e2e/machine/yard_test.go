//go:build e2e

package machine_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chargehand/chargehand/e2e/site"
)

// netboot is where Debian's medium has the installer's kernel.
const netboot = "dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64"

// within is what a phase may take on a slow and busy machine.
const within = 10 * time.Minute

// A yard is a network with a chargehand in it and a machine on its bridge.
type yard struct {
	*testing.T
	images string // linux, initrd.gz and root.tar
	p      *site.Process
	world  *site.World
	serial string
	booted time.Time
	ended  chan struct{} // closed when the machine is off
}

func (y *yard) must(argv ...string) {
	y.Helper()
	if code, out := site.Run(y, time.Minute, argv...); code != 0 {
		y.Fatalf("%s: %d\n%s", strings.Join(argv, " "), code, out)
	}
}

// network makes a bridge with the server's address and the machine's port.
func (y *yard) network() {
	y.Helper()
	for _, line := range []string{
		"ip link set lo up",
		"ip link add lan type bridge",
		"ip address add " + serverIP + "/24 dev lan",
		"ip tuntap add port mode tap",
		"ip link set port master lan",
		"ip link set port up",
		"ip link set lan up",
	} {
		y.must(strings.Fields(line)...)
	}
	hosts := filepath.Join(y.TempDir(), "hosts")
	y.write(hosts, "127.0.0.1 localhost\n"+serverIP+" "+server+"\n")
	y.must("mount", "--bind", hosts, "/etc/hosts")
}

func (y *yard) write(path, text string) {
	y.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		y.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		y.Fatal(err)
	}
}

// serve starts the process on its usual ports, with a medium, boot loaders and
// a module in its folders.
func (y *yard) serve() {
	y.Helper()
	dir := y.TempDir()
	ruby, err := site.Cache("ruby")
	if err != nil {
		y.Fatal(err)
	}
	for name, text := range code {
		y.write(filepath.Join(dir, "code/environments/production", name), text)
	}
	for from, to := range map[string]string{
		filepath.Join(y.images, "linux"):              "public/debian/" + netboot + "/linux",
		filepath.Join(y.images, "initrd.gz"):          "public/debian/" + netboot + "/initrd.gz",
		filepath.Join(y.images, "root.tar"):           "public/debian/root.tar",
		"/usr/lib/PXELINUX/pxelinux.0":                "tftp/pxelinux.0",
		"/usr/lib/syslinux/modules/bios/ldlinux.c32":  "tftp/ldlinux.c32",
		"/usr/lib/syslinux/modules/bios/libcom32.c32": "tftp/libcom32.c32",
	} {
		y.must("install", "-D", "-m", "644", from, filepath.Join(dir, to))
	}
	y.p = site.Start(y, site.Options{
		Binary: filepath.Join(y.images, "chargehand"), Cache: ruby, Dir: dir,
		Set: map[string]string{
			"fqdn": server, "tftp.server": serverIP, "dhcp.interfaces": "lan", "dhcp.listen": ":67", "tftp.listen": serverIP + ":69", "dns.listen": serverIP + ":53",
			"web.http": serverIP + ":80", "web.https": serverIP + ":443", "proxy.https": serverIP + ":8443", "proxy.http": serverIP + ":8000",
			"puppet.https": serverIP + ":8140", "puppetdb.https": serverIP + ":8081", "puppetdb.http": "127.0.0.1:8080",
		},
	})
}

// boot switches the machine on: network first, then disk.
func (y *yard) boot() {
	y.Helper()
	disk := filepath.Join(y.TempDir(), "disk")
	y.must("truncate", "-s", "2G", disk)
	cmd := exec.CommandContext(y.Context(), "qemu-system-x86_64",
		"-accel", "tcg", "-cpu", "qemu64,+rdrand", "-m", "1024", "-display", "none", "-monitor", "none", "-serial", "file:"+y.serial,
		"-boot", "order=nc", "-drive", "if=virtio,format=raw,cache=unsafe,file="+disk,
		"-netdev", "tap,id=lan,ifname=port,script=no,downscript=no", "-device", "virtio-net-pci,netdev=lan,mac="+hostMAC)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	y.booted = time.Now()
	if err := cmd.Start(); err != nil {
		y.Fatal(err)
	}
	y.ended = make(chan struct{})
	go func() { _ = cmd.Wait(); close(y.ended) }()
	y.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-y.ended
		if y.Failed() {
			y.Logf("QEMU wrote %q; the console:\n%s", out.String(), y.console())
		}
	})
}

func (y *yard) console() string {
	text, err := os.ReadFile(y.serial)
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(string(text), "\r", "")
}

// reaches waits until the machine says on its console that it has come to a phase.
func (y *yard) reaches(phase string) {
	y.Helper()
	began := time.Now()
	site.Eventually(y, within, func() string {
		text := y.console()
		switch {
		case strings.Contains(text, "E2E: "+phase):
			return ""
		case strings.Contains(text, "E2E: failed"):
			y.Fatalf("the machine gave up before %q", phase)
		}
		return fmt.Sprintf("the machine does not say %q", phase)
	})
	y.Logf("%-30s after %s", phase, time.Since(began).Round(time.Second))
}
