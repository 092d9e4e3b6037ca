package machine

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/fetch"
)

const (
	puppetPort     = "8140"
	certTries      = 60
	maxPuppetReply = 64 << 20
)

// An identity is the machine's key and certificate, and the CA that it trusts.
type identity struct {
	key  crypto.Signer
	cert *x509.Certificate
	ca   *x509.CertPool
	http *fetch.Client // with the certificate, once there is one
}

// enrol is steps 15 to 17, as `puppet agent` does it: the CA's certificate
// without verification, the CRL, the request, the signed certificate.
func (m *Machine) enrol(ctx context.Context) error {
	m.identity.http = fetch.New(fetch.Options{TLS: &tls.Config{InsecureSkipVerify: true}}) // the first call: there is nothing to verify by yet
	ca, err := m.plain(ctx, http.MethodGet, "/puppet-ca/v1/certificate/ca", nil)
	if err != nil {
		return err
	}
	m.identity.ca = x509.NewCertPool()
	if !m.identity.ca.AppendCertsFromPEM(ca) {
		return errs.New(errs.Upstream, "the CA's certificate is no PEM")
	}
	m.trust()
	if _, err := m.plain(ctx, http.MethodGet, "/puppet-ca/v1/certificate_revocation_list/ca", nil); err != nil {
		return err
	}
	csr, err := m.request()
	if err != nil {
		return err
	}
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
	if own, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || !own.Equal(m.identity.key.Public()) {
		return errs.New(errs.Upstream, "the certificate of %s is for another key: clean the old one", m.certname)
	}
	m.identity.cert = cert
	m.seen(16, []string{"issued by " + cert.Issuer.CommonName}, "The CA signed it by its autosign policy")
	m.trust()
	m.step(17, []string{
		fmt.Sprintf("GET /puppet-ca/v1/certificate/%s, asked %d times", m.certname, tries),
		fmt.Sprintf("serial %X, valid until %s", cert.SerialNumber, cert.NotAfter.Format(time.DateOnly)),
	}, "Certificate received: serial %X", cert.SerialNumber)
	return nil
}

// trust makes the client that knows the CA and, when there is one, presents the
// machine's certificate.
func (m *Machine) trust() {
	cfg := &tls.Config{RootCAs: m.identity.ca, ServerName: m.serverName(), MinVersion: tls.VersionTLS12}
	if m.identity.cert != nil {
		cfg.Certificates = []tls.Certificate{{Certificate: [][]byte{m.identity.cert.Raw}, PrivateKey: m.identity.key, Leaf: m.identity.cert}}
	}
	m.identity.http = fetch.New(fetch.Options{TLS: cfg, MaxBody: maxPuppetReply, KeepAlive: 1, UserAgent: userAgent})
}

func (m *Machine) request() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, errs.Wrap(err, "make a key")
	}
	m.identity.key = key
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: m.certname}}, key)
	if err != nil {
		return nil, errs.Wrap(err, "make a certificate request")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

func fingerprint(pemText []byte) string {
	block, _ := pem.Decode(pemText)
	sum := sha256.Sum256(block.Bytes)
	return strings.ToUpper(hex.EncodeToString(sum[:8])) + "…"
}

// server is host:port of the Puppet server, and what it is called.
func (m *Machine) server() string {
	if m.cfg.Puppet != "" {
		return m.cfg.Puppet
	}
	return net.JoinHostPort(m.plan.puppet, puppetPort)
}

// serverName is the name that the server's certificate must have: the one of
// puppet.conf, or else the one that it is reached by.
func (m *Machine) serverName() string {
	if m.plan.puppet != "" {
		return m.plan.puppet
	}
	host, _, _ := net.SplitHostPort(m.server())
	return host
}
