package pki

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
)

// Options are what a CA is made of. Authority, Store and Clock are required.
type Options struct {
	Authority *Authority
	Store     Store
	Clock     clock.Clock
	Policy    Policy
	TTL       time.Duration // of certificates; DefaultTTL when zero
	InfraCRL  bool          // agents get the list of revoked infrastructure hosts only
	Random    io.Reader     // crypto/rand when nil
	Log       *slog.Logger  // none when nil
}

// A CA decides about certificates and keeps account of them. It is safe for
// concurrent use; several CAs over one Store, with one Authority, are one CA.
type CA struct {
	authority *Authority
	store     Store
	now       clock.Clock
	policy    Policy
	ttl       time.Duration
	infraCRL  bool
	random    io.Reader
	log       *slog.Logger
}

// New makes a CA, and its first revocation list if the store has none.
func New(ctx context.Context, o Options) (*CA, error) {
	c := &CA{
		authority: o.Authority, store: o.Store, now: o.Clock, policy: o.Policy, ttl: o.TTL,
		infraCRL: o.InfraCRL, random: o.Random, log: o.Log,
	}
	if c.ttl == 0 {
		c.ttl = DefaultTTL
	}
	if c.random == nil {
		c.random = rand.Reader
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, c.ensureCRL(ctx)
}

// state is the CA's own record.
type state struct {
	NextSerial string // hex
	CRLNumber  int64
	Pending    int // how many requests wait
}

// pendingRequest is a request that waits for a decision.
type pendingRequest struct {
	DER      []byte
	Received time.Time
}

// host is a name with a certificate.
type host struct {
	Certificate []byte   // DER, the newest
	Serial      string   // of Certificate, hex
	Live        []string // all serials of the name that are neither revoked nor known to be expired
	Revoked     bool
}

// issued is a line of the inventory; it outlives its host record.
type issued struct {
	Name     string
	From, To time.Time
	KeyID    string
}

// keyUse remembers whose a key is, so that nobody else gets a certificate for it.
type keyUse struct {
	Name    string
	Revoked bool
	Until   time.Time
}

// Authority is the chain and key that the CA signs with.
func (c *CA) Authority() *Authority { return c.authority }

// issue turns a request into a certificate and does the book-keeping.
func (c *CA) issue(tx Tx, r *Request, ttl time.Duration) (*x509.Certificate, error) {
	l := leaf{name: r.Name, public: r.PublicKey, dns: r.DNSNames, ips: r.IPs, extensions: r.extensions}
	if len(l.dns) == 0 {
		l.dns = []string{r.Name}
	}
	if _, err := forget(tx, r.Name); err != nil {
		return nil, err
	}
	return c.certify(tx, l, r.KeyID, ttl)
}

// certify gives the leaf a serial and a validity, signs it, and makes it the
// current certificate of its name.
func (c *CA) certify(tx Tx, l leaf, keyID string, ttl time.Duration) (*x509.Certificate, error) {
	serial, err := nextSerial(tx)
	if err != nil {
		return nil, err
	}
	now := c.now()
	l.serial, l.from, l.to = serial, now.Add(-backdate), now.Add(ttl)
	cert, err := c.authority.sign(l, c.random)
	if err != nil {
		return nil, err
	}
	key := serial.Text(16)
	h, _, err := get[host](tx, bucketHost, l.name)
	if err != nil {
		return nil, err
	}
	live, err := stillValid(tx, h.Live, now)
	if err != nil {
		return nil, err
	}
	h = host{Certificate: cert.Raw, Serial: key, Live: append(live, key)}
	if err := put(tx, bucketHost, l.name, h); err != nil {
		return nil, err
	}
	if err := put(tx, bucketKey, keyID, keyUse{Name: l.name, Until: cert.NotAfter}); err != nil {
		return nil, err
	}
	return cert, put(tx, bucketIssued, serialKey(key), issued{Name: l.name, From: cert.NotBefore, To: cert.NotAfter, KeyID: keyID})
}

// stillValid leaves out the serials whose certificates have ended. A revoked host
// has none.
func stillValid(tx Tx, serials []string, now time.Time) ([]string, error) {
	var valid []string
	for _, serial := range serials {
		line, found, err := get[issued](tx, bucketIssued, serialKey(serial))
		if err != nil {
			return nil, err
		}
		if found && now.Before(line.To) {
			valid = append(valid, serial)
		}
	}
	return valid, nil
}

// nextSerial takes a serial for good: the CA's own certificate has 1.
func nextSerial(tx Tx) (*big.Int, error) {
	st, _, err := get[state](tx, bucketState, "ca")
	if err != nil {
		return nil, err
	}
	serial := big.NewInt(2)
	if st.NextSerial != "" {
		if _, ok := serial.SetString(st.NextSerial, 16); !ok {
			return nil, errs.New(errs.Internal, "the next serial %q is no number", st.NextSerial)
		}
	}
	st.NextSerial = new(big.Int).Add(serial, big.NewInt(1)).Text(16)
	return serial, put(tx, bucketState, "ca", st)
}

// SignOptions vary the signing of one request.
type SignOptions struct {
	TTL time.Duration // the CA's when zero
	// AllowAltNames and AllowAuthExtensions are the operator's word, over the policy's.
	AllowAltNames       bool
	AllowAuthExtensions bool
}

// Sign signs the waiting request of name. NotFound: the name is unknown;
// Conflict: there is no request, or it asks for what the policy refuses.
func (c *CA) Sign(ctx context.Context, name string, o SignOptions) error {
	if o.TTL < 0 {
		return errs.New(errs.Invalid, "a certificate cannot be valid for %s", o.TTL)
	}
	if o.TTL == 0 {
		o.TTL = c.ttl
	}
	policy := c.policy
	policy.AllowAltNames = policy.AllowAltNames || o.AllowAltNames
	policy.AllowAuthExtensions = policy.AllowAuthExtensions || o.AllowAuthExtensions
	err := c.store.Update(ctx, func(tx Tx) error {
		pending, found, err := get[pendingRequest](tx, bucketRequest, name)
		if err != nil {
			return err
		}
		if !found {
			return c.nothingTo(tx, name, "Cannot sign certificate for host %s without a certificate request")
		}
		r, err := parseRequestDER(pending.DER)
		if err != nil {
			return err
		}
		if err := policy.vet(r); err != nil {
			return err
		}
		_, err = c.issue(tx, r, o.TTL)
		return err
	})
	if err == nil {
		c.log.InfoContext(ctx, "certificate signed", "name", name)
	}
	return err
}

// nothingTo explains why there is nothing to sign or revoke.
func (c *CA) nothingTo(tx Tx, name, conflict string) error {
	status, err := currentState(tx, name)
	if err != nil {
		return err
	}
	if status == "" {
		return errs.New(errs.NotFound, "Invalid certificate subject.")
	}
	return errs.New(errs.Conflict, conflict, name)
}

// Certificate gives the certificate of name in PEM; "ca" is the CA's chain.
func (c *CA) Certificate(ctx context.Context, name string) ([]byte, error) {
	if name == "ca" {
		return c.authority.ChainPEM(), nil
	}
	var out []byte
	err := c.store.View(ctx, func(tx Tx) error {
		h, found, err := get[host](tx, bucketHost, name)
		if err == nil && !found {
			err = errs.New(errs.NotFound, "Could not find certificate %s", name)
		}
		out = certificatePEM(h.Certificate)
		return err
	})
	return out, err
}

// Request gives the waiting request of name in PEM.
func (c *CA) Request(ctx context.Context, name string) ([]byte, error) {
	var out []byte
	err := c.store.View(ctx, func(tx Tx) error {
		pending, found, err := get[pendingRequest](tx, bucketRequest, name)
		if err == nil && !found {
			err = errs.New(errs.NotFound, "Could not find certificate_request %s", name)
		}
		out = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: pending.DER})
		return err
	})
	return out, err
}
