package report

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/internal/errs"
)

// An Intake is a report of a run, ready to be stored.
type Intake struct {
	Host       string // name or certname, lower case
	ReportedAt time.Time
	Status     Counters
	Metrics    json.RawMessage
	Logs       []inventory.ReportLog
	Origin     string // "Puppet", "Ansible" or ""
}

// Bounds on one report.
const (
	maxLogs    = 20_000
	maxMessage = 64 << 10
)

// Parse reads a report in Foreman's form: the config_report of POST
// /api/config_reports. Malformed when it is not JSON of that shape, Invalid when
// a value breaks a rule.
func Parse(body []byte) (*Intake, error) {
	var wire struct {
		Host       string          `json:"host"`
		ReportedAt string          `json:"reported_at"`
		Status     Counters        `json:"status"`
		Metrics    json.RawMessage `json:"metrics"`
		Reporter   string          `json:"reporter"`
		Logs       []struct {
			Log struct {
				Level    string `json:"level"`
				Messages struct {
					Message string `json:"message"`
				} `json:"messages"`
				Sources struct {
					Source string `json:"source"`
				} `json:"sources"`
			} `json:"log"`
		} `json:"logs"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		if errs.KindOf(err) != errs.Internal {
			return nil, err
		}
		return nil, errs.WrapAs(errs.Malformed, err, "the report is not a config_report")
	}
	in := &Intake{Host: strings.ToLower(strings.TrimSpace(wire.Host)), Status: wire.Status, Metrics: wire.Metrics}
	for _, l := range wire.Logs {
		in.Logs = append(in.Logs, inventory.ReportLog{Level: l.Log.Level, Source: l.Log.Sources.Source, Message: l.Log.Messages.Message})
	}
	var err error
	if in.ReportedAt, err = parseTime(wire.ReportedAt); err != nil {
		return nil, err
	}
	if strings.EqualFold(wire.Reporter, "ansible") {
		in.Origin = "Ansible"
	}
	return in, in.finish()
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errs.InvalidField("reported_at", "is not a time: %.64q", text)
}

// finish checks what both forms share and finds the origin.
func (in *Intake) finish() error {
	if in.Host == "" {
		return errs.InvalidField("host", "can't be blank")
	}
	if len(in.Logs) > maxLogs {
		return errs.New(errs.TooLarge, "a report has at most %d log lines, this one %d", maxLogs, len(in.Logs))
	}
	for i := range in.Logs {
		l := &in.Logs[i]
		if !slices.Contains(levels(), l.Level) {
			return errs.InvalidField("logs", "level %.32q is not one of %s", l.Level, strings.Join(levels(), ", "))
		}
		l.Message, l.Source = clip(l.Message), clip(l.Source)
	}
	if len(in.Metrics) == 0 || string(in.Metrics) == "null" {
		in.Metrics = json.RawMessage("{}")
	}
	if n := len(in.Logs); in.Origin == "" && n > 0 && strings.Contains(in.Logs[n-1].Source, "Puppet") {
		in.Origin = "Puppet"
	}
	return nil
}

func clip(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\ufffd")
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}

// puppetReport is what is read of an agent's report (format 5 to 12).
type puppetReport struct {
	Host    string `json:"host"`
	Time    string `json:"time"`
	Status  string `json:"status"`
	Metrics map[string]struct {
		Name   string              `json:"name"`
		Values [][]json.RawMessage `json:"values"` // name, label, value
	} `json:"metrics"`
	Logs []struct {
		Level   string `json:"level"`
		Source  string `json:"source"`
		Message string `json:"message"`
	} `json:"logs"`
	Resources map[string]struct {
		Events []struct {
			Status string `json:"status"`
		} `json:"events"`
	} `json:"resource_statuses"`
}

var finished = regexp.MustCompile(`^(Finished catalog run|Applied catalog) in \d`)

// FromPuppet reads an agent's report as it is PUT to a Puppet server. Malformed
// when it is not one.
func FromPuppet(body []byte) (*Intake, error) {
	var wire puppetReport
	if err := json.Unmarshal(body, &wire); err != nil {
		return nil, errs.WrapAs(errs.Malformed, err, "the report is not a Puppet report")
	}
	at, err := parseTime(wire.Time)
	if err != nil {
		return nil, err
	}
	in := &Intake{Host: strings.ToLower(wire.Host), ReportedAt: at, Origin: "Puppet"}
	for _, l := range wire.Logs {
		if l.Level != "debug" && !finished.MatchString(l.Message) {
			in.Logs = append(in.Logs, inventory.ReportLog{Level: l.Level, Source: l.Source, Message: l.Message})
		}
	}
	metrics := wire.flatMetrics()
	in.Status = wire.counters(metrics)
	if in.Metrics, err = json.Marshal(metrics); err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "metrics")
	}
	return in, in.finish()
}

// flatMetrics gives category → name → value.
func (r *puppetReport) flatMetrics() map[string]map[string]float64 {
	all := map[string]map[string]float64{}
	for category, m := range r.Metrics {
		all[category] = map[string]float64{}
		for _, triple := range m.Values {
			var name string
			var value float64
			if len(triple) == 3 && json.Unmarshal(triple[0], &name) == nil && json.Unmarshal(triple[2], &value) == nil {
				all[category][name] = value
			}
		}
	}
	return all
}

// counters counts as Foreman's report processor does.
func (r *puppetReport) counters(m map[string]map[string]float64) Counters {
	resources := m["resources"]
	c := Counters{
		Applied: int(m["changes"]["total"]), Restarted: int(resources["restarted"]), Failed: int(resources["failed"]),
		FailedRestarts: int(resources["failed_to_restart"]), Skipped: int(resources["skipped"]),
	}
	for _, res := range r.Resources {
		for _, e := range res.Events {
			if e.Status == "noop" {
				c.Pending++
			}
		}
	}
	// A run without a catalog has no resources, only its errors.
	if r.Status == "failed" && c.Failed == 0 && c.FailedRestarts == 0 {
		c.Failed = 1
	}
	return c
}

// Wire is the report in Foreman's form, for a core that is reached over its API.
func (in *Intake) Wire() map[string]any {
	logs := make([]any, len(in.Logs))
	for i, l := range in.Logs {
		logs[i] = map[string]any{"log": map[string]any{
			"level": l.Level, "messages": map[string]any{"message": l.Message}, "sources": map[string]any{"source": l.Source},
		}}
	}
	return map[string]any{
		"host": in.Host, "reported_at": in.ReportedAt.Format(time.RFC3339Nano), "status": in.Status, "metrics": in.Metrics, "logs": logs,
		"reporter": strings.ToLower(in.Origin),
	}
}
