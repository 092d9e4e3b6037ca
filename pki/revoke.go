package pki

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// Stock agents fetch the revocation list once and never again, so that it lasts
// as long as certificates do; it begins to be valid before its making, for
// machines whose clock is slow.
const (
	crlTTL      = 5 * 365 * 24 * time.Hour
	crlBackdate = 2 * time.Hour
)

const reasonKeyCompromise = 1 // what Puppet Server writes for every revocation

// revocation is an entry of the revocation list.
type revocation struct {
	At    time.Time
	Until time.Time // when the certificate expires
	Infra bool
}

// revocationList is a list as it was signed.
type revocationList struct {
	DER    []byte
	Signed time.Time
}

// Revoke revokes all certificates of the names, with one new revocation list. A
// name that is revoked already is no error. NotFound: a name is unknown;
// Conflict: it has a request only. Then nothing is revoked.
func (c *CA) Revoke(ctx context.Context, names ...string) error {
	err := c.store.Update(ctx, func(tx Tx) error {
		changed := false
		for _, name := range names {
			did, found, err := c.revokeHost(tx, name)
			if err == nil && !found {
				err = c.nothingTo(tx, name, "Cannot revoke certificate for host %s without a signed certificate")
			}
			if err != nil {
				return err
			}
			changed = changed || did
		}
		if !changed {
			return nil
		}
		return c.renewCRL(tx)
	})
	if err == nil {
		c.log.InfoContext(ctx, "certificates revoked", "names", names)
	}
	return err
}

func (c *CA) revokeHost(tx Tx, name string) (changed, found bool, err error) {
	h, found, err := get[host](tx, bucketHost, name)
	if err != nil || !found || h.Revoked {
		return false, found, err
	}
	_, infra, err := tx.Get(bucketInfra, name)
	if err != nil {
		return false, true, err
	}
	for _, serial := range h.Live {
		if err := c.revokeSerial(tx, serial, infra); err != nil {
			return false, true, err
		}
	}
	h.Revoked, h.Live = true, nil
	return true, true, put(tx, bucketHost, name, h)
}

func (c *CA) revokeSerial(tx Tx, serial string, infra bool) error {
	line, found, err := get[issued](tx, bucketIssued, serialKey(serial))
	if err != nil || !found {
		return err
	}
	if err := put(tx, bucketKey, line.KeyID, keyUse{Name: line.Name, Revoked: true, Until: line.To}); err != nil {
		return err
	}
	return put(tx, bucketRevoked, serialKey(serial), revocation{At: c.now(), Until: line.To, Infra: infra})
}

// Clean revokes and removes the certificates of the names, and removes their
// requests. Names without a certificate are given back, and are no error.
func (c *CA) Clean(ctx context.Context, names ...string) (missing []string, err error) {
	err = c.store.Update(ctx, func(tx Tx) error {
		missing = nil
		changed := false
		for _, name := range names {
			did, found, err := c.revokeHost(tx, name)
			if err != nil {
				return err
			}
			if !found {
				missing = append(missing, name)
			}
			changed = changed || did
			if _, err := remove(tx, name); err != nil {
				return err
			}
		}
		if !changed {
			return nil
		}
		return c.renewCRL(tx)
	})
	return missing, err
}

// Delete removes the certificate and the request of a name without revoking
// anything. NotFound if there is neither.
func (c *CA) Delete(ctx context.Context, name string) error {
	return c.store.Update(ctx, func(tx Tx) error {
		found, err := remove(tx, name)
		if err == nil && !found {
			err = errs.New(errs.NotFound, "Resource not found.")
		}
		return err
	})
}

func remove(tx Tx, name string) (bool, error) {
	requested, err := forget(tx, name)
	if err != nil {
		return false, err
	}
	_, signed, err := tx.Get(bucketHost, name)
	if err != nil || !signed {
		return requested, err
	}
	return true, tx.Delete(bucketHost, name)
}

// renewCRL signs the revocation lists anew: the full one, and the one of
// infrastructure hosts.
func (c *CA) renewCRL(tx Tx) error {
	st, _, err := get[state](tx, bucketState, "ca")
	if err != nil {
		return err
	}
	var all, infra []x509.RevocationListEntry
	err = scan(tx, bucketRevoked, func(serial string, r revocation) error {
		number, ok := new(big.Int).SetString(serial, 16)
		if !ok {
			return errs.New(errs.Internal, "the revoked serial %q is no number", serial)
		}
		e := x509.RevocationListEntry{SerialNumber: number, RevocationTime: r.At, ReasonCode: reasonKeyCompromise}
		all = append(all, e)
		if r.Infra {
			infra = append(infra, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key, entries := range map[string][]x509.RevocationListEntry{"crl": all, "infra_crl": infra} {
		if err := c.signCRL(tx, key, entries, st.CRLNumber); err != nil {
			return err
		}
	}
	if st, _, err = get[state](tx, bucketState, "ca"); err != nil {
		return err
	}
	st.CRLNumber++
	return put(tx, bucketState, "ca", st)
}

func (c *CA) signCRL(tx Tx, key string, entries []x509.RevocationListEntry, number int64) error {
	now := c.now()
	der, err := x509.CreateRevocationList(c.random, &x509.RevocationList{
		RevokedCertificateEntries: entries, Number: big.NewInt(number),
		ThisUpdate: now.Add(-crlBackdate), NextUpdate: now.Add(crlTTL),
	}, c.authority.Certificate(), c.authority.Key)
	if err != nil {
		return errs.Wrap(err, "sign the revocation list")
	}
	return put(tx, bucketState, key, revocationList{DER: der, Signed: now})
}

// ensureCRL makes the first revocation list, and renews one that has less than
// half its time left.
func (c *CA) ensureCRL(ctx context.Context) error {
	var list revocationList
	err := c.store.View(ctx, func(tx Tx) (err error) {
		list, _, err = get[revocationList](tx, bucketState, "crl")
		return err
	})
	if err != nil || (list.DER != nil && c.now().Sub(list.Signed) < crlTTL/2) {
		return err
	}
	return c.store.Update(ctx, c.renewCRL)
}

// CRL gives the revocation lists that agents get, in PEM: the CA's own first,
// then those of the CAs above it; and when the own one was signed.
func (c *CA) CRL(ctx context.Context) (list []byte, signed time.Time, err error) {
	if c.infraCRL {
		return c.crl(ctx, "infra_crl")
	}
	return c.crl(ctx, "crl")
}

// FullCRL is CRL with all revoked certificates: what servers check against.
func (c *CA) FullCRL(ctx context.Context) (list []byte, signed time.Time, err error) {
	return c.crl(ctx, "crl")
}

func (c *CA) crl(ctx context.Context, key string) (out []byte, signed time.Time, err error) {
	err = c.store.View(ctx, func(tx Tx) error {
		var b bytes.Buffer
		own, _, err := get[revocationList](tx, bucketState, key)
		if err != nil {
			return err
		}
		_ = pem.Encode(&b, &pem.Block{Type: "X509 CRL", Bytes: own.DER})
		signed = own.Signed
		err = scan(tx, bucketForeign, func(_ string, l revocationList) error {
			if l.Signed.After(signed) {
				signed = l.Signed
			}
			return pem.Encode(&b, &pem.Block{Type: "X509 CRL", Bytes: l.DER})
		})
		out = b.Bytes()
		return err
	})
	return out, signed, err
}

// SetCRLs takes over revocation lists of the CAs above this one. Malformed or
// Invalid: one is not a list of such a CA; then none is taken.
func (c *CA) SetCRLs(ctx context.Context, data []byte) error {
	lists, err := ParseCRLs(data)
	if err != nil {
		return err
	}
	if len(lists) == 0 {
		return errs.New(errs.Malformed, "No valid CRLs submitted, nothing will be updated.")
	}
	return c.store.Update(ctx, func(tx Tx) error {
		for _, list := range lists {
			issuer := c.issuerOf(list)
			if issuer == nil {
				return errs.New(errs.Invalid, "the revocation list of %q is not one of a CA above this one", list.Issuer.CommonName)
			}
			l := revocationList{DER: list.Raw, Signed: c.now()}
			if err := put(tx, bucketForeign, issuer.Subject.String(), l); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *CA) issuerOf(list *x509.RevocationList) *x509.Certificate {
	for _, cert := range c.authority.Chain[1:] {
		if list.CheckSignatureFrom(cert) == nil {
			return cert
		}
	}
	return nil
}

// SetInfra names the infrastructure hosts: the servers whose revocation agents
// must know of.
func (c *CA) SetInfra(ctx context.Context, names []string) error {
	return c.store.Update(ctx, func(tx Tx) error {
		var old []string
		if err := tx.Scan(bucketInfra, func(name string, _ []byte) error { old = append(old, name); return nil }); err != nil {
			return err
		}
		for _, name := range old {
			if err := tx.Delete(bucketInfra, name); err != nil {
				return err
			}
		}
		for _, name := range names {
			if err := put(tx, bucketInfra, name, struct{}{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Prune drops what expired: entries of the revocation list, key records,
// grants and tokens. It renews the list when it changes or grows old. Call it now
// and then.
func (c *CA) Prune(ctx context.Context) error {
	err := c.store.Update(ctx, func(tx Tx) error {
		now := c.now()
		dropped, err := prune(tx, bucketRevoked, func(r revocation) bool { return now.After(r.Until) })
		if err != nil {
			return err
		}
		if _, err := prune(tx, bucketKey, func(k keyUse) bool { return now.After(k.Until) }); err != nil {
			return err
		}
		if _, err := prune(tx, bucketAutosign, func(g Grant) bool { return !g.valid(now) }); err != nil {
			return err
		}
		if _, err := prune(tx, bucketToken, func(t Token) bool { return now.After(t.Expires) }); err != nil {
			return err
		}
		if dropped == 0 {
			return nil
		}
		return c.renewCRL(tx)
	})
	if err != nil {
		return err
	}
	return c.ensureCRL(ctx)
}

func prune[T any](tx Tx, bucket string, expired func(T) bool) (int, error) {
	var keys []string
	err := scan(tx, bucket, func(key string, value T) error {
		if expired(value) {
			keys = append(keys, key)
		}
		return nil
	})
	for _, key := range keys {
		if err == nil {
			err = tx.Delete(bucket, key)
		}
	}
	return len(keys), err
}
