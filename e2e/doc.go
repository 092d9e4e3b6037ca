// Package e2e holds the tests that see the program from outside: whole processes
// beside real agents, name servers, databases, browsers and machines. They carry
// the build tag e2e and run by `make e2e`; what they share is in package site.
package e2e
