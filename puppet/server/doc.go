// Package server is the Puppet Server's wire edge on port 8140: what stock
// agents and `puppetserver ca` ask for, answered in the form they expect. It
// decodes, checks who may, calls one of the interfaces that it declares, and
// encodes; it compiles nothing and stores nothing itself.
//
// It imports the standard library, klauspost/compress, google/uuid, pki,
// puppet/catalog, puppet/fileserve and internal packages.
package server
