package server

import (
	"cmp"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/mac"
)

func (f *DHCP) module() module {
	if f == nil {
		return described("dhcp", "/dhcp", nil, map[string]any{"use_provider": nil})
	}
	m := described("dhcp", "/dhcp", &f.Module, map[string]any{"use_provider": name(f.UseProvider)})
	m.routes = func(*Server) []route {
		return []route{
			on(http.MethodGet, "/dhcp/", trusted, f.subnets),
			on(http.MethodGet, "/dhcp/:network", trusted, f.records),
			on(http.MethodGet, "/dhcp/:network/unused_ip", trusted, f.unusedIP),
			on(http.MethodGet, "/dhcp/:network/ip/:ip", trusted, f.recordsByIP),
			on(http.MethodGet, "/dhcp/:network/mac/:mac", trusted, f.recordByMAC),
			on(http.MethodPost, "/dhcp/:network", trusted, f.create),
			on(http.MethodDelete, "/dhcp/:network/mac/:mac", trusted, f.deleteByMAC),
			on(http.MethodDelete, "/dhcp/:network/ip/:ip", trusted, f.deleteByIP),
			on(http.MethodPost, "/dhcp/:network/mac/:mac", trusted, overridden(f.deleteByMAC)),
			on(http.MethodPost, "/dhcp/:network/ip/:ip", trusted, overridden(f.deleteByIP)),
		}
	}
	return m
}

// overridden is a deletion by clients that can only POST and say _method=delete,
// which this module alone takes.
func overridden(remove func(*call) error) func(*call) error {
	return func(c *call) error {
		if !strings.EqualFold(c.param("_method"), http.MethodDelete) {
			c.w.notRouted()
			return nil
		}
		return remove(c)
	}
}

// subnet finds the subnet that a path names: exact when the address is its
// network address, not exact when it merely lies inside.
func (f *DHCP) subnet(c *call) (sub dhcp.Subnet, exact bool, err error) {
	addr, err := ipv4(c.param("network"))
	if err != nil {
		return dhcp.Subnet{}, false, err
	}
	all, err := f.Provider.Subnets(c.ctx())
	if err != nil {
		return dhcp.Subnet{}, false, err
	}
	var best *dhcp.Subnet
	for i, s := range all {
		if s.Prefix.Addr() == addr {
			return s, true, nil
		}
		if s.Prefix.Contains(addr) && (best == nil || s.Prefix.Bits() > best.Prefix.Bits()) {
			best = &all[i]
		}
	}
	if best == nil {
		return dhcp.Subnet{}, false, errs.New(errs.NotFound, "Subnet %s could not found", addr)
	}
	return *best, false, nil
}

func (f *DHCP) find(c *call, q dhcp.Query) ([]dhcp.Record, error) {
	sub, exact, err := f.subnet(c)
	if err != nil || !exact {
		return nil, err // an address inside a subnet names an empty place
	}
	return f.Provider.Records(c.ctx(), sub.Prefix.Addr(), q)
}

func (f *DHCP) subnets(c *call) error {
	all, err := f.Provider.Subnets(c.ctx())
	if err != nil {
		return err
	}
	out := make([]subnetBody, 0, len(all))
	for _, s := range all {
		out = append(out, subnetOf(s))
	}
	return c.w.json(out)
}

func (f *DHCP) records(c *call) error {
	found, err := f.find(c, dhcp.Query{})
	if err != nil {
		return err
	}
	reservations, leases := []map[string]any{}, []map[string]any{}
	for _, r := range found {
		if r.Lease == nil {
			reservations = append(reservations, recordBody(r))
		} else {
			leases = append(leases, recordBody(r))
		}
	}
	return c.w.json(map[string]any{"reservations": reservations, "leases": leases})
}

func (f *DHCP) recordsByIP(c *call) error {
	ip, err := ipv4(c.param("ip"))
	if err != nil {
		return err
	}
	found, err := f.find(c, dhcp.Query{IP: ip})
	if err != nil {
		return err
	}
	found = preferReservations(found)
	if len(found) == 0 {
		return errs.New(errs.NotFound, "No DHCP record for IP %s found", ip)
	}
	out := make([]map[string]any, 0, len(found))
	for _, r := range found {
		out = append(out, recordBody(r))
	}
	return c.w.json(out)
}

func (f *DHCP) recordByMAC(c *call) error {
	m, err := mac.Parse(c.param("mac"))
	if err != nil {
		return err
	}
	found, err := f.find(c, dhcp.Query{MAC: m})
	if err != nil {
		return err
	}
	found = preferReservations(found)
	if len(found) == 0 {
		return errs.New(errs.NotFound, "No DHCP record for MAC %s found", m)
	}
	return c.w.json(recordBody(found[0]))
}

// preferReservations hides leases where there is a reservation.
func preferReservations(found []dhcp.Record) []dhcp.Record {
	isLease := func(r dhcp.Record) bool { return r.Lease != nil }
	if slices.ContainsFunc(found, func(r dhcp.Record) bool { return r.Lease == nil }) {
		return slices.DeleteFunc(found, isLease)
	}
	return found
}

func (f *DHCP) unusedIP(c *call) error {
	var w dhcp.Wish
	var err error
	if s := c.param("mac"); s != "" {
		if w.MAC, err = mac.Parse(s); err != nil {
			return err
		}
	}
	if w.From, err = optionalIPv4(c.param("from")); err != nil {
		return err
	}
	if w.To, err = optionalIPv4(c.param("to")); err != nil {
		return err
	}
	sub, _, err := f.subnet(c)
	if err != nil {
		return err
	}
	ip, err := f.Provider.UnusedIP(c.ctx(), sub.Prefix.Addr(), w)
	if err != nil {
		return err
	}
	if !ip.IsValid() {
		return c.w.json(map[string]any{"ip": nil})
	}
	return c.w.json(map[string]any{"ip": ip.String()})
}

func (f *DHCP) create(c *call) error {
	r, related, err := reservation(c)
	if err != nil {
		return err
	}
	sub, _, err := f.subnet(c)
	if errs.Is(err, errs.NotFound) {
		return errs.WrapAs(errs.Malformed, err, "No such subnet")
	}
	if err != nil {
		return err
	}
	r.Network = sub.Prefix
	if err := f.Provider.Create(c.ctx(), r, related); err != nil {
		return err
	}
	return c.w.doneJSON()
}

// ownParams are form keys that are not options of the record.
var ownParams = [...]string{
	"network", "subnet", "name", "hostname", "ip", "mac", "nextServer", "filename",
	"related_macs", "type", "hardware_type", "deleteable", "_method",
}

func reservation(c *call) (r dhcp.Record, related []mac.Addr, err error) {
	if r.MAC, err = mac.Parse(c.param("mac")); err != nil {
		return r, nil, err
	}
	if r.IP, err = ipv4(c.param("ip")); err != nil {
		return r, nil, err
	}
	r.Name = cmp.Or(c.param("name"), c.param("hostname"))
	r.Hostname = cmp.Or(c.param("hostname"), r.Name)
	if r.Name == "" {
		return r, nil, errs.New(errs.Malformed, "Must provide hostname")
	}
	r.NextServer, r.Filename = c.param("nextServer"), c.param("filename")
	for _, text := range c.params.list("related_macs") {
		m, err := mac.Parse(text)
		if err != nil {
			return r, nil, err
		}
		related = append(related, m)
	}
	for key, value := range c.params.texts {
		if slices.Contains(ownParams[:], key) {
			continue
		}
		if r.Options == nil {
			r.Options = map[string]string{}
		}
		r.Options[key] = value
	}
	return r, related, checkTexts(r)
}

// checkTexts refuses what would end a quoted string or a line in the
// configuration of a DHCP server.
func checkTexts(r dhcp.Record) error {
	texts := []string{r.Name, r.Hostname, r.NextServer, r.Filename}
	for k, v := range r.Options {
		texts = append(texts, k, v)
	}
	for _, t := range texts {
		if strings.ContainsAny(t, "\"\\\r\n\x00") || len(t) > 1024 {
			return errs.New(errs.Malformed, "%.80q is not a usable value", t)
		}
	}
	return nil
}

func (f *DHCP) deleteByMAC(c *call) error {
	m, err := mac.Parse(c.param("mac"))
	if err != nil {
		return err
	}
	return f.remove(c, dhcp.Query{MAC: m})
}

func (f *DHCP) deleteByIP(c *call) error {
	ip, err := ipv4(c.param("ip"))
	if err != nil {
		return err
	}
	return f.remove(c, dhcp.Query{IP: ip})
}

func (f *DHCP) remove(c *call, q dhcp.Query) error {
	sub, exact, err := f.subnet(c)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	if exact {
		if err := f.Provider.Delete(c.ctx(), sub.Prefix.Addr(), q); err != nil {
			return err
		}
	}
	return c.w.doneHTML()
}

func ipv4(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return netip.Addr{}, errs.New(errs.Malformed, "Invalid IP Address %.64s", s)
	}
	return a, nil
}

func optionalIPv4(s string) (netip.Addr, error) {
	if s == "" {
		return netip.Addr{}, nil
	}
	return ipv4(s)
}

func netmask(p netip.Prefix) string { return net.IP(net.CIDRMask(p.Bits(), 32)).String() }
