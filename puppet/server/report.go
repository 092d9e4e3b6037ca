package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
)

// maxReport bounds a report; 500 resources make 300 KB.
const maxReport = 64 << 20

// reportForm is what must hold of a report before anything is done with it. Keys
// come and go with the report format, so that only those are asked for that all
// sinks rely on.
type reportForm struct {
	Host            *string          `json:"host"`
	Time            string           `json:"time"`
	Status          string           `json:"status"`
	Format          int              `json:"report_format"`
	Environment     *string          `json:"environment"`
	TransactionUUID *string          `json:"transaction_uuid"`
	PuppetVersion   string           `json:"puppet_version"`
	Noop            *bool            `json:"noop"`
	Logs            *[]reportLog     `json:"logs"`
	Metrics         map[string]any   `json:"metrics"`
	Resources       map[string]state `json:"resource_statuses"`
}

type reportLog struct {
	Level   *string `json:"level"`
	Message *string `json:"message"`
	Source  *string `json:"source"`
	Time    *string `json:"time"`
}

type state struct {
	Events []event `json:"events"`
}

type event struct {
	Status *string `json:"status"`
	Time   *string `json:"time"`
}

// decodeReport checks a report, which must be certname's own. Malformed otherwise.
func decodeReport(data []byte, certname string) (Report, error) {
	var f reportForm
	if err := bounded.JSON(data, &f); err != nil {
		return Report{}, unreadable("%s", errs.PublicText(err))
	}
	switch {
	case f.Host == nil:
		return Report{}, unreadable("there is no host")
	case *f.Host != certname:
		return Report{}, unreadable("the report is of %q, not of %q", *f.Host, certname)
	case f.Logs == nil:
		return Report{}, unreadable("there are no logs")
	case f.Status != "failed" && f.Status != "changed" && f.Status != "unchanged":
		return Report{}, unreadable("%q is not a status", f.Status)
	}
	begun, err := time.Parse(time.RFC3339Nano, f.Time)
	if err != nil {
		return Report{}, unreadable("%q is not a time", f.Time)
	}
	for i, l := range *f.Logs {
		if l.Level == nil || l.Message == nil || l.Time == nil {
			return Report{}, unreadable("log %d lacks level, message or time", i)
		}
	}
	return Report{
		Certname: certname, Environment: deref(f.Environment), Status: f.Status, Format: f.Format, Time: begun,
		TransactionUUID: deref(f.TransactionUUID), PuppetVersion: f.PuppetVersion, Noop: deref(f.Noop), JSON: json.RawMessage(data),
	}, nil
}

func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

func unreadable(format string, args ...any) error {
	return errs.New(errs.Malformed, "The request body is invalid: Could not intern from json: "+format, args...)
}

func (s *Server) putReport(w *response, r *request) error {
	if r.param("environment") == "" {
		return &fault{status: http.StatusBadRequest, text: "An environment parameter must be specified"}
	}
	if err := wantJSON(r); err != nil {
		return err
	}
	if err := s.intake.enter(); err != nil {
		return err
	}
	defer s.intake.leave()
	data, err := w.read(maxReport)
	if err != nil {
		return err
	}
	names := []string{}
	for _, feed := range s.Reports {
		names = append(names, feed.Name)
	}
	err = s.intake.work(r.Context(), func() error {
		report, err := decodeReport(data, r.params["name"])
		if err != nil {
			return err
		}
		s.counters.reports.Add(1)
		return deliver(r.Context(), s, s.Reports, func(ctx context.Context, sink ReportSink) error { return sink.StoreReport(ctx, report) })
	})
	if err != nil {
		return err
	}
	return w.json(http.StatusOK, typeJSON, names)
}
