package inventory

import "github.com/chargehand/chargehand/core/noun"

// A Model is a make of machine, as facts tell it or an administrator does.
type Model struct {
	noun.Base
	Name          string
	Info          string
	VendorClass   string
	HardwareModel string
}

// Models declares the hardware models.
func Models() *noun.Noun[Model] {
	return noun.Declare("model", func(m *Model) noun.Fields {
		return noun.Fields{
			noun.Text("name", &m.Name).Required().Unique().Search(),
			noun.Text("info", &m.Info).Long().Search(),
			noun.Text("vendor_class", &m.VendorClass).Search(),
			noun.Text("hardware_model", &m.HardwareModel).Search(),
			noun.Has("hosts", "host", "model").OnDelete(noun.Refuse).Counted(),
		}
	})
}
