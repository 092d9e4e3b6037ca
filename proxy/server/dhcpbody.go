package server

import (
	"net/netip"
	"time"

	"github.com/chargehand/chargehand/proxy/dhcp"
)

// leaseTime is how lease times are written.
const leaseTime = "2006-01-02 15:04:05 UTC"

type subnetBody struct {
	Network string         `json:"network"`
	Netmask string         `json:"netmask"`
	Options map[string]any `json:"options"`
}

func subnetOf(s dhcp.Subnet) subnetBody {
	o, opts := s.Options, map[string]any{}
	for key, addrs := range map[string][]netip.Addr{"routers": o.Routers, "domain_name_servers": o.DNSServers} {
		if len(addrs) > 0 {
			opts[key] = texts(addrs)
		}
	}
	// All but the two above are lists of lists, as Smart Proxy's parser has it.
	if len(o.NTPServers) > 0 {
		opts["ntp_servers"] = [][]string{texts(o.NTPServers)}
	}
	if o.DomainName != "" {
		opts["domain_name"] = [][]string{{o.DomainName}}
	}
	if o.MTU != 0 {
		opts["interface_mtu"] = [][]int{{o.MTU}}
	}
	if o.Range.From.IsValid() {
		opts["range"] = []string{o.Range.From.String(), o.Range.To.String()}
	}
	return subnetBody{s.Prefix.Addr().String(), netmask(s.Prefix), opts}
}

func texts(addrs []netip.Addr) []string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return out
}

// recordBody is a record with its options on the same level.
func recordBody(r dhcp.Record) map[string]any {
	b := map[string]any{}
	for k, v := range r.Options {
		b[k] = v
	}
	set := func(key, value string) {
		if value != "" {
			b[key] = value
		}
	}
	b["name"], b["ip"], b["mac"] = r.Name, r.IP.String(), r.MAC.String()
	b["subnet"] = r.Network.Masked().Addr().String() + "/" + netmask(r.Network)
	b["hardware_type"] = "ethernet"
	if l := r.Lease; l != nil {
		b["type"] = "lease"
		set("starts", leaseStamp(l.Starts))
		set("ends", leaseStamp(l.Ends))
		set("state", l.State)
		set("uid", l.ClientID)
		set("client_hostname", l.ClientHostname)
		return b
	}
	b["type"], b["deleteable"] = "reservation", !r.Static
	set("hostname", r.Hostname)
	set("filename", r.Filename)
	set("nextServer", r.NextServer)
	return b
}

func leaseStamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(leaseTime)
}
