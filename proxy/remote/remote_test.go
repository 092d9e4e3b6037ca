package remote_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/proxy/dhcp"
	"github.com/chargehand/chargehand/proxy/dns"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/remote"
	"github.com/chargehand/chargehand/proxy/tftp"
)

// A script answers as a Smart Proxy would, by "METHOD path", and writes down
// what it was asked.
type script struct {
	answers map[string]scripted
	asked   []string
}

type scripted struct {
	status int
	body   string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.URL.RequestURI()
	s.asked = append(s.asked, strings.TrimSpace(line+" "+string(body)))
	a, ok := s.answers[line]
	if !ok {
		a = scripted{200, ""}
	}
	w.Header().Set("Content-Type", "text/html;charset=utf-8")
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func client(t *testing.T, answers map[string]scripted) (*remote.Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	c, err := remote.New("http://proxy.example.test/", fetch.New(fetch.Options{Transport: fetch.Handler(s)}))
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// TestRequestForms: what core sends to a Smart Proxy, to the letter.
func TestRequestForms(t *testing.T) {
	c, s := client(t, map[string]scripted{
		"GET /dhcp/192.0.2.0/unused_ip?from=192.0.2.5&mac=52%3A54%3A00%3A00%3A00%3A01&to=192.0.2.9": {200, `{"ip":null}`},
		"GET /tftp/serverName": {200, `{"serverName":""}`},
		"GET /puppet/ca":       {200, `{}`},
	})
	ctx := t.Context()
	m := mac.MustParse("52:54:00:00:00:01")
	a, _ := dns.NewRecord("h.example.test", "192.0.2.7", "A")
	ptr, _ := dns.Reverse("h.example.test", netip.MustParseAddr("192.0.2.7"))
	rec := dhcp.Record{
		Name: "h.example.test", Hostname: "h.example.test", MAC: m, IP: netip.MustParseAddr("192.0.2.7"),
		Network: netip.MustParsePrefix("192.0.2.0/24"), NextServer: "192.0.2.2", Filename: "pxelinux.0",
	}
	for _, step := range []struct {
		want string
		do   func() error
	}{
		{"POST /dns/ fqdn=h.example.test&value=192.0.2.7&type=A", func() error { return c.DNS().Create(ctx, a) }},
		{"POST /dns/ fqdn=h.example.test&value=7.2.0.192.in-addr.arpa&type=PTR", func() error { return c.DNS().Create(ctx, ptr) }},
		{"DELETE /dns/h.example.test/AAAA", func() error { return c.DNS().Delete(ctx, "h.example.test", dns.AAAA) }},
		{"DELETE /dns/7.2.0.192.in-addr.arpa", func() error { return c.DNS().Delete(ctx, ptr.Name, dns.PTR) }},
		{
			"POST /dhcp/192.0.2.0 hostname=h.example.test&mac=52%3A54%3A00%3A00%3A00%3A01&ip=192.0.2.7&network=192.0.2.0&nextServer=192.0.2.2&filename=pxelinux.0&name=h.example.test&related_macs",
			func() error { return c.DHCP().Create(ctx, rec, nil) },
		},
		{"DELETE /dhcp/192.0.2.0/mac/52:54:00:00:00:01", func() error { return c.DHCP().Delete(ctx, rec.Network.Addr(), dhcp.Query{MAC: m}) }},
		{"GET /dhcp/192.0.2.0/unused_ip?from=192.0.2.5&mac=52%3A54%3A00%3A00%3A00%3A01&to=192.0.2.9", func() error {
			_, err := c.DHCP().UnusedIP(ctx, rec.Network.Addr(), dhcp.Wish{MAC: m, From: netip.MustParseAddr("192.0.2.5"), To: netip.MustParseAddr("192.0.2.9")})
			return err
		}},
		{"POST /tftp/PXELinux/52:54:00:00:00:01 pxeconfig=default+a%0A", func() error { return c.TFTP().Set(ctx, tftp.PXELinux, m, []byte("default a\n")) }},
		{"DELETE /tftp/PXEGrub2/52:54:00:00:00:01", func() error { return c.TFTP().Delete(ctx, tftp.PXEGrub2, m) }},
		{"POST /tftp/iPXE/create_default menu=m", func() error { return c.TFTP().SetDefault(ctx, tftp.IPXE, []byte("m")) }},
		{"POST /tftp/fetch_boot_file prefix=boot%2F1&path=http%3A%2F%2Fx%2Fy", func() error { return c.BootFiles().Fetch(ctx, "boot/1", "http://x/y") }},
		{"GET /tftp/serverName", func() error { _, err := c.TFTPServerName(ctx); return err }},
		{"POST /puppet/ca/autosign/h.example.test", func() error { _, err := c.Autosign().Add(ctx, "h.example.test", 0); return err }},
		{"POST /puppet/ca/autosign/h.example.test token_ttl=5", func() error { _, err := c.Autosign().Add(ctx, "h.example.test", 5*time.Minute); return err }},
		{"DELETE /puppet/ca/autosign/h.example.test", func() error { _, err := c.Autosign().Remove(ctx, "h.example.test"); return err }},
		{"POST /puppet/ca/h.example.test", func() error { return c.PuppetCA().Sign(ctx, "h.example.test") }},
		{"DELETE /puppet/ca/h.example.test", func() error { return c.PuppetCA().Clean(ctx, "h.example.test") }},
		{"GET /puppet/ca", func() error { _, err := c.PuppetCA().List(ctx); return err }},
	} {
		s.asked = nil
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.want, err)
		}
		if diff := cmp.Diff([]string{step.want}, s.asked); diff != "" {
			t.Error(diff)
		}
	}
}

// TestSmartProxyAnswers: what a real one says, and what is made of it.
func TestSmartProxyAnswers(t *testing.T) {
	m := mac.MustParse("52:54:00:00:00:01")
	const stored = `{"name":"h.example.test","hostname":"h.example.test","ip":"192.0.2.7","mac":"52:54:00:00:00:01","subnet":"192.0.2.0/255.255.255.0","type":"reservation","deleteable":true,"hardware_type":"ethernet","nextServer":"192.0.2.2","filename":"pxelinux.0","vendor_options":[["a","b"]]}`
	rec := dhcp.Record{
		Name: "h.example.test", Hostname: "h.example.test", MAC: m, IP: netip.MustParseAddr("192.0.2.7"),
		Network: netip.MustParsePrefix("192.0.2.0/24"), NextServer: "tftp.example.test", Filename: "pxelinux.0",
	}
	c, s := client(t, map[string]scripted{
		"POST /dhcp/192.0.2.0":                         {409, "Record 192.0.2.0/192.0.2.7 already exists"},
		"GET /dhcp/192.0.2.0/mac/52:54:00:00:00:01":    {200, stored},
		"GET /dhcp/192.0.2.0/ip/192.0.2.8":             {404, "No DHCP record"},
		"DELETE /dns/gone.example.test/A":              {404, "not found"},
		"DELETE /puppet/ca/autosign/gone.example.test": {404, ""},
		"POST /puppet/ca/h.example.test":               {406, "Failed to sign: 404 not found\n  at line 3"},
		"POST /puppet/ca/autosign/token.example.test":  {200, `{"generated_token":"a.b.c"}`},
		"GET /v2/features":                             {404, "Requested url was not found"},
		"GET /features":                                {200, `["dns","puppetca"]`},
		"GET /unattended/templateServer":               {404, "x"},
		"GET /dhcp":                                    {200, "OK"},
		"GET /logs/?from_timestamp=1500000000.250000":  {200, `{"info":{"size":2000,"tail_size":1000,"level":null,"level_tail":3,"failed_modules":{}},"logs":[{"timestamp":1500000001.5,"level":"ERROR","message":"m","backtrace":"a","request_id":"01234567"}]}`},
		"GET /tftp/PXELinux/52:54:00:00:00:01":         {500, "backtrace"},
		"DELETE /dns/refused.example.test/A":           {400, "not allowed"},
		"DELETE /dns/untrusted.example.test/A":         {403, "Untrusted client"},
	})
	ctx := t.Context()
	if err := c.DHCP().Create(ctx, rec, nil); err != nil {
		t.Errorf("a 409 for what is stored already: %v", err)
	}
	other := rec
	other.Filename = "grub"
	if err := c.DHCP().Create(ctx, other, nil); !errs.Is(err, errs.Conflict) {
		t.Errorf("a 409 for another reservation: %v", err)
	}
	if got, err := c.DHCP().Records(ctx, rec.Network.Addr(), dhcp.Query{MAC: m}); err != nil || got[0].Options["vendor_options"] != "a b" || got[0].Static {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := c.DHCP().Records(ctx, rec.Network.Addr(), dhcp.Query{IP: netip.MustParseAddr("192.0.2.8")}); err != nil || len(got) != 0 {
		t.Errorf("no record: %v %v", got, err)
	}
	if err := c.DNS().Delete(ctx, "gone.example.test", dns.A); err != nil {
		t.Errorf("delete what is gone: %v", err)
	}
	if found, err := c.Autosign().Remove(ctx, "gone.example.test"); found || err != nil {
		t.Errorf("remove what is gone: %v %v", found, err)
	}
	if token, err := c.Autosign().Add(ctx, "token.example.test", 0); token != "a.b.c" || err != nil {
		t.Errorf("token %q %v", token, err)
	}
	err := c.PuppetCA().Sign(ctx, "h.example.test")
	if !errs.Is(err, errs.Upstream) || err.Error() != "proxy http://proxy.example.test: POST /puppet/ca/h.example.test: Failed to sign: 404 not found (HTTP 406)" {
		t.Error(err)
	}
	if f, err := c.Features(ctx); err != nil || len(f) != 2 || f["puppetca"].State != "running" {
		t.Errorf("features of an old proxy: %v %v", f, err)
	}
	if base, err := c.TemplateServer(ctx); base != "" || err != nil {
		t.Errorf("template server %q %v", base, err)
	}
	s.asked = nil
	if _, err := c.DHCP().Subnets(ctx); !errs.Is(err, errs.Upstream) || len(s.asked) != 3 {
		t.Errorf("an answer that is not JSON: %v after %d", err, len(s.asked))
	}
	rep, err := c.Logs().Since(ctx, time.UnixMilli(1500000000250))
	if err != nil || rep.Size != 2000 || rep.Records[0].Backtrace[0] != "a" || rep.Records[0].Time.UnixMilli() != 1500000001500 {
		t.Errorf("%+v %v", rep, err)
	}
	if _, err := c.TFTP().Get(ctx, tftp.PXELinux, m); !errs.Is(err, errs.Upstream) {
		t.Error(err)
	}
	if err := c.DNS().Delete(ctx, "refused.example.test", dns.A); !errs.Is(err, errs.Upstream) {
		t.Error(err)
	}
	if err := c.DNS().Delete(ctx, "untrusted.example.test", dns.A); !errs.Is(err, errs.Forbidden) {
		t.Error(err)
	}
}

func TestRequestIDs(t *testing.T) {
	var got http.Header
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.Header; _, _ = io.WriteString(w, "{}") })
	c, err := remote.New("http://p", fetch.New(fetch.Options{Transport: fetch.Handler(h)}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Features(remote.WithIDs(t.Context(), "req", "ses")); err != nil {
		t.Fatal(err)
	}
	if got.Get("X-Request-Id") != "req" || got.Get("X-Session-Id") != "ses" || got.Get("Accept") != "application/json" {
		t.Errorf("%v", got)
	}
}

func TestBadURLs(t *testing.T) {
	for _, url := range []string{"", "proxy", "ftp://x", "http://", "http://%zz"} {
		if _, err := remote.New(url, fetch.New(fetch.Options{})); !errs.Is(err, errs.Invalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// FuzzRecords: whatever a proxy says of its records, reading it ends in records
// or an error.
func FuzzRecords(f *testing.F) {
	f.Add(`{"reservations":[{"name":"a","ip":"192.0.2.1","mac":"0:1:2:3:4:5","subnet":"192.0.2.0/255.255.255.0"}],"leases":[]}`)
	f.Add(`{"reservations":[{"ip":1}],"leases":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		if !json.Valid([]byte(body)) {
			return
		}
		c, _ := client(t, map[string]scripted{"GET /dhcp/192.0.2.0": {200, body}})
		records, err := c.DHCP().Records(t.Context(), netip.MustParseAddr("192.0.2.0"), dhcp.Query{})
		if err == nil {
			for _, r := range records {
				if r.MAC.IsZero() || !r.IP.IsValid() {
					t.Errorf("%+v", r)
				}
			}
		}
	})
}
