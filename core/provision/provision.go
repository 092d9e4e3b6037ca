// Package provision turns hosts into what their boot loaders, installers and
// first boots read: it chooses templates, works out boot files, renders ERB in a
// sandbox, reads and writes the templates' metadata, and makes build tokens. The
// templates that a new site starts with are part of it.
//
// It knows records only as the plain structs of this package, which say all that
// a template may see; whoever calls fills them in. It imports the standard
// library, ruby, internal/errs, internal/bounded and the YAML and UUID libraries.
package provision
