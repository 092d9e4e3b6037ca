// Package netd serves.
package netd
