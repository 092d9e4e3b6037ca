// Package inventory holds the nouns of the machine park and their rules: hosts
// and host groups, networks, operating systems and what installs them,
// taxonomies, parameters, facts, reports and settings.
//
// Each file is one noun: its struct, its declaration, its rules as functions on
// typed structs. Optional references are 0 and optional text is "" where a row
// has none. It may import core/noun, core/search and internal packages.
package inventory

import "github.com/chargehand/chargehand/core/noun"

// Options are what the nouns involve outside of their rows; all may be nil.
type Options struct {
	Hosts     HostOptions
	Prober    Prober
	Templates TemplateParser
}

// Nouns are all nouns of the inventory: a new one is one line here.
func Nouns(o Options) []noun.Declared {
	return []noun.Declared{
		Organizations(),
		Locations(),
		SmartProxies(o.Prober),
		Domains(),
		Subnets(),
		Architectures(),
		OperatingSystems(),
		OSDefaultTemplates(),
		Media(),
		Ptables(o.Templates),
		TemplateKinds(),
		ProvisioningTemplates(o.Templates),
		TemplateCombinations(),
		Environments(),
		Puppetclasses(),
		Models(),
		HTTPProxies(),
		Hostgroups(),
		Hosts(o.Hosts),
		Interfaces(),
		CommonParameters(),
		Settings(),
		ConfigReports(),
		FactNames(),
		FactValues(),
	}
}
