//go:build e2e

package machine_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/e2e/site"
	"github.com/chargehand/chargehand/internal/sqldb"
)

const (
	serverIP = "10.77.0.1"
	server   = "foreman.e2e.test"
	poolFrom = "10.77.0.100"
	poolTo   = "10.77.0.200"
	hostName = "one.e2e.test"
	hostMAC  = "52:54:00:77:00:10"
	hostIP   = "10.77.0.10"
	pxeFile  = "pxelinux.cfg/01-52-54-00-77-00-10"
)

// code is the module that the host group's class is in.
var code = map[string]string{
	"modules/web/manifests/init.pp": `class web (String $greeting = 'from the manifest') {
  package { 'bash': ensure => installed }
  -> file { '/srv/page': content => epp('web/page.epp', { 'greeting' => $greeting, 'group' => $hostgroup }) }
  ~> exec { "/bin/sh -c 'echo served >> /srv/served'": refreshonly => true }
  notify { "I am ${trusted['certname']}": }
}
`,
	"modules/web/templates/page.epp":  "<%- | String $greeting, String $group | -%>\n<%= $greeting %> in <%= $group %>, by <%= $facts['maker'] %>\n",
	"modules/web/lib/facter/maker.rb": "Facter.add(:maker) { setcode { 'pluginsync' } }\n",
	"hiera.yaml":                      "version: 5\nhierarchy:\n  - { name: common, path: common.yaml }\n",
	"data/common.yaml":                "web::greeting: hello from hiera\n",
	"manifests/site.pp":               "",
}

// TestMachine takes a bare machine from its firmware to its report, and away.
func TestMachine(t *testing.T) {
	dir := inside(t)
	if dir == "" {
		return
	}
	y := &yard{T: t, images: dir, serial: filepath.Join(t.TempDir(), "serial")}
	y.network()
	y.serve()
	y.world = y.p.API().Fill(site.Plan{
		Network: "10.77.0.0", Mask: "255.255.255.0", Gateway: serverIP, From: poolFrom, To: poolTo,
		Class: "web", Medium: "http://" + server + "/pub/debian",
		GroupParameters: map[string]string{"kernelcmd": "console=ttyS0 panic=-1 quiet"},
	})
	y.world.Call(http.MethodPut, fmt.Sprintf("/api/v2/subnets/%d", y.world.SubnetID), site.Object{"subnet": site.Object{"dns_primary": serverIP}})
	if status, text := y.p.Smart(http.MethodPost, y.p.Endpoints["proxy.https"], "/dns/?fqdn="+server+"&value="+serverIP+"&type=A"); status != http.StatusOK {
		t.Fatalf("the server's own record: %d %s", status, text)
	}
	y.p.AwaitRuby()
	host := site.ID(y.world.Call(http.MethodPost, "/api/v2/hosts", y.world.Host("one", hostMAC, hostIP)))
	y.recordsAre(true)
	y.isReserved()

	y.boot()
	for _, phase := range []string{"leased " + hostIP + " by " + serverIP, "installer", "answers", "unpacked", "installed", "from disk", "up as " + hostName, "agent ended with", "done"} {
		y.reaches(phase)
	}
	y.isConfigured()
	y.isKnown(host)

	certificate := y.certificate()
	if y.revoked(certificate) {
		t.Error("the host's certificate is revoked")
	}
	y.world.Call(http.MethodDelete, "/api/v2/hosts/"+hostName, nil)
	y.recordsAre(false)
	if !y.revoked(certificate) {
		t.Error("deleted, the host's certificate is not revoked")
	}
	y.isStranger()
	// Name and addresses are free for the next machine.
	y.world.Call(http.MethodPost, "/api/v2/hosts", y.world.Host("one", hostMAC, hostIP))
	y.recordsAre(true)
}

// isConfigured reads from the console what the agent did.
func (y *yard) isConfigured() {
	y.Helper()
	text := y.console()
	_, last, _ := strings.Cut(text, "E2E: up as")
	for _, want := range []string{"E2E: agent ended with 2\n", "hello from hiera in machines, by pluginsync\n", "\nserved\n", "I am " + hostName} {
		if !strings.Contains(last, want) {
			y.Errorf("the console does not say %q", want)
		}
	}
	if n := strings.Count(text, "E2E: installer"); n != 1 {
		y.Errorf("installed %d times", n)
	}
}

// isKnown looks at what the server has about the machine.
func (y *yard) isKnown(host int64) {
	y.Helper()
	report := y.world.Call(http.MethodGet, "/api/v2/hosts/"+hostName+"/config_reports/last", nil)
	status, _ := report["status"].(site.Object)
	if applied, _ := status["applied"].(float64); applied < 3 || report["host_name"] != hostName {
		y.Errorf("the last report: %v of %v", status, report["host_name"])
	}
	if shown := y.world.Call(http.MethodGet, "/api/v2/hosts/"+hostName, nil); shown["build"] != false {
		y.Errorf("build is %v", shown["build"])
	}
	pdb := y.p.Endpoints["puppetdb.http"]
	site.Eventually(y, 30*time.Second, func() string {
		if rows := site.Query(y, pdb, "reports", `["and",["=","certname","`+hostName+`"],["=","status","changed"]]`); len(rows) != 1 {
			return fmt.Sprintf("reports in PuppetDB: %v", rows)
		}
		return ""
	})
	if rows := site.Query(y, pdb, "resources", `["and",["=","certname","`+hostName+`"],["=","type","Class"],["=","title","Web"]]`); len(rows) != 1 {
		y.Errorf("class Web in PuppetDB: %v", rows)
	}
	if text, _ := site.TFTP(y, y.p.Endpoints["tftp.listen"], pxeFile); !strings.Contains(text, "LOCALBOOT") {
		y.Errorf("installed, the machine boots by\n%s", text)
	}
	y.wholeWay(host)
	y.p.ShowsHost(hostName, hostIP, "machines", "I am "+hostName)
}

// ca asks the CA as agents do, and gives the bytes in the PEM that it answers.
func (y *yard) ca(path string) []byte {
	y.Helper()
	status, text := y.p.Smart(http.MethodGet, y.p.Endpoints["puppet.https"], "/puppet-ca/v1/"+path)
	block, _ := pem.Decode([]byte(text))
	if status != http.StatusOK || block == nil {
		y.Fatalf("%s: %d\n%s", path, status, text)
	}
	return block.Bytes
}

// certificate is the serial number of the machine's.
func (y *yard) certificate() *big.Int {
	y.Helper()
	cert, err := x509.ParseCertificate(y.ca("certificate/" + hostName))
	if err != nil {
		y.Fatal(err)
	}
	return cert.SerialNumber
}

func (y *yard) revoked(serial *big.Int) bool {
	y.Helper()
	list, err := x509.ParseRevocationList(y.ca("certificate_revocation_list/ca"))
	if err != nil {
		y.Fatal(err)
	}
	return slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(serial) == 0 })
}

// wholeWay asserts that the timeline saw the machine on every leg of the way, and no failure.
func (y *yard) wholeWay(host int64) {
	y.Helper()
	db, err := sqldb.Open(y.Context(), "sqlite:"+filepath.Join(y.p.Dir, "core.db"), sqldb.Options{})
	if err != nil {
		y.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	events, err := store.NewTimeline(db).Events(context.Background(), host, time.Time{})
	if err != nil {
		y.Fatal(err)
	}
	for _, leg := range timeline.Legs() {
		if !slices.ContainsFunc(events, func(e timeline.Event) bool { return e.Stage == leg.Stage && !e.At.Before(y.booted) }) {
			y.Errorf("the timeline has nothing of %q", leg.Title)
		}
	}
	for _, e := range events {
		if e.Failure != "" {
			y.Errorf("the timeline has a failure: %s %s: %s", e.Stage, e.Text, e.Failure)
		}
	}
}

// recordsAre looks at the host from outside: there whole, or gone whole.
func (y *yard) recordsAre(there bool) {
	y.Helper()
	for _, q := range []struct{ name, kind, want string }{{hostName, "A", hostIP}, {hostIP, "PTR", hostName + "."}} {
		var want []string
		if there {
			want = []string{q.want}
		}
		if diff := cmp.Diff(want, site.Dig(y, y.p.Endpoints["dns.listen"], q.name, q.kind), cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
			y.Errorf("dig %s %s (-want +got):\n%s", q.name, q.kind, diff)
		}
	}
	if reserved := slices.Contains(y.dhcp().Reservations, record{hostIP, hostMAC}); there != reserved {
		y.Errorf("DHCP reservation: %t", reserved)
	}
	if text, found := site.TFTP(y, y.p.Endpoints["tftp.listen"], pxeFile); found != there {
		y.Errorf("PXE configuration found: %t\n%s", found, text)
	}
}
