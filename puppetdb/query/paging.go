package query

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// PositiveLimit reads a limit.
func PositiveLimit(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, malformed("Illegal value '%s' for :limit; expected a positive non-zero integer.", text)
	}
	return n, nil
}

// Offset reads an offset.
func Offset(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, malformed("Illegal value '%s' for :offset; expected a non-negative integer.", text)
	}
	return n, nil
}

// OrderByParam adds the sort keys of an order_by parameter: a JSON array of
// {"field": …, "order": …}, as text or decoded already.
func (q *Query) OrderByParam(param any) error {
	if s, ok := param.(string); ok {
		var decoded any
		if json.Unmarshal([]byte(s), &decoded) != nil {
			return malformed("Illegal value '%s' for :order_by; expected a JSON array of maps.", s)
		}
		param = decoded
	}
	list, ok := param.([]any)
	if !ok {
		return malformed("Illegal value '%s' for :order_by; expected an array of maps.", show(param))
	}
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return malformed("Illegal value '%s' for :order_by; expected an array of maps.", show(param))
		}
		name, ok := m["field"].(string)
		if !ok {
			return malformed("Illegal value '%s' in :order_by; missing required key field.", show(item))
		}
		word := ""
		if o, given := m["order"]; given {
			word = fmt.Sprint(o)
		}
		desc, err := descending(word)
		if err != nil {
			return err
		}
		if err := q.order(name, desc); err != nil {
			return err
		}
	}
	return nil
}

func (q *Query) order(name string, desc bool) error {
	if q.Counts != nil {
		return q.orderCounts(name, desc)
	}
	for _, c := range q.Columns {
		if c.Name == name {
			q.OrderBy = append(q.OrderBy, Order{Ref: Ref{Field: c.Ref.Field, Path: c.Ref.Path, Text: name}, Desc: desc})
			return nil
		}
	}
	f, ok := q.Entity.Field(name)
	if ok && (!f.QueryOnly || f.Kind == Number) && f.Kind != Object {
		q.OrderBy = append(q.OrderBy, Order{Ref: Ref{Field: f, Text: name}, Desc: desc})
		return nil
	}
	if ref, ok, err := dotted(q.Entity, name); ok && err == nil {
		q.OrderBy = append(q.OrderBy, Order{Ref: ref, Desc: desc})
		return nil
	}
	var names []string
	for _, f := range q.Entity.Fields {
		if !f.QueryOnly {
			names = append(names, "'"+f.Name+"'")
		}
	}
	return malformed("Unrecognized column '%s' specified in :order_by; Supported columns are %s", name, strings.Join(names, ", "))
}

// dotted reads facts.os."release".full, facts.list[0] and facts.x.match("eth.*").ip.
func dotted(e *Entity, text string) (Ref, bool, error) {
	head, rest, ok := strings.Cut(text, ".")
	if !ok {
		return Ref{}, false, nil
	}
	f, known := e.Field(head)
	if !known || !isDotted(e, head) {
		return Ref{}, false, nil
	}
	steps, err := splitPath(rest)
	if err != nil {
		return Ref{}, false, malformed("'%s': %v", text, err)
	}
	if len(steps) > maxDepth {
		return Ref{}, false, malformed("'%s' goes deeper than %d levels", text, maxDepth)
	}
	return Ref{Field: f, Path: steps, Text: text}, true, nil
}

func isDotted(e *Entity, name string) bool {
	for _, d := range e.Dotted {
		if d == name {
			return true
		}
	}
	return false
}

func splitPath(s string) ([]Step, error) {
	var steps []Step
	for s != "" {
		var step Step
		var err error
		switch {
		case s[0] == '"':
			end := strings.IndexByte(s[1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("a quote is not closed")
			}
			step, s = Step{Key: s[1 : end+1]}, s[end+2:]
		case strings.HasPrefix(s, "match("):
			step, s, err = matchStep(s)
		default:
			end := strings.IndexAny(s, ".[")
			if end < 0 {
				end = len(s)
			}
			if end == 0 {
				return nil, fmt.Errorf("a name is missing")
			}
			step, s = Step{Key: s[:end]}, s[end:]
		}
		if err != nil {
			return nil, err
		}
		if steps, s, err = indexes(append(steps, step), s); err != nil {
			return nil, err
		}
		if s == "" {
			break
		}
		if s[0] != '.' || len(s) == 1 {
			return nil, fmt.Errorf("a name is missing")
		}
		s = s[1:]
	}
	return steps, nil
}

// indexes takes [0][1]… off the front of s.
func indexes(steps []Step, s string) ([]Step, string, error) {
	for strings.HasPrefix(s, "[") {
		digits, rest, ok := strings.Cut(s[1:], "]")
		n, err := strconv.Atoi(digits)
		if !ok || err != nil || n < 0 {
			return nil, "", fmt.Errorf("%q is no index", digits)
		}
		steps, s = append(steps, Step{Kind: ByIndex, Index: n}), rest
	}
	return steps, s, nil
}

func matchStep(s string) (Step, string, error) {
	inner, rest, ok := strings.Cut(strings.TrimPrefix(s, "match("), ")")
	pattern := strings.Trim(inner, `"`)
	if !ok || len(inner) < 2 || pattern == "" {
		return Step{}, "", fmt.Errorf(`want match("REGEX")`)
	}
	return Step{Kind: ByMatch, Key: pattern}, rest, checkRegex(pattern)
}
