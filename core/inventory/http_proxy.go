package inventory

import (
	"net/url"

	"github.com/chargehand/chargehand/core/noun"
)

// An HTTPProxy is a web proxy that requests to the outside can go through.
type HTTPProxy struct {
	noun.Base
	noun.Taxed
	Name     string
	URL      string
	Username string
	Password noun.Secret
}

// HTTPProxies declares the HTTP proxies.
func HTTPProxies() *noun.Noun[HTTPProxy] {
	return noun.Declare("http_proxy", func(p *HTTPProxy) noun.Fields {
		return noun.Fields{
			noun.Named("HTTP proxy"), noun.Plural("http_proxies"), noun.Section("Network", "HTTP proxies"),
			noun.Text("name", &p.Name).Required().Unique().Search(),
			noun.Text("url", &p.URL).Label("URL").Required().Format(httpURL).Search().
				Help("Where the proxy listens, such as https://proxy.example.com:8080"),
			noun.Text("username", &p.Username).Help("The user at the proxy, if it wants one"),
			noun.Sealed("password", &p.Password).Help("The user's password at the proxy"),
			noun.InTaxonomies(&p.Taxed),
		}
	})
}

// Foreman asks for the scheme alone; without a host there is nothing to speak to.
func httpURL(s string) string {
	u, err := url.Parse(s)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" {
		return ""
	}
	return "must start with http:// or https:// and name a host"
}
