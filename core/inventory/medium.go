package inventory

import "github.com/chargehand/chargehand/core/noun"

// A Medium is a place that operating systems are installed from.
type Medium struct {
	noun.Base
	noun.Taxed
	Name               string
	Path               string // a URL in which $arch, $version, $major, $minor, $release stand for the host's
	OSFamily           string
	OperatingSystemIDs []int64
}
