package settings

import (
	"strconv"
	"strings"
)

// A field takes a key's value, or says why it cannot.
type field func(any) (problem string)

func defaults() *Settings {
	return &Settings{
		BindHost: []string{"*"}, HTTPSPort: 8443, ForwardVerify: true,
		LogLevel: "INFO", LogBuffer: 2000, LogBufferErrors: 1000,
		DNS: DNS{Provider: "dns_nsupdate", TTL: 86400, Server: "localhost"},
		DHCP: DHCP{
			Provider: "dhcp_isc", Server: "127.0.0.1", PingFreeIP: true,
			Config: "/etc/dhcp/dhcpd.conf", Leases: "/var/lib/dhcpd/dhcpd.leases", OMAPIPort: 7911,
		},
		TFTP: TFTP{Root: "/var/lib/tftpboot", ConnectTimeout: 10, VerifyServerCert: true},
		PuppetCA: PuppetCA{
			Providers: []string{"puppetca_hostname_whitelisting"}, AutosignFile: "/etc/puppet/autosign.conf",
			TLS:        Identity{CA: "/etc/puppetlabs/puppet/ssl/certs/ca.pem"},
			TokensFile: "/var/lib/foreman-proxy/tokens.yml", TokenTTL: 360,
		},
		Logs: Enabled{HTTP: true, HTTPS: true},
	}
}

// fields are the keys that are understood, by file and name.
func (s *Settings) fields() map[string]field {
	return map[string]field{
		"settings.yml bind_host":         texts(&s.BindHost),
		"settings.yml http_port":         number(&s.HTTPPort),
		"settings.yml https_port":        number(&s.HTTPSPort),
		"settings.yml ssl_certificate":   text(&s.TLS.Certificate),
		"settings.yml ssl_private_key":   text(&s.TLS.Key),
		"settings.yml ssl_ca_file":       text(&s.TLS.CA),
		"settings.yml trusted_hosts":     texts(&s.TrustedHosts),
		"settings.yml forward_verify":    boolean(&s.ForwardVerify),
		"settings.yml foreman_url":       text(&s.ForemanURL),
		"settings.yml foreman_ssl_ca":    text(&s.Foreman.CA),
		"settings.yml foreman_ssl_cert":  text(&s.Foreman.Certificate),
		"settings.yml foreman_ssl_key":   text(&s.Foreman.Key),
		"settings.yml log_level":         text(&s.LogLevel),
		"settings.yml log_buffer":        number(&s.LogBuffer),
		"settings.yml log_buffer_errors": number(&s.LogBufferErrors),

		"dns.yml enabled":             on(&s.DNS.Enabled),
		"dns.yml use_provider":        text(&s.DNS.Provider),
		"dns.yml dns_ttl":             number(&s.DNS.TTL),
		"dns_nsupdate.yml dns_server": text(&s.DNS.Server),
		"dns_nsupdate.yml dns_key":    text(&s.DNS.KeyFile),

		"dhcp.yml enabled":                  on(&s.DHCP.Enabled),
		"dhcp.yml use_provider":             text(&s.DHCP.Provider),
		"dhcp.yml server":                   text(&s.DHCP.Server),
		"dhcp.yml subnets":                  texts(&s.DHCP.Subnets),
		"dhcp.yml ping_free_ip":             boolean(&s.DHCP.PingFreeIP),
		"dhcp_isc.yml config":               text(&s.DHCP.Config),
		"dhcp_isc.yml leases":               text(&s.DHCP.Leases),
		"dhcp_isc.yml omapi_port":           number(&s.DHCP.OMAPIPort),
		"dhcp_isc.yml key_name":             text(&s.DHCP.KeyName),
		"dhcp_isc.yml key_secret":           text(&s.DHCP.KeySecret),
		"tftp.yml enabled":                  on(&s.TFTP.Enabled),
		"tftp.yml tftproot":                 text(&s.TFTP.Root),
		"tftp.yml tftp_servername":          text(&s.TFTP.ServerName),
		"templates.yml enabled":             on(&s.Templates.Enabled),
		"templates.yml template_url":        text(&s.Templates.URL),
		"registration.yml enabled":          on(&s.Registration.Enabled),
		"registration.yml registration_url": text(&s.Registration.URL),
		"logs.yml enabled":                  on(&s.Logs),

		"tftp.yml tftp_connect_timeout": number(&s.TFTP.ConnectTimeout),
		"tftp.yml verify_server_cert":   boolean(&s.TFTP.VerifyServerCert),

		"puppetca.yml enabled":                            on(&s.PuppetCA.Enabled),
		"puppetca.yml use_provider":                       texts(&s.PuppetCA.Providers),
		"puppetca_http_api.yml puppet_url":                text(&s.PuppetCA.URL),
		"puppetca_http_api.yml puppet_ssl_ca":             text(&s.PuppetCA.TLS.CA),
		"puppetca_http_api.yml puppet_ssl_cert":           text(&s.PuppetCA.TLS.Certificate),
		"puppetca_http_api.yml puppet_ssl_key":            text(&s.PuppetCA.TLS.Key),
		"puppetca_hostname_whitelisting.yml autosignfile": text(&s.PuppetCA.AutosignFile),
		"puppetca_token_whitelisting.yml tokens_file":     text(&s.PuppetCA.TokensFile),
		"puppetca_token_whitelisting.yml token_ttl":       number(&s.PuppetCA.TokenTTL),
		"puppetca_token_whitelisting.yml sign_all":        mustBeFalse("signing every request is not done here"),
	}
}

// ignored are known keys without meaning here, and why.
var ignored = map[string]string{
	"settings.yml settings_directory":     "settings.d beside the file is read",
	"settings.yml ssl_disabled_ciphers":   "the TLS policy is in one place",
	"settings.yml tls_disabled_versions":  "the TLS policy is in one place",
	"settings.yml log_file":               "logs go to standard error",
	"settings.yml file_rolling_size":      "logs go to standard error",
	"settings.yml file_rolling_age":       "logs go to standard error",
	"settings.yml file_rolling_keep":      "logs go to standard error",
	"settings.yml file_logging_pattern":   "log lines have one format",
	"settings.yml system_logging_pattern": "log lines have one format",
	"settings.yml dns_resolv_timeouts":    "the system's resolver decides",
	"settings.yml daemon":                 "the service manager decides",
	"settings.yml daemon_pid":             "the service manager decides",
	"settings.yml virsh_network":          "is historic",

	"dhcp_isc.yml blacklist_duration_minutes":     "suggested addresses are kept for 30 minutes",
	"dhcp_isc.yml leases_file_observer":           "is chosen by the program",
	"tftp.yml bootloader_universe":                "boot loaders come with the TFTP root",
	"puppetca_token_whitelisting.yml certificate": "tokens are not signed here",
}

// elsewhere are the files of features and providers that are not served.
var elsewhere = map[string]bool{
	"bmc": true, "facts": true, "httpboot": true, "puppet": true, "realm": true, "externalipam": true,
	"puppet_proxy_puppet_api": true, "realm_freeipa": true, "realm_ad": true,
	"externalipam_phpipam": true, "externalipam_netbox": true,
	"dns_nsupdate_gss": true, "dns_libvirt": true, "dns_dnscmd": true, "dns_powerdns": true, "dns_route53": true, "dns_infoblox": true,
	"dhcp_native_ms": true, "dhcp_libvirt": true, "dhcp_infoblox": true, "dhcp_dnsmasq": true, "dhcp_remote_isc": true,
	"dynflow": true, "remote_execution_ssh": true, "ansible": true, "salt": true, "discovery": true, "openscap": true,
	"container_gateway": true,
}

// enabled reads an enabled key: a boolean, or the name of a listener. Anything
// else is off, as it is for Smart Proxy.
func enabled(v any) Enabled {
	if b, ok := v.(bool); ok {
		return Enabled{b, b}
	}
	s, _ := v.(string)
	s = strings.TrimPrefix(s, ":")
	return Enabled{HTTP: s == "http", HTTPS: s == "https"}
}

func on(e *Enabled) field {
	return func(v any) string {
		*e = enabled(v)
		if s, ok := v.(string); ok && !e.On() && s != "" {
			return "is neither true, false, http nor https, so that the feature is off"
		}
		return ""
	}
}

func text(p *string) field {
	return func(v any) string {
		switch v := v.(type) {
		case string:
			*p = v
			if !strings.HasPrefix(v, "::") { // an address
				*p = strings.TrimPrefix(v, ":") // a symbol
			}
		case uint64:
			*p = strconv.FormatUint(v, 10)
		default:
			return "is not a text"
		}
		return ""
	}
}

func texts(p *[]string) field {
	return func(v any) string {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		out := make([]string, len(list))
		for i, item := range list {
			if problem := text(&out[i])(item); problem != "" {
				return "is not a list of texts"
			}
		}
		*p = out
		return ""
	}
}

func number(p *int) field {
	return func(v any) string {
		s := ""
		if text(&s)(v) == "" {
			if n, err := strconv.Atoi(s); err == nil && n >= 0 && n <= 1<<31-1 {
				*p = n
				return ""
			}
		}
		return "is not a number"
	}
}

func boolean(p *bool) field {
	return func(v any) string {
		b, ok := v.(bool)
		if !ok {
			return "is neither true nor false"
		}
		*p = b
		return ""
	}
}

func mustBeFalse(problem string) field {
	return func(v any) string {
		if v == false {
			return ""
		}
		return problem
	}
}
