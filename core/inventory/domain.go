package inventory

import "github.com/chargehand/chargehand/core/noun"

// A Domain is a DNS zone that hosts live in.
type Domain struct {
	noun.Base
	noun.Taxed
	Name       string
	Fullname   string
	DNSID      int64 // smart proxy
	SubnetIDs  []int64
	Parameters []noun.Parameter
}
