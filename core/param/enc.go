// Package param builds the answer of the external node classifier: the classes,
// parameters and environment of a host.
//
// It may import core/noun, core/inventory, and internal packages.
package param

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/goccy/go-yaml"
)

// A Node is a host with all that its classification is made of.
type Node struct {
	Host         *inventory.Host
	Parameters   []*inventory.ResolvedParameter
	Classes      []string // of the host and of its host groups
	Environment  string   // "" when none is set
	Hostgroup    string   // title
	Organization *inventory.Organization
	Location     *inventory.Location
	Domain       *inventory.Domain
	Subnets      map[int64]*inventory.Subnet
	Realm        string
	RootPass     string // crypted, from host, host group or settings
	Owner        *Owner
	PuppetServer string
	PuppetCA     string
}

// An Owner is the user that a host belongs to.
type Owner struct {
	Login, Name, Email string
	SSHKeys            []string
}

// A Classification is what a Puppet compiler is told of a node.
type Classification struct {
	Classes     map[string]map[string]any `json:"classes"`
	Parameters  map[string]any            `json:"parameters"`
	Environment string                    `json:"environment,omitempty"`
}

// Classify builds the answer of the external node classifier. A host's own
// parameters win over what Foreman adds by itself.
func Classify(n *Node) Classification {
	c := Classification{Classes: map[string]map[string]any{}, Parameters: map[string]any{}, Environment: n.Environment}
	for _, class := range n.Classes {
		c.Classes[class] = nil
	}
	n.addIdentity(c.Parameters)
	n.addPlace(c.Parameters)
	c.Parameters["foreman_subnets"] = n.subnets()
	c.Parameters["foreman_interfaces"] = n.interfaces()
	for _, p := range n.Parameters {
		c.Parameters[p.Name] = p.Typed()
	}
	return c
}

func (n *Node) addIdentity(p map[string]any) {
	h := n.Host
	short, _, _ := cutDot(h.Name)
	set(p, "foreman_hostname", short)
	set(p, "foreman_fqdn", h.Name)
	set(p, "hostgroup", n.Hostgroup)
	set(p, "comment", h.Comment)
	set(p, "realm", n.Realm)
	set(p, "root_pw", n.RootPass)
	set(p, "puppetmaster", n.PuppetServer)
	set(p, "puppet_ca", n.PuppetCA)
	set(p, "foreman_env", n.Environment)
	p["foreman_config_groups"] = []any{}
	if n.Owner != nil {
		set(p, "owner_name", n.Owner.Name)
		set(p, "owner_email", n.Owner.Email)
		p["ssh_authorized_keys"] = n.Owner.SSHKeys
		p["foreman_users"] = map[string]any{n.Owner.Login: map[string]any{
			"name": n.Owner.Login, "fullname": n.Owner.Name, "mail": n.Owner.Email, "ssh_authorized_keys": n.Owner.SSHKeys,
		}}
	}
}

func (n *Node) addPlace(p map[string]any) {
	if n.Organization != nil {
		set(p, "organization", n.Organization.Name)
		set(p, "organization_title", n.Organization.Title)
	}
	if n.Location != nil {
		set(p, "location", n.Location.Name)
		set(p, "location_title", n.Location.Title)
	}
	if n.Domain != nil {
		set(p, "domainname", n.Domain.Name)
		set(p, "foreman_domain_description", n.Domain.Fullname)
	}
}

func set(p map[string]any, name, value string) {
	if value != "" {
		p[name] = value
	}
}

func cutDot(s string) (before, after string, ok bool) {
	for i := range len(s) {
		if s[i] == '.' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func (n *Node) subnets() []any {
	list := []any{}
	for _, id := range slices.Sorted(maps.Keys(n.Subnets)) {
		list = append(list, subnet(n.Subnets[id]))
	}
	return list
}

func subnet(s *inventory.Subnet) map[string]any {
	kind := "IPv4"
	if s.Type == inventory.SubnetIPv6 {
		kind = "IPv6"
	}
	return map[string]any{
		"name": s.Name, "network": s.Network, "mask": s.Mask, "gateway": empty(s.Gateway), "dns_primary": empty(s.DNSPrimary),
		"dns_secondary": empty(s.DNSSecondary), "from": empty(s.From), "to": empty(s.To), "boot_mode": s.BootMode, "ipam": s.IPAM,
		"vlanid": s.VLANID, "mtu": s.MTU, "nic_delay": s.NICDelay, "network_type": kind, "description": empty(s.Description),
	}
}

func empty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (n *Node) interfaces() []any {
	list := []any{}
	for i := range n.Host.Interfaces {
		nic := &n.Host.Interfaces[i]
		m := map[string]any{
			"ip": address(nic.IP), "ip6": address(nic.IP6), "mac": empty(nic.MAC), "name": empty(nic.Name), "attrs": map[string]any{},
			"virtual": nic.Virtual, "link": nic.Link, "identifier": empty(nic.Identifier), "managed": nic.Managed, "primary": nic.Primary,
			"provision": nic.Provision, "subnet": nil, "subnet6": nil, "tag": empty(nic.Tag), "attached_to": empty(nic.AttachedTo),
			"type": ShortType(nic.Type),
		}
		if s := n.Subnets[nic.SubnetID]; s != nil {
			m["subnet"] = subnet(s)
		}
		if s := n.Subnets[nic.Subnet6ID]; s != nil {
			m["subnet6"] = subnet(s)
		}
		if nic.Type == inventory.InterfaceBond {
			m["mode"], m["bond_options"], m["attached_devices"] = empty(nic.Mode), empty(nic.BondOptions), empty(nic.AttachedDevices)
		}
		list = append(list, m)
	}
	return list
}

func address(s string) any {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.String()
	}
	return nil
}

// ShortType is "Interface" for plain ones and the class's last word for others,
// as Foreman tells them.
func ShortType(t string) string {
	switch t {
	case inventory.InterfaceBond:
		return "Bond"
	case inventory.InterfaceBMC:
		return "BMC"
	case inventory.InterfaceBridge:
		return "Bridge"
	}
	return "Interface"
}

// YAML writes the classification as an ENC script prints it.
func (c Classification) YAML() ([]byte, error) {
	classes := make(map[string]any, len(c.Classes))
	for name, params := range c.Classes {
		classes[name] = nil // null without parameters, as Foreman writes it
		if len(params) > 0 {
			classes[name] = numbers(params)
		}
	}
	ordered := yaml.MapSlice{{Key: "classes", Value: classes}, {Key: "parameters", Value: numbers(c.Parameters)}}
	if c.Environment != "" {
		ordered = append(ordered, yaml.MapItem{Key: "environment", Value: c.Environment})
	}
	text, err := yaml.Marshal(ordered)
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "write the classification of a node")
	}
	return append([]byte("---\n"), text...), nil
}

// numbers gives JSON's numbers the types that YAML writes as numbers.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = numbers(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for name := range v {
			m[name] = numbers(v[name])
		}
		return m
	}
	return v
}
