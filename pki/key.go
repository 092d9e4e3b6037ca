package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"math/big"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// A KeyKind is an algorithm and size of key.
type KeyKind string

// The kinds of key that the CA makes. Elliptic curves are the default: a CA is
// ready at once and signs a thousand certificates a second. RSA is for peers
// that know nothing else, such as a Puppet Server that is to take the CA back.
const (
	P256    KeyKind = "p256"
	P384    KeyKind = "p384"
	RSA2048 KeyKind = "rsa2048"
	RSA4096 KeyKind = "rsa4096"
)

// NewKey makes a key of the kind; the empty kind is P256.
func NewKey(kind KeyKind, random io.Reader) (crypto.Signer, error) {
	switch kind {
	case P256, "":
		return ecdsa.GenerateKey(elliptic.P256(), random)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), random)
	case RSA2048:
		return rsa.GenerateKey(random, 2048)
	case RSA4096:
		return rsa.GenerateKey(random, 4096)
	}
	return nil, errs.New(errs.Invalid, "unknown kind of key %q", string(kind))
}

// ParseKey reads a private key from PEM: PKCS#8, PKCS#1 or SEC 1.
func ParseKey(data []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		key, err := parseKeyBlock(block)
		if err != nil {
			return nil, errs.WrapAs(errs.Malformed, err, "read private key")
		}
		if key != nil {
			return key, nil
		}
	}
	return nil, errs.New(errs.Malformed, "no private key in PEM")
}

func parseKeyBlock(block *pem.Block) (crypto.Signer, error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, errs.New(errs.Unsupported, "the key cannot sign")
	case "ENCRYPTED PRIVATE KEY":
		return nil, errs.New(errs.Unsupported, "the key is encrypted")
	}
	return nil, nil
}

// EncodeKey writes a private key as PEM (PKCS#8).
func EncodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errs.Wrap(err, "encode private key")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// KeyID names a public key: the SHA-256 of its DER form, in hex.
func KeyID(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", errs.WrapAs(errs.Invalid, err, "the public key is of an unknown kind")
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// checkKey refuses public keys that are too weak to speak for a host, or so
// large that verifying them is an attack.
func checkKey(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		bits := key.N.BitLen()
		if bits < 2048 || bits > 8192 {
			return errs.New(errs.Invalid, "RSA key of %d bits refused: 2048 to 8192 are accepted", bits)
		}
		if key.E < 65537 || key.E%2 == 0 {
			return errs.New(errs.Invalid, "RSA key with exponent %d refused", key.E)
		}
		if new(big.Int).GCD(nil, nil, key.N, smallPrimes()).Cmp(big.NewInt(1)) != 0 {
			return errs.New(errs.Invalid, "RSA key with a small factor refused")
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() && key.Curve != elliptic.P521() {
			return errs.New(errs.Invalid, "key on curve %s refused", key.Curve.Params().Name)
		}
	case ed25519.PublicKey:
	default:
		return errs.New(errs.Invalid, "the public key is of an unknown kind")
	}
	return nil
}

// smallPrimes is the product of the primes below 752, as ROCA-like and broken
// generators leave them in a modulus.
func smallPrimes() *big.Int {
	product := big.NewInt(1)
	for n := int64(2); n < 752; n++ {
		if p := big.NewInt(n); p.ProbablyPrime(0) {
			product.Mul(product, p)
		}
	}
	return product
}

// Fingerprints are the digests of a request or certificate, by algorithm, as
// the CA API shows them.
func Fingerprints(der []byte) map[string]string {
	s1, s256, s512 := sha1.Sum(der), sha256.Sum256(der), sha512.Sum512(der)
	return map[string]string{
		"SHA1":    colons(s1[:]),
		"SHA256":  colons(s256[:]),
		"SHA512":  colons(s512[:]),
		"default": colons(s256[:]),
	}
}

// Fingerprint is the SHA-256 digest in upper-case hex pairs joined by colons.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return colons(sum[:])
}

func colons(sum []byte) string {
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return strings.Join(pairs, ":")
}
