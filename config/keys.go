package config

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A key is one line of the contract: its name, where it goes, its default, what
// it means and how a text becomes its value.
type key struct {
	name     string
	fallback string
	help     string
	secret   bool
	set      func(c *Config, value string) error
	get      func(c *Config) string
}

// Env is the environment variable that sets the key: web.https is CHARGEHAND_WEB_HTTPS.
func (k key) Env() string {
	return "CHARGEHAND_" + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

// keys is the whole contract, in the order in which it is printed.
func keys() []key {
	return []key{
		text("fqdn", "", "name under which this server is reached; the machine's own when empty", func(c *Config) *string { return &c.FQDN }),
		text("data_dir", "/var/lib/chargehand", "folder of everything that must survive", func(c *Config) *string { return &c.DataDir }),
		text("cache_dir", "", "folder of what can be made again, such as compiled code; cache/ in the data folder when empty", func(c *Config) *string { return &c.CacheDir }),
		list("roles", "core,proxy,puppet,puppetdb", "what this process does", oneOf(Roles()...), func(c *Config) *[]string { return &c.Roles }),
		secret("database", "", "sqlite:PATH, postgres://… or mysql://…; SQLite in the data folder when empty", func(c *Config) *Secret { return &c.Database }),
		choice("log.level", "info", "debug, info, warn or error", []string{"debug", "info", "warn", "error"}, func(c *Config) *string { return &c.Log.Level }),
		choice("log.format", "text", "text or json", []string{"text", "json"}, func(c *Config) *string { return &c.Log.Format }),

		listen("web.http", ":80", "plain HTTP: redirects, and build endpoints for installers", func(c *Config) *string { return &c.Web.HTTP }),
		listen("web.https", ":443", "web UI and REST API", func(c *Config) *string { return &c.Web.HTTPS }),
		list("web.trusted_proxies", "", "addresses or networks whose X-Forwarded-For is believed", network, func(c *Config) *[]string { return &c.Web.TrustedProxies }),
		text("web.url", "", "address that browsers and installers use, when it is not https://FQDN", func(c *Config) *string { return &c.Web.URL }),
		text("web.certificate", "", "PEM file of the web front's certificate chain; one of the own CA when empty", func(c *Config) *string { return &c.Web.Certificate }),
		text("web.private_key", "", "PEM file of its key", func(c *Config) *string { return &c.Web.PrivateKey }),

		listen("proxy.https", ":8443", "Smart Proxy API, client certificate required", func(c *Config) *string { return &c.Proxy.HTTPS }),
		listen("proxy.http", Off, "Smart Proxy templates over plain HTTP, for installers", func(c *Config) *string { return &c.Proxy.HTTP }),
		list("proxy.trusted_hosts", "", "certificate names that may call the proxy; core's own name when empty", nil, func(c *Config) *[]string { return &c.Proxy.TrustedHosts }),

		listen("puppet.https", ":8140", "catalogs, files, CA and reports for agents", func(c *Config) *string { return &c.Puppet.HTTPS }),
		text("puppet.code_dir", "/etc/puppetlabs/code", "folder that holds environments/ and modules/", func(c *Config) *string { return &c.Puppet.CodeDir }),
		text("puppet.server", "", "name that new machines use as puppet server; FQDN when empty", func(c *Config) *string { return &c.Puppet.Server }),
		text("puppet.ca_server", "", "host:port of the CA when this process has no puppet role", func(c *Config) *string { return &c.Puppet.CAServer }),
		secret("puppet.join", "", "word that lets this process get its certificate from puppet.ca_server, as `chargehand ca join` prints it", func(c *Config) *Secret { return &c.Puppet.Join }),
		text("puppet.autosign", "", "true, false, a file of names and globs, or the https://HOST:PORT of a smart proxy that hands out tokens; only names of hosts in build when empty", func(c *Config) *string { return &c.Puppet.Autosign }),
		text("puppet.environment", "production", "environment of nodes that no classifier knows", func(c *Config) *string { return &c.Puppet.Environment }),

		text("puppetca.url", "", "address of the CA that the proxy works on, https://HOST:8140, when that is not the CA in its own process", func(c *Config) *string { return &c.PuppetCA.URL }),
		text("puppetca.autosign", "", "how that CA signs machines in build: tokens, or the autosign.conf that it reads", func(c *Config) *string { return &c.PuppetCA.Autosign }),
		duration("puppetca.token_ttl", "6h", "how long a token is good when core does not say", func(c *Config) *time.Duration { return &c.PuppetCA.TokenTTL }),
		text("puppetca.certificate", "", "PEM file of a certificate that may administer that CA; the process's own when empty", func(c *Config) *string { return &c.PuppetCA.Certificate }),
		text("puppetca.private_key", "", "PEM file of its key", func(c *Config) *string { return &c.PuppetCA.PrivateKey }),
		text("puppetca.ca", "", "PEM file of the CA certificates by which that CA's server is known", func(c *Config) *string { return &c.PuppetCA.CA }),

		listen("puppetdb.https", ":8081", "commands and queries, client certificate required", func(c *Config) *string { return &c.PuppetDB.HTTPS }),
		listen("puppetdb.http", "127.0.0.1:8080", "the same without TLS, for this machine", func(c *Config) *string { return &c.PuppetDB.HTTP }),
		list("puppetdb.allow", "", "certificate names, beside this site's own processes, that may use puppetdb.https", nil, func(c *Config) *[]string { return &c.PuppetDB.Allow }),
		text("puppetdb.url", "", "address of the PuppetDB that the compiler uses when none runs here", func(c *Config) *string { return &c.PuppetDB.URL }),
		secret("puppetdb.database", "", "database of PuppetDB; SQLite in the data folder, or core's PostgreSQL with a schema of its own, when empty", func(c *Config) *Secret { return &c.PuppetDB.Database }),
		duration("puppetdb.node_ttl", "7d", "silence after which a node counts as expired; 0 never", func(c *Config) *time.Duration { return &c.PuppetDB.NodeTTL }),
		duration("puppetdb.node_purge_ttl", "14d", "time after which an inactive node is deleted; 0 never", func(c *Config) *time.Duration { return &c.PuppetDB.NodePurgeTTL }),
		duration("puppetdb.report_ttl", "14d", "age at which reports are deleted", func(c *Config) *time.Duration { return &c.PuppetDB.ReportTTL }),

		listen("dns.listen", Off, "built-in DNS server", func(c *Config) *string { return &c.DNS.Listen }),
		list("dns.zones", "", "zones that the built-in server owns; more come with the domains and subnets", nil, func(c *Config) *[]string { return &c.DNS.Zones }),
		text("dns.server", "", "foreign DNS server that takes dynamic updates (RFC 2136), host:port", func(c *Config) *string { return &c.DNS.Server }),
		text("dns.keyname", "", "name of the TSIG key for it", func(c *Config) *string { return &c.DNS.Keyname }),
		secret("dns.key", "", "TSIG key, base64", func(c *Config) *Secret { return &c.DNS.Key }),
		listen("dhcp.listen", Off, "built-in DHCP server", func(c *Config) *string { return &c.DHCP.Listen }),
		list("dhcp.interfaces", "", "network interfaces that it serves; all when empty", nil, func(c *Config) *[]string { return &c.DHCP.Interfaces }),
		list("dhcp.subnets", "", "networks that it serves, NETWORK/PREFIX; more come with core's subnets", cidr, func(c *Config) *[]string { return &c.DHCP.Subnets }),
		listen("tftp.listen", Off, "built-in TFTP server", func(c *Config) *string { return &c.TFTP.Listen }),
		text("tftp.root", "", "folder of boot files; tftp/ in the data folder when empty", func(c *Config) *string { return &c.TFTP.Root }),
		text("tftp.server", "", "address of the TFTP server that booting machines are told; FQDN when empty", func(c *Config) *string { return &c.TFTP.Server }),

		text("core.url", "", "address of core for proxy and puppet roles that run without it", func(c *Config) *string { return &c.Core.URL }),
	}
}

func text(name, fallback, help string, at func(*Config) *string) key {
	return key{
		name: name, fallback: fallback, help: help,
		set: func(c *Config, v string) error { *at(c) = v; return nil },
		get: func(c *Config) string { return *at(c) },
	}
}

func choice(name, fallback, help string, allowed []string, at func(*Config) *string) key {
	k := text(name, fallback, help, at)
	check := oneOf(allowed...)
	k.set = func(c *Config, v string) error {
		*at(c) = v
		return check(v)
	}
	return k
}

func secret(name, fallback, help string, at func(*Config) *Secret) key {
	return key{
		name: name, fallback: fallback, help: help, secret: true,
		set: func(c *Config, v string) error { *at(c) = Secret(v); return nil },
		get: func(c *Config) string { return at(c).String() },
	}
}

func list(name, fallback, help string, check func(string) error, at func(*Config) *[]string) key {
	return key{
		name: name, fallback: fallback, help: help,
		set: func(c *Config, v string) error {
			var items []string
			for item := range strings.SplitSeq(v, ",") {
				if item = strings.TrimSpace(item); item == "" {
					continue
				}
				if check != nil {
					if err := check(item); err != nil {
						return err
					}
				}
				items = append(items, item)
			}
			*at(c) = items
			return nil
		},
		get: func(c *Config) string { return strings.Join(*at(c), ",") },
	}
}

// listen reads "off", "PORT", ":PORT" or "ADDRESS:PORT"; port 0 picks a free one.
func listen(name, fallback, help string, at func(*Config) *string) key {
	k := text(name, fallback, help, at)
	k.set = func(c *Config, v string) error {
		if v == Off || v == "false" || v == "" {
			*at(c) = Off
			return nil
		}
		if !strings.Contains(v, ":") {
			v = ":" + v
		}
		_, port, err := net.SplitHostPort(v)
		if err != nil {
			return fmt.Errorf("want off, PORT or ADDRESS:PORT")
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return fmt.Errorf("port %q is not between 0 and 65535", port)
		}
		*at(c) = v
		return nil
	}
	return k
}

func duration(name, fallback, help string, at func(*Config) *time.Duration) key {
	return key{
		name: name, fallback: fallback, help: help,
		set: func(c *Config, v string) error {
			d, err := ParseDuration(v)
			*at(c) = d
			return err
		},
		get: func(c *Config) string { return formatDuration(*at(c)) },
	}
}

var durations = regexp.MustCompile(`^(\d{1,9})(ms|s|m|h|d)?$`)

// ParseDuration reads a whole number with a unit: 500ms, 30s, 5m, 2h, 14d; a
// bare 0 is zero.
func ParseDuration(s string) (time.Duration, error) {
	m := durations.FindStringSubmatch(s)
	if m == nil || (m[2] == "" && m[1] != "0") {
		return 0, fmt.Errorf("want a whole number with ms, s, m, h or d, such as 14d")
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, err
	}
	unit := map[string]time.Duration{
		"": 0, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}[m[2]]
	if unit > 0 && n > int64(100*365*24*time.Hour/unit) {
		return 0, fmt.Errorf("longer than 100 years")
	}
	return time.Duration(n) * unit, nil
}

// formatDuration writes the largest unit that ParseDuration reads without a rest.
func formatDuration(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

func oneOf(allowed ...string) func(string) error {
	return func(v string) error {
		for _, a := range allowed {
			if v == a {
				return nil
			}
		}
		return fmt.Errorf("%q is not one of %s", v, strings.Join(allowed, ", "))
	}
}

func network(v string) error {
	if net.ParseIP(v) != nil {
		return nil
	}
	return cidr(v)
}

func cidr(v string) error {
	if _, _, err := net.ParseCIDR(v); err != nil {
		return fmt.Errorf("%q is not an address or network", v)
	}
	return nil
}

// complete fills in what depends on other keys.
func (c *Config) complete(hostname func() (string, error)) error {
	if c.FQDN == "" {
		name, err := hostname()
		if err != nil {
			return fmt.Errorf("fqdn: the machine does not know its name (%w); set it", err)
		}
		c.FQDN = strings.ToLower(name)
	}
	if c.Database == "" {
		c.Database = Secret("sqlite:" + filepath.Join(c.DataDir, "core.db"))
	}
	if c.PuppetDB.Database == "" {
		c.PuppetDB.Database = Secret("sqlite:" + filepath.Join(c.DataDir, "puppetdb.db"))
		if strings.HasPrefix(string(c.Database), "postgres") {
			c.PuppetDB.Database = c.Database
		}
	}
	if c.CacheDir == "" {
		c.CacheDir = filepath.Join(c.DataDir, "cache")
	}
	if c.TFTP.Root == "" {
		c.TFTP.Root = filepath.Join(c.DataDir, "tftp")
	}
	if c.Puppet.Server == "" {
		c.Puppet.Server = c.FQDN
	}
	if c.TFTP.Server == "" {
		c.TFTP.Server = c.FQDN
	}
	return nil
}
