package server

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// levelTail is the number Smart Proxy shows for "errors and worse".
const levelTail = 3

func (f *Logs) module() module {
	if f == nil {
		return described("logs", "/logs", nil, nil)
	}
	m := described("logs", "/logs", &f.Module, nil)
	m.routes = func(*Server) []route {
		return []route{on(http.MethodGet, "/logs/", trusted, f.records)}
	}
	return m
}

type logInfo struct {
	Size     int               `json:"size"`
	TailSize int               `json:"tail_size"`
	Level    *string           `json:"level"`
	Tail     int               `json:"level_tail"`
	Failed   map[string]string `json:"failed_modules"`
}

type logRecord struct {
	Timestamp float64  `json:"timestamp"`
	Level     string   `json:"level"`
	Message   string   `json:"message"`
	Backtrace []string `json:"backtrace,omitempty"`
	RequestID string   `json:"request_id,omitempty"`
}

func (f *Logs) records(c *call) error {
	var since time.Time
	if s := c.param("from_timestamp"); s != "" {
		sec, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(sec) || math.Abs(sec) > 1e11 {
			return errs.New(errs.Malformed, "Invalid from_timestamp %.40s", s)
		}
		since = time.UnixMicro(int64(math.Round(sec * 1e6)))
	}
	rep, err := f.Source.Since(c.ctx(), since)
	if err != nil {
		return err
	}
	out := make([]logRecord, 0, len(rep.Records))
	for _, r := range rep.Records {
		out = append(out, logRecord{float64(r.Time.UnixMicro()) / 1e6, r.Level, r.Message, r.Backtrace, r.RequestID})
	}
	failed := rep.Failed
	if failed == nil {
		failed = map[string]string{}
	}
	return c.w.json(map[string]any{
		"info": logInfo{Size: rep.Size, TailSize: rep.TailSize, Tail: levelTail, Failed: failed},
		"logs": out,
	})
}
