//go:build e2e && linux

package dhcpd

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/netd/tftpd"
)

// Real clients and real firmware, in network namespaces that end with the test.
// Needs root, iproute2, udhcpc, isc-dhcp-client, qemu-system-x86, pxelinux,
// syslinux-common and ovmf.

const inside = "CHARGEHAND_E2E_NAMESPACE"

// namespaced runs the rest of the test in a network namespace of its own: the
// test starts itself again there. False outside, when all is said and done.
func namespaced(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		run(t, "ip", "link", "set", "lo", "up")
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return false
}

func run(t *testing.T, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// background starts a program that ends with the test.
func background(t *testing.T, newNet bool, argv ...string) (pid int, output *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	output = new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if newNet {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Process.Pid, output
}

// listen starts a server on port 67 of the namespace and gives what it observes.
func listen(t *testing.T, boot Boot, rs ...Reservation) (*Server, <-chan Exchange) {
	t.Helper()
	store, err := OpenStore(t.TempDir(), clock.System)
	if err != nil {
		t.Fatal(err)
	}
	err = store.PutSubnet(Subnet{
		Prefix: lan, Ranges: []Range{{ip("192.0.2.100"), ip("192.0.2.150")}}, Routers: []netip.Addr{ip("192.0.2.1")},
		DNS: []netip.Addr{ip("192.0.2.1")}, Domain: "example.test", LeaseTime: 20 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		if err := store.Reserve(r, always); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(chan Exchange, 1000)
	s, err := Listen(t.Context(), Config{
		Address: "0.0.0.0:67", Interfaces: []string{"server0"}, Store: store, Boot: boot, Advertise: true,
		Observe: func(e Exchange) { t.Logf("%+v", e); seen <- e }, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; store.Close() })
	return s, seen
}

// wire joins this namespace, as server0 with 192.0.2.1, to a new one with client0.
func wire(t *testing.T) (enter []string) {
	t.Helper()
	pid, _ := background(t, true, "sleep", "300")
	run(t, "ip", "link", "add", "server0", "type", "veth", "peer", "name", "client0")
	run(t, "ip", "link", "set", "client0", "address", alice, "netns", strconv.Itoa(pid))
	run(t, "ip", "addr", "add", "192.0.2.1/24", "dev", "server0")
	run(t, "ip", "link", "set", "server0", "up")
	enter = []string{"nsenter", "-t", strconv.Itoa(pid), "-n"}
	run(t, append(enter, "ip", "link", "set", "client0", "up")...)
	run(t, append(enter, "ip", "link", "set", "lo", "up")...)
	return enter
}

func TestE2EUdhcpc(t *testing.T) {
	if !namespaced(t) {
		return
	}
	enter := wire(t)
	s, _ := listen(t, Boot{}, Reservation{MAC: alice, IP: ip("192.0.2.10"), Network: lan, Hostname: "web1"})
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$1 ip=$ip router=$router dns=$dns domain=$domain lease=$lease host=$hostname\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	out := run(t, append(enter, "udhcpc", "-i", "client0", "-f", "-q", "-n", "-s", script, "-O", "hostname")...)
	if want := "bound ip=192.0.2.10 router=192.0.2.1 dns=192.0.2.1 domain=example.test lease=20 host=web1"; !strings.Contains(out, want) {
		t.Errorf("udhcpc says:\n%s\nwant %q", out, want)
	}
	if n := s.Counters(); n.Failed != 0 || n.Malformed != 0 {
		t.Errorf("%+v", n)
	}
}

// dhclient takes a lease, configures the interface, renews by unicast and
// releases.
func TestE2EDhclient(t *testing.T) {
	if !namespaced(t) {
		return
	}
	enter := wire(t)
	_, seen := listen(t, Boot{})
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	text := "#!/bin/sh\ncase $reason in BOUND) ip addr add $new_ip_address/24 dev $interface;; esac\nexit 0\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	args := append(enter, "dhclient", "-v", "-sf", script, "-lf", filepath.Join(dir, "leases"), "-pf", filepath.Join(dir, "pid"))
	background(t, false, append(args, "-d", "client0")...)
	await := func(request, reply string) Exchange {
		t.Helper()
		for {
			select {
			case e := <-seen:
				if e.Request == request && e.Reply == reply {
					return e
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("no %s %s", request, reply)
			}
		}
	}
	first := await("REQUEST", "ACK")
	renewed := await("REQUEST", "ACK")
	if first.IP != ip("192.0.2.100") || renewed.IP != first.IP || renewed.Time.Sub(first.Time) < 5*time.Second {
		t.Errorf("first %+v, then %+v", first, renewed)
	}
	run(t, append(args, "-r", "client0")...)
	if e := await("RELEASE", ""); e.IP != first.IP {
		t.Errorf("released %+v", e)
	}
}

// TestE2EFirmware boots real firmware over the network as far as its
// configuration file. BIOS is SeaBIOS with iPXE's ROM and pxelinux; UEFI is OVMF,
// which asks for a boot loader by its own PXE client.
func TestE2EFirmware(t *testing.T) {
	if !namespaced(t) {
		return
	}
	for _, tc := range []struct {
		name, mac string
		args      []string
		want      []string
	}{
		{"BIOS", alice, nil, []string{"pxelinux.0", "ldlinux.c32", "pxelinux.cfg/01-02-00-00-00-00-0a"}},
		{"UEFI", bob, []string{"-bios", "/usr/share/ovmf/OVMF.fd"}, []string{"grub2/shimx64.efi"}},
	} {
		t.Run(tc.name, func(t *testing.T) { bootFirmware(t, tc.mac, tc.args, tc.want) })
	}
}

func bootFirmware(t *testing.T, mac string, args, want []string) {
	run(t, "ip", "link", "add", "server0", "type", "bridge")
	t.Cleanup(func() { run(t, "ip", "link", "del", "server0") })
	run(t, "ip", "addr", "add", "192.0.2.1/24", "dev", "server0")
	run(t, "ip", "tuntap", "add", "tap0", "mode", "tap")
	run(t, "ip", "link", "set", "tap0", "master", "server0")
	run(t, "ip", "link", "set", "tap0", "up")
	run(t, "ip", "link", "set", "server0", "up")
	t.Cleanup(func() { run(t, "ip", "link", "del", "tap0") })
	_, seen := listen(t, Boot{Files: DefaultFiles(), Script: "http://192.0.2.1/never"},
		Reservation{MAC: alice, IP: ip("192.0.2.10"), Network: lan, Filename: "pxelinux.0", NextServer: "192.0.2.1"})

	dir := t.TempDir()
	put := func(name string, content []byte) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, from := range map[string]string{
		"pxelinux.0": "/usr/lib/PXELINUX/pxelinux.0", "ldlinux.c32": "/usr/lib/syslinux/modules/bios/ldlinux.c32",
	} {
		content, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		put(name, content)
	}
	put("pxelinux.cfg/01-"+strings.ReplaceAll(alice, ":", "-"), []byte("DEFAULT none\nLABEL none\n  SAY reached\n  KERNEL none\n"))
	put("grub2/shimx64.efi", bytes.Repeat([]byte("no loader, but a file"), 10000))
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	got := make(chan tftpd.Transfer, 1000)
	tftp, err := tftpd.Listen(t.Context(), tftpd.Config{
		Address: "0.0.0.0:69", Root: root, Observe: func(x tftpd.Transfer) { t.Logf("%+v", x); got <- x }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tftp.Run(ctx) }()
	defer func() { cancel(); <-done }()

	_, console := background(t, false, append([]string{
		"qemu-system-x86_64", "-display", "none", "-serial", "stdio", "-m", "512", "-boot", "n", "-no-reboot",
		"-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", "-device", "e1000,netdev=n0,mac=" + mac,
	}, args...)...)
	deadline := time.After(2 * time.Minute)
	var leased time.Time
	for len(want) > 0 {
		select {
		case e := <-seen:
			leased = e.Time
		case x := <-got:
			// Without word about IPv6 routers it would be 13 s of the firmware's clock.
			if wait := x.Time.Sub(leased); wait > 10*time.Second {
				t.Errorf("the firmware waited %v between its lease and %s", wait, x.Name)
			}
			if x.Name == want[0] && x.Err == nil {
				want = want[1:]
			}
		case <-deadline:
			t.Fatalf("never asked for %v\n%s", want, console)
		}
	}
}
