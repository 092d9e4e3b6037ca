package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/chargehand/chargehand/internal/errs"
)

// DefaultTTL is how long certificates are valid: Puppet's ca_ttl, 1825 days.
const DefaultTTL = 1825 * 24 * time.Hour

// AuthorityTTL is how long a CA made here is valid: long enough that the last
// certificate of its first ten years is not cut short by it.
const AuthorityTTL = 3 * DefaultTTL

// backdate is how long before their making certificates begin to be valid, so
// that a machine whose clock is slow takes them.
const backdate = 24 * time.Hour

// An Authority is a certificate chain, the signing certificate first and the
// root last, and the key of the first. One made here is a chain of one, as a
// Puppet Server makes that was started without more ado; one with a root above
// it can be imported.
type Authority struct {
	Chain []*x509.Certificate
	Key   crypto.Signer
}

// AuthorityOptions say what authority to make.
type AuthorityOptions struct {
	Name string        // stands behind "Puppet CA: "
	Key  KeyKind       // P256 when empty
	TTL  time.Duration // AuthorityTTL when zero
	Now  time.Time
}

// NewAuthority makes a key and a certificate signed with it.
func NewAuthority(o AuthorityOptions, random io.Reader) (*Authority, error) {
	key, err := NewKey(o.Key, random)
	if err != nil {
		return nil, errs.Wrap(err, "make the CA key")
	}
	if o.TTL == 0 {
		o.TTL = AuthorityTTL
	}
	subject := pkix.Name{CommonName: "Puppet CA: " + o.Name}
	skid, err := keyDigest(key.Public())
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: subject, SubjectKeyId: skid,
		NotBefore: o.Now.Add(-backdate), NotAfter: o.Now.Add(o.TTL),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtraExtensions: []pkix.Extension{
			netscapeComment(),
			{Id: oidAuthorityKey, Value: build(func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(skid) })
				})
			})},
			subjectKey(skid),
			{Id: oidBasic, Critical: true, Value: build(func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Boolean(true) })
			})},
			{Id: oidKeyUsage, Critical: true, Value: []byte{3, 2, 1, 0x06}},
		},
	}
	der, err := x509.CreateCertificate(random, template, template, key.Public(), key)
	if err != nil {
		return nil, errs.Wrap(err, "sign the CA certificate")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errs.Wrap(err, "read the CA certificate back")
	}
	return &Authority{Chain: []*x509.Certificate{cert}, Key: key}, nil
}

// ParseAuthority reads a chain and a key from PEM. The certificate that the key
// belongs to is put first, wherever it stood.
func ParseAuthority(chainPEM, keyPEM []byte) (*Authority, error) {
	chain, err := ParseCertificates(chainPEM)
	if err != nil {
		return nil, err
	}
	key, err := ParseKey(keyPEM)
	if err != nil {
		return nil, err
	}
	own := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return samePublicKey(c.PublicKey, key.Public()) })
	if own < 0 {
		return nil, errs.New(errs.Invalid, "no certificate of the chain belongs to the CA key")
	}
	chain[0], chain[own] = chain[own], chain[0]
	if !chain[0].IsCA || len(chain[0].SubjectKeyId) == 0 {
		return nil, errs.New(errs.Invalid, "%q is not the certificate of a CA with a subject key identifier", chain[0].Subject.CommonName)
	}
	return &Authority{Chain: chain, Key: key}, nil
}

func samePublicKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// Certificate is the one that signs.
func (a *Authority) Certificate() *x509.Certificate { return a.Chain[0] }

// Name is the common name of the signing certificate.
func (a *Authority) Name() string { return a.Chain[0].Subject.CommonName }

// ChainPEM writes the chain, the signing certificate first.
func (a *Authority) ChainPEM() []byte {
	var b bytes.Buffer
	for _, c := range a.Chain {
		b.Write(certificatePEM(c.Raw))
	}
	return b.Bytes()
}

// Pool holds the chain's certificates, all of them trusted.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range a.Chain {
		pool.AddCert(c)
	}
	return pool
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// ParseCertificates reads all certificates of a PEM bundle; there is at least one.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errs.WrapAs(errs.Malformed, err, "read certificate")
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, errs.New(errs.Malformed, "no certificate in PEM")
	}
	return certs, nil
}

// ParseCRLs reads all revocation lists of a PEM bundle; none is no error.
func ParseCRLs(data []byte) ([]*x509.RevocationList, error) {
	var lists []*x509.RevocationList
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			continue
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, errs.WrapAs(errs.Malformed, err, "read revocation list")
		}
		lists = append(lists, list)
	}
	return lists, nil
}
