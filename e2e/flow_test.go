//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/e2e/site"
)

// code is the module that the host group's class is in.
const code = `class web (String $greeting = 'from the manifest') {
  $base = '%BASE%'
  file { $base: ensure => directory }
  -> file { "${base}/page": content => epp('web/page.epp', { 'greeting' => $greeting, 'group' => $hostgroup }) }
  ~> exec { "/bin/sh -c 'echo served >> ${base}/served'": refreshonly => true }
  package { 'bash': ensure => installed }
  notify { "I am ${trusted['certname']}": }
}
`

// A stage is where one flow takes place: processes by what they do.
type stage struct {
	*testing.T
	core, proxy, puppet *site.Process
	world               *site.World
	base                string // the folder that the agent writes to
}

// writeCode puts the module where the puppet role looks for it.
func writeCode(t *testing.T, dir, base string) {
	t.Helper()
	for name, text := range map[string]string{
		"modules/web/manifests/init.pp":  strings.ReplaceAll(code, "%BASE%", base),
		"modules/web/templates/page.epp": "<%- | String $greeting, String $group | -%>\n<%= $greeting %> in <%= $group %>\n",
		"hiera.yaml":                     "version: 5\nhierarchy:\n  - { name: common, path: common.yaml }\n",
		"data/common.yaml":               "web::greeting: hello from hiera\n",
		"manifests/site.pp":              "",
	} {
		path := filepath.Join(dir, "environments", "production", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	hostName = "one.e2e.test"
	hostMAC  = "52:54:00:00:00:01"
	hostIP   = "192.0.2.10"
	pxeFile  = "pxelinux.cfg/01-52-54-00-00-00-01"
)

// TestFlowSQLite takes a host through its whole life in one process.
func TestFlowSQLite(t *testing.T) {
	dir := t.TempDir()
	s := &stage{T: t, base: filepath.Join(t.TempDir(), "out")}
	writeCode(t, filepath.Join(dir, "code"), s.base)
	p := site.Start(t, site.Options{Binary: binary, Cache: cache, Dir: dir})
	s.core, s.proxy, s.puppet = p, p, p
	s.life()
}

func (s *stage) life() {
	s.world = s.core.API().Fill(site.Plan{Class: "web", Medium: site.Medium(s.T, site.BootFiles())})
	s.core.AwaitRuby()
	began := time.Now()
	host := s.world.Call(http.MethodPost, "/api/v2/hosts", s.world.Host("one", hostMAC, hostIP))
	s.Logf("host created in %s", time.Since(began).Round(time.Millisecond))
	s.recordsAre(true)
	s.install()
	s.agentRuns(site.ID(host))
	s.reportIsSeen(site.ID(host))
	s.hostGoes(site.ID(host))
}

// recordsAre looks at the host from outside: there whole, or gone whole.
func (s *stage) recordsAre(there bool) {
	s.Helper()
	want := func(v string) []string {
		if there {
			return []string{v}
		}
		return nil
	}
	for _, q := range []struct{ name, kind, want string }{{hostName, "A", hostIP}, {hostIP, "PTR", hostName + "."}} {
		if diff := cmp.Diff(want(q.want), site.Dig(s, s.proxy.Endpoints["dns.listen"], q.name, q.kind), cmpEmpty); diff != "" {
			s.Errorf("dig %s %s (-want +got):\n%s", q.name, q.kind, diff)
		}
	}
	status, text := s.core.Smart(http.MethodGet, s.proxy.Endpoints["proxy.https"], "/dhcp/192.0.2.0/mac/"+hostMAC)
	if there != (status == http.StatusOK) {
		s.Errorf("DHCP reservation: %d %s", status, text)
	}
	for _, want := range []string{hostIP, hostName, "pxelinux.0"} {
		if there && !strings.Contains(text, want) {
			s.Errorf("DHCP reservation without %q: %s", want, text)
		}
	}
	if text, found := site.TFTP(s, s.proxy.Endpoints["tftp.listen"], pxeFile); found != there {
		s.Errorf("PXE configuration found: %t\n%s", found, text)
	}
}

var cmpEmpty = cmp.Transformer("empty", func(s []string) []string { return slices.Concat([]string{}, s) })

var tokenIn = regexp.MustCompile(`https?://[^/\s]+(/unattended/provision\?token=[0-9a-f-]+)`)

// install does what the installer does: it reads its boot configuration, fetches
// kernel and template, and says that it is done.
func (s *stage) install() {
	s.Helper()
	tftp := s.proxy.Endpoints["tftp.listen"]
	config, _ := site.TFTP(s, tftp, pxeFile)
	found := tokenIn.FindStringSubmatch(config)
	if found == nil {
		s.Fatalf("no template address in the boot configuration:\n%s", config)
	}
	for line := range strings.Lines(config) {
		if words := strings.Fields(line); len(words) == 2 && words[0] == "KERNEL" {
			site.Eventually(s, 20*time.Second, func() string {
				if text, _ := site.TFTP(s, tftp, words[1]); text != site.BootFiles()["/linux"] {
					return fmt.Sprintf("%d bytes of kernel in %s", len(text), words[1])
				}
				return ""
			})
		}
	}
	web := "http://" + s.core.Endpoints["web.http"]
	began := time.Now()
	status, text := site.Get(s, web+found[1])
	s.Logf("template rendered in %s", time.Since(began).Round(time.Millisecond))
	if status != http.StatusOK || !strings.Contains(text, "d-i netcfg/get_hostname string one") && !strings.Contains(text, hostName) {
		s.Fatalf("template: %d\n%s", status, text)
	}
	built := strings.Replace(found[1], "provision", "built", 1)
	if status, text := site.Get(s, web+built); status != http.StatusCreated {
		s.Fatalf("built: %d %s", status, text)
	}
	if config, _ := site.TFTP(s, tftp, pxeFile); tokenIn.MatchString(config) || !strings.Contains(strings.ToUpper(config), "LOCALBOOT") {
		s.Errorf("built, the machine would install again:\n%s", config)
	}
	if status, _ := site.Get(s, web+found[1]); status < 400 {
		s.Errorf("the token still opens the template: %d", status)
	}
}

// agentRuns lets the real agent get its certificate and apply its catalog.
func (s *stage) agentRuns(host int64) {
	s.Helper()
	agent := site.NewAgent(s, hostName, s.puppet.Endpoints["puppet.https"])
	began := time.Now()
	code, out := agent.Run()
	s.Logf("first agent run in %s", time.Since(began).Round(100*time.Millisecond))
	if code != 2 {
		s.Fatalf("the agent ended with %d:\n%s", code, out)
	}
	for name, want := range map[string]string{"page": "hello from hiera in machines\n", "served": "served\n"} {
		if got, err := os.ReadFile(filepath.Join(s.base, name)); err != nil || string(got) != want {
			s.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if !strings.Contains(out, "I am "+hostName) {
		s.Errorf("no notice in\n%s", out)
	}
}

// reportIsSeen in core, in PuppetDB and on the host's page.
func (s *stage) reportIsSeen(host int64) {
	s.Helper()
	last := fmt.Sprintf("/api/v2/hosts/%d/config_reports/last", host)
	report := s.world.Call(http.MethodGet, last, nil)
	status, _ := report["status"].(site.Object)
	if applied, _ := status["applied"].(float64); applied < 4 || report["host_name"] != hostName {
		s.Errorf("the last report: %v of %v", status, report["host_name"])
	}
	facts := s.world.Call(http.MethodGet, fmt.Sprintf("/api/v2/hosts/%d/facts?search=name+%%3D+kernel", host), nil)
	if text := fmt.Sprint(facts["results"]); !strings.Contains(text, "Linux") {
		s.Errorf("facts: %s", text)
	}
	pdb := s.puppet.Endpoints["puppetdb.http"]
	site.Eventually(s, 20*time.Second, func() string {
		if rows := site.Query(s, pdb, "reports", `["=","certname","`+hostName+`"]`); len(rows) != 1 || rows[0]["status"] != "changed" {
			return fmt.Sprintf("reports in PuppetDB: %v", rows)
		}
		return ""
	})
	if rows := site.Query(s, pdb, "resources", `["and",["=","certname","`+hostName+`"],["=","type","Class"],["=","title","Web"]]`); len(rows) != 1 {
		s.Errorf("class Web in PuppetDB: %v", rows)
	}
	if rows := site.Query(s, pdb, "events", `["and",["=","certname","`+hostName+`"],["=","resource_type","File"]]`); len(rows) != 2 {
		s.Errorf("file events in PuppetDB: %v", rows)
	}
	s.core.ShowsHost(hostName, hostIP, "machines", "I am "+hostName)
}

// hostGoes and leaves nothing: no record, no file, no certificate.
func (s *stage) hostGoes(host int64) {
	s.Helper()
	ca := "/puppet/ca"
	if _, text := s.core.Smart(http.MethodGet, s.puppetCA(), ca); !strings.Contains(text, hostName) {
		s.Errorf("the certificate is not known: %s", text)
	}
	s.world.Call(http.MethodDelete, fmt.Sprintf("/api/v2/hosts/%d", host), nil)
	s.recordsAre(false)
	if _, text := s.core.Smart(http.MethodGet, s.puppetCA(), ca); strings.Contains(text, `"`+hostName+`"`) && !strings.Contains(text, "revoked") {
		s.Errorf("the certificate lives: %s", text)
	}
	if status, _, _ := s.world.Try(http.MethodGet, fmt.Sprintf("/api/v2/hosts/%d", host), nil); status != http.StatusNotFound {
		s.Errorf("deleted, the host answers %d", status)
	}
}

func (s *stage) puppetCA() string { return s.puppet.Endpoints["proxy.https"] }

func split(t *testing.T, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}
