package provision

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"github.com/google/uuid"

	"github.com/chargehand/chargehand/internal/errs"
)

// A BuildToken lets a machine in its installer fetch what is rendered for its
// host, and nothing else.
type BuildToken struct {
	Value   string
	Expires time.Time // zero never
}

// NewBuildToken makes a token of 122 random bits that lives so long from now;
// 0 is for ever.
func NewBuildToken(now time.Time, life time.Duration) (BuildToken, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return BuildToken{}, errs.WrapAs(errs.Internal, err, "make a build token")
	}
	t := BuildToken{Value: id.String()}
	if life > 0 {
		t.Expires = now.Add(life)
	}
	return t, nil
}

// Check compares in constant time what a machine presents: NotFound when it is
// another token, Unauthenticated when it is this one and has expired.
func (t BuildToken) Check(presented string, now time.Time) error {
	// Hashes are of one length, so that not even the length is told.
	a, b := sha256.Sum256([]byte(t.Value)), sha256.Sum256([]byte(presented))
	if subtle.ConstantTimeCompare(a[:], b[:]) != 1 || t.Value == "" {
		return errs.New(errs.NotFound, "no host has this build token")
	}
	if !t.Expires.IsZero() && !now.Before(t.Expires) {
		return errs.New(errs.Unauthenticated, "the build token has expired")
	}
	return nil
}
