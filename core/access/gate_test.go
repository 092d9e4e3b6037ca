package access_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/access"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
)

// A taxonomy and a machine stand in for the nouns of the inventory.
type taxonomy struct {
	noun.Base
	Name, Title, Ancestry string
}

type machine struct {
	noun.Base
	noun.Taxed
	Name string
}

func organizations() *noun.Noun[taxonomy] {
	return noun.Declare("organization", func(o *taxonomy) noun.Fields {
		return noun.Fields{
			noun.SharedTable("taxonomies", "type", "Organization"), noun.Text("name", &o.Name).Required().Search(),
			noun.Text("title", &o.Title).Title(), noun.Text("ancestry", &o.Ancestry),
		}
	})
}

type location struct{ taxonomy }

func locations() *noun.Noun[location] {
	return noun.Declare("location", func(o *location) noun.Fields {
		return noun.Fields{
			noun.SharedTable("taxonomies", "type", "Location"), noun.Text("name", &o.Name).Required().Search(),
			noun.Text("title", &o.Title).Title(), noun.Text("ancestry", &o.Ancestry),
		}
	})
}

func machines() *noun.Noun[machine] {
	return noun.Declare("machine", func(m *machine) noun.Fields {
		return noun.Fields{
			noun.Resource("Host"), noun.PermissionsOf("hosts"),
			noun.Text("name", &m.Name).Required().Search(), noun.InTaxonomies(&m.Taxed),
		}
	})
}

type sealer struct{}

func (sealer) Seal(plain string) (string, error) {
	return "sealed:" + base64.StdEncoding.EncodeToString([]byte(plain)), nil
}

func (sealer) Open(sealed string) (string, error) {
	plain, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sealed, "sealed:"))
	return string(plain), err
}

// cheap makes hashing fast where its cost is not the matter.
func cheap() access.Cost { return access.Cost{Memory: 64, Passes: 1, Threads: 1} }

// A site is one database and what the program puts on it.
type site struct {
	t      testing.TB
	db     *sqldb.DB
	nouns  *noun.Registry
	hasher *access.Hasher
	gate   *access.Gate
	now    atomic.Int64 // offset of the clock
	log    strings.Builder
}

func (s *site) clock() time.Time { return time.Now().Add(time.Duration(s.now.Load())).UTC() }

func newSite(t testing.TB, cost access.Cost) *site {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "access.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := store.Migrate(t.Context(), db, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), "CREATE TABLE machines (id INTEGER PRIMARY KEY, name TEXT, created_at TEXT, updated_at TEXT)"); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, db: db}
	s.restart(cost)
	if err := access.Seed(t.Context(), s.nouns); err != nil {
		t.Fatal(err)
	}
	return s
}

// restart makes everything anew over the same database.
func (s *site) restart(cost access.Cost) {
	s.t.Helper()
	var err error
	if s.hasher, err = access.NewHasher(cost, s.clock); err != nil {
		s.t.Fatal(err)
	}
	s.nouns, err = noun.New(noun.Options{Backend: store.New(s.db, sealer{}), Now: s.clock},
		access.UserNoun(s.hasher), access.RoleNoun(), access.FilterNoun(), access.PermissionNoun(), organizations(), locations(), machines())
	if err != nil {
		s.t.Fatal(err)
	}
	s.gate = s.newGate()
}

func (s *site) newGate() *access.Gate {
	return access.NewGate(s.nouns, store.NewAccess(s.db), s.hasher, access.Options{
		Attempts: 10, Clock: s.clock, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
}

const secret = "correct horse"

// user makes one with the roles of those names.
func (s *site) user(login string, roles ...string) *access.User {
	s.t.Helper()
	u := &access.User{Login: login, Password: secret, RoleIDs: []int64{}}
	for _, name := range roles {
		u.RoleIDs = append(u.RoleIDs, s.role(name).ID)
	}
	if err := noun.Of[access.User](s.nouns).Create(s.t.Context(), access.System("test"), u); err != nil {
		s.t.Fatal(err)
	}
	return u
}

func (s *site) role(name string) *access.Role {
	s.t.Helper()
	r, err := noun.Of[access.Role](s.nouns).Get(s.t.Context(), access.System("test"), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *site) login(login, password string) (*access.Principal, error) {
	return s.gate.Login(s.t.Context(), access.Login{Login: login, Password: password, Remote: netip.MustParseAddr("192.0.2.7"), API: true})
}

func (s *site) mustLogin(login string) *access.Principal {
	s.t.Helper()
	p, err := s.login(login, secret)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func TestLogin(t *testing.T) {
	s := newSite(t, cheap())
	s.user("Ada", "Viewer")
	disabled := s.user("gone")
	_, err := noun.Of[access.User](s.nouns).Update(t.Context(), access.System("test"), fmt.Sprint(disabled.ID), func(u *access.User) error {
		u.Disabled = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ login, password, want string }{
		{"Ada", secret, ""},
		{"aDA", secret, ""},
		{"Ada", secret + " ", "Unable to authenticate user Ada"},
		{"Ada", strings.ToUpper(secret), "Unable to authenticate user Ada"},
		{"Ada", "", "Unable to authenticate user Ada"},
		{"Ada", strings.Repeat("x", 5000), "Unable to authenticate user Ada"},
		{"nobody", secret, "Unable to authenticate user nobody"},
		{"", "", "Unable to authenticate user "},
		{"gone", secret, "User account is disabled, please contact your administrator"},
		{"gone", "wrong", "Unable to authenticate user gone"},
	} {
		s.now.Add(int64(6 * time.Minute)) // the limiter is not the matter here
		for range 2 {                     // the second time the right ones are remembered
			p, err := s.login(tt.login, tt.password)
			if tt.want == "" {
				if err != nil || p.Login != "Ada" || p.Admin || !p.Can("view_hosts") || p.Can("edit_hosts") {
					t.Errorf("%q: %+v, %v", tt.login, p, err)
				}
				continue
			}
			if !errs.Is(err, errs.Unauthenticated) || errs.PublicText(err) != tt.want {
				t.Errorf("%q %q: %v, want %s", tt.login, tt.password, err, tt.want)
			}
		}
	}
	if strings.Contains(s.log.String(), secret) {
		t.Error("the log holds a password")
	}
}

func TestPasswordIsForgottenWhenItChanges(t *testing.T) {
	s := newSite(t, cheap())
	s.user("ada")
	s.mustLogin("ada")
	if err := s.gate.ResetPassword(t.Context(), "ada", "another one"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.login("ada", secret); err == nil {
		t.Error("the old password is remembered")
	}
	if _, err := s.login("ada", "another one"); err != nil {
		t.Error(err)
	}
	if err := s.gate.ResetPassword(t.Context(), "ada", "short"); !errs.Is(err, errs.Invalid) {
		t.Errorf("a short password: %v", err)
	}
	if err := s.gate.ResetPassword(t.Context(), "nobody", "long enough"); !errs.Is(err, errs.NotFound) {
		t.Errorf("nobody's password: %v", err)
	}
}

func TestStaleHashIsMadeAnew(t *testing.T) {
	s := newSite(t, cheap())
	u := s.user("ada")
	dear := cheap()
	dear.Passes = 3
	s.restart(dear)
	s.mustLogin("ada")
	now, err := noun.Of[access.User](s.nouns).GetID(t.Context(), access.System("test"), u.ID)
	if err != nil || !strings.Contains(now.Password.Reveal(), "t=3") || now.LastLoginOn.IsZero() {
		t.Errorf("%v, %v", err, now.LastLoginOn)
	}
	s.restart(dear)
	s.mustLogin("ada")
	var kept string
	if err := s.db.QueryRow(t.Context(), "SELECT password FROM users WHERE id = ?", []any{u.ID}, &kept); err != nil || !strings.HasPrefix(kept, "sealed:") {
		t.Errorf("stored %q, %v", kept, err)
	}
}

// TestLimiterIsExact: of 64 parallel guesses, exactly the allowed number is
// looked at, whichever gate they come through, and a restart forgets nothing.
func TestLimiterIsExact(t *testing.T) {
	s := newSite(t, cheap())
	s.user("ada")
	gates := []*access.Gate{s.gate, s.newGate()}
	var refused, blocked atomic.Int64
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			// Each from another address: it is the account that is under attack.
			from := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
			_, err := gates[i%2].Login(context.Background(), access.Login{Login: "ada", Password: "guess", Remote: from})
			var many *access.TooManyTries
			switch {
			case errors.As(err, &many):
				blocked.Add(1)
			case errs.Is(err, errs.Unauthenticated):
				refused.Add(1)
			default:
				t.Errorf("%v", err)
			}
		})
	}
	group.Wait()
	if refused.Load() != 10 || blocked.Load() != 54 {
		t.Errorf("%d looked at, %d blocked; want 10 and 54", refused.Load(), blocked.Load())
	}
	s.restart(cheap())
	_, err := s.login("ada", secret)
	if !errs.Is(err, errs.Unauthenticated) || errs.PublicText(err) != "Too many tries, please try again in a few minutes." {
		t.Errorf("the right password while blocked, after a restart: %v", err)
	}
	s.now.Add(int64(6 * time.Minute))
	s.mustLogin("ada")
}

func TestLimiterByAddress(t *testing.T) {
	s := newSite(t, cheap())
	s.user("ada")
	s.mustLogin("ada") // from 192.0.2.7, and remembered
	for i := range 10 {
		if _, err := s.login(fmt.Sprint("guess", i), "x"); errs.PublicText(err) == "Too many tries, please try again in a few minutes." {
			t.Fatalf("blocked after %d tries", i)
		}
	}
	if _, err := s.login("ada", secret); err == nil {
		t.Error("a blocked address got in with a remembered password")
	}
	for i, from := range []string{"198.51.100.1", "2001:db8::1", "::ffff:198.51.100.1"} {
		l := access.Login{Login: "ada", Password: secret, Remote: netip.MustParseAddr(from)}
		if _, err := s.gate.Login(t.Context(), l); err != nil {
			t.Errorf("%d: another address: %v", i, err)
		}
	}
}

func TestSuccessesAreNotCounted(t *testing.T) {
	s := newSite(t, cheap())
	s.user("ada")
	for i := range 30 {
		s.restart(cheap()) // nothing is remembered
		if _, err := s.login("ada", secret); err != nil {
			t.Fatalf("login %d: %v", i, err)
		}
		if i%4 == 0 {
			_, _ = s.login("ada", "wrong")
			s.now.Add(int64(time.Minute))
		}
	}
}

// TestNoEnumerationByTime: an unknown login takes as long as a wrong password.
func TestNoEnumerationByTime(t *testing.T) {
	s := newSite(t, access.Cost{Memory: 8 << 10, Passes: 2, Threads: 1})
	s.user("ada")
	median := func(login string) time.Duration {
		var took []time.Duration
		for i := range 9 {
			l := access.Login{Login: login, Password: "wrong", Remote: netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})}
			start := time.Now()
			if _, err := s.gate.Login(t.Context(), l); err == nil {
				t.Fatal("let in")
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	known, unknown := median("ada"), median("nobody")
	t.Logf("known %v, unknown %v", known, unknown)
	if unknown < known/3 || known < unknown/3 {
		t.Errorf("a known login takes %v, an unknown one %v", known, unknown)
	}
}

func TestTokens(t *testing.T) {
	s := newSite(t, cheap())
	u := s.user("ada", "Viewer")
	s.user("bob")
	ctx := t.Context()
	value, token, err := s.gate.CreateToken(ctx, "ADA", "script", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.login("ada", value)
	if err != nil || p.Via != access.ViaToken || !p.Can("view_hosts") {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := s.login("bob", value); err == nil {
		t.Error("bob got in with ada's token")
	}
	if _, err := s.gate.Login(ctx, access.Login{Login: "ada", Password: value}); err == nil {
		t.Error("the login form took a token")
	}
	brief, _, err := s.gate.CreateToken(ctx, "ada", "brief", s.clock().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	s.now.Add(int64(2 * time.Hour))
	if _, err := s.login("ada", brief); err == nil {
		t.Error("a token was used after its end")
	}
	if list, err := s.gate.Tokens(ctx, u.ID); err != nil || len(list) != 2 || list[1].LastUsed.IsZero() || strings.Contains(fmt.Sprint(list), value) {
		t.Errorf("%+v %v", list, err)
	}
	if err := s.gate.RevokeToken(ctx, u.ID+1, token.ID); !errs.Is(err, errs.NotFound) {
		t.Errorf("bob revoked ada's token: %v", err)
	}
	other := s.newGate() // another replica
	if err := s.gate.RevokeToken(ctx, u.ID, token.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Login(ctx, access.Login{Login: "ada", Password: value, API: true}); err == nil {
		t.Error("a revoked token was used")
	}
	if _, _, err := s.gate.CreateToken(ctx, "ada", "past", s.clock().Add(-time.Hour)); !errs.Is(err, errs.Invalid) {
		t.Errorf("a token that has ended: %v", err)
	}
}

func TestSessions(t *testing.T) {
	s := newSite(t, cheap())
	u := s.user("ada", "Viewer")
	ctx := t.Context()
	begin := func() string {
		t.Helper()
		p, err := s.gate.User(ctx, u.ID, access.ViaPassword)
		if err != nil {
			t.Fatal(err)
		}
		cookie, _, err := s.gate.NewSession(ctx, p, "192.0.2.1", false)
		if err != nil {
			t.Fatal(err)
		}
		return cookie
	}
	over := func(what, cookie string) {
		t.Helper()
		if _, _, err := s.newGate().Session(ctx, cookie); !errs.Is(err, errs.Unauthenticated) {
			t.Errorf("%s: %v", what, err)
		}
	}
	cookie := begin()
	for _, gate := range []*access.Gate{s.gate, s.newGate()} { // replicas are equal
		session, p, err := gate.Session(ctx, cookie)
		if err != nil || p.Login != "ada" || p.Via != access.ViaSession || !p.Can("view_hosts") {
			t.Fatalf("%+v %+v %v", session, p, err)
		}
		session.Current.OrganizationID++
		if err := gate.KeepSession(ctx, session); err != nil {
			t.Fatal(err)
		}
	}
	if session, _, err := s.gate.Session(ctx, cookie); err != nil || session.Current.OrganizationID != 2 {
		t.Errorf("%+v %v", session, err)
	}
	over("forged", cookie[:len(cookie)-1]+"_")
	over("empty", "")
	// Kept alive by use, ended by rest.
	for range 3 {
		s.now.Add(int64(50 * time.Minute))
		if _, _, err := s.gate.Session(ctx, cookie); err != nil {
			t.Fatal(err)
		}
	}
	s.now.Add(int64(70 * time.Minute))
	over("idle", cookie)
	// Ended by age, however busy.
	cookie = begin()
	for range 30 {
		s.now.Add(int64(50 * time.Minute))
		_, _, _ = s.gate.Session(ctx, cookie)
	}
	over("old", cookie)
	cookie = begin()
	if err := s.gate.EndSession(ctx, cookie); err != nil {
		t.Fatal(err)
	}
	over("ended", cookie)
	cookie = begin()
	if err := s.gate.ResetPassword(ctx, "ada", "new password"); err != nil {
		t.Fatal(err)
	}
	over("with another password", cookie)
	cookie = begin()
	_, err := noun.Of[access.User](s.nouns).Update(ctx, access.System("test"), fmt.Sprint(u.ID), func(u *access.User) error {
		u.Disabled = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	over("of a disabled user", cookie)
	var held string
	if err := s.db.QueryRow(ctx, "SELECT count(*) FROM sessions", nil, &held); err != nil || held != "0" {
		t.Errorf("%s sessions are left, %v", held, err)
	}
}

func TestBootstrap(t *testing.T) {
	s := newSite(t, cheap())
	ctx := t.Context()
	for i, want := range []bool{true, false} {
		created, err := s.gate.Bootstrap(ctx, secret)
		if err != nil || created != want {
			t.Errorf("start %d: %v, %v", i, created, err)
		}
	}
	if p := s.mustLogin("admin"); !p.Admin {
		t.Error("the administrator is none")
	}
	s.user("ada")
	if err := s.gate.GrantAdmin(ctx, "ada"); err != nil {
		t.Fatal(err)
	}
	if p := s.mustLogin("ada"); !p.Admin {
		t.Error("ada is no administrator")
	}
	if err := access.Seed(ctx, s.nouns); err != nil { // again, as at the next start
		t.Error(err)
	}
}
