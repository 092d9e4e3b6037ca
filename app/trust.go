package app

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/tlsconf"
)

// Whom the listeners believe stands in this file: addresses that proxies pass
// on, and names of certificates. A certificate counts only where this process
// ended the TLS connection itself; headers such as SSL_CLIENT_S_DN are never read.

// trusted tells from which neighbours X-Forwarded-For and X-Forwarded-Proto are
// believed: those of web.trusted_proxies and nobody else.
func (a *App) trusted() func(netip.Addr) bool {
	var prefixes []netip.Prefix
	for _, text := range a.Config.Web.TrustedProxies {
		if p, err := netip.ParsePrefix(text); err == nil {
			prefixes = append(prefixes, p)
		} else if addr, err := netip.ParseAddr(text); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(addr, addr.BitLen()))
		}
	}
	return func(addr netip.Addr) bool {
		return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
	}
}

// peerAddr is the other end of the connection, the zero Addr where there is none.
func peerAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}

// peerName is the verified certificate name of a request's client, "" without.
func peerName(r *http.Request) string { return tlsconf.PeerName(r.TLS) }

// behindOrRedirect serves requests that a trusted proxy terminated TLS for, and
// sends all others to HTTPS.
func (a *App) behindOrRedirect(next http.Handler) http.HandlerFunc {
	trusted := a.trusted()
	return func(w http.ResponseWriter, r *http.Request) {
		if trusted(peerAddr(r)) && r.Header.Get("X-Forwarded-Proto") == "https" {
			next.ServeHTTP(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "use HTTPS: "+a.webURL(), http.StatusForbidden)
			return
		}
		place := url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, "/"), RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, a.webURL()+place.RequestURI(), http.StatusMovedPermanently)
	}
}

// withAddress puts the client's own address in place of a proxy's: of one that
// web.trusted_proxies names, or of a registered smart proxy, which shows its
// certificate and passes installers' requests on.
func (a *App) withAddress(next http.Handler) http.Handler {
	trusted := a.trusted()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forwarded := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
		if r.Header.Get("X-Forwarded-Proto") != "" && !trusted(peerAddr(r)) {
			r.Header.Del("X-Forwarded-Proto")
		}
		if forwarded == "" || (!trusted(peerAddr(r)) && !a.mayFeed(r.Context(), peerName(r))) {
			next.ServeHTTP(w, r)
			return
		}
		chain := strings.Split(forwarded, ",")
		for _, text := range slices.Backward(chain) {
			addr, err := netip.ParseAddr(strings.TrimSpace(text))
			if err != nil {
				break
			}
			r.RemoteAddr = net.JoinHostPort(addr.String(), "0")
			if !trusted(addr.Unmap()) {
				break
			}
		}
		next.ServeHTTP(w, r)
	})
}

// mayFeed tells whether a certificate's name is that of this process or of one
// beside it, of a registered smart proxy, or of a puppet server that the setting
// trusted_hosts names. Names count whole: a machine whose name merely ends in a
// proxy's is nobody.
func (a *App) mayFeed(ctx context.Context, name string) bool {
	if name == "" {
		return false
	}
	if a.ownSite(name) {
		return true
	}
	values, err := a.core.settings.Values(ctx)
	if err == nil && slices.Contains(values.List("trusted_hosts"), name) {
		return true
	}
	found := false
	err = a.nouns.Read(ctx, func(tx *noun.Tx) error {
		all, err := noun.Find[inventory.SmartProxy](ctx, tx, nil)
		for _, p := range all {
			u, perr := url.Parse(p.URL)
			found = found || perr == nil && processOf(name, u.Hostname())
		}
		return err
	})
	return err == nil && found
}

// ownSite tells whether a certificate's name is that of a process of this
// machine, of the CA, or of the core that this process was told of.
func (a *App) ownSite(name string) bool {
	if name == a.certname() || processOf(name, a.Config.FQDN) {
		return true
	}
	if host, _, err := net.SplitHostPort(a.Config.Puppet.CAServer); err == nil && processOf(name, host) {
		return true
	}
	u, err := url.Parse(a.Config.Core.URL)
	return err == nil && processOf(name, u.Hostname())
}

// mayQuery tells who may speak with PuppetDB over TLS: the site's own processes,
// puppet servers that puppetdb.allow names, and, where core is here, those that
// it believes. An agent's certificate is not enough: facts are secrets.
func (a *App) mayQuery(name string) bool {
	if name == "" {
		return false
	}
	if a.ownSite(name) || slices.Contains(a.Config.PuppetDB.Allow, name) {
		return true
	}
	return a.core != nil && a.mayFeed(context.Background(), name)
}

// processOf tells whether a certificate's name is that of a process on host: the
// host's own name or, as certname makes it, the process's roles before it.
func processOf(name, host string) bool {
	host = strings.ToLower(host)
	if name == "" || host == "" || name == host {
		return name != "" && name == host
	}
	roles, ok := strings.CutSuffix(name, "."+host)
	if !ok {
		return false
	}
	seen := map[string]bool{}
	for role := range strings.SplitSeq(roles, "-") {
		if seen[role] || !slices.Contains(config.Roles(), role) {
			return false
		}
		seen[role] = true
	}
	return true
}

// metrics lets in whoever asks from this machine itself, and certificates that
// mayFeed knows. Behind a proxy on this machine everybody comes from here, so a
// request that was passed on, or comes from where a proxy is, needs the
// certificate.
func (a *App) metrics(next http.Handler) http.Handler {
	trusted := a.trusted()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer := peerAddr(r)
		direct := peer.IsLoopback() && !trusted(peer)
		for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Real-Ip"} {
			direct = direct && r.Header.Get(name) == ""
		}
		if direct || a.mayFeed(r.Context(), peerName(r)) {
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "metrics are for this machine and for certificates of registered proxies", http.StatusForbidden)
	})
}
