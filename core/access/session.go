package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A SessionID is what the database knows of a session's cookie: its digest.
// Who reads the database cannot make the cookie of it.
type SessionID [sha256.Size]byte

// String is the id in hexadecimal, as it is stored.
func (id SessionID) String() string { return hex.EncodeToString(id[:]) }

// A Session is somebody's being logged in, on every replica alike.
type Session struct {
	ID      SessionID
	UserID  int64
	Stamp   string // changes with the user's password
	API     bool   // made by an API login: exempt from CSRF checks
	Remote  string
	Begun   time.Time
	Seen    time.Time
	Current Current
}

// Current is what a session holds besides the user.
type Current struct {
	OrganizationID int64  `json:"organization_id,omitempty"`
	LocationID     int64  `json:"location_id,omitempty"`
	Notice         string `json:"notice,omitempty"` // to be shown once
}

const cookieSize = 32

// NewSession makes a session for a principal and gives its cookie's value. A
// cookie that the browser sent before must not be used on: end it with
// EndSession.
func (g *Gate) NewSession(ctx context.Context, p *Principal, remote string, api bool) (cookie string, s *Session, err error) {
	user, err := g.userByID(ctx, p.UserID)
	if err != nil {
		return "", nil, err
	}
	raw := make([]byte, cookieSize)
	_, _ = rand.Read(raw) // never fails
	now := g.options.Clock().UTC()
	s = &Session{ID: sha256.Sum256(raw), UserID: user.ID, Stamp: stamp(user), API: api, Remote: clip(remote), Begun: now, Seen: now}
	return base64.RawURLEncoding.EncodeToString(raw), s, g.store.AddSession(ctx, s)
}

// Session gives the session of a cookie and its principal. What is forged,
// over, or of a user who was disabled or has another password by now is
// Unauthenticated.
func (g *Gate) Session(ctx context.Context, cookie string) (*Session, *Principal, error) {
	id, err := readCookie(cookie)
	if err != nil {
		return nil, nil, err
	}
	s, err := g.store.Session(ctx, id)
	if errs.Is(err, errs.NotFound) {
		return nil, nil, errOver()
	}
	if err != nil {
		return nil, nil, err
	}
	now := g.options.Clock().UTC()
	if now.Sub(s.Seen) > g.options.Idle || now.Sub(s.Begun) > g.options.Lifetime {
		return nil, nil, g.over(ctx, id)
	}
	user, err := g.userByID(ctx, s.UserID)
	if errs.Is(err, errs.Unauthenticated) {
		return nil, nil, g.over(ctx, id)
	}
	if err != nil {
		return nil, nil, err
	}
	if subtle.ConstantTimeCompare([]byte(stamp(user)), []byte(s.Stamp)) != 1 {
		return nil, nil, g.over(ctx, id)
	}
	if now.Sub(s.Seen) > g.options.Idle/20 {
		s.Seen = now
		if err := g.store.KeepSession(ctx, s); err != nil {
			return nil, nil, err
		}
	}
	p, err := g.principal(ctx, user, ViaSession)
	return s, p, err
}

func (g *Gate) over(ctx context.Context, id SessionID) error {
	if err := g.store.DropSession(ctx, id); err != nil {
		return err
	}
	return errOver()
}

func errOver() error {
	return errs.New(errs.Unauthenticated, "Your session is over, please log in again")
}

// KeepSession writes what the session holds.
func (g *Gate) KeepSession(ctx context.Context, s *Session) error {
	return g.store.KeepSession(ctx, s)
}

// EndSession logs out. A cookie of no session is no error.
func (g *Gate) EndSession(ctx context.Context, cookie string) error {
	id, err := readCookie(cookie)
	if err != nil {
		return nil
	}
	return g.store.DropSession(ctx, id)
}

// readCookie reads a cookie's value, in its one spelling.
func readCookie(cookie string) (SessionID, error) {
	if len(cookie) != base64.RawURLEncoding.EncodedLen(cookieSize) {
		return SessionID{}, errOver()
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cookie)
	if err != nil || len(raw) != cookieSize {
		return SessionID{}, errOver()
	}
	return sha256.Sum256(raw), nil
}

// stamp is what a session keeps of the password's hash.
func stamp(u *User) string {
	sum := sha256.Sum256([]byte("session " + u.Password.Reveal()))
	return hex.EncodeToString(sum[:16])
}

// Run drops sessions and counters that are over, until ctx ends.
func (g *Gate) Run(ctx context.Context) error {
	every := time.NewTicker(10 * time.Minute)
	defer every.Stop()
	for {
		now := g.options.Clock().UTC()
		err := g.store.DropStale(ctx, now.Add(-g.options.Idle), now.Add(-g.options.Lifetime), now.Add(-g.options.Window))
		if err != nil && ctx.Err() == nil {
			g.options.Log.Error("drop old sessions", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}
