package remote

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/mac"
)

// DHCP is the proxy's DHCP feature.
func (c *Client) DHCP() dhcp.Provider { return dhcpClient{c} }

type dhcpClient struct{ c *Client }

// Subnets implements dhcp.Provider.
func (d dhcpClient) Subnets(ctx context.Context) ([]dhcp.Subnet, error) {
	var bodies []subnetBody
	if err := d.c.get(ctx, "/dhcp", &bodies); err != nil {
		return nil, err
	}
	subnets := make([]dhcp.Subnet, 0, len(bodies))
	for _, b := range bodies {
		s, err := b.subnet()
		if err != nil {
			return nil, errs.WrapAs(errs.Upstream, err, "proxy %s: subnets", d.c.base)
		}
		subnets = append(subnets, s)
	}
	slices.SortFunc(subnets, func(a, b dhcp.Subnet) int { return a.Prefix.Addr().Compare(b.Prefix.Addr()) })
	return subnets, nil
}

// Records implements dhcp.Provider.
func (d dhcpClient) Records(ctx context.Context, network netip.Addr, q dhcp.Query) ([]dhcp.Record, error) {
	bodies, err := d.fetch(ctx, "/dhcp/"+network.String(), q)
	if err != nil {
		return nil, err
	}
	records := make([]dhcp.Record, 0, len(bodies))
	for _, b := range bodies {
		r, err := b.record()
		if err != nil {
			return nil, errs.WrapAs(errs.Upstream, err, "proxy %s: records of %s", d.c.base, network)
		}
		if q.Matches(r) {
			records = append(records, r)
		}
	}
	slices.SortStableFunc(records, func(a, b dhcp.Record) int {
		if c := a.IP.Compare(b.IP); c != 0 {
			return c
		}
		return strings.Compare(a.MAC.String(), b.MAC.String())
	})
	return records, nil
}

func (d dhcpClient) fetch(ctx context.Context, path string, q dhcp.Query) ([]recordBody, error) {
	var found []recordBody
	var err error
	switch {
	case !q.MAC.IsZero():
		var one recordBody
		err = d.c.get(ctx, path+"/mac/"+q.MAC.String(), &one)
		found = []recordBody{one}
	case q.IP.IsValid():
		err = d.c.get(ctx, path+"/ip/"+q.IP.String(), &found)
	default:
		var all struct{ Reservations, Leases []recordBody }
		if err = d.c.get(ctx, path, &all); err != nil {
			return nil, err
		}
		return append(all.Reservations, all.Leases...), nil
	}
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	return found, err
}

// Create implements dhcp.Provider. A proxy whose server adds to what is stored
// refuses the same reservation a second time; what it has then decides.
func (d dhcpClient) Create(ctx context.Context, r dhcp.Record, related []mac.Addr) error {
	f := (&form{}).add("hostname", r.Hostname).add("mac", r.MAC.String()).add("ip", r.IP.String()).
		add("network", r.Network.Addr().String()).add("nextServer", r.NextServer).
		add("filename", r.Filename).add("name", r.Name)
	macs := make([]string, len(related))
	for i, m := range related {
		macs[i] = m.String()
	}
	f.list("related_macs", macs)
	for key, value := range r.Options {
		f.add(key, value)
	}
	err := d.c.call(ctx, http.MethodPost, "/dhcp/"+r.Network.Addr().String(), f, nil)
	if errs.Is(err, errs.Conflict) && d.stored(ctx, r) {
		return nil
	}
	return err
}

func (d dhcpClient) stored(ctx context.Context, r dhcp.Record) bool {
	found, err := d.Records(ctx, r.Network.Addr(), dhcp.Query{MAC: r.MAC})
	if err != nil || len(found) != 1 || found[0].Lease != nil {
		return false
	}
	have := found[0]
	if _, err := netip.ParseAddr(r.NextServer); err != nil {
		have.NextServer = r.NextServer // a name, stored as the address it had
	}
	have.Options = r.Options
	return dhcp.Same(have, r)
}

// Delete implements dhcp.Provider.
func (d dhcpClient) Delete(ctx context.Context, network netip.Addr, q dhcp.Query) error {
	path := "/dhcp/" + network.String()
	switch {
	case !q.MAC.IsZero():
		path += "/mac/" + q.MAC.String()
	case q.IP.IsValid():
		path += "/ip/" + q.IP.String()
	default:
		return errs.New(errs.Malformed, "a deletion names a MAC or an IP")
	}
	return d.c.call(ctx, http.MethodDelete, path, nil, nil)
}

// UnusedIP implements dhcp.Provider. Being a read that reserves, it is tried
// again like other reads: a suggestion lost on the way is merely unused.
func (d dhcpClient) UnusedIP(ctx context.Context, network netip.Addr, w dhcp.Wish) (netip.Addr, error) {
	query := url.Values{}
	if !w.MAC.IsZero() {
		query.Set("mac", w.MAC.String())
	}
	if w.From.IsValid() {
		query.Set("from", w.From.String())
	}
	if w.To.IsValid() {
		query.Set("to", w.To.String())
	}
	path := "/dhcp/" + network.String() + "/unused_ip"
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var answer struct {
		IP *string `json:"ip"`
	}
	if err := d.c.get(ctx, path, &answer); err != nil || answer.IP == nil {
		return netip.Addr{}, err
	}
	ip, err := netip.ParseAddr(*answer.IP)
	if err != nil {
		return netip.Addr{}, errs.WrapAs(errs.Upstream, err, "proxy %s: unused IP", d.c.base)
	}
	return ip, nil
}

type subnetBody struct {
	Network string                     `json:"network"`
	Netmask string                     `json:"netmask"`
	Options map[string]json.RawMessage `json:"options"`
}

func (b subnetBody) subnet() (dhcp.Subnet, error) {
	p, err := prefixOf(b.Network + "/" + b.Netmask)
	if err != nil {
		return dhcp.Subnet{}, err
	}
	s := dhcp.Subnet{Prefix: p}
	s.Options.Routers = addrs(b.Options["routers"])
	s.Options.DNSServers = addrs(b.Options["domain_name_servers"])
	s.Options.NTPServers = addrs(b.Options["ntp_servers"])
	if names := flat(b.Options["domain_name"]); len(names) > 0 {
		s.Options.DomainName = names[0]
	}
	if mtu := flat(b.Options["interface_mtu"]); len(mtu) > 0 {
		_ = json.Unmarshal([]byte(mtu[0]), &s.Options.MTU)
	}
	if r := addrs(b.Options["range"]); len(r) == 2 {
		s.Options.Range = dhcp.Range{From: r[0], To: r[1]}
	}
	return s, nil
}

// flat reads a value that may be a scalar, a list, or a list of lists.
func flat(raw json.RawMessage) []string {
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return nil
	}
	var out []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		case string:
			out = append(out, v)
		case float64:
			text, _ := json.Marshal(v)
			out = append(out, string(text))
		}
	}
	walk(v)
	return out
}

func addrs(raw json.RawMessage) []netip.Addr {
	var out []netip.Addr
	for _, text := range flat(raw) {
		if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// prefixOf reads "network/netmask".
func prefixOf(s string) (netip.Prefix, error) {
	network, mask, _ := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(network)
	if err != nil {
		return netip.Prefix{}, err
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || !m.Is4() || !addr.Is4() {
		return netip.Prefix{}, errs.New(errs.Upstream, "%q is not a network with a netmask", s)
	}
	bits := 0
	for b := m.As4(); bits < 32 && b[bits/8]&(0x80>>(bits%8)) != 0; bits++ {
	}
	return netip.PrefixFrom(addr, bits).Masked(), nil
}

// A recordBody is a record with its options on the same level.
type recordBody map[string]json.RawMessage

// known are the keys of a record that are not options.
var known = [...]string{
	"name", "ip", "mac", "subnet", "type", "deleteable", "hostname", "filename", "nextServer", "hardware_type",
	"starts", "ends", "tstp", "cltt", "state", "next_state", "uid", "client_hostname",
}

func (b recordBody) text(key string) string {
	var s string
	_ = json.Unmarshal(b[key], &s) // another type is as good as none
	return s
}

func (b recordBody) record() (dhcp.Record, error) {
	r := dhcp.Record{
		Name: b.text("name"), Hostname: b.text("hostname"),
		Filename: b.text("filename"), NextServer: b.text("nextServer"),
	}
	var err error
	if r.MAC, err = mac.Parse(b.text("mac")); err != nil {
		return r, err
	}
	if r.IP, err = netip.ParseAddr(b.text("ip")); err != nil {
		return r, err
	}
	if r.Network, err = prefixOf(b.text("subnet")); err != nil {
		return r, err
	}
	if b.text("type") == "lease" {
		r.Lease = &dhcp.Lease{
			Starts: leaseStamp(b.text("starts")), Ends: leaseStamp(b.text("ends")), State: b.text("state"),
			ClientHostname: b.text("client_hostname"), ClientID: b.text("uid"),
		}
	} else {
		r.Static = string(b["deleteable"]) == "false"
	}
	for key, raw := range b {
		if values := flat(raw); !slices.Contains(known[:], key) && len(values) > 0 {
			if r.Options == nil {
				r.Options = map[string]string{}
			}
			r.Options[key] = strings.Join(values, " ")
		}
	}
	return r, nil
}

func leaseStamp(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05 UTC", s)
	if err != nil {
		return time.Time{}
	}
	return t
}
