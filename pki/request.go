package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"net"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/chargehand/chargehand/internal/errs"
)

// Bounds on what a request may carry. A stock agent sends 1 to 2 KB.
const (
	MaxRequest       = 16 << 10
	maxExtensions    = 64
	maxExtensionSize = 4 << 10
	maxAltNames      = 100
)

var (
	oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidChallenge  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 7}
)

// A Request is a certificate request whose signature holds and whose key is
// strong enough. What it asks for has not been judged yet.
type Request struct {
	Name      string // the subject's common name, not checked
	PublicKey crypto.PublicKey
	KeyID     string // of PublicKey
	DNSNames  []string
	IPs       []net.IP
	OtherSANs bool   // asks for names that are neither DNS names nor addresses
	Challenge string // the challenge password, an autosign token for instance
	DER       []byte

	extensions []pkix.Extension // all but subjectAltName
}

// ParseRequest reads one request in PEM. Errors are Malformed when it cannot be
// read, and Invalid when its signature or key is refused.
func ParseRequest(data []byte) (*Request, error) {
	if len(data) > MaxRequest {
		return nil, errs.New(errs.TooLarge, "certificate request over %d bytes", MaxRequest)
	}
	block, rest := pem.Decode(data)
	if block == nil || (block.Type != "CERTIFICATE REQUEST" && block.Type != "NEW CERTIFICATE REQUEST") {
		return nil, errs.New(errs.Malformed, "the body is not a certificate request in PEM")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errs.New(errs.Malformed, "there is more in the body than one certificate request")
	}
	return parseRequestDER(block.Bytes)
}

func parseRequestDER(der []byte) (*Request, error) {
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, errs.WrapAs(errs.Malformed, err, "the certificate request cannot be read")
	}
	if err := checkKey(csr.PublicKey); err != nil {
		return nil, err
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, errs.New(errs.Invalid, "CSR contains a public key that does not correspond to the signing key")
	}
	id, err := KeyID(csr.PublicKey)
	if err != nil {
		return nil, err
	}
	r := &Request{
		PublicKey: csr.PublicKey, KeyID: id, DER: der,
		DNSNames: csr.DNSNames, IPs: csr.IPAddresses,
		OtherSANs: len(csr.EmailAddresses)+len(csr.URIs) > 0,
	}
	if r.Name, err = commonName(csr.Subject); err != nil {
		return nil, err
	}
	if err := r.takeExtensions(csr.Extensions); err != nil {
		return nil, err
	}
	r.Challenge, err = challenge(csr.RawTBSCertificateRequest)
	return r, err
}

// commonName insists on one common name: two would let the reader of one and
// the reader of the other disagree about who this is.
func commonName(subject pkix.Name) (string, error) {
	name, found := "", 0
	for _, attribute := range subject.Names {
		if attribute.Type.Equal(oidCommonName) {
			name, _ = attribute.Value.(string)
			found++
		}
	}
	if found != 1 || name == "" {
		return "", errs.New(errs.Invalid, "the subject must have exactly one common name")
	}
	return name, nil
}

func (r *Request) takeExtensions(exts []pkix.Extension) error {
	if len(exts) > maxExtensions || len(r.DNSNames)+len(r.IPs) > maxAltNames {
		return errs.New(errs.TooLarge, "the certificate request asks for too many extensions or names")
	}
	for _, e := range exts {
		if e.Id.Equal(oidSAN) {
			r.OtherSANs = r.OtherSANs || !plainAltNames(e.Value)
			continue
		}
		if len(e.Value) > maxExtensionSize {
			return errs.New(errs.TooLarge, "extension %s is over %d bytes", e.Id, maxExtensionSize)
		}
		r.extensions = append(r.extensions, e)
	}
	return nil
}

// plainAltNames reports whether a subjectAltName holds DNS names and addresses
// only; the standard library passes over kinds that it does not know.
func plainAltNames(value []byte) bool {
	in := cryptobyte.String(value)
	var names cryptobyte.String
	if !in.ReadASN1(&names, cbasn1.SEQUENCE) {
		return false
	}
	for !names.Empty() {
		var body cryptobyte.String
		var tag cbasn1.Tag
		if !names.ReadAnyASN1(&body, &tag) {
			return false
		}
		if tag != tagDNSName && tag != tagIPAddress {
			return false
		}
	}
	return true
}

// challenge finds the challenge password among the request's attributes, which
// the standard library does not show.
func challenge(tbs []byte) (string, error) {
	malformed := errs.New(errs.Malformed, "the attributes of the certificate request cannot be read")
	in, attributes := cryptobyte.String(tbs), cryptobyte.String(nil)
	var present bool
	if !in.ReadASN1(&in, cbasn1.SEQUENCE) || !in.SkipASN1(cbasn1.INTEGER) || !in.SkipASN1(cbasn1.SEQUENCE) ||
		!in.SkipASN1(cbasn1.SEQUENCE) || !in.ReadOptionalASN1(&attributes, &present, cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return "", malformed
	}
	for !attributes.Empty() {
		var attribute, values, text cryptobyte.String
		var oid asn1.ObjectIdentifier
		var tag cbasn1.Tag
		if !attributes.ReadASN1(&attribute, cbasn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&oid) ||
			!attribute.ReadASN1(&values, cbasn1.SET) {
			return "", malformed
		}
		if !oid.Equal(oidChallenge) {
			continue
		}
		if !values.ReadAnyASN1(&text, &tag) || !isText(tag) || len(text) > maxExtensionSize {
			return "", malformed
		}
		return string(text), nil
	}
	return "", nil
}

// PEM writes the request as agents do.
func (r *Request) PEM() []byte { return requestPEM(r.DER) }

func requestPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

// altNames lists the wanted names in the API's form: DNS:x and IP:y.
func (r *Request) altNames() []string { return altNames(r.DNSNames, r.IPs) }

func altNames(dns []string, ips []net.IP) []string {
	names := make([]string, 0, len(dns)+len(ips))
	for _, d := range dns {
		names = append(names, "DNS:"+d)
	}
	for _, ip := range ips {
		names = append(names, "IP:"+ip.String())
	}
	return names
}

// RequestOptions say what a request of our own asks for.
type RequestOptions struct {
	Name      string
	DNSNames  []string
	IPs       []net.IP
	Challenge string // an autosign token
}

// NewRequest makes a request in PEM and signs it with key, as an agent does.
func NewRequest(o RequestOptions, key crypto.Signer, random io.Reader) ([]byte, error) {
	template := &x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: o.Name},
		DNSNames: o.DNSNames, IPAddresses: o.IPs,
	}
	der, err := x509.CreateCertificateRequest(random, template, key)
	if err != nil {
		return nil, errs.Wrap(err, "make a certificate request for %q", o.Name)
	}
	if o.Challenge != "" {
		if der, err = addChallenge(der, o.Challenge, key, random); err != nil {
			return nil, err
		}
	}
	return requestPEM(der), nil
}

// addChallenge signs the request again with a challenge password among its
// attributes, which the standard library cannot write.
func addChallenge(der []byte, password string, key crypto.Signer, random io.Reader) ([]byte, error) {
	var csr struct {
		TBS struct {
			Version    int
			Subject    asn1.RawValue
			Key        asn1.RawValue
			Attributes []asn1.RawValue `asn1:"tag:0,set"`
		}
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &csr); err != nil {
		return nil, errs.Wrap(err, "read own certificate request")
	}
	attribute := build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidChallenge)
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(password)) })
			})
		})
	})
	csr.TBS.Attributes = append([]asn1.RawValue{{FullBytes: attribute}}, csr.TBS.Attributes...)
	tbs, err := asn1.Marshal(csr.TBS)
	if err != nil {
		return nil, errs.Wrap(err, "write own certificate request")
	}
	if csr.Signature.Bytes, err = signTBS(tbs, csr.Algorithm, key, random); err != nil {
		return nil, err
	}
	csr.Signature.BitLength = 8 * len(csr.Signature.Bytes)
	return asn1.Marshal(csr)
}

// signTBS signs with the digest that the algorithm names; the standard library
// chose it by the key.
func signTBS(tbs []byte, algorithm pkix.AlgorithmIdentifier, key crypto.Signer, random io.Reader) ([]byte, error) {
	hashes := map[string]crypto.Hash{
		"1.2.840.113549.1.1.11": crypto.SHA256, // RSA
		"1.2.840.10045.4.3.2":   crypto.SHA256, // ECDSA
		"1.2.840.10045.4.3.3":   crypto.SHA384,
		"1.2.840.10045.4.3.4":   crypto.SHA512,
		"1.3.101.112":           0, // Ed25519 signs the text itself
	}
	hash, known := hashes[algorithm.Algorithm.String()]
	if !known {
		return nil, errs.New(errs.Unsupported, "no signature algorithm %s", algorithm.Algorithm)
	}
	digest := tbs
	if hash != 0 {
		h := hash.New()
		h.Write(tbs)
		digest = h.Sum(nil)
	}
	signature, err := key.Sign(random, digest, hash)
	return signature, errs.Wrap(err, "sign own certificate request")
}

// badExtensions lists what no policy lets into a certificate.
func (r *Request) badExtensions() string {
	var bad []string
	for _, e := range r.extensions {
		if !isPuppet(e.Id) {
			bad = append(bad, e.Id.String())
		}
	}
	return strings.Join(bad, ", ")
}
