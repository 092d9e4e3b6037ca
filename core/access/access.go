// Package access decides who may do what: it authenticates users, keeps their
// sessions and tokens, and turns roles into the conditions that every query
// carries.
//
// A Principal is whoever a request runs as. Can answers whether an action is
// possible at all; Scope gives the part of a noun's rows that it may touch,
// as a value that the store makes part of its SQL, so that a row that one may
// not see is never loaded. Users, roles, filters and permissions are nouns.
//
// It may import core/noun, core/search and internal packages. The store
// implements Store; core/noun and core/store never decide about access.
package access

import (
	"slices"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
)

// The shapes that queries carry are noun's; access computes them.
type (
	// A Scope is the part of a noun's rows that a principal may touch.
	Scope = noun.Scope
	// Taxa says rows of which organizations (or locations) are visible.
	Taxa = noun.Taxa
	// A Context is the taxonomy context of a request.
	Context = noun.Context
)

// A Principal is whoever a request or a plan runs as. It is built once per
// request and not changed afterwards. The zero Principal may do nothing.
type Principal struct {
	UserID int64  // 0 for the program itself
	Login  string // for audits and "current_user"
	Admin  bool   // passes every check
	// Via tells how the principal was authenticated.
	Via Via
	// Organizations and Locations are the taxonomies of the user, descendants
	// included. An administrator is not limited to them.
	Organizations, Locations []int64
	// Roles are the ids of the user's roles.
	Roles []int64
	// Grants are the filters that those roles hold.
	Grants []Grant
}

var _ noun.Caller = (*Principal)(nil)

// Via is a way to be authenticated.
type Via uint8

// The ways to be authenticated.
const (
	ViaNothing  Via = iota // nobody: may do nothing
	ViaPassword            // Basic or the login form
	ViaToken               // personal access token
	ViaSession             // session cookie
	ViaJWT                 // registration token, limited to its scope
	ViaCert                // client certificate of a registered smart proxy
	ViaSystem              // the program itself
)

// A Grant is one filter of one role: permissions of one resource type, and the
// condition that limits them.
type Grant struct {
	Role        string
	Resource    string // Foreman's class name: "Host", "Domain"; "" for permissions without one
	Permissions []string
	// Where is the filter's search; nil when it does not limit.
	Where search.Expr
	// Organizations and Locations limit further; empty ones do not.
	Organizations, Locations []int64
}

// Unlimited tells whether the grant covers every row of its resource.
func (g Grant) Unlimited() bool {
	return g.Where == nil && len(g.Organizations) == 0 && len(g.Locations) == 0
}

// System is the program itself: it may do everything, and audits name it.
func System(login string) *Principal {
	return &Principal{Login: login, Admin: true, Via: ViaSystem}
}

// Limited is somebody without an account who holds just the permissions, on all
// rows: a smart proxy that uploads facts, a registration token.
func Limited(login string, via Via, permissions ...string) *Principal {
	p := &Principal{Login: login, Via: via}
	for _, known := range tabled() {
		if slices.Contains(permissions, known.Name) {
			p.Grants = append(p.Grants, Grant{Resource: known.Resource, Permissions: []string{known.Name}})
		}
	}
	return p
}

// Env completes the principal's searches: who "current_user" is.
func (p *Principal) Env() search.Env {
	if p == nil {
		return search.Env{}
	}
	return search.Env{Login: p.Login, UserID: p.UserID}
}

// Can tells whether the principal holds the permission at all, on some rows or
// on none yet. What may be done to one row is for Scope to say. Everybody may
// view and edit users as far as that is oneself.
func (p *Principal) Can(permission string) bool {
	if p == nil || p.Via == ViaNothing {
		return false
	}
	return p.Admin || p.UserID != 0 && ofSelf(permission) || p.holds(permission)
}

// holds tells whether a role gives the permission.
func (p *Principal) holds(permission string) bool {
	return p.Admin || slices.ContainsFunc(p.Grants, func(g Grant) bool {
		return slices.Contains(g.Permissions, permission)
	})
}

func ofSelf(permission string) bool {
	return permission == "view_users" || permission == "edit_users"
}

// Scope gives what the principal may touch of a resource (Foreman's class name)
// with a permission, in a taxonomy context: the union of its filters.
func (p *Principal) Scope(permission, resource string, c Context) Scope {
	if p == nil || p.Via == ViaNothing {
		return Scope{}
	}
	s := Scope{Env: p.Env()}
	s.Organizations = p.visible(p.boundBy(p.Organizations, p.Locations), p.Organizations, c.Organization, c.Organizations)
	s.Locations = p.visible(p.boundBy(p.Locations, p.Organizations), p.Locations, c.Location, c.Locations)
	if p.Admin {
		s.All = true
		return s
	}
	s.All, s.Where = p.filtered(permission, resource, c)
	switch resource {
	case "Role", "Filter":
		// Their taxonomies say where they work, not who sees them.
		s.Organizations, s.Locations = Taxa{Any: true}, Taxa{Any: true}
	case "User":
		if ofSelf(permission) {
			s.Own = p.UserID
		}
	case "Organization":
		p.within(&s, permission, p.boundBy(p.Organizations, p.Locations), p.Organizations)
	case "Location":
		p.within(&s, permission, p.boundBy(p.Locations, p.Organizations), p.Locations)
	}
	return s
}

// filtered is the union of the filters that hold the permission.
func (p *Principal) filtered(permission, resource string, c Context) (all bool, where search.Expr) {
	var terms []search.Expr
	for _, g := range p.Grants {
		if g.Resource != resource || !slices.Contains(g.Permissions, permission) {
			continue
		}
		if g.Unlimited() {
			return true, nil
		}
		if meets(g.Organizations, c.Organizations) && meets(g.Locations, c.Locations) {
			terms = append(terms, g.condition())
		}
	}
	if len(terms) == 0 {
		return false, nil
	}
	return false, search.AnyOf(terms...)
}

// boundBy tells whether the principal is limited by one kind of taxonomy, given
// its own of that kind and of the other. A user who is in organizations but in
// no location is not limited by location, and the other way round, as upstream;
// one who is in neither sees nothing that has taxonomies.
func (p *Principal) boundBy(own, other []int64) bool {
	free := p.Admin || p.Via == ViaJWT || p.Via == ViaCert
	return !free && (len(own) > 0 || len(other) == 0)
}

// visible is what a context shows: without one, to a user what is in the user's
// own taxonomies. A context of a taxonomy that is not the user's shows nothing.
func (p *Principal) visible(bound bool, own []int64, current int64, context []int64) Taxa {
	switch {
	case context == nil && bound:
		return Taxa{IDs: own}
	case context == nil:
		return Taxa{Any: true}
	case bound && current != 0 && !slices.Contains(own, current):
		return Taxa{}
	}
	return Taxa{IDs: context}
}

// within limits a scope on taxonomies to the user's own: nobody chooses a
// context that is not theirs. One's own can be chosen without any permission;
// seeing or changing them takes the permission besides, which Can tells.
func (p *Principal) within(s *Scope, permission string, bound bool, own []int64) {
	if strings.HasPrefix(permission, "create_") {
		return
	}
	if s.Nothing() && strings.HasPrefix(permission, "view_") {
		s.All = true
	}
	if !bound || s.Nothing() {
		return
	}
	s.Where, s.All = search.AllOf(s.Where, oneOf("id", own)), false
}

// meets tells whether a filter's taxonomies play a part in the context.
func meets(limit, context []int64) bool {
	if len(limit) == 0 || context == nil {
		return true
	}
	return slices.ContainsFunc(limit, func(id int64) bool { return slices.Contains(context, id) })
}

func (g Grant) condition() search.Expr {
	terms := []search.Expr{g.Where}
	if len(g.Organizations) > 0 {
		terms = append(terms, oneOf("organization_id", g.Organizations))
	}
	if len(g.Locations) > 0 {
		terms = append(terms, oneOf("location_id", g.Locations))
	}
	return search.AllOf(terms...)
}

func oneOf(field string, ids []int64) search.Expr {
	values := make([]string, len(ids))
	for i, id := range ids {
		values[i] = strconv.FormatInt(id, 10)
	}
	return search.Compare{Field: field, Op: search.In, Value: strings.Join(values, ",")}
}
