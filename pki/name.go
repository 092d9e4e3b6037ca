package pki

import (
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// maxName is the longest certificate name: that of a DNS name, and short enough
// for a file name.
const maxName = 253

// CheckName tells whether name may be the name of a certificate: a lower-case
// host name, of one label or more, that can stand in a path, a file name and a
// DNS name alike. Errors are Invalid and worded as Puppet Server words them.
func CheckName(name string) error {
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return r >= 'A' && r <= 'Z' }):
		return errs.New(errs.Invalid, "Certificate names must be lower case.")
	case strings.Contains(name, "*"):
		return errs.New(errs.Invalid, "Subject contains a wildcard, which is not allowed: %s", name)
	case name == "ca" || len(name) > maxName || !isHostName(name):
		return errs.New(errs.Invalid, "Subject hostname format is invalid")
	}
	return nil
}

// isHostName accepts dot-joined labels of letters, digits, hyphens and
// underscores; a label neither begins nor ends with a hyphen. So no empty
// label, no leading or trailing dot, no "..".
func isHostName(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
