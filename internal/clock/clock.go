// Package clock hands the time to whatever must be tested without waiting for
// it. It imports the standard library only.
package clock

import "time"

// A Clock tells the time. Implementations are safe for concurrent use.
type Clock func() time.Time

// System is the machine's clock, in UTC.
func System() time.Time { return time.Now().UTC() }

// Fixed is a clock that stands still at t.
func Fixed(t time.Time) Clock { return func() time.Time { return t } }
