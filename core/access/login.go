package access

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
)

// Options tune a Gate. Zero fields mean the values in brackets.
type Options struct {
	// Attempts is how many logins may fail per account, and per address, within
	// Window before more are refused (30 in 5 minutes, as upstream).
	Attempts int
	Window   time.Duration
	// Idle and Lifetime end sessions (one hour unused; one day in all).
	Idle     time.Duration
	Lifetime time.Duration
	Clock    clock.Clock  // the system's
	Log      *slog.Logger // discarded
}

// A Gate authenticates. It is safe for concurrent use; every replica has one,
// and all that must be equal between them is in the database.
type Gate struct {
	nouns   *noun.Registry
	store   Store
	hasher  *Hasher
	options Options
}

// NewGate makes a gate over the nouns of users and the store beside them. The
// hasher is the one that UserNoun was declared with.
func NewGate(nouns *noun.Registry, store Store, hasher *Hasher, o Options) *Gate {
	if o.Attempts <= 0 {
		o.Attempts = 30
	}
	if o.Window <= 0 {
		o.Window = 5 * time.Minute
	}
	if o.Idle <= 0 {
		o.Idle = time.Hour
	}
	if o.Lifetime <= 0 {
		o.Lifetime = 24 * time.Hour
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Gate{nouns: nouns, store: store, hasher: hasher, options: o}
}

// A Login is an attempt to be let in.
type Login struct {
	Login    string
	Password string
	Remote   netip.Addr
	// API lets the password be a personal access token, as Basic of the API does.
	API bool
}

// Login authenticates by login and password, or token. Errors are
// Unauthenticated, with a *TooManyTries inside when the limiter spoke; whether
// the user exists shows neither in them nor in the time they take.
func (g *Gate) Login(ctx context.Context, l Login) (*Principal, error) {
	user, err := g.userByLogin(ctx, l.Login)
	if err != nil {
		return nil, err
	}
	if l.API {
		p, err := g.token(ctx, user, l.Password)
		if p != nil || err != nil {
			return p, err
		}
	}
	keys := limiterKeys(l)
	hash := ""
	if user != nil {
		hash = user.Password.Reveal()
	}
	ok, err := g.verify(ctx, keys, hash, l.Password, user)
	if err != nil {
		return nil, err
	}
	if !ok {
		g.options.Log.Info("a login was refused", "login", clip(l.Login), "remote", l.Remote.String())
		return nil, refused(l.Login)
	}
	if user.Disabled {
		return nil, errs.New(errs.Unauthenticated, "User account is disabled, please contact your administrator")
	}
	return g.principal(ctx, user, ViaPassword)
}

// verify checks a password within the limiter. An attempt is counted before the
// password is looked at and taken back when it was right, so that parallel
// guesses are counted exactly.
func (g *Gate) verify(ctx context.Context, keys []string, hash, password string, user *User) (bool, error) {
	now := g.options.Clock()
	if hash != "" && password != "" && g.hasher.Knows(hash, password) {
		until, err := g.store.Blocked(ctx, keys, g.options.Attempts, now, g.options.Window)
		if err == nil && !until.IsZero() {
			err = tooMany(until)
		}
		return err == nil, err
	}
	until, err := g.store.Attempt(ctx, keys, g.options.Attempts, now, g.options.Window)
	if err != nil {
		return false, err
	}
	if !until.IsZero() {
		return false, tooMany(until)
	}
	ok, stale, err := g.hasher.Verify(ctx, hash, password)
	if !ok || err != nil {
		return false, err
	}
	if err := g.store.Forgive(ctx, keys[1:], keys[:1]); err != nil {
		return false, err
	}
	g.noteLogin(ctx, user, password, stale)
	return true, nil
}

// noteLogin keeps the time, and the hash at today's cost. It is no reason to
// refuse a login when that fails.
func (g *Gate) noteLogin(ctx context.Context, user *User, password string, stale bool) {
	users := noun.Of[User](g.nouns)
	fields := []*noun.Field{users.Field("last_login_on")}
	hash := user.Password
	if stale {
		if anew, err := g.hasher.Hash(ctx, password); err == nil {
			hash, fields = noun.Secret(anew), append(fields, users.Field("password"))
		}
	}
	err := g.nouns.Write(ctx, func(tx *noun.Tx) error {
		u, err := noun.Load[User](ctx, tx, user.ID)
		if err != nil {
			return err
		}
		if u.Password != user.Password {
			return nil // it was changed in this very moment
		}
		u.LastLoginOn, u.Password = tx.Now(), hash
		return tx.Conn().Update(ctx, users.Any, u, fields)
	})
	if err != nil {
		g.options.Log.Warn("note a login", "login", user.Login, "error", err)
	}
}

// limiterKeys are what a failed login is counted by: account, then address. An
// IPv6 customer has a /64.
func limiterKeys(l Login) []string {
	addr := l.Remote.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	from := prefix.String()
	if err != nil {
		from = "unknown"
	}
	return []string{"account " + clip(strings.ToLower(l.Login)), "address " + from}
}

func clip(s string) string {
	if len(s) > 100 {
		s = s[:100]
	}
	return strings.ToValidUTF8(s, "?")
}

func refused(login string) error {
	return errs.New(errs.Unauthenticated, "Unable to authenticate user %s", clip(login))
}

// userByLogin gives nil without an error when there is no such user.
func (g *Gate) userByLogin(ctx context.Context, login string) (*User, error) {
	var found *User
	err := g.nouns.Read(ctx, func(tx *noun.Tx) error {
		users, err := noun.Find[User](ctx, tx, noun.Match{"login_key": strings.ToLower(clip(login))})
		if len(users) == 1 && len(login) <= 100 {
			found = users[0]
		}
		return err
	})
	return found, err
}

// User gives the principal of an account by id, as plans and sessions need it.
// A disabled or deleted account is Unauthenticated.
func (g *Gate) User(ctx context.Context, id int64, via Via) (*Principal, error) {
	user, err := g.userByID(ctx, id)
	if err != nil {
		return nil, err
	}
	return g.principal(ctx, user, via)
}

func (g *Gate) userByID(ctx context.Context, id int64) (*User, error) {
	var user *User
	err := g.nouns.Read(ctx, func(tx *noun.Tx) error {
		var err error
		user, err = noun.Load[User](ctx, tx, id)
		return err
	})
	if errs.Is(err, errs.NotFound) || err == nil && user.Disabled {
		return nil, errs.New(errs.Unauthenticated, "the user account is gone or disabled")
	}
	return user, err
}

func (g *Gate) principal(ctx context.Context, u *User, via Via) (*Principal, error) {
	h, err := g.store.Grants(ctx, u.ID)
	if err != nil {
		return nil, errs.Wrap(err, "read the roles of user %s", u.Login)
	}
	p := &Principal{
		UserID: u.ID, Login: u.Login, Admin: u.Admin, Via: via,
		Organizations: h.Organizations, Locations: h.Locations, Roles: h.Roles,
	}
	for _, f := range h.Filters {
		if grant, ok := g.grant(f); ok {
			p.Grants = append(p.Grants, grant)
		}
	}
	return p, nil
}

// grant makes a stored filter usable. One whose search cannot be read any more
// grants nothing.
func (g *Gate) grant(f StoredFilter) (Grant, bool) {
	where, err := ParseFilter(g.nouns, f.Resource, f.Search)
	if err != nil {
		g.options.Log.Error("a filter's search cannot be read; it grants nothing", "filter", f.ID, "role", f.Role, "error", err)
		return Grant{}, false
	}
	grant := Grant{Role: f.Role, Resource: f.Resource, Permissions: f.Permissions, Where: where}
	if taxable(g.nouns, f.Resource) {
		grant.Organizations, grant.Locations = f.Organizations, f.Locations
	}
	return grant, true
}
