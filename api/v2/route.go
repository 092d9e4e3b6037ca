package v2

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
)

func setPath(r *http.Request, escaped string) error {
	u, err := url.Parse(escaped)
	if err != nil || len(escaped) > 8192 {
		return fmt.Errorf("path %q", escaped)
	}
	clone := *r.URL
	clone.Path, clone.RawPath = u.Path, u.RawPath
	r.URL = &clone
	return nil
}

// crud are a noun's routes: its own and those below its parents.
func (a *API) crud(n *noun.Any) []Route {
	parents, nestedOnly := n.Parents()
	prefixes := [][]string{}
	if !nestedOnly {
		prefixes = append(prefixes, nil)
	}
	for _, p := range parents {
		prefixes = append(prefixes, []string{p})
	}
	if slices.Contains(parents, "location") && slices.Contains(parents, "organization") {
		prefixes = append(prefixes, []string{"location", "organization"}, []string{"organization", "location"})
	}
	var routes []Route
	for _, names := range prefixes {
		prefix, ok := a.prefix(names)
		if !ok {
			continue
		}
		routes = append(routes, a.below(n, prefix, names)...)
	}
	return routes
}

// prefix is the path of nested parents.
func (a *API) prefix(names []string) (string, bool) {
	prefix := ""
	for _, name := range names {
		p := a.reg.Noun(name)
		if p == nil {
			return "", false
		}
		prefix += "/" + p.Collection() + "/{" + p.Name() + "_id}"
	}
	return prefix, true
}

func (a *API) below(n *noun.Any, prefix string, parents []string) []Route {
	collection := prefix + "/" + n.Collection()
	member := collection + "/{id}"
	var routes []Route
	add := func(method, pattern, action string, member bool, handle func(*Request) error) {
		if n.Allows(action) {
			routes = append(routes, Route{
				Method: method, Pattern: pattern, Noun: n, Action: action, Permission: n.Permission(action),
				member: member, parents: parents, handle: handle,
			})
		}
	}
	add(http.MethodGet, collection, "index", false, index)
	add(http.MethodGet, member, "show", true, show)
	add(http.MethodPost, collection, "create", false, create)
	add(http.MethodPut, member, "update", true, update)
	add(http.MethodDelete, member, "destroy", true, destroy)
	if n.Root() == "parameter" && len(parents) > 0 {
		routes = append(routes, Route{
			Method: http.MethodDelete, Pattern: collection, Noun: n, Action: "reset",
			Permission: n.Permission("destroy"), parents: parents, handle: resetParameters,
		})
	}
	return routes
}

// An Action is something that can be done beyond CRUD, registered by the
// package that can do it.
type Action struct {
	Noun       string // by name; its declaration names the path's collection
	Name       string
	Method     string
	Path       string // below the record (Member) or collection: "enc"; may hold {wildcards}
	Member     bool
	Below      string // a noun below whose records the collection's action is found too
	Permission string
	// Anyone needs no permission but a login; Public not even that.
	Anyone, Public bool
	Handle         func(*Request) error
	Summary        string // for the API document
}

// special are the registered actions.
func (a *API) special() []Route {
	var routes []Route
	for _, act := range slices.Concat(a.own(), a.settingActions(), a.o.Actions) {
		r := Route{
			Method: act.Method, Action: act.Name, Permission: act.Permission, Public: act.Public, Anyone: act.Anyone,
			member: act.Member, handle: act.Handle, Noun: a.reg.Noun(act.Noun),
		}
		switch {
		case act.Noun == "":
			r.Pattern = "/" + act.Path
		case r.Noun == nil:
			panic("api: action " + act.Name + " of an unknown noun " + act.Noun)
		case act.Member:
			r.Pattern = "/" + r.Noun.Collection() + "/{id}/" + act.Path
		default:
			r.Pattern = strings.TrimSuffix("/"+r.Noun.Collection()+"/"+act.Path, "/")
		}
		routes = append(routes, r)
		if prefix, ok := a.prefix([]string{act.Below}); ok {
			r.Pattern, r.parents = prefix+r.Pattern, []string{act.Below}
			routes = append(routes, r)
		}
	}
	return routes
}
