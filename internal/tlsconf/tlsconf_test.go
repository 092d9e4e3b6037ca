package tlsconf_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/tlsconf"
)

// A ca is a small CA whose files the tests write and rewrite.
type ca struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCA(t *testing.T, name string) *ca {
	t.Helper()
	c := &ca{t: t, dir: t.TempDir(), key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	c.cert = c.sign(template, template, c.key)
	c.write("ca.pem", "CERTIFICATE", c.cert.Raw)
	c.revoke()
	return c
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (c *ca) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	c.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		c.t.Fatal(err)
	}
	return cert
}

// issue writes a certificate with its key and gives a source over all files.
func (c *ca) issue(name string, serial int64) tlsconf.Source {
	c.t.Helper()
	key := newKey(c.t)
	cert := c.sign(&x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, c.cert, key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.write(name+".key", "PRIVATE KEY", der)
	c.write(name+".pem", "CERTIFICATE", cert.Raw)
	return tlsconf.Files(tlsconf.Paths{
		Certificate: c.path(name + ".pem"), Key: c.path(name + ".key"), CA: c.path("ca.pem"), CRL: c.path("crl.pem"),
	}, slog.New(slog.DiscardHandler))
}

func (c *ca) path(name string) string { return filepath.Join(c.dir, name) }

func (c *ca) write(name, kind string, der []byte) {
	c.t.Helper()
	draft := c.path(name + ".new")
	if err := os.WriteFile(draft, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(draft, c.path(name)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *ca) revoke(serials ...int64) {
	c.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, c.cert, c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.write("crl.pem", "X509 CRL", der)
}

// listen serves the name of each peer on a loopback port.
func listen(t *testing.T, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				secure := tls.Server(conn, config)
				if secure.Handshake() != nil {
					return
				}
				cs := secure.ConnectionState()
				_, _ = fmt.Fprintf(secure, "%q", tlsconf.PeerName(&cs))
				_ = secure.CloseWrite()
			}()
		}
	}()
	return l.Addr().String()
}

// dial gives what the server says, or its refusal.
func dial(addr string, config *tls.Config, name string) (string, error) {
	config = config.Clone()
	config.ServerName = name
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	said, err := io.ReadAll(conn)
	if err == nil && len(said) == 0 {
		err = errors.New("hung up")
	}
	return string(said), err
}

func TestClientCertificates(t *testing.T) {
	home, foreign := newCA(t, "home"), newCA(t, "foreign")
	server := home.issue("server.test", 2)
	good, bad, gone := home.issue("good.test", 3), foreign.issue("good.test", 4), home.issue("gone.test", 5)
	home.revoke(5)
	none := tlsconf.Files(tlsconf.Paths{CA: home.path("ca.pem")}, slog.New(slog.DiscardHandler))
	badClient := tlsconf.Client(bad)
	badClient.VerifyConnection = nil // it trusts another CA; the question is whether it is trusted
	for _, c := range []struct {
		mode   tlsconf.Mode
		client *tls.Config
		want   string // empty: refused
	}{
		{tlsconf.NoClientCert, tlsconf.Client(none), `""`},
		{tlsconf.NoClientCert, tlsconf.Client(gone), `""`},
		{tlsconf.RequestCert, tlsconf.Client(none), `""`},
		{tlsconf.RequestCert, tlsconf.Client(good), `"good.test"`},
		{tlsconf.RequestCert, badClient, ``},
		{tlsconf.RequestCert, tlsconf.Client(gone), ``},
		{tlsconf.RequireCert, tlsconf.Client(none), ``},
		{tlsconf.RequireCert, tlsconf.Client(good), `"good.test"`},
		{tlsconf.RequireCert, badClient, ``},
		{tlsconf.RequireCert, tlsconf.Client(gone), ``},
		{tlsconf.RequestCert, tlsconf.Unverified(), `""`},
	} {
		got, err := dial(listen(t, tlsconf.Server(server, c.mode)), c.client, "server.test")
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("mode %d: %s, %v; wanted %s", c.mode, got, err, c.want)
		}
	}
}

func TestServerIsVerified(t *testing.T) {
	home, foreign := newCA(t, "home"), newCA(t, "foreign")
	client := home.issue("client.test", 9)
	for _, c := range []struct {
		what   string
		source tlsconf.Source
		want   string
	}{
		{"good", home.issue("server.test", 2), ""},
		{"other name", home.issue("other.test", 3), "not server.test"},
		{"other CA", foreign.issue("server.test", 4), "unknown authority"},
		{"revoked", home.issue("server.test", 6), "revoked"},
	} {
		if c.what == "revoked" {
			home.revoke(6)
		}
		_, err := dial(listen(t, tlsconf.Server(c.source, tlsconf.NoClientCert)), tlsconf.Client(client), "server.test")
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestReload changes files under a listener and a client that stay.
func TestReload(t *testing.T) {
	home := newCA(t, "home")
	addr := listen(t, tlsconf.Server(home.issue("server.test", 2), tlsconf.RequireCert))
	client := tlsconf.Client(home.issue("client.test", 3))
	client.ClientSessionCache = tls.NewLRUClientSessionCache(8) // resumption must not carry a revoked one through
	expect := func(what string, ok bool) {
		t.Helper()
		if _, err := dial(addr, client, "server.test"); (err == nil) != ok {
			t.Errorf("%s: %v", what, err)
		}
	}
	expect("at first", true)
	expect("resumed", true)
	home.revoke(3)
	expect("client revoked", false)
	client.ClientSessionCache = nil // its sessions belong to the old certificate
	home.issue("client.test", 4)
	expect("client's certificate replaced", true)
	home.write("crl.pem", "X509 CRL", []byte("garbage"))
	expect("list unreadable, old one in use", true)
	home.revoke(3, 2)
	expect("server revoked, client knows", false)
	home.issue("server.test", 5)
	expect("server's certificate replaced", true)
}

func TestForeignListIsRefused(t *testing.T) {
	home, foreign := newCA(t, "home"), newCA(t, "foreign")
	list, err := os.ReadFile(foreign.path("crl.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home.path("crl.pem"), list, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := home.issue("a.test", 2).Material(); err == nil || !strings.Contains(err.Error(), "signed by no CA") {
		t.Errorf("loaded: %v", err)
	}
}

// TestGolden fixes what each kind of listener offers; a change here is a change
// of the security policy.
func TestGolden(t *testing.T) {
	source := newCA(t, "home").issue("server.test", 2)
	var b bytes.Buffer
	for _, l := range []struct {
		name      string
		mode      tlsconf.Mode
		protocols []string
	}{
		{"web", tlsconf.NoClientCert, []string{"h2", "http/1.1"}},
		{"puppet", tlsconf.RequestCert, []string{"http/1.1"}},
		{"proxy", tlsconf.RequireCert, []string{"h2", "http/1.1"}},
		{"puppetdb", tlsconf.RequireCert, []string{"h2", "http/1.1"}},
	} {
		c, err := tlsconf.Server(source, l.mode, l.protocols...).GetConfigForClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %s, %s, %s, %v\n", l.name, c.ClientAuth, tls.VersionName(c.MinVersion), strings.Join(c.NextProtos, " "), c.CurvePreferences)
		for _, id := range c.CipherSuites {
			fmt.Fprintf(&b, "  %s\n", tls.CipherSuiteName(id))
		}
	}
	golden := filepath.Join("testdata", "listeners.txt")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
}

// TestOldVersionsAreRefused asks with what the policy leaves out.
func TestOldVersionsAreRefused(t *testing.T) {
	home := newCA(t, "home")
	addr := listen(t, tlsconf.Server(home.issue("server.test", 2), tlsconf.NoClientCert))
	for name, client := range map[string]*tls.Config{
		"TLS 1.1": {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, InsecureSkipVerify: true},
		"CBC":     {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, InsecureSkipVerify: true},
	} {
		if _, err := dial(addr, client, "server.test"); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
