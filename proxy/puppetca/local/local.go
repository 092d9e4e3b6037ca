// Package local is the Puppet CA provider over the certificate authority of this
// very process, and autosigning by its list of grants.
//
// It imports the standard library, internal/clock, internal/errs, pki and
// proxy/puppetca.
package local

import (
	"cmp"
	"context"
	"time"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
	"github.com/chargehand/chargehand/proxy/puppetca"
)

// DefaultTTL is how long a grant holds when nobody says.
const DefaultTTL = 24 * time.Hour

// A CA is a pki.CA with the manners of the feature. It is safe for concurrent use.
type CA struct {
	CA    *pki.CA
	Clock clock.Clock
}

var _ puppetca.CA = CA{}

// List implements puppetca.CA.
func (c CA) List(ctx context.Context) ([]puppetca.Certificate, error) {
	all, err := c.CA.Statuses(ctx, "")
	if err != nil {
		return nil, err
	}
	out := make([]puppetca.Certificate, 0, len(all))
	for _, s := range all {
		out = append(out, c.certificate(s))
	}
	return out, nil
}

func (c CA) certificate(s pki.Status) puppetca.Certificate {
	cert := puppetca.Certificate{Certname: s.Name, State: puppetca.Pending, Fingerprint: s.Fingerprint}
	if s.State == "requested" {
		return cert
	}
	cert.NotBefore, cert.NotAfter = stamp(s.NotBefore), stamp(s.NotAfter)
	if s.SerialNumber != nil {
		cert.Serial = s.SerialNumber.String()
	}
	cert.State = puppetca.Revoked
	if s.State == "signed" && !c.Clock().After(cert.NotAfter) {
		cert.State = puppetca.Valid
	}
	return cert
}

func stamp(s string) time.Time {
	t, err := time.Parse("2006-01-02T15:04:05UTC", s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Sign implements puppetca.CA.
func (c CA) Sign(ctx context.Context, certname string) error {
	err := c.CA.Sign(ctx, certname, pki.SignOptions{})
	if !errs.Is(err, errs.Conflict) {
		return err
	}
	s, look := c.CA.Status(ctx, certname)
	switch {
	case look != nil:
		return look
	case s.State == "signed":
		return nil
	case s.State == "requested":
		return errs.WrapAs(errs.Invalid, err, "the request of %s is refused", certname)
	}
	return errs.WrapAs(errs.NotFound, err, "there is no request of %s", certname)
}

// Clean implements puppetca.CA.
func (c CA) Clean(ctx context.Context, certname string) error {
	_, err := c.CA.Clean(ctx, certname)
	return err
}

// Autosign adds grants to a pki.CA's autosign list: each is for one certname, one
// signing, and a while. It is safe for concurrent use.
type Autosign struct {
	CA    *pki.CA
	Clock clock.Clock
	TTL   time.Duration // of grants that do not say; 0 is DefaultTTL
}

var _ puppetca.Autosigner = Autosign{}

// List implements puppetca.Autosigner. Patterns that were granted otherwise are
// listed as they are.
func (a Autosign) List(ctx context.Context) ([]string, error) {
	grants, err := a.CA.Grants(ctx)
	names := make([]string, 0, len(grants))
	for _, g := range grants {
		names = append(names, g.Pattern)
	}
	return names, err
}

// Add implements puppetca.Autosigner.
func (a Autosign) Add(ctx context.Context, certname string, ttl time.Duration) (token string, err error) {
	if err := puppetca.CheckCertname(certname); err != nil {
		return "", err
	}
	until := a.Clock().Add(cmp.Or(ttl, a.TTL, DefaultTTL))
	return "", a.CA.AddGrant(ctx, pki.Grant{Pattern: certname, Expires: until, Once: true})
}

// Remove implements puppetca.Autosigner.
func (a Autosign) Remove(ctx context.Context, certname string) (found bool, err error) {
	if err := puppetca.CheckCertname(certname); err != nil {
		return false, err
	}
	err = a.CA.Withdraw(ctx, certname)
	if errs.Is(err, errs.NotFound) {
		return false, nil
	}
	return err == nil, err
}
