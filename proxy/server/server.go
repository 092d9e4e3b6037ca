// Package server is the Smart Proxy API over HTTP: the routes, statuses, bodies
// and labels of Smart Proxy, in front of the feature interfaces.
//
// It imports the feature packages below proxy (never their providers),
// internal/errs, internal/bounded and internal/clock.
package server

import (
	"cmp"
	"log/slog"
	"net/http"

	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/dns"
	"github.com/chargehand/chargehand/proxy/logs"
	"github.com/chargehand/chargehand/proxy/puppetca"
	"github.com/chargehand/chargehand/proxy/templates"
	"github.com/chargehand/chargehand/proxy/tftp"
)

// DefaultVersion is the Smart Proxy version whose API this is.
const DefaultVersion = "3.13.0"

// An Exposure says on which listeners a feature is. The zero value is TLS alone,
// since a plain listener without trusted hosts is open to everybody.
type Exposure uint8

// The exposures.
const (
	OnlyHTTPS Exposure = iota
	OnlyHTTP
	Everywhere
)

// A Module is what all features have in common.
type Module struct {
	Exposure     Exposure
	UseProvider  string   // name shown as use_provider, such as "dns_nsupdate"
	Capabilities []string // shown sorted
	Failed       string   // why the feature could not be started; it is listed and not served
}

// DNS is the DNS feature.
type DNS struct {
	Module
	Provider dns.Provider
}

// DHCP is the DHCP feature.
type DHCP struct {
	Module
	Provider dhcp.Provider
}

// TFTP is the TFTP feature.
type TFTP struct {
	Module
	Provider   tftp.Provider
	Fetcher    tftp.Fetcher // nil: fetch_boot_file is not served
	ServerName string       // announced next-server, empty if unset
}

// PuppetCA is the Puppet CA feature. Of CA and Autosign, what is nil is not served.
type PuppetCA struct {
	Module
	CA        puppetca.CA
	Autosign  puppetca.Autosigner
	PuppetURL string
}

// Templates is the Templates feature.
type Templates struct {
	Module
	Provider templates.Provider
	URL      string // announced as template_url
}

// Registration is the Registration feature: hosts register through the proxy.
type Registration struct {
	Module
	Provider templates.Provider
	URL      string // announced base URL; empty: the base of each request
}

// Logs is the Logs feature.
type Logs struct {
	Module
	Source logs.Source
}

// Options say what a Server serves. Features that are nil are disabled.
type Options struct {
	Version string

	// TrustedHosts are the names that may call, as Smart Proxy's setting of
	// that name: nil is every client with a certificate of the CA, an empty
	// list is nobody.
	TrustedHosts []string

	// ForwardVerify requires that the name of a plain HTTP client resolves
	// back to its address.
	ForwardVerify bool

	// Resolver finds names of plain HTTP clients; nil is the system's.
	Resolver Resolver

	DNS          *DNS
	DHCP         *DHCP
	TFTP         *TFTP
	PuppetCA     *PuppetCA
	Templates    *Templates
	Registration *Registration
	Logs         *Logs

	Log *slog.Logger // nil: nothing is logged
}

// A Server answers the Smart Proxy API. It is safe for concurrent use.
type Server struct {
	opts    Options
	modules []module
	routes  map[string][]route // by first path segment
	log     *slog.Logger
}

// New makes a Server.
func New(o Options) *Server {
	o.Version = cmp.Or(o.Version, DefaultVersion)
	if o.Resolver == nil {
		o.Resolver = systemResolver{}
	}
	s := &Server{opts: o, log: o.Log, modules: o.modules(), routes: map[string][]route{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, r := range s.table() {
		s.routes[r.segments[0]] = append(s.routes[r.segments[0]], r)
	}
	return s
}

// table lists every route; it is the map of the API.
func (s *Server) table() []route {
	all := s.rootRoutes()
	for _, m := range s.modules {
		if !m.running() {
			continue
		}
		for _, r := range m.routes(s) {
			r.module = m
			all = append(all, r)
		}
	}
	return all
}

// HTTPS answers requests of a TLS listener: the client's certificate decides.
func (s *Server) HTTPS() http.Handler { return s.handler(overHTTPS) }

// HTTP answers requests of a plain listener: the client's name decides, if there
// are trusted hosts.
func (s *Server) HTTP() http.Handler { return s.handler(overHTTP) }

// InProcess answers requests of this very process, which are trusted.
func (s *Server) InProcess() http.Handler { return s.handler(inProcess) }
