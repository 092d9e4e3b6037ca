// Package pki reads the clock.
package pki

import "time"

// Now is now.
func Now() time.Time { return time.Now() }
