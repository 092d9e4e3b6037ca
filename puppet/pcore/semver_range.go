package pcore

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	rangeOperatorSpace = regexp.MustCompile(`([><=~^])(?:\s+|\s*v)`)
	rangeSimple        = regexp.MustCompile(`^(<=|>=|~>|~=|[<>=~^])?(.+)$`)
	rangeHyphen        = regexp.MustCompile(`^(\S+)\s+-\s+(\S+)$`)
	rangePartial       = regexp.MustCompile(`^(x|X|\*|0|[1-9][0-9]{0,17})(?:\.(x|X|\*|0|[1-9][0-9]{0,17})(?:\.(x|X|\*|0|[1-9][0-9]{0,17})` +
		`(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?)?)?$`)
)

// ParseSemVerRange reads a range: comparisons, ^, ~, wildcards, "1.0.0 - 2.0.0", "||".
func ParseSemVerRange(text string) (*SemVerRange, error) {
	bad := fmt.Errorf("Unparsable version range: %s", QuoteRuby(text))
	cleaned := rangeOperatorSpace.ReplaceAllString(text, "$1")
	r := &SemVerRange{text: text}
	if strings.TrimSpace(cleaned) == "" {
		r.alts = []versionSpan{{}}
		return r, nil
	}
	for _, alt := range strings.Split(cleaned, "||") {
		span, ok := parseVersionSpan(strings.TrimSpace(alt))
		if !ok {
			return nil, bad
		}
		r.alts = append(r.alts, span)
	}
	return r, nil
}

func parseVersionSpan(text string) (versionSpan, bool) {
	if m := rangeHyphen.FindStringSubmatch(text); m != nil {
		lo, ok1 := parsePartial(m[1])
		hi, ok2 := parsePartial(m[2])
		return versionSpan{min: lo.version(), max: hi.version()}, ok1 && ok2
	}
	span := versionSpan{}
	fields := strings.Fields(text)
	for _, simple := range fields {
		m := rangeSimple.FindStringSubmatch(simple)
		if m == nil {
			return span, false
		}
		p, ok := parsePartial(m[2])
		if !ok {
			return span, false
		}
		span = span.intersect(p.span(m[1]))
	}
	return span, len(fields) > 0
}

// A partial is a version of which only the first known parts are given.
type partial struct {
	v     SemVer
	known int
}

func parsePartial(text string) (partial, bool) {
	m := rangePartial.FindStringSubmatch(text)
	if m == nil {
		return partial{}, false
	}
	p := partial{}
	for i, field := range []*int64{&p.v.Major, &p.v.Minor, &p.v.Patch} {
		n, ok := versionNumber(m[i+1])
		if !ok {
			return p, true
		}
		*field = n
		p.known++
	}
	p.v.Pre, p.v.Build = m[4], m[5]
	return p, true
}

func (p partial) version() *SemVer { v := p.v; return &v }

func (p partial) nextMajor() *SemVer { return &SemVer{Major: p.v.Major + 1} }
func (p partial) nextMinor() *SemVer { return &SemVer{Major: p.v.Major, Minor: p.v.Minor + 1} }

// next is the first version after all that the partial stands for.
func (p partial) next() *SemVer {
	if p.known == 1 {
		return p.nextMajor()
	}
	return p.nextMinor()
}

func (p partial) span(op string) versionSpan {
	nothing := versionSpan{max: &SemVer{}, openMax: true}
	switch op {
	case ">=":
		return versionSpan{min: p.version()}
	case "<":
		return versionSpan{max: p.version(), openMax: true}
	case ">":
		switch p.known {
		case 0:
			return nothing
		case 3:
			return versionSpan{min: p.version(), openMin: true}
		}
		return versionSpan{min: p.next()}
	case "<=":
		switch p.known {
		case 0:
			return versionSpan{}
		case 3:
			return versionSpan{max: p.version()}
		}
		return versionSpan{max: p.next(), openMax: true}
	}
	if p.known == 0 {
		return versionSpan{}
	}
	if op == "" || op == "=" {
		if p.known == 3 {
			return versionSpan{min: p.version(), max: p.version()}
		}
		return versionSpan{min: p.version(), max: p.next(), openMax: true}
	}
	upper := p.next()
	if op == "^" && p.v.Major != 0 {
		upper = p.nextMajor()
	}
	return versionSpan{min: p.version(), max: upper, openMax: true}
}

func (s versionSpan) intersect(o versionSpan) versionSpan {
	if o.min != nil && (s.min == nil || o.min.Compare(s.min) > 0 || o.min.Compare(s.min) == 0 && o.openMin) {
		s.min, s.openMin = o.min, o.openMin
	}
	if o.max != nil && (s.max == nil || o.max.Compare(s.max) < 0 || o.max.Compare(s.max) == 0 && o.openMax) {
		s.max, s.openMax = o.max, o.openMax
	}
	return s
}
