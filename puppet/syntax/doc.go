// Package syntax reads the Puppet language: text goes in, a validated tree of
// nodes comes out. It holds the lexer, the parser, the static validation and
// the dumps of the tree (PN and JSON).
//
// The package is pure: it opens no files, has no clock and keeps no state
// between calls. It may import the standard library only.
package syntax
