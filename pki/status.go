package pki

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"slices"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// timeFormat is how the CA API and the inventory write times.
const timeFormat = "2006-01-02T15:04:05UTC"

// A Status is what the CA API says of a name, field by field.
type Status struct {
	Name                    string            `json:"name"`
	State                   string            `json:"state"` // requested, signed, revoked
	DNSAltNames             []string          `json:"dns_alt_names"`
	SubjectAltNames         []string          `json:"subject_alt_names"`
	AuthorizationExtensions map[string]string `json:"authorization_extensions"`
	Fingerprint             string            `json:"fingerprint"`
	Fingerprints            map[string]string `json:"fingerprints"`
	SerialNumber            *big.Int          `json:"serial_number,omitempty"` // these only with a certificate
	NotBefore               string            `json:"not_before,omitempty"`
	NotAfter                string            `json:"not_after,omitempty"`
}

// Status gives the status of one name. NotFound if it is unknown.
func (c *CA) Status(ctx context.Context, name string) (Status, error) {
	var s Status
	err := c.store.View(ctx, func(tx Tx) error {
		pending, found, err := get[pendingRequest](tx, bucketRequest, name)
		if err != nil {
			return err
		}
		if found {
			s, err = requestStatus(name, pending)
			return err
		}
		h, found, err := get[host](tx, bucketHost, name)
		if err != nil {
			return err
		}
		if !found {
			return errs.New(errs.NotFound, "Resource not found.")
		}
		s, err = hostStatus(name, h)
		return err
	})
	return s, err
}

// Statuses lists all names in order, or those of one state.
func (c *CA) Statuses(ctx context.Context, state string) ([]Status, error) {
	var list []Status
	err := c.store.View(ctx, func(tx Tx) error {
		list = []Status{}
		add := func(s Status, err error) error {
			if err == nil && (state == "" || s.State == state) {
				list = append(list, s)
			}
			return err
		}
		err := scan(tx, bucketRequest, func(name string, p pendingRequest) error { return add(requestStatus(name, p)) })
		if err != nil {
			return err
		}
		return scan(tx, bucketHost, func(name string, h host) error { return add(hostStatus(name, h)) })
	})
	slices.SortStableFunc(list, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

func requestStatus(name string, p pendingRequest) (Status, error) {
	csr, err := x509.ParseCertificateRequest(p.DER)
	if err != nil {
		return Status{}, errs.Wrap(err, "read the stored request of %q", name)
	}
	return Status{
		Name: name, State: "requested",
		DNSAltNames: altNames(csr.DNSNames, nil), SubjectAltNames: altNames(csr.DNSNames, csr.IPAddresses),
		AuthorizationExtensions: namedExtensions(csr.Extensions, isAuth),
		Fingerprint:             Fingerprint(csr.Raw), Fingerprints: Fingerprints(csr.Raw),
	}, nil
}

func hostStatus(name string, h host) (Status, error) {
	cert, err := x509.ParseCertificate(h.Certificate)
	if err != nil {
		return Status{}, errs.Wrap(err, "read the stored certificate of %q", name)
	}
	s := Status{
		Name: name, State: "signed",
		DNSAltNames: altNames(cert.DNSNames, nil), SubjectAltNames: altNames(cert.DNSNames, cert.IPAddresses),
		AuthorizationExtensions: namedExtensions(cert.Extensions, isAuth),
		Fingerprint:             Fingerprint(cert.Raw), Fingerprints: Fingerprints(cert.Raw),
		SerialNumber: cert.SerialNumber,
		NotBefore:    cert.NotBefore.UTC().Format(timeFormat), NotAfter: cert.NotAfter.UTC().Format(timeFormat),
	}
	if h.Revoked {
		s.State = "revoked"
	}
	return s, nil
}

func isAuth(oid asn1.ObjectIdentifier) bool { return within(oid, arcAuth) }

// A Line is one certificate that was ever issued.
type Line struct {
	Serial   string // hex
	Name     string
	From, To time.Time
	Revoked  bool
}

// String is the line of an inventory.txt.
func (l Line) String() string {
	return "0x" + padSerial(l.Serial) + " " + l.From.UTC().Format(timeFormat) + " " + l.To.UTC().Format(timeFormat) + " /CN=" + l.Name
}

// padSerial writes a serial as Puppet Server does: at least four digits.
func padSerial(hex string) string {
	for len(hex) < 4 {
		hex = "0" + hex
	}
	return hex
}

// Inventory lists all certificates ever issued, by serial.
func (c *CA) Inventory(ctx context.Context) ([]Line, error) {
	var lines []Line
	err := c.store.View(ctx, func(tx Tx) error {
		lines = nil
		return scan(tx, bucketIssued, func(key string, i issued) error {
			_, revoked, err := tx.Get(bucketRevoked, key)
			serial, ok := new(big.Int).SetString(key, 16)
			if !ok {
				return errs.New(errs.Internal, "the issued serial %q is no number", key)
			}
			lines = append(lines, Line{Serial: serial.Text(16), Name: i.Name, From: i.From, To: i.To, Revoked: revoked})
			return err
		})
	})
	return lines, err
}

// Expirations tells when the CA certificates and the revocation lists end, by
// common name.
type Expirations struct {
	CACerts map[string]string `json:"ca-certs"`
	CRLs    map[string]string `json:"crls"`
}

// Expirations gives the ends of the chain and of its revocation lists.
func (c *CA) Expirations(ctx context.Context) (Expirations, error) {
	e := Expirations{CACerts: map[string]string{}, CRLs: map[string]string{}}
	for _, cert := range c.authority.Chain {
		e.CACerts[cert.Subject.CommonName] = cert.NotAfter.UTC().Format(timeFormat)
	}
	data, _, err := c.FullCRL(ctx)
	if err != nil {
		return e, err
	}
	lists, err := ParseCRLs(data)
	for _, list := range lists {
		e.CRLs[list.Issuer.CommonName] = list.NextUpdate.UTC().Format(timeFormat)
	}
	return e, err
}
