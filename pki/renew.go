package pki

import (
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// Renew issues a new certificate for the key, names and extensions of one that
// its holder has just proven to hold. The old one stays valid until it ends.
// Forbidden: it is not one of ours, or is revoked.
func (c *CA) Renew(ctx context.Context, cert *x509.Certificate) ([]byte, error) {
	if cert.CheckSignatureFrom(c.authority.Certificate()) != nil {
		return nil, errs.New(errs.Forbidden, "the certificate was not issued by this CA")
	}
	name := cert.Subject.CommonName
	keyID, err := KeyID(cert.PublicKey)
	if err != nil {
		return nil, err
	}
	l := leaf{name: name, public: cert.PublicKey, dns: cert.DNSNames, ips: cert.IPAddresses}
	for _, e := range cert.Extensions {
		if isPuppet(e.Id) {
			l.extensions = append(l.extensions, e)
		}
	}
	var out []byte
	err = c.store.Update(ctx, func(tx Tx) error {
		h, found, err := get[host](tx, bucketHost, name)
		if err != nil {
			return err
		}
		if !found || h.Revoked || !slices.Contains(h.Live, cert.SerialNumber.Text(16)) {
			return errs.New(errs.Forbidden, "the certificate of %s is revoked or unknown", name)
		}
		if now := c.now(); now.After(cert.NotAfter) {
			return errs.New(errs.Forbidden, "the certificate of %s has expired", name)
		}
		if len(h.Live) >= maxLive {
			return errs.New(errs.Limited, "%s has %d valid certificates; revoke some first", name, len(h.Live))
		}
		fresh, err := c.certify(tx, l, keyID, c.ttl)
		if err == nil {
			out = certificatePEM(fresh.Raw)
		}
		return err
	})
	return out, err
}

// maxLive bounds the valid certificates that a name may renew itself into.
const maxLive = 10

// A Service is a part of the program that speaks TLS under its own name.
type Service struct {
	Name      string   // the certificate's name
	DNSNames  []string // besides Name
	IPs       []net.IP
	PublicKey crypto.PublicKey
	Admin     bool          // may use the CA API
	TTL       time.Duration // the CA's when zero
	// TakeOver lets it have a name that another key holds a certificate for, which
	// stays valid: the service lost its key, or a Puppet Server had the name before.
	TakeOver bool
}

// Issue gives a service of the program a certificate, in PEM. The caller is the
// program itself: no request, no policy. A name that an agent holds already is a
// Conflict, unless its key is the same or the service takes over.
func (c *CA) Issue(ctx context.Context, s Service) ([]byte, error) {
	if err := CheckName(s.Name); err != nil {
		return nil, err
	}
	if err := checkKey(s.PublicKey); err != nil {
		return nil, err
	}
	keyID, err := KeyID(s.PublicKey)
	if err != nil {
		return nil, err
	}
	l := leaf{name: s.Name, public: s.PublicKey, dns: uniqueNames(s.Name, s.DNSNames), ips: s.IPs}
	if s.Admin {
		l.extensions = []pkix.Extension{utf8Extension(oidCLIAuth, "true")}
	}
	if s.TTL == 0 {
		s.TTL = c.ttl
	}
	var out []byte
	err = c.store.Update(ctx, func(tx Tx) error {
		status, err := currentState(tx, s.Name)
		if err != nil {
			return err
		}
		use, known, err := get[keyUse](tx, bucketKey, keyID)
		if err != nil {
			return err
		}
		if status == "signed" && !s.TakeOver && (!known || use.Name != s.Name) {
			return errs.New(errs.Conflict, "%s already has a signed certificate", s.Name)
		}
		if known && (use.Revoked || use.Name != s.Name) {
			return errs.New(errs.Forbidden, "the key of %s was used before; make a new one", s.Name)
		}
		if _, err := forget(tx, s.Name); err != nil {
			return err
		}
		fresh, err := c.certify(tx, l, keyID, s.TTL)
		if err == nil {
			out = certificatePEM(fresh.Raw)
		}
		return err
	})
	return out, err
}

// uniqueNames puts the name first and drops what comes twice.
func uniqueNames(name string, more []string) []string {
	names := []string{name}
	for _, n := range more {
		n = strings.ToLower(n)
		if n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}
