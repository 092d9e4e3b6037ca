// Package compile makes catalogs: it gives the evaluator an environment, the
// node's facts and what else it needs, and words the errors as Puppet Server
// does. It may import the other packages of puppet below the server.
package compile
