package terminus

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppet/server"
)

// report is what an agent sends.
type report struct {
	ConfigurationVersion json.RawMessage          `json:"configuration_version"`
	Logs                 []log                    `json:"logs"`
	Metrics              map[string]metric        `json:"metrics"`
	Resources            map[string]agentResource `json:"resource_statuses"`
	NoopPending          bool                     `json:"noop_pending"`
	CorrectiveChange     bool                     `json:"corrective_change"`
	CatalogUUID          *string                  `json:"catalog_uuid"`
	CodeID               *string                  `json:"code_id"`
	JobID                *string                  `json:"job_id"`
	CachedCatalogStatus  *string                  `json:"cached_catalog_status"`
}

type log struct {
	File    *string  `json:"file"`
	Line    *int64   `json:"line"`
	Level   string   `json:"level"`
	Message string   `json:"message"`
	Source  string   `json:"source"`
	Tags    []string `json:"tags"`
	Time    string   `json:"time"`
}

type metric struct {
	Values [][]json.RawMessage `json:"values"` // name, label, number
}

type agentResource struct {
	Title            string       `json:"title"`
	File             *string      `json:"file"`
	Line             *int64       `json:"line"`
	Type             string       `json:"resource_type"`
	Path             []string     `json:"containment_path"`
	Time             string       `json:"time"`
	Skipped          bool         `json:"skipped"`
	Events           []agentEvent `json:"events"`
	CorrectiveChange bool         `json:"corrective_change"`
}

type agentEvent struct {
	Property         *string         `json:"property"`
	Previous         json.RawMessage `json:"previous_value"`
	Desired          json.RawMessage `json:"desired_value"`
	Message          *string         `json:"message"`
	Name             *string         `json:"name"`
	Status           string          `json:"status"`
	Time             string          `json:"time"`
	CorrectiveChange bool            `json:"corrective_change"`
}

// reportPayload is what PuppetDB takes.
type reportPayload struct {
	Certname             string       `json:"certname"`
	JobID                *string      `json:"job_id"`
	PuppetVersion        string       `json:"puppet_version"`
	Format               int          `json:"report_format"`
	ConfigurationVersion string       `json:"configuration_version"`
	Produced             string       `json:"producer_timestamp"`
	Start                string       `json:"start_time"`
	End                  string       `json:"end_time"`
	Environment          string       `json:"environment"`
	TransactionUUID      string       `json:"transaction_uuid,omitempty"`
	Status               string       `json:"status"`
	Noop                 bool         `json:"noop"`
	NoopPending          bool         `json:"noop_pending"`
	CorrectiveChange     bool         `json:"corrective_change"`
	Logs                 []log        `json:"logs"`
	Metrics              []value      `json:"metrics"`
	Resources            []dbResource `json:"resources"`
	CatalogUUID          *string      `json:"catalog_uuid"`
	CodeID               *string      `json:"code_id"`
	CachedCatalogStatus  *string      `json:"cached_catalog_status"`
	Producer             string       `json:"producer"`
}

type value struct {
	Category string          `json:"category"`
	Name     string          `json:"name"`
	Value    json.RawMessage `json:"value"`
}

type dbResource struct {
	Skipped          bool      `json:"skipped"`
	Time             string    `json:"timestamp"`
	Type             string    `json:"resource_type"`
	Title            string    `json:"resource_title"`
	File             *string   `json:"file"`
	Line             *int64    `json:"line"`
	Path             []string  `json:"containment_path"`
	CorrectiveChange bool      `json:"corrective_change"`
	Events           []dbEvent `json:"events"`
}

type dbEvent struct {
	Status           string  `json:"status"`
	Time             string  `json:"timestamp"`
	Name             *string `json:"name"`
	Property         *string `json:"property"`
	New              string  `json:"new_value"`
	Old              string  `json:"old_value"`
	CorrectiveChange bool    `json:"corrective_change"`
	Message          *string `json:"message"`
}

// StoreReport submits store report.
func (t *Terminus) StoreReport(ctx context.Context, r server.Report) error {
	var in report
	if err := json.Unmarshal(r.JSON, &in); err != nil {
		return errs.WrapAs(errs.Malformed, err, "read the report of %s", r.Certname)
	}
	produced := t.now()
	p := reportPayload{
		Certname: r.Certname, JobID: in.JobID, PuppetVersion: r.PuppetVersion, Format: r.Format,
		ConfigurationVersion: text(in.ConfigurationVersion), Produced: stamp(produced),
		Start: stamp(r.Time), End: stamp(r.Time.Add(in.duration())), Environment: r.Environment,
		TransactionUUID: r.TransactionUUID, Status: r.Status, Noop: r.Noop, NoopPending: in.NoopPending,
		CorrectiveChange: in.CorrectiveChange, Logs: in.logs(), Metrics: in.metrics(), Resources: t.resources(in.Resources),
		CatalogUUID: in.CatalogUUID, CodeID: in.CodeID, CachedCatalogStatus: in.CachedCatalogStatus, Producer: t.producer,
	}
	return t.submit(ctx, "store report", 8, r.Certname, produced, p)
}

// duration is the run's total time.
func (r report) duration() time.Duration {
	for _, v := range r.Metrics["time"].Values {
		var name string
		var seconds float64
		if len(v) == 3 && json.Unmarshal(v[0], &name) == nil && name == "total" && json.Unmarshal(v[2], &seconds) == nil && seconds >= 0 && seconds < 1e7 {
			return time.Duration(seconds * float64(time.Second))
		}
	}
	return 0
}

func (r report) logs() []log {
	logs := make([]log, len(r.Logs))
	for i, l := range r.Logs {
		l.Time = cut(l.Time)
		if l.Tags == nil {
			l.Tags = []string{}
		}
		logs[i] = l
	}
	return logs
}

// metrics lists the values, in the order of their names.
func (r report) metrics() []value {
	list := []value{}
	for _, category := range slices.Sorted(maps.Keys(r.Metrics)) {
		values := r.Metrics[category].Values
		slices.SortStableFunc(values, func(a, b []json.RawMessage) int { return strings.Compare(first(a), first(b)) })
		for _, v := range values {
			if len(v) == 3 {
				list = append(list, value{category, text(v[0]), v[2]})
			}
		}
	}
	return list
}

func first(v []json.RawMessage) string {
	if len(v) == 0 {
		return ""
	}
	return string(v[0])
}

// resources keeps those that something happened to, or that were skipped.
func (t *Terminus) resources(all map[string]agentResource) []dbResource {
	list := []dbResource{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		r := all[key]
		if len(r.Events) == 0 && !r.Skipped && !t.unchanged {
			continue
		}
		out := dbResource{
			Skipped: r.Skipped, Time: cut(r.Time), Type: r.Type, Title: r.Title, File: r.File, Line: r.Line,
			Path: r.Path, CorrectiveChange: r.CorrectiveChange, Events: []dbEvent{},
		}
		for _, e := range r.Events {
			out.Events = append(out.Events, dbEvent{
				Status: e.Status, Time: cut(e.Time), Name: e.Name, Property: e.Property,
				New: shown(e.Desired), Old: shown(e.Previous), CorrectiveChange: e.CorrectiveChange, Message: e.Message,
			})
		}
		list = append(list, out)
	}
	return list
}

// cut rewrites a time; what is none stays, for PuppetDB to judge.
func cut(t string) string {
	parsed, err := time.Parse(time.RFC3339Nano, t)
	if err != nil {
		return t
	}
	return stamp(parsed)
}

// text is a JSON string's content, or the JSON of anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// shown is a value as Ruby prints it: arrays look like ["0"], nil like nothing.
func shown(raw json.RawMessage) string {
	if bytes.Equal(raw, []byte("null")) {
		return ""
	}
	return text(raw)
}
