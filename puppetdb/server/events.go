package server

import (
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppetdb/query"
)

// parameters are those that only this endpoint has.
func (t *target) parameters() []string {
	if t == nil || t.entity.Name != "events" {
		return nil
	}
	own := []string{"distinct_resources", "distinct_start_time", "distinct_end_time"}
	if t.counts {
		own = append(own, "summarize_by", "count_by", "counts_filter")
	}
	return own
}

// events adds to a question what its parameters say of events and their counts.
func (q question) events(t *target, into *query.Query) error {
	if t.entity.Name != "events" {
		return nil
	}
	if err := q.distinct(into); err != nil || !t.counts {
		return err
	}
	by := param(q.rest["summarize_by"])
	if by == "" {
		return errs.New(errs.Malformed, "Missing required query parameter 'summarize_by'")
	}
	filter := q.rest["counts_filter"]
	if text, ok := filter.(string); ok {
		var err error
		if filter, err = query.Decode(text); err != nil {
			return err
		}
	}
	return into.Summarize(by, param(q.rest["count_by"]), t.aggregate, filter)
}

func (q question) distinct(into *query.Query) error {
	start, hasStart := q.rest["distinct_start_time"]
	end, hasEnd := q.rest["distinct_end_time"]
	_, asked := q.rest["distinct_resources"]
	switch {
	case !asked && !hasStart && !hasEnd:
		return nil
	case !asked:
		return errs.New(errs.Malformed, "'distinct_resources' query parameter must accompany parameters 'distinct_start_time' and 'distinct_end_time'")
	case !hasStart || !hasEnd:
		return errs.New(errs.Malformed, "'distinct_resources' query parameter requires accompanying parameters 'distinct_start_time' and 'distinct_end_time'")
	case !q.flag("distinct_resources"):
		return nil
	}
	return into.Between(param(start), param(end))
}

// widen adds the fields that are only answered on request.
func (q question) widen(e *query.Entity) *query.Entity {
	switch {
	case e.Name == "nodes" && q.flag("include_facts_expiration"):
		return e.With(query.Field{Name: "expires_facts", Kind: query.Bool}, query.Field{Name: "expires_facts_updated", Kind: query.Time})
	case e.Name == "factsets" && q.flag("include_package_inventory"):
		return e.With(query.Field{Name: "package_inventory", Kind: query.Object, AnswerOnly: true})
	}
	return e
}
