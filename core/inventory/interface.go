package inventory

import "github.com/chargehand/chargehand/core/noun"

// An Interface is a network interface of a host.
type Interface struct {
	noun.Base
	HostID          int64
	Type            string // one of the Interface constants
	Name            string // the FQDN where a domain is known
	Identifier      string // eth0
	MAC             string // lower case with colons
	IP, IP6         string // canonical
	DomainID        int64
	SubnetID        int64 // IPv4
	Subnet6ID       int64
	Primary         bool
	Provision       bool
	Managed         bool // orchestrated: DNS, DHCP, TFTP
	Virtual         bool
	AttachedTo      string // virtual: the identifier below
	Tag             string // virtual: VLAN
	AttachedDevices string // bond, bridge: identifiers, comma-separated
	Mode            string // bond
	BondOptions     string // bond
	Provider        string // BMC: IPMI, Redfish, SSH
	Username        string // BMC
	Password        noun.Secret
	Link            bool
	MTU             *int64
	NICDelay        *int64
	Attrs           string // JSON, what facts told
	CompAttributes  string // JSON, what the compute resource should make
}

// The types of interfaces, as rows name them.
const (
	InterfaceManaged = "Nic::Managed"
	InterfaceBMC     = "Nic::BMC"
	InterfaceBond    = "Nic::Bond"
	InterfaceBridge  = "Nic::Bridge"
)
