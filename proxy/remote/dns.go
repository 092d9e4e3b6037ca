package remote

import (
	"context"
	"net/http"
	"net/url"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dns"
)

// DNS is the proxy's DNS feature.
func (c *Client) DNS() dns.Provider { return dnsClient{c} }

type dnsClient struct{ c *Client }

// Create sends a PTR with its host as fqdn and its reverse name as value.
func (d dnsClient) Create(ctx context.Context, r dns.Record) error {
	fqdn, value := r.Name, r.Value
	if r.Type == dns.PTR {
		fqdn, value = r.Value, r.Name
	}
	f := (&form{}).add("fqdn", fqdn).add("value", value).add("type", string(r.Type))
	return d.c.call(ctx, http.MethodPost, "/dns/", f, nil)
}

// Delete leaves the type of a PTR to the proxy, as core does. Some providers
// answer 404 for what is not there.
func (d dnsClient) Delete(ctx context.Context, name string, t dns.Type) error {
	path := "/dns/" + url.PathEscape(name)
	if t != dns.PTR {
		path += "/" + string(t)
	}
	err := d.c.call(ctx, http.MethodDelete, path, nil, nil)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	return err
}
