// Package machine is a simulated machine: from DHCP over the boot loader and the
// installer to the first Puppet report it does on the network what a real one
// does, and tells of each step. It shares nothing with the servers but codecs,
// so whatever serves it could serve a real machine.
//
// It imports the DHCP and TFTP codecs, pki for its certificate request,
// internal/errs and internal/fetch.
package machine

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
)

// Config is what a machine is and the network that it is plugged into.
type Config struct {
	MAC      net.HardwareAddr
	Firmware Firmware // BIOS when zero

	DHCP netip.AddrPort // the DHCP server; a real machine would broadcast
	TFTP netip.AddrPort // in place of port 69 of the boot server that DHCP names, when set

	// Hosts says where names are, as a hosts file would but with ports:
	// "foreman.example.test:443" to "127.0.0.1:40123". Names that it does not
	// have are resolved as usual.
	Hosts map[string]string

	// Web is what the installer trusts; Go's default when nil.
	Web *tls.Config

	// Puppet is host:port of the Puppet server, in place of the one that the
	// installer's template names; Certname likewise for the machine's own name.
	Puppet, Certname string

	OS OS // what is installed; guessed from the template when zero

	Wait time.Duration // between tries for the certificate; 0: two seconds

	// Report is told of each step when it is done; nil for silence. It is
	// called by the goroutine that runs the machine.
	Report func(Step)
}

// A Firmware is how a machine begins to boot.
type Firmware int

// The firmwares.
const (
	BIOS Firmware = iota
	UEFI
)

// A Step is one of the 19 of a provisioning, as seen from the machine.
type Step struct {
	N      int
	Text   string   // one line
	Detail []string // what was exchanged
	// Server marks a step that happens between the servers: the machine tells
	// what it saw of the result.
	Server bool
	Took   time.Duration
}

// An OS is what the machine runs once it is installed.
type OS struct {
	Family, Name, Codename string // "Debian", "Debian", "bookworm"
	Release                string // "12.11"
	Kernel                 string // "6.1.0-21-amd64"
}

// A Machine goes through its life once, or runs its agent again and again. It is
// not safe for concurrent use; many machines run beside each other.
type Machine struct {
	cfg   Config
	began time.Time // the step under way

	holding bool // steps wait until the one before them is told
	held    []Step

	lease     lease
	boot      bootEntry
	plan      plan
	identity  identity
	web       *fetch.Client
	certname  string
	pluginsum map[string]string // checksums of plugins that are here
	files     map[string]string // what catalogs brought about, by resource
	runs      int
}

// New plugs a machine in. Invalid when it has no hardware address.
func New(cfg Config) (*Machine, error) {
	if len(cfg.MAC) != 6 {
		return nil, errs.New(errs.Invalid, "a machine needs an Ethernet address, not %q", cfg.MAC)
	}
	if cfg.Wait <= 0 {
		cfg.Wait = 2 * time.Second
	}
	if cfg.Report == nil {
		cfg.Report = func(Step) {}
	}
	return &Machine{
		cfg: cfg, certname: cfg.Certname,
		web:       fetch.New(fetch.Options{TLS: cfg.Web, MaxBody: maxTemplate, UserAgent: "debian-installer", FollowRedirects: 5}),
		pluginsum: map[string]string{}, files: map[string]string{},
	}, nil
}

// Provision takes the machine from power-on to its first report: steps 1 to 19.
func (m *Machine) Provision(ctx context.Context) error {
	for _, phase := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"DHCP", m.discover},
		{"boot loader", m.loadLoader},
		{"boot configuration", m.loadConfig},
		{"kernel", m.loadKernel},
		{"installer's template", m.readTemplate},
		{"installation", m.install},
		{"certificate", m.enrol},
		{"Puppet run", m.RunAgent},
	} {
		m.began = time.Now()
		if err := phase.run(ctx); err != nil {
			return errs.Wrap(err, "machine %s: %s", m.cfg.MAC, phase.name)
		}
	}
	return nil
}

// Certname is the machine's name, once it is known.
func (m *Machine) Certname() string { return m.certname }

// Address is what DHCP gave; invalid before that.
func (m *Machine) Address() netip.Addr { return m.lease.ip }

// step tells of a step that the machine did.
func (m *Machine) step(n int, detail []string, format string, args ...any) {
	m.tell(Step{N: n, Detail: detail}, format, args...)
}

// seen tells of a step that the servers did.
func (m *Machine) seen(n int, detail []string, format string, args ...any) {
	m.tell(Step{N: n, Detail: detail, Server: true}, format, args...)
}

func (m *Machine) tell(s Step, format string, args ...any) {
	now := time.Now()
	s.Text, s.Took = fmt.Sprintf(format, args...), now.Sub(m.began)
	m.began = now
	if m.holding {
		m.held = append(m.held, s)
		return
	}
	m.cfg.Report(s)
}

// release tells of the steps that were held back.
func (m *Machine) release() {
	for _, s := range m.held {
		m.cfg.Report(s)
	}
	m.held = nil
}

// place finds where a URL is to be asked: with the address that Hosts has for
// its host, and the host by which it is to be known there.
func (m *Machine) place(u *url.URL) (at *url.URL, host string) {
	hostport := u.Host
	if u.Port() == "" {
		hostport = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	for _, name := range []string{hostport, u.Hostname()} {
		if to, ok := m.cfg.Hosts[name]; ok {
			moved := *u
			moved.Host = to
			if _, _, err := net.SplitHostPort(to); err != nil && u.Port() != "" {
				moved.Host = net.JoinHostPort(to, u.Port())
			}
			return &moved, u.Host
		}
	}
	return u, u.Host
}
