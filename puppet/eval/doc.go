// Package eval evaluates programs of the Puppet language into a catalog: it
// holds scopes, expressions, classes and defined types, resources with their
// overrides, collectors and relationships.
//
// The package is pure: what it knows of files, of Hiera, of Ruby and of other
// nodes comes through interfaces it declares. It may import puppet/syntax,
// puppet/pcore, puppet/function, puppet/catalog and the standard library. A
// Compiler serves one compilation and one goroutine; what it shares with
// others, parsed programs and values, never changes.
package eval
