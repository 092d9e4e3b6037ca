package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Token is a personal access token: a password of its user that can be
// revoked and ends by itself. Only the digest of its value is kept.
type Token struct {
	ID        int64
	UserID    int64
	Name      string
	Digest    []byte
	ExpiresAt time.Time // zero means never
	LastUsed  time.Time
	Revoked   bool
	CreatedAt time.Time
}

// Active tells whether the token lets anybody in at a time.
func (t *Token) Active(now time.Time) bool {
	return !t.Revoked && (t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt))
}

// CreateToken makes a token for a user and gives its value, which cannot be had
// again.
func (g *Gate) CreateToken(ctx context.Context, login, name string, expires time.Time) (value string, t *Token, err error) {
	user, err := g.mustUser(ctx, login)
	if err != nil {
		return "", nil, err
	}
	now := g.options.Clock().UTC()
	if !expires.IsZero() && !expires.After(now) {
		return "", nil, errs.InvalidField("expires_at", "cannot be in the past")
	}
	if name = strings.TrimSpace(name); name == "" || len(name) > 255 {
		return "", nil, errs.InvalidField("name", "can't be blank or longer than 255 characters")
	}
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	value = base64.RawURLEncoding.EncodeToString(raw)
	t = &Token{UserID: user.ID, Name: name, Digest: tokenDigest(value), ExpiresAt: expires, CreatedAt: now}
	return value, t, errs.Wrap(g.store.AddToken(ctx, t), "create a token for %s", user.Login)
}

// Tokens lists a user's tokens.
func (g *Gate) Tokens(ctx context.Context, user int64) ([]Token, error) {
	return g.store.Tokens(ctx, user)
}

// RevokeToken ends a user's token on every replica at once.
func (g *Gate) RevokeToken(ctx context.Context, user, id int64) error {
	return g.store.RevokeToken(ctx, user, id)
}

func tokenDigest(value string) []byte {
	sum := sha256.Sum256([]byte("token " + value))
	return sum[:]
}

// token authenticates by a token; nil without an error when it is none. Tokens
// cannot be guessed, so the limiter does not count them.
func (g *Gate) token(ctx context.Context, user *User, value string) (*Principal, error) {
	id := int64(0)
	if user != nil {
		id = user.ID
	}
	t, err := g.store.TokenByDigest(ctx, id, tokenDigest(value))
	if errs.Is(err, errs.NotFound) || err == nil && (user == nil || user.Disabled || !t.Active(g.options.Clock())) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if now := g.options.Clock().UTC(); now.Sub(t.LastUsed) > time.Minute {
		if err := g.store.UseToken(ctx, t.ID, now); err != nil {
			g.options.Log.Warn("note a token's use", "token", t.ID, "error", err)
		}
	}
	return g.principal(ctx, user, ViaToken)
}
