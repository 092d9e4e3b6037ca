// Package orchestrate makes the outside world follow the hosts: what a host
// wants in DNS, DHCP, TFTP and the Puppet CA, how two states of a host differ
// in that, and the plan of steps that leads from one to the other and back.
//
// It may import core/noun, core/inventory, core/job, core/provision, the pure
// feature packages of the Smart Proxy (never their providers) and internal
// packages.
package orchestrate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/proxy/dns"
	"github.com/chargehand/chargehand/proxy/mac"
)

// A View is a host with what its interfaces refer to, as of one transaction.
type View struct {
	Host    *inventory.Host
	Domains map[int64]*inventory.Domain
	Subnets map[int64]*inventory.Subnet
	Proxies map[int64]*inventory.SmartProxy
	// Loader is the boot file that the host's PXE loader and architecture lead
	// to, and Kind the template kind of its configuration; both are empty when
	// the host does not boot over the network.
	Loader, Kind string
	// Files are fetched from the installation medium before an installation.
	Files []BootFile
}

// A Record is one DNS record on a proxy.
type Record struct {
	Proxy string `json:"proxy"` // URL
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
	Keep  bool   `json:"keep,omitempty"` // leave it on the way back
}

// A Reservation is one DHCP reservation on a proxy.
type Reservation struct {
	Proxy    string   `json:"proxy"`
	Network  string   `json:"network"` // with its prefix length
	Name     string   `json:"name"`
	MAC      string   `json:"mac"`
	IP       string   `json:"ip"`
	Hostname string   `json:"hostname"`
	Filename string   `json:"filename,omitempty"`
	Boot     string   `json:"boot,omitempty"` // URL of the TFTP proxy, which names the boot server
	Related  []string `json:"related,omitempty"`
	Keep     bool     `json:"keep,omitempty"` // leave it on the way back
}

// A BootConfig is the boot loader's configuration for one MAC address.
type BootConfig struct {
	Proxy string `json:"proxy"`
	Kind  string `json:"kind"` // template kind: PXELinux …
	MAC   string `json:"mac"`
	Host  int64  `json:"host"`
	Build bool   `json:"build"` // the installation's, else local boot
}

// A BootFile is a kernel or initial RAM disk on a proxy.
type BootFile struct {
	Proxy  string `json:"proxy"`
	Prefix string `json:"prefix"`
	URL    string `json:"url"`
}

// A Certificate is a certname on the proxy of its CA.
type Certificate struct {
	Proxy    string `json:"proxy"`
	Certname string `json:"certname"`
}

// Wants is all that a host wants of the outside world.
type Wants struct {
	Records      []Record
	Reservations []Reservation
	Boot         []BootConfig
	Files        []BootFile
	CA           Certificate // Proxy is empty without a CA
	Build        bool
	// Signable tells that the machine's certificate request is still to come: it
	// is being built, or was built and has not reported since.
	Signable bool
}

// Features of a Smart Proxy, as it names them.
const (
	featureDNS      = "DNS"
	featureDHCP     = "DHCP"
	featureTFTP     = "TFTP"
	featurePuppetCA = "Puppet CA"
)

// WantsOf tells what the host wants; nothing when it is not managed.
func WantsOf(v *View) Wants {
	if v == nil || v.Host == nil || !v.Host.Managed {
		return Wants{}
	}
	w := Wants{Build: v.Host.Build, Signable: signable(v.Host)}
	for i := range v.Host.Interfaces {
		nic := &v.Host.Interfaces[i]
		if !nic.Managed {
			continue
		}
		for _, r := range v.records(nic) {
			if !slices.Contains(w.Records, r) {
				w.Records = append(w.Records, r)
			}
		}
		if r, ok := v.reservation(nic); ok {
			w.Reservations = append(w.Reservations, r)
		}
		if b, ok := v.boot(nic); ok {
			w.Boot = append(w.Boot, b)
		}
	}
	if w.Build && len(w.Boot) > 0 {
		for _, f := range v.Files {
			f.Proxy = w.Boot[0].Proxy
			w.Files = append(w.Files, f)
		}
	}
	if url := v.proxy(v.Host.PuppetCAProxyID, featurePuppetCA); url != "" {
		w.CA = Certificate{Proxy: url, Certname: certname(v.Host)}
	}
	return w
}

// signable tells whether a machine's request is awaited: until it is built, and
// then until its first report. A build that was called off awaits none.
func signable(h *inventory.Host) bool {
	installed := !h.InstalledAt.IsZero() && !h.InstalledAt.Before(h.InitiatedAt.Truncate(time.Second))
	return h.Build || installed && h.LastReport.IsZero()
}

func certname(h *inventory.Host) string {
	if h.Certname != "" {
		return h.Certname
	}
	return h.Name
}

// proxy gives the URL of the proxy, if it is there and has the feature.
func (v *View) proxy(id int64, feature string) string {
	if p := v.Proxies[id]; p != nil && p.Has(feature) {
		return p.URL
	}
	return ""
}

// records are the A, AAAA and PTR records of one interface. Forward zones are
// the domain's proxy's, reverse zones the subnets'.
func (v *View) records(nic *inventory.Interface) []Record {
	if nic.Name == "" {
		return nil
	}
	var all []Record
	forward := ""
	if d := v.Domains[nic.DomainID]; d != nil {
		forward = v.proxy(d.DNSID, featureDNS)
	}
	for _, a := range []struct {
		ip     string
		subnet int64
	}{{nic.IP, nic.SubnetID}, {nic.IP6, nic.Subnet6ID}} {
		addr, err := netip.ParseAddr(a.ip)
		if err != nil {
			continue
		}
		if r, err := dns.ForAddr(nic.Name, addr); err == nil && forward != "" {
			all = append(all, record(forward, r))
		}
		if s := v.Subnets[a.subnet]; s != nil {
			reverse := v.proxy(s.DNSID, featureDNS)
			if r, err := dns.Reverse(nic.Name, addr); err == nil && reverse != "" {
				all = append(all, record(reverse, r))
			}
		}
	}
	return all
}

func record(proxy string, r dns.Record) Record {
	return Record{Proxy: proxy, Name: r.Name, Type: string(r.Type), Value: r.Value}
}

// reservation is the interface's DHCP reservation. Interfaces below a bond share
// its address and are related to it.
func (v *View) reservation(nic *inventory.Interface) (Reservation, bool) {
	s := v.Subnets[nic.SubnetID]
	if s == nil || !s.Prefix().IsValid() || nic.IP == "" || nic.MAC == "" || nic.Virtual && nic.Type == inventory.InterfaceManaged {
		return Reservation{}, false
	}
	proxy := v.proxy(s.DHCPID, featureDHCP)
	if proxy == "" {
		return Reservation{}, false
	}
	name := nic.Name
	if name == "" {
		name = v.Host.Name
	}
	r := Reservation{Proxy: proxy, Network: s.Prefix().String(), Name: name, MAC: nic.MAC, IP: nic.IP, Hostname: name}
	if nic.Provision && v.Loader != "" {
		r.Filename, r.Boot = v.Loader, v.proxy(s.TFTPID, featureTFTP)
	}
	for i := range v.Host.Interfaces {
		other := &v.Host.Interfaces[i]
		if other.MAC != "" && other.MAC != nic.MAC && other.IP == nic.IP {
			r.Related = append(r.Related, other.MAC)
		}
	}
	return r, true
}

func (v *View) boot(nic *inventory.Interface) (BootConfig, bool) {
	s := v.Subnets[nic.SubnetID]
	if s == nil {
		s = v.Subnets[nic.Subnet6ID]
	}
	if s == nil || !nic.Provision || v.Kind == "" {
		return BootConfig{}, false
	}
	if _, err := mac.Parse(nic.MAC); err != nil {
		return BootConfig{}, false
	}
	proxy := v.proxy(s.TFTPID, featureTFTP)
	return BootConfig{Proxy: proxy, Kind: v.Kind, MAC: nic.MAC, Host: v.Host.ID, Build: v.Host.Build}, proxy != ""
}

func (r Reservation) equal(o Reservation) bool {
	related := slices.Equal(r.Related, o.Related)
	return related && r.key() == o.key() && r.Filename == o.Filename && r.Boot == o.Boot && r.Hostname == o.Hostname && r.Name == o.Name
}

func (r Reservation) key() [4]string { return [4]string{r.Proxy, r.Network, r.MAC, r.IP} }
