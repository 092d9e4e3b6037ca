package access

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

// FuzzCookie: what is not a cookie's one spelling is Unauthenticated.
func FuzzCookie(f *testing.F) {
	for _, seed := range []string{
		"", strings.Repeat("A", 43), strings.Repeat("_", 43), strings.Repeat("A", 42) + "B", strings.Repeat("A", 43) + "=",
		strings.Repeat("A", 21) + "\n" + strings.Repeat("A", 21), strings.Repeat("é", 22), strings.Repeat("+", 43),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cookie string) {
		id, err := readCookie(cookie)
		if err != nil {
			if !errs.Is(err, errs.Unauthenticated) || id != (SessionID{}) {
				t.Fatalf("%v %v", id, err)
			}
			return
		}
		raw, err := base64.RawURLEncoding.DecodeString(cookie)
		if err != nil || id != sha256.Sum256(raw) || base64.RawURLEncoding.EncodeToString(raw) != cookie {
			t.Fatalf("%q is read, and spelled %q", cookie, base64.RawURLEncoding.EncodeToString(raw))
		}
	})
}

// FuzzHash: a stored hash, however broken, never lets anybody in or panics.
func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$$")
	f.Add("$argon2id$v=19$m=-1,t=,p=x$AAAA$AAAA")
	f.Fuzz(func(t *testing.T, hash string) {
		cost, _, sum, err := parseHash(hash)
		if err == nil && (len(sum) != hashSize || cost.Memory > 1<<20 || cost.Passes == 0 || cost.Threads == 0) {
			t.Fatalf("%q: %+v", hash, cost)
		}
	})
}
