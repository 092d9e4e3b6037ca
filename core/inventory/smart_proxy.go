package inventory

import (
	"context"
	"encoding/json"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A SmartProxy is a registered Smart Proxy and the features it told us it has.
type SmartProxy struct {
	noun.Base
	noun.Taxed
	Name     string
	URL      string
	Version  string
	Features []Feature
}

// A Feature is what a proxy can do, with the settings and capabilities it reports.
type Feature struct {
	ID           int64           `json:"id"`
	Name         string          `json:"name"` // "DNS", "DHCP", "TFTP", "Puppet CA", "Templates" …
	Capabilities []string        `json:"capabilities"`
	Settings     json.RawMessage `json:"settings,omitempty"`
}

// Has tells whether the proxy has the feature.
func (p *SmartProxy) Has(feature string) bool {
	for _, f := range p.Features {
		if f.Name == feature {
			return true
		}
	}
	return false
}

// SmartProxies declares the registered Smart Proxies. Prober, which may be nil,
// asks a proxy for its features when it is created or its URL changes.
func SmartProxies(prober Prober) *noun.Noun[SmartProxy] {
	return noun.Declare("smart_proxy", func(p *SmartProxy) noun.Fields {
		return noun.Fields{
			noun.Plural("smart_proxies"), noun.Under("location", "organization"), noun.InBrief("name", "url"), noun.Dotted(),
			noun.Text("name", &p.Name).Required().Unique().Search(),
			noun.Text("url", &p.URL).Required().Unique().Clean(trimSlash).Format(proxyURL).Label("URL").Search(),
			noun.Text("version", &p.Version).ReadOnly().Hidden(),
			noun.JSON("features", &p.Features).ReadOnly(),
			noun.Has("hosts", "host", "puppet_proxy").OnDelete(noun.Refuse).Counted(),
			noun.Has("hosts_ca", "host", "puppet_ca_proxy").OnDelete(noun.Refuse),
			noun.Has("hostgroups", "hostgroup", "puppet_proxy").OnDelete(noun.Refuse),
			noun.Has("hostgroups_ca", "hostgroup", "puppet_ca_proxy").OnDelete(noun.Refuse),
			noun.Has("domains", "domain", "dns").OnDelete(noun.Refuse),
			noun.Has("subnets_dhcp", "subnet", "dhcp").OnDelete(noun.Refuse),
			noun.Has("subnets_tftp", "subnet", "tftp").OnDelete(noun.Refuse),
			noun.Has("subnets_dns", "subnet", "dns").OnDelete(noun.Refuse),
			noun.Has("subnets_httpboot", "subnet", "httpboot").OnDelete(noun.Refuse),
			noun.Has("subnets_template", "subnet", "template").OnDelete(noun.Refuse),
			noun.Has("subnets_bmc", "subnet", "bmc").OnDelete(noun.Refuse),
			noun.Has("subnets_ipam", "subnet", "externalipam").OnDelete(noun.Refuse),
			noun.InTaxonomies(&p.Taxed),
			noun.Act("refresh", "PUT", "edit_smart_proxies"),
			noun.Act("version", "GET", "view_smart_proxies"),
			noun.Act("logs", "GET", "view_smart_proxies"),
			noun.Check(func(_ context.Context, c *noun.Change[SmartProxy]) error { return probe(prober, c) }),
		}
	})
}

// A Prober asks a Smart Proxy what it can do.
type Prober interface {
	// Probe gives the proxy's version and features. It is called outside of any
	// transaction, and may be called again for the same URL.
	Probe(ctx context.Context, url string) (version string, features []Feature, err error)
}

type probed struct {
	version  string
	features []Feature
}

func probe(prober Prober, c *noun.Change[SmartProxy]) error {
	p := c.New
	if prober == nil || p == nil || p.URL == "" || proxyURL(p.URL) != "" || c.Old != nil && c.Old.URL == p.URL {
		return nil
	}
	url := p.URL
	found, err := c.Outside("probe "+url, func(ctx context.Context) (any, error) {
		version, features, err := prober.Probe(ctx, url)
		if err != nil {
			return &probed{version: errs.PublicText(err)}, nil
		}
		return &probed{version, features}, nil
	})
	if err != nil {
		return err
	}
	if f := found.(*probed); f.features == nil {
		c.Fail("base", "Unable to communicate with the proxy: %s", f.version)
	} else {
		p.Version, p.Features = f.version, f.features
	}
	return nil
}
