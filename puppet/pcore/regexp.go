package pcore

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// matchTimeout bounds one match of the backtracking engine.
const matchTimeout = 2 * time.Second

// A Regexp is a regular expression in Ruby's syntax and with Ruby's meaning. Where a pattern means
// the same in Go, Go's linear-time engine runs it; else a backtracking one under a time limit.
type Regexp struct {
	source string
	linear *regexp.Regexp
	groups int
	names  []string // of the groups, where they have any
	// contextual patterns look at what is before the match; lineStart ones have a "^", which Ruby does
	// not match at the very end, and wordEdge ones a "\b", which means more than ASCII to Ruby.
	contextual, lineStart, wordEdge bool

	compile func() (*regexp2.Regexp, error)
}

// NewRegexp compiles a pattern; the error is worded as Ruby words it where that is known.
func NewRegexp(source string) (*Regexp, error) {
	tr, err := translateRegexp(source)
	if err != nil {
		return nil, fmt.Errorf("%w: /%s/", err, source)
	}
	r := &Regexp{
		source: source, groups: tr.groups, names: tr.names, contextual: tr.contextual,
		lineStart: tr.lineStart, wordEdge: tr.wordEdge,
	}
	r.compile = sync.OnceValues(func() (*regexp2.Regexp, error) {
		back, err := regexp2.Compile(tr.back, regexp2.Multiline)
		if err != nil {
			return nil, fmt.Errorf("%s: /%s/", strings.TrimPrefix(err.Error(), "error parsing regexp: "), source)
		}
		back.MatchTimeout = matchTimeout
		return back, nil
	})
	if !tr.backtracking {
		if r.linear, err = regexp.Compile("(?m)" + tr.text); err == nil {
			return r, nil
		}
		r.linear = nil
	}
	_, err = r.compile()
	return r, err
}

// MustRegexp is NewRegexp for patterns in Go code.
func MustRegexp(source string) *Regexp {
	r, err := NewRegexp(source)
	if err != nil {
		panic(err)
	}
	return r
}

// Source is the pattern as it was written.
func (r *Regexp) Source() string { return r.source }

// String implements Value: the pattern between slashes.
func (r *Regexp) String() string {
	if !strings.Contains(r.source, "/") {
		return "/" + r.source + "/"
	}
	var b strings.Builder
	b.WriteByte('/')
	for i := 0; i < len(r.source); i++ {
		switch c := r.source[i]; {
		case c == '\\' && i+1 < len(r.source):
			b.WriteString(r.source[i : i+2])
			i++
		case c == '/':
			b.WriteString(`\/`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('/')
	return b.String()
}

// Type implements Value.
func (r *Regexp) Type() Type { return &RegexpType{r} }

// GroupIndex gives the number of a named group, -1 where there is none.
func (r *Regexp) GroupIndex(name string) int {
	for i, n := range r.names {
		if n == name {
			return i + 1
		}
	}
	return -1
}

// Groups is the number of capture groups.
func (r *Regexp) Groups() int { return r.groups }

// MatchString says whether the pattern matches; a match that takes too long counts as none.
func (r *Regexp) MatchString(s string) bool {
	if r.linear != nil && r.alike(s) {
		return r.linear.MatchString(s)
	}
	loc, err := r.findBack(s, 0)
	return loc != nil && err == nil
}

// alike says whether the pattern means the same to both engines on this text.
func (r *Regexp) alike(s string) bool {
	if r.lineStart && strings.HasSuffix(s, "\n") {
		return false
	}
	return !r.wordEdge || ascii(s)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Named says whether the groups of the pattern have names.
func (r *Regexp) Named() bool { return len(r.names) > 0 }

// Find gives the first match in s at or after the byte offset from: pairs of byte offsets for the
// whole match and each group, -1 for a group that did not take part. It is nil when there is none.
// The error is a match that took too long.
func (r *Regexp) Find(s string, from int) ([]int, error) {
	switch {
	case r.linear == nil, !r.alike(s):
		return r.findBack(s, from)
	case from == 0:
		return r.linear.FindStringSubmatchIndex(s), nil
	case r.contextual:
		// The linear engine cannot start in the middle with what is before still in sight.
		return r.findBack(s, from)
	}
	loc := r.linear.FindStringSubmatchIndex(s[from:])
	for i := range loc {
		if loc[i] >= 0 {
			loc[i] += from
		}
	}
	return loc, nil
}

// FindAll gives all matches that do not overlap, at most n of them when n >= 0. An empty match may
// follow right after another one, as in Ruby.
func (r *Regexp) FindAll(s string, n int) ([][]int, error) {
	var all [][]int
	for from := 0; from <= len(s) && (n < 0 || len(all) < n); {
		loc, err := r.Find(s, from)
		if err != nil || loc == nil {
			return all, err
		}
		all = append(all, loc)
		from = loc[1]
		if loc[0] == loc[1] {
			_, size := utf8.DecodeRuneInString(s[from:])
			from += max(size, 1)
		}
	}
	return all, nil
}

func (r *Regexp) findBack(s string, from int) ([]int, error) {
	back, err := r.compile()
	if err != nil {
		return nil, err
	}
	runes := []rune(s)
	offsets := byteOffsets(s, runes)
	start := 0
	for start < len(runes) && offsets[start] < from {
		start++
	}
	m, err := back.FindRunesMatchStartingAt(runes, start)
	if err != nil || m == nil {
		return nil, err
	}
	return locations(m, offsets), nil
}

// byteOffsets gives the byte offset of each rune, and of the end.
func byteOffsets(s string, runes []rune) []int {
	offsets := make([]int, 0, len(runes)+1)
	for i := 0; i < len(s); {
		offsets = append(offsets, i)
		_, n := utf8.DecodeRuneInString(s[i:])
		i += n
	}
	return append(offsets, len(s))
}

func locations(m *regexp2.Match, offsets []int) []int {
	groups := m.Groups()
	loc := make([]int, 0, 2*len(groups))
	for _, g := range groups {
		if len(g.Captures) == 0 {
			loc = append(loc, -1, -1)
			continue
		}
		loc = append(loc, offsets[g.Index], offsets[g.Index+g.Length])
	}
	return loc
}

// EscapeRegexp quotes what is special in a pattern, as Ruby's Regexp.escape does.
func EscapeRegexp(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if j := strings.IndexByte("\n\t\r\f\v ", c); j >= 0 {
			b.WriteByte('\\')
			b.WriteByte("ntrfv "[j])
			continue
		}
		if strings.IndexByte(`.*?+^$|\()[]{}-#`, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}
