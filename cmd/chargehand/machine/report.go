package machine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// A logLine is one message of a run.
type logLine struct {
	Level   string   `json:"level"`
	Message string   `json:"message"`
	Source  string   `json:"source"`
	Tags    []string `json:"tags"`
	Time    string   `json:"time"`
	File    *string  `json:"file"`
	Line    *int     `json:"line"`
}

// note adds a message that belongs to no resource.
func (r *run) note(level, source, format string, args ...any) {
	r.log = append(r.log, logLine{
		Level: level, Message: fmt.Sprintf(format, args...), Source: source, Tags: []string{level}, Time: stamp(time.Now()),
	})
}

// A report is format 12, as agents 7 and 8 send it.
type report struct {
	Host                 string             `json:"host"`
	Time                 string             `json:"time"`
	ConfigurationVersion json.RawMessage    `json:"configuration_version"`
	TransactionUUID      string             `json:"transaction_uuid"`
	ReportFormat         int                `json:"report_format"`
	PuppetVersion        string             `json:"puppet_version"`
	Status               string             `json:"status"`
	TransactionCompleted bool               `json:"transaction_completed"`
	Noop                 bool               `json:"noop"`
	NoopPending          bool               `json:"noop_pending"`
	Environment          string             `json:"environment"`
	Logs                 []logLine          `json:"logs"`
	Metrics              map[string]metric  `json:"metrics"`
	ResourceStatuses     map[string]*status `json:"resource_statuses"`
	CorrectiveChange     bool               `json:"corrective_change"`
	CatalogUUID          string             `json:"catalog_uuid"`
	CachedCatalogStatus  string             `json:"cached_catalog_status"`
}

type metric struct {
	Name   string   `json:"name"`
	Label  string   `json:"label"`
	Values [][3]any `json:"values"` // name, label, number
}

func (r *report) changed() int {
	n := 0
	for _, s := range r.ResourceStatuses {
		n += s.ChangeCount
	}
	return n
}

// report sums a run up.
func (r *run) report(c *catalog, states []*status) *report {
	rep := &report{
		Host: r.m.certname, Time: stamp(r.start), ConfigurationVersion: c.Version, TransactionUUID: r.transaction,
		ReportFormat: 12, PuppetVersion: puppetVersion, Status: "unchanged", TransactionCompleted: true, Environment: r.env,
		ResourceStatuses: map[string]*status{}, CatalogUUID: c.UUID, CachedCatalogStatus: "not_used",
	}
	count := map[string]int{"total": len(states)}
	for _, s := range states {
		rep.ResourceStatuses[s.Resource] = s
		if s.Changed {
			rep.Status = "changed"
			count["changed"]++
			count["out_of_sync"]++
		}
	}
	r.note("notice", "Puppet", "Applied catalog in %.2f seconds", r.phases["catalog_application"])
	rep.Logs = r.log
	rep.Metrics = map[string]metric{
		"resources": {"resources", "Resources", counts(count, "total", "skipped", "failed", "failed_to_restart",
			"restarted", "changed", "out_of_sync", "scheduled", "corrective_change")},
		"time":    r.times(),
		"changes": {"changes", "Changes", [][3]any{{"total", "Total", count["changed"]}}},
		"events": {"events", "Events", [][3]any{
			{"total", "Total", count["changed"]}, {"failure", "Failure", 0}, {"success", "Success", count["changed"]},
		}},
	}
	return rep
}

func counts(count map[string]int, names ...string) [][3]any {
	out := make([][3]any, 0, len(names))
	for _, n := range names {
		out = append(out, [3]any{n, label(n), count[n]})
	}
	return out
}

func (r *run) times() metric {
	r.phases["transaction_evaluation"] = r.phases["catalog_application"]
	var values [][3]any
	for _, name := range slices.Sorted(maps.Keys(r.phases)) {
		values = append(values, [3]any{name, label(name), r.phases[name]})
	}
	return metric{"time", "Time", append(values, [3]any{"total", "Total", time.Since(r.start).Seconds()})}
}

// label is "Failed to restart" for failed_to_restart.
func label(name string) string {
	return strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "_", " ")
}

// send is step 19.
func (r *run) send(ctx context.Context, rep *report) error {
	body, err := json.Marshal(rep)
	if err != nil {
		return errs.Wrap(err, "write the report")
	}
	var processors []string
	err = r.m.json(ctx, call{
		method: http.MethodPut, path: "/puppet/v3/report/" + r.m.certname, query: url.Values{"environment": {r.env}},
		contentType: "application/json", body: body,
	}, &processors)
	if err != nil {
		return err
	}
	r.m.step(19, []string{
		fmt.Sprintf("PUT /puppet/v3/report/%s: %d bytes, %d log lines", r.m.certname, len(body), len(rep.Logs)),
		"taken by " + strings.Join(processors, ", "),
	}, "Report sent: %s, %d resources, %d changed", rep.Status, len(rep.ResourceStatuses), rep.changed())
	return nil
}
