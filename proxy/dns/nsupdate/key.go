package nsupdate

import (
	"encoding/base64"
	"strings"

	wire "github.com/miekg/dns"

	"github.com/chargehand/chargehand/internal/errs"
)

// A Key is a shared secret (TSIG, RFC 8945) by which client and server know each
// other.
type Key struct {
	Name      string
	Algorithm string // such as "hmac-sha256", which is the default
	Secret    string // base64
}

func (k *Key) name() string { return strings.ToLower(wire.Fqdn(k.Name)) }

func (k *Key) algorithm() string {
	if k.Algorithm == "" {
		return wire.HmacSHA256
	}
	return strings.ToLower(wire.Fqdn(k.Algorithm))
}

// String names the key without its secret.
func (k *Key) String() string { return k.Name + " (" + strings.TrimSuffix(k.algorithm(), ".") + ")" }

func (k *Key) check() error {
	if _, ok := wire.IsDomainName(k.Name); !ok || k.Name == "" {
		return errs.InvalidField("dns_key", "has no usable name")
	}
	switch k.algorithm() {
	case wire.HmacSHA1, wire.HmacSHA224, wire.HmacSHA256, wire.HmacSHA384, wire.HmacSHA512:
	default:
		return errs.InvalidField("dns_key", "uses %q, which is not one of hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 and hmac-sha512",
			strings.TrimSuffix(k.algorithm(), "."))
	}
	if secret, err := base64.StdEncoding.DecodeString(k.Secret); err != nil || len(secret) == 0 {
		return errs.InvalidField("dns_key", "has a secret that is not base64")
	}
	return nil
}

// ParseKey reads a key file of BIND, as tsig-keygen and rndc-confgen write it:
//
//	key "foreman" { algorithm hmac-sha256; secret "c2VjcmV0"; };
//
// Of several keys the first counts.
func ParseKey(text []byte) (*Key, error) {
	words := keyWords(string(text))
	next := func() string {
		if len(words) == 0 {
			return ""
		}
		w := words[0]
		words = words[1:]
		return w
	}
	for len(words) > 0 {
		if next() != "key" {
			continue
		}
		k := &Key{Name: next()}
		if next() != "{" {
			return nil, errs.InvalidField("dns_key", "is not a key file: { is missing after key %.60q", k.Name)
		}
		for word := next(); word != "}"; word = next() {
			switch word {
			case "algorithm":
				k.Algorithm = next()
			case "secret":
				k.Secret = next()
			case "":
				return nil, errs.InvalidField("dns_key", "is not a key file: } is missing")
			}
		}
		return k, k.check()
	}
	return nil, errs.InvalidField("dns_key", "holds no key; the format is that of tsig-keygen")
}

// keyWords splits into words, quoted texts and braces; comments and semicolons
// are left out.
func keyWords(s string) []string {
	var words []string
	for s != "" {
		switch {
		case strings.HasPrefix(s, "#") || strings.HasPrefix(s, "//"):
			_, s, _ = strings.Cut(s, "\n")
		case strings.HasPrefix(s, "/*"):
			_, s, _ = strings.Cut(s[2:], "*/")
		case strings.ContainsAny(s[:1], " \t\r\n;"):
			s = s[1:]
		case s[0] == '{' || s[0] == '}':
			words, s = append(words, s[:1]), s[1:]
		case s[0] == '"':
			text, rest, _ := strings.Cut(s[1:], `"`)
			words, s = append(words, text), rest
		default:
			end := strings.IndexAny(s, " \t\r\n;{}\"")
			if end < 0 {
				end = len(s)
			}
			words, s = append(words, s[:end]), s[end:]
		}
	}
	return words
}
