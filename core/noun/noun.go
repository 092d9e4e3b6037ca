// Package noun is the framework that every record type of the product is
// declared in: one Go struct and one declaration next to it, from which come
// storage, API routes and bodies, validation, permissions, search fields,
// taxonomy scoping, audits, tables and forms.
//
// Declare makes a Noun of a struct; a Registry binds nouns to each other and to
// a Backend, which keeps the rows, and then offers the operations: List, Get,
// Create, Update and Delete, each within the Scope of its Caller. Rules that
// are more than a word of the declaration are ordinary functions on typed
// structs, hooked in by Prepare, Check, Saved and Committed.
//
// It may import core/search and internal packages, and knows neither SQL nor
// HTTP.
package noun
