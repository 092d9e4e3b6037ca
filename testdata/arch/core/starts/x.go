// Package starts has an init.
package starts

func init() {}
