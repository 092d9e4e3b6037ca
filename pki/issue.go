package pki

import (
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"net"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/chargehand/chargehand/internal/errs"
)

const (
	tagDNSName   = cbasn1.Tag(2 | 0x80)
	tagIPAddress = cbasn1.Tag(7 | 0x80)
	tagDirectory = cbasn1.Tag(4 | 0xa0)
)

// A leaf is all that goes into a host's certificate.
type leaf struct {
	name       string
	public     crypto.PublicKey
	dns        []string
	ips        []net.IP
	extensions []pkix.Extension // Puppet's, in the order asked for
	serial     *big.Int
	from, to   time.Time
}

// sign makes the certificate, with the extensions of Puppet Server and in its
// order: names, comment, key identifiers, Puppet's own, constraints, usages.
func (a *Authority) sign(l leaf, random io.Reader) (*x509.Certificate, error) {
	skid, err := keyDigest(l.public)
	if err != nil {
		return nil, err
	}
	extensions := []pkix.Extension{subjectAltName(l.dns, l.ips), netscapeComment(), a.authorityKey(), subjectKey(skid)}
	extensions = append(extensions, l.extensions...)
	extensions = append(extensions,
		pkix.Extension{Id: oidBasic, Critical: true, Value: []byte{0x30, 0}},
		extKeyUsage(),
		pkix.Extension{Id: oidKeyUsage, Critical: true, Value: []byte{3, 2, 5, 0xa0}}, // digitalSignature, keyEncipherment
	)
	issuer := a.Certificate()
	to := l.to
	if to.After(issuer.NotAfter) {
		to = issuer.NotAfter
	}
	template := &x509.Certificate{
		SerialNumber: l.serial, Subject: pkix.Name{CommonName: l.name}, SubjectKeyId: skid,
		NotBefore: l.from, NotAfter: to, ExtraExtensions: extensions,
	}
	der, err := x509.CreateCertificate(random, template, issuer, l.public, a.Key)
	if err != nil {
		return nil, errs.Wrap(err, "sign the certificate of %q", l.name)
	}
	return x509.ParseCertificate(der)
}

func subjectAltName(dns []string, ips []net.IP) pkix.Extension {
	return pkix.Extension{Id: oidSAN, Value: build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, d := range dns {
				b.AddASN1(tagDNSName, func(b *cryptobyte.Builder) { b.AddBytes([]byte(d)) })
			}
			for _, ip := range ips {
				if v4 := ip.To4(); v4 != nil {
					ip = v4
				}
				b.AddASN1(tagIPAddress, func(b *cryptobyte.Builder) { b.AddBytes(ip) })
			}
		})
	})}
}

func netscapeComment() pkix.Extension {
	return pkix.Extension{Id: oidNetscapeComment, Value: build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.IA5String, func(b *cryptobyte.Builder) { b.AddBytes([]byte("Puppet Server Internal Certificate")) })
	})}
}

func subjectKey(id []byte) pkix.Extension {
	return pkix.Extension{Id: oidSubjectKey, Value: build(func(b *cryptobyte.Builder) { b.AddASN1OctetString(id) })}
}

// authorityKey names the issuer's key, its issuer and its serial.
func (a *Authority) authorityKey() pkix.Extension {
	issuer := a.Certificate()
	return pkix.Extension{Id: oidAuthorityKey, Value: build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(issuer.SubjectKeyId) })
			b.AddASN1(cbasn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(tagDirectory, func(b *cryptobyte.Builder) { b.AddBytes(issuer.RawIssuer) })
			})
			serial := build(func(b *cryptobyte.Builder) { b.AddASN1BigInt(issuer.SerialNumber) })
			b.AddASN1(cbasn1.Tag(2).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(serial[2:]) })
		})
	})}
}

func extKeyUsage() pkix.Extension {
	return pkix.Extension{Id: oidExtKeyUsage, Critical: true, Value: build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidServerAuth)
			b.AddASN1ObjectIdentifier(oidClientAuth)
		})
	})}
}

// keyDigest is the key identifier of RFC 5280, 4.2.1.2 (1): the SHA-1 of the
// key's bits.
func keyDigest(public crypto.PublicKey) ([]byte, error) {
	der, err := marshalPublic(public)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, errs.Wrap(err, "read public key")
	}
	sum := sha1.Sum(info.Key.Bytes)
	return sum[:], nil
}

func marshalPublic(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	return der, errs.WrapAs(errs.Invalid, err, "the public key is of an unknown kind")
}
