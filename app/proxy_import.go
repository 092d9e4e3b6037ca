package app

import (
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/dns/nsupdate"
	"github.com/chargehand/chargehand/proxy/settings"
	"github.com/goccy/go-yaml"
)

// A Takeover is a Smart Proxy's configuration as this program has it.
type Takeover struct {
	// YAML is the configuration file. It may hold a TSIG key.
	YAML []byte
	// Warnings are what has no counterpart, or needs a look; never with values.
	Warnings []settings.Finding
}

// ImportSmartProxy translates the configuration folder of a Smart Proxy. read
// reads the files that it names. Errors: NotFound, Malformed.
func ImportSmartProxy(dir fs.FS, read func(name string) ([]byte, error)) (*Takeover, error) {
	found, err := settings.Read(dir)
	if err != nil {
		return nil, err
	}
	t := &translation{Settings: found.Settings, read: read, warnings: slices.Concat(found.Refused, found.Ignored)}
	t.put("roles", []string{config.Proxy})
	t.listeners()
	t.identity()
	t.logs()
	t.dns()
	t.dhcp()
	t.tftp()
	t.puppetCA()
	t.templates()
	text, err := yaml.Marshal(t.keys)
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "write the configuration")
	}
	return &Takeover{YAML: text, Warnings: t.warnings}, nil
}

// A translation collects configuration keys, in order, and warnings.
type translation struct {
	settings.Settings
	read     func(string) ([]byte, error)
	keys     yaml.MapSlice
	warnings []settings.Finding
}

func (t *translation) put(key string, value any) {
	t.keys = append(t.keys, yaml.MapItem{Key: key, Value: value})
}

// text puts what is not empty.
func (t *translation) text(key, value string) {
	if value != "" {
		t.put(key, value)
	}
}

func (t *translation) warn(when bool, file, key, reason string) {
	if when {
		t.warnings = append(t.warnings, settings.Finding{File: file, Key: key, Reason: reason})
	}
}

func (t *translation) listeners() {
	host := ""
	if len(t.BindHost) > 0 && t.BindHost[0] != "*" {
		host = t.BindHost[0]
	}
	t.warn(len(t.BindHost) > 1, "settings.yml", "bind_host", "only the first address is taken; a listener has one, or all")
	t.put("proxy.https", net.JoinHostPort(host, strconv.Itoa(t.HTTPSPort)))
	if t.HTTPPort != 0 {
		t.put("proxy.http", net.JoinHostPort(host, strconv.Itoa(t.HTTPPort)))
		t.warn(true, "settings.yml", "http_port", "templates and what needs no certificate are served there, nothing else")
	}
}

func (t *translation) identity() {
	t.text("core.url", strings.TrimRight(t.ForemanURL, "/"))
	server := ""
	if u, err := url.Parse(t.PuppetCA.URL); err == nil && u.Hostname() != "" {
		server = net.JoinHostPort(u.Hostname(), portOr(u, "8140"))
	}
	t.text("puppet.ca_server", server)
	why := "the process gets a certificate of its own, named proxy.FQDN, from the CA at puppet.ca_server"
	if server == "" {
		why += "; set that, or it makes a CA that core does not know"
	}
	t.warn(t.TLS != settings.Identity{}, "settings.yml", "ssl_certificate", why)
	t.warn(t.Foreman != t.TLS, "settings.yml", "foreman_ssl_cert", "the process shows core the same certificate as everybody")
	if len(t.TrustedHosts) > 0 {
		t.put("proxy.trusted_hosts", t.TrustedHosts)
		return
	}
	t.warn(true, "settings.yml", "trusted_hosts", "without names in it, the host in core.url may call, and nobody else")
}

func portOr(u *url.URL, port string) string {
	if p := u.Port(); p != "" {
		return p
	}
	return port
}

func (t *translation) logs() {
	level := strings.ToLower(t.LogLevel)
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, level) {
		t.warn(true, "settings.yml", "log_level", "error is the highest level here")
		level = "error"
	}
	t.put("log.level", level)
	t.warn(t.LogBuffer != 2000 || t.LogBufferErrors != 1000, "settings.yml", "log_buffer", "the buffers have fixed sizes")
	t.warn(!t.Logs.On(), "logs.yml", "enabled", "the feature is always on")
	t.warn(!t.ForwardVerify, "settings.yml", "forward_verify", "names of callers are never looked up; certificates count")
}

func (t *translation) dns() {
	if !t.DNS.On() || t.DNS.Provider != "dns_nsupdate" {
		return
	}
	t.put("dns.server", net.JoinHostPort(t.DNS.Server, "53"))
	t.warn(t.DNS.TTL != 86400, "dns.yml", "dns_ttl", "records get a TTL of one day")
	if t.DNS.KeyFile == "" {
		return
	}
	text, err := t.read(t.DNS.KeyFile)
	if err != nil {
		t.warn(true, "dns_nsupdate.yml", "dns_key", "the file cannot be read; set dns.keyname and dns.key")
		return
	}
	key, err := nsupdate.ParseKey(text)
	if err != nil {
		t.warn(true, "dns_nsupdate.yml", "dns_key", "the file holds no key that is understood; set dns.keyname and dns.key")
		return
	}
	t.put("dns.keyname", key.Name)
	t.put("dns.key", key.Secret)
	other := key.Algorithm != "" && !strings.EqualFold(strings.TrimSuffix(key.Algorithm, "."), "hmac-sha256")
	t.warn(other, "dns_nsupdate.yml", "dns_key", "only hmac-sha256 is spoken; give the server such a key")
}

func (t *translation) dhcp() {
	t.warn(t.DHCP.On(), "dhcp.yml", "enabled", "other DHCP servers are not driven; dhcp.listen is the built-in one, and reservations come from core")
}

func (t *translation) tftp() {
	c := t.TFTP
	if !c.On() {
		return
	}
	t.put("tftp.listen", ":69")
	t.put("tftp.root", c.Root)
	t.text("tftp.server", c.ServerName)
	t.warn(true, "tftp.yml", "enabled", "the built-in server serves the folder; stop the one that does now")
	t.warn(c.ConnectTimeout != 10, "tftp.yml", "tftp_connect_timeout", "boot files are fetched with fixed times")
	t.warn(!c.VerifyServerCert, "tftp.yml", "verify_server_cert", "certificates of servers of boot files are verified")
}

func (t *translation) puppetCA() {
	c := t.PuppetCA
	if !c.On() || c.URL == "" {
		return
	}
	if !strings.HasPrefix(c.URL, "https://") {
		t.warn(true, "puppetca_http_api.yml", "puppet_url", "is not https; the feature is left out")
		return
	}
	t.put("puppetca.url", strings.TrimRight(c.URL, "/"))
	if slices.Contains(c.Providers, "puppetca_token_whitelisting") {
		t.put("puppetca.autosign", config.Tokens)
		t.put("puppetca.token_ttl", fmt.Sprintf("%dm", c.TokenTTL))
		t.warn(true, "puppetca_token_whitelisting.yml", "tokens_file", "tokens given out so far are not known; machines in build need new ones")
	} else {
		t.put("puppetca.autosign", c.AutosignFile)
	}
	if c.TLS.Certificate == "" || c.TLS.Key == "" {
		t.warn(true, "puppetca_http_api.yml", "puppet_ssl_cert", "without certificate and key, the process's own must be allowed by the CA")
		return
	}
	t.put("puppetca.certificate", c.TLS.Certificate)
	t.put("puppetca.private_key", c.TLS.Key)
	t.put("puppetca.ca", c.TLS.CA)
}

func (t *translation) templates() {
	t.warn(t.Templates.On(), "templates.yml", "template_url", "machines are sent to http://FQDN:PORT, of fqdn and proxy.http")
	t.warn(t.Templates.On() && t.HTTPPort == 0, "templates.yml", "enabled", "needs proxy.http")
	t.warn(t.Registration.On(), "registration.yml", "enabled", "the feature is not served here")
}
