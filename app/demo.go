package app

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/chargehand/chargehand/core/dossier"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/provision"
	"github.com/chargehand/chargehand/internal/errs"
)

// WaitReady waits until every part answers.
func (a *App) WaitReady(ctx context.Context) error {
	for {
		err := a.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// CACertificate is the CA's certificate in PEM, for clients on this machine.
func (a *App) CACertificate() []byte {
	text, err := os.ReadFile(filepath.Join(a.path("ssl"), "certs", "ca.pem"))
	if err != nil {
		return nil
	}
	return text
}

// demoFiles is the Puppet code of the demo: one module with a class that a host
// group gives to its hosts.
func demoFiles() map[string]string {
	return map[string]string{
		"environments/production/manifests/site.pp": "node default { }\n",
		"environments/production/modules/motd/manifests/init.pp": `# The message of the day, and the service that shows it.
class motd (
  String $greeting = 'Welcome',
) {
  $fqdn = $facts['networking']['fqdn']
  file { '/etc/motd':
    ensure  => file,
    mode    => '0644',
    content => epp('motd/motd.epp', { 'greeting' => $greeting, 'fqdn' => $fqdn }),
  }
  file { '/etc/motd.d':
    ensure  => directory,
    source  => 'puppet:///modules/motd/motd.d',
    recurse => true,
  }
  package { 'openssh-server': ensure => installed }
  service { 'ssh':
    ensure  => running,
    enable  => true,
    require => Package['openssh-server'],
  }
}
`,
		"environments/production/modules/motd/templates/motd.epp": "<%- | String $greeting, String $fqdn | -%>\n<%= $greeting %> to <%= $fqdn %>, brought up by Chargehand.\n",
		"environments/production/modules/motd/files/motd.d/help":  "Call the operator.\n",
		"environments/production/hiera.yaml":                      "---\nversion: 5\nhierarchy:\n  - name: common\n    path: common.yaml\n",
		"environments/production/data/common.yaml":                "---\nmotd::greeting: Welcome\n",
	}
}

// WriteDemoCode writes the demo's Puppet code into a code directory.
func WriteDemoCode(dir string) error {
	for name, text := range demoFiles() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return errs.WrapAs(errs.Unavailable, err, "write the demo's code")
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return errs.WrapAs(errs.Unavailable, err, "write the demo's code")
		}
	}
	return nil
}

// CreateDemoHost fills a fresh site with what one host needs and creates it, in
// build mode.
func (a *App) CreateDemoHost(ctx context.Context, mac string) (*inventory.Host, error) {
	d := &demoSite{app: a}
	for _, step := range []func(context.Context) error{d.places, d.network, d.system, d.bootFiles, d.group} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	h := &inventory.Host{
		Name: "web01", OrganizationID: d.org, LocationID: d.loc, HostgroupID: d.hostgroup, Managed: true, Build: true, Enabled: true,
		Comment: "Made by chargehand demo",
	}
	h.Interfaces = []inventory.Interface{{
		Type: inventory.InterfaceManaged, MAC: mac, Primary: true, Provision: true, Managed: true, DomainID: d.domain, SubnetID: d.subnet, IP: "192.0.2.10",
	}}
	return h, noun.Of[inventory.Host](a.nouns).Create(ctx, a.core.system, h)
}

type demoSite struct {
	app                                                  *App
	org, loc, proxy, domain, subnet, os, arch, hostgroup int64
	medium, ptable, environment                          int64
}

func (d *demoSite) taxed() noun.Taxed {
	return noun.Taxed{OrganizationIDs: []int64{d.org}, LocationIDs: []int64{d.loc}}
}

// first gives the first record that matches.
func first[T any](ctx context.Context, a *App, m noun.Match) (rec *T, err error) {
	err = a.nouns.Read(ctx, func(tx *noun.Tx) error {
		found, err := noun.Find[T](ctx, tx, m)
		if err == nil && len(found) == 0 {
			err = errs.New(errs.NotFound, "no such record: %v", m)
		}
		if err == nil {
			rec, err = noun.LoadWhole[T](ctx, tx, noun.Of[T](a.nouns).ID(found[0]))
		}
		return err
	})
	return rec, err
}

func create[T any](ctx context.Context, a *App, rec *T) (int64, error) {
	n := noun.Of[T](a.nouns)
	err := n.Create(ctx, a.core.system, rec)
	return n.ID(rec), err
}

func (d *demoSite) places(ctx context.Context) error {
	org, err := first[inventory.Organization](ctx, d.app, nil)
	if err != nil {
		return err
	}
	loc, err := first[inventory.Location](ctx, d.app, nil)
	if err != nil {
		return err
	}
	proxy, err := first[inventory.SmartProxy](ctx, d.app, nil)
	if err != nil {
		return err
	}
	env, err := first[inventory.Environment](ctx, d.app, noun.Match{"name": "production"})
	if err != nil {
		return err
	}
	d.org, d.loc, d.proxy, d.environment = org.ID, loc.ID, proxy.ID, env.ID
	return nil
}

func (d *demoSite) network(ctx context.Context) (err error) {
	if d.domain, err = create(ctx, d.app, &inventory.Domain{Taxed: d.taxed(), Name: "demo.test", Fullname: "The demo's zone", DNSID: d.proxy}); err != nil {
		return err
	}
	d.subnet, err = create(ctx, d.app, &inventory.Subnet{
		Taxed: d.taxed(), Type: inventory.SubnetIPv4, Name: "demo", Network: "192.0.2.0", Mask: "255.255.255.0", Gateway: "192.0.2.1", From: "192.0.2.10", To: "192.0.2.200",
		IPAM: inventory.IPAMInternal, BootMode: "DHCP", MTU: 1500, DHCPID: d.proxy, TFTPID: d.proxy, DNSID: d.proxy, TemplateID: d.proxy, DomainIDs: []int64{d.domain},
	})
	return err
}

func (d *demoSite) system(ctx context.Context) error {
	arch, err := first[inventory.Architecture](ctx, d.app, noun.Match{"name": "x86_64"})
	if err != nil {
		return err
	}
	medium := &inventory.Medium{Taxed: d.taxed(), Name: "Debian of the demo", Path: "http://" + d.app.endpoints["web.http"] + "/pub/debian", OSFamily: "Debian"}
	if _, err := create(ctx, d.app, medium); err != nil {
		return err
	}
	ptable, err := first[inventory.Ptable](ctx, d.app, noun.Match{"name": "Preseed default"})
	if err != nil {
		return err
	}
	d.arch, d.medium, d.ptable = arch.ID, medium.ID, ptable.ID
	o := &inventory.OperatingSystem{
		Name: "Debian", Major: "12", Family: "Debian", ReleaseName: "bookworm", Description: "Debian 12",
		ArchitectureIDs: []int64{arch.ID}, MediumIDs: []int64{medium.ID}, PtableIDs: []int64{ptable.ID},
	}
	for _, name := range []string{"Preseed default", "Preseed default PXELinux", "Preseed default PXEGrub2", "Preseed default iPXE", "Preseed default finish"} {
		t, err := first[inventory.ProvisioningTemplate](ctx, d.app, noun.Match{"name": name})
		if err != nil {
			return errs.Wrap(err, "template %q", name)
		}
		o.TemplateIDs = append(o.TemplateIDs, t.ID)
		o.DefaultTemplates = append(o.DefaultTemplates, inventory.OSDefaultTemplate{KindID: t.KindID, TemplateID: t.ID})
	}
	d.os, err = create(ctx, d.app, o)
	return err
}

// demoBootFiles are stand-ins for a boot loader and an installer: the simulated
// machine asks for the same names as a real one, and runs none of them.
const (
	demoLoaderBytes = 36_000
	demoKernelBytes = 2 << 20
	demoTree        = "debian/dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64"
)

// bootFiles puts the loader into the TFTP root, and the installer where this
// site's own installation medium has it: from there the proxy fetches it.
func (d *demoSite) bootFiles(context.Context) error {
	tftp, err := openRoot(d.app.Config.TFTP.Root)
	if err != nil {
		return err
	}
	defer func() { _ = tftp.Close() }()
	public, err := openRoot(d.app.path("public"))
	if err != nil {
		return err
	}
	defer func() { _ = public.Close() }()
	err = errors.Join(
		tftp.WriteFile("pxelinux.0", bytes.Repeat([]byte{0x90}, demoLoaderBytes), 0o644),
		public.MkdirAll(demoTree, 0o755),
		public.WriteFile(demoTree+"/linux", bytes.Repeat([]byte("kernel  "), demoKernelBytes/8), 0o644),
		public.WriteFile(demoTree+"/initrd.gz", bytes.Repeat([]byte("initrd  "), demoKernelBytes/8), 0o644),
	)
	return errs.WrapAs(errs.Unavailable, err, "write the demo's boot files")
}

// WaitBootFiles waits until the proxy has fetched what a host boots.
func (a *App) WaitBootFiles(ctx context.Context, host *inventory.Host) error {
	d, err := a.builds.Gather(ctx, host.ID)
	if err != nil {
		return err
	}
	installation, err := provision.InstallationOf(d.Subject(dossier.Defaults{}))
	if err != nil {
		return err
	}
	for _, name := range []string{installation.Kernel(), installation.Initrd()} {
		for {
			if _, err := os.Stat(filepath.Join(a.Config.TFTP.Root, filepath.FromSlash(name))); err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return errs.New(errs.Unavailable, "boot file %s was not fetched in time", name)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

func (d *demoSite) group(ctx context.Context) error {
	class, err := create(ctx, d.app, &inventory.Puppetclass{Name: "motd", EnvironmentIDs: []int64{d.environment}})
	if err != nil {
		return err
	}
	g := &inventory.Hostgroup{Taxed: d.taxed(), Name: "web", Description: "Web servers of the demo", RootPass: "demo-root-password", PuppetclassIDs: []int64{class}}
	g.HostDefaults = inventory.HostDefaults{
		DomainID: d.domain, SubnetID: d.subnet, OperatingSystemID: d.os, ArchitectureID: d.arch, MediumID: d.medium, PtableID: d.ptable,
		PXELoader: "PXELinux BIOS", PuppetCAProxyID: d.proxy, EnvironmentID: d.environment,
	}
	g.Parameters = []noun.Parameter{{Name: "ntp_server", Type: "string", Value: "pool.ntp.org"}}
	d.hostgroup, err = create(ctx, d.app, g)
	return err
}
