// Package service gives the program's own roles their certificates: a key and a
// certificate on disk, issued by the CA in the same process or asked of a CA
// over the network as an agent asks, renewed before they end, with the CA's
// chain and revocation list beside them. tlsconf follows the files.
//
// It imports pki, internal/clock, internal/errs, internal/fetch, internal/rootfs
// and internal/tlsconf.
package service

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/internal/tlsconf"
	"github.com/chargehand/chargehand/pki"
)

// maxFile bounds what is read back from the directory.
const maxFile = 64 << 20

// An Issuer is where certificates come from.
type Issuer interface {
	// Issue gives a certificate for the name and the key, in PEM. current is the
	// one in use, or nil; it belongs to the key. It may wait for a signature as
	// long as ctx lets it.
	Issue(ctx context.Context, name string, key crypto.Signer, current *x509.Certificate) ([]byte, error)

	// Trust gives the CA's chain and revocation lists, in PEM.
	Trust(ctx context.Context) (chain, lists []byte, err error)

	// Fits reports whether a certificate has all that the service wants in it.
	Fits(cert *x509.Certificate) bool
}

// Options are what a Certificate is kept with. Dir, Name and Issuer are required.
type Options struct {
	Dir    string // laid out as an agent's ssldir
	Name   string
	Issuer Issuer
	Key    pki.KeyKind
	Poll   time.Duration // how often Run looks; 5 s when zero
	Clock  clock.Clock   // clock.System when nil
	Random io.Reader     // crypto/rand when nil
	Log    *slog.Logger  // none when nil
}

// A Certificate is one service's key and certificate in a directory.
type Certificate struct {
	Options
	root *rootfs.Root
}

// Open opens the directory, which it makes if need be. Close it when done.
func Open(o Options) (*Certificate, error) {
	if err := pki.CheckName(o.Name); err != nil {
		return nil, err
	}
	if o.Poll == 0 {
		o.Poll = 5 * time.Second
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	root, err := rootfs.Open(o.Dir)
	if err != nil {
		return nil, err
	}
	return &Certificate{Options: o, root: root}, nil
}

// Close lets the directory go.
func (c *Certificate) Close() error { return c.root.Close() }

func (c *Certificate) certName() string { return "certs/" + c.Name + ".pem" }
func (c *Certificate) keyName() string  { return "private_keys/" + c.Name + ".pem" }

const (
	chainName = "certs/ca.pem"
	listsName = "crl.pem"
)

// Paths name the files for tlsconf.
func (c *Certificate) Paths() tlsconf.Paths {
	at := func(name string) string { return filepath.Join(c.Dir, filepath.FromSlash(name)) }
	return tlsconf.Paths{Certificate: at(c.certName()), Key: at(c.keyName()), CA: at(chainName), CRL: at(listsName)}
}

// Source follows the files, for the configurations of tlsconf.
func (c *Certificate) Source() tlsconf.Source { return tlsconf.Files(c.Paths(), c.Log) }

// Ensure brings the files up to date: the chain and the lists, a key if there is
// none, and a certificate if there is none that fits and has a third of its time
// left. A certificate that is still valid survives an issuer that is away.
func (c *Certificate) Ensure(ctx context.Context) error {
	chain, err := c.refreshTrust(ctx)
	if err != nil {
		return err
	}
	key, err := c.key()
	if err != nil {
		return err
	}
	current := c.current(key, chain)
	if current != nil && c.Issuer.Fits(current) && !c.ageing(current) {
		return nil
	}
	fresh, err := c.Issuer.Issue(ctx, c.Name, key, current)
	if err != nil {
		if current != nil && c.Clock().Before(current.NotAfter) {
			c.Log.WarnContext(ctx, "certificate not renewed; the old one stays in use", "name", c.Name, "until", current.NotAfter, "error", err)
			return nil
		}
		return errs.Wrap(err, "get a certificate for %s", c.Name)
	}
	if _, err := pki.ParseCertificates(fresh); err != nil {
		return err
	}
	c.Log.InfoContext(ctx, "certificate issued", "name", c.Name)
	return c.root.WriteFile(c.certName(), fresh, 0o644)
}

// Run keeps the files up to date until ctx ends.
func (c *Certificate) Run(ctx context.Context) error {
	tick := time.NewTicker(c.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := c.Ensure(ctx); err != nil && ctx.Err() == nil {
				c.Log.WarnContext(ctx, "certificate files not refreshed", "name", c.Name, "error", err)
			}
		}
	}
}

// refreshTrust writes the chain and the lists if they changed. While the issuer
// is away the files serve.
func (c *Certificate) refreshTrust(ctx context.Context) ([]*x509.Certificate, error) {
	chain, lists, err := c.Issuer.Trust(ctx)
	if err != nil {
		old, none := c.root.ReadFile(chainName, maxFile)
		if none != nil {
			return nil, errs.Wrap(err, "get the CA's certificate")
		}
		c.Log.WarnContext(ctx, "CA not reached; its old revocation list stays in use", "error", err)
		return pki.ParseCertificates(old)
	}
	certs, err := pki.ParseCertificates(chain)
	if err != nil {
		return nil, err
	}
	if _, err := pki.ParseCRLs(lists); err != nil {
		return nil, err
	}
	if err := c.writeChanged(chainName, chain); err != nil {
		return nil, err
	}
	return certs, c.writeChanged(listsName, lists)
}

func (c *Certificate) writeChanged(name string, data []byte) error {
	if old, err := c.root.ReadFile(name, maxFile); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return c.root.WriteFile(name, data, 0o644)
}

// key reads the key, or makes it.
func (c *Certificate) key() (crypto.Signer, error) {
	data, err := c.root.ReadFile(c.keyName(), maxFile)
	if err == nil {
		return pki.ParseKey(data)
	}
	if !errs.Is(err, errs.NotFound) {
		return nil, err
	}
	key, err := pki.NewKey(c.Key, c.Random)
	if err != nil {
		return nil, errs.Wrap(err, "make the key of %s", c.Name)
	}
	if data, err = pki.EncodeKey(key); err != nil {
		return nil, err
	}
	return key, c.root.WriteFile(c.keyName(), data, 0o600)
}

// current is the certificate on disk if it is one for the key, by the CA.
func (c *Certificate) current(key crypto.Signer, chain []*x509.Certificate) *x509.Certificate {
	data, err := c.root.ReadFile(c.certName(), maxFile)
	if err != nil {
		return nil
	}
	certs, err := pki.ParseCertificates(data)
	if err != nil {
		return nil
	}
	own, err := pki.KeyID(key.Public())
	if err != nil {
		return nil
	}
	id, err := pki.KeyID(certs[0].PublicKey)
	if err != nil || id != own || certs[0].Subject.CommonName != c.Name {
		return nil
	}
	if !slices.ContainsFunc(chain, func(ca *x509.Certificate) bool { return certs[0].CheckSignatureFrom(ca) == nil }) {
		return nil
	}
	return certs[0]
}

func (c *Certificate) ageing(cert *x509.Certificate) bool {
	life := cert.NotAfter.Sub(cert.NotBefore)
	return cert.NotAfter.Sub(c.Clock()) < life/3
}
