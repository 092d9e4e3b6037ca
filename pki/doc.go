// Package pki is the certificate authority: it reads certificate requests and
// decides about them, signs, revokes, renews, and keeps the list of revoked
// certificates, in the forms that Puppet's agents and tools expect.
//
// It is pure: no files, no network, and no clock or chance but what is handed
// in. State lives behind Store; castore keeps it in a directory, and a database
// can keep it just as well. It imports the standard library, x/crypto's ASN.1
// reader, internal/clock and internal/errs.
package pki
