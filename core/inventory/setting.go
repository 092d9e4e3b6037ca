package inventory

import "github.com/chargehand/chargehand/core/noun"

// A Setting is the value that was set for one of the definitions in
// core/inventory/settings. There is no row while the default holds.
type Setting struct {
	noun.Base
	Name  string
	Value noun.Secret // JSON
}

// Settings declares the rows of settings that were set. Package settings gives
// them their meaning and the API its form.
func Settings() *noun.Noun[Setting] {
	return noun.Declare("setting", func(s *Setting) noun.Fields {
		return noun.Fields{
			noun.NoRoutes(), noun.Needs("create", "edit_settings"),
			noun.Text("name", &s.Name).Required().Unique(),
			noun.Sealed("value", &s.Value),
		}
	})
}
