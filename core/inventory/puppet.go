package inventory

import "github.com/chargehand/chargehand/core/noun"

// An Environment is a Puppet environment.
type Environment struct {
	noun.Base
	noun.Taxed
	Name           string
	PuppetclassIDs []int64
}

// A Puppetclass is a class that hosts and host groups can be given.
type Puppetclass struct {
	noun.Base
	Name           string
	EnvironmentIDs []int64
}

// ModuleName is the part before the first "::".
func (c *Puppetclass) ModuleName() string {
	for i := 0; i+1 < len(c.Name); i++ {
		if c.Name[i:i+2] == "::" {
			return c.Name[:i]
		}
	}
	return c.Name
}
