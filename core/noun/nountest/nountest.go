// Package nountest has callers and a sealer for tests of what is built on nouns.
//
// It may import core/noun, core/search and internal packages; only tests and
// suites import it.
package nountest

import (
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/internal/errs"
)

// Admin is a caller who may do everything.
type Admin struct{}

// Can is always true.
func (Admin) Can(string) bool { return true }

// Scope is everything but what the context leaves out.
func (Admin) Scope(_, _ string, c noun.Context) noun.Scope {
	s := noun.Everything()
	if c.Organizations != nil {
		s.Organizations = noun.Taxa{IDs: c.Organizations}
	}
	if c.Locations != nil {
		s.Locations = noun.Taxa{IDs: c.Locations}
	}
	return s
}

// Env names the admin.
func (Admin) Env() search.Env { return search.Env{Login: "admin", UserID: 1} }

// Limited is a caller with some permissions on the rows that a search finds.
type Limited struct {
	Permissions   map[string]string // permission → search; "" is all
	Organizations []int64           // nil is any
}

// Can tells whether the permission is there.
func (l Limited) Can(p string) bool { _, ok := l.Permissions[p]; return ok }

// Scope is what the permission's search finds.
func (l Limited) Scope(p, _ string, _ noun.Context) noun.Scope {
	q, ok := l.Permissions[p]
	if !ok {
		return noun.Scope{}
	}
	s := noun.Scope{All: q == "", Organizations: noun.Taxa{Any: l.Organizations == nil, IDs: l.Organizations}, Locations: noun.Taxa{Any: true}}
	if q != "" {
		s.Where, _ = search.Parse(q)
	}
	return s
}

// Env names the caller.
func (Limited) Env() search.Env { return search.Env{Login: "limited", UserID: 2} }

// Plain is a sealer that only marks what it sealed.
type Plain struct{}

// Seal marks.
func (Plain) Seal(s string) (string, error) { return "sealed:" + s, nil }

// Open unmarks.
func (Plain) Open(s string) (string, error) {
	if len(s) < 7 || s[:7] != "sealed:" {
		return "", errs.New(errs.Internal, "not sealed")
	}
	return s[7:], nil
}
