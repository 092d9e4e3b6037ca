package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/core/build"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/report"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/pki/castore"
	"github.com/chargehand/chargehand/pki/service"
	proxyserver "github.com/chargehand/chargehand/proxy/server"
	"github.com/chargehand/chargehand/puppetdb"
)

// site is what roles of one process give each other. A role that is played
// elsewhere leaves its field nil.
type site struct {
	identity tlsconf.Source // the process's own certificate
	ca       *pki.CA        // nil when the CA is elsewhere
	puppetdb *puppetdb.Service
	proxy    *proxyserver.Server
	web      http.Handler       // nil without core
	observe  *timeline.Recorder // nil without core
	nouns    *noun.Registry     // nil without core
	core     *coreParts         // nil without core
	builds   *build.Service     // nil without core
	intake   *report.Service    // nil without core
}

// roles lists what is built, in order; each needs only those before it, but for
// core, which proxy and puppet reach when they are asked.
func roles() []role {
	return []role{
		{"", buildIdentity},
		{config.Core, buildCore},
		{config.PuppetDB, buildPuppetDB},
		{config.Proxy, buildProxy},
		{config.Puppet, buildPuppet},
		{config.Core, buildWeb},
	}
}

// buildIdentity gives the process its certificate: issued by the CA here, or
// asked of the CA that puppet.ca_server names.
func buildIdentity(ctx context.Context, a *App) error {
	issuer, err := a.issuer(ctx)
	if err != nil {
		return err
	}
	cert, err := service.Open(service.Options{
		Dir: filepath.Join(a.Config.DataDir, "ssl"), Name: a.certname(), Issuer: issuer, Log: a.Log,
	})
	if err != nil {
		return err
	}
	a.onClose(cert.Close)
	wait, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := cert.Ensure(wait); err != nil {
		return errs.Wrap(err, "get a certificate for %s", a.certname())
	}
	a.identity = cert.Source()
	a.add("certificate", cert.Run)
	return nil
}

// certname is the name of the process's certificate. Processes without the CA
// carry their roles in it, so that several on one machine differ.
func (a *App) certname() string {
	name := strings.ToLower(a.Config.FQDN)
	if a.Config.Puppet.CAServer == "" {
		return name
	}
	return strings.Join(a.Config.Roles, "-") + "." + name
}

func (a *App) issuer(ctx context.Context) (service.Issuer, error) {
	if server := a.Config.Puppet.CAServer; server != "" {
		remote := &service.Remote{URL: "https://" + server, Log: a.Log, Retry: time.Second}
		if word := a.Config.Puppet.Join.Reveal(); word != "" {
			var err error
			if remote.Fingerprint, remote.Token, err = service.ParseJoin(word); err != nil {
				return nil, errs.Wrap(err, "puppet.join")
			}
		}
		return remote, nil
	}
	ca, err := a.openCA(ctx)
	if err != nil {
		return nil, err
	}
	a.ca = ca
	return service.Local{CA: ca, Admin: true, DNSNames: []string{"localhost", "puppet"}, IPs: localIPs()}, nil
}

func localIPs() []net.IP { return []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback} }

// openCA opens the CA in the data folder, made at the first start.
func (a *App) openCA(ctx context.Context) (*pki.CA, error) {
	store, err := castore.Open(filepath.Join(a.Config.DataDir, "ca"))
	if err != nil {
		return nil, err
	}
	a.onClose(store.Close)
	authority, err := store.Authority(func() (*pki.Authority, error) {
		return pki.NewAuthority(pki.AuthorityOptions{Name: a.Config.FQDN, Now: clock.System()}, rand.Reader)
	})
	if err != nil {
		return nil, err
	}
	policy, err := a.policy()
	if err != nil {
		return nil, err
	}
	return pki.New(ctx, pki.Options{Authority: authority, Store: store, Clock: clock.System, Policy: policy, Log: a.Log})
}

// client makes the fetch client that speaks to other roles with our certificate.
func (a *App) client(timeout time.Duration) *fetch.Client {
	return fetch.New(fetch.Options{TLS: tlsconf.Client(a.identity), Timeout: timeout, KeepAlive: 4})
}

// path names a folder below the data folder.
func (a *App) path(parts ...string) string {
	return filepath.Join(append([]string{a.Config.DataDir}, parts...)...)
}

// openDir makes a folder below the data folder and opens it as a root.
func (a *App) openDir(parts ...string) (*os.Root, error) {
	root, err := openRoot(a.path(parts...))
	if err == nil {
		a.onClose(root.Close)
	}
	return root, err
}

func openRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "create %s", dir)
	}
	root, err := os.OpenRoot(dir)
	return root, errs.WrapAs(errs.Unavailable, err, "open %s", dir)
}

// record notes a build event, when core is here to keep it.
func (a *App) record(e timeline.Event) {
	if a.observe != nil {
		a.observe.Record(e)
	}
}

// webTLS is the web front's: its own certificate where one is configured, else
// the process's. Client certificates are asked for, not required: smart proxies
// and puppet servers present theirs.
func (a *App) webTLS() (*tls.Config, error) {
	c := a.Config.Web
	if c.Certificate == "" {
		return tlsconf.Server(a.identity, tlsconf.RequestCert, "h2", "http/1.1"), nil
	}
	if _, err := os.Stat(c.PrivateKey); err != nil {
		return nil, errs.WrapAs(errs.Malformed, err, "web.private_key")
	}
	source := tlsconf.Files(tlsconf.Paths{Certificate: c.Certificate, Key: c.PrivateKey}, a.Log)
	if _, err := source.Material(); err != nil {
		return nil, errs.WrapAs(errs.Malformed, err, "web.certificate and web.private_key")
	}
	return tlsconf.Server(source, tlsconf.NoClientCert, "h2", "http/1.1"), nil
}

// port gives the port of a bound listener, "" when it is off.
func (a *App) port(key string) string {
	_, port, err := net.SplitHostPort(a.endpoints[key])
	if err != nil {
		return ""
	}
	return port
}

// url is where others reach a listener of this machine.
func (a *App) url(scheme, key string) string {
	port := a.port(key)
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return scheme + "://" + a.Config.FQDN
	}
	return scheme + "://" + net.JoinHostPort(a.Config.FQDN, port)
}
