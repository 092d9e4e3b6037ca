package dns

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// NewRecord makes a record of the three values that travel over the wire. For
// PTR, fqdn is the host and value the reverse name, so that the record is made
// at value and points to fqdn. The type is taken in any case. An address may
// carry a prefix length, which is applied as Smart Proxy does. Wrong values are
// Malformed errors, worded as Smart Proxy words them.
func NewRecord(fqdn, value, typ string) (Record, error) {
	t, err := ParseType(strings.ToUpper(typ))
	if err != nil {
		return Record{}, err
	}
	fqdn = strings.TrimSuffix(fqdn, ".")
	if err := checkName(fqdn, t == SRV); err != nil {
		return Record{}, err
	}
	switch t {
	case A, AAAA:
		value, err = normalAddr(value, t)
		return Record{Name: fqdn, Type: t, Value: value}, err
	case PTR:
		name, err := reverseName(value)
		return Record{Name: name, Type: t, Value: fqdn}, err
	case SRV:
		value, err = normalSRV(value)
		return Record{Name: fqdn, Type: t, Value: value}, err
	default:
		value = strings.TrimSuffix(value, ".")
		return Record{Name: fqdn, Type: t, Value: value}, checkName(value, false)
	}
}

// ForAddr is the A or AAAA record of a host.
func ForAddr(fqdn string, addr netip.Addr) (Record, error) {
	if addr.Unmap().Is4() {
		return NewRecord(fqdn, addr.Unmap().String(), string(A))
	}
	return NewRecord(fqdn, addr.String(), string(AAAA))
}

// Reverse is the PTR record that points from an address to a host.
func Reverse(fqdn string, addr netip.Addr) (Record, error) {
	return NewRecord(fqdn, ReverseName(addr), string(PTR))
}

// ParseType reads a type, upper case only, as Smart Proxy's delete does.
func ParseType(s string) (Type, error) {
	switch t := Type(s); t {
	case A, AAAA, CNAME, PTR, SRV:
		return t, nil
	}
	return "", errs.New(errs.Malformed, "unrecognized 'type' parameter: %.40s", s)
}

// ParseDelete checks the name and type of a deletion. Without a type it is PTR
// for reverse names and A for all others.
func ParseDelete(name, typ string) (string, Type, error) {
	if typ == "" {
		typ = string(A)
		if isReverse(name) {
			typ = string(PTR)
		}
	}
	t, err := ParseType(typ)
	if err != nil {
		return "", "", err
	}
	if t == PTR {
		name, err = reverseName(name)
		return name, t, err
	}
	name = strings.TrimSuffix(name, ".")
	return name, t, checkName(name, t == SRV)
}

// ReverseName is the name under in-addr.arpa or ip6.arpa of an address.
func ReverseName(addr netip.Addr) string {
	addr = addr.Unmap()
	if addr.Is4() {
		b := addr.As4()
		parts := make([]string, 0, 4)
		for i := 3; i >= 0; i-- {
			parts = append(parts, strconv.Itoa(int(b[i])))
		}
		return strings.Join(parts, ".") + ".in-addr.arpa"
	}
	const digits = "0123456789abcdef"
	var out strings.Builder
	b := addr.As16()
	for i := 15; i >= 0; i-- {
		out.WriteByte(digits[b[i]&15])
		out.WriteByte('.')
		out.WriteByte(digits[b[i]>>4])
		out.WriteByte('.')
	}
	return out.String() + "ip6.arpa"
}

func isReverse(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return strings.HasSuffix(name, ".in-addr.arpa") || strings.HasSuffix(name, ".ip6.arpa")
}

func reverseName(name string) (string, error) {
	name = strings.TrimSuffix(name, ".")
	if !isReverse(name) || checkName(name, false) != nil {
		return "", errs.New(errs.Malformed, "Invalid reverse DNS %.253s", name)
	}
	return strings.ToLower(name), nil
}

// checkName allows labels of letters, digits and hyphens that do not begin with
// a hyphen; underscores only for SRV.
func checkName(name string, underscore bool) error {
	bad := func() error { return errs.New(errs.Malformed, "Invalid DNS name %.253s", name) }
	if name == "" || len(name) > 253 {
		return bad()
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' {
			return bad()
		}
		for _, c := range []byte(label) {
			if !isLabelByte(c) && !(underscore && c == '_') {
				return bad()
			}
		}
	}
	return nil
}

func isLabelByte(c byte) bool {
	return c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func normalAddr(s string, t Type) (string, error) {
	bad := errs.New(errs.Malformed, "Invalid IP Address %.64s", s)
	var addr netip.Addr
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return "", bad
		}
		addr = p.Masked().Addr()
	} else {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return "", bad
		}
		addr = a
	}
	if addr.Zone() != "" || addr.Is4() != (t == A) {
		return "", bad
	}
	return addr.String(), nil
}

func normalSRV(s string) (string, error) {
	bad := errs.New(errs.Malformed, "Invalid SRV value %.300s", s)
	f := strings.Fields(s)
	if len(f) != 4 {
		return "", bad
	}
	for i, least := range []uint64{0, 0, 1} {
		n, err := strconv.ParseUint(f[i], 10, 16)
		if err != nil || n < least {
			return "", bad
		}
		f[i] = strconv.FormatUint(n, 10)
	}
	f[3] = strings.TrimSuffix(f[3], ".")
	if checkName(f[3], true) != nil {
		return "", bad
	}
	return strings.Join(f, " "), nil
}
