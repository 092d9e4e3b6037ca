package app_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/chargehand/chargehand/app"
	"github.com/chargehand/chargehand/config"
)

// TestImportSmartProxy takes folders over; what comes out must load.
func TestImportSmartProxy(t *testing.T) {
	const tls = ":ssl_certificate: /c\n:ssl_private_key: /k\n:ssl_ca_file: /a\n"
	read := func(name string) ([]byte, error) {
		switch name {
		case "sha512":
			return []byte(`key "k" { algorithm hmac-sha512; secret "Y2FuYXJ5"; };`), nil
		case "odd":
			return []byte("canary"), nil
		}
		return nil, fs.ErrNotExist
	}
	for name, c := range map[string]struct {
		files map[string]string // besides settings.yml
		main  string
		want  string // a line of the configuration, or with a leading ! none
		warns string // the place of a warning
	}{
		"nothing on":         {nil, "", "!puppetca", "settings.yml trusted_hosts"},
		"nobody trusted":     {nil, ":trusted_hosts: []\n", "!proxy.trusted_hosts", "settings.yml trusted_hosts"},
		"every address":      {nil, ":bind_host: '*'\n", "proxy.https: :8443", ""},
		"two addresses":      {nil, ":bind_host: [192.0.2.1, '::1']\n", "proxy.https: 192.0.2.1:8443", "settings.yml bind_host"},
		"IPv6":               {nil, ":bind_host: '::1'\n", `proxy.https: "[::1]:8443"`, ""},
		"level":              {nil, ":log_level: FATAL\n", "log.level: error", "settings.yml log_level"},
		"value with a break": {nil, ":foreman_url: \"https://c.test/\\nroles: x\"\n", "!\nroles: x", ""},
		"another algorithm":  {map[string]string{"dns": ":enabled: true\n", "dns_nsupdate": ":dns_key: sha512\n"}, "", "dns.keyname: k", "dns_nsupdate.yml dns_key"},
		"no key":             {map[string]string{"dns": ":enabled: true\n", "dns_nsupdate": ":dns_key: odd\n"}, "", "!canary", "dns_nsupdate.yml dns_key"},
		"another provider":   {map[string]string{"dns": ":enabled: true\n:use_provider: dns_powerdns\n"}, "", "!dns.server", "dns.yml use_provider"},
		"autosign file": {
			map[string]string{"puppetca": ":enabled: true\n", "puppetca_http_api": ":puppet_url: https://p.test:8140\n"},
			"",
			"puppetca.autosign: /etc/puppet/autosign.conf", "puppetca_http_api.yml puppet_ssl_cert",
		},
		"CA without a port": {map[string]string{"puppetca_http_api": ":puppet_url: https://p.test\n"}, "", "puppet.ca_server: p.test:8140", ""},
		"CA without TLS":    {map[string]string{"puppetca": ":enabled: true\n", "puppetca_http_api": ":puppet_url: http://p.test:8140\n"}, "", "!puppetca.url", "puppetca_http_api.yml puppet_url"},
		"templates":         {map[string]string{"templates": ":enabled: true\n:template_url: http://x.test\n"}, "", "!proxy.http:", "templates.yml enabled"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := fstest.MapFS{"settings.yml": {Data: []byte(tls + c.main)}}
			for file, text := range c.files {
				dir["settings.d/"+file+".yml"] = &fstest.MapFile{Data: []byte(text)}
			}
			found, err := app.ImportSmartProxy(dir, read)
			if err != nil {
				t.Fatal(err)
			}
			text, not := strings.CutPrefix(c.want, "!")
			if strings.Contains("\n"+string(found.YAML), text) == not {
				t.Errorf("want %q in:\n%s", c.want, found.YAML)
			}
			var places []string
			for _, w := range found.Warnings {
				places = append(places, w.File+" "+w.Key)
				if strings.Contains(w.Reason, "canary") || strings.Contains(w.Reason, "Y2FuYXJ5") {
					t.Errorf("a warning shows a secret: %v", w)
				}
			}
			if !strings.Contains(strings.Join(places, "\n"), c.warns) {
				t.Errorf("want a warning about %q, got %q", c.warns, places)
			}
			file := filepath.Join(t.TempDir(), "c.yaml")
			if err := os.WriteFile(file, found.YAML, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(config.Sources{File: file}); err != nil {
				t.Errorf("does not load: %v\n%s", err, found.YAML)
			}
		})
	}
}
