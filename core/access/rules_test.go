package access_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/core/access"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// reason is what an error says to whoever asked.
func reason(err error) string {
	if err == nil {
		return ""
	}
	return errs.PublicText(err)
}

func (s *site) organization(name, ancestry string) int64 {
	s.t.Helper()
	o := &taxonomy{Name: name, Title: name, Ancestry: ancestry}
	if err := noun.Of[taxonomy](s.nouns).Create(s.t.Context(), access.System("test"), o); err != nil {
		s.t.Fatal(err)
	}
	return o.ID
}

func (s *site) machine(name string, orgs ...int64) int64 {
	s.t.Helper()
	m := &machine{Name: name}
	m.OrganizationIDs = append([]int64{}, orgs...)
	if err := noun.Of[machine](s.nouns).Create(s.t.Context(), access.System("test"), m); err != nil {
		s.t.Fatal(err)
	}
	return m.ID
}

// ownRole makes a role with filters: "permission permission: search".
func (s *site) ownRole(name string, orgs []int64, filters ...string) *access.Role {
	s.t.Helper()
	ctx, system := s.t.Context(), access.System("test")
	r := &access.Role{Name: name}
	r.OrganizationIDs = orgs
	if err := noun.Of[access.Role](s.nouns).Create(ctx, system, r); err != nil {
		s.t.Fatal(err)
	}
	for _, f := range filters {
		permissions, search, _ := strings.Cut(f, ":")
		if err := s.filter(system, r, search, strings.Fields(permissions)...); err != nil {
			s.t.Fatal(err)
		}
	}
	return r
}

func (s *site) filter(who *access.Principal, r *access.Role, search string, permissions ...string) error {
	return noun.Of[access.Filter](s.nouns).Create(s.t.Context(), who, &access.Filter{
		RoleID: r.ID, Search: search, PermissionIDs: s.permissions(permissions...),
	})
}

func (s *site) permissions(names ...string) []int64 {
	s.t.Helper()
	ids := []int64{}
	for _, name := range names {
		list, _, err := noun.Of[access.Permission](s.nouns).List(s.t.Context(), access.System("test"), noun.Query{Search: "name = " + name})
		if err != nil || len(list) != 1 {
			s.t.Fatalf("permission %s: %v %v", name, list, err)
		}
		ids = append(ids, list[0].ID)
	}
	return ids
}

func (s *site) principal(u *access.User) *access.Principal {
	s.t.Helper()
	p, err := s.gate.User(s.t.Context(), u.ID, access.ViaSession)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *site) update(who *access.Principal, u *access.User, f func(u *access.User)) error {
	_, err := noun.Of[access.User](s.nouns).Update(s.t.Context(), who, strconv.FormatInt(u.ID, 10), func(u *access.User) error {
		f(u)
		return nil
	})
	return err
}

// TestRowsOutOfScopeDoNotExist: filters and taxonomies narrow lists, single
// records, changes and deletions alike.
func TestRowsOutOfScopeDoNotExist(t *testing.T) {
	s := newSite(t, cheap())
	ctx := t.Context()
	acme := s.organization("acme", "")
	sub := s.organization("sub", fmt.Sprint(acme))
	other := s.organization("other", "")
	ids := map[string]int64{
		"web1": s.machine("web1", acme), "web2": s.machine("web2", sub), "db1": s.machine("db1", acme),
		"web3": s.machine("web3", other), "web4": s.machine("web4"),
	}
	webs := s.ownRole("webs", nil, "view_hosts edit_hosts destroy_hosts: name ~ web*")
	bound := s.ownRole("bound", []int64{sub}, "view_hosts:")
	tests := []struct {
		name  string
		roles []int64
		orgs  []int64
		admin bool
		sees  string
		edits string
	}{
		{"admin", nil, nil, true, "db1 web1 web2 web3 web4", "db1 web1 web2 web3 web4"},
		{"filter in an organization", []int64{webs.ID}, []int64{acme}, false, "web1 web2", "web1 web2"},
		{"filter in another", []int64{webs.ID}, []int64{other}, false, "web3", "web3"},
		{"no organization", []int64{webs.ID}, nil, false, "", ""},
		{"a role's organizations bound its filters", []int64{bound.ID}, []int64{acme}, false, "web2", ""},
		{"union", []int64{webs.ID, bound.ID}, []int64{acme}, false, "web1 web2", "web1 web2"},
		{"viewer", []int64{s.role("Viewer").ID}, []int64{acme}, false, "db1 web1 web2", ""},
		{"no role", nil, []int64{acme}, false, "", ""},
	}
	machines := noun.Of[machine](s.nouns)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := &access.User{Login: fmt.Sprint("u", i), Password: secret, Admin: tt.admin, RoleIDs: append([]int64{}, tt.roles...)}
			u.OrganizationIDs = append([]int64{}, tt.orgs...)
			if err := noun.Of[access.User](s.nouns).Create(ctx, access.System("test"), u); err != nil {
				t.Fatal(err)
			}
			p := s.principal(u)
			if got := strings.Join(names(machines, t, p, ""), " "); got != tt.sees {
				t.Errorf("lists %q, want %q", got, tt.sees)
			}
			for name, id := range ids {
				_, err := machines.GetID(ctx, p, id)
				if got := err == nil; got != slices.Contains(strings.Fields(tt.sees), name) {
					t.Errorf("sees %s: %v", name, err)
				}
				_, err = machines.Update(ctx, p, strconv.FormatInt(id, 10), func(*machine) error { return nil })
				if got := err == nil; got != slices.Contains(strings.Fields(tt.edits), name) {
					t.Errorf("edits %s: %v", name, err)
				}
				if err != nil && !errs.Is(err, errs.NotFound) && !errs.Is(err, errs.Forbidden) {
					t.Errorf("edit of %s: %v", name, err)
				}
			}
			// Searching finds no more than listing shows.
			if got := strings.Join(names(machines, t, p, "name ~ 1 or has name"), " "); got != tt.sees {
				t.Errorf("searches %q", got)
			}
		})
	}
	// What one may edit must not be edited out of one's reach.
	u := &access.User{Login: "mover", Password: secret, RoleIDs: []int64{webs.ID}}
	u.OrganizationIDs = []int64{acme}
	if err := noun.Of[access.User](s.nouns).Create(ctx, access.System("test"), u); err != nil {
		t.Fatal(err)
	}
	_, err := machines.Update(ctx, s.principal(u), fmt.Sprint(ids["web1"]), func(m *machine) error { m.Name = "db9"; return nil })
	if !errs.Is(err, errs.Invalid) {
		t.Errorf("renamed out of the filter: %v", err)
	}
}

func names(machines *noun.Noun[machine], t *testing.T, p *access.Principal, search string) []string {
	t.Helper()
	list, _, err := machines.List(t.Context(), p, noun.Query{Search: search, Order: "name"})
	if err != nil && !errs.Is(err, errs.Forbidden) {
		t.Fatal(err)
	}
	var found []string
	for _, m := range list {
		found = append(found, m.Name)
	}
	return found
}

// TestNoEscalation: users give out no more than they hold.
func TestNoEscalation(t *testing.T) {
	s := newSite(t, cheap())
	admin := access.System("test")
	editor := s.ownRole("editor", nil, "view_users edit_users create_users destroy_users:", "view_roles:")
	root := s.user("root")
	if err := s.gate.GrantAdmin(t.Context(), "root"); err != nil {
		t.Fatal(err)
	}
	org := s.organization("acme", "")
	away := s.organization("away", "")
	clerk := &access.User{Login: "clerk", Password: secret, RoleIDs: []int64{editor.ID}}
	clerk.OrganizationIDs = []int64{org}
	if err := noun.Of[access.User](s.nouns).Create(t.Context(), admin, clerk); err != nil {
		t.Fatal(err)
	}
	plainUser := &access.User{Login: "plain", Password: secret, RoleIDs: []int64{}}
	plainUser.OrganizationIDs = []int64{org}
	if err := noun.Of[access.User](s.nouns).Create(t.Context(), admin, plainUser); err != nil {
		t.Fatal(err)
	}
	inReach := func(u *access.User) {
		if err := s.update(admin, u, func(u *access.User) { u.OrganizationIDs = []int64{org} }); err != nil {
			t.Fatal(err)
		}
	}
	inReach(root)
	manager := s.role("Manager").ID
	tests := []struct {
		name   string
		who    *access.User
		whom   *access.User
		change func(u *access.User)
		want   string
	}{
		{"own mail", plainUser, plainUser, func(u *access.User) { u.Mail = "p@example.com" }, ""},
		{"own password", plainUser, plainUser, func(u *access.User) { u.Password = "another one" }, ""},
		{"own login", plainUser, plainUser, func(u *access.User) { u.Login = "boss" }, "You may change your own name"},
		{"own roles", plainUser, plainUser, func(u *access.User) { u.RoleIDs = []int64{manager} }, "you can't assign some of roles"},
		{"own admin flag", plainUser, plainUser, func(u *access.User) { u.Admin = true }, "can't be changed by non-admin"},
		{"another's mail", plainUser, clerk, func(u *access.User) { u.Mail = "c@example.com" }, "not found"},
		{"clerk: own roles", clerk, clerk, func(u *access.User) { u.RoleIDs = []int64{editor.ID, manager} }, "you can't assign some of roles"},
		{"clerk: a role held", clerk, plainUser, func(u *access.User) { u.RoleIDs = []int64{editor.ID} }, ""},
		{"clerk: a role not held", clerk, plainUser, func(u *access.User) { u.RoleIDs = []int64{manager} }, "you can't assign some of roles"},
		{"clerk: admin flag", clerk, plainUser, func(u *access.User) { u.Admin = true }, "can't be changed by non-admin"},
		{"clerk: admin's password", clerk, root, func(u *access.User) { u.Password = "mine now 123" }, "can't be changed by non-admin"},
		{"clerk: foreign organization", clerk, plainUser, func(u *access.User) { u.OrganizationIDs = []int64{org, away} }, "don't have access"},
		{"admin: everything", nil, plainUser, func(u *access.User) { u.RoleIDs = []int64{manager} }, ""},
		{"last admin steps down", nil, root, func(u *access.User) { u.Admin = false }, "The last administrator"},
		{"last admin disabled", nil, root, func(u *access.User) { u.Disabled = true }, "The last administrator"},
		{"login taken in another case", nil, plainUser, func(u *access.User) { u.Login = "CLERK" }, "already exists"},
		{"login with a space", nil, plainUser, func(u *access.User) { u.Login = "a b" }, "is invalid"},
		{"mail that is none", nil, plainUser, func(u *access.User) { u.Mail = "x" }, "is invalid"},
		{"no such zone", nil, plainUser, func(u *access.User) { u.Timezone = "Mars" }, "not a valid timezone"},
		{"short password", nil, plainUser, func(u *access.User) { u.Password = "short" }, "too short"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			who := admin
			if tt.who != nil {
				who = s.principal(tt.who)
			}
			err := s.update(who, tt.whom, tt.change)
			if got := reason(err); (tt.want == "") != (err == nil) || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	users := noun.Of[access.User](s.nouns)
	if err := users.Delete(t.Context(), s.principal(clerk), fmt.Sprint(clerk.ID)); err == nil {
		t.Error("clerk deleted itself")
	}
	if err := users.Delete(t.Context(), admin, fmt.Sprint(root.ID)); err == nil {
		t.Error("the last administrator is gone")
	}
	if err := users.Delete(t.Context(), admin, fmt.Sprint(plainUser.ID)); err != nil {
		t.Error(err)
	}
}

func TestRolesAndFilters(t *testing.T) {
	s := newSite(t, cheap())
	ctx := t.Context()
	if err := s.gate.GrantAdmin(ctx, s.user("root").Login); err != nil {
		t.Fatal(err)
	}
	admin, err := s.login("root", secret)
	if err != nil {
		t.Fatal(err)
	}
	own := s.ownRole("own", nil)
	viewer := s.role("Viewer")
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"good":             {s.filter(admin, own, "name = x", "view_hosts", "edit_hosts"), ""},
		"mixed types":      {s.filter(admin, own, "", "view_hosts", "view_domains"), "must be of same resource type"},
		"nothing":          {s.filter(admin, own, ""), "can't be blank"},
		"unknown field":    {s.filter(admin, own, "colour = red", "view_hosts"), "Field 'colour' not recognized"},
		"broken search":    {s.filter(admin, own, "name = -5", "view_hosts"), "Value expected"},
		"locked role":      {s.filter(admin, viewer, "", "edit_hosts"), "locked"},
		"rename locked":    {changeRole(s, admin, viewer, func(r *access.Role) { r.Name = "V" }), "locked"},
		"rename own":       {changeRole(s, admin, own, func(r *access.Role) { r.Name = "mine" }), ""},
		"delete locked":    {noun.Of[access.Role](s.nouns).Delete(ctx, admin, fmt.Sprint(viewer.ID)), "locked"},
		"delete built-in":  {noun.Of[access.Role](s.nouns).Delete(ctx, admin, fmt.Sprint(s.role(access.DefaultRole).ID)), "built-in"},
		"origin by a user": {changeRole(s, admin, own, func(r *access.Role) { r.Description = "x" }), ""},
	} {
		if got := reason(tt.err); (tt.want == "") != (tt.err == nil) || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if err := noun.Of[access.Role](s.nouns).Delete(ctx, admin, fmt.Sprint(own.ID)); err != nil {
		t.Errorf("own role with filters: %v", err)
	}
	// A filter that was damaged behind our back grants nothing, not everything.
	spoilt := s.ownRole("spoilt", nil, "view_hosts: name = x")
	if _, err := s.db.Exec(ctx, "UPDATE filters SET search = 'colour = red' WHERE role_id = ?", spoilt.ID); err != nil {
		t.Fatal(err)
	}
	u := s.user("holder", "spoilt")
	if p := s.principal(u); p.Can("view_hosts") {
		t.Error("an unreadable filter grants")
	}
}

func changeRole(s *site, who *access.Principal, r *access.Role, f func(r *access.Role)) error {
	_, err := noun.Of[access.Role](s.nouns).Update(s.t.Context(), who, strconv.FormatInt(r.ID, 10), func(r *access.Role) error {
		f(r)
		return nil
	})
	return err
}

// TestRevocationIsImmediate: a role taken away is gone with the next request.
func TestRevocationIsImmediate(t *testing.T) {
	s := newSite(t, cheap())
	u := s.user("ada", "Viewer")
	p := s.principal(u)
	cookie, _, err := s.gate.NewSession(t.Context(), p, "", false)
	if err != nil || !p.Can("view_hosts") {
		t.Fatal(err, p.Can("view_hosts"))
	}
	if err := s.update(access.System("test"), u, func(u *access.User) { u.RoleIDs = []int64{} }); err != nil {
		t.Fatal(err)
	}
	if _, p, err := s.newGate().Session(t.Context(), cookie); err != nil || p.Can("view_hosts") {
		t.Errorf("%v, %v", err, p.Can("view_hosts"))
	}
}

// TestSeedTwice: what is there stays, and default roles get what a release adds.
func TestSeedTwice(t *testing.T) {
	s := newSite(t, cheap())
	before := held(s.principal(s.user("ada", "Manager")))
	if _, err := s.db.Exec(t.Context(), "DELETE FROM filter_permissions WHERE permission_id IN (SELECT id FROM permissions WHERE name = 'build_hosts')"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := access.Seed(t.Context(), s.nouns); err != nil {
		t.Fatal(err)
	}
	t.Logf("seeding again took %v", time.Since(start))
	after := held(s.principal(s.user("bob", "Manager")))
	if !slices.Equal(before, after) || !slices.Contains(after, "build_hosts") {
		t.Errorf("before %v\nafter %v", before, after)
	}
}

// TestDeclaredPermissions: a noun that the table of permissions does not have
// brings its own, and default roles take them up.
func TestDeclaredPermissions(t *testing.T) {
	s := newSite(t, cheap())
	viewer, manager := s.principal(s.user("ada", "Viewer")), s.principal(s.user("bob", "Manager"))
	for name, want := range map[string][2]bool{
		"view_racks": {true, true}, "edit_racks": {false, true}, "shake_racks": {false, true}, "view_boards": {false, false},
	} {
		if got := [2]bool{viewer.Can(name), manager.Can(name)}; got != want {
			t.Errorf("%s: viewer and manager may %v, want %v", name, got, want)
		}
	}
	if !viewer.Scope("view_racks", "Rack", access.Context{}).All {
		t.Error("the viewer sees no racks")
	}
}

// held lists the permissions that roles give somebody.
func held(p *access.Principal) []string {
	var names []string
	for _, g := range p.Grants {
		names = append(names, g.Permissions...)
	}
	slices.Sort(names)
	return names
}

// TestForeignContextIsRefused: nobody widens what they see by choosing an
// organization that is not theirs.
func TestForeignContextIsRefused(t *testing.T) {
	s := newSite(t, cheap())
	ctx := t.Context()
	acme := s.organization("acme", "")
	sub := s.organization("sub", fmt.Sprint(acme))
	other := s.organization("other", "")
	s.machine("a", acme)
	s.machine("s", sub)
	s.machine("o", other)
	u := &access.User{Login: "ada", Password: secret, RoleIDs: []int64{s.ownRole("hosts", nil, "view_hosts:").ID}}
	u.OrganizationIDs = []int64{sub}
	if err := noun.Of[access.User](s.nouns).Create(ctx, access.System("test"), u); err != nil {
		t.Fatal(err)
	}
	p := s.principal(u)
	for _, org := range []int64{acme, other, 99} {
		if c, err := s.nouns.Context(ctx, p, fmt.Sprint(org), ""); !errs.Is(err, errs.NotFound) {
			t.Errorf("organization %d: %+v, %v", org, c, err)
		}
		// Even if an edge forgot to ask.
		forged := noun.Context{Organization: org, Organizations: []int64{org, sub}}
		if list, _, err := noun.Of[machine](s.nouns).List(ctx, p, noun.Query{Context: forged}); err != nil || len(list) != 0 {
			t.Errorf("organization %d forged: %v, %v", org, list, err)
		}
	}
	c, err := s.nouns.Context(ctx, p, fmt.Sprint(sub), "")
	if err != nil {
		t.Fatal(err)
	}
	// The own context shows what its ancestors hold too.
	if list, _, err := noun.Of[machine](s.nouns).List(ctx, p, noun.Query{Context: c}); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := s.nouns.Context(ctx, access.System("x"), fmt.Sprint(other), ""); err != nil {
		t.Error(err)
	}
}
