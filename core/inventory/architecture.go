package inventory

import "github.com/chargehand/chargehand/core/noun"

// An Architecture is a processor architecture, such as x86_64.
type Architecture struct {
	noun.Base
	Name               string
	OperatingSystemIDs []int64
}
