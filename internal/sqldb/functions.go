package sqldb

import (
	"database/sql/driver"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"modernc.org/sqlite"
)

// registerFunctions gives SQLite what PostgreSQL has of its own:
//
//	json_steps(first, fullkey)  the place that json_tree calls fullkey, as an
//	                            array of keys and indexes after first
//	json_join(array, separator) the array's elements as one text; a text of digits
//	                            is quoted, to tell it from a number
//	time_to_char(ms, format)    a time in UTC, as FormatTime writes it
func registerFunctions() error {
	for name, f := range map[string]func(a, b driver.Value) (driver.Value, error){
		"json_steps": jsonSteps, "json_join": jsonJoin, "time_to_char": timeToChar,
	} {
		err := sqlite.RegisterDeterministicScalarFunction(name, 2, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			return f(args[0], args[1])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func jsonSteps(first, fullkey driver.Value) (driver.Value, error) {
	head, ok := first.(string)
	key, isText := fullkey.(string)
	if !ok || !isText {
		return nil, nil
	}
	var b strings.Builder
	quoted, err := plainJSON(head)
	if err != nil {
		return nil, err
	}
	b.WriteString("[" + quoted)
	for rest := strings.TrimPrefix(key, "$"); rest != ""; {
		step := ""
		if step, rest, err = jsonStep(rest); err != nil {
			return nil, err
		}
		b.WriteString("," + step)
	}
	b.WriteByte(']')
	return b.String(), nil
}

// jsonStep takes .name, ."quoted" or [0] off the front.
func jsonStep(s string) (step, rest string, err error) {
	switch {
	case s[0] == '[':
		index, rest, _ := strings.Cut(s[1:], "]")
		return index, rest, nil
	case strings.HasPrefix(s, `."`):
		end := 2
		for end < len(s) && s[end] != '"' {
			if s[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(s) {
			return "", "", errs.New(errs.Internal, "the JSON path %q does not end", s)
		}
		var name string // written anew, so that equal names are equal texts
		if err := json.Unmarshal([]byte(s[1:end+1]), &name); err != nil {
			return "", "", errs.WrapAs(errs.Internal, err, "the JSON path %q", s)
		}
		quoted, err := plainJSON(name)
		return quoted, s[end+1:], err
	}
	end := strings.IndexAny(s[1:], ".[") + 1
	if end == 0 {
		end = len(s)
	}
	quoted, err := plainJSON(s[1:end])
	return quoted, s[end:], err
}

// plainJSON writes a text without escaping <, > and &.
func plainJSON(text string) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(text)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func jsonJoin(array, separator driver.Value) (driver.Value, error) {
	text, ok := array.(string)
	between, isText := separator.(string)
	if !ok || !isText {
		return nil, nil
	}
	var steps []any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&steps); err != nil {
		return nil, err
	}
	parts := make([]string, len(steps))
	for i, step := range steps {
		switch step := step.(type) {
		case json.Number:
			parts[i] = step.String()
		case string:
			parts[i] = step
			if strings.Trim(step, "0123456789") == "" {
				parts[i] = `"` + step + `"`
			}
		}
	}
	return strings.Join(parts, between), nil
}

func timeToChar(millis, format driver.Value) (driver.Value, error) {
	n, ok := millis.(int64)
	pattern, isText := format.(string)
	if !ok || !isText {
		return nil, nil
	}
	return FormatTime(time.UnixMilli(n).UTC(), pattern), nil
}

// FormatTime writes a time as PostgreSQL's to_char does.
func FormatTime(t time.Time, pattern string) string {
	var b strings.Builder
	fill := false
	for pattern != "" {
		if pattern[0] == '"' {
			literal, rest, _ := strings.Cut(pattern[1:], `"`)
			b.WriteString(literal)
			pattern = rest
			continue
		}
		if rest, ok := strings.CutPrefix(pattern, "FM"); ok {
			fill, pattern = true, rest
			continue
		}
		word, value := timeWord(t, pattern)
		if word == "" {
			b.WriteByte(pattern[0])
			pattern = pattern[1:]
			continue
		}
		pattern = pattern[len(word):]
		if fill {
			value = strings.TrimSpace(value)
			if trimmed := strings.TrimLeft(value, "0"); trimmed != "" && strings.Trim(value, "0123456789") == "" && word != "MS" && word != "US" {
				value = trimmed
			}
			fill = false
		}
		if n, err := strconv.Atoi(value); err == nil && (strings.HasPrefix(pattern, "TH") || strings.HasPrefix(pattern, "th")) {
			suffix := ordinal(n)
			if pattern[0] == 'T' {
				suffix = strings.ToUpper(suffix)
			}
			value, pattern = value+suffix, pattern[2:]
		}
		b.WriteString(value)
	}
	return b.String()
}

func ordinal(n int) string {
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			return "st"
		case 2:
			return "nd"
		case 3:
			return "rd"
		}
	}
	return "th"
}

// timeWord gives the pattern's first word and what stands for it; longer words
// come first. Numbers are known in either case, names say by theirs how they are written.
func timeWord(t time.Time, pattern string) (word, value string) {
	for _, w := range timeWords() {
		if len(pattern) < len(w.text) {
			continue
		}
		given := pattern[:len(w.text)]
		if given == w.text || (!w.exact && strings.EqualFold(given, w.text)) {
			return given, w.value(t)
		}
	}
	return "", ""
}

type timeWordRule struct {
	text  string
	exact bool
	value func(t time.Time) string
}

func timeWords() []timeWordRule {
	number := func(width int, f func(t time.Time) int) func(time.Time) string {
		return func(t time.Time) string {
			s := strconv.Itoa(f(t))
			return strings.Repeat("0", max(0, width-len(s))) + s
		}
	}
	isoYear := func(t time.Time) int { y, _ := t.ISOWeek(); return y }
	isoWeek := func(t time.Time) int { _, w := t.ISOWeek(); return w }
	isoDay := func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }
	hour12 := func(t time.Time) int { return (t.Hour()+11)%12 + 1 }
	text := func(s string) func(time.Time) string {
		return func(t time.Time) string { return t.Format(s) }
	}
	constant := func(s string) func(time.Time) string { return func(time.Time) string { return s } }
	padded := func(s string) func(time.Time) string {
		return func(t time.Time) string { n := t.Format(s); return n + strings.Repeat(" ", max(0, 9-len(n))) }
	}
	upper := func(f func(time.Time) string) func(time.Time) string {
		return func(t time.Time) string { return strings.ToUpper(f(t)) }
	}
	lower := func(f func(time.Time) string) func(time.Time) string {
		return func(t time.Time) string { return strings.ToLower(f(t)) }
	}
	return []timeWordRule{
		{"SSSSS", false, number(0, secondsOfDay)},
		{"SSSS", false, number(0, secondsOfDay)},
		{"HH24", false, number(2, time.Time.Hour)},
		{"HH12", false, number(2, hour12)},
		{"HH", false, number(2, hour12)},
		{"MI", false, number(2, time.Time.Minute)},
		{"SS", false, number(2, time.Time.Second)},
		{"MS", false, number(3, func(t time.Time) int { return t.Nanosecond() / 1e6 })},
		{"US", false, number(6, func(t time.Time) int { return t.Nanosecond() / 1e3 })},
		{"A.M.", true, dotted(text("PM"))},
		{"P.M.", true, dotted(text("PM"))},
		{"a.m.", true, dotted(text("pm"))},
		{"p.m.", true, dotted(text("pm"))},
		{"A.D.", true, constant("A.D.")},
		{"B.C.", true, constant("A.D.")},
		{"AD", true, constant("AD")},
		{"BC", true, constant("AD")},
		{"RM", true, roman},
		{"rm", true, lower(roman)},
		{"AM", true, text("PM")},
		{"PM", true, text("PM")},
		{"am", true, text("pm")},
		{"pm", true, text("pm")},
		{"Y,YYY", false, func(t time.Time) string { s := t.Format("2006"); return s[:1] + "," + s[1:] }},
		{"IYYY", false, number(4, isoYear)},
		{"YYYY", false, number(4, time.Time.Year)},
		{"YYY", false, number(3, func(t time.Time) int { return t.Year() % 1000 })},
		{"IY", false, number(2, func(t time.Time) int { return isoYear(t) % 100 })},
		{"YY", false, number(2, func(t time.Time) int { return t.Year() % 100 })},
		{"MONTH", true, upper(padded("January"))},
		{"Month", true, padded("January")},
		{"month", true, lower(padded("January"))},
		{"MON", true, upper(text("Jan"))},
		{"Mon", true, text("Jan")},
		{"mon", true, lower(text("Jan"))},
		{"MM", false, number(2, func(t time.Time) int { return int(t.Month()) })},
		{"DAY", true, upper(padded("Monday"))},
		{"Day", true, padded("Monday")},
		{"day", true, lower(padded("Monday"))},
		{"DY", true, upper(text("Mon"))},
		{"Dy", true, text("Mon")},
		{"dy", true, lower(text("Mon"))},
		{"DDD", false, number(3, time.Time.YearDay)},
		{"DD", false, number(2, time.Time.Day)},
		{"D", false, number(1, func(t time.Time) int { return int(t.Weekday()) + 1 })},
		{"ID", false, number(1, isoDay)},
		{"IW", false, number(2, isoWeek)},
		{"WW", false, number(2, func(t time.Time) int { return (t.YearDay()-1)/7 + 1 })},
		{"W", false, number(1, func(t time.Time) int { return (t.Day()-1)/7 + 1 })},
		{"CC", false, number(2, func(t time.Time) int { return (t.Year() + 99) / 100 })},
		{"J", false, number(0, func(t time.Time) int { return int((t.Unix()-t.Unix()%86400)/86400) + 2440588 })},
		{"Q", false, number(1, func(t time.Time) int { return (int(t.Month()) + 2) / 3 })},
		{"TZH", false, constant("+00")},
		{"TZM", false, constant("00")},
		{"TZ", true, constant("UTC")},
		{"tz", true, constant("utc")},
		{"OF", false, constant("+00")},
		{"Y", false, number(1, func(t time.Time) int { return t.Year() % 10 })},
	}
}

// dotted writes PM as P.M.
func dotted(f func(time.Time) string) func(time.Time) string {
	return func(t time.Time) string { s := f(t); return s[:1] + "." + s[1:] + "." }
}

// roman writes the month.
func roman(t time.Time) string {
	n := []string{"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}[t.Month()-1]
	return n + strings.Repeat(" ", 4-len(n))
}

func secondsOfDay(t time.Time) int { return t.Hour()*3600 + t.Minute()*60 + t.Second() }
