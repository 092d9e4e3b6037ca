// Package inventory holds the nouns of the machine park and their rules: hosts
// and host groups, networks, operating systems and what installs them,
// taxonomies, parameters, facts, reports and settings.
//
// Each file is one noun: its struct, its declaration, its rules as functions on
// typed structs. Optional references are 0 and optional text is "" where a row
// has none. It may import core/noun, core/search and internal packages.
package inventory
