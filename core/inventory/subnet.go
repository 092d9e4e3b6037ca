package inventory

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/chargehand/chargehand/core/noun"
)

// A Subnet is an IPv4 or IPv6 network that interfaces are in.
type Subnet struct {
	noun.Base
	noun.Taxed
	Type          string // SubnetIPv4 or SubnetIPv6
	Name          string
	Description   string
	Network       string // canonical address
	Mask          string // of IPv6 too, derived from CIDR
	CIDR          int64  // derived from Mask where that is given
	Priority      *int64
	VLANID        *int64
	MTU           int64
	NICDelay      *int64
	Gateway       string
	DNSPrimary    string
	DNSSecondary  string
	From, To      string // the range that addresses are suggested from; both or none
	IPAM          string // one of the IPAM constants
	BootMode      string // "DHCP" or "Static"
	DHCPID        int64  // smart proxies by feature
	TFTPID        int64
	HTTPBootID    int64
	DNSID         int64
	TemplateID    int64
	BMCID         int64
	ExternalIPAM  int64
	DomainIDs     []int64
	Parameters    []noun.Parameter
	ExternalGroup string // externalipam_group
}

// The types of subnets, as rows and API bodies name them.
const (
	SubnetIPv4 = "Subnet::Ipv4"
	SubnetIPv6 = "Subnet::Ipv6"
)

// The ways to suggest a free address.
const (
	IPAMNone     = "None"
	IPAMDHCP     = "DHCP"
	IPAMInternal = "Internal DB"
	IPAMRandom   = "Random DB"
	IPAMEUI64    = "EUI-64"
	IPAMExternal = "External IPAM"
)

// Subnets declares the networks.
func Subnets() *noun.Noun[Subnet] {
	return noun.Declare("subnet", func(s *Subnet) noun.Fields {
		proxy := func(name string, id *int64, feature string) *noun.Field {
			return noun.Ref(name, id, "smart_proxy").Feature(feature).Label(feature + " proxy")
		}
		return noun.Fields{
			noun.Under("location", "organization", "domain"),
			noun.InBrief("name", "description", "network_address"), noun.BriefNeeds("network", "cidr", "type"),
			noun.Text("name", &s.Name).Required().Unique().Search(),
			noun.Text("type", &s.Type).Default(SubnetIPv4).Enum(SubnetIPv4, SubnetIPv6).Clean(subnetType).Also("network_type").Fixed().Hidden().Search().Explicit(),
			noun.Text("description", &s.Description).Long(),
			noun.Text("network", &s.Network).Required().Clean(canonicalIP).Format(addressText).Search().Explicit(),
			noun.Computed("network_address", func(s *Subnet, _ *noun.Names) any { return fmt.Sprintf("%s/%d", s.Network, s.CIDR) }),
			noun.Computed("network_type", func(s *Subnet, _ *noun.Names) any { return s.Family() }),
			noun.Int("cidr", &s.CIDR).Label("Prefix length"),
			noun.Text("mask", &s.Mask).Search().Explicit(),
			noun.OptInt("priority", &s.Priority),
			noun.OptInt("vlanid", &s.VLANID).Label("VLAN ID").Between(0, 4095).Search().Explicit(),
			noun.Int("mtu", &s.MTU).Label("MTU").Default(1500).Between(68, 4294967295).Search().Explicit(),
			noun.OptInt("nic_delay", &s.NICDelay).Between(0, 1023).Search().Explicit(),
			noun.Text("gateway", &s.Gateway).Clean(canonicalIP).Format(addressText).Search().Explicit(),
			noun.Text("dns_primary", &s.DNSPrimary).Clean(canonicalIP).Format(addressText).Search().Explicit(),
			noun.Text("dns_secondary", &s.DNSSecondary).Clean(canonicalIP).Format(addressText).Search().Explicit(),
			noun.Text("from", &s.From).Clean(canonicalIP).Format(addressText),
			noun.Text("to", &s.To).Clean(canonicalIP).Format(addressText),
			noun.Text("ipam", &s.IPAM).Label("IPAM").Search().Explicit(),
			noun.Text("boot_mode", &s.BootMode).Default("DHCP").Enum("DHCP", "Static").Search().Explicit(),
			noun.Text("externalipam_group", &s.ExternalGroup).Hidden(),
			proxy("dhcp", &s.DHCPID, "DHCP"), proxy("tftp", &s.TFTPID, "TFTP"), proxy("httpboot", &s.HTTPBootID, "HTTPBoot"),
			proxy("externalipam", &s.ExternalIPAM, "External IPAM"), proxy("dns", &s.DNSID, "DNS"),
			proxy("template", &s.TemplateID, "Templates"), proxy("bmc", &s.BMCID, "BMC"),
			noun.Many("domain", "domains", &s.DomainIDs, "domain", "subnet_domains", "subnet_id", "domain_id").OnDelete(noun.Refuse),
			noun.Has("interfaces", "interface", "subnet").OnDelete(noun.Refuse).Shown(),
			noun.Has("interfaces6", "interface", "subnet6").OnDelete(noun.Refuse),
			noun.Has("hostgroups", "hostgroup", "subnet").OnDelete(noun.Refuse),
			noun.Has("hostgroups6", "hostgroup", "subnet6").OnDelete(noun.Refuse),
			noun.WithParameters(&s.Parameters, "SubnetParameter", 40, "subnet_parameters_attributes"),
			noun.InTaxonomies(&s.Taxed),
			noun.SearchOn("domain", "domains.name"),
			noun.Act("freeip", "GET", "view_subnets"),
			noun.Prepare(func(_ context.Context, c *noun.Change[Subnet]) error { prepareSubnet(c); return nil }),
			noun.Check(func(_ context.Context, c *noun.Change[Subnet]) error { checkSubnet(c); return nil }),
		}
	})
}

// subnetType reads the type as bodies may give it.
func subnetType(s string) string {
	switch s {
	case "IPv4", "ipv4", "Ipv4":
		return SubnetIPv4
	case "IPv6", "ipv6", "Ipv6":
		return SubnetIPv6
	}
	return s
}

// Family is "IPv4" or "IPv6".
func (s *Subnet) Family() string {
	if s.Type == SubnetIPv6 {
		return "IPv6"
	}
	return "IPv4"
}

func (s *Subnet) bits() int {
	if s.Type == SubnetIPv6 {
		return 128
	}
	return 32
}

// Prefix is the subnet as a network; invalid while the subnet is.
func (s *Subnet) Prefix() netip.Prefix {
	a, err := netip.ParseAddr(s.Network)
	if err != nil || s.CIDR < 0 || int(s.CIDR) > a.BitLen() {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(a, int(s.CIDR))
}

// prepareSubnet derives mask and prefix length from each other.
func prepareSubnet(c *noun.Change[Subnet]) {
	s := c.New
	if s.IPAM == "" {
		s.IPAM = IPAMNone
		if s.Type == SubnetIPv4 {
			s.IPAM = IPAMDHCP
		}
	}
	byMask := s.Mask != "" && (c.Old == nil && s.CIDR == 0 || c.Old != nil && c.Old.Mask != s.Mask)
	if byMask {
		if n, ok := prefixLength(s.Mask); ok {
			s.CIDR = int64(n)
		}
		return
	}
	if s.CIDR > 0 && int(s.CIDR) <= s.bits() {
		s.Mask = maskOf(int(s.CIDR), s.bits())
	}
}

func prefixLength(mask string) (int, bool) {
	a, err := netip.ParseAddr(mask)
	if err != nil {
		return 0, false
	}
	n, size := net.IPMask(a.AsSlice()).Size()
	return n, size != 0
}

func maskOf(n, bits int) string {
	a, _ := netip.AddrFromSlice(net.CIDRMask(n, bits))
	return a.String()
}

func checkSubnet(c *noun.Change[Subnet]) {
	s := c.New
	if s == nil {
		return
	}
	if s.Mask == "" && s.CIDR == 0 {
		c.Fail("mask", "can't be blank")
		return
	}
	if n, ok := prefixLength(s.Mask); !ok || n == 0 || int(s.CIDR) > s.bits() {
		c.Fail("mask", "is invalid")
		return
	}
	prefix := s.Prefix()
	if !prefix.IsValid() || prefix.Addr().BitLen() != s.bits() {
		c.Fail("network", "is invalid")
		return
	}
	if prefix.Masked().Addr() != prefix.Addr() {
		c.Fail("network", "is invalid")
	}
	allowed := []string{IPAMNone, IPAMDHCP, IPAMInternal, IPAMRandom, IPAMExternal}
	if s.Type == SubnetIPv6 {
		allowed = []string{IPAMNone, IPAMInternal, IPAMEUI64, IPAMExternal}
		if s.MTU < 1280 {
			c.Fail("mtu", "must be greater than or equal to 1280")
		}
	} else if s.MTU > 65536 {
		c.Fail("mtu", "must be less than or equal to 65536")
	}
	if !slices.Contains(allowed, s.IPAM) {
		c.Fail("ipam", "not supported by this protocol")
	}
	if s.IPAM == IPAMEUI64 && s.CIDR > 64 {
		c.Fail("cidr", "must be 64 or less when EUI-64 is used")
	}
	s.checkAddresses(c, prefix)
}

func (s *Subnet) checkAddresses(c *noun.Change[Subnet], prefix netip.Prefix) {
	for field, text := range map[string]string{"gateway": s.Gateway, "dns_primary": s.DNSPrimary, "dns_secondary": s.DNSSecondary, "from": s.From, "to": s.To} {
		if a, err := netip.ParseAddr(text); err == nil && a.BitLen() != s.bits() {
			c.Fail(field, "is invalid")
		}
	}
	if (s.From == "") != (s.To == "") {
		field := "from"
		if s.To == "" {
			field = "to"
		}
		c.Fail(field, "must be specified if the other end of the range is")
		return
	}
	from, err := netip.ParseAddr(s.From)
	to, err2 := netip.ParseAddr(s.To)
	if err != nil || err2 != nil {
		return
	}
	if !prefix.Contains(from) {
		c.Fail("from", "does not belong to subnet")
	}
	if !prefix.Contains(to) {
		c.Fail("to", "does not belong to subnet")
	}
	if to.Less(from) {
		c.Fail("from", "can't be bigger than to range")
	}
}
