package provision

import "time"

// The records that a template may see. Their fields are all that it may read of
// a host and what belongs to it: the json names are the methods of the objects
// in the template. Whoever renders fills in what is known.

// A Host is the machine that a template is rendered for.
type Host struct {
	ID                int64            `json:"id"`
	Name              string           `json:"name"`
	Certname          string           `json:"certname"`
	Comment           string           `json:"comment"`
	CreatedAt         time.Time        `json:"created_at,omitzero"`
	LastReport        time.Time        `json:"last_report,omitzero"`
	Build             bool             `json:"build"`
	Managed           bool             `json:"managed"`
	Token             string           `json:"token"` // while it is in build
	OTP               string           `json:"otp"`   // one-time password of the realm
	Params            map[string]any   `json:"params"`
	Facts             map[string]any   `json:"facts"`
	ENC               map[string]any   `json:"info"`
	RootPass          string           `json:"root_pass"` // crypted
	GrubPass          string           `json:"grub_pass"` // crypted
	OperatingSystem   *OperatingSystem `json:"operatingsystem"`
	Architecture      *Architecture    `json:"architecture"`
	Medium            *Medium          `json:"medium"`
	PartitionTable    *PartitionTable  `json:"ptable"`
	Disk              string           `json:"disk"` // partition text that replaces the table's
	Hostgroup         *Hostgroup       `json:"hostgroup"`
	Model             *Model           `json:"model"`
	Location          *Taxonomy        `json:"location"`
	Organization      *Taxonomy        `json:"organization"`
	Owner             *Owner           `json:"owner"`
	OwnerType         string           `json:"owner_type"`
	SSHKeys           []string         `json:"ssh_authorized_keys"`
	Interfaces        []Interface      `json:"interfaces"`
	Realm             *Realm           `json:"realm"`
	Environment       string           `json:"environment"` // of Puppet
	PuppetServer      string           `json:"puppet_server"`
	PuppetCAServer    string           `json:"puppet_ca_server"`
	PuppetCAToken     string           `json:"puppetca_token"`
	ProvisionMethod   string           `json:"provision_method"` // "build" or "image"
	UseImage          bool             `json:"use_image"`
	PXELoader         string           `json:"pxe_loader"`
	ComputeResource   string           `json:"compute_resource"`
	Provider          string           `json:"provider"`
	Capabilities      []string         `json:"capabilities"`
	SmartProxies      []SmartProxy     `json:"smart_proxies"`
	Virtual           bool             `json:"virtual"`
	RAM               int64            `json:"ram"` // MiB
	Sockets           int64            `json:"sockets"`
	Cores             int64            `json:"cores"`
	GlobalStatus      int64            `json:"global_status"`
	GlobalStatusLabel string           `json:"global_status_label"`
	Statuses          map[string]any   `json:"statuses"`
}

// An Interface is a network interface of the host, or its BMC.
type Interface struct {
	Identifier      string   `json:"identifier"`
	Name            string   `json:"name"` // FQDN
	Type            string   `json:"type"` // "Interface", "Bond", "Bridge" or "BMC"
	MAC             string   `json:"mac"`
	IP              string   `json:"ip"`
	IP6             string   `json:"ip6"`
	Primary         bool     `json:"primary"`
	Provision       bool     `json:"provision"`
	Managed         bool     `json:"managed"`
	Virtual         bool     `json:"virtual"`
	Tag             string   `json:"tag"` // VLAN
	AttachedTo      string   `json:"attached_to"`
	AttachedDevices []string `json:"attached_devices_identifiers"`
	BondMode        string   `json:"mode"`
	BondOptions     string   `json:"bond_options"`
	MTU             int64    `json:"mtu,omitzero"`
	Domain          *Domain  `json:"domain"`
	Subnet          *Subnet  `json:"subnet"`
	Subnet6         *Subnet  `json:"subnet6"`
}

// A Subnet is a network of either family.
type Subnet struct {
	Name         string         `json:"name"`
	Type         string         `json:"type"` // "Subnet::Ipv4" or "Subnet::Ipv6"
	Network      string         `json:"network"`
	Mask         string         `json:"mask"`
	CIDR         int            `json:"cidr"`
	Gateway      string         `json:"gateway"`
	DNSPrimary   string         `json:"dns_primary"`
	DNSSecondary string         `json:"dns_secondary"`
	BootMode     string         `json:"boot_mode"` // "DHCP" or "Static"
	VLANID       int64          `json:"vlanid,omitzero"`
	MTU          int64          `json:"mtu"`
	NICDelay     int64          `json:"nic_delay,omitzero"`
	Params       map[string]any `json:"params"`
	DHCP         *SmartProxy    `json:"dhcp"`
	TFTP         *SmartProxy    `json:"tftp"`
	DNS          *SmartProxy    `json:"dns"`
	HTTPBoot     *SmartProxy    `json:"httpboot"`
	Template     *SmartProxy    `json:"template"`
}

// A Domain is a DNS zone.
type Domain struct {
	Name     string         `json:"name"`
	Fullname string         `json:"fullname"`
	Params   map[string]any `json:"params"`
}

// An OperatingSystem is what is installed.
type OperatingSystem struct {
	ID           int64          `json:"id"`
	Name         string         `json:"name"`
	Title        string         `json:"title"` // the label: description, or name and version
	Major        string         `json:"major"`
	Minor        string         `json:"minor"`
	ReleaseName  string         `json:"release_name"`
	Family       string         `json:"family"`
	PasswordHash string         `json:"password_hash"`
	Description  string         `json:"description"`
	Params       map[string]any `json:"params"`
}

// An Architecture is that of the machine's processor.
type Architecture struct {
	Name string `json:"name"`
}

// A Medium is where an operating system is installed from. The path may have
// $arch, $major, $minor, $version and $release in it.
type Medium struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Path string `json:"path"`
}

// A PartitionTable is a template for the installer's partitioning.
type PartitionTable struct {
	Name   string `json:"name"`
	Layout string `json:"layout"`
}

// A Hostgroup is what a host takes its settings from.
type Hostgroup struct {
	ID     int64          `json:"id"`
	Name   string         `json:"name"`
	Title  string         `json:"title"`
	Params map[string]any `json:"params"`
}

// A Model is a hardware model.
type Model struct {
	Name string `json:"name"`
}

// A Taxonomy is an organization or a location.
type Taxonomy struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Title string `json:"title"`
}

// An Owner is the user, or the group of users, that a host belongs to.
type Owner struct {
	ID        int64  `json:"id"`
	Login     string `json:"login"`
	Name      string `json:"name"`
	Mail      string `json:"mail"`
	Firstname string `json:"firstname"`
	Lastname  string `json:"lastname"`
}

// A Realm is a Kerberos or Active Directory realm.
type Realm struct {
	Name string `json:"name"`
	Type string `json:"realm_type"`
}

// A SmartProxy is one that a host or subnet uses.
type SmartProxy struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Hostname string `json:"hostname"`
}

// PrimaryInterface gives the host its name and addresses; nil when there is none.
func (h *Host) PrimaryInterface() *Interface {
	return h.find(func(i *Interface) bool { return i.Primary })
}

// ProvisionInterface is the one that the host is installed over: the one marked
// so, else the primary.
func (h *Host) ProvisionInterface() *Interface {
	if i := h.find(func(i *Interface) bool { return i.Provision }); i != nil {
		return i
	}
	return h.PrimaryInterface()
}

func (h *Host) find(is func(*Interface) bool) *Interface {
	for i := range h.Interfaces {
		if is(&h.Interfaces[i]) {
			return &h.Interfaces[i]
		}
	}
	return nil
}

// Layout is the partition text: the host's own, else the table's.
func (h *Host) Layout() string {
	if h.Disk != "" || h.PartitionTable == nil {
		return h.Disk
	}
	return h.PartitionTable.Layout
}
