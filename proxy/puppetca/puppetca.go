// Package puppetca is the Puppet CA feature of the Smart Proxy: certificates
// listed, signed and cleaned, and the autosigning of machines that are being
// built.
//
// It is pure and imports only the standard library and internal/errs. Providers are its
// sub-packages.
package puppetca

import (
	"context"
	"time"
)

// A State is where a certificate or request stands.
type State string

// The states. An expired certificate counts as revoked.
const (
	Valid   State = "valid"
	Pending State = "pending"
	Revoked State = "revoked"
)

// A Certificate is a line of the list. Serial, NotBefore and NotAfter are zero
// while the request is pending.
type Certificate struct {
	Certname    string
	State       State
	Fingerprint string // as the CA writes it: SHA256 in hex with colons
	Serial      string // decimal
	NotBefore   time.Time
	NotAfter    time.Time
}

// A CA signs and revokes. All methods are safe for concurrent use.
type CA interface {
	// List gives certificates and requests by certname; the slice is the
	// caller's. May be retried. Errors: Upstream, Unavailable.
	List(ctx context.Context) ([]Certificate, error)

	// Sign signs the pending request of certname. Signing what is signed
	// already is success. NotFound when there is neither request nor
	// certificate, Invalid when the CA's policy refuses, Upstream.
	Sign(ctx context.Context, certname string) error

	// Clean revokes certname's certificate and removes it and its request.
	// Absent ones are no error. Upstream.
	Clean(ctx context.Context, certname string) error
}

// An Autosigner decides which requests are signed without being asked. All
// methods are safe for concurrent use, durable before they return nil, and may
// be retried. Errors: Malformed for a certname that cannot be one; Unavailable
// when storage fails.
type Autosigner interface {
	// List gives the certnames that would be signed, in no promised order; the
	// slice is the caller's.
	List(ctx context.Context) ([]string, error)

	// Add has certname's request signed once it comes. ttl bounds how long;
	// 0 is the provider's own choice, and providers without expiry pass over
	// it. The token, when not empty, must be in the request. A certname that
	// is there already is success (with a fresh token).
	Add(ctx context.Context, certname string, ttl time.Duration) (token string, err error)

	// Remove takes certname back, and says whether it was there. Providers
	// that cannot tell say true.
	Remove(ctx context.Context, certname string) (found bool, err error)
}

// A Validator is an Autosigner that can judge a request by what is in it.
type Validator interface {
	// Validate reports whether the PEM-encoded request is to be signed, and
	// uses its token up. Not safe to retry: a second call says false.
	Validate(ctx context.Context, csrPEM []byte) (bool, error)
}
