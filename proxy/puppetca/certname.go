package puppetca

import (
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// CheckCertname accepts what can be a certname: lower-case letters, digits, dots,
// hyphens and underscores, beginning with a letter or digit. Wildcards, which an
// autosign file may hold, are not certnames.
func CheckCertname(s string) error {
	ok := s != "" && len(s) <= 253 && s[0] != '-' && s[0] != '.' && !strings.Contains(s, "..") &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
	if !ok {
		return errs.New(errs.Malformed, "Invalid certname %.253q", s)
	}
	return nil
}
