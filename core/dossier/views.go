package dossier

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/orchestrate"
	"github.com/chargehand/chargehand/core/param"
	"github.com/chargehand/chargehand/core/provision"
)

// Defaults are what a site sets for all of its hosts.
type Defaults struct {
	RootPass     string // crypted
	PuppetServer string
	PuppetCA     string
}

// Node is the host as the classifier sees it.
func (d *Dossier) Node(defaults Defaults) *param.Node {
	n := &param.Node{
		Host: d.Host, Parameters: d.Parameters, Classes: d.Classes, Organization: d.Organization, Location: d.Location,
		Subnets: d.Subnets, RootPass: d.RootPass(defaults.RootPass), PuppetServer: d.puppetServer(defaults), PuppetCA: d.puppetCA(defaults),
	}
	if d.Environment != nil {
		n.Environment = d.Environment.Name
	}
	if len(d.Groups) > 0 {
		n.Hostgroup = d.Groups[0].Title
	}
	if nic := d.Host.Primary(); nic != nil {
		n.Domain = d.Domains[nic.DomainID]
	}
	if d.Owner != nil {
		n.Owner = &param.Owner{Login: d.Owner.Login, Name: strings.TrimSpace(d.Owner.Firstname + " " + d.Owner.Lastname), Email: d.Owner.Mail}
	}
	return n
}

func (d *Dossier) puppetServer(defaults Defaults) string {
	if host := d.proxyHost(d.Host.PuppetProxyID); host != "" {
		return host
	}
	return defaults.PuppetServer
}

func (d *Dossier) puppetCA(defaults Defaults) string {
	if host := d.proxyHost(d.Host.PuppetCAProxyID); host != "" {
		return host
	}
	if defaults.PuppetCA != "" {
		return defaults.PuppetCA
	}
	return d.puppetServer(defaults)
}

// Orchestration is the host as the outside world should follow it.
func (d *Dossier) Orchestration() *orchestrate.View {
	v := &orchestrate.View{Host: d.Host, Domains: d.Domains, Subnets: d.Subnets, Proxies: d.Proxies}
	loader := provision.LoaderByName(d.loader())
	arch := ""
	if d.Architecture != nil {
		arch = d.Architecture.Name
	}
	v.Loader, v.Kind = loader.File(arch, provision.BootServer{}), string(loader.Kind)
	if !d.Host.Build || d.Medium == nil {
		return v
	}
	installation, err := provision.InstallationOf(d.Subject(Defaults{}))
	if err != nil {
		return v // rendering the boot configuration says what is missing
	}
	for _, file := range installation.BootFiles() {
		v.Files = append(v.Files, orchestrate.BootFile{Prefix: installation.Prefix, URL: file})
	}
	return v
}

// Subject is the host as templates see it.
func (d *Dossier) Subject(defaults Defaults) *provision.Host {
	h := d.Host
	s := &provision.Host{
		ID: h.ID, Name: h.Name, Certname: h.Certname, Comment: h.Comment, CreatedAt: h.CreatedAt, LastReport: h.LastReport,
		Build: h.Build, Managed: h.Managed, OTP: h.OTP.Reveal(), Params: values(d.Parameters),
		RootPass: d.RootPass(defaults.RootPass), GrubPass: h.GrubPass.Reveal(), Disk: h.Disk, OwnerType: h.OwnerType,
		PuppetServer: d.puppetServer(defaults), PuppetCAServer: d.puppetCA(defaults), ProvisionMethod: h.ProvisionMethod,
		PXELoader: d.loader(), UseImage: h.ProvisionMethod == "image", GlobalStatus: h.GlobalStatus,
	}
	if h.Build {
		s.Token = h.Token
	}
	d.describeSystem(s)
	d.describePlace(s)
	for i := range h.Interfaces {
		s.Interfaces = append(s.Interfaces, d.nic(&h.Interfaces[i]))
	}
	for _, id := range []int64{h.PuppetProxyID, h.PuppetCAProxyID} {
		if p := d.proxy(id); p != nil {
			s.SmartProxies = append(s.SmartProxies, *p)
		}
	}
	return s
}

func (d *Dossier) describeSystem(s *provision.Host) {
	if d.OS != nil {
		s.OperatingSystem = &provision.OperatingSystem{
			ID: d.OS.ID, Name: d.OS.Name, Title: d.OS.Title, Major: d.OS.Major, Minor: d.OS.Minor, ReleaseName: d.OS.ReleaseName,
			Family: d.OS.Family, PasswordHash: d.OS.PasswordHash, Description: d.OS.Description, Params: own(d.OS.Parameters),
		}
	}
	if d.Architecture != nil {
		s.Architecture = &provision.Architecture{Name: d.Architecture.Name}
	}
	if d.Medium != nil {
		s.Medium = &provision.Medium{ID: d.Medium.ID, Name: d.Medium.Name, Path: d.Medium.Path}
	}
	if d.Ptable != nil {
		s.PartitionTable = &provision.PartitionTable{Name: d.Ptable.Name, Layout: d.Ptable.Layout}
	}
	if d.Environment != nil {
		s.Environment = d.Environment.Name
	}
}

func (d *Dossier) describePlace(s *provision.Host) {
	if len(d.Groups) > 0 {
		g := d.Groups[0]
		s.Hostgroup = &provision.Hostgroup{ID: g.ID, Name: g.Name, Title: g.Title, Params: own(g.Parameters)}
	}
	if d.Organization != nil {
		s.Organization = &provision.Taxonomy{ID: d.Organization.ID, Name: d.Organization.Name, Title: d.Organization.Title}
	}
	if d.Location != nil {
		s.Location = &provision.Taxonomy{ID: d.Location.ID, Name: d.Location.Name, Title: d.Location.Title}
	}
	if d.Owner != nil {
		s.Owner = &provision.Owner{
			ID: d.Owner.ID, Login: d.Owner.Login, Mail: d.Owner.Mail, Firstname: d.Owner.Firstname, Lastname: d.Owner.Lastname,
			Name: strings.TrimSpace(d.Owner.Firstname + " " + d.Owner.Lastname),
		}
	}
}

func (d *Dossier) nic(n *inventory.Interface) provision.Interface {
	i := provision.Interface{
		Identifier: n.Identifier, Name: n.Name, Type: param.ShortType(n.Type), MAC: n.MAC, IP: n.IP, IP6: n.IP6, Primary: n.Primary,
		Provision: n.Provision, Managed: n.Managed, Virtual: n.Virtual, Tag: n.Tag, AttachedTo: n.AttachedTo, BondMode: n.Mode, BondOptions: n.BondOptions,
		Subnet: d.subnet(n.SubnetID), Subnet6: d.subnet(n.Subnet6ID),
	}
	for device := range strings.SplitSeq(n.AttachedDevices, ",") {
		if device = strings.TrimSpace(device); device != "" {
			i.AttachedDevices = append(i.AttachedDevices, device)
		}
	}
	if n.MTU != nil {
		i.MTU = *n.MTU
	}
	if domain := d.Domains[n.DomainID]; domain != nil {
		i.Domain = &provision.Domain{Name: domain.Name, Fullname: domain.Fullname, Params: own(domain.Parameters)}
	}
	return i
}

func (d *Dossier) subnet(id int64) *provision.Subnet {
	s := d.Subnets[id]
	if s == nil {
		return nil
	}
	out := &provision.Subnet{
		Name: s.Name, Type: s.Type, Network: s.Network, Mask: s.Mask, CIDR: int(s.CIDR), Gateway: s.Gateway, DNSPrimary: s.DNSPrimary,
		DNSSecondary: s.DNSSecondary, BootMode: s.BootMode, MTU: s.MTU, Params: own(s.Parameters),
		DHCP: d.proxy(s.DHCPID), TFTP: d.proxy(s.TFTPID), DNS: d.proxy(s.DNSID), HTTPBoot: d.proxy(s.HTTPBootID), Template: d.templateProxy(s.TemplateID),
	}
	if s.VLANID != nil {
		out.VLANID = *s.VLANID
	}
	if s.NICDelay != nil {
		out.NICDelay = *s.NICDelay
	}
	return out
}

func (d *Dossier) proxy(id int64) *provision.SmartProxy {
	p := d.Proxies[id]
	if p == nil {
		return nil
	}
	return &provision.SmartProxy{Name: p.Name, URL: p.URL, Hostname: d.proxyHost(id)}
}

// templateProxy is the proxy that machines fetch their templates through, by the
// address that it announces for that; nil when it announces none.
func (d *Dossier) templateProxy(id int64) *provision.SmartProxy {
	p := d.Proxies[id]
	if p == nil {
		return nil
	}
	for _, f := range p.Features {
		var settings struct {
			URL string `json:"template_url"`
		}
		if f.Name != "Templates" || json.Unmarshal(f.Settings, &settings) != nil || settings.URL == "" {
			continue
		}
		if u, err := url.Parse(settings.URL); err == nil {
			return &provision.SmartProxy{Name: p.Name, URL: settings.URL, Hostname: u.Hostname()}
		}
	}
	return nil
}

func values(resolved []*inventory.ResolvedParameter) map[string]any {
	m := make(map[string]any, len(resolved))
	for _, p := range resolved {
		m[p.Name] = p.Typed()
	}
	return m
}

func own(parameters []noun.Parameter) map[string]any {
	m := make(map[string]any, len(parameters))
	for i := range parameters {
		m[parameters[i].Name] = parameters[i].Typed()
	}
	return m
}
