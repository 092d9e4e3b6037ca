package pcore

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Strftime writes the timestamp in Ruby's strftime format; zone is an offset such as "+02:00" or the
// name of a zone, "" for UTC.
func (t Timestamp) Strftime(format, zone string) (string, error) {
	when := t.Time()
	if zone != "" {
		offset, err := zoneOffset(zone)
		if err != nil {
			return "", err
		}
		when = when.In(time.FixedZone("", offset))
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		d := timeDirective{width: -1}
		end := d.read(format, i+1)
		if end < 0 || !d.write(&b, when, zone == "") {
			b.WriteByte('%')
			continue
		}
		i = end
	}
	return b.String(), nil
}

// A timeDirective is one %… of a strftime format.
type timeDirective struct {
	pad    byte // 0 for the field's own, '-' for none, '0', '_' for blanks
	upper  bool
	swap   bool
	colons int
	width  int
	letter byte
}

// read parses the directive and gives the position of its letter, -1 when there is none.
func (d *timeDirective) read(format string, i int) int {
	for ; i < len(format); i++ {
		switch c := format[i]; {
		case c == '-' || c == '_' || c == '0' && d.width < 0:
			d.pad = c
		case c == '^':
			d.upper = true
		case c == '#':
			d.swap = true
		case c == ':':
			d.colons++
		case c >= '0' && c <= '9':
			if d.width < 0 {
				d.width = 0
			}
			if d.width = d.width*10 + int(c-'0'); d.width > 1024 {
				return -1
			}
		case c == 'E' || c == 'O':
		default:
			d.letter = c
			return i
		}
	}
	return -1
}

func (d *timeDirective) number(b *strings.Builder, n, width int, pad byte) {
	switch d.pad {
	case '-':
		width = 0
	case '_':
		pad = ' '
	case '0':
		pad = '0'
	}
	if d.width > 0 {
		width = d.width
	}
	text := strconv.Itoa(n)
	if len(text) < width {
		b.WriteString(strings.Repeat(string(pad), width-len(text)))
	}
	b.WriteString(text)
}

func (d *timeDirective) text(b *strings.Builder, text string) {
	if d.upper || d.swap {
		text = strings.ToUpper(text)
	}
	if d.width > len(text) {
		pad := " "
		if d.pad == '0' {
			pad = "0"
		}
		b.WriteString(strings.Repeat(pad, d.width-len(text)))
	}
	b.WriteString(text)
}

var timeComposites = map[byte]string{
	'F': "%Y-%m-%d", 'T': "%H:%M:%S", 'X': "%H:%M:%S", 'D': "%m/%d/%y", 'x': "%m/%d/%y", 'R': "%H:%M",
	'r': "%I:%M:%S %p", 'c': "%a %b %e %H:%M:%S %Y", 'v': "%e-%^b-%Y",
}

func (d *timeDirective) write(b *strings.Builder, t time.Time, utc bool) bool {
	if composite, ok := timeComposites[d.letter]; ok {
		zone := t.Format("-07:00")
		if utc {
			zone = ""
		}
		text, err := NewTimestamp(t).Strftime(composite, zone)
		if err != nil {
			return false
		}
		d.text(b, text)
		return true
	}
	return d.writeNumber(b, t) || d.writeText(b, t, utc)
}

func (d *timeDirective) writeNumber(b *strings.Builder, t time.Time) bool {
	isoYear, isoWeek := t.ISOWeek()
	hour12 := (t.Hour()+11)%12 + 1
	weekday := int(t.Weekday())
	switch d.letter {
	case 'Y':
		d.number(b, t.Year(), 4, '0')
	case 'C':
		d.number(b, t.Year()/100, 2, '0')
	case 'y':
		d.number(b, t.Year()%100, 2, '0')
	case 'm':
		d.number(b, int(t.Month()), 2, '0')
	case 'd':
		d.number(b, t.Day(), 2, '0')
	case 'e':
		d.number(b, t.Day(), 2, ' ')
	case 'j':
		d.number(b, t.YearDay(), 3, '0')
	case 'H':
		d.number(b, t.Hour(), 2, '0')
	case 'k':
		d.number(b, t.Hour(), 2, ' ')
	case 'I':
		d.number(b, hour12, 2, '0')
	case 'l':
		d.number(b, hour12, 2, ' ')
	case 'M':
		d.number(b, t.Minute(), 2, '0')
	case 'S':
		d.number(b, t.Second(), 2, '0')
	case 'u':
		d.number(b, (weekday+6)%7+1, 1, '0')
	case 'w':
		d.number(b, weekday, 1, '0')
	case 'G':
		d.number(b, isoYear, 4, '0')
	case 'g':
		d.number(b, isoYear%100, 2, '0')
	case 'V':
		d.number(b, isoWeek, 2, '0')
	case 'U':
		d.number(b, (t.YearDay()+6-weekday)/7, 2, '0')
	case 'W':
		d.number(b, (t.YearDay()+6-(weekday+6)%7)/7, 2, '0')
	case 's':
		d.number(b, int(t.Unix()), 1, '0')
	default:
		return false
	}
	return true
}

func (d *timeDirective) writeText(b *strings.Builder, t time.Time, utc bool) bool {
	switch d.letter {
	case 'A':
		d.text(b, t.Weekday().String())
	case 'a':
		d.text(b, t.Weekday().String()[:3])
	case 'B':
		d.text(b, t.Month().String())
	case 'b', 'h':
		d.text(b, t.Month().String()[:3])
	case 'p':
		if d.swap {
			d.swap = false
			d.text(b, strings.ToLower(t.Format("PM")))
		} else {
			d.text(b, t.Format("PM"))
		}
	case 'P':
		d.text(b, strings.ToLower(t.Format("PM")))
	case 'L':
		d.fraction(b, t, 3)
	case 'N':
		d.fraction(b, t, 9)
	case 'z':
		d.text(b, t.Format([]string{"-0700", "-07:00", "-07:00:00"}[min(d.colons, 2)]))
	case 'Z':
		if utc {
			d.text(b, "UTC")
		}
	case 'n':
		d.text(b, "\n")
	case 't':
		d.text(b, "\t")
	case '%':
		d.text(b, "%")
	default:
		return false
	}
	return true
}

func (d *timeDirective) fraction(b *strings.Builder, t time.Time, digits int) {
	if d.width > 0 {
		digits = d.width
	}
	text := fmt.Sprintf("%09d", t.Nanosecond())
	if digits > 9 {
		text += strings.Repeat("0", digits-9)
	}
	b.WriteString(text[:digits])
}
