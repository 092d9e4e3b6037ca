package orchestrate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/orchestrate"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// view is a host that is being built in a network that has everything.
func view(f func(v *orchestrate.View, nic *inventory.Interface)) *orchestrate.View {
	features := []inventory.Feature{{Name: "DNS"}, {Name: "DHCP"}, {Name: "TFTP"}, {Name: "Puppet CA"}}
	v := &orchestrate.View{
		Host: &inventory.Host{
			Base: noun.Base{ID: 7}, Name: "a.example.com", Managed: true, Build: true,
			HostDefaults: inventory.HostDefaults{PuppetCAProxyID: 1},
			Interfaces: []inventory.Interface{{
				Type: inventory.InterfaceManaged, Name: "a.example.com", MAC: "52:54:00:00:00:01", IP: "192.0.2.5", IP6: "2001:db8::5",
				DomainID: 1, SubnetID: 4, Subnet6ID: 6, Primary: true, Provision: true, Managed: true,
			}},
		},
		Domains: map[int64]*inventory.Domain{1: {Name: "example.com", DNSID: 1}},
		Subnets: map[int64]*inventory.Subnet{
			4: {Type: inventory.SubnetIPv4, Network: "192.0.2.0", CIDR: 24, DNSID: 1, DHCPID: 1, TFTPID: 1},
			6: {Type: inventory.SubnetIPv6, Network: "2001:db8::", CIDR: 64, DNSID: 1, DHCPID: 1, TFTPID: 1},
		},
		Proxies: map[int64]*inventory.SmartProxy{1: {URL: "https://p:8443", Features: features}},
		Loader:  "pxelinux.0", Kind: "PXELinux",
		Files: []orchestrate.BootFile{{Prefix: "boot/x", URL: "http://m/linux"}},
	}
	if f != nil {
		f(v, &v.Host.Interfaces[0])
	}
	return v
}

// told is a host's wants in lines.
func told(w orchestrate.Wants) []string {
	var lines []string
	for _, r := range w.Records {
		name := r.Name
		if i := strings.Index(name, ".0.0."); i > 0 {
			name = name[:i] + "…"
		}
		lines = append(lines, r.Type+" "+name+" "+r.Value)
	}
	for _, r := range w.Reservations {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("DHCP %s %s %s %s %s", r.Network, r.MAC, r.IP, r.Filename, strings.Join(r.Related, " "))))
	}
	for _, b := range w.Boot {
		lines = append(lines, fmt.Sprintf("%s %s %v", b.Kind, b.MAC, b.Build))
	}
	for _, f := range w.Files {
		lines = append(lines, "file "+f.URL)
	}
	if w.CA.Proxy != "" {
		lines = append(lines, "CA "+w.CA.Certname)
	}
	if w.Signable {
		lines = append(lines, "signable")
	}
	return lines
}

func TestWants(t *testing.T) {
	const (
		a, aaaa     = "A a.example.com 192.0.2.5", "AAAA a.example.com 2001:db8::5"
		ptr4        = "PTR 5.2.0.192.in-addr.arpa a.example.com"
		ptr6        = "PTR 5… a.example.com"
		reservation = "DHCP 192.0.2.0/24 52:54:00:00:00:01 192.0.2.5 pxelinux.0"
		config      = "PXELinux 52:54:00:00:00:01 true"
		file        = "file http://m/linux"
		ca          = "CA a.example.com"
	)
	for name, test := range map[string]struct {
		change func(v *orchestrate.View, nic *inventory.Interface)
		want   []string
	}{
		"everything":          {nil, []string{a, ptr4, aaaa, ptr6, reservation, config, file, ca, "signable"}},
		"unmanaged":           {func(v *orchestrate.View, _ *inventory.Interface) { v.Host.Managed = false }, nil},
		"unmanaged interface": {func(_ *orchestrate.View, n *inventory.Interface) { n.Managed = false }, []string{ca, "signable"}},
		"no MAC":              {func(_ *orchestrate.View, n *inventory.Interface) { n.MAC = "" }, []string{a, ptr4, aaaa, ptr6, ca, "signable"}},
		"no addresses":        {func(_ *orchestrate.View, n *inventory.Interface) { n.IP, n.IP6 = "", "" }, []string{config, file, ca, "signable"}},
		"IPv6 alone": {
			func(_ *orchestrate.View, n *inventory.Interface) { n.IP, n.SubnetID = "", 0 },
			[]string{aaaa, ptr6, config, file, ca, "signable"},
		},
		"no domain": {
			func(_ *orchestrate.View, n *inventory.Interface) { n.DomainID, n.IP6 = 0, "" },
			[]string{ptr4, reservation, config, file, ca, "signable"},
		},
		"no loader": {
			func(v *orchestrate.View, n *inventory.Interface) { v.Loader, v.Kind, n.IP6 = "", "", "" },
			[]string{a, ptr4, "DHCP 192.0.2.0/24 52:54:00:00:00:01 192.0.2.5", ca, "signable"},
		},
		"proxies are gone":      {func(v *orchestrate.View, _ *inventory.Interface) { v.Proxies = nil }, []string{"signable"}},
		"proxy without feature": {func(v *orchestrate.View, _ *inventory.Interface) { v.Proxies[1].Features = v.Proxies[1].Features[:1] }, []string{a, ptr4, aaaa, ptr6, "signable"}},
		"subnet is broken": {func(v *orchestrate.View, n *inventory.Interface) {
			v.Subnets[4].Network, n.IP6, n.Subnet6ID = "x", "", 0
		}, []string{a, ptr4, config, file, ca, "signable"}},
		"built": {
			func(v *orchestrate.View, n *inventory.Interface) {
				v.Host.Build, v.Host.InitiatedAt, v.Host.InstalledAt, n.IP6 = false, time.Unix(100, 999), time.Unix(100, 0), ""
			},
			[]string{a, ptr4, reservation, "PXELinux 52:54:00:00:00:01 false", ca, "signable"},
		},
		"called off": {
			func(v *orchestrate.View, n *inventory.Interface) {
				v.Host.Build, v.Host.InitiatedAt, v.Host.InstalledAt, n.IP6 = false, time.Unix(200, 0), time.Unix(100, 0), ""
			},
			[]string{a, ptr4, reservation, "PXELinux 52:54:00:00:00:01 false", ca},
		},
		"bond": {
			func(v *orchestrate.View, n *inventory.Interface) {
				n.IP6, v.Kind, v.Loader, n.Type = "", "", "", inventory.InterfaceBond
				slave := inventory.Interface{Type: inventory.InterfaceManaged, Managed: true, MAC: "52:54:00:00:00:02", IP: n.IP, SubnetID: 4}
				v.Host.Interfaces = append(v.Host.Interfaces, slave)
			},
			[]string{
				a, ptr4, "DHCP 192.0.2.0/24 52:54:00:00:00:01 192.0.2.5  52:54:00:00:00:02",
				"DHCP 192.0.2.0/24 52:54:00:00:00:02 192.0.2.5  52:54:00:00:00:01", ca, "signable",
			},
		},
		"interfaces of one name": {
			func(v *orchestrate.View, n *inventory.Interface) {
				n.IP6, v.Kind, n.MAC = "", "", ""
				v.Host.Interfaces = append(v.Host.Interfaces, v.Host.Interfaces[0])
			},
			[]string{a, ptr4, ca, "signable"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, told(orchestrate.WantsOf(view(test.change)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func steps(all []job.PlanStep) []string {
	var lines []string
	for _, s := range all {
		line := fmt.Sprintf("%d %s", s.Priority, s.Name)
		if s.Post {
			line = "post " + line
		}
		lines = append(lines, line)
	}
	return lines
}

func TestDiff(t *testing.T) {
	plain := func(v *orchestrate.View, n *inventory.Interface) {
		n.IP6, n.Subnet6ID, v.Host.Build, v.Files, v.Subnets[4].DNSID = "", 0, false, nil, 0
	}
	with := func(f func(v *orchestrate.View, n *inventory.Interface)) *orchestrate.View {
		return view(func(v *orchestrate.View, n *inventory.Interface) {
			plain(v, n)
			f(v, n)
		})
	}
	nothing := func(*orchestrate.View, *inventory.Interface) {}
	built := func(v *orchestrate.View, _ *inventory.Interface) { v.Host.InstalledAt = time.Unix(9, 0) }
	building := func(v *orchestrate.View, _ *inventory.Interface) { v.Host.Build = true }
	for name, test := range map[string]struct {
		old, now *orchestrate.View
		want     []string
	}{
		"nothing": {with(nothing), with(nothing), nil},
		"create": {nil, with(building), []string{
			"10 DNS A a.example.com", "9 DHCP 52:54:00:00:00:01 192.0.2.5", "20 PXELinux 52:54:00:00:00:01",
			"55 clean old certificate a.example.com", "51 autosign a.example.com",
		}},
		"delete": {with(nothing), nil, []string{
			"1 remove DNS A a.example.com", "5 release DHCP 52:54:00:00:00:01 192.0.2.5", "-2 keep PXELinux 52:54:00:00:00:01",
			"20 remove PXELinux 52:54:00:00:00:01", "post 59 clean certificate a.example.com",
		}},
		"build": {with(nothing), with(building), []string{
			"-2 keep PXELinux 52:54:00:00:00:01", "20 PXELinux 52:54:00:00:00:01", "55 clean old certificate a.example.com", "51 autosign a.example.com",
		}},
		"built":    {with(building), with(built), []string{"-2 keep PXELinux 52:54:00:00:00:01", "20 PXELinux 52:54:00:00:00:01"}},
		"call off": {with(building), with(nothing), []string{"-2 keep PXELinux 52:54:00:00:00:01", "20 PXELinux 52:54:00:00:00:01", "post 50 drop autosign a.example.com"}},
		"another address": {with(nothing), with(func(_ *orchestrate.View, n *inventory.Interface) { n.IP = "192.0.2.6" }), []string{
			"9 remove DNS A a.example.com", "10 DNS A a.example.com", "5 release DHCP 52:54:00:00:00:01 192.0.2.5", "9 DHCP 52:54:00:00:00:01 192.0.2.6",
		}},
		"another MAC": {with(nothing), with(func(_ *orchestrate.View, n *inventory.Interface) { n.MAC = "52:54:00:00:00:02" }), []string{
			"5 release DHCP 52:54:00:00:00:01 192.0.2.5", "9 DHCP 52:54:00:00:00:02 192.0.2.5", "-2 keep PXELinux 52:54:00:00:00:01",
			"20 remove PXELinux 52:54:00:00:00:01", "20 PXELinux 52:54:00:00:00:02",
		}},
		"another loader": {with(nothing), with(func(v *orchestrate.View, _ *inventory.Interface) { v.Kind, v.Loader = "PXEGrub2", "grub2/grubx64.efi" }), []string{
			"5 release DHCP 52:54:00:00:00:01 192.0.2.5", "9 DHCP 52:54:00:00:00:01 192.0.2.5", "-2 keep PXELinux 52:54:00:00:00:01",
			"20 remove PXELinux 52:54:00:00:00:01", "20 PXEGrub2 52:54:00:00:00:01",
		}},
		"two addresses under one name": {nil, with(func(v *orchestrate.View, n *inventory.Interface) {
			v.Kind, v.Proxies[1].Features, n.MAC = "", v.Proxies[1].Features[:1], ""
			second := *n
			second.IP = "192.0.2.9"
			v.Host.Interfaces = append(v.Host.Interfaces, second)
		}), []string{"10 DNS A a.example.com", "10 DNS A a.example.com (2)"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := orchestrate.Diff(orchestrate.WantsOf(test.old), orchestrate.WantsOf(test.now))
			if diff := cmp.Diff(test.want, steps(got), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			for _, s := range got {
				most := 15 * time.Second
				if strings.HasPrefix(s.Name, "PXE") || strings.HasPrefix(s.Name, "keep PXE") {
					most += 2 * time.Minute // Ruby may have to start
				}
				if s.Timeout > most || s.Attempts < 2 || s.Attempts > 2 && !s.Post {
					t.Errorf("%s is tried %d times for %v", s.Name, s.Attempts, s.Timeout)
				}
			}
		})
	}
}
