// Package chargehand holds the tests that keep the whole tree in shape: the
// dependency rules (arch_test.go) and the examples of the documentation. The
// program is in cmd/chargehand.
package chargehand
