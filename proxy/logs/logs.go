// Package logs is the Logs feature of the Smart Proxy: the newest log records
// of the process, kept in memory for whoever looks after the proxies.
//
// It imports only the standard library.
package logs

import (
	"context"
	"time"
)

// A Record is a log line.
type Record struct {
	Time      time.Time
	Level     string // DEBUG, INFO, WARN, ERROR or FATAL
	Message   string
	Backtrace []string
	RequestID string // first 8 characters, empty outside of requests
}

// A Report is what is kept, oldest first.
type Report struct {
	Size     int // records that the main ring can hold
	TailSize int // errors kept beyond that
	Failed   map[string]string
	Records  []Record
}

// A Source gives log records. It is safe for concurrent use and may be retried;
// the report is the caller's.
type Source interface {
	// Since reports records not older than t; the zero time asks for all.
	Since(ctx context.Context, t time.Time) (Report, error)
}
