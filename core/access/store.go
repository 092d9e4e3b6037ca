package access

import (
	"context"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Store keeps what is not a noun: sessions, tokens and failed logins, and
// reads grants in one go. It holds SQL and no decisions. All methods are safe
// for concurrent use.
type Store interface {
	// Grants reads the roles of a user, the default role among them, with their
	// filters, and the taxonomies of the user with all below them.
	Grants(ctx context.Context, user int64) (*Holdings, error)

	// Attempt counts a login for each key, unless one of them has been counted
	// limit times since its window began: then it counts nothing and gives when
	// that window ends. Windows begin with the first attempt and last window.
	// However many call at once, no more than limit get through.
	Attempt(ctx context.Context, keys []string, limit int, now time.Time, window time.Duration) (blockedUntil time.Time, err error)
	// Blocked is Attempt without counting.
	Blocked(ctx context.Context, keys []string, limit int, now time.Time, window time.Duration) (blockedUntil time.Time, err error)
	// Forgive takes one attempt back from each of back, and all from clear.
	Forgive(ctx context.Context, back, clear []string) error

	// AddSession writes a session; the caller has made its id.
	AddSession(ctx context.Context, s *Session) error
	// Session reads one by id; NotFound when there is none.
	Session(ctx context.Context, id SessionID) (*Session, error)
	// KeepSession writes the time it was last seen and its values.
	KeepSession(ctx context.Context, s *Session) error
	// DropSession deletes one; it is no error when there is none.
	DropSession(ctx context.Context, id SessionID) error
	// DropStale deletes sessions last seen before idle or begun before absolute,
	// and counters whose window began before attempts.
	DropStale(ctx context.Context, idle, absolute, attempts time.Time) error

	// AddToken writes a personal access token and sets its id.
	AddToken(ctx context.Context, t *Token) error
	// TokenByDigest finds a user's token by the digest of its value; NotFound
	// when there is none.
	TokenByDigest(ctx context.Context, user int64, digest []byte) (*Token, error)
	// Tokens lists a user's tokens, newest first.
	Tokens(ctx context.Context, user int64) ([]Token, error)
	// UseToken notes when a token was last used.
	UseToken(ctx context.Context, id int64, at time.Time) error
	// RevokeToken revokes a user's token; NotFound when there is none.
	RevokeToken(ctx context.Context, user, id int64) error
}

// Holdings are what a user's roles and memberships give, as they are stored.
type Holdings struct {
	Roles                    []int64
	Filters                  []StoredFilter
	Organizations, Locations []int64
}

// A StoredFilter is a filter with its role's name and what limits it.
type StoredFilter struct {
	ID          int64
	Role        string
	Resource    string
	Search      string
	Permissions []string
	// The filter's own taxonomies if it overrides its role's, else the role's.
	Organizations, Locations []int64
}

// TooManyTries is the cause inside the Unauthenticated that the limiter gives.
type TooManyTries struct{ Until time.Time }

func (t *TooManyTries) Error() string { return "blocked until " + t.Until.UTC().Format(time.RFC3339) }

func tooMany(until time.Time) error {
	return errs.WrapAs(errs.Unauthenticated, &TooManyTries{until}, "Too many tries, please try again in a few minutes.")
}
