package pcore

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var (
	timeFormatsWithoutZone = []string{"%FT%T.%N", "%FT%T", "%F %T.%N", "%F %T", "%F"}
	timeFormats            = append([]string{"%FT%T.%N %Z", "%FT%T %Z", "%F %T.%N %Z", "%F %T %Z", "%F %Z"}, timeFormatsWithoutZone...)
)

// ParseTimestamp reads a point in time in the first of the formats that fits, the usual ones without
// any; zone, unless it is "", is where the text is from.
func ParseTimestamp(text string, formats []string, zone string) (Timestamp, error) {
	single := len(formats) == 1
	if len(formats) == 0 {
		formats = timeFormats
		if zone != "" {
			formats = timeFormatsWithoutZone
		}
	}
	for _, format := range formats {
		p := timeParser{text: text, month: 1, day: 1}
		if !p.parse(format) || p.pos < len(text) {
			continue
		}
		if zone != "" && p.zone != "" {
			if single {
				return 0, fmt.Errorf("Using a Timezone designator in format specification is mutually exclusive to providing an explicit timezone argument")
			}
			continue
		}
		return p.timestamp(zone)
	}
	if single {
		return 0, fmt.Errorf("Unable to parse '%s' using format '%s'", text, formats[0])
	}
	return 0, fmt.Errorf("Unable to parse '%s' using any of the formats %s", text, strings.Join(formats, ", "))
}

// zoneOffset gives the seconds east of UTC of "+02:00", "UTC", "EST" and the like.
func zoneOffset(zone string) (int, error) {
	switch strings.ToUpper(zone) {
	case "UTC", "GMT", "Z", "CURRENT", "UCT", "WET":
		return 0, nil
	}
	if hours, ok := zoneNames[strings.ToUpper(zone)]; ok {
		return hours * 3600, nil
	}
	for _, layout := range []string{"-07:00", "-0700", "-07", "-07:00:00"} {
		if t, err := time.Parse(layout, strings.TrimPrefix(strings.TrimPrefix(zone, "UTC"), "GMT")); err == nil {
			_, offset := t.Zone()
			return offset, nil
		}
	}
	return 0, fmt.Errorf("Illegal timezone '%s'", zone)
}

var zoneNames = map[string]int{
	"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8,
	"HST": -10, "CET": 1, "CEST": 2, "MET": 1, "MEST": 2, "BST": 1, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "AST": -4,
	"ADT": -3, "WEST": 1, "IST": 5, "EAT": 3, "A": 1, "M": 12, "N": -1, "Y": -12,
}

// A timeParser reads a text in a strptime format.
type timeParser struct {
	text string
	pos  int

	year, month, day, hour, minute, second int
	yearDay                                int
	nanos                                  int64
	pm, hasMeridian                        bool
	zone                                   string
	epoch                                  *int64
}

func (p *timeParser) parse(format string) bool {
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c == ' ':
			for p.pos < len(p.text) && strings.IndexByte(" \t\n", p.text[p.pos]) >= 0 {
				p.pos++
			}
		case c != '%' || i+1 >= len(format):
			if p.pos >= len(p.text) || p.text[p.pos] != c {
				return false
			}
			p.pos++
		default:
			for i++; i+1 < len(format) && strings.IndexByte("-_0^#:EO", format[i]) >= 0; i++ {
			}
			if !p.field(format[i]) {
				return false
			}
		}
	}
	return true
}

// digits reads up to n digits.
func (p *timeParser) digits(n int) (int, bool) {
	start := p.pos
	for p.pos < len(p.text) && p.pos-start < n && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' {
		p.pos++
	}
	v, err := strconv.Atoi(p.text[start:p.pos])
	return v, err == nil
}

func (p *timeParser) within(to *int, n, lo, hi int) bool {
	v, ok := p.digits(n)
	*to = v
	return ok && v >= lo && v <= hi
}

// scanComposites are directives that stand for others.
var scanComposites = map[byte]string{
	'F': "%Y-%m-%d", 'T': "%H:%M:%S", 'X': "%H:%M:%S", 'R': "%H:%M", 'D': "%m/%d/%y", 'x': "%m/%d/%y",
	'c': "%a %b %e %H:%M:%S %Y", 'r': "%I:%M:%S %p",
}

func (p *timeParser) field(c byte) bool {
	if composite, ok := scanComposites[c]; ok {
		return p.parse(composite)
	}
	switch c {
	case 'L', 'N':
		return p.fraction()
	case 'Z', 'z':
		return p.zoneName()
	case 'p', 'P':
		return p.meridian()
	case 'a', 'A':
		return p.names(nil, weekdayName, 7)
	case 'b', 'B', 'h':
		return p.names(&p.month, func(i int) string { return time.Month(i + 1).String() }, 12)
	case 'n', 't':
		p.skipBlank()
		return true
	case '%':
		if !strings.HasPrefix(p.text[p.pos:], "%") {
			return false
		}
		p.pos++
		return true
	}
	return p.number(c)
}

func (p *timeParser) number(c byte) bool {
	switch c {
	case 'Y':
		return p.fullYear()
	case 'y':
		ok := p.within(&p.year, 2, 0, 99)
		p.year += 1900
		if p.year < 1969 {
			p.year += 100
		}
		return ok
	case 'm':
		return p.within(&p.month, 2, 1, 12)
	case 'd', 'e':
		p.skipBlank()
		return p.within(&p.day, 2, 1, 31)
	case 'j':
		return p.within(&p.yearDay, 3, 1, 366)
	case 'H', 'k':
		p.skipBlank()
		return p.within(&p.hour, 2, 0, 24)
	case 'I', 'l':
		p.skipBlank()
		return p.within(&p.hour, 2, 1, 12)
	case 'M':
		return p.within(&p.minute, 2, 0, 59)
	case 'S':
		return p.within(&p.second, 2, 0, 60)
	case 's':
		n, ok := p.digits(18)
		epoch := int64(n)
		p.epoch = &epoch
		return ok
	}
	return false
}

func (p *timeParser) fullYear() bool {
	negative := strings.HasPrefix(p.text[p.pos:], "-")
	if negative {
		p.pos++
	}
	ok := p.within(&p.year, 4, 0, 9999)
	if negative {
		p.year = -p.year
	}
	return ok
}

func weekdayName(i int) string { return time.Weekday(i).String() }

func (p *timeParser) skipBlank() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *timeParser) fraction() bool {
	start := p.pos
	if _, ok := p.digits(18); !ok {
		return false
	}
	text := (p.text[start:p.pos] + "000000000")[:9]
	n, err := strconv.ParseInt(text, 10, 64)
	p.nanos = n
	return err == nil
}

func (p *timeParser) meridian() bool {
	rest := strings.ToLower(p.text[p.pos:])
	for _, m := range []string{"am", "pm", "a.m.", "p.m."} {
		if strings.HasPrefix(rest, m) {
			p.pm, p.hasMeridian = m[0] == 'p', true
			p.pos += len(m)
			return true
		}
	}
	return false
}

// names reads one of n names, in full or its first three letters.
func (p *timeParser) names(to *int, name func(int) string, n int) bool {
	rest := strings.ToLower(p.text[p.pos:])
	for i := range n {
		full := strings.ToLower(name(i))
		for _, form := range []string{full, full[:3]} {
			if strings.HasPrefix(rest, form) {
				p.pos += len(form)
				if to != nil {
					*to = i + 1
				}
				return true
			}
		}
	}
	return false
}

func (p *timeParser) zoneName() bool {
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if !(isWord(c) || c == '+' || c == '-' || c == ':' || c == '/') {
			break
		}
		p.pos++
	}
	p.zone = p.text[start:p.pos]
	_, err := zoneOffset(p.zone)
	return p.zone != "" && err == nil
}

func (p *timeParser) timestamp(zone string) (Timestamp, error) {
	if zone == "" {
		zone = p.zone
	}
	offset := 0
	if zone != "" {
		var err error
		if offset, err = zoneOffset(zone); err != nil {
			return 0, err
		}
	}
	if p.epoch != nil {
		return secondsTimestamp(float64(*p.epoch))
	}
	if p.hasMeridian {
		p.hour %= 12
		if p.pm {
			p.hour += 12
		}
	}
	t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, int(p.nanos), time.UTC)
	if p.yearDay > 0 {
		t = time.Date(p.year, 1, p.yearDay, p.hour, p.minute, p.second, int(p.nanos), time.UTC)
	}
	t = t.Add(-time.Duration(offset) * time.Second)
	if t.Year() < 1678 || t.Year() > 2261 {
		return 0, fmt.Errorf("the time '%s' is out of range", p.text)
	}
	return NewTimestamp(t), nil
}

func secondsTimestamp(seconds float64) (Timestamp, error) {
	if math.Abs(seconds) > 9e9 || math.IsNaN(seconds) {
		return 0, fmt.Errorf("the time %s is out of range", FormatFloat(seconds))
	}
	whole := math.Trunc(seconds)
	return Timestamp(int64(whole)*1e9 + int64((seconds-whole)*1e9)), nil
}

// toTimestamp makes a Timestamp of what Timestamp[…] takes.
func toTimestamp(v Value) (Timestamp, error) {
	switch v := v.(type) {
	case Timestamp:
		return v, nil
	case Integer:
		return secondsTimestamp(float64(v))
	case Float:
		return secondsTimestamp(float64(v))
	case String:
		return ParseTimestamp(string(v), nil, "")
	case *Hash:
		return timestampFromHash(v)
	}
	return 0, fmt.Errorf("Unable to create a Puppet::Pops::Time::Timestamp from a %s", RubyClass(v))
}

func timestampFromHash(h *Hash) (Timestamp, error) {
	text, _ := h.GetString("string")
	zone := ""
	if z, ok := h.GetString("timezone"); ok {
		zone = z.String()
	}
	var formats []string
	if f, ok := h.GetString("format"); ok {
		formats = texts(f)
	}
	if text == nil {
		text = String("")
	}
	return ParseTimestamp(text.String(), formats, zone)
}

// texts gives a list of strings of a string or an array of them.
func texts(v Value) []string {
	var list []string
	switch v := v.(type) {
	case String:
		list = append(list, string(v))
	case *Array:
		for _, e := range v.elems {
			list = append(list, e.String())
		}
	}
	return list
}

func secondsTimespan(seconds float64) (Timespan, error) {
	if math.Abs(seconds) > 9e9 || math.IsNaN(seconds) {
		return 0, fmt.Errorf("the time span %s is out of range", FormatFloat(seconds))
	}
	whole := math.Trunc(seconds)
	return Timespan(int64(whole)*1e9 + int64((seconds-whole)*1e9)), nil
}

// toTimespan makes a Timespan of what Timespan[…] takes.
func toTimespan(v Value) (Timespan, error) {
	switch v := v.(type) {
	case Timespan:
		return v, nil
	case Integer:
		return secondsTimespan(float64(v))
	case Float:
		return secondsTimespan(float64(v))
	case String:
		return ParseTimespan(string(v))
	case *Hash:
		return timespanFromHash(v)
	}
	return 0, fmt.Errorf("Unable to create a Puppet::Pops::Time::Timespan from a %s", RubyClass(v))
}

func timespanFromHash(h *Hash) (Timespan, error) {
	if text, ok := h.GetString("string"); ok {
		format, _ := h.GetString("format")
		return ParseTimespan(text.String(), texts(format)...)
	}
	var fields [7]int64
	for i, name := range []string{"days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"} {
		if n, ok := h.GetString(name); ok {
			if n, ok := n.(Integer); ok {
				fields[i] = int64(n)
			}
		}
	}
	span, err := timespanFromFields(fields)
	if negative, ok := h.GetString("negative"); ok && Truthy(negative) {
		span = -span
	}
	return span, err
}

func timespanFromFields(f [7]int64) (Timespan, error) {
	seconds := float64(f[0])*86400 + float64(f[1])*3600 + float64(f[2])*60 + float64(f[3])
	if math.Abs(seconds) > 9e9 {
		return 0, fmt.Errorf("the time span is out of range")
	}
	ns := ((f[0]*24+f[1])*60+f[2])*60 + f[3]
	return Timespan(ns*1e9 + f[4]*1e6 + f[5]*1e3 + f[6]), nil
}
