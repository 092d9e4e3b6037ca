package remote

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/logs"
)

// Logs are the proxy's newest log records.
func (c *Client) Logs() logs.Source { return logsClient{c} }

type logsClient struct{ c *Client }

// Since implements logs.Source.
func (l logsClient) Since(ctx context.Context, t time.Time) (logs.Report, error) {
	path := "/logs/"
	if !t.IsZero() {
		path += "?from_timestamp=" + strconv.FormatFloat(float64(t.UnixMicro())/1e6, 'f', 6, 64)
	}
	var body struct {
		Info struct {
			Size     int               `json:"size"`
			TailSize int               `json:"tail_size"`
			Failed   map[string]string `json:"failed_modules"`
		} `json:"info"`
		Logs []struct {
			Timestamp float64         `json:"timestamp"`
			Level     string          `json:"level"`
			Message   string          `json:"message"`
			Backtrace json.RawMessage `json:"backtrace"` // a text or a list of lines
			RequestID string          `json:"request_id"`
		} `json:"logs"`
	}
	if err := l.c.get(ctx, path, &body); err != nil {
		return logs.Report{}, err
	}
	rep := logs.Report{Size: body.Info.Size, TailSize: body.Info.TailSize, Failed: body.Info.Failed, Records: []logs.Record{}}
	for _, r := range body.Logs {
		rep.Records = append(rep.Records, logs.Record{
			Time: time.UnixMicro(int64(math.Round(r.Timestamp * 1e6))).UTC(), Level: r.Level,
			Message: r.Message, Backtrace: flat(r.Backtrace), RequestID: r.RequestID,
		})
	}
	return rep, nil
}

// TemplateServer is the base URL that machines reach the proxy by; empty when
// the proxy does not say, and its own URL serves.
func (c *Client) TemplateServer(ctx context.Context) (string, error) {
	var v struct {
		TemplateServer string `json:"templateServer"`
	}
	err := c.get(ctx, "/unattended/templateServer", &v)
	if errs.Is(err, errs.NotFound) {
		return "", nil
	}
	return v.TemplateServer, err
}
