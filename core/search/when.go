package search

import (
	"strconv"
	"strings"
	"time"
)

// A span is the time that a value names, as wide as its smallest unit.
type span struct {
	from, to time.Time // to is the first moment after it
	date     bool      // a day or more wide
}

// forms are the ways to write a time, each with the step to the end of its unit.
var forms = []struct {
	layout string
	end    func(time.Time) time.Time
	date   bool
}{
	{layout: "2006-01-02 15:04:05", end: plus(time.Second)},
	{layout: "2006-01-02T15:04:05", end: plus(time.Second)},
	{layout: time.RFC3339, end: plus(time.Second)},
	{layout: "2006-01-02 15:04:05 -0700", end: plus(time.Second)},
	{layout: "2006-01-02 15:04:05 UTC", end: plus(time.Second)},
	{layout: "2006-01-02 15:04", end: plus(time.Minute)},
	{layout: "2006-01-02T15:04", end: plus(time.Minute)},
	{layout: "2006-01-02 15", end: plus(time.Hour)},
	{layout: "2006-01-02", end: days(0, 0, 1), date: true},
	{layout: "2006/01/02", end: days(0, 0, 1), date: true},
	{layout: "2 Jan 2006", end: days(0, 0, 1), date: true},
	{layout: "2 January 2006", end: days(0, 0, 1), date: true},
	{layout: "Jan 2 2006", end: days(0, 0, 1), date: true},
	{layout: "Jan 2, 2006", end: days(0, 0, 1), date: true},
	{layout: "2006-01", end: days(0, 1, 0), date: true},
	{layout: "2006/01", end: days(0, 1, 0), date: true},
	{layout: "2006", end: days(1, 0, 0), date: true},
}

func plus(d time.Duration) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.Add(d) }
}

func days(year, month, day int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.AddDate(year, month, day) }
}

// parseTime reads a time, absolute or relative to now, in now's zone.
func parseTime(value string, now time.Time) (span, bool) {
	value = strings.TrimSpace(value)
	if len(value) > 64 {
		return span{}, false
	}
	if s, ok := parseRelative(strings.ToLower(value), now); ok {
		return s, true
	}
	for _, f := range forms {
		t, err := time.ParseInLocation(f.layout, value, now.Location())
		if f.layout == "2006-01-02 15:04:05 UTC" {
			t, err = time.ParseInLocation(f.layout, value, time.UTC)
		}
		if err == nil {
			return span{from: t, to: f.end(t), date: f.date}, true
		}
	}
	return span{}, false
}

// farthest bounds "N units ago", so that no year falls outside what databases keep.
const farthest = 1000 * 366 * 24 * 60

func parseRelative(value string, now time.Time) (span, bool) {
	switch value {
	case "now":
		return span{from: now, to: now.Add(time.Second)}, true
	case "today":
		return day(now), true
	case "yesterday":
		return day(now.AddDate(0, 0, -1)), true
	case "tomorrow":
		return day(now.AddDate(0, 0, 1)), true
	}
	words := strings.Fields(value)
	sign := 0
	switch {
	case len(words) == 3 && words[2] == "ago":
		sign = -1
	case len(words) == 4 && words[2] == "from" && words[3] == "now":
		sign = 1
	default:
		return span{}, false
	}
	n, err := strconv.Atoi(words[0])
	if err != nil || n < 0 || n > farthest {
		return span{}, false
	}
	s, ok := shift(now, strings.TrimSuffix(words[1], "s"), sign*n)
	if y := s.from.Year(); y < 1 || y > 9998 {
		return span{}, false
	}
	return s, ok
}

// shift moves now by n units; days and more give whole days.
func shift(now time.Time, unit string, n int) (span, bool) {
	switch unit {
	case "second":
		t := now.Add(time.Duration(n) * time.Second)
		return span{from: t, to: t.Add(time.Second)}, true
	case "minute":
		t := now.Add(time.Duration(n) * time.Minute)
		return span{from: t, to: t.Add(time.Minute)}, true
	case "hour":
		// Hours beyond what a Duration holds are whole days and the rest.
		t := now.AddDate(0, 0, n/24).Add(time.Duration(n%24) * time.Hour)
		return span{from: t, to: t.Add(time.Hour)}, true
	case "day":
		return day(now.AddDate(0, 0, n)), true
	case "week":
		return day(now.AddDate(0, 0, 7*n)), true
	case "month":
		return day(now.AddDate(0, n, 0)), true
	case "year":
		return day(now.AddDate(n, 0, 0)), true
	}
	return span{}, false
}

func day(t time.Time) span {
	y, m, d := t.Date()
	from := time.Date(y, m, d, 0, 0, 0, 0, t.Location())
	return span{from: from, to: from.AddDate(0, 0, 1), date: true}
}
