package access

import (
	"context"
	"slices"
	"strconv"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// AdminLogin is the account that a fresh installation has.
const AdminLogin = "admin"

// Seed writes the permissions and default roles that are missing. It may run at
// each start, on every replica: what is there stays, but for default roles,
// which get the permissions of this release.
func Seed(ctx context.Context, r *noun.Registry) error {
	ids, err := seedPermissions(ctx, r)
	if err != nil {
		return errs.Wrap(err, "write the permissions")
	}
	for _, role := range defaultRoles() {
		if err := seedRole(ctx, r, role, ids); err != nil {
			return errs.Wrap(err, "write the role %s", role.name)
		}
	}
	_, err = ensureRole(ctx, r, Role{Name: DefaultRole, Description: "Everybody who can log in has this role.", Builtin: BuiltinDefault})
	return errs.Wrap(err, "write the role %s", DefaultRole)
}

func seedPermissions(ctx context.Context, r *noun.Registry) (map[string]int64, error) {
	ids := map[string]int64{}
	err := r.Write(ctx, func(tx *noun.Tx) error {
		clear(ids)
		have, err := noun.Find[Permission](ctx, tx, noun.Match{})
		if err != nil {
			return err
		}
		for _, p := range have {
			ids[p.Name] = p.ID
		}
		for _, p := range Permissions(r) {
			if ids[p.Name] != 0 {
				continue
			}
			p.CreatedAt, p.UpdatedAt = tx.Now(), tx.Now()
			if err := tx.Conn().Insert(ctx, noun.Of[Permission](r).Any, &p); err != nil {
				return err
			}
			ids[p.Name] = p.ID
		}
		return nil
	})
	if errs.Is(err, errs.Conflict) { // another replica was faster
		err = r.Read(ctx, func(tx *noun.Tx) error {
			have, err := noun.Find[Permission](ctx, tx, noun.Match{})
			for _, p := range have {
				ids[p.Name] = p.ID
			}
			return err
		})
	}
	return ids, err
}

func seedRole(ctx context.Context, r *noun.Registry, d defaultRole, ids map[string]int64) error {
	role, err := ensureRole(ctx, r, Role{Name: d.name, Description: d.description, Origin: "foreman"})
	if err != nil {
		return err
	}
	byResource := map[string][]int64{}
	var order []string
	for _, p := range Permissions(r) {
		if d.has(p) {
			if byResource[p.Resource] == nil {
				order = append(order, p.Resource)
			}
			byResource[p.Resource] = append(byResource[p.Resource], ids[p.Name])
		}
	}
	system := System("system")
	filters, _, err := noun.Of[Filter](r).List(ctx, system, noun.Query{Where: noun.Match{"role_id": role.ID}, PerPage: 1000})
	if err != nil {
		return err
	}
	for _, resource := range order {
		want := slices.Sorted(slices.Values(byResource[resource]))
		at := slices.IndexFunc(filters, func(f *Filter) bool { return f.Resource == resource })
		if at < 0 {
			err = noun.Of[Filter](r).Create(ctx, system, &Filter{RoleID: role.ID, Resource: resource, PermissionIDs: want})
		} else if have, gerr := noun.Of[Filter](r).GetID(ctx, system, filters[at].ID); gerr != nil {
			err = gerr
		} else if !slices.Equal(slices.Sorted(slices.Values(have.PermissionIDs)), want) {
			_, err = noun.Of[Filter](r).Update(ctx, system, strconv.FormatInt(have.ID, 10), func(f *Filter) error {
				f.PermissionIDs = want
				return nil
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ensureRole gives the role of that name, made if need be.
func ensureRole(ctx context.Context, r *noun.Registry, role Role) (*Role, error) {
	find := func() (found *Role, err error) {
		err = r.Read(ctx, func(tx *noun.Tx) error {
			roles, err := noun.Find[Role](ctx, tx, noun.Match{"name": role.Name})
			if len(roles) > 0 {
				found = roles[0]
			}
			return err
		})
		return found, err
	}
	if found, err := find(); found != nil || err != nil {
		return found, err
	}
	err := noun.Of[Role](r).Create(ctx, System("system"), &role)
	if err != nil {
		if found, ferr := find(); found != nil && ferr == nil {
			return found, nil // another replica was faster
		}
	}
	return &role, err
}

// Bootstrap makes the administrator of a fresh installation, with the password
// that the caller chose and will show once. It tells whether it did: not when
// there is any user already.
func (g *Gate) Bootstrap(ctx context.Context, password string) (created bool, err error) {
	any := false
	err = g.nouns.Read(ctx, func(tx *noun.Tx) error {
		users, err := noun.Find[User](ctx, tx, noun.Match{"admin": true})
		any = len(users) > 0
		return err
	})
	if any || err != nil {
		return false, err
	}
	err = noun.Of[User](g.nouns).Create(ctx, System("system"), &User{
		Login: AdminLogin, Firstname: "Admin", Lastname: "User", Admin: true, Password: noun.Secret(password),
	})
	return err == nil, errs.Wrap(err, "create the administrator")
}

func (g *Gate) mustUser(ctx context.Context, login string) (*User, error) {
	user, err := g.userByLogin(ctx, login)
	if user == nil && err == nil {
		return nil, errs.New(errs.NotFound, "there is no user %s", login)
	}
	return user, err
}

func (g *Gate) change(ctx context.Context, login string, f func(u *User)) error {
	user, err := g.mustUser(ctx, login)
	if err != nil {
		return err
	}
	_, err = noun.Of[User](g.nouns).Update(ctx, System("command line"), strconv.FormatInt(user.ID, 10), func(u *User) error {
		f(u)
		return nil
	})
	return err
}

// ResetPassword sets a user's password and lets the account in again; it ends
// the user's sessions and forgives failed logins.
func (g *Gate) ResetPassword(ctx context.Context, login, password string) error {
	err := g.change(ctx, login, func(u *User) { u.Password, u.Disabled = noun.Secret(password), false })
	if err != nil {
		return errs.Wrap(err, "reset the password of %s", login)
	}
	return g.store.Forgive(ctx, nil, limiterKeys(Login{Login: login})[:1])
}

// GrantAdmin makes a user an administrator.
func (g *Gate) GrantAdmin(ctx context.Context, login string) error {
	err := g.change(ctx, login, func(u *User) { u.Admin, u.Disabled = true, false })
	return errs.Wrap(err, "make %s an administrator", login)
}
