// Package builtin is the DNS provider over Chargehand's own DNS server: records
// go straight to its store, and are answered as soon as Create returns.
//
// It imports the DNS feature, netd/dnsd and the DNS codec; the wiring alone
// imports it.
package builtin

import (
	"context"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/netd/dnsd"
	feature "github.com/chargehand/chargehand/proxy/dns"
)

// Config is what a Provider needs.
type Config struct {
	Store *dnsd.Store
	TTL   uint32 // of records, in seconds; 0: DefaultTTL

	// Server, when set, is the name of this DNS server, and names that no zone
	// holds get one: the domain of a host, the /24 or /64 network of an address.
	// Without it such names are Invalid.
	Server string
}

// DefaultTTL is Smart Proxy's dns_ttl.
const DefaultTTL = 86400

// A Provider keeps records in the built-in server's store.
type Provider struct{ cfg Config }

// New makes a provider.
func New(cfg Config) *Provider {
	if cfg.TTL == 0 {
		cfg.TTL = DefaultTTL
	}
	return &Provider{cfg}
}

var _ feature.Provider = (*Provider)(nil)

// Create implements dns.Provider.
func (p *Provider) Create(ctx context.Context, r feature.Record) error {
	if err := ctx.Err(); err != nil {
		return errs.WrapAs(errs.Unavailable, err, "create %s", r.Name)
	}
	rr, err := p.record(r)
	if err != nil {
		return err
	}
	zone, err := p.zone(r.Name)
	if err != nil {
		return err
	}
	return p.cfg.Store.Change(zone, func(tx *dnsd.Tx) error {
		needed, err := feature.Decide(r, existing(tx.At(r.Name)))
		if needed && err == nil {
			tx.Add(rr)
		}
		return err
	})
}

// Delete implements dns.Provider.
func (p *Provider) Delete(ctx context.Context, name string, t feature.Type) error {
	if err := ctx.Err(); err != nil {
		return errs.WrapAs(errs.Unavailable, err, "delete %s", name)
	}
	zone, ok := p.cfg.Store.ZoneOf(name)
	if !ok {
		return nil // nothing of it can be here
	}
	return p.cfg.Store.Change(zone, func(tx *dnsd.Tx) error {
		tx.Set(name, dns.StringToType[string(t)])
		return nil
	})
}

// zone finds the zone of a name, or makes one where that is wanted.
func (p *Provider) zone(name string) (string, error) {
	if zone, ok := p.cfg.Store.ZoneOf(name); ok {
		return zone, nil
	}
	if p.cfg.Server == "" {
		return "", errs.New(errs.Invalid, "no zone of this DNS server holds %s", name)
	}
	zone := zoneFor(name)
	return zone, p.cfg.Store.CreateZone(zone, p.cfg.Server)
}

// zoneFor is the zone that a name without one gets.
func zoneFor(name string) string {
	labels := dns.SplitDomainName(name)
	cut := 1
	if strings.HasSuffix(strings.ToLower(name), ".ip6.arpa") {
		cut = 16 // the host's half of the address, a digit each
	}
	cut = max(0, min(cut, len(labels)-2))
	return dns.Fqdn(strings.Join(labels[cut:], "."))
}

func (p *Provider) record(r feature.Record) (dns.RR, error) {
	value := r.Value
	switch r.Type {
	case feature.CNAME, feature.PTR, feature.SRV:
		value = dns.Fqdn(value)
	}
	rr, err := dns.NewRR(dns.Fqdn(r.Name) + " " + strconv.FormatUint(uint64(p.cfg.TTL), 10) + " IN " + string(r.Type) + " " + value)
	if err != nil || rr == nil {
		return nil, errs.New(errs.Invalid, "%s %s %s is no DNS record", r.Name, r.Type, r.Value)
	}
	return rr, nil
}

// existing puts records into the feature's words; types that it does not manage
// stand in a CNAME's way all the same.
func existing(rrs []dns.RR) feature.Existing {
	var out feature.Existing
	for _, rr := range rrs {
		h := rr.Header()
		value := strings.TrimPrefix(rr.String(), h.String())
		out = append(out, feature.Record{
			Name: strings.TrimSuffix(h.Name, "."), Type: feature.Type(dns.TypeToString[h.Rrtype]),
			Value: strings.TrimSuffix(value, "."),
		})
	}
	return out
}
