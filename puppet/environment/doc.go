// Package environment reads environments from disk: their settings, their
// module path, and the manifests, functions, types and templates that the
// compiler asks for by name. Parsed files are kept and read again when their
// size or time of change does.
//
// It may import puppet/syntax, puppet/eval, puppet/pcore and the standard
// library. A Cache and its Environments are safe for concurrent use.
package environment
