package ui

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/report"
)

// A reportPage is one run's report with its log.
type reportPage struct {
	reportRow
	HostName  string
	MayDelete bool
}

func (e *edge) reportRow(cr *inventory.ConfigReport) reportRow {
	status := report.Unpack(cr.Status)
	row := reportRow{ID: cr.ID, When: e.ago(cr.ReportedAt), Exact: exact(cr.ReportedAt), Text: counts(status), Logs: cr.Logs}
	row.Badge = cell{Text: status.Summary(), State: "ok"}
	if status.Error() {
		row.Badge.State = "bad"
	}
	return row
}

// counts words the counters that are not zero.
func counts(c report.Counters) string {
	var parts []string
	for _, x := range []struct {
		n    int
		word string
	}{
		{c.Failed, "failed"},
		{c.FailedRestarts, "failed to restart"},
		{c.Applied, "applied"},
		{c.Restarted, "restarted"},
		{c.Pending, "pending"},
		{c.Skipped, "skipped"},
	} {
		if x.n > 0 {
			parts = append(parts, strconv.Itoa(x.n)+" "+x.word)
		}
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

func (e *edge) report(w http.ResponseWriter, r *http.Request) error {
	n := noun.Of[inventory.ConfigReport](e.Registry).Any
	item, err := n.Get(r.Context(), caller(r), r.PathValue("id"), "show", noun.Query{})
	if err != nil {
		return err
	}
	cr := item.Record.(*inventory.ConfigReport)
	p := reportPage{reportRow: e.reportRow(cr), HostName: item.Names.Name("host", cr.HostID), MayDelete: caller(r).Can(n.Permission("destroy"))}
	return e.render(w, r, "Report of "+p.HostName, p.view())
}

// fillReportRows lists reports by their time.
func (e *edge) fillReportRows(p *listPage, found *noun.Page) {
	p.Columns = []column{{Label: "Result"}, {Label: "Resources"}, {Label: "Reported", Order: "reported_at"}, {Label: "Origin"}}
	for _, rec := range found.Records {
		cr := rec.(*inventory.ConfigReport)
		line := e.reportRow(cr)
		p.Rows = append(p.Rows, row{
			Title: found.Names.Name("host", cr.HostID), Link: "/config_reports/" + strconv.FormatInt(cr.ID, 10),
			Cells: []cell{line.Badge, {Text: line.Text}, {Text: line.When, Exact: line.Exact}, {Text: cr.Origin}},
		})
	}
}
