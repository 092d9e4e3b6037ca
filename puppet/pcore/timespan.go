package pcore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A spanFormat is a parsed format of a Timespan: literals and fields. The field of the highest
// magnitude takes all that is above it.
type spanFormat struct {
	text     string
	segments []spanSegment
}

type spanSegment struct {
	literal string
	field   byte // one of DHMSLN, 0 for a literal
	pad     byte // '0', ' ' or 0 for none
	width   int  // 0 for the field's own
	total   bool
}

// The fields in rising magnitude, with their length in nanoseconds and how many make the next one.
const spanFields = "NLSMHD"

var spanUnits = [...]struct{ nanos, modulo int64 }{
	{1, 1e9}, {1e6, 1e3}, {1e9, 60}, {60e9, 60}, {3600e9, 24}, {86400e9, 0},
}

var defaultSpanFormats = [...]string{
	"%D-%H:%M:%S.%-N", "%H:%M:%S.%-N", "%M:%S.%-N", "%S.%-N", "%D-%H:%M:%S", "%H:%M:%S", "%D-%H:%M", "%S",
}

func parseSpanFormat(text string) (*spanFormat, error) {
	f := &spanFormat{text: text}
	literal := func(c byte) {
		if n := len(f.segments); n > 0 && f.segments[n-1].field == 0 {
			f.segments[n-1].literal += string(c)
			return
		}
		f.segments = append(f.segments, spanSegment{literal: string(c)})
	}
	bad := func(start, end int) error {
		return fmt.Errorf("Bad format specifier '%s' in '%s', at position %d", text[start:end], text, end)
	}
	highest := -1
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			literal(text[i])
			continue
		}
		start := i
		seg := spanSegment{pad: '0'}
		flagged := false
		for i++; ; i++ {
			if i >= len(text) {
				return nil, bad(start, len(text)-1)
			}
			c := text[i]
			if c == '%' {
				literal(c)
				break
			}
			if rank := strings.IndexByte(spanFields, c); rank >= 0 {
				seg.field = c
				highest = max(highest, rank)
				f.segments = append(f.segments, seg)
				break
			}
			switch {
			case c == '-' && !flagged && seg.width == 0:
				seg.pad = 0
			case c == '_' && !flagged && seg.width == 0:
				seg.pad = ' '
			case c >= '0' && c <= '9' && seg.width < 1000:
				seg.width = seg.width*10 + int(c-'0')
			default:
				return nil, bad(start, i)
			}
			flagged = true
		}
	}
	for i := range f.segments {
		if highest >= 0 && f.segments[i].field == spanFields[highest] {
			f.segments[i].total = true
			break
		}
	}
	return f, nil
}

// Strftime writes the span in a format of %D %H %M %S %L %N with flags - _ 0 and widths.
func (t Timespan) Strftime(format string) (string, error) {
	f, err := parseSpanFormat(format)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	nanos := int64(t)
	if nanos < 0 {
		b.WriteByte('-')
		nanos = -nanos
	}
	for _, s := range f.segments {
		if s.field == 0 {
			b.WriteString(s.literal)
			continue
		}
		s.write(&b, nanos)
	}
	return b.String(), nil
}

func (s spanSegment) write(b *strings.Builder, nanos int64) {
	unit := spanUnits[strings.IndexByte(spanFields, s.field)]
	n := nanos / unit.nanos
	if !s.total && unit.modulo > 0 {
		n %= unit.modulo
	}
	width := s.width
	switch {
	case s.field == 'N' || s.field == 'L':
		s.writeFraction(b, n, width)
		return
	case s.pad == 0:
		width = 0
	case width == 0 && s.field != 'D':
		width = 2
	}
	pad := " "
	if s.pad == '0' {
		pad = "0"
	}
	text := strconv.FormatInt(n, 10)
	if len(text) < width {
		b.WriteString(strings.Repeat(pad, width-len(text)))
	}
	b.WriteString(text)
}

// writeFraction writes milliseconds or nanoseconds: a fraction of the second unless nothing higher
// is in the format.
func (s spanSegment) writeFraction(b *strings.Builder, n int64, width int) {
	if s.total {
		text := strconv.FormatInt(n, 10)
		own := 3
		if s.field == 'N' {
			own = 9
		}
		if width > 0 {
			own = width
		}
		if s.pad != 0 && len(text) < own {
			b.WriteString(strings.Repeat(string(s.pad), own-len(text)))
		}
		b.WriteString(text)
		return
	}
	digits := 3
	if s.field == 'N' {
		digits = 9
	}
	text := fmt.Sprintf("%0*d", digits, n)
	if width > 0 && width < digits {
		text = text[:width]
	}
	switch s.pad {
	case 0:
		text = trimFraction(text)
	case ' ':
		trimmed := trimFraction(text)
		text = trimmed + strings.Repeat(" ", len(text)-len(trimmed))
	}
	if width > len(text) {
		text += strings.Repeat("0", width-len(text))
	}
	b.WriteString(text)
}

var errSpanSyntax = errors.New("does not match")

// parse reads a span in the format; the whole text must match.
func (f *spanFormat) parse(text string) (Timespan, error) {
	rest, negative := strings.CutPrefix(text, "-")
	var sum int64
	for i, s := range f.segments {
		if s.field == 0 {
			var ok bool
			if rest, ok = strings.CutPrefix(rest, s.literal); !ok {
				return 0, errSpanSyntax
			}
			continue
		}
		digits := s.take(rest, f.segments[i+1:])
		if digits == "" {
			return 0, errSpanSyntax
		}
		rest = rest[len(digits):]
		nanos, err := s.nanos(strings.TrimSpace(digits))
		if err != nil {
			return 0, err
		}
		sum += nanos
	}
	if rest != "" {
		return 0, errSpanSyntax
	}
	if negative {
		sum = -sum
	}
	return Timespan(sum), nil
}

// take cuts the digits that belong to the field.
func (s spanSegment) take(text string, _ []spanSegment) string {
	limit := s.width
	if limit == 0 && !s.total {
		limit = map[byte]int{'D': 1, 'H': 2, 'M': 2, 'S': 2, 'L': 3, 'N': 9}[s.field]
	}
	n := 0
	for n < len(text) && (limit == 0 || n < limit) {
		c := text[n]
		if (c < '0' || c > '9') && !(s.pad == ' ' && c == ' ') {
			break
		}
		n++
	}
	if s.width > 0 && s.pad != 0 && n < s.width {
		return ""
	}
	return text[:n]
}

func (s spanSegment) nanos(digits string) (int64, error) {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, errSpanSyntax
	}
	if s.field == 'N' || s.field == 'L' {
		if s.total {
			return 0, errors.New("Format specifiers %L and %N denotes fractions and must be used together with a specifier of higher magnitude")
		}
		for i := len(digits); i < 9; i++ {
			n *= 10
		}
		return n, nil
	}
	return n * spanUnits[strings.IndexByte(spanFields, s.field)].nanos, nil
}

// ParseTimespan reads a span in the first of the formats that fits, the usual ones without any.
func ParseTimespan(text string, formats ...string) (Timespan, error) {
	given := len(formats) > 0
	if !given {
		formats = defaultSpanFormats[:]
	}
	for _, format := range formats {
		f, err := parseSpanFormat(format)
		if err != nil {
			return 0, err
		}
		span, err := f.parse(text)
		if err == nil {
			return span, nil
		}
		if given && len(formats) == 1 {
			if errors.Is(err, errSpanSyntax) {
				return 0, fmt.Errorf("Unable to parse '%s' using format '%s'", text, format)
			}
			return 0, err
		}
	}
	return 0, fmt.Errorf("Unable to parse '%s' using any of the formats %s", text, strings.Join(formats, ", "))
}
