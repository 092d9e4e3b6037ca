// Package access decides who may do what: it authenticates users, keeps their
// sessions and tokens, and turns roles into the conditions that every query
// carries.
//
// A Principal is whoever a request runs as. Can answers whether an action is
// possible at all; Scope gives the part of a noun's rows that it may touch,
// as a value that the store makes part of its SQL, so that a row that one may
// not see is never loaded.
//
// It may import core/noun, core/search, core/audit and internal packages. The
// store implements the interfaces declared here; core/noun and core/store never
// decide about access themselves.
package access

import (
	"slices"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/core/search"
)

// A Principal is whoever a request or a plan runs as. It is built once per
// request and not changed afterwards.
type Principal struct {
	UserID int64  // 0 for the system itself
	Login  string // for audits and "current_user"
	Admin  bool   // passes every check
	// Via tells how the principal was authenticated.
	Via Via
	// Organizations and Locations are the taxonomies of the user, descendants
	// included. An administrator is not limited to them.
	Organizations, Locations []int64
	// Grants are the filters that the user's roles hold, own and inherited.
	Grants []Grant
}

// Via is a way to be authenticated.
type Via uint8

// The ways to be authenticated.
const (
	ViaNothing  Via = iota // nobody: the zero Principal may do nothing
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
	// Where is the filter's search; nil when it does not limit. A search that
	// cannot be parsed must not become a Grant at all.
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

// Env is what the principal's searches depend on, but for the time and the zone.
func (p *Principal) Env() search.Env { return search.Env{Login: p.Login, UserID: p.UserID} }

// Can tells whether the principal holds the permission at all, on some rows or
// on none yet. What may be done to one row is for Scope to say.
func (p *Principal) Can(permission string) bool {
	if p == nil || p.Via == ViaNothing {
		return false
	}
	return p.Admin || slices.ContainsFunc(p.Grants, func(g Grant) bool {
		return slices.Contains(g.Permissions, permission)
	})
}

// A Scope is the part of a noun's rows that a principal may touch with one
// permission. Every query takes one. The zero Scope holds nothing.
//
// A row is in scope when it is the Own row, or when
//
//	(All or Where matches it) and Organizations holds it and Locations holds it and Parent holds its parent.
type Scope struct {
	// All lifts Where: the filters do not limit.
	All bool
	// Where is what the filters allow, in the noun's own search language, to be
	// resolved strictly; nil without All means nothing.
	Where search.Expr
	// Organizations and Locations are what the taxonomy context shows. They
	// concern only nouns that have taxonomies.
	Organizations, Locations Taxa
	// Own is the id of a row that is in scope whatever the rest says: one's own
	// user. 0 means none.
	Own int64
	// Parent limits rows that belong to a host (reports, facts, interfaces) to
	// those whose host is in that scope. nil does not limit.
	Parent *Scope
	// Env completes Where: who "current_user" is. The store sets the time.
	Env search.Env
}

// Taxa says rows of which organizations (or locations) are visible.
type Taxa struct {
	// Any shows all rows, those assigned to none too.
	Any bool
	// IDs are the taxonomies whose rows show, ancestors and descendants already
	// included. A row whose noun is in a taxonomy's ignored types shows in it
	// without assignment.
	IDs []int64
}

// Everything is the scope of the system and of administrators without a context.
func Everything() Scope {
	return Scope{All: true, Organizations: Taxa{Any: true}, Locations: Taxa{Any: true}}
}

// Nothing tells whether no row can be in scope, so that the query can be saved.
func (s Scope) Nothing() bool { return !s.All && s.Where == nil && s.Own == 0 }

// A Context is the taxonomy context of a request (organization_id, location_id
// or the session's); nil means "any". IDs hold the current one, its descendants
// and its ancestors.
type Context struct{ Organizations, Locations []int64 }

// Scope gives what the principal may touch of a resource with a permission, in
// a taxonomy context: the union of its filters. Resource is Foreman's class name.
func (p *Principal) Scope(permission, resource string, c Context) Scope {
	if p == nil || p.Via == ViaNothing {
		return Scope{}
	}
	s := Scope{
		Organizations: visible(p.Admin, p.Organizations, c.Organizations),
		Locations:     visible(p.Admin, p.Locations, c.Locations),
		Env:           p.Env(),
	}
	if resource == "User" && (permission == "view_users" || permission == "edit_users") {
		s.Own = p.UserID
	}
	if p.Admin {
		s.All = true
		return s
	}
	var terms []search.Expr
	for _, g := range p.Grants {
		if g.Resource != resource || !slices.Contains(g.Permissions, permission) {
			continue
		}
		if g.Unlimited() {
			s.All, s.Where = true, nil
			return s
		}
		if in(g.Organizations, c.Organizations) && in(g.Locations, c.Locations) {
			terms = append(terms, g.condition())
		}
	}
	if len(terms) > 0 {
		s.Where = search.AnyOf(terms...)
	}
	return s
}

// visible is what a context shows: of an administrator's context all, of a
// user's only what is theirs too.
func visible(admin bool, own, context []int64) Taxa {
	switch {
	case admin && context == nil:
		return Taxa{Any: true}
	case admin:
		return Taxa{IDs: context}
	case context == nil:
		return Taxa{IDs: own}
	}
	return Taxa{IDs: context}
}

// in tells whether a filter's taxonomies play a part in the context.
func in(limit, context []int64) bool {
	if len(limit) == 0 || context == nil {
		return true
	}
	return slices.ContainsFunc(limit, func(id int64) bool { return slices.Contains(context, id) })
}

func (g Grant) condition() search.Expr {
	var terms []search.Expr
	if g.Where != nil {
		terms = append(terms, g.Where)
	}
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
