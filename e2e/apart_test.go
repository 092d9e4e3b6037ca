//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chargehand/chargehand/e2e/site"
	"github.com/chargehand/chargehand/internal/pgtest"
)

// TestFlowApart takes a host through its whole life with the roles apart: core
// on PostgreSQL, a smart proxy in the machines' network, and the puppet machine
// with CA, compiler, PuppetDB and the smart proxy in front of its CA. They speak
// to each other over TLS with certificates of that CA, under names of their own.
func TestFlowApart(t *testing.T) {
	postgres := pgtest.Start(t)
	hosts, signed := filepath.Join(t.TempDir(), "hosts"), filepath.Join(t.TempDir(), "autosign.conf")
	write(t, hosts, "127.0.0.1 localhost core.apart.test proxy.apart.test puppet.apart.test\n")
	write(t, signed, "core.apart.test\nproxy.apart.test\n")
	corePort, caPort := site.FreePort(t), site.FreePort(t)
	core, ca := "https://core.apart.test:"+corePort, "puppet.apart.test:"+caPort

	s := &stage{T: t, base: filepath.Join(t.TempDir(), "out")}
	code := t.TempDir()
	writeCode(t, code, s.base)
	start := func(roles string, set map[string]string) *site.Process {
		t.Helper()
		return site.Start(t, site.Options{Binary: binary, Cache: cache, Hosts: hosts, Roles: roles, Set: set})
	}
	s.puppet = start("proxy,puppet,puppetdb", map[string]string{
		"fqdn": "puppet.apart.test", "core.url": core, "puppet.https": "127.0.0.1:" + caPort, "puppet.code_dir": code,
		"puppet.autosign": signed, "puppetdb.database": postgres.New(t), "dns.listen": "off", "dhcp.listen": "off", "tftp.listen": "off",
	})
	s.core = start("core", map[string]string{
		"fqdn": "apart.test", "puppet.ca_server": ca, "web.https": "127.0.0.1:" + corePort, "web.url": core, "database": postgres.New(t),
		"puppet.server": "puppet.apart.test",
	})
	s.proxy = start("proxy", map[string]string{
		"fqdn": "apart.test", "puppet.ca_server": ca, "core.url": core, "tftp.server": "192.0.2.1",
		"dns.zones": "e2e.test,2.0.192.in-addr.arpa", "dhcp.subnets": "192.0.2.0/24",
	})
	api := s.core.API()
	for name, p := range map[string]*site.Process{"proxy.apart.test": s.proxy, "puppet.apart.test": s.puppet} {
		_, port := split(t, p.Endpoints["proxy.https"])
		api.Create("smart_proxies", "smart_proxy", site.Object{"name": name, "url": "https://" + name + ":" + port})
	}
	s.life()
	if status, _ := s.proxy.Smart(http.MethodGet, s.puppet.Endpoints["proxy.https"], "/puppet/ca"); status != http.StatusForbidden {
		t.Errorf("a smart proxy may use another's CA: %d", status)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
