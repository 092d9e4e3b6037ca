package inventory

import "github.com/chargehand/chargehand/core/noun"

// A Taxonomy is a node of one of the two trees that records are shared out in.
type Taxonomy struct {
	noun.Base
	Name        string
	Title       string // the names from the root down, joined by "/"
	Description string
	ParentID    int64
	Ancestry    string   // the ids from the root to the parent, joined by "/"
	IgnoreTypes []string // resources that show here without assignment
	Parameters  []noun.Parameter
}

// An Organization is a node of the tree of organizations.
type Organization struct{ Taxonomy }

// A Location is a node of the tree of locations.
type Location struct{ Taxonomy }
