package service

import (
	"context"
	"crypto"
	"crypto/x509"
	"net"
	"slices"
	"time"

	"github.com/chargehand/chargehand/pki"
)

// serviceTTL is how long a service's certificate lasts; it is renewed after two
// thirds of it.
const serviceTTL = 365 * 24 * time.Hour

// A Local issuer is the CA of this very process.
type Local struct {
	CA       *pki.CA
	DNSNames []string // besides the name itself
	IPs      []net.IP
	Admin    bool // may use the CA API, as a Puppet Server's own certificate
}

var _ Issuer = Local{}

// Issue issues. The program is the CA's master, so that it may take a name over
// that another key had; that one's certificate stays valid.
func (l Local) Issue(ctx context.Context, name string, key crypto.Signer, _ *x509.Certificate) ([]byte, error) {
	return l.CA.Issue(ctx, pki.Service{
		Name: name, DNSNames: l.DNSNames, IPs: l.IPs, PublicKey: key.Public(), Admin: l.Admin, TTL: serviceTTL, TakeOver: true,
	})
}

// Trust gives the CA's chain and its full revocation list.
func (l Local) Trust(ctx context.Context) (chain, lists []byte, err error) {
	lists, _, err = l.CA.FullCRL(ctx)
	return l.CA.Authority().ChainPEM(), lists, err
}

// Fits compares names, addresses and rights.
func (l Local) Fits(cert *x509.Certificate) bool {
	for _, name := range l.DNSNames {
		if !slices.Contains(cert.DNSNames, name) {
			return false
		}
	}
	for _, ip := range l.IPs {
		if !slices.ContainsFunc(cert.IPAddresses, ip.Equal) {
			return false
		}
	}
	return pki.MayAdminister(cert) == l.Admin
}
