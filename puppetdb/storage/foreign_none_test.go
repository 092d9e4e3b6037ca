//go:build !e2e

package storage_test

import "testing"

// foreign gives no further databases: they need programs of their own.
func foreign(*testing.T) map[string]string { return nil }
