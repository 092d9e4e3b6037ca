package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppet/server"
	"github.com/chargehand/chargehand/puppet/server/codedir"
	"github.com/goccy/go-yaml"
)

// A Compilation is a catalog to be made without a server. Facts, ENC and Trusted
// are the texts of files.
type Compilation struct {
	CodeDir     string
	Environment string // the classifier's when empty, else production
	Certname    string
	ServerName  string
	Facts       []byte // JSON: facts by name, or an object that holds them as "values"
	ENC         []byte // YAML of a node classifier; may be empty
	Trusted     []byte // JSON of $trusted, laid over what the certname gives; may be empty
}

// Compile makes the catalog that an agent would get. A compilation that fails is
// Invalid or, where the environment is unknown, NotFound, in Puppet's words.
func Compile(ctx context.Context, c Compilation, log *slog.Logger) ([]byte, error) {
	request, err := c.request()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(c.CodeDir) // catalogs and messages name whole paths
	if err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "code directory")
	}
	catalog, err := codedir.New(codedir.Options{Dir: dir, Log: log}).Compile(ctx, request)
	return catalog.Wire, err
}

func (c Compilation) request() (server.CompileRequest, error) {
	request := server.CompileRequest{
		Certname: c.Certname, Environment: c.Environment, Rich: true, ServerName: c.ServerName, ServerVersion: server.CompatVersion,
		Facts: server.Facts{Certname: c.Certname}, Trusted: trustedAs(c.Certname),
	}
	var err error
	if request.Facts.Values, err = factValues(c.Facts); err != nil {
		return request, err
	}
	if len(c.Trusted) > 0 {
		if err := bounded.JSON(c.Trusted, &request.Trusted); err != nil {
			return request, errs.WrapAs(errs.Malformed, err, "trusted data")
		}
	}
	var enc encFile
	if err := bounded.YAML(c.ENC, &enc); err != nil {
		return request, errs.WrapAs(errs.Malformed, err, "ENC")
	}
	request.Classes, request.Parameters = enc.Classes, enc.Parameters
	for _, name := range []string{enc.Environment, "production"} {
		if request.Environment == "" {
			request.Environment = name
		}
	}
	return request, nil
}

// trustedAs is $trusted for a certificate without extensions.
func trustedAs(certname string) server.Trusted {
	t := server.Trusted{
		Authenticated: "remote", Certname: certname, Hostname: certname,
		Extensions: map[string]string{}, External: map[string]any{},
	}
	if host, domain, dotted := strings.Cut(certname, "."); dotted {
		t.Hostname, t.Domain = host, &domain
	}
	return t
}

// factValues finds the facts in a file: the object itself, or its "values" where
// it has nothing but what goes with facts on the wire.
func factValues(text []byte) (json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := bounded.JSON(text, &all); err != nil {
		return nil, errs.WrapAs(errs.Malformed, err, "facts")
	}
	if all == nil {
		return nil, errs.New(errs.Malformed, "facts: expected a JSON object")
	}
	values, wrapped := all["values"]
	for key := range all {
		switch key {
		case "values", "name", "certname", "environment", "timestamp", "expiration", "producer", "producer_timestamp":
		default:
			wrapped = false
		}
	}
	if wrapped && strings.HasPrefix(string(values), "{") {
		return values, nil
	}
	return text, nil
}

// encFile is what a node classifier prints.
type encFile struct {
	Classes     encClasses     `yaml:"classes"`
	Parameters  map[string]any `yaml:"parameters"`
	Environment string         `yaml:"environment"`
}

// encClasses are the classes in the order of the file, which is the order of
// their evaluation: a list of names, or a mapping from names to parameters.
type encClasses []server.Class

// UnmarshalYAML reads both forms.
func (c *encClasses) UnmarshalYAML(decode func(any) error) error {
	var names []string
	if decode(&names) == nil {
		for _, name := range names {
			*c = append(*c, server.Class{Name: name})
		}
		return nil
	}
	var order yaml.MapSlice
	var parameters map[string]map[string]any
	if err := decode(&order); err != nil {
		return err
	}
	if err := decode(&parameters); err != nil {
		return err
	}
	for _, item := range order {
		name, ok := item.Key.(string)
		if !ok {
			return errs.New(errs.Malformed, "classes: %v is no class name", item.Key)
		}
		*c = append(*c, server.Class{Name: name, Parameters: parameters[name]})
	}
	return nil
}
