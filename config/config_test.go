package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/google/go-cmp/cmp"
)

func hostname() (string, error) { return "Build.Example.com", nil }

func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "chargehand.yaml"), "data_dir: /from/file\nweb:\n  https: 127.0.0.1:1\n  http: off\npuppetdb.report_ttl: 3d\nroles: [core, puppet]\n")
	write(t, filepath.Join(dir, "conf.d", "10.yaml"), "web: {https: '127.0.0.1:2', http: 81}\n")
	c, err := Load(Sources{
		File: filepath.Join(dir, "chargehand.yaml"), Hostname: hostname,
		Environ: []string{"CHARGEHAND_WEB_HTTPS=127.0.0.1:3", "CHARGEHAND_ADMIN_PASSWORD=x", "PATH=/bin"},
		Set:     []string{"tftp.root=/boot", "puppetdb.http=off"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.FQDN, c.DataDir, c.Web.HTTPS, c.Web.HTTP, c.TFTP.Root, c.PuppetDB.HTTP, strings.Join(c.Roles, "+"), c.Database.Reveal(), c.Domain()}
	want := []string{"build.example.com", "/from/file", "127.0.0.1:3", ":81", "/boot", "off", "core+puppet", "sqlite:/from/file/core.db", "example.com"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c.PuppetDB.ReportTTL != 72*time.Hour {
		t.Errorf("report_ttl = %v", c.PuppetDB.ReportTTL)
	}
	if !c.HasRole(Puppet) || c.HasRole(Proxy) {
		t.Errorf("roles %v", c.Roles)
	}
}

func TestMistakesAreAllNamed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yaml")
	write(t, file, "web: {htps: 1}\nlog: {level: loud}\ndata_dir: {a: 1}\n")
	_, err := Load(Sources{
		File: file, Hostname: hostname,
		Environ: []string{"CHARGEHAND_TFTP_ROTT=/x", "CHARGEHAND_DHCP_SUBNETS=10.0.0.0/40"},
		Set:     []string{"dns.listen=53:x:y", "web.certificate=/a", "rubbish", "dns.server=a:53", "puppetdb.node_ttl=soon", "roles=core,cook"},
	})
	if !errs.Is(err, errs.Malformed) {
		t.Fatalf("err = %v", err)
	}
	for _, want := range []string{
		`unknown key "web.htps"; did you mean "web.https"?`,
		`unknown key "tftp.rott"; did you mean "tftp.root"?`,
		`log.level`, `"loud" is not one of debug, info, warn, error`,
		"data_dir: want one value, not a mapping",
		"10.0.0.0/40", "want off, PORT or ADDRESS:PORT",
		"web.certificate and web.private_key go together", "--set rubbish: want key=value",
		"puppetdb.node_ttl", `"cook" is not one of`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
}

func TestPuppetCAElsewhere(t *testing.T) {
	const url, tokens, there = "puppetca.url=https://ca.test:8140", "puppetca.autosign=tokens", "puppet.ca_server=ca.test:8140"
	files := []string{"puppetca.certificate=/c.pem", "puppetca.private_key=/k.pem", "puppetca.ca=/ca.pem"}
	for name, c := range map[string]struct {
		set  []string
		want string // in the error; none when empty
	}{
		"own certificate":       {[]string{url, tokens, there}, ""},
		"certificate in files":  {append([]string{url, "puppetca.autosign=/etc/puppetlabs/puppet/autosign.conf"}, files...), ""},
		"no proxy":              {[]string{url, tokens, "roles=core"}, ""},
		"tokens of a proxy":     {[]string{"puppet.autosign=https://proxy.test:8443"}, ""},
		"unknown certificate":   {[]string{url, tokens}, "set puppetca.certificate, puppetca.private_key and puppetca.ca, or puppet.ca_server"},
		"half a certificate":    {append([]string{url, tokens, there}, files[:2]...), "set all or none"},
		"no URL":                {[]string{tokens, there}, "puppetca.url: not set"},
		"no URL, a certificate": {append([]string{there}, files...), "puppetca.url: not set"},
		"no autosigning":        {[]string{url, there}, "puppetca.autosign: want tokens"},
		"a name in no folder":   {[]string{url, there, "puppetca.autosign=true"}, "puppetca.autosign: want tokens"},
		"no TLS":                {[]string{"puppetca.url=http://ca.test", tokens, there}, "puppetca.url (--set): want https://HOST:PORT"},
		"a path":                {[]string{url + "/puppet-ca/v1", tokens, there}, "puppetca.url (--set): want https://HOST:PORT"},
		"no time":               {[]string{url, tokens, there, "puppetca.token_ttl=0"}, "puppetca.token_ttl"},
		"tokens without TLS":    {[]string{"puppet.autosign=http://proxy.test"}, "puppet.autosign (--set)"},
	} {
		_, err := Load(Sources{Hostname: hostname, File: os.DevNull, Set: c.set})
		if c.want == "" && err != nil || c.want != "" && (!errs.Is(err, errs.Malformed) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMissingAndBrokenFiles(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(Sources{File: filepath.Join(dir, "none.yaml"), Hostname: hostname}); err == nil {
		t.Error("a file named with --config must exist")
	}
	file := filepath.Join(dir, "c.yaml")
	write(t, file, "a: [1\n")
	if _, err := Load(Sources{File: file, Hostname: hostname}); err == nil || !strings.Contains(err.Error(), "c.yaml") {
		t.Errorf("err = %v", err)
	}
	write(t, file, strings.Repeat("#", maxFile+1))
	if _, err := Load(Sources{File: file, Hostname: hostname}); err == nil {
		t.Error("an endless file was read")
	}
}

func TestSecretsAreMasked(t *testing.T) {
	c, err := Load(Sources{Hostname: hostname, File: os.DevNull, Set: []string{"database=postgres://u:canary@h/db", "dns.key=canary"}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{b.String(), string(asJSON), strings.Join(mapValues(c.Masked()), " ")} {
		if strings.Contains(text, "canary") {
			t.Errorf("the secret shows in %s", text)
		}
	}
	if c.PuppetDB.Database.Reveal() != "postgres://u:canary@h/db" {
		t.Error("PuppetDB must fall back on core's PostgreSQL")
	}
}

// TestPrintReadsBack shows that the printed tree is a configuration file.
func TestPrintReadsBack(t *testing.T) {
	c, err := Load(Sources{Hostname: hostname, File: os.DevNull, Set: []string{"web.trusted_proxies=10.0.0.1,10.1.0.0/16", "dns.zones=a.example"}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "c.yaml")
	write(t, file, strings.ReplaceAll(b.String(), "'*****'", "''"))
	again, err := Load(Sources{Hostname: hostname, File: file})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, again); diff != "" {
		t.Error(diff)
	}
}

func TestDurations(t *testing.T) {
	for _, text := range []string{"0d", "14d", "36h", "90m", "61s", "1500ms"} {
		if d, err := ParseDuration(text); err != nil || formatDuration(d) != text {
			t.Errorf("%s is written as %s, %v", text, formatDuration(d), err)
		}
	}
	for in, want := range map[string]time.Duration{"0": 0, "14d": 14 * 24 * time.Hour, "30s": 30 * time.Second, "250ms": 250 * time.Millisecond} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("%s = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "5", "-1d", "1.5h", "999999999d", "1w"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("%s = %v, want an error", in, got)
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add("web.https=:0")
	f.Add("a=\x00")
	f.Fuzz(func(t *testing.T, pair string) {
		if _, err := Load(Sources{File: os.DevNull, Hostname: hostname, Set: []string{pair}}); err != nil && !errs.Is(err, errs.Malformed) {
			t.Errorf("%q: %v", pair, err)
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mapValues(m map[string]string) []string {
	var all []string
	for _, v := range m {
		all = append(all, v)
	}
	return all
}
