package inventory

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

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

// Interfaces declares the network interfaces of hosts. They have the
// permissions of hosts and are saved through their host.
func Interfaces() *noun.Noun[Interface] {
	return noun.Declare("interface", func(i *Interface) noun.Fields {
		bmc, bonded, virtual := typed(InterfaceBMC), typed(InterfaceBond, InterfaceBridge), func(i *Interface) bool {
			return i.Virtual && i.Type == InterfaceManaged
		}
		return noun.Fields{
			noun.OnlyUnder("host", "domain", "subnet"), noun.PermissionsOf("hosts"), noun.Resource("Host"), noun.AuditedAs("Nic::Base"),
			noun.Needs("create", "edit_hosts"), noun.Needs("destroy", "edit_hosts"), noun.OrderedBy("identifier"), noun.ScopedBy("host"), noun.SavedThrough("host"),
			noun.InBrief("name", "ip", "ip6", "mac", "mtu", "fqdn", "identifier", "primary", "provision", "nic_delay", "type"),
			noun.BriefNeeds("type_name", "name"),
			noun.Ref("host", &i.HostID, "host").Hidden().ReadOnly(),
			noun.Text("name", &i.Name).Label("DNS name").Format(hostName).Search(),
			noun.Computed("fqdn", func(i *Interface, _ *noun.Names) any { return textOrNull(i.Name) }),
			noun.Text("ip", &i.IP).Label("IPv4 address").Clean(canonicalIP).Format(addressText).Search(),
			noun.Text("ip6", &i.IP6).Label("IPv6 address").Clean(canonicalIP).Format(addressText).Search(),
			noun.Text("mac", &i.MAC).Label("MAC address").Clean(canonicalMAC).Format(macText).Search(),
			noun.OptInt("mtu", &i.MTU).Between(42, 65536),
			noun.Text("identifier", &i.Identifier).Unique("host_id").Search(),
			noun.Bool("primary", &i.Primary), noun.Bool("provision", &i.Provision),
			noun.OptInt("nic_delay", &i.NICDelay).Between(0, 1023),
			noun.Text("type_name", &i.Type).Column("type").Also("type").Default(InterfaceManaged).Clean(interfaceType).Fixed().Hidden().
				Enum(InterfaceManaged, InterfaceBMC, InterfaceBond, InterfaceBridge),
			noun.Computed("type", func(i *Interface, _ *noun.Names) any { return i.Kind() }),
			noun.Ref("domain", &i.DomainID, "domain"), noun.Ref("subnet", &i.SubnetID, "subnet"), noun.Ref("subnet6", &i.Subnet6ID, "subnet"),
			noun.Bool("managed", &i.Managed).Default(true), noun.Bool("virtual", &i.Virtual),
			noun.Text("attached_to", &i.AttachedTo).Hidden(), shownIf("attached_to_shown", "attached_to", virtual, func(i *Interface) string { return i.AttachedTo }),
			noun.Text("tag", &i.Tag).Hidden(), shownIf("tag_shown", "tag", virtual, func(i *Interface) string { return i.Tag }),
			noun.Text("attached_devices", &i.AttachedDevices).Clean(deviceList).Hidden(), shownIf("attached_devices_shown", "attached_devices", bonded, func(i *Interface) string { return i.AttachedDevices }),
			noun.Text("mode", &i.Mode).Hidden().Enum("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"),
			shownIf("mode_shown", "mode", typed(InterfaceBond), func(i *Interface) string { return i.Mode }),
			noun.Text("bond_options", &i.BondOptions).Hidden(), shownIf("bond_options_shown", "bond_options", typed(InterfaceBond), func(i *Interface) string { return i.BondOptions }),
			noun.Text("provider", &i.Provider).Hidden().Enum("IPMI", "Redfish", "SSH"), shownIf("provider_shown", "provider", bmc, func(i *Interface) string { return i.Provider }),
			noun.Text("username", &i.Username).Hidden(), shownIf("username_shown", "username", bmc, func(i *Interface) string { return i.Username }),
			noun.Sealed("password", &i.Password),
			noun.Bool("link", &i.Link).Default(true).Hidden(),
			noun.Text("attrs", &i.Attrs).Long().Hidden().ReadOnly(), noun.Text("compute_attributes_text", &i.CompAttributes).Column("compute_attributes").Long().Hidden().ReadOnly(),
			noun.Check(checkInterface),
		}
	})
}

// Kind is the type as bodies show it: interface, bmc, bond or bridge.
func (i *Interface) Kind() string {
	switch i.Type {
	case InterfaceBMC:
		return "bmc"
	case InterfaceBond:
		return "bond"
	case InterfaceBridge:
		return "bridge"
	}
	return "interface"
}

// interfaceType reads the type as bodies may give it.
func interfaceType(s string) string {
	switch strings.ToLower(s) {
	case "interface", "managed", "nic::managed", "nic::interface":
		return InterfaceManaged
	case "bmc", "nic::bmc":
		return InterfaceBMC
	case "bond", "nic::bond":
		return InterfaceBond
	case "bridge", "nic::bridge":
		return InterfaceBridge
	}
	return s
}

func typed(types ...string) func(*Interface) bool {
	return func(i *Interface) bool { return slices.Contains(types, i.Type) }
}

func shownIf(id, key string, when func(*Interface) bool, of func(*Interface) string) *noun.Field {
	return noun.Computed(id, func(i *Interface, _ *noun.Names) any {
		return noun.Present{Value: textOrNull(of(i)), Absent: !when(i)}
	}).ShownAs(key)
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// deviceList writes identifiers separated by commas.
func deviceList(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }), ",")
}

// checkInterface checks what concerns one interface alone; what concerns the
// host's others is the host's to check.
func checkInterface(ctx context.Context, c *noun.Change[Interface]) error {
	i := c.New
	if i == nil {
		if c.Notes["part"] == "" && (c.Old.Primary || c.Old.Provision) {
			c.Fail("base", "You can't remove the primary or provision interface, set another one first")
		}
		return nil
	}
	if i.Virtual && i.Type != InterfaceBridge && i.Type != InterfaceBond && i.AttachedTo == "" {
		c.Fail("attached_to", "can't be blank")
	}
	if i.Virtual && i.Managed && i.Identifier == "" {
		c.Fail("identifier", "can't be blank")
	}
	if i.Type == InterfaceBMC && i.Managed && i.Provider == "" {
		i.Provider = "IPMI"
	}
	if err := i.checkMAC(ctx, c); err != nil {
		return err
	}
	if err := i.checkAddress(ctx, c, "ip", i.IP, i.SubnetID, SubnetIPv4); err != nil {
		return err
	}
	return i.checkAddress(ctx, c, "ip6", i.IP6, i.Subnet6ID, SubnetIPv6)
}

// checkMAC refuses a hardware address that another managed physical interface has.
func (i *Interface) checkMAC(ctx context.Context, c *noun.Change[Interface]) error {
	if i.MAC == "" || i.Virtual || !i.Managed {
		return nil
	}
	if err := c.Tx.Lock(ctx, "mac "+i.MAC); err != nil {
		return err
	}
	same, err := noun.Find[Interface](ctx, c.Tx, noun.Match{"mac": i.MAC, "managed": true, "virtual": false})
	for _, s := range same {
		if s.ID != i.ID && s.HostID != i.HostID {
			c.Fail("mac", "has already been taken")
			break
		}
	}
	return err
}

func (i *Interface) checkAddress(ctx context.Context, c *noun.Change[Interface], field, address string, subnetID int64, kind string) error {
	subnetField := "subnet_id"
	if kind == SubnetIPv6 {
		subnetField = "subnet6_id"
	}
	a, err := netip.ParseAddr(address)
	if address != "" && err == nil && a.Is4() != (kind == SubnetIPv4) {
		c.Fail(field, "is invalid")
	}
	if subnetID != 0 {
		s, err := noun.Load[Subnet](ctx, c.Tx, subnetID)
		switch {
		case errs.Is(err, errs.NotFound):
		case err != nil:
			return err
		case s.Type != kind:
			c.Fail(subnetField, "must be of type %s.", kind)
		case address != "" && a.IsValid() && !s.Prefix().Contains(a):
			c.Fail(field, "does not match selected subnet")
		}
	}
	if address == "" || !i.Managed || c.Old != nil && c.Old.IP == i.IP && c.Old.IP6 == i.IP6 {
		return nil
	}
	if err := c.Tx.Lock(ctx, "ip "+address); err != nil {
		return err
	}
	same, err := noun.Find[Interface](ctx, c.Tx, noun.Match{field: address, "managed": true})
	for _, s := range same {
		if s.ID != i.ID {
			c.Fail(field, "has already been taken")
			break
		}
	}
	return err
}
