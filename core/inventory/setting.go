package inventory

import "github.com/chargehand/chargehand/core/noun"

// A Setting is the value that was set for one of the definitions in
// core/inventory/settings. There is no row while the default holds.
type Setting struct {
	noun.Base
	Name  string
	Value noun.Secret // JSON
}
