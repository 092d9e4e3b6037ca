// Package report takes in what machines tell of themselves: facts and the
// reports of configuration runs, in Foreman's form and in Puppet's, and derives
// from them what hosts are and how they fare.
//
// It may import core/noun, core/inventory and internal packages.
package report

import (
	"encoding/json"
	"fmt"

	"github.com/chargehand/chargehand/internal/errs"
)

// Counters count what a run did to resources.
type Counters struct {
	Applied        int `json:"applied"`
	Restarted      int `json:"restarted"`
	Failed         int `json:"failed"`
	FailedRestarts int `json:"failed_restarts"`
	Skipped        int `json:"skipped"`
	Pending        int `json:"pending"`
}

// A counter of the bit field has ten bits; what is larger is clipped.
const (
	counterBits = 10
	counterMax  = 1<<counterBits - 1
)

func (c *Counters) fields() []*int {
	return []*int{&c.Applied, &c.Restarted, &c.Failed, &c.FailedRestarts, &c.Skipped, &c.Pending}
}

// Pack gives the bit field that rows keep: six counters of ten bits, least
// significant first.
func (c Counters) Pack() int64 {
	var packed int64
	for i, n := range c.fields() {
		packed |= int64(max(0, min(*n, counterMax))) << (i * counterBits)
	}
	return packed
}

// Unpack reads the bit field.
func Unpack(packed int64) Counters {
	var c Counters
	for i, n := range c.fields() {
		*n = int(packed >> (i * counterBits) & counterMax)
	}
	return c
}

// Error tells that something failed.
func (c Counters) Error() bool { return c.Failed+c.FailedRestarts > 0 }

// Changes tells that something was changed.
func (c Counters) Changes() bool { return c.Applied+c.Restarted > 0 }

// Summary is the word for the run: Failed, Modified or Success.
func (c Counters) Summary() string {
	switch {
	case c.Error():
		return "Failed"
	case c.Changes():
		return "Modified"
	}
	return "Success"
}

// UnmarshalJSON reads counters as numbers or as strings of digits; an unknown
// counter is an error, as Foreman has it.
func (c *Counters) UnmarshalJSON(raw []byte) error {
	var loose map[string]json.RawMessage
	if err := json.Unmarshal(raw, &loose); err != nil {
		return errs.New(errs.Malformed, "status must be an object of counters")
	}
	names := map[string]*int{
		"applied": &c.Applied, "restarted": &c.Restarted, "failed": &c.Failed,
		"failed_restarts": &c.FailedRestarts, "skipped": &c.Skipped, "pending": &c.Pending,
	}
	for name, value := range loose {
		at, ok := names[name]
		if !ok {
			return errs.InvalidField("status", "has an unknown counter %q", name)
		}
		var n json.Number
		if err := json.Unmarshal(value, &n); err != nil {
			return errs.InvalidField("status", "%s is not a number", name)
		}
		i, err := n.Int64()
		if err != nil || i < 0 {
			return errs.InvalidField("status", "%s is not a count", name)
		}
		*at = int(min(i, 1<<31))
	}
	return nil
}

// levels are the log levels that a report may have.
func levels() []string {
	return []string{"debug", "info", "notice", "warning", "err", "alert", "emerg", "crit"}
}

// String shows the counters that are not zero.
func (c Counters) String() string {
	return fmt.Sprintf("%d applied, %d restarted, %d failed, %d failed restarts, %d skipped, %d pending",
		c.Applied, c.Restarted, c.Failed, c.FailedRestarts, c.Skipped, c.Pending)
}
