package server

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/chargehand/chargehand/puppet/catalog"
	"github.com/chargehand/chargehand/puppet/fileserve"
)

// A Compiler makes catalogs.
type Compiler interface {
	// Compile makes one catalog. It must be safe for concurrent use; how many run
	// at a time is the server's affair. An error of the manifests is Invalid, and
	// its public text goes to the agent as it is ("Evaluation Error: …"); NotFound:
	// there is no such environment; all others are the server's own trouble.
	Compile(ctx context.Context, r CompileRequest) (Catalog, error)
}

// A CompileRequest is all that a catalog depends on besides the code.
type CompileRequest struct {
	Certname        string
	Environment     string // decided already: the classifier's, or the agent's
	Facts           Facts  // without values when none are known
	Trusted         Trusted
	Classes         []Class
	Parameters      map[string]any // top-scope variables of the classifier
	TransactionUUID string
	JobUUID         string
	Rich            bool     // the agent reads rich data
	Static          bool     // the agent takes a static catalog
	ChecksumTypes   []string // in the agent's order of preference
	ServerName      string
	ServerVersion   string
}

// Trusted is what the agent's certificate says of it: $trusted.
type Trusted struct {
	Authenticated string            `json:"authenticated"` // remote
	Certname      string            `json:"certname"`
	Extensions    map[string]string `json:"extensions"`
	Hostname      string            `json:"hostname"`
	Domain        *string           `json:"domain"` // nil when the name has no dot
	External      map[string]any    `json:"external"`
}

// A Class is one that the classifier assigns.
type Class struct {
	Name       string
	Parameters map[string]any
}

// A Catalog is a compilation's result.
type Catalog struct {
	Environment string // empty: the request's
	Wire        []byte // JSON as the agent gets it
	// Full is the catalog with the resources that are exported to other nodes, for
	// the sinks; nil where the compiler gives none.
	Full *catalog.Catalog
}

// A Classifier says what a node is: the ENC.
type Classifier interface {
	// Classify gives a node's environment (empty: the agent may choose), classes
	// and parameters. NotFound: it knows no such node, which then has none of
	// these. Other errors fail the agent's request.
	Classify(ctx context.Context, certname string) (Classification, error)
}

// A Classification is a Classifier's answer.
type Classification struct {
	Environment string
	Classes     []Class
	Parameters  map[string]any
}

// Environments tells which environments there are.
type Environments interface {
	// Environments lists them all, in the order of their names.
	Environments(ctx context.Context) ([]Environment, error)

	// Environment gives one. NotFound, worded "Could not find environment 'x'".
	Environment(ctx context.Context, name string) (Environment, error)
}

// An Environment is a tree of manifests and modules.
type Environment struct {
	Name          string
	ModulePath    []string
	Manifest      string
	Timeout       *time.Duration // nil: unlimited
	ConfigVersion string
}

// Facts are what an agent says of itself.
type Facts struct {
	Certname    string
	Environment string
	Values      json.RawMessage // an object; nil when there are none
	Timestamp   time.Time       // when the agent gathered them; zero if it did not say
	Trusted     *Trusted        // what the sender's certificate says; nil when they come from a store
}

// A FactSink takes facts.
type FactSink interface {
	// StoreFacts takes the facts of one node over. Nil means that they are kept,
	// or queued durably. It may be called again with the same facts.
	StoreFacts(ctx context.Context, f Facts) error
}

// A FactSource gives back the facts that are known of a node, for agents that ask
// without sending any.
type FactSource interface {
	// Facts gives a node's newest facts. NotFound: none are known.
	Facts(ctx context.Context, certname string) (Facts, error)
}

// A CatalogSink takes compiled catalogs.
type CatalogSink interface {
	// StoreCatalog takes one over, on the terms of StoreFacts.
	StoreCatalog(ctx context.Context, c CompiledCatalog) error
}

// A CompiledCatalog is a catalog with what a store wants to know of its making.
type CompiledCatalog struct {
	Certname        string
	TransactionUUID string
	JobUUID         string
	Producer        string // this server
	Time            time.Time
	Catalog         Catalog
}

// A ReportSink takes reports.
type ReportSink interface {
	// StoreReport takes one over, on the terms of StoreFacts.
	StoreReport(ctx context.Context, r Report) error
}

// A Report is a run's report, checked for its form. The fields are those that
// sinks sort by; JSON is the whole.
type Report struct {
	Certname        string
	Environment     string
	Status          string // failed, changed, unchanged
	Format          int
	Time            time.Time // when the run began
	TransactionUUID string
	PuppetVersion   string
	Noop            bool
	JSON            json.RawMessage
}

// A Feed is a sink with its name. If a required one fails, the agent is told so
// (503) and tries again; the failure of another goes to the log, and its own
// queue is what repairs it.
type Feed[S any] struct {
	Name     string
	Required bool
	Sink     S
}

// Files gives the files of modules and mounts; *fileserve.Server is one.
type Files interface {
	Metadata(ctx context.Context, environment, name string, q fileserve.Query) (fileserve.Metadata, error)
	Search(ctx context.Context, environment, name string, q fileserve.Query) ([]fileserve.Metadata, error)
	Open(ctx context.Context, environment, name string) (fileserve.Content, error)
}

// StaticFiles gives files as they were at a version of the code, for static
// catalogs.
type StaticFiles interface {
	// StaticFile opens a file of an environment, such as modules/m/files/x, as it
	// was at codeID. NotFound: there is none. The caller closes it.
	StaticFile(ctx context.Context, environment, codeID, name string) (io.ReadCloser, error)
}
