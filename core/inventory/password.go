package inventory

import (
	"strings"

	"github.com/chargehand/chargehand/core/noun"
)

// crypted tells whether a password looks hashed already: "$6$…", "$1$…", "*…".
func crypted(s string) bool {
	return strings.HasPrefix(s, "$") && strings.Count(s, "$") >= 3
}

// setRootPass hashes a root password that was given in plain and refuses a short one.
func setRootPass(old, new noun.Secret, fail func(field, format string, args ...any)) noun.Secret {
	plain := new.Reveal()
	if new == old || plain == "" || crypted(plain) {
		return new
	}
	if len(plain) < 8 {
		fail("root_pass", "should be 8 characters or more")
		return new
	}
	return noun.Secret(SHA512Crypt(plain, newSalt()))
}
