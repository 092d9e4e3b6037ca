package machine

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/netd/dhcpd"
	"github.com/chargehand/chargehand/netd/tftpd"
	"github.com/chargehand/chargehand/pki"
)

// A site is what machines boot from: the real DHCP and TFTP servers, and small
// stand-ins for the provisioning pages and the Puppet server.
type site struct {
	t      *testing.T
	store  *dhcpd.Store
	dhcp   netip.AddrPort
	tftp   netip.AddrPort
	web    *httptest.Server
	puppet *httptest.Server
	files  string

	mu       sync.Mutex
	asked    []string // calls to web and puppet, in order
	reports  map[string]map[string]any
	facts    map[string]map[string]any
	signed   map[string][]byte
	polls    map[string]int
	content  string // of the class's sourced file
	caKey    *ecdsa.PrivateKey
	ca       *x509.Certificate
	catalogs int
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{
		t: t, files: t.TempDir(), reports: map[string]map[string]any{}, facts: map[string]map[string]any{},
		signed: map[string][]byte{}, polls: map[string]int{}, content: "from the server\n",
	}
	s.startDHCP()
	s.startTFTP()
	s.web = httptest.NewServer(http.HandlerFunc(s.serveWeb))
	t.Cleanup(s.web.Close)
	s.startPuppet()
	return s
}

func keepRunning(t *testing.T, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (s *site) startDHCP() {
	store, err := dhcpd.OpenStore(s.t.TempDir(), clock.System)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { store.Close() })
	err = store.PutSubnet(dhcpd.Subnet{Prefix: netip.MustParsePrefix("10.0.0.0/16"), Routers: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, Domain: "example.test"})
	if err != nil {
		s.t.Fatal(err)
	}
	server, err := dhcpd.Listen(s.t.Context(), dhcpd.Config{Address: "127.0.0.1:0", Store: store, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	keepRunning(s.t, server.Run)
	s.store, s.dhcp = store, server.Addr()
}

func (s *site) startTFTP() {
	root, err := os.OpenRoot(s.files)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { root.Close() })
	server, err := tftpd.Listen(s.t.Context(), tftpd.Config{Address: "127.0.0.1:0", Root: root, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	keepRunning(s.t, server.Run)
	s.tftp = server.Addr()
	for name, size := range map[string]int{"pxelinux.0": 42430, "grub2/shimx64.efi": 5000, "boot/linux": 300000, "boot/initrd.gz": 512 * 1024} {
		s.put(name, strings.Repeat("x", size))
	}
}

func (s *site) put(name, content string) {
	s.t.Helper()
	p := filepath.Join(s.files, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// register makes the nth machine's reservation and boot configuration.
func (s *site) register(n int) Config {
	s.t.Helper()
	mac := net.HardwareAddr{0x52, 0x54, 0, 0, byte(n >> 8), byte(n)}
	r := dhcpd.Reservation{
		MAC: mac.String(), IP: netip.AddrFrom4([4]byte{10, 0, 1 + byte(n>>8), byte(n)}), Network: netip.MustParsePrefix("10.0.0.0/16"),
		Hostname: fmt.Sprintf("m%d", n), Filename: "pxelinux.0", NextServer: "10.0.0.2",
	}
	if err := s.store.Reserve(r, func([]dhcpd.Reservation) (bool, error) { return true, nil }); err != nil {
		s.t.Fatal(err)
	}
	s.put("pxelinux.cfg/01-"+strings.ReplaceAll(mac.String(), ":", "-"), fmt.Sprintf(`# for m%d
DEFAULT linux
TIMEOUT 10
LABEL linux
  KERNEL boot/linux
  APPEND initrd=boot/initrd.gz url=http://foreman.example.test/unattended/provision?token=0123456789-abcdef-m%d auto=true priority=critical
`, n, n))
	return Config{
		MAC: mac, DHCP: s.dhcp, TFTP: s.tftp, Puppet: s.puppet.Listener.Addr().String(), Wait: 10 * time.Millisecond,
		Hosts: map[string]string{"foreman.example.test:80": s.web.Listener.Addr().String()},
	}
}

func (s *site) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
}

const preseed = `d-i debian-installer/locale string en_US
d-i partman-auto/method string lvm
d-i pkgsel/include string openssh-server curl
d-i preseed/late_command string wget -O /target/tmp/finish.sh "http://foreman.example.test/unattended/finish?token=%[1]s" && in-target sh /tmp/finish.sh
`

const finish = `#!/bin/sh
apt-get install -y puppet-agent
cat << 'EOF' > "$puppet_etc/puppet.conf"
[main]
certname = %[2]s.example.test
server = puppet.example.test
environment = production
EOF
cat << 'EOF' > "$puppet_etc/csr_attributes.yaml"
custom_attributes:
  1.2.840.113549.1.9.7: sign-%[2]s
EOF
"$puppet_bin" agent --onetime --no-daemonize --noop --waitforcert 10
curl --request POST http://foreman.example.test/unattended/built\?token\=%[1]s && break
`

func (s *site) serveWeb(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	token := r.URL.Query().Get("token")
	if r.Host != "foreman.example.test" || !strings.HasPrefix(token, "0123456789-abcdef-") {
		http.Error(w, "no such host", http.StatusNotFound)
		return
	}
	name := strings.TrimPrefix(token, "0123456789-abcdef-")
	switch {
	case r.URL.Path == "/unattended/provision":
		fmt.Fprintf(w, preseed, token)
	case r.URL.Path == "/unattended/finish":
		fmt.Fprintf(w, finish, token, name)
	case r.URL.Path == "/unattended/built" && r.Method == http.MethodPost:
		w.WriteHeader(http.StatusCreated)
	default:
		http.NotFound(w, r)
	}
}

func (s *site) startPuppet() {
	var err error
	if s.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		s.t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Puppet CA: test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	s.ca = s.sign(ca, ca, &s.caKey.PublicKey)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	server := s.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "puppet.example.test"}, DNSNames: []string{"puppet.example.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, s.ca, &key.PublicKey)
	pool := x509.NewCertPool()
	pool.AddCert(s.ca)
	s.puppet = httptest.NewUnstartedServer(http.HandlerFunc(s.servePuppet))
	s.puppet.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{server.Raw}, PrivateKey: key}},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: pool,
	}
	s.puppet.StartTLS()
	s.t.Cleanup(s.puppet.Close)
}

func (s *site) sign(c, issuer *x509.Certificate, public *ecdsa.PublicKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, public, s.caKey)
	if err != nil {
		s.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatal(err)
	}
	return cert
}

func (s *site) servePuppet(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	area, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/puppet-ca/v1/"), "/")
	if strings.HasPrefix(r.URL.Path, "/puppet/v3/") {
		area, rest, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/puppet/v3/"), "/")
		if len(r.TLS.PeerCertificates) == 0 {
			http.Error(w, "Forbidden request", http.StatusForbidden)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch area {
	case "certificate", "certificate_revocation_list", "certificate_request":
		s.serveCA(w, area, rest, body)
	case "node":
		fmt.Fprintf(w, `{"name":%q,"environment":"production"}`, rest)
	case "file_metadatas", "file_metadata", "file_content":
		s.serveFile(w, area, rest)
	case "catalog":
		s.serveCatalog(w, r, rest, body)
	case "report":
		rep := map[string]any{}
		if err := json.Unmarshal(body, &rep); err != nil || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "bad", http.StatusBadRequest)
			return
		}
		s.reports[rest] = rep
		fmt.Fprint(w, `["store","puppetdb"]`)
	default:
		http.NotFound(w, r)
	}
}

func (s *site) serveCA(w http.ResponseWriter, area, name string, body []byte) {
	switch {
	case area == "certificate" && name == "ca":
		pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: s.ca.Raw})
	case area == "certificate_request":
		csr, err := pki.ParseRequest(body)
		if err != nil || csr.Name != name || csr.Challenge != "sign-"+strings.TrimSuffix(name, ".example.test") {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		cert := s.sign(&x509.Certificate{
			SerialNumber: big.NewInt(int64(3 + len(s.signed))), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		}, s.ca, csr.PublicKey.(*ecdsa.PublicKey))
		s.signed[name] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	case area == "certificate":
		if s.polls[name]++; s.polls[name] < 3 {
			http.Error(w, "Could not find certificate "+name, http.StatusNotFound)
			return
		}
		w.Write(s.signed[name])
	}
}

func (s *site) serveFile(w http.ResponseWriter, area, place string) {
	entry := func(rel, kind, sum string) string {
		return fmt.Sprintf(`{"path":"/base","relative_path":%s,"links":"manage","owner":0,"group":0,"mode":420,"checksum":{"type":"sha256","value":%q},"type":%q,"destination":null}`, rel, sum, kind)
	}
	sum := "{sha256}" + sha256Hex([]byte(s.content))
	switch area + " " + place {
	case "file_metadatas plugins", "file_metadatas pluginfacts", "file_metadatas modules/motd/tree":
		fmt.Fprintf(w, "[%s,%s]", entry(`"."`, "directory", "{ctime}x"), entry(`"sub/a.rb"`, "file", sum))
	case "file_metadata modules/motd/src.txt":
		fmt.Fprint(w, entry("null", "file", sum))
	case "file_content plugins/sub/a.rb", "file_content pluginfacts/sub/a.rb", "file_content modules/motd/tree/sub/a.rb", "file_content modules/motd/src.txt":
		io.WriteString(w, s.content)
	default:
		http.Error(w, `{"message":"Not Found: no such file","issue_kind":"RESOURCE_NOT_FOUND"}`, http.StatusNotFound)
	}
}

func (s *site) serveCatalog(w http.ResponseWriter, r *http.Request, name string, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil || bytes.Contains(body, []byte("+")) {
		s.t.Errorf("form: %v", err)
	}
	text, err := url.QueryUnescape(form.Get("facts")) // encoded twice
	facts := struct {
		Name   string
		Values map[string]any
	}{}
	if err != nil || json.Unmarshal([]byte(text), &facts) != nil || facts.Name != name {
		http.Error(w, "bad facts", http.StatusBadRequest)
		return
	}
	if cn := r.TLS.PeerCertificates[0].Subject.CommonName; cn != name {
		http.Error(w, "Forbidden request", http.StatusForbidden)
		return
	}
	s.facts[name] = facts.Values
	s.catalogs++
	w.Header().Set("Content-Type", "application/vnd.puppet.rich+json; charset=utf-8")
	io.WriteString(w, catalogJSON)
}

const catalogJSON = `{"tags":["settings"],"name":"m","version":1795456477,"code_id":null,"catalog_uuid":"8f9f7a0e-1111-4222-8333-123456789abc","catalog_format":2,
"environment":"production","resources":[
{"type":"Stage","title":"main","tags":["stage"],"exported":false,"kind":"compilable_type","parameters":{"name":"main"}},
{"type":"Class","title":"Motd","tags":["class","motd"],"exported":false,"kind":"unknown"},
{"type":"File","title":"/etc/motd","tags":["file","class","motd"],"file":"/code/motd.pp","line":3,"exported":false,"kind":"compilable_type","parameters":{"ensure":"file","content":"welcome\n"}},
{"type":"File","title":"/etc/src","tags":["file"],"file":"/code/motd.pp","line":4,"exported":false,"kind":"compilable_type","parameters":{"source":["puppet:///modules/motd/none","puppet:///modules/motd/src.txt"]}},
{"type":"File","title":"/etc/tree","tags":["file"],"exported":false,"kind":"compilable_type","parameters":{"ensure":"directory","recurse":true,"source":"puppet:///modules/motd/tree"}},
{"type":"File","title":"/etc/secret","tags":["file"],"exported":false,"kind":"compilable_type","parameters":{"content":"s3cr3t"},"sensitive_parameters":["content"]},
{"type":"Motd::Line","title":"one","tags":["motd::line"],"exported":false,"kind":"defined_type"},
{"type":"Package","title":"curl","tags":["package"],"exported":false,"kind":"compilable_type","parameters":{"ensure":"installed"}},
{"type":"Service","title":"ssh","tags":["service"],"exported":false,"kind":"compilable_type","parameters":{"ensure":"running"}},
{"type":"Exec","title":"once","tags":["exec"],"exported":false,"kind":"compilable_type","parameters":{"command":"/bin/true"}},
{"type":"Exec","title":"refresh","tags":["exec"],"exported":false,"kind":"compilable_type","parameters":{"refreshonly":true}}],
"edges":[{"source":"Stage[main]","target":"Class[Motd]"},{"source":"Class[Motd]","target":"File[/etc/motd]"},{"source":"Class[Motd]","target":"Motd::Line[one]"},{"source":"Motd::Line[one]","target":"Package[curl]"}],
"classes":["settings","motd"]}`

// config replaces a machine's boot configuration.
func (s *site) config(cfg *Config, text string) {
	s.put("pxelinux.cfg/01-"+strings.ReplaceAll(cfg.MAC.String(), ":", "-"), text)
}

// reserveOnly gives a machine an address but no boot configuration.
func (s *site) reserveOnly(cfg *Config) {
	s.t.Helper()
	r := dhcpd.Reservation{MAC: cfg.MAC.String(), IP: netip.MustParseAddr("10.0.9.9"), Network: netip.MustParsePrefix("10.0.0.0/16"), Filename: "pxelinux.0"}
	if err := s.store.Reserve(r, func([]dhcpd.Reservation) (bool, error) { return true, nil }); err != nil {
		s.t.Fatal(err)
	}
}
