package pcore

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SemVer is a semantic version.
type SemVer struct {
	Major, Minor, Patch int64
	Pre, Build          string
}

// ParseSemVer reads a semantic version.
func ParseSemVer(text string) (*SemVer, error) {
	bad := fmt.Errorf("The string '%s' cannot be converted to a SemVer", text)
	rest, build, hasBuild := strings.Cut(text, "+")
	rest, pre, hasPre := strings.Cut(rest, "-")
	parts := strings.Split(rest, ".")
	if len(parts) != 3 || hasBuild && !identifiers(build, false) || hasPre && !identifiers(pre, true) {
		return nil, bad
	}
	var nums [3]int64
	for i, p := range parts {
		n, ok := versionNumber(p)
		if !ok {
			return nil, bad
		}
		nums[i] = n
	}
	return &SemVer{nums[0], nums[1], nums[2], pre, build}, nil
}

func versionNumber(s string) (int64, bool) {
	if s == "" || len(s) > 1 && s[0] == '0' || !allDigits(s) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func identifiers(s string, pre bool) bool {
	for _, id := range strings.Split(s, ".") {
		if id == "" || pre && len(id) > 1 && id[0] == '0' && allDigits(id) {
			return false
		}
		for i := range len(id) {
			c := id[i]
			if !(c == '-' || c >= '0' && c <= '9' || lower(c) >= 'a' && lower(c) <= 'z') {
				return false
			}
		}
	}
	return true
}

// String implements Value.
func (v *SemVer) String() string {
	s := fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	if v.Pre != "" {
		s += "-" + v.Pre
	}
	if v.Build != "" {
		s += "+" + v.Build
	}
	return s
}

// Type implements Value.
func (v *SemVer) Type() Type { return &SemVerType{[]*SemVerRange{exactRange(v)}} }

func (v *SemVer) equal(o Value) bool { p, ok := o.(*SemVer); return ok && *v == *p }
func (v *SemVer) key() string        { return "v" + v.String() }

// Compare orders versions by precedence; build metadata does not count.
func (v *SemVer) Compare(o *SemVer) int {
	return cmp.Or(cmp.Compare(v.Major, o.Major), cmp.Compare(v.Minor, o.Minor), cmp.Compare(v.Patch, o.Patch),
		comparePre(v.Pre, o.Pre))
}

func comparePre(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "":
		return 1
	case b == "":
		return -1
	}
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		xn, yn := allDigits(x), allDigits(y)
		switch {
		case xn && yn:
			return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
		case xn:
			return -1
		case yn:
			return 1
		}
		return cmp.Compare(x, y)
	})
}

// SemVerRange is a set of versions: alternatives of a lower and an upper end.
type SemVerRange struct {
	text string
	alts []versionSpan
}

// versionSpan is one range; a nil end is open.
type versionSpan struct {
	min, max         *SemVer
	openMin, openMax bool // the end itself does not belong
}

func exactRange(v *SemVer) *SemVerRange {
	return &SemVerRange{v.String() + " - " + v.String(), []versionSpan{{min: v, max: v}}}
}

// String implements Value: the text it was made of.
func (r *SemVerRange) String() string { return r.text }

// Type implements Value.
func (r *SemVerRange) Type() Type { return SemVerRangeType }

func (r *SemVerRange) equal(o Value) bool {
	p, ok := o.(*SemVerRange)
	return ok && r.Normalized() == p.Normalized()
}
func (r *SemVerRange) key() string { return "r" + r.Normalized() }

// Normalized writes the range with comparisons only: "^1.2" is ">=1.2.0 <2.0.0".
func (r *SemVerRange) Normalized() string {
	parts := make([]string, len(r.alts))
	for i, a := range r.alts {
		parts[i] = a.String()
	}
	return strings.Join(parts, " || ")
}

func (s versionSpan) String() string {
	if s.min != nil && s.max != nil && *s.min == *s.max && !s.openMin && !s.openMax {
		return s.min.String()
	}
	var parts []string
	if s.min != nil {
		op := ">="
		if s.openMin {
			op = ">"
		}
		parts = append(parts, op+s.min.String())
	}
	if s.max != nil {
		op := "<="
		if s.openMax {
			op = "<"
		}
		parts = append(parts, op+s.max.String())
	}
	if len(parts) == 0 {
		return "*"
	}
	return strings.Join(parts, " ")
}

// Includes says whether a version belongs to the range. A pre-release belongs only where an end of
// the range is a pre-release of the same version.
func (r *SemVerRange) Includes(v *SemVer) bool {
	for _, s := range r.alts {
		if s.contains(v) && (v.Pre == "" || s.namesPre(v)) {
			return true
		}
	}
	return false
}

func (s versionSpan) contains(v *SemVer) bool {
	if s.min != nil {
		if c := v.Compare(s.min); c < 0 || c == 0 && s.openMin {
			return false
		}
	}
	if s.max != nil {
		if c := v.Compare(s.max); c > 0 || c == 0 && s.openMax {
			return false
		}
	}
	return true
}

func (s versionSpan) namesPre(v *SemVer) bool {
	for _, end := range []*SemVer{s.min, s.max} {
		if end != nil && end.Pre != "" && end.Major == v.Major && end.Minor == v.Minor && end.Patch == v.Patch {
			return true
		}
	}
	return false
}

// Covers says whether all of o belongs to r.
func (r *SemVerRange) Covers(o *SemVerRange) bool {
	for _, os := range o.alts {
		ok := false
		for _, s := range r.alts {
			ok = ok || s.covers(os)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (s versionSpan) covers(o versionSpan) bool {
	if s.min != nil {
		if o.min == nil {
			return false
		}
		if c := s.min.Compare(o.min); c > 0 || c == 0 && s.openMin && !o.openMin {
			return false
		}
	}
	if s.max != nil {
		if o.max == nil {
			return false
		}
		if c := s.max.Compare(o.max); c < 0 || c == 0 && s.openMax && !o.openMax {
			return false
		}
	}
	return true
}
