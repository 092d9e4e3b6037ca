// Package catalog is a compiled catalog: resources, what contains what, and
// the JSON that agents and PuppetDB read. It may import puppet/pcore and the
// standard library.
package catalog
