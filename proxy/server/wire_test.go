package server_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/proxy/logs"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/proxytest"
	"github.com/chargehand/chargehand/proxy/server"
	"github.com/chargehand/chargehand/proxy/templates"
)

const (
	jsonLabel = "application/json"
	htmlLabel = "text/html;charset=utf-8"
	formLabel = "application/x-www-form-urlencoded"
)

// A world is a server of all features over memory, and what stands behind it.
type world struct {
	url  string
	dns  *proxytest.MemoryDNS
	dhcp *proxytest.MemoryDHCP
	tftp *proxytest.MemoryTFTP
	ca   *proxytest.MemoryCA
	logs *logs.Buffer
	core *fakeCore
}

// fakeCore answers forwarded requests and remembers the last.
type fakeCore struct {
	got    templates.Request
	answer templates.Answer
	err    error
}

func (f *fakeCore) TemplateServer(context.Context) (string, error) {
	return "http://proxy.example.test:8000", nil
}

func (f *fakeCore) Forward(_ context.Context, r templates.Request) (templates.Answer, error) {
	f.got = r
	return f.answer, f.err
}

func (w *world) options() server.Options {
	on := func(provider string) server.Module {
		return server.Module{Exposure: server.Everywhere, UseProvider: provider}
	}
	return server.Options{
		Version:      "3.13.0-develop",
		DNS:          &server.DNS{Module: on("dns_nsupdate"), Provider: w.dns},
		DHCP:         &server.DHCP{Module: server.Module{Exposure: server.Everywhere, UseProvider: "dhcp_isc", Capabilities: []string{"dhcp_filename_ipv4", "dhcp_filename_hostname"}}, Provider: w.dhcp},
		TFTP:         &server.TFTP{Module: on(""), Provider: w.tftp, Fetcher: w.tftp},
		PuppetCA:     &server.PuppetCA{Module: on("puppetca_hostname_whitelisting"), CA: w.ca, Autosign: &proxytest.MemoryAutosign{}, PuppetURL: "https://puppet:8140"},
		Templates:    &server.Templates{Module: on(""), Provider: w.core, URL: "http://proxy.example.test:8000"},
		Registration: &server.Registration{Module: on(""), Provider: w.core},
		Logs:         &server.Logs{Module: on(""), Source: w.logs},
		Log:          slog.New(w.logs.Handler(slog.NewTextHandler(io.Discard, nil))),
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		dns: &proxytest.MemoryDNS{}, dhcp: proxytest.NewMemoryDHCP(), tftp: &proxytest.MemoryTFTP{},
		ca: &proxytest.MemoryCA{}, logs: logs.NewBuffer(100, 10), core: &fakeCore{},
	}
	srv := httptest.NewServer(server.New(w.options()).HTTP())
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

// An answer is what a client got.
type answer struct {
	status int
	label  string
	body   string
	header http.Header
}

func (w *world) do(t *testing.T, method, path, form string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		req.Header.Set("Content-Type", formLabel)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, body, err := fetch.New(fetch.Options{}).Read(req)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header.Get("Content-Type"), string(body), resp.Header}
}

// A line is one request and the answer that Smart Proxy gives; body is exact
// when it is "" or begins with "=", else a part.
type line struct {
	method, path, form string
	status             int
	label, body        string
}

func (w *world) run(t *testing.T, lines []line) {
	t.Helper()
	for _, l := range lines {
		got := w.do(t, l.method, l.path, l.form)
		exact, isExact := strings.CutPrefix(l.body, "=")
		if got.status != l.status || got.label != l.label ||
			((isExact || l.body == "") && got.body != exact) || !strings.Contains(got.body, exact) {
			t.Errorf("%s %s %s:\n got %d %s %q\nwant %d %s %q", l.method, l.path, l.form,
				got.status, got.label, got.body, l.status, l.label, l.body)
		}
	}
}

const notFound = "=Requested url was not found"

func TestRouting(t *testing.T) {
	newWorld(t).run(t, []line{
		{"GET", "/nothing", "", 404, jsonLabel, notFound},
		{"GET", "/", "", 404, jsonLabel, notFound},
		{"PUT", "/dns/x", "a=b", 404, jsonLabel, notFound},
		{"OPTIONS", "/features", "", 404, jsonLabel, notFound},
		{"GET", "/features/", "", 404, jsonLabel, notFound},
		{"GET", "//features", "", 200, jsonLabel, `=["dhcp","dns","logs","puppetca","registration","templates","tftp"]`},
		{"GET", "/dhcp/192.0.2.0/", "", 404, jsonLabel, notFound},
		{"GET", "/tftp/syslinux/52:54:00:00:00:01/", "", 404, jsonLabel, notFound},
		{"DELETE", "/dns/a%2Fb", "", 400, jsonLabel, "unrecognized 'type'"}, // decoded before routing, so b is the type
		{"DELETE", "/puppet/ca/a%2Fb%2Fc", "", 404, jsonLabel, notFound},
		{"GET", "/dhcp/", "", 200, jsonLabel, "192.0.2.0"},
		{"GET", "/dhcp", "", 200, jsonLabel, "192.0.2.0"},
	})
}

func TestLabels(t *testing.T) {
	w := newWorld(t)
	for accept, want := range map[string]string{
		"": jsonLabel, "*/*": jsonLabel, "application/json": jsonLabel, "text/html": htmlLabel,
		"text/plain": htmlLabel, "text/html, application/json;q=0.5": jsonLabel, "application/json;q=0": htmlLabel,
	} {
		got := w.do(t, "POST", "/dns/", "fqdn=x", "Accept", accept)
		if got.status != 400 || got.label != want || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("Accept %q: %+v", accept, got)
		}
		if (got.header.Get("X-Frame-Options") == "SAMEORIGIN") != (want == htmlLabel) {
			t.Errorf("Accept %q: %v", accept, got.header)
		}
	}
	if got := w.do(t, "GET", "/features", ""); got.header.Get("Server") != "foreman-proxy/3.13.0-develop" || got.header.Get("X-Request-Id") != "" {
		t.Errorf("%v", got.header)
	}
	if got := w.do(t, "HEAD", "/features", ""); got.status != 200 || got.body != "" || got.label != jsonLabel {
		t.Errorf("HEAD: %+v", got)
	}
}

func TestLengthRequired(t *testing.T) {
	w := newWorld(t)
	got := raw(t, w.url, "POST /dns/?fqdn=a.example.test&value=192.0.2.1&type=A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 411 ") || !strings.Contains(got, "text/html") {
		t.Errorf("no length: %s", got)
	}
	got = raw(t, w.url, "POST /dns/?fqdn=a.example.test&value=192.0.2.1&type=A HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("length 0: %s", got)
	}
	for size, want := range map[string]string{"2a": "200", "2b": "400", "zz": "400"} {
		got = raw(t, w.url, "POST /dns/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: "+formLabel+
			"\r\nConnection: close\r\n\r\n"+size+"\r\nfqdn=b.example.test&value=192.0.2.2&type=A\r\n0\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 "+want) {
			t.Errorf("chunk of size %s: %s", size, got)
		}
	}
}

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	var version struct {
		Version string
		Modules map[string]string
	}
	got := w.do(t, "GET", "/version", "")
	if err := json.Unmarshal([]byte(got.body), &version); err != nil || version.Version != "3.13.0-develop" || version.Modules["dns"] != "3.13.0" {
		t.Errorf("%s %v", got.body, err)
	}
	o := w.options()
	o.DNS, o.TFTP.Failed = nil, "no root"
	o.PuppetCA.Exposure = server.OnlyHTTPS
	srv := httptest.NewServer(server.New(o).HTTP())
	defer srv.Close()
	w.url = srv.URL
	want := map[string]string{
		"dns":          `{"http_enabled":false,"https_enabled":false,"settings":{"use_provider":null},"state":"disabled","capabilities":[]}`,
		"dhcp":         `{"http_enabled":true,"https_enabled":true,"settings":{"use_provider":"dhcp_isc"},"state":"running","capabilities":["dhcp_filename_hostname","dhcp_filename_ipv4"]}`,
		"tftp":         `{"http_enabled":false,"https_enabled":false,"settings":{"tftp_servername":null},"state":"failed","capabilities":[]}`,
		"puppetca":     `{"http_enabled":false,"https_enabled":true,"settings":{"puppet_url":"https://puppet:8140","use_provider":["puppetca_hostname_whitelisting","puppetca_http_api"]},"state":"running","capabilities":[]}`,
		"templates":    `{"http_enabled":true,"https_enabled":true,"settings":{"template_url":"http://proxy.example.test:8000"},"state":"running","capabilities":[]}`,
		"registration": `{"http_enabled":true,"https_enabled":true,"settings":{"registration_url":null},"state":"running","capabilities":[]}`,
		"logs":         `{"http_enabled":true,"https_enabled":true,"settings":{},"state":"running","capabilities":[]}`,
	}
	var details map[string]json.RawMessage
	if err := json.Unmarshal([]byte(w.do(t, "GET", "/v2/features", "").body), &details); err != nil {
		t.Fatal(err)
	}
	for key, text := range want {
		if string(details[key]) != text {
			t.Errorf("%s:\n got %s\nwant %s", key, details[key], text)
		}
	}
	w.run(t, []line{
		{"GET", "/features", "", 200, jsonLabel, `=["dhcp","logs","puppetca","registration","templates"]`},
		{"POST", "/dns/", "fqdn=a", 404, jsonLabel, notFound},
		{"GET", "/tftp/serverName", "", 404, jsonLabel, notFound},
		{"GET", "/puppet/ca", "", 404, jsonLabel, notFound}, // on the other listener
	})
}

func TestDNSWire(t *testing.T) {
	w := newWorld(t)
	w.run(t, []line{
		{"POST", "/dns/", "fqdn=a1.example.test&value=192.0.2.1&type=A", 200, htmlLabel, ""},
		{"POST", "/dns", "fqdn=a1.example.test&value=192.0.2.1&type=a", 200, htmlLabel, ""},
		{"POST", "/dns/?fqdn=a1.example.test&type=A", "value=192.0.2.1", 200, htmlLabel, ""},
		{"POST", "/dns/", "fqdn=a1.example.test&value=192.0.2.2&type=A", 409, jsonLabel, "'a1.example.test' is already in use"},
		{"POST", "/dns/", "fqdn=p.example.test&value=9.2.0.192.in-addr.arpa&type=PTR", 200, htmlLabel, ""},
		{"POST", "/dns/", "fqdn=p.example.test&value=192.0.2.9&type=PTR", 400, jsonLabel, "Invalid reverse DNS"},
		{"POST", "/dns/", "fqdn=a2.example.test&value=192.0.2.5/24&type=A", 200, htmlLabel, ""},
		{"POST", "/dns/", "fqdn=a3.example.test&value=192.0.02.5&type=A", 400, jsonLabel, "Invalid IP"},
		{"POST", "/dns/", "fqdn=a_3.example.test&value=192.0.2.5&type=A", 400, jsonLabel, "Invalid DNS name"},
		{"POST", "/dns/", "fqdn=-a.example.test&value=192.0.2.5&type=A", 400, jsonLabel, "Invalid DNS name"},
		{"POST", "/dns/", "fqdn=a..example.test&value=192.0.2.5&type=A", 400, jsonLabel, "Invalid DNS name"},
		{"POST", "/dns/", "fqdn=_s._tcp.example.test&value=1+2+0+x.example.test&type=SRV", 400, jsonLabel, "Invalid SRV"},
		{"POST", "/dns/", "fqdn=a4.example.test&value=2001:DB8:0::5&type=AAAA", 200, htmlLabel, ""},
		{"POST", "/dns/", "fqdn=a4.example.test&value=x&type=MX", 400, jsonLabel, "unrecognized 'type'"},
		{"POST", "/dns/", "value=192.0.2.5&type=A", 400, jsonLabel, "required"},
		{"POST", "/dns/", "fqdn=%zz", 400, jsonLabel, "%-encoding"},
		{"POST", "/dns/", "fqdn=%ff", 400, jsonLabel, "UTF-8"},
		{"DELETE", "/dns/a1.example.test", "", 200, htmlLabel, ""},
		{"DELETE", "/dns/a1.example.test/A", "", 200, htmlLabel, ""},
		{"DELETE", "/dns/a1.example.test/cname", "", 400, jsonLabel, "unrecognized 'type'"},
		{"DELETE", "/dns/9.2.0.192.in-addr.arpa", "", 200, htmlLabel, ""},
	})
	if got := w.do(t, "POST", "/dns/", `{"fqdn":"a.example.test","value":"192.0.2.1","type":"A"}`, "Content-Type", jsonLabel); got.status != 400 {
		t.Errorf("a JSON body: %+v", got)
	}
	if got := w.dns.Lookup("a2.example.test", "A"); len(got) != 1 || got[0] != "192.0.2.0" {
		t.Errorf("prefix length is applied: %v", got)
	}
	if got := w.dns.Lookup("a4.example.test", "AAAA"); len(got) != 1 || got[0] != "2001:db8::5" {
		t.Errorf("AAAA is normalized: %v", got)
	}
	if got := w.dns.Lookup("9.2.0.192.in-addr.arpa", "PTR"); len(got) != 0 {
		t.Errorf("PTR is still there: %v", got)
	}
}

func TestDHCPWire(t *testing.T) {
	w := newWorld(t)
	const base = "hostname=h.example.test&mac=52:54:0:0:0:AA&ip=192.0.2.10&network=192.0.2.0&nextServer=192.0.2.2&filename=pxelinux.0&name=h.example.test"
	const rec = `{"deleteable":true,"filename":"pxelinux.0","hardware_type":"ethernet","hostname":"h.example.test","ip":"192.0.2.10","mac":"52:54:00:00:00:aa","name":"h.example.test","nextServer":"192.0.2.2","subnet":"192.0.2.0/255.255.255.0","type":"reservation"}`
	w.run(t, []line{
		{"GET", "/dhcp", "", 200, jsonLabel, `=[{"network":"192.0.2.0","netmask":"255.255.255.0","options":{"domain_name":[["example.test"]],"domain_name_servers":["192.0.2.2"],"routers":["192.0.2.1"]}}]`},
		{"GET", "/dhcp/192.0.2.0", "", 200, jsonLabel, `={"leases":[],"reservations":[]}`},
		{"POST", "/dhcp/192.0.2.0", base + "&related_macs", 200, jsonLabel, ""},
		{"POST", "/dhcp/192.0.2.0", base + "&related_macs[]=52:54:00:00:00:01", 200, jsonLabel, ""},
		{"POST", "/dhcp/192.0.2.0", strings.Replace(base, "pxelinux.0", "other", 1), 409, jsonLabel, "already exists"},
		{"GET", "/dhcp/192.0.2.0/mac/52:54:00:00:00:AA", "", 200, jsonLabel, "=" + rec},
		{"GET", "/dhcp/192.0.2.0/ip/192.0.2.10", "", 200, jsonLabel, "=[" + rec + "]"},
		{"GET", "/dhcp/192.0.2.0", "", 200, jsonLabel, `={"leases":[],"reservations":[` + rec + `]}`},
		{"GET", "/dhcp/192.0.2.77", "", 200, jsonLabel, `={"leases":[],"reservations":[]}`},
		{"GET", "/dhcp/192.0.2.0/mac/52:54:00:00:00:bb", "", 404, jsonLabel, "No DHCP record"},
		{"GET", "/dhcp/192.0.2.0/mac/52-54-00-00-00-bb", "", 400, jsonLabel, "Invalid MAC"},
		{"GET", "/dhcp/192.0.2.0/ip/192.0.2.11", "", 404, jsonLabel, "No DHCP record"},
		{"GET", "/dhcp/192.0.2.0/ip/x", "", 400, jsonLabel, "Invalid IP"},
		{"GET", "/dhcp/203.0.113.0", "", 404, jsonLabel, "Subnet 203.0.113.0 could not found"},
		{"GET", "/dhcp/2001:db8::", "", 400, jsonLabel, "Invalid IP"},
		{"POST", "/dhcp/203.0.113.0", base, 400, jsonLabel, "No such subnet"},
		{"POST", "/dhcp/192.0.2.0", "mac=52:54:00:00:00:bb&ip=192.0.2.11", 400, jsonLabel, "Must provide hostname"},
		{"POST", "/dhcp/192.0.2.0", "name=q&mac=52:54:00:00:00:bb&ip=192.0.2.11&filename=a%22b", 400, jsonLabel, "not a usable value"},
		{"POST", "/dhcp/192.0.2.0", "name=q&mac=52:54:00:00:00:bb&ip=192.0.2.11&root_path=/x", 200, jsonLabel, ""},
		{"GET", "/dhcp/192.0.2.0/mac/52:54:00:00:00:bb", "", 200, jsonLabel, `"root_path":"/x"`},
		{"GET", "/dhcp/192.0.2.0/unused_ip?mac=52:54:00:00:00:AA&from=192.0.2.5&to=192.0.2.20", "", 200, jsonLabel, `={"ip":"192.0.2.10"}`},
		{"GET", "/dhcp/192.0.2.0/unused_ip?from=192.0.2.10&to=192.0.2.11", "", 200, jsonLabel, `={"ip":null}`},
		{"GET", "/dhcp/192.0.2.0/unused_ip?from=192.0.2.20&to=192.0.2.10", "", 400, jsonLabel, "not inside"},
		{"GET", "/dhcp/192.0.2.0/unused_ip?mac=zz", "", 400, jsonLabel, "Invalid MAC"},
		{"DELETE", "/dhcp/192.0.2.0/mac/52:54:00:00:00:AA", "", 200, htmlLabel, ""},
		{"DELETE", "/dhcp/192.0.2.0/mac/52:54:00:00:00:AA", "", 200, htmlLabel, ""},
		{"DELETE", "/dhcp/203.0.113.0/mac/52:54:00:00:00:AA", "", 200, htmlLabel, ""},
		{"DELETE", "/dhcp/192.0.2.0/mac/junk", "", 400, jsonLabel, "Invalid MAC"},
		{"POST", "/dhcp/192.0.2.0/mac/52:54:00:00:00:bb", "_method=put", 404, jsonLabel, notFound},
		{"POST", "/dhcp/192.0.2.0/mac/52:54:00:00:00:bb", "_method=delete", 200, htmlLabel, ""},
		{"GET", "/dhcp/192.0.2.0/mac/52:54:00:00:00:bb", "", 404, jsonLabel, "No DHCP record"},
	})
	w.dhcp.Lease(netip.MustParseAddr("192.0.2.40"), mac.MustParse("52:54:00:00:00:cc"))
	w.run(t, []line{
		{"GET", "/dhcp/192.0.2.0", "", 200, jsonLabel, `={"leases":[{"hardware_type":"ethernet","ip":"192.0.2.40","mac":"52:54:00:00:00:cc","name":"lease-5254000000cc","state":"active","subnet":"192.0.2.0/255.255.255.0","type":"lease"}],"reservations":[]}`},
		{"DELETE", "/dhcp/192.0.2.0/mac/52:54:00:00:00:cc", "", 400, jsonLabel, "is static - unable to delete"},
	})
}

func TestTFTPWire(t *testing.T) {
	w := newWorld(t)
	const m = "52:54:00:00:00:aa"
	w.run(t, []line{
		{"POST", "/tftp/PXELinux/" + m, "pxeconfig=default+a%0A", 200, htmlLabel, ""},
		{"POST", "/tftp/PXEGrub2/" + m, "pxeconfig=b", 200, htmlLabel, ""},
		{"POST", "/tftp/" + m, "syslinux_config=c", 200, htmlLabel, ""},
		{"GET", "/tftp/pxelinux/" + m, "", 200, htmlLabel, "=c"},
		{"GET", "/tftp/pxegrub2/" + strings.ToUpper(m), "", 200, htmlLabel, "=b"},
		{"POST", "/tftp/pxelinux/" + strings.ReplaceAll(m, ":", "-"), "pxeconfig=a", 403, jsonLabel, "Invalid MAC"},
		{"POST", "/tftp/lilo/" + m, "pxeconfig=a", 403, jsonLabel, "Unrecognized pxeboot config type"},
		{"POST", "/tftp/pxelinux/" + m, "x=y", 400, jsonLabel, "TFTP: Failed to create pxe config file: "},
		{"DELETE", "/tftp/pxelinux/" + m, "", 200, htmlLabel, ""},
		{"DELETE", "/tftp/" + m, "", 200, htmlLabel, ""},
		{"GET", "/tftp/pxelinux/" + m, "", 404, jsonLabel, "no such file"},
		{"POST", "/tftp/create_default", "menu=m", 200, htmlLabel, ""},
		{"POST", "/tftp/PXEGrub/create_default", "menu=m", 200, htmlLabel, ""},
		{"POST", "/tftp/PXEGrub/create_default", "x=m", 400, jsonLabel, "menu"},
		{"POST", "/tftp/fetch_boot_file", "prefix=boot/debian&path=http://deb.example.test/linux", 200, htmlLabel, ""},
		{"POST", "/tftp/fetch_boot_file", "prefix=boot/debian", 400, jsonLabel, "Invalid prefix or path"},
		{"POST", "/tftp/fetch_boot_file", "prefix=../../etc/x&path=http://deb.example.test/linux", 400, jsonLabel, "outside"},
		{"GET", "/tftp/serverName", "", 200, htmlLabel, `={"serverName":""}`},
	})
	if got := strings.Join(w.tftp.Names(), " "); got != "grub/efidefault grub/menu.lst grub2/grub.cfg-01-52-54-00-00-00-aa grub2/grub.cfg-52:54:00:00:00:aa pxelinux.cfg/default" {
		t.Errorf("files: %s", got)
	}
	if got := strings.Join(w.tftp.Fetched(), " "); got != "boot/debian-linux" {
		t.Errorf("boot files: %s", got)
	}
	w.tftp.Before("set", errs.New(errs.Unavailable, "disk full"))
	if got := w.do(t, "POST", "/tftp/ipxe/"+m, "pxeconfig=a"); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("full disk: %+v", got)
	}
}

func TestPuppetCAWire(t *testing.T) {
	w := newWorld(t)
	w.ca.Request("h.example.test")
	w.run(t, []line{
		{"GET", "/puppet/ca", "", 200, jsonLabel, `={"h.example.test":{"state":"pending","fingerprint":"AA:BB","serial":null,"not_before":null,"not_after":null}}`},
		{"POST", "/puppet/ca/h.example.test", "", 200, jsonLabel, ""},
		{"GET", "/puppet/ca/", "", 200, jsonLabel, `"state":"valid","fingerprint":"AA:BB","serial":1,"not_before":"2`},
		{"POST", "/puppet/ca/unknown.example.test", "", 406, jsonLabel, "no request"},
		{"POST", "/puppet/ca/UPPER", "", 406, jsonLabel, "Invalid certname"},
		{"DELETE", "/puppet/ca/h.example.test", "", 200, jsonLabel, ""},
		{"DELETE", "/puppet/ca/unknown.example.test", "", 200, jsonLabel, ""},
		{"GET", "/puppet/ca/autosign", "", 200, jsonLabel, "=[]"},
		{"POST", "/puppet/ca/autosign/a.example.test", "", 200, jsonLabel, ""},
		{"POST", "/puppet/ca/autosign/a.example.test", "token_ttl=5", 200, jsonLabel, ""},
		{"POST", "/puppet/ca/autosign/b.example.test", "token_ttl=x", 406, jsonLabel, "token_ttl"},
		{"GET", "/puppet/ca/autosign", "", 200, jsonLabel, `=["a.example.test"]`},
		{"DELETE", "/puppet/ca/autosign/a.example.test", "", 200, jsonLabel, ""},
		{"DELETE", "/puppet/ca/autosign/a.example.test", "", 404, jsonLabel, "Attempt to remove nonexistent"},
		{"POST", "/puppet/ca/validate", "csr", 501, jsonLabel, "does not look"},
	})
}

func TestLogsWire(t *testing.T) {
	w := newWorld(t)
	w.do(t, "GET", "/features", "", "X-Request-Id", "0123456789abcdef")
	w.logs.Fail("bmc", "no ipmitool")
	var got struct {
		Info struct {
			Size      int `json:"size"`
			TailSize  int `json:"tail_size"`
			Level     *string
			LevelTail int               `json:"level_tail"`
			Failed    map[string]string `json:"failed_modules"`
		}
		Logs []struct {
			Timestamp float64
			Level     string
			Message   string
			RequestID string `json:"request_id"`
		}
	}
	if err := json.Unmarshal([]byte(w.do(t, "GET", "/logs/", "").body), &got); err != nil {
		t.Fatal(err)
	}
	if i := got.Info; i.Size != 100 || i.TailSize != 10 || i.Level != nil || i.LevelTail != 3 || i.Failed["bmc"] != "no ipmitool" {
		t.Errorf("info %+v", i)
	}
	if l := got.Logs[0]; l.RequestID != "01234567" || l.Level != "INFO" || !strings.Contains(l.Message, "path=/features") || l.Timestamp < 1e9 {
		t.Errorf("first record %+v", l)
	}
	w.run(t, []line{
		{"GET", "/logs?from_timestamp=99999999999", "", 200, jsonLabel, `"logs":[]`},
		{"GET", "/logs?from_timestamp=x", "", 400, jsonLabel, "from_timestamp"},
	})
}

func TestTemplatesWire(t *testing.T) {
	w := newWorld(t)
	w.core.answer = templates.Answer{Status: 201, Body: []byte("#!ks <&>")}
	w.run(t, []line{
		{"GET", "/unattended/templateServer", "", 200, jsonLabel, `={"templateServer":"http://proxy.example.test:8000"}`},
		{"GET", "/unattended/provision?token=t", "", 200, htmlLabel, "=#!ks <&>"},
		{"GET", "/unattended/template/Kick%20start/base%20group", "", 200, htmlLabel, "=#!ks <&>"},
	})
	if w.core.got.Path != "/unattended/template/Kick start/base group" || w.core.got.Peer != "127.0.0.1" {
		t.Errorf("core was asked %+v", w.core.got)
	}
	w.run(t, []line{{"POST", "/unattended/built?token=t", "log=1", 200, htmlLabel, "=#!ks <&>"}})
	if g := w.core.got; string(g.Body) != "log=1" || g.RawQuery != "token=t" || g.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("core was asked %+v", g)
	}
	w.core.answer = templates.Answer{Status: 404, Body: []byte("secret page")}
	for _, l := range []line{
		{"GET", "/unattended/provision", "", 404, jsonLabel, "core answered 404"},
		{"GET", "/userdata/user-data", "", 500, jsonLabel, "core answered 404"},
		{"GET", "/register", "", 404, htmlLabel, "exit 1"},
	} {
		w.run(t, []line{l})
		if got := w.do(t, l.method, l.path, ""); strings.Contains(got.body, "secret") {
			t.Errorf("%s shows core's page", l.path)
		}
	}
	w.core.answer.Header = http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	w.run(t, []line{{"GET", "/register", "", 404, htmlLabel, "=secret page"}})
	w.core.err = errs.New(errs.Upstream, "core is gone")
	w.run(t, []line{
		{"GET", "/unattended/provision", "", 400, jsonLabel, "core is gone"},
		{"GET", "/userdata/meta-data", "", 500, jsonLabel, "core is gone"},
		{"GET", "/register", "", 500, htmlLabel, "exit 1"},
	})
	w.core.err, w.core.answer = nil, templates.Answer{Status: 200, Body: []byte("ok")}
	w.run(t, []line{{"POST", "/register?force=1", "host=x", 200, htmlLabel, "=ok"}})
	if g := w.core.got; g.URL != w.url || string(g.Body) != "host=x" || g.RawQuery != "force=1" || g.Header.Get("Content-Type") != formLabel {
		t.Errorf("core was asked %+v", g)
	}
}

// TestLargeBody: what is over the bound is refused and harms nobody.
func TestLargeBody(t *testing.T) {
	w := newWorld(t)
	big := "pxeconfig=" + strings.Repeat("x", 3<<20)
	if got := w.do(t, "POST", "/tftp/pxelinux/52:54:00:00:00:aa", big); got.status != 413 {
		t.Errorf("%d %s", got.status, got.body)
	}
	many := strings.Repeat("a=1&", 5000)
	if got := w.do(t, "POST", "/dns/", many); got.status != 413 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
