package inventory

import "github.com/chargehand/chargehand/core/noun"

// A TemplateKind is what a provisioning template is for: "provision", "PXELinux" …
type TemplateKind struct {
	noun.Base
	Name        string
	Description string
}

// A ProvisioningTemplate is an ERB text that becomes a boot file, an installer's
// answers or a script. It has a kind, or is a snippet for others to include.
type ProvisioningTemplate struct {
	noun.Base
	noun.Taxed
	Name               string
	Template           string
	Description        string
	KindID             int64
	Snippet            bool
	Locked             bool
	Default            bool // associated with new organizations and locations
	Vendor             string
	OperatingSystemIDs []int64
	Combinations       []TemplateCombination
}

// A TemplateCombination prefers a template for the hosts of a host group, an
// environment or both.
type TemplateCombination struct {
	noun.Base
	TemplateID    int64
	HostgroupID   int64
	EnvironmentID int64
}

// A Ptable is a partition table: an ERB text for the installer.
type Ptable struct {
	noun.Base
	noun.Taxed
	Name               string
	Layout             string
	Description        string
	OSFamily           string
	Snippet            bool
	Locked             bool
	Default            bool
	Vendor             string
	OperatingSystemIDs []int64
}
