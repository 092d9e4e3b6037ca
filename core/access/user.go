package access

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A User is an account.
type User struct {
	noun.Base
	noun.Taxed
	Login       string
	LoginKey    string // the login in lower case: what makes it unique and is looked for
	Firstname   string
	Lastname    string
	Mail        string
	MailEnabled bool
	Admin       bool
	Disabled    bool
	Timezone    string
	Locale      string
	Description string
	LastLoginOn time.Time
	// Password is the hash once the user is stored; what is set to something
	// else is a new password, to be hashed.
	Password              noun.Secret
	DefaultOrganizationID int64
	DefaultLocationID     int64
	RoleIDs               []int64
}

// MinPassword is how short a password may be.
const MinPassword = 8

// UserNoun declares users. The passwords' cost is the hasher's.
func UserNoun(h *Hasher) *noun.Noun[User] {
	return noun.Declare("user", func(u *User) noun.Fields {
		return noun.Fields{
			noun.OrderedBy("firstname"), noun.InBrief("id", "login", "description"), noun.Dotted(),
			noun.Text("firstname", &u.Firstname).Max(50).Search(),
			noun.Text("lastname", &u.Lastname).Max(50).Search(),
			noun.Text("mail", &u.Mail).Max(254).Format(mailFormat).Search(),
			noun.Bool("mail_enabled", &u.MailEnabled).Default(true),
			noun.Bool("admin", &u.Admin).Search(),
			noun.Bool("disabled", &u.Disabled).Search(),
			noun.Time("last_login_on", &u.LastLoginOn).ReadOnly().Search().Explicit(),
			noun.Text("timezone", &u.Timezone).Format(zoneFormat),
			noun.Text("locale", &u.Locale).Max(5),
			noun.Text("description", &u.Description).Long().Search(),
			noun.Computed("auth_source_id", func(*User, *noun.Names) any { return 1 }),
			noun.Computed("auth_source_name", func(*User, *noun.Names) any { return "Internal" }),
			noun.Computed("effective_admin", func(u *User, _ *noun.Names) any { return u.Admin }),
			noun.Text("login", &u.Login).Required().Max(100).Format(loginFormat).Title().Search(),
			noun.Text("login_key", &u.LoginKey).Hidden().ReadOnly(),
			noun.Sealed("password", &u.Password),
			noun.Ref("default_organization", &u.DefaultOrganizationID, "organization").Nested(),
			noun.Ref("default_location", &u.DefaultLocationID, "location").Nested(),
			noun.Many("role", "roles", &u.RoleIDs, "role", "user_roles", "user_id", "role_id"),
			noun.SearchOn("role", "roles.name"), noun.SearchOn("role_id", "roles.id").Explicit(),
			noun.InTaxonomies(&u.Taxed),
			noun.Prepare(func(ctx context.Context, c *noun.Change[User]) error { return prepareUser(ctx, c, h) }),
			noun.Check(checkUser),
		}
	})
}

func loginFormat(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == ':' || r == '<' || r == '>'
	}) {
		return "is invalid"
	}
	return ""
}

func mailFormat(s string) string {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(s, " \t\r\n<>,;") {
		return "is invalid"
	}
	return ""
}

func zoneFormat(s string) string {
	if _, err := time.LoadLocation(s); err != nil {
		return "is not a valid timezone"
	}
	return ""
}

// prepareUser hashes a new password.
func prepareUser(ctx context.Context, c *noun.Change[User], h *Hasher) error {
	u := c.New
	if u == nil {
		return nil
	}
	u.LoginKey = strings.ToLower(u.Login)
	plain := u.Password.Reveal()
	if plain == "" || c.Old != nil && plain == c.Old.Password.Reveal() {
		return nil
	}
	if len([]rune(plain)) < MinPassword {
		c.Fail("password", "is too short (minimum is %d characters)", MinPassword)
		return nil
	}
	if len(plain) > maxPassword {
		c.Fail("password", "is too long (maximum is %d bytes)", maxPassword)
		return nil
	}
	hash, err := h.Hash(ctx, plain)
	u.Password = noun.Secret(hash)
	return err
}

func checkUser(ctx context.Context, c *noun.Change[User]) error {
	me, _ := c.Caller.(*Principal)
	if me == nil {
		return errs.New(errs.Forbidden, "users are changed by principals alone")
	}
	if err := checkLastAdmin(ctx, c); err != nil {
		return err
	}
	if c.New == nil {
		if c.Old.ID == me.UserID {
			c.Fail("base", "You are currently logged in, suicidal?")
		}
		return nil
	}
	u := c.New
	if err := checkLogin(ctx, c); err != nil {
		return err
	}
	if c.Old == nil && u.Password == "" {
		c.Fail("password", "can't be blank")
	}
	before := c.Old
	if before == nil {
		before = new(User)
	}
	checkEscalation(c, me, before, u)
	return nil
}

// checkEscalation keeps callers from giving out more than they hold.
func checkEscalation(c *noun.Change[User], me *Principal, before, u *User) {
	if me.Admin {
		return
	}
	if u.Admin != before.Admin {
		c.Fail("admin", "can't be changed by non-admin user")
	}
	if before.Admin && u.Password != before.Password {
		c.Fail("password", "of an administrator can't be changed by non-admin user")
	}
	if !me.holds("escalate_roles") {
		for _, id := range u.RoleIDs {
			if !slices.Contains(before.RoleIDs, id) && !slices.Contains(me.Roles, id) {
				c.Fail("role_ids", "you can't assign some of roles you selected")
				break
			}
		}
	}
	if u.ID == me.UserID && !me.holds("edit_users") {
		if moved(before.RoleIDs, u.RoleIDs) || moved(before.OrganizationIDs, u.OrganizationIDs) ||
			moved(before.LocationIDs, u.LocationIDs) || u.Login != before.Login || u.Disabled != before.Disabled {
			c.Fail("base", "You may change your own name, mail, password and preferences only")
		}
	}
	for _, t := range []struct {
		field             string
		now, before, mine []int64
	}{
		{"organization_ids", u.OrganizationIDs, before.OrganizationIDs, me.Organizations},
		{"location_ids", u.LocationIDs, before.LocationIDs, me.Locations},
	} {
		for _, id := range t.now {
			if !slices.Contains(t.before, id) && !slices.Contains(t.mine, id) {
				c.Fail(t.field, "some of them you don't have access to")
				break
			}
		}
	}
}

// checkLogin refuses a login that another has in whatever case.
func checkLogin(ctx context.Context, c *noun.Change[User]) error {
	same, err := noun.Find[User](ctx, c.Tx, noun.Match{"login_key": c.New.LoginKey})
	for _, other := range same {
		if other.ID != c.New.ID {
			c.Fail("login", "already exists")
		}
	}
	return err
}

// checkLastAdmin keeps one administrator who can log in.
func checkLastAdmin(ctx context.Context, c *noun.Change[User]) error {
	active := func(u *User) bool { return u != nil && u.Admin && !u.Disabled }
	if !active(c.Old) || active(c.New) {
		return nil
	}
	admins, err := noun.Find[User](ctx, c.Tx, noun.Match{"admin": true, "disabled": false})
	if err == nil && len(admins) <= 1 {
		c.Fail("base", "The last administrator can't be deleted, disabled or made an ordinary user")
	}
	return err
}
