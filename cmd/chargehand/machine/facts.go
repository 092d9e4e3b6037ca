package machine

import (
	"net"
	"net/netip"
	"strings"
	"time"
)

// A set of facts by name.
type factSet map[string]any

// facts are what facter 4 tells of such a machine, with the older flat facts
// that an agent 7 still sends.
func (m *Machine) facts(environment string) factSet {
	f := factSet{}
	f.os(m.cfg.OS)
	f.hardware(m)
	f.network(m.cfg.MAC.String(), m.lease, m.certname)
	f.disks()
	f.runtime(m.certname, environment)
	f["package_provider"], f["service_provider"] = "apt", "systemd"
	if m.cfg.OS.Family == "RedHat" {
		f["package_provider"] = "dnf"
	}
	return f
}

func (f factSet) os(os OS) {
	major, minor, _ := strings.Cut(os.Release, ".")
	release := map[string]any{"full": os.Release, "major": major, "minor": minor}
	arch := "amd64"
	if os.Family == "RedHat" {
		arch = "x86_64"
	}
	description := os.Name + " " + os.Release + " (" + os.Codename + ")"
	f["os"] = map[string]any{
		"architecture": arch, "family": os.Family, "hardware": "x86_64", "name": os.Name, "release": release,
		"selinux": map[string]any{"enabled": false},
		"distro":  map[string]any{"codename": os.Codename, "description": description, "id": os.Name, "release": release},
	}
	version, _, _ := strings.Cut(os.Kernel, "-")
	for name, value := range map[string]any{
		"architecture": arch, "hardwaremodel": "x86_64", "operatingsystem": os.Name, "osfamily": os.Family,
		"operatingsystemrelease": os.Release, "operatingsystemmajrelease": major,
		"lsbdistid": os.Name, "lsbdistcodename": os.Codename, "lsbdistdescription": description,
		"lsbdistrelease": os.Release, "lsbmajdistrelease": major, "lsbminordistrelease": minor,
		"kernel": "Linux", "kernelrelease": os.Kernel, "kernelversion": version,
		"kernelmajversion": version[:max(strings.LastIndex(version, "."), 0)],
		"selinux":          false, "fips_enabled": false,
	} {
		f[name] = value
	}
}

const gib = 1 << 30

func (f factSet) hardware(m *Machine) {
	const cores, model, serial = 2, "Simulated CPU @ 2.60GHz", "CH"
	models := []string{model, model}
	uuid := m.uuidText()
	f["processors"] = map[string]any{
		"count": cores, "cores": cores, "physicalcount": 1, "threads": 1, "isa": "unknown", "speed": "2.60 GHz", "models": models,
	}
	f["memory"] = map[string]any{
		"system": map[string]any{
			"total": "4.00 GiB", "total_bytes": 4 * gib, "used": "1.00 GiB", "used_bytes": gib,
			"available": "3.00 GiB", "available_bytes": 3 * gib, "capacity": "25.00%",
		},
		"swap": map[string]any{
			"total": "1.00 GiB", "total_bytes": gib, "used": "0 bytes", "used_bytes": 0,
			"available": "1.00 GiB", "available_bytes": gib, "capacity": "0.00%", "encrypted": false,
		},
	}
	f["dmi"] = map[string]any{
		"bios":         map[string]any{"vendor": "Chargehand", "version": "1.0", "release_date": "01/01/2026"},
		"board":        map[string]any{"manufacturer": "Chargehand", "product": "Simulated board"},
		"chassis":      map[string]any{"type": "Other", "asset_tag": ""},
		"manufacturer": "Chargehand", "product": map[string]any{"name": "Simulated machine", "serial_number": serial + uuid[:8], "uuid": uuid},
	}
	for name, value := range map[string]any{
		"processorcount": cores, "physicalprocessorcount": 1, "processor0": model, "processor1": model, "hardwareisa": "unknown",
		"memorysize": "4.00 GiB", "memorysize_mb": 4096.0, "memoryfree": "3.00 GiB", "memoryfree_mb": 3072.0,
		"swapsize": "1.00 GiB", "swapsize_mb": 1024.0, "swapfree": "1.00 GiB", "swapfree_mb": 1024.0, "swapencrypted": false,
		"bios_vendor": "Chargehand", "bios_version": "1.0", "bios_release_date": "01/01/2026",
		"boardmanufacturer": "Chargehand", "boardproductname": "Simulated board", "chassistype": "Other", "chassisassettag": "",
		"manufacturer": "Chargehand", "productname": "Simulated machine", "serialnumber": serial + uuid[:8], "uuid": uuid,
		"is_virtual": true, "virtual": "kvm", "hypervisors": map[string]any{"kvm": map[string]any{}},
	} {
		f[name] = value
	}
}

// A binding is one address of an interface.
type binding struct {
	Address string `json:"address"`
	Netmask string `json:"netmask"`
	Network string `json:"network"`
}

func (f factSet) network(mac string, l lease, fqdn string) {
	host, domain, _ := strings.Cut(fqdn, ".")
	mask := net.IP(net.CIDRMask(l.prefix.Bits(), 32)).String()
	own := binding{l.ip.String(), mask, l.prefix.Masked().Addr().String()}
	loop := binding{"127.0.0.1", "255.0.0.0", "127.0.0.0"}
	const mtu, loopMTU = 1500, 65536
	dhcp := ""
	if l.server.IsValid() {
		dhcp = l.server.String()
	}
	link := linkLocal(mac)
	f["networking"] = map[string]any{
		"hostname": host, "domain": domain, "fqdn": fqdn, "primary": "eth0", "mac": mac, "mtu": mtu,
		"ip": own.Address, "netmask": own.Netmask, "network": own.Network, "dhcp": dhcp,
		"ip6": link, "netmask6": "ffff:ffff:ffff:ffff::", "network6": "fe80::", "scope6": "link",
		"interfaces": map[string]any{
			"eth0": map[string]any{
				"mac": mac, "mtu": mtu, "ip": own.Address, "netmask": own.Netmask, "network": own.Network, "dhcp": dhcp,
				"bindings": []binding{own}, "ip6": link, "netmask6": "ffff:ffff:ffff:ffff::", "network6": "fe80::", "scope6": "link",
				"bindings6": []binding{{link, "ffff:ffff:ffff:ffff::", "fe80::"}},
			},
			"lo": map[string]any{
				"mtu": loopMTU, "ip": loop.Address, "netmask": loop.Netmask, "network": loop.Network, "bindings": []binding{loop},
				"ip6": "::1", "netmask6": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "network6": "::1", "scope6": "host",
			},
		},
	}
	for name, value := range map[string]any{
		"hostname": host, "domain": domain, "fqdn": fqdn, "interfaces": "eth0,lo", "dhcp_servers": map[string]any{"system": dhcp, "eth0": dhcp},
		"ipaddress": own.Address, "ipaddress_eth0": own.Address, "ipaddress_lo": loop.Address,
		"netmask": own.Netmask, "netmask_eth0": own.Netmask, "netmask_lo": loop.Netmask,
		"network": own.Network, "network_eth0": own.Network, "network_lo": loop.Network,
		"macaddress": mac, "macaddress_eth0": mac, "mtu_eth0": mtu, "mtu_lo": loopMTU,
		"ipaddress6": link, "ipaddress6_eth0": link, "ipaddress6_lo": "::1",
		"network6": "fe80::", "network6_eth0": "fe80::", "network6_lo": "::1", "scope6": "link", "scope6_eth0": "link", "scope6_lo": "host",
		"netmask6": "ffff:ffff:ffff:ffff::", "netmask6_eth0": "ffff:ffff:ffff:ffff::",
	} {
		f[name] = value
	}
}

// linkLocal is the address that an interface makes of its hardware address.
func linkLocal(mac string) string {
	hw, err := net.ParseMAC(mac)
	if err != nil {
		return "fe80::1"
	}
	var a [16]byte
	a[0], a[1] = 0xfe, 0x80
	copy(a[8:], []byte{hw[0] ^ 2, hw[1], hw[2], 0xff, 0xfe, hw[3], hw[4], hw[5]})
	return netip.AddrFrom16(a).String()
}

func (f factSet) disks() {
	const size = 20 * gib
	f["disks"] = map[string]any{"vda": map[string]any{"size": "20.00 GiB", "size_bytes": size, "vendor": "0x1af4", "type": "hdd"}}
	f["partitions"] = map[string]any{
		"/dev/vda1": map[string]any{"filesystem": "ext4", "mount": "/", "size": "19.00 GiB", "size_bytes": 19 * gib, "uuid": "6d1c1d3e-0001-4000-8000-000000000001"},
		"/dev/vda2": map[string]any{"filesystem": "swap", "size": "1.00 GiB", "size_bytes": gib, "uuid": "6d1c1d3e-0002-4000-8000-000000000002"},
	}
	f["mountpoints"] = map[string]any{"/": map[string]any{
		"device": "/dev/vda1", "filesystem": "ext4", "options": []string{"rw", "relatime"}, "size": "18.60 GiB", "size_bytes": 19971597926,
		"used": "1.20 GiB", "used_bytes": 1288490188, "available": "17.40 GiB", "available_bytes": 18683107738, "capacity": "6.45%",
	}}
	f["blockdevices"], f["blockdevice_vda_size"], f["blockdevice_vda_vendor"] = "vda", size, "0x1af4"
	f["filesystems"] = "ext2,ext3,ext4"
}

func (f factSet) runtime(certname, environment string) {
	uptime := 97 * time.Second
	f["system_uptime"] = map[string]any{"seconds": int(uptime.Seconds()), "hours": 0, "days": 0, "uptime": "0:01 hours"}
	f["load_averages"] = map[string]any{"1m": 0.42, "5m": 0.17, "15m": 0.06}
	f["identity"] = map[string]any{"user": "root", "uid": 0, "group": "root", "gid": 0, "privileged": true}
	f["ruby"] = map[string]any{"version": "3.1.7", "platform": "x86_64-linux-gnu", "sitedir": "/usr/local/lib/site_ruby/3.1.0"}
	f["augeas"] = map[string]any{"version": "1.14.0"}
	f["ssh"] = map[string]any{}
	for name, value := range map[string]any{
		"uptime": "0:01 hours", "uptime_seconds": int(uptime.Seconds()), "uptime_hours": 0, "uptime_days": 0,
		"id": "root", "gid": "root", "path": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "timezone": "UTC",
		"rubyversion": "3.1.7", "rubyplatform": "x86_64-linux-gnu", "rubysitedir": "/usr/local/lib/site_ruby/3.1.0",
		"augeasversion": "1.14.0", "facterversion": "4.3.0", "puppetversion": puppetVersion, "is_pe": false,
		"root_home":  "/root",
		"clientcert": certname, "clientversion": puppetVersion, "clientnoop": false, "agent_specified_environment": environment,
	} {
		f[name] = value
	}
}
