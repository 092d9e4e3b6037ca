package query

import (
	"encoding/json"
	"slices"
	"strings"
)

// Counts ask how many events of each outcome every subject has.
type Counts struct {
	// SummarizeBy says what a subject is: certname, resource or containing_class.
	// Only an Aggregate may have several.
	SummarizeBy []string
	ByNode      bool // a node counts once for each outcome, however many events it has
	Aggregate   bool // how many subjects have each outcome
	Filter      *CountFilter
}

// A CountFilter keeps the subjects whose number stands in the relation.
type CountFilter struct {
	Field string
	Op    Op
	Value float64
}

// CountFields are the outcomes, in the order in which they are answered.
func CountFields() []string { return []string{"failures", "skips", "successes", "noops"} }

// Subject names the fields of events that make a subject of summarizeBy.
func Subject(summarizeBy string) []string {
	if summarizeBy == "resource" {
		return []string{"resource_type", "resource_title"}
	}
	return []string{summarizeBy}
}

// maxSummaries bounds how many summaries one question asks for.
const maxSummaries = 10

// Summarize makes a question about events one about their counts. filter is the
// decoded counts_filter, nil for none.
func (q *Query) Summarize(by, countBy string, aggregate bool, filter any) error {
	if len(q.Columns) > 0 {
		return malformed("events that are counted are not extracted from")
	}
	c := &Counts{SummarizeBy: []string{by}, Aggregate: aggregate}
	if aggregate {
		c.SummarizeBy = strings.Split(by, ",")
	}
	if len(c.SummarizeBy) > maxSummaries {
		return malformed("'summarize_by' asks for more than %d summaries", maxSummaries)
	}
	for _, by := range c.SummarizeBy {
		if !slices.Contains([]string{"certname", "resource", "containing_class"}, by) {
			return malformed("Unsupported value for 'summarize_by': '%s'", by)
		}
	}
	switch countBy {
	case "", "resource":
	case "certname":
		c.ByNode = true
	default:
		return malformed("Unsupported value for 'count_by': '%s'", countBy)
	}
	if filter != nil {
		f, err := countFilter(filter)
		if err != nil {
			return err
		}
		c.Filter = f
	}
	q.Counts = c
	return nil
}

func countFilter(tree any) (*CountFilter, error) {
	list, ok := tree.([]any)
	if !ok || len(list) == 0 {
		return nil, malformed("%s is not well-formed: it must be an operator with its arguments", show(tree))
	}
	op, _ := list[0].(string)
	if !slices.Contains([]string{"=", ">", "<", ">=", "<="}, op) {
		return nil, malformed("%s is not well-formed: query operator '%s' is unknown", show(tree), show(list[0]))
	}
	if len(list) != 3 {
		return nil, malformed("%s requires exactly two arguments, but %d were supplied", op, len(list)-1)
	}
	field, _ := list[1].(string)
	if !slices.Contains(CountFields(), field) {
		return nil, malformed("'%s' is not a queryable object for event counts. Known queryable objects are %s", show(list[1]), quoteList(CountFields()))
	}
	number, ok := list[2].(json.Number)
	value, err := number.Float64()
	if !ok || err != nil {
		return nil, malformed("Argument \"%s\" and operator \"%s\" have incompatible types.", show(list[2]), op)
	}
	return &CountFilter{Field: field, Op: Op(op), Value: value}, nil
}

// orderCounts adds a sort key: an outcome or a part of the subject.
func (q *Query) orderCounts(name string, desc bool) error {
	known := slices.Concat(CountFields(), Subject(q.Counts.SummarizeBy[0]))
	if !slices.Contains(known, name) {
		return malformed("Unrecognized column '%s' specified in :order_by; Supported columns are '%s'", name, strings.Join(known, "', '"))
	}
	q.OrderBy = append(q.OrderBy, Order{Ref: Ref{Text: name}, Desc: desc})
	return nil
}

// Between keeps, of the events of one property of a resource, only the last
// between start and end.
func (q *Query) Between(start, end string) error {
	from, err := parseTime(start)
	to, err2 := parseTime(end)
	if err != nil || err2 != nil {
		return malformed("query parameters 'distinct_start_time' and 'distinct_end_time' must be valid datetime strings: %s %s", start, end)
	}
	q.Distinct = &Span{Start: from, End: to}
	return nil
}
