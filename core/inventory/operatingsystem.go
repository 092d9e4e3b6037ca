package inventory

import "github.com/chargehand/chargehand/core/noun"

// An OperatingSystem is one release of an operating system.
type OperatingSystem struct {
	noun.Base
	Name             string
	Major, Minor     string // Minor is "" where there is none
	Family           string // "Debian", "Redhat" …; guessed from the name when empty
	ReleaseName      string // the code name, needed with family Debian
	Description      string
	Title            string // the description, else name and version
	PasswordHash     string // SHA512 SHA256 Base64 Base64-Windows
	ArchitectureIDs  []int64
	MediumIDs        []int64
	PtableIDs        []int64
	TemplateIDs      []int64 // provisioning templates that may be used
	DefaultTemplates []OSDefaultTemplate
	Parameters       []noun.Parameter
}

// An OSDefaultTemplate says which template of a kind an operating system uses
// where no combination says otherwise.
type OSDefaultTemplate struct {
	noun.Base
	OperatingSystemID int64
	KindID            int64
	TemplateID        int64
}
