// Package dns is the DNS feature of the Smart Proxy: what a provider promises,
// and the rules that all providers share (what a well-formed record is, when a
// record is already there, when it is in the way).
//
// It is pure and imports only the standard library and internal/errs. Providers
// are its sub-packages.
package dns

import "context"

// A Type is a resource record type that the feature manages.
type Type string

// The types.
const (
	A     Type = "A"
	AAAA  Type = "AAAA"
	CNAME Type = "CNAME"
	PTR   Type = "PTR"
	SRV   Type = "SRV"
)

// A Record is one resource record as it stands in the zone. Make one with
// NewRecord or Reverse: providers rely on its fields being checked and
// normalized.
type Record struct {
	Name  string // owner, without trailing dot; for PTR the reverse name (….in-addr.arpa)
	Type  Type
	Value string // address (canonical), target name without trailing dot, or "priority weight port target"
}

// A Provider keeps records in some DNS server. All methods are safe for
// concurrent use, change the outside world before they return nil, and may be
// retried: a repeated call with the same arguments finds its work done and
// returns nil.
//
// Errors: Conflict as said below; Upstream when the server refuses or cannot be
// reached; Unavailable when it asks to be left alone for now; Invalid when no
// zone of the provider holds the name. Nothing was changed when Conflict or
// Invalid is returned; after Upstream or Unavailable the change may or may not
// have happened.
type Provider interface {
	// Create makes r resolvable. When the name has records of the same type
	// already (or a CNAME, or r is a CNAME and the name has anything), Decide
	// says what happens: nothing to do, or Conflict. SRV records accumulate.
	Create(ctx context.Context, r Record) error

	// Delete removes all records of that name and type; others stay. Absent
	// records are no error.
	Delete(ctx context.Context, name string, t Type) error
}
