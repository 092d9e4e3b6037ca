package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// label is what messages call a value.
func label(v pcore.Value) string {
	switch v := v.(type) {
	case pcore.Undef:
		return "Undef Value"
	case pcore.String:
		return "String"
	case pcore.Integer:
		return "Integer"
	case pcore.Float:
		return "Float"
	case pcore.Boolean:
		return "Boolean"
	case *pcore.Array:
		return "Array"
	case *pcore.Hash:
		return "Hash"
	case *pcore.Regexp:
		return "Regexp"
	case *pcore.Sensitive:
		return "Sensitive"
	case pcore.Timespan:
		return "Timespan"
	case pcore.Timestamp:
		return "Timestamp"
	case pcore.Binary:
		return "Binary"
	case *pcore.SemVer:
		return "Semver"
	case *pcore.SemVerRange:
		return "SemverRange"
	case *pcore.ResourceType:
		if v.HasTitle {
			return v.String() + " Resource-Reference"
		}
		return v.String() + "-Type"
	case pcore.Type:
		return v.String() + "-Type"
	case *Collector:
		if v.exported {
			return "Exported-Collector"
		}
		return "Catalog-Collector"
	}
	return "Object"
}

func aLabel(v pcore.Value) string { return syntax.An(label(v)) }

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// generalized names the type of a value without its details: Integer.
func generalized(v pcore.Value) string { return pcore.Generalize(pcore.Infer(v)).String() }

// rubyText prints a value as Ruby's to_s does, which shows in a few messages.
func rubyText(v pcore.Value) string {
	switch v := v.(type) {
	case pcore.Undef:
		return ""
	case *pcore.Array, *pcore.Hash:
		return pcore.InspectRuby(v)
	}
	return v.String()
}

// rubyImplicit names a value as Ruby does when it cannot convert it.
func rubyImplicit(v pcore.Value) string {
	switch v := v.(type) {
	case pcore.Undef:
		return "nil"
	case pcore.Boolean:
		return v.String()
	}
	return rubyClass(v)
}

// rubyClass names the Ruby class behind a value, which shows in a few
// messages.
func rubyClass(v pcore.Value) string {
	switch v := v.(type) {
	case pcore.Undef:
		return "NilClass"
	case pcore.Boolean:
		if v {
			return "TrueClass"
		}
		return "FalseClass"
	case pcore.Default:
		return "Symbol"
	}
	return label(v)
}
