package inventory

import "github.com/chargehand/chargehand/core/noun"

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
