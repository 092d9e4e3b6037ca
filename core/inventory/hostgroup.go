package inventory

import "github.com/chargehand/chargehand/core/noun"

// A Hostgroup is a node of a tree of defaults for hosts. What is 0 or "" here
// is inherited from its ancestors.
type Hostgroup struct {
	noun.Base
	noun.Taxed
	Name        string
	Title       string // the names from the root down, joined by "/"
	Description string
	ParentID    int64
	Ancestry    string // the ids from the root to the parent, joined by "/"
	HostDefaults
	RootPass       noun.Secret // crypted
	PuppetclassIDs []int64
	Parameters     []noun.Parameter
}

// HostDefaults is what host groups hand down and hosts have themselves.
type HostDefaults struct {
	DomainID          int64
	SubnetID          int64 // IPv4
	Subnet6ID         int64
	OperatingSystemID int64
	ArchitectureID    int64
	MediumID          int64
	PtableID          int64
	PXELoader         string
	PuppetProxyID     int64
	PuppetCAProxyID   int64
	EnvironmentID     int64
	RealmID           int64
	ComputeProfileID  int64
	ComputeResourceID int64
}
