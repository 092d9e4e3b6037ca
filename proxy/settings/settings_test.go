package settings_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/settings"
)

func dir(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// tls is the least that a Smart Proxy starts with.
const tls = ":ssl_certificate: /c\n:ssl_private_key: /k\n:ssl_ca_file: /ca\n"

func read(t *testing.T, files map[string]string) *settings.Result {
	t.Helper()
	r, err := settings.Read(dir(files))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// said writes findings as "file key" lines.
func said(list []settings.Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, f.File+" "+f.Key)
	}
	return strings.Join(out, "\n")
}

// TestWholeDirectory is a directory as the installer leaves it.
func TestWholeDirectory(t *testing.T) {
	r := read(t, map[string]string{
		"settings.yml": `---
### File managed with puppet ###
:settings_directory: /etc/foreman-proxy/settings.d
:ssl_ca_file: /etc/foreman-proxy/ssl_ca.pem
:ssl_certificate: /etc/foreman-proxy/ssl_cert.pem
:ssl_private_key: /etc/foreman-proxy/ssl_key.pem
:trusted_hosts:
  - foreman.example.test
  - proxy.example.test
:foreman_url: https://foreman.example.test
:foreman_ssl_cert: /f.pem
:daemon: true
:bind_host: '*'
:https_port: 9090
:http_port: 8000
:log_file: /var/log/foreman-proxy/proxy.log
:log_level: :debug
`,
		"settings.d/dns.yml":                         ":enabled: https\n:use_provider: dns_nsupdate\n:dns_ttl: 300\n",
		"settings.d/dns_nsupdate.yml":                ":dns_key: /etc/rndc.key\n:dns_server: 192.0.2.53\n",
		"settings.d/dhcp.yml":                        ":enabled: true\n:use_provider: :dhcp_isc\n:subnets:\n- 192.0.2.0/255.255.255.0\n:ping_free_ip: false\n",
		"settings.d/dhcp_isc.yml":                    ":config: /etc/dhcp/dhcpd.conf\n:omapi_port: '7911'\n:key_name: omapi_key\n:key_secret: canary==\n",
		"settings.d/tftp.yml":                        ":enabled: true\n:tftproot: /srv/tftp\n:tftp_servername: 192.0.2.2\n",
		"settings.d/puppetca.yml":                    ":enabled: https\n:use_provider: puppetca_token_whitelisting\n",
		"settings.d/puppetca_http_api.yml":           ":puppet_url: https://puppet:8140\n:puppet_ssl_cert: /p.pem\n",
		"settings.d/puppetca_token_whitelisting.yml": ":sign_all: false\n:token_ttl: 60\n",
		"settings.d/templates.yml":                   ":enabled: http\n:template_url: http://proxy.example.test:8000\n",
		"settings.d/logs.yml":                        ":enabled: https\n",
		"settings.d/registration.yml":                "",
		"settings.d/bmc.yml":                         ":enabled: false\n:bmc_default_provider: ipmitool\n",
		"settings.d/README":                          "not yaml: [",
	})
	want := settings.Settings{
		BindHost: []string{"*"}, HTTPPort: 8000, HTTPSPort: 9090, ForwardVerify: true,
		TLS:          settings.Identity{CA: "/etc/foreman-proxy/ssl_ca.pem", Certificate: "/etc/foreman-proxy/ssl_cert.pem", Key: "/etc/foreman-proxy/ssl_key.pem"},
		Foreman:      settings.Identity{CA: "/etc/foreman-proxy/ssl_ca.pem", Certificate: "/f.pem", Key: "/etc/foreman-proxy/ssl_key.pem"},
		TrustedHosts: []string{"foreman.example.test", "proxy.example.test"}, ForemanURL: "https://foreman.example.test",
		LogLevel: "debug", LogBuffer: 2000, LogBufferErrors: 1000,
		DNS: settings.DNS{Enabled: settings.Enabled{HTTPS: true}, Provider: "dns_nsupdate", TTL: 300, Server: "192.0.2.53", KeyFile: "/etc/rndc.key"},
		DHCP: settings.DHCP{
			Enabled: settings.Enabled{HTTP: true, HTTPS: true}, Provider: "dhcp_isc", Server: "127.0.0.1", Subnets: []string{"192.0.2.0/255.255.255.0"},
			Config: "/etc/dhcp/dhcpd.conf", Leases: "/var/lib/dhcpd/dhcpd.leases", OMAPIPort: 7911, KeyName: "omapi_key", KeySecret: "canary==",
		},
		TFTP: settings.TFTP{Enabled: settings.Enabled{HTTP: true, HTTPS: true}, Root: "/srv/tftp", ServerName: "192.0.2.2", ConnectTimeout: 10, VerifyServerCert: true},
		PuppetCA: settings.PuppetCA{
			Enabled: settings.Enabled{HTTPS: true}, Providers: []string{"puppetca_token_whitelisting"}, URL: "https://puppet:8140",
			TLS:          settings.Identity{CA: "/etc/puppetlabs/puppet/ssl/certs/ca.pem", Certificate: "/p.pem"},
			AutosignFile: "/etc/puppet/autosign.conf", TokensFile: "/var/lib/foreman-proxy/tokens.yml", TokenTTL: 60,
		},
		Templates: settings.Templates{Enabled: settings.Enabled{HTTP: true}, URL: "http://proxy.example.test:8000"},
		Logs:      settings.Enabled{HTTPS: true},
	}
	if diff := cmp.Diff(want, r.Settings); diff != "" {
		t.Error(diff)
	}
	if len(r.Refused) != 0 || len(r.Understood) != 35 {
		t.Errorf("%d understood, refused: %v", len(r.Understood), r.Refused)
	}
	wantIgnored := "bmc.yml bmc_default_provider\nbmc.yml enabled\nsettings.yml daemon\nsettings.yml log_file\nsettings.yml settings_directory"
	if got := said(r.Ignored); got != wantIgnored {
		t.Errorf("ignored:\n%s", got)
	}
	if strings.Contains(fmt.Sprint(r.Understood, r.Ignored, r.Refused), "canary") {
		t.Error("a finding shows a secret")
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"dns.yml", "enabled: true\n", "dns.yml enabled"},
		{"dns.yml", ":enabled: 'true'\n", "dns.yml enabled"},
		{"dns.yml", ":enabled: true\n:use_provider: dns_libvirt\n", "dns.yml use_provider"},
		{"dns.yml", ":enabled: false\n:use_provider: dns_libvirt\n", ""},
		{"dns.yml", ":dns_ttl: soon\n", "dns.yml dns_ttl"},
		{"dns.yml", ":dns_ttl: -1\n", "dns.yml dns_ttl"},
		{"dns.yml", ":colour: blue\n", "dns.yml colour"},
		{"dns.yml", ":dns_ttl:\n", ""},
		{"unheard_of.yml", ":enabled: true\n", "unheard_of.yml enabled"},
		{"bmc.yml", ":enabled: https\n", "bmc.yml enabled"},
		{"templates.yml", ":enabled: true\n", "templates.yml template_url"},
		{"puppetca.yml", ":enabled: true\n:use_provider: [x]\n", "puppetca.yml use_provider\npuppetca_http_api.yml puppet_url"},
		{"puppetca_token_whitelisting.yml", ":sign_all: true\n", "puppetca_token_whitelisting.yml sign_all"},
		{"tftp.yml", ":tftproot: [a]\n:verify_server_cert: x\n", "tftp.yml tftproot\ntftp.yml verify_server_cert"},
	} {
		r := read(t, map[string]string{"settings.yml": tls, "settings.d/" + c.file: c.text})
		if got := said(r.Refused); got != c.want {
			t.Errorf("%s %q: refused %q, want %q", c.file, c.text, got, c.want)
		}
	}
}

func TestMainFile(t *testing.T) {
	r := read(t, map[string]string{"settings.yml": tls + ":trusted_hosts: []\n"})
	if r.Settings.TrustedHosts == nil || len(r.Settings.TrustedHosts) != 0 {
		t.Errorf("an empty list is %#v", r.Settings.TrustedHosts)
	}
	r = read(t, map[string]string{"settings.yml": tls + ":trusted_hosts: Core.Example.test\n"})
	if r.Settings.TrustedHosts[0] != "core.example.test" || said(r.Refused) != "settings.yml trusted_hosts" {
		t.Errorf("%v %v", r.Settings.TrustedHosts, r.Refused)
	}
	if r = read(t, map[string]string{"settings.yml": tls}); r.Settings.TrustedHosts != nil {
		t.Errorf("no list is %#v", r.Settings.TrustedHosts)
	}
	if r = read(t, map[string]string{"settings.yml": ":ssl_certificate: /c\n"}); said(r.Refused) != "settings.yml " {
		t.Errorf("%v", r.Refused)
	}
}

func TestUnreadable(t *testing.T) {
	for what, c := range map[string]struct {
		files map[string]string
		kind  errs.Kind
	}{
		"no settings.yml": {map[string]string{"settings.d/dns.yml": ":enabled: true"}, errs.NotFound},
		"not YAML":        {map[string]string{"settings.yml": ":a: ["}, errs.Malformed},
		"a list":          {map[string]string{"settings.yml": "- a\n"}, errs.Malformed},
		"too long":        {map[string]string{"settings.yml": strings.Repeat("# x\n", 1<<19)}, errs.Malformed},
		"a broken module": {map[string]string{"settings.yml": tls, "settings.d/dns.yml": "{"}, errs.Malformed},
	} {
		if _, err := settings.Read(dir(c.files)); !errs.Is(err, c.kind) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(":enabled: true\n:dns_ttl: 5\n")
	f.Add(":a: &x [1]\n:b: *x\n1: 2\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = settings.Read(dir(map[string]string{"settings.yml": tls, "settings.d/dns.yml": text, "settings.d/tftp.yml": text}))
	})
}
