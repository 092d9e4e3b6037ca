package machine

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
	"github.com/chargehand/chargehand/pki"
)

const (
	puppetPort     = "8140"
	certTries      = 60
	maxPuppetReply = 64 << 20
)

// An identity is the machine's key and certificate, and the CA that it trusts.
type identity struct {
	key     crypto.Signer
	cert    *x509.Certificate
	ca      *x509.CertPool           // nil: nothing to verify by yet
	clients map[string]*fetch.Client // by the server's name; made anew when trust changes
}

// enrol is steps 15 to 17, as `puppet agent` does it: the CA's certificate
// without verification, the CRL, the request, the signed certificate.
func (m *Machine) enrol(ctx context.Context) error {
	if m.identity.cert != nil {
		return nil // the installer's script did it
	}
	m.identity = identity{clients: map[string]*fetch.Client{}}
	ca, err := m.plain(ctx, http.MethodGet, "/puppet-ca/v1/certificate/ca", nil)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return errs.New(errs.Upstream, "the CA's certificate is no PEM")
	}
	m.identity.ca, m.identity.clients = pool, map[string]*fetch.Client{}
	if _, err := m.plain(ctx, http.MethodGet, "/puppet-ca/v1/certificate_revocation_list/ca", nil); err != nil {
		return err
	}
	key, err := pki.NewKey(pki.P256, rand.Reader)
	if err != nil {
		return err
	}
	csr, err := pki.NewRequest(pki.RequestOptions{Name: m.certname, Challenge: m.plan.challenge}, key, rand.Reader)
	if err != nil {
		return err
	}
	m.identity.key = key
	if _, err := m.plain(ctx, http.MethodPut, "/puppet-ca/v1/certificate_request/"+m.certname, csr); err != nil {
		return err
	}
	m.step(15, []string{"PUT /puppet-ca/v1/certificate_request/" + m.certname, "key: EC P-256; SHA-256 of the request " + fingerprint(csr)},
		"Certificate asked for: CN=%s", m.certname)
	return m.collect(ctx)
}

// collect waits for the certificate, as `waitforcert` does.
func (m *Machine) collect(ctx context.Context) error {
	for try := range certTries {
		raw, err := m.plain(ctx, http.MethodGet, "/puppet-ca/v1/certificate/"+m.certname, nil)
		if err == nil {
			return m.adopt(raw, try+1)
		}
		if !errs.Is(err, errs.NotFound) {
			return err
		}
		select {
		case <-time.After(m.cfg.Wait):
		case <-ctx.Done():
			return errs.WrapAs(errs.Unavailable, ctx.Err(), "wait for the certificate")
		}
	}
	return errs.New(errs.Unavailable, "the certificate of %s is not signed: sign it, or see why autosigning did not", m.certname)
}

// adopt takes a signed certificate in use.
func (m *Machine) adopt(raw []byte, tries int) error {
	block, _ := pem.Decode(raw)
	if block == nil {
		return errs.New(errs.Upstream, "the signed certificate is no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return errs.WrapAs(errs.Upstream, err, "read the signed certificate")
	}
	if theirs, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !theirs.Equal(m.identity.key.Public()) {
		return errs.New(errs.Upstream, "the certificate of %s is for another key: clean the old one", m.certname)
	}
	m.identity.cert, m.identity.clients = cert, map[string]*fetch.Client{}
	m.seen(16, []string{"issued by " + cert.Issuer.CommonName}, "The CA signed it by its autosign policy")
	m.step(17, []string{
		fmt.Sprintf("GET /puppet-ca/v1/certificate/%s, asked %d times", m.certname, tries),
		fmt.Sprintf("serial %X, valid until %s", cert.SerialNumber, cert.NotAfter.Format(time.DateOnly)),
	}, "Certificate received: serial %X", cert.SerialNumber)
	return nil
}

// client is what speaks to a server of that name: it knows the CA, except on the
// agent's very first call, and presents the machine's certificate when there is one.
func (m *Machine) client(name string) *fetch.Client {
	id := &m.identity
	if c := id.clients[name]; c != nil {
		return c
	}
	cfg := &tls.Config{RootCAs: id.ca, ServerName: name, MinVersion: tls.VersionTLS12, InsecureSkipVerify: id.ca == nil}
	if id.cert != nil {
		cfg.Certificates = []tls.Certificate{{Certificate: [][]byte{id.cert.Raw}, PrivateKey: id.key, Leaf: id.cert}}
	}
	id.clients[name] = fetch.New(fetch.Options{TLS: cfg, MaxBody: maxPuppetReply, KeepAlive: 1, UserAgent: userAgent})
	return id.clients[name]
}

func fingerprint(pemText []byte) string {
	block, _ := pem.Decode(pemText)
	sum := sha256.Sum256(block.Bytes)
	return strings.ToUpper(hex.EncodeToString(sum[:8])) + "…"
}

// server is where a call goes and what the server must be called there: the CA's
// for its calls, when puppet.conf names one of its own.
func (m *Machine) server(path string) (hostport, name string) {
	name = m.plan.puppet
	if strings.HasPrefix(path, "/puppet-ca/") && m.plan.ca != "" {
		name = m.plan.ca
	}
	if m.cfg.Puppet == "" {
		return net.JoinHostPort(name, firstOf(m.plan.port, puppetPort)), name
	}
	if name == "" {
		name, _, _ = net.SplitHostPort(m.cfg.Puppet)
	}
	return m.cfg.Puppet, name
}

// plain makes a call of the CA's, whose bodies are text.
func (m *Machine) plain(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	return m.call(ctx, call{method: method, path: path, accept: "text/plain", contentType: "text/plain", body: body})
}
