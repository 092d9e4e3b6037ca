package inventory

import "github.com/chargehand/chargehand/core/noun"

// An Architecture is a processor architecture, such as x86_64.
type Architecture struct {
	noun.Base
	Name               string
	OperatingSystemIDs []int64
}

// Architectures declares the processor architectures.
func Architectures() *noun.Noun[Architecture] {
	return noun.Declare("architecture", func(a *Architecture) noun.Fields {
		return noun.Fields{
			noun.Under("operatingsystem"),
			noun.Text("name", &a.Name).Required().Unique().Format(noSpace).Search(),
			noun.Many("operatingsystem", "operatingsystems", &a.OperatingSystemIDs, "operatingsystem", "architectures_operatingsystems", "architecture_id", "operatingsystem_id"),
			noun.Constant("images", []string{}).On(noun.Show),
			noun.Has("hosts", "host", "architecture").OnDelete(noun.Refuse),
			noun.Has("hostgroups", "hostgroup", "architecture").OnDelete(noun.Refuse),
		}
	})
}
