// Package api is an edge.
package api
