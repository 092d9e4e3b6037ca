package inventory

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// The checks of text give what is wrong, or "".

func noSpace(s string) string {
	if strings.ContainsAny(s, " \t\r\n") {
		return "can't contain white spaces."
	}
	return ""
}

func digits(s string) string {
	if strings.Trim(s, "0123456789.") != "" {
		return "is not a number"
	}
	return ""
}

func minorVersion(s string) string {
	if regexp.MustCompile(`^\d+(\.\d+)*$`).MatchString(s) {
		return ""
	}
	return "Operating system minor version must be in N.N format"
}

func environmentName(s string) string {
	if regexp.MustCompile(`^[\w]+$`).MatchString(s) {
		return ""
	}
	return "is alphanumeric and underscore only"
}

// dnsName accepts labels of letters, digits, hyphens and underscores.
func dnsName(s string) string {
	if len(s) > 253 {
		return "is too long (maximum is 253 characters)"
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "is invalid"
		}
		for _, c := range label {
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c < 0x80 {
				return "is invalid"
			}
		}
	}
	return ""
}

// hostName accepts what a machine can be called: lower-case labels of letters,
// digits and hyphens.
func hostName(s string) string {
	if message := dnsName(s); message != "" {
		return message
	}
	for _, c := range s {
		if c != '-' && c != '.' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return "is invalid"
		}
	}
	return ""
}

func trimSlash(s string) string { return strings.TrimRight(s, "/") }

func proxyURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" {
		return "is invalid"
	}
	return ""
}

func mediumPath(s string) string {
	for _, scheme := range []string{"http://", "https://", "ftp://", "nfs://"} {
		if strings.HasPrefix(s, scheme) && len(s) > len(scheme) && !strings.ContainsAny(s, " \t\n") {
			return ""
		}
	}
	return "Only URLs with schema http://, https://, ftp:// or nfs:// are allowed (e.g. nfs://server/vol/dir)"
}

func addressText(s string) string {
	if _, err := netip.ParseAddr(s); err != nil {
		return "is invalid"
	}
	return ""
}

// canonicalIP writes an address in its one canonical form; what is not an
// address stays for the check to refuse.
func canonicalIP(s string) string {
	a, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil || a.Zone() != "" {
		return s
	}
	return a.Unmap().String()
}

// canonicalMAC writes a hardware address in lower case with colons.
func canonicalMAC(s string) string {
	hex := strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "").Replace(strings.TrimSpace(s)))
	if len(hex) != 12 && len(hex) != 40 || strings.Trim(hex, "0123456789abcdef") != "" {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(hex); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(hex[i : i+2])
	}
	return b.String()
}

// macText accepts unicast addresses of 6 or 20 octets.
func macText(s string) string {
	if c := canonicalMAC(s); c != s || len(s) != 17 && len(s) != 59 {
		return "is not a valid MAC address"
	}
	if len(s) == 17 && (s == "00:00:00:00:00:00" || strings.ContainsRune("13579bdf", rune(s[1]))) {
		return "is not a valid unicast MAC address"
	}
	return ""
}

func orNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}
