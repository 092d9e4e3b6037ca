package pki

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Grant is a line of the autosign list that was added while running: a build
// is under way and its machine will ask for a certificate.
type Grant struct {
	Pattern string    // as CheckPattern has it
	Expires time.Time // never when zero
	Once    bool      // withdrawn by the signing that it allowed
}

// AddGrant adds a line to the autosign list, or replaces the one of the same pattern.
func (c *CA) AddGrant(ctx context.Context, g Grant) error {
	if err := CheckPattern(g.Pattern); err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx Tx) error { return put(tx, bucketAutosign, g.Pattern, g) })
}

// Withdraw takes a line off the autosign list. NotFound if it is not there.
func (c *CA) Withdraw(ctx context.Context, pattern string) error {
	return c.store.Update(ctx, func(tx Tx) error {
		_, found, err := tx.Get(bucketAutosign, pattern)
		if err == nil && !found {
			err = errs.New(errs.NotFound, "Attempt to remove nonexistent client autosign for %s", pattern)
		}
		if err != nil {
			return err
		}
		return tx.Delete(bucketAutosign, pattern)
	})
}

// Grants lists the autosign list's lines that have not expired.
func (c *CA) Grants(ctx context.Context) ([]Grant, error) {
	grants := []Grant{}
	err := c.store.View(ctx, func(tx Tx) error {
		grants = grants[:0]
		return scan(tx, bucketAutosign, func(_ string, g Grant) error {
			if g.valid(c.now()) {
				grants = append(grants, g)
			}
			return nil
		})
	})
	return grants, err
}

func (g Grant) valid(now time.Time) bool { return g.Expires.IsZero() || now.Before(g.Expires) }

// A Token is a secret that gets a request signed which carries it as its
// challenge password. Only its digest is kept.
type Token struct {
	Pattern string // which names it is good for
	Expires time.Time
	Once    bool
}

// NewToken makes a token.
func (c *CA) NewToken(ctx context.Context, t Token) (string, error) {
	if err := CheckPattern(t.Pattern); err != nil {
		return "", err
	}
	secret := make([]byte, 24)
	if _, err := io.ReadFull(c.random, secret); err != nil {
		return "", errs.Wrap(err, "make a token")
	}
	text := base64.RawURLEncoding.EncodeToString(secret)
	return text, c.store.Update(ctx, func(tx Tx) error { return put(tx, bucketToken, tokenKey(text), t) })
}

// RevokeToken makes a token worthless; one that is unknown is no error.
func (c *CA) RevokeToken(ctx context.Context, token string) error {
	return c.store.Update(ctx, func(tx Tx) error { return tx.Delete(bucketToken, tokenKey(token)) })
}

func tokenKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// ask puts a request to the policy's own judge, outside of any transaction and
// only when it would be admitted just now.
func (c *CA) ask(ctx context.Context, name string, r *Request) (bool, error) {
	if c.policy.Ask == nil {
		return false, nil
	}
	if err := c.store.View(ctx, func(tx Tx) error { return c.admit(tx, name, r) }); err != nil {
		return false, err
	}
	sign, err := c.policy.Ask(ctx, name, r.PEM())
	if err != nil {
		c.log.WarnContext(ctx, "the autosign policy could not be asked; the request waits", "name", name, "error", err)
		return false, nil
	}
	return sign, nil
}

// A permission is the answer to whether a request is signed at once.
type permission struct {
	yes         bool
	explicit    bool   // by a token, or a grant of this very name
	bucket, key string // what to delete when it is used, if anything
}

func (p permission) spend(tx Tx) error {
	if p.key == "" {
		return nil
	}
	return tx.Delete(p.bucket, p.key)
}

// autosign looks for what would sign the request: a token, then a grant of the
// name, then grants by glob and the configured policy.
func (c *CA) autosign(tx Tx, r *Request) (permission, error) {
	now := c.now()
	if r.Challenge != "" {
		key := tokenKey(r.Challenge)
		t, found, err := get[Token](tx, bucketToken, key)
		if err != nil {
			return permission{}, err
		}
		if found && now.Before(t.Expires) && matchPattern(t.Pattern, r.Name) {
			return spending(t.Once, bucketToken, key), nil
		}
	}
	g, found, err := get[Grant](tx, bucketAutosign, r.Name)
	if err != nil {
		return permission{}, err
	}
	if found && g.valid(now) {
		return spending(g.Once, bucketAutosign, r.Name), nil
	}
	yes := c.policy.autosigns(r.Name)
	var once permission
	err = scan(tx, bucketAutosign, func(pattern string, g Grant) error {
		if g.valid(now) && matchPattern(pattern, r.Name) {
			yes = yes || !g.Once
			once = spending(g.Once, bucketAutosign, pattern)
		}
		return nil
	})
	if !yes && once.yes {
		once.explicit = false
		return once, err
	}
	return permission{yes: yes}, err
}

func spending(once bool, bucket, key string) permission {
	p := permission{yes: true, explicit: true}
	if once {
		p.bucket, p.key = bucket, key
	}
	return p
}
