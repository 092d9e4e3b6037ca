package noun

import "github.com/chargehand/chargehand/core/search"

// A Caller is whoever an operation runs as; core/access has the real one. It is
// not changed while an operation runs.
type Caller interface {
	// Can tells whether the caller holds the permission at all, on whatever rows.
	Can(permission string) bool
	// Scope gives the rows of a resource (Foreman's class name) that the caller
	// may touch with the permission, in a taxonomy context.
	Scope(permission, resource string, c Context) Scope
	// Env completes searches: who "current_user" is. Audits name its Login.
	Env() search.Env
}

// A Scope is the part of a noun's rows that a caller may touch with one
// permission. Every query takes one. The zero Scope holds nothing.
//
// A row is in scope when it is the Own row, or when
//
//	(All or Where matches it) and Organizations holds it and Locations holds it and Parent holds its parent.
//
// It stands here, below core/access, because the nouns of core/access are
// declared with this package; access computes it and may alias the three types.
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
	// Env completes Where: who "current_user" is. The registry sets the time.
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

// A Context is the taxonomy context of a request (organization_id, location_id
// or the session's); nil means "any". IDs hold the current one, its descendants
// and its ancestors; Organization and Location are the current ones themselves,
// which new records are put into.
type Context struct {
	Organizations, Locations []int64
	Organization, Location   int64
	// Their titles, for headers and menus.
	OrganizationName, LocationName string
}

// Everything is the scope of the system and of administrators without a context.
func Everything() Scope {
	return Scope{All: true, Organizations: Taxa{Any: true}, Locations: Taxa{Any: true}}
}

// Nothing tells whether no row can be in scope, so that the query can be saved.
func (s Scope) Nothing() bool { return !s.All && s.Where == nil && s.Own == 0 }
