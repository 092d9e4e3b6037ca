package app

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/netd/dhcpd"
	"github.com/chargehand/chargehand/netd/dnsd"
	"github.com/chargehand/chargehand/netd/tftpd"
	dhcpbuiltin "github.com/chargehand/chargehand/proxy/dhcp/builtin"
	dnsbuiltin "github.com/chargehand/chargehand/proxy/dns/builtin"
	"github.com/chargehand/chargehand/proxy/dns/nsupdate"
	"github.com/chargehand/chargehand/proxy/logs"
	"github.com/chargehand/chargehand/proxy/server"
	"github.com/chargehand/chargehand/proxy/templates"
	"github.com/chargehand/chargehand/proxy/tftp/bootfile"
	"github.com/chargehand/chargehand/proxy/tftp/files"
)

// buildProxy adds the proxy role: each feature whose provider is configured.
func buildProxy(ctx context.Context, a *App) error {
	opts := server.Options{TrustedHosts: a.trustedHosts(), Log: a.Log, Logs: &server.Logs{Source: logs.NewBuffer(logs.DefaultSize, logs.DefaultTailSize)}}
	for _, feature := range []func(context.Context, *App, *server.Options) error{addDNS, addDHCP, addTFTP, addPuppetCA, addTemplates} {
		if err := feature(ctx, a, &opts); err != nil {
			return err
		}
	}
	a.proxy = server.New(opts)
	a.serve("proxy.https", a.proxy.HTTPS(), server.TLSConfig(tlsconf.Server(a.identity, tlsconf.RequestCert, "http/1.1")))
	a.serve("proxy.http", a.proxy.HTTP(), nil)
	return nil
}

// trustedHosts are who may call: as configured, else core's own name. nil (any
// certificate of the CA) only where core's name cannot be known.
func (a *App) trustedHosts() []string {
	if hosts := a.Config.Proxy.TrustedHosts; len(hosts) > 0 {
		return hosts
	}
	if a.Config.HasRole(config.Core) {
		return []string{a.certname()}
	}
	if u, err := url.Parse(a.Config.Core.URL); err == nil && u.Hostname() != "" {
		return []string{u.Hostname()}
	}
	return []string{}
}

func addDNS(ctx context.Context, a *App, opts *server.Options) error {
	c := a.Config.DNS
	if c.Server != "" {
		o := nsupdate.Options{Server: c.Server}
		if c.Keyname != "" {
			o.Key = &nsupdate.Key{Name: c.Keyname, Algorithm: "hmac-sha256", Secret: c.Key.Reveal()}
		}
		provider, err := nsupdate.New(o)
		if err != nil {
			return errs.Wrap(err, "dns.server")
		}
		opts.DNS = &server.DNS{Module: server.Module{UseProvider: "dns_nsupdate"}, Provider: provider}
		return nil
	}
	if c.Listen == config.Off {
		return nil
	}
	store, err := dnsd.OpenStore(a.path("dns"), clock.System)
	if err != nil {
		return err
	}
	a.onClose(store.Close)
	for _, zone := range c.Zones {
		if err := store.CreateZone(zone, a.Config.FQDN); err != nil {
			return errs.Wrap(err, "dns.zones")
		}
	}
	srv, err := dnsd.Listen(ctx, dnsd.Config{Address: c.Listen, Store: store, Log: a.Log})
	if err != nil {
		return errs.Wrap(err, "dns.listen")
	}
	a.endpoints["dns.listen"] = srv.Addr().String()
	a.add("dns", srv.Run)
	opts.DNS = &server.DNS{Module: server.Module{UseProvider: "dns_builtin"}, Provider: dnsbuiltin.New(dnsbuiltin.Config{Store: store, Server: a.Config.FQDN})}
	return nil
}

func addDHCP(ctx context.Context, a *App, opts *server.Options) error {
	c := a.Config.DHCP
	if c.Listen == config.Off {
		return nil
	}
	store, err := dhcpd.OpenStore(a.path("dhcp"), clock.System)
	if err != nil {
		return err
	}
	a.onClose(store.Close)
	subnets := &dhcpSubnets{store: store, app: a}
	for _, text := range c.Subnets {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return errs.WrapAs(errs.Malformed, err, "dhcp.subnets")
		}
		if err := store.PutSubnet(dhcpd.Subnet{Prefix: prefix.Masked()}); err != nil {
			return errs.Wrap(err, "dhcp.subnets")
		}
	}
	srv, err := dhcpd.Listen(ctx, dhcpd.Config{
		Address: c.Listen, Interfaces: c.Interfaces, Store: store, Log: a.Log, Observe: a.observeDHCP,
		Boot: dhcpd.Boot{NextServer: a.Config.TFTP.Server, Files: dhcpd.DefaultFiles()}, Advertise: len(c.Interfaces) > 0,
	})
	if err != nil {
		return errs.Wrap(err, "dhcp.listen")
	}
	a.endpoints["dhcp.listen"] = srv.Addr().String()
	a.add("dhcp", srv.Run)
	a.add("dhcp subnets", subnets.run)
	provider := refreshing{Provider: dhcpbuiltin.New(store, clock.System, nil), refresh: subnets.refresh}
	opts.DHCP = &server.DHCP{Module: server.Module{UseProvider: "dhcp_builtin"}, Provider: provider}
	return nil
}

func (a *App) observeDHCP(x dhcpd.Exchange) {
	if x.Reply == "" {
		return
	}
	text := x.Request + " → " + x.Reply + " " + x.IP.String()
	if x.BootFile != "" {
		text += ", boot file " + x.BootFile + " from " + x.Server
	}
	e := timeline.Event{MAC: x.MAC, Stage: timeline.DHCP, At: x.Time, Text: text}
	if x.IP.IsValid() {
		e.Address = x.IP.String()
	}
	if x.Reply == "NAK" {
		e.Failure = "the machine asked for an address that is not its own"
	}
	a.record(e)
}

func addTFTP(ctx context.Context, a *App, opts *server.Options) error {
	c := a.Config.TFTP
	if c.Listen == config.Off {
		return nil
	}
	root, err := rootfs.Open(c.Root)
	if err != nil {
		return errs.Wrap(err, "tftp.root")
	}
	a.onClose(root.Close)
	srv, err := a.listenTFTP(ctx)
	if err != nil {
		return err
	}
	a.endpoints["tftp.listen"] = srv.Addr().String()
	a.add("tftp", srv.Run)
	fetcher := bootfile.New(bootfile.Options{Root: root, Log: a.Log})
	a.add("boot files", fetcher.Run)
	opts.TFTP = &server.TFTP{Provider: files.New(root), Fetcher: fetcher, ServerName: c.Server}
	return nil
}

func (a *App) listenTFTP(ctx context.Context) (*tftpd.Server, error) {
	root, err := openRoot(a.Config.TFTP.Root)
	if err != nil {
		return nil, err
	}
	a.onClose(root.Close)
	srv, err := tftpd.Listen(ctx, tftpd.Config{Address: a.Config.TFTP.Listen, Root: root, Log: a.Log, Observe: a.observeTFTP})
	return srv, errs.Wrap(err, "tftp.listen")
}

// observeTFTP tells the stage by the file's name.
func (a *App) observeTFTP(t tftpd.Transfer) {
	e := timeline.Event{Address: t.Client.Addr().Unmap().String(), At: t.Time, Bytes: t.Bytes, Duration: t.Duration, Text: t.Name, Stage: timeline.Loader}
	switch {
	case strings.Contains(t.Name, "pxelinux.cfg/") || strings.HasSuffix(t.Name, ".cfg") || strings.Contains(t.Name, "grub.cfg"):
		e.Stage = timeline.BootConfig
		e.MAC = macIn(t.Name)
	case strings.HasPrefix(t.Name, "boot/"):
		e.Stage = timeline.Kernel
	}
	if t.Err != nil {
		if e.Stage == timeline.BootConfig {
			return // boot loaders probe for many names
		}
		e.Failure = t.Name + ": " + t.Err.Error()
	}
	a.record(e)
}

// macIn reads the MAC address out of a name such as pxelinux.cfg/01-52-54-00-aa-bb-cc.
func macIn(name string) string {
	if i := strings.LastIndex(name, "01-"); i >= 0 && len(name)-i == len("01-52-54-00-aa-bb-cc") {
		return strings.ReplaceAll(strings.ToLower(name[i+3:]), "-", ":")
	}
	return ""
}

// ownWeb is the web front of this very process, which is built after the proxy.
// The proxy says in X-Forwarded-For, which it wrote itself, whose request it is.
func (a *App) ownWeb(w http.ResponseWriter, r *http.Request) {
	r.RemoteAddr = net.JoinHostPort(r.Header.Get("X-Forwarded-For"), "0")
	r.Header.Del("X-Forwarded-For")
	a.web.ServeHTTP(w, r)
}

func addTemplates(_ context.Context, a *App, opts *server.Options) error {
	core := a.Config.Core.URL
	if core == "" && a.Config.HasRole(config.Core) {
		core = a.url("https", "web.https")
	}
	if core == "" || a.Config.Proxy.HTTP == config.Off {
		return nil
	}
	own := a.url("http", "proxy.http")
	client := a.client(30 * time.Second)
	if a.Config.HasRole(config.Core) {
		client = fetch.New(fetch.Options{Transport: fetch.Handler(http.HandlerFunc(a.ownWeb)), Timeout: 30 * time.Second})
	}
	provider, err := templates.New(core, own, client)
	if err != nil {
		return errs.Wrap(err, "core.url")
	}
	opts.Templates = &server.Templates{Module: server.Module{Exposure: server.Everywhere}, Provider: provider, URL: own}
	return nil
}
