// Package tlsconf is the program's one TLS policy: versions, ciphers and curves,
// how each listener asks for client certificates, revocation, and certificates
// and revocation lists that change while running.
//
// It imports the standard library and internal/errs, and may be imported by
// everything.
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"sync"

	"github.com/chargehand/chargehand/internal/errs"
)

// policy is what all configurations share. TLS 1.2 stays for old agents, with
// forward secrecy and authenticated encryption only.
func policy() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		Renegotiation:    tls.RenegotiateNever,
	}
}

// A Mode says what a listener does about client certificates.
type Mode int

// The modes. A certificate that is presented is always verified; one that is
// bad or revoked ends the handshake.
const (
	NoClientCert Mode = iota // not asked for: browsers
	RequestCert              // asked for, not required: agents that have none yet
	RequireCert              // required: roles among themselves
)

func (m Mode) clientAuth() tls.ClientAuthType {
	switch m {
	case RequestCert:
		return tls.VerifyClientCertIfGiven
	case RequireCert:
		return tls.RequireAndVerifyClientCert
	}
	return tls.NoClientCert
}

// Material is what a side of a connection has: its certificate, the CAs that it
// trusts and their revocation lists. It does not change once made.
type Material struct {
	Certificate *tls.Certificate // nil: none
	CAs         []*x509.Certificate
	CRLs        []*x509.RevocationList // each signed by one of CAs

	once    sync.Once
	pool    *x509.CertPool
	revoked map[string]bool // issuer and serial
}

func (m *Material) prepare() {
	m.once.Do(func() {
		m.pool, m.revoked = x509.NewCertPool(), map[string]bool{}
		for _, ca := range m.CAs {
			m.pool.AddCert(ca)
		}
		for _, list := range m.CRLs {
			for _, e := range list.RevokedCertificateEntries {
				m.revoked[string(list.RawIssuer)+"\x00"+e.SerialNumber.Text(16)] = true
			}
		}
	})
}

// checkRevoked wants one chain without a revoked certificate.
func (m *Material) checkRevoked(chains [][]*x509.Certificate) error {
	m.prepare()
	var revoked *x509.Certificate
	for _, chain := range chains {
		bad := m.revokedIn(chain)
		if bad == nil {
			return nil
		}
		revoked = bad
	}
	if revoked == nil {
		return nil
	}
	return errs.New(errs.Forbidden, "the certificate of %q is revoked", revoked.Subject.CommonName)
}

func (m *Material) revokedIn(chain []*x509.Certificate) *x509.Certificate {
	for _, cert := range chain {
		if m.revoked[string(cert.RawIssuer)+"\x00"+cert.SerialNumber.Text(16)] {
			return cert
		}
	}
	return nil
}

// A Source gives the material of the moment. It is asked at each handshake, so
// it answers from memory, and with the same pointer as long as nothing changed.
// It is safe for concurrent use.
type Source interface {
	Material() (*Material, error)
}

// Static is a source that never changes.
func Static(m *Material) Source { return static{m} }

type static struct{ m *Material }

func (s static) Material() (*Material, error) { return s.m, nil }

// Server makes the configuration of a listener. protocols are offered in ALPN,
// such as "h2" and "http/1.1".
func Server(source Source, mode Mode, protocols ...string) *tls.Config {
	var (
		mu     sync.Mutex
		made   *Material
		config *tls.Config
	)
	base := policy()
	base.NextProtos = protocols
	base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		m, err := source.Material()
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		if m != made {
			made, config = m, serverConfig(m, mode, protocols)
		}
		return config, nil
	}
	return base
}

func serverConfig(m *Material, mode Mode, protocols []string) *tls.Config {
	m.prepare()
	c := policy()
	c.NextProtos = protocols
	if m.Certificate != nil {
		c.Certificates = []tls.Certificate{*m.Certificate}
	}
	c.ClientAuth, c.ClientCAs = mode.clientAuth(), m.pool
	// Unlike VerifyPeerCertificate this runs for resumed sessions too.
	c.VerifyConnection = func(cs tls.ConnectionState) error { return m.checkRevoked(cs.VerifiedChains) }
	return c
}

// Client makes the configuration of a caller that presents its own certificate
// and trusts nothing but the material's CAs. Both may change while it is in use.
func Client(source Source) *tls.Config {
	c := policy()
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		m, err := source.Material()
		if err != nil {
			return nil, err
		}
		if m.Certificate == nil {
			return &tls.Certificate{}, nil
		}
		return m.Certificate, nil
	}
	// Roots in a tls.Config are fixed, so that the verification that the package
	// would do is done here, with the roots of the moment.
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		m, err := source.Material()
		if err != nil {
			return err
		}
		return m.verifyServer(cs)
	}
	return c
}

func (m *Material) verifyServer(cs tls.ConnectionState) error {
	m.prepare()
	o := x509.VerifyOptions{Roots: m.pool, DNSName: cs.ServerName, Intermediates: x509.NewCertPool()}
	for _, cert := range cs.PeerCertificates[1:] {
		o.Intermediates.AddCert(cert)
	}
	chains, err := cs.PeerCertificates[0].Verify(o)
	if err != nil {
		return errs.WrapAs(errs.Upstream, err, "verify the server's certificate")
	}
	return m.checkRevoked(chains)
}

// Unverified makes the configuration for the first call of a newcomer, which
// fetches the CA's certificate and compares its fingerprint: it believes any
// server. Nothing else may be sent or believed over it.
func Unverified() *tls.Config {
	c := policy()
	c.InsecureSkipVerify = true
	return c
}

// Peer is the verified certificate of the other side, or nil.
func Peer(cs *tls.ConnectionState) *x509.Certificate {
	if cs == nil || len(cs.VerifiedChains) == 0 {
		return nil
	}
	return cs.VerifiedChains[0][0]
}

// PeerName is the common name of the verified certificate of the other side, or
// empty: the name by which Puppet knows it.
func PeerName(cs *tls.ConnectionState) string {
	if cert := Peer(cs); cert != nil {
		return cert.Subject.CommonName
	}
	return ""
}
