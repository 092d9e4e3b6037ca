package noun

import (
	"log/slog"
	"time"
)

// Base is what every record has; structs embed it.
type Base struct {
	ID        int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

func (b *Base) base() *Base { return b }

// Taxed is what records that live in organizations and locations embed. nil
// means "not loaded", or on a save "leave as it is".
type Taxed struct {
	OrganizationIDs []int64
	LocationIDs     []int64
}

// A Parameter is one typed name and value on a record that has parameters; a
// host's are resolved through all of its sources by core/param.
type Parameter struct {
	Base
	Name     string
	Type     string // string boolean integer real array hash yaml json
	Value    string // as text, whatever the type; Typed in core/param reads it
	Hidden   bool   // masked for whoever may not edit it
	Kind     string // Foreman's class name, "DomainParameter"; set by the store
	ParentID int64  // the record it belongs to; 0 for global ones
	Search   string // the text that params.x compares with
}

// A Secret is text that is sealed at rest and never printed.
type Secret string

// Masked is what stands for a secret or hidden value in output.
const Masked = "*****"

// String masks the secret.
func (s Secret) String() string { return Masked }

// GoString masks the secret.
func (s Secret) GoString() string { return Masked }

// LogValue masks the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Masked) }

// MarshalJSON masks the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Masked + `"`), nil }

// Reveal is the plain text, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// A Sealer keeps secrets unreadable in the database (AES-256-GCM).
type Sealer interface {
	// Seal gives text that only Open reads; equal secrets seal differently.
	Seal(plain string) (string, error)
	// Open gives the plain text, or an error when the text was changed or sealed
	// with an unknown key.
	Open(sealed string) (string, error)
}
