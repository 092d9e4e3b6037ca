package pcore

import (
	"math"
	"strings"
	"time"
)

// Timestamp is a point in time, in nanoseconds since 1970 UTC.
type Timestamp int64

// Timespan is a duration in nanoseconds.
type Timespan int64

const (
	minTimestamp = Timestamp(math.MinInt64)
	maxTimestamp = Timestamp(math.MaxInt64)
	minTimespan  = Timespan(math.MinInt64)
	maxTimespan  = Timespan(math.MaxInt64)
)

var (
	floatMin = math.Inf(-1)
	floatMax = math.Inf(1)
)

// NewTimestamp makes a Timestamp of a Go time.
func NewTimestamp(t time.Time) Timestamp { return Timestamp(t.UnixNano()) }

// Time gives the Go time, in UTC.
func (t Timestamp) Time() time.Time { return time.Unix(0, int64(t)).UTC() }

// String implements Value: ISO 8601 with nanoseconds.
func (t Timestamp) String() string { return t.Time().Format("2006-01-02T15:04:05.000000000 UTC") }

// Type implements Value.
func (t Timestamp) Type() Type { return &TimestampType{t, t} }

// Type implements Value.
func (t Timespan) Type() Type { return &TimespanType{t, t} }

// String implements Value: days-hours:minutes:seconds.fraction.
func (t Timespan) String() string {
	s, err := t.Strftime("%D-%H:%M:%S.%-N")
	if err != nil {
		return "" // the format is right
	}
	return s
}

// trimFraction drops zeros at the end, but not the last digit.
func trimFraction(s string) string {
	if s = strings.TrimRight(s, "0"); s == "" {
		return "0"
	}
	return s
}
