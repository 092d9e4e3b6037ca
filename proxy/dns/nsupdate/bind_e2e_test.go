//go:build e2e

package nsupdate_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wire "github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/proxy/dns"
	"github.com/chargehand/chargehand/proxy/dns/nsupdate"
	"github.com/chargehand/chargehand/proxy/proxytest"
	"github.com/chargehand/chargehand/proxy/remote"
	"github.com/chargehand/chargehand/proxy/server"
)

// A bind is a real named on loopback, with zones and a key of its own.
type bind struct {
	dir, addr string
	cmd       *exec.Cmd
}

var bindZones = []string{"example.test", "2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"}

func newBind(t *testing.T) *bind {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bind{dir: t.TempDir(), addr: ln.Addr().String()}
	_, port, _ := net.SplitHostPort(b.addr)
	ln.Close()
	conf := fmt.Sprintf(`options { directory %q; pid-file none; session-keyfile none; listen-on port %s { 127.0.0.1; };
	listen-on-v6 { none; }; recursion no; dnssec-validation no; };
controls { };
key "foreman" { algorithm hmac-sha256; secret %q; };
`, b.dir, port, keySecret)
	for _, z := range bindZones {
		zone := "$TTL 60\n@ IN SOA ns." + bindZones[0] + ". root." + bindZones[0] + ". 1 3600 600 86400 60\n@ IN NS ns." + bindZones[0] + ".\n"
		if z == bindZones[0] {
			zone += "ns IN A 127.0.0.1\n"
		}
		b.write(t, z+".zone", zone)
		conf += fmt.Sprintf("zone %q { type primary; file %q; allow-update { key foreman; }; };\n", z, z+".zone")
	}
	b.write(t, "named.conf", conf)
	b.start(t)
	t.Cleanup(func() { b.stop(t) })
	return b
}

func (b *bind) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (b *bind) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(b.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	b.cmd = exec.Command("named", "-g", "-n", "1", "-c", filepath.Join(b.dir, "named.conf"))
	b.cmd.Stdout, b.cmd.Stderr = log, log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m := new(wire.Msg).SetQuestion("example.test.", wire.TypeSOA)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, _, err := (&wire.Client{Net: "tcp", Timeout: time.Second}).Exchange(m, b.addr)
		if err == nil && resp.Rcode == wire.RcodeSuccess {
			return
		}
	}
	text, _ := os.ReadFile(filepath.Join(b.dir, "log"))
	t.Fatalf("named does not answer:\n%s", text)
}

func (b *bind) stop(t *testing.T) {
	t.Helper()
	if b.cmd == nil {
		return
	}
	if err := b.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	_ = b.cmd.Wait()
	b.cmd = nil
}

func (b *bind) home(t *testing.T, p dns.Provider) proxytest.DNSHome {
	return proxytest.DNSHome{
		Provider: p,
		Lookup:   func(t *testing.T, name string, typ dns.Type) []string { return lookup(t, b.addr, name, typ) },
		Outage:   &proxytest.Outage{Begin: b.stop, End: b.start},
	}
}

func TestBIND(t *testing.T) {
	proxytest.DNS(t, func(t *testing.T) proxytest.DNSHome {
		b := newBind(t)
		return b.home(t, provider(t, nsupdate.Options{Server: b.addr, Key: &testKey}))
	})
}

func TestBINDOverTheWire(t *testing.T) {
	proxytest.DNS(t, func(t *testing.T) proxytest.DNSHome {
		b := newBind(t)
		p := provider(t, nsupdate.Options{Server: b.addr, Key: &testKey})
		h := server.New(server.Options{DNS: &server.DNS{Provider: p}}).InProcess()
		c, err := remote.New("http://proxy", fetch.New(fetch.Options{Transport: fetch.Handler(h)}))
		if err != nil {
			t.Fatal(err)
		}
		return b.home(t, c.DNS())
	})
}

func TestBINDRefuses(t *testing.T) {
	b := newBind(t)
	wrongSecret, wrongName := testKey, testKey
	wrongSecret.Secret, wrongName.Name = "d3Jvbmc=", "stranger"
	for what, c := range map[string]struct {
		o    nsupdate.Options
		text string
	}{
		"no key":        {nsupdate.Options{}, "REFUSED"},
		"wrong secret":  {nsupdate.Options{Key: &wrongSecret}, "BADSIG"},
		"unknown key":   {nsupdate.Options{Key: &wrongName}, "BADKEY"},
		"another clock": {nsupdate.Options{Key: &testKey, Clock: func() time.Time { return time.Now().Add(-time.Hour) }}, "BADTIME"},
	} {
		c.o.Server = b.addr
		err := provider(t, c.o).Create(t.Context(), a(t, "192.0.2.1"))
		if !errs.Is(err, errs.Upstream) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := lookup(t, b.addr, "h.example.test", dns.A); len(got) != 0 {
		t.Errorf("got in: %v", got)
	}
}

// TestBINDSurvivesRestart: what was acknowledged is there after a restart, and
// dig, a stranger to all of this, says the same.
func TestBINDSurvivesRestart(t *testing.T) {
	b := newBind(t)
	p := provider(t, nsupdate.Options{Server: b.addr, Key: &testKey, TTL: 300 * time.Second})
	start, n := time.Now(), 50
	for i := range n {
		r, err := dns.NewRecord(fmt.Sprintf("n%d.example.test", i), fmt.Sprintf("192.0.2.%d", i+1), "A")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%.0f creates/s", float64(n)/time.Since(start).Seconds())
	b.stop(t)
	b.start(t)
	_, port, _ := net.SplitHostPort(b.addr)
	out, err := exec.Command("dig", "@127.0.0.1", "-p", port, "+noall", "+answer", "n7.example.test", "A").Output()
	if err != nil || strings.Join(strings.Fields(string(out)), " ") != "n7.example.test. 300 IN A 192.0.2.8" {
		t.Errorf("dig: %q %v", out, err)
	}
}
