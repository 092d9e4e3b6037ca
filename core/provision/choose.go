package provision

import (
	"slices"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Candidate is a template that is associated with a host's operating system
// and visible in its organization and location. Whoever asks has filtered so.
type Candidate struct {
	ID           int64
	Kind         Kind
	Default      bool // of the operating system, for the kind
	Combinations []Combination
}

// A Combination prefers a template for hosts of a host group, of a Puppet
// environment, or of both; 0 is any.
type Combination struct {
	HostgroupID   int64
	EnvironmentID int64
}

// Choose is the template of a kind for a host of a host group and environment
// (0 is none): one combined with both, else with the host group, else with the
// environment, else the operating system's default. Parents of the host group do
// not count. NotFound when there is none.
func Choose(candidates []Candidate, kind Kind, hostgroupID, environmentID int64) (Candidate, error) {
	wanted := []Combination{{hostgroupID, environmentID}, {hostgroupID, 0}, {0, environmentID}}
	for _, w := range wanted {
		if w == (Combination{}) {
			continue
		}
		for _, c := range candidates {
			if c.Kind == kind && slices.Contains(c.Combinations, w) {
				return c, nil
			}
		}
	}
	for _, c := range candidates {
		if c.Kind == kind && c.Default {
			return c, nil
		}
	}
	return Candidate{}, errs.New(errs.NotFound, "there is no %s template for this host", kind)
}

// BootKind is the kind of the template that a host's boot loader reads, and
// whether the host boots its installer (true) or its disk (false). "" is none.
func BootKind(h *Host) (kind Kind, install bool) {
	return LoaderByName(h.PXELoader).Kind, h.Build
}

// LocalBootName is the name of the template that boots a host from its disk: its
// own parameter, else the setting, else the default.
func LocalBootName(h *Host, kind Kind, setting string) string {
	if name, ok := h.Params[kind.LocalBoot()].(string); ok && name != "" {
		return name
	}
	if setting != "" {
		return setting
	}
	return kind.DefaultLocalBoot()
}

// CloudInitKinds are the kinds that answer the cloud-init endpoint, in order.
func CloudInitKinds() []Kind { return []Kind{CloudInit, UserData} }
