//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/chargehand/chargehand/e2e/site"
)

const (
	starts   = 10  // of which the median counts
	hosts    = 100 // that are there at each start
	requests = 200 // of each kind, of which the median counts
)

// A figure is a line of the table.
type figure struct{ what, value, note string }

// BenchmarkFigures measures everything once and prints one table. It takes much
// longer than any -benchtime, so that it runs a single time.
func BenchmarkFigures(b *testing.B) {
	m := &measure{B: b}
	m.prepare()
	m.starts()
	m.idle()
	m.catalogs()
	m.kickstarts()
	m.p.Stop()
	m.packages()
	m.print()
}

type measure struct {
	*testing.B
	p       *site.Process
	world   *site.World
	cache   string
	figures []figure
}

func (m *measure) add(what, value, note string) {
	m.figures = append(m.figures, figure{what, value, note})
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func (m *measure) write(path, text string) {
	m.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.Fatal(err)
	}
}

const manifest = `
class server (Integer $n = 48) {
  file { '/srv/app': ensure => directory }
  Integer[1, $n].each |$i| {
    file { "/srv/app/${i}.conf": content => epp('app/conf.epp', { 'i' => $i }), mode => '0644', require => File['/srv/app'] }
  }
}
include server
`

// prepare builds the program and fills a site with hosts.
func (m *measure) prepare() {
	binary, err := site.Build(m.TempDir())
	if err != nil {
		m.Fatal(err)
	}
	dir := m.TempDir()
	m.cache = filepath.Join(dir, "cache", "ruby")
	code := filepath.Join(dir, "code", "environments", "production")
	m.write(filepath.Join(code, "manifests", "site.pp"), manifest)
	m.write(filepath.Join(code, "modules", "app", "templates", "conf.epp"), "<%- | Integer $i | -%>\nvalue <%= $i %> on <%= $facts['os']['name'] %>\n")
	m.p = site.Start(m, site.Options{Binary: binary, Dir: dir})
	m.p.Pin()
	m.world = m.p.API().Fill(site.Plan{Medium: site.Medium(m, site.BootFiles())})
	for i := range hosts {
		m.world.Create("hosts", "host", site.Object{
			"name": fmt.Sprintf("h%d", i), "mac": fmt.Sprintf("52:54:00:01:00:%02x", i), "ip": fmt.Sprintf("192.0.2.%d", 2+i),
			"hostgroup_id": m.world.GroupID, "managed": false, "build": false,
		})
	}
}

func (m *measure) starts() {
	var cold, warm []time.Duration
	for range starts {
		m.p.Kill()
		if err := os.RemoveAll(m.cache); err != nil {
			m.Fatal(err)
		}
		m.p.Start()
		cold = append(cold, m.p.ReadyIn)
	}
	m.ruby()
	for range starts {
		m.p.Stop()
		m.p.Start()
		warm = append(warm, m.p.ReadyIn)
	}
	note := fmt.Sprintf("median of %d, %d hosts", starts, hosts)
	m.add("ready, Ruby cache cold", median(cold).Round(time.Millisecond).String(), note)
	m.add("ready, Ruby cache warm", median(warm).Round(time.Millisecond).String(), note)
}

// ruby waits until the interpreter is compiled: until a template renders.
func (m *measure) ruby() {
	m.Helper()
	began := time.Now()
	m.p.AwaitRuby()
	m.add("templates render, Ruby cache cold", time.Since(began).Round(100*time.Millisecond).String(), "after readiness")
	m.redhat()
}

// redhat makes a host in build with the kickstart template.
func (m *measure) redhat() {
	group := m.world.Call(http.MethodGet, fmt.Sprintf("/api/v2/hostgroups/%d", m.world.GroupID), nil)
	other := *m.world
	other.OSID = m.world.Create("operatingsystems", "operatingsystem", site.Object{
		"name": "Rocky", "major": "9", "minor": "4", "family": "Redhat",
		"architecture_ids": []any{group["architecture_id"]}, "medium_ids": []any{m.world.MediumID}, "ptable_ids": []any{group["ptable_id"]},
	})
	other.Default("provision", "Kickstart default")
	other.Default("PXELinux", "Kickstart default PXELinux")
	host := m.world.Host("kick", "52:54:00:02:00:01", "192.0.2.150")
	host["host"].(site.Object)["operatingsystem_id"] = other.OSID
	m.world.Call(http.MethodPost, "/api/v2/hosts", host)
}

// idle reads what the process holds when nobody asks.
func (m *measure) idle() {
	m.add("memory when ready, all roles", m.rss(), "RSS")
	time.Sleep(20 * time.Second)
	m.add("memory 20 s later", m.rss(), "RSS")
}

var rss = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

func (m *measure) rss() string {
	m.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.p.PID()))
	found := rss.FindSubmatch(status)
	if err != nil || found == nil {
		m.Fatal("no VmRSS", err)
	}
	kb, _ := strconv.Atoi(string(found[1]))
	return fmt.Sprintf("%d MB", kb/1024)
}

// medianOf makes a request many times and gives the median.
func (m *measure) medianOf(client *http.Client, request func() *http.Request, want string) time.Duration {
	m.Helper()
	var all []time.Duration
	for range requests {
		began := time.Now()
		resp, err := client.Do(request())
		if err != nil {
			m.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		all = append(all, time.Since(began))
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(want)) {
			m.Fatalf("%d %v\n%.2000s", resp.StatusCode, err, body)
		}
	}
	return median(all)
}

func (m *measure) catalogs() {
	ssl := filepath.Join(m.p.Dir, "ssl")
	cert, err := tls.LoadX509KeyPair(filepath.Join(ssl, "certs", "foreman.e2e.test.pem"), filepath.Join(ssl, "private_keys", "foreman.e2e.test.pem"))
	if err != nil {
		m.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}}}}
	defer client.CloseIdleConnections()
	facts := `{"name":"foreman.e2e.test","values":{"os":{"name":"Debian","family":"Debian"},"kernel":"Linux"}}`
	form := url.Values{"environment": {"production"}, "facts_format": {"application/json"}, "facts": {url.QueryEscape(facts)}}.Encode()
	p50 := m.medianOf(client, func() *http.Request {
		req, err := http.NewRequest(http.MethodPost, "https://"+m.p.Endpoints["puppet.https"]+"/puppet/v3/catalog/foreman.e2e.test?environment=production", strings.NewReader(form))
		if err != nil {
			m.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "application/vnd.puppet.rich+json, application/json")
		return req
	}, "/srv/app/48.conf")
	m.add("catalog of 50 resources, p50", p50.Round(10*time.Microsecond).String(), "over TLS, with facts and PuppetDB")
}

var token = regexp.MustCompile(`/unattended/provision\?token=[0-9a-f-]+`)

func (m *measure) kickstarts() {
	config, err := os.ReadFile(filepath.Join(m.p.Dir, "tftp", "pxelinux.cfg", "01-52-54-00-02-00-01"))
	path := token.Find(config)
	if err != nil || path == nil {
		m.Fatal("no token", err)
	}
	address := "http://" + m.p.Endpoints["web.http"] + string(path)
	p50 := m.medianOf(http.DefaultClient, func() *http.Request {
		req, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			m.Fatal(err)
		}
		return req
	}, "kick.e2e.test")
	m.add("kickstart rendering, p50", p50.Round(100*time.Microsecond).String(), "over HTTP, by token")
}

// packages runs the benchmarks of the network servers where they are.
func (m *measure) packages() {
	for _, c := range []struct{ pkg, name, unit, what string }{
		{"./netd/dhcpd", "BenchmarkDORA", "DORA/s", "DHCP, whole exchanges"},
		{"./netd/tftpd", "BenchmarkOneStream", "MB/s", "TFTP, one stream"},
		{"./netd/tftpd", "BenchmarkManyStreams", "MB/s", "TFTP, 8 streams"},
	} {
		cmd := exec.Command("go", "test", "-run", "^$", "-bench", "^"+c.name+"$", "-benchtime", "2s", c.pkg)
		cmd.Dir = "../.."
		out, err := cmd.CombinedOutput()
		value := regexp.MustCompile(`([0-9.]+) ` + regexp.QuoteMeta(c.unit)).FindSubmatch(out)
		if err != nil || value == nil {
			m.Fatalf("%s: %v\n%s", c.name, err, out)
		}
		m.add(c.what, string(value[1])+" "+c.unit, "loopback")
	}
}

func (m *measure) print() {
	var text bytes.Buffer
	fmt.Fprintf(&text, "\n%s, %d CPUs, %s %s\n", processor(), runtime.NumCPU(), runtime.GOOS, runtime.Version())
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, f := range m.figures {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.what, f.value, f.note)
	}
	if err := w.Flush(); err != nil {
		m.Fatal(err)
	}
	fmt.Println(text.String())
}

// processor names the machine.
func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, found := strings.CutPrefix(lines.Text(), "model name"); found {
			return strings.TrimLeft(name, "\t :")
		}
	}
	return runtime.GOARCH
}
