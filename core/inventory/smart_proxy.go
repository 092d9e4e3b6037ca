package inventory

import (
	"encoding/json"

	"github.com/chargehand/chargehand/core/noun"
)

// A SmartProxy is a registered Smart Proxy and the features it told us it has.
type SmartProxy struct {
	noun.Base
	noun.Taxed
	Name     string
	URL      string
	Version  string
	Features []Feature
}

// A Feature is what a proxy can do, with the settings and capabilities it reports.
type Feature struct {
	Name         string          `json:"name"` // "DNS", "DHCP", "TFTP", "Puppet CA", "Templates" …
	Capabilities []string        `json:"capabilities"`
	Settings     json.RawMessage `json:"settings,omitempty"`
}

// Has tells whether the proxy has the feature.
func (p *SmartProxy) Has(feature string) bool {
	for _, f := range p.Features {
		if f.Name == feature {
			return true
		}
	}
	return false
}
