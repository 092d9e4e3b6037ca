package provision

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ruby"
)

// A Template is an ERB text by the name that errors cite and templates include.
type Template struct {
	Name string
	Text string // with or without its metadata header
}

// A Library finds the snippets that templates include: NotFound when there is none.
type Library interface {
	Snippet(ctx context.Context, name string) (Template, error)
}

// A Resolver looks up the addresses of a name, or the names of an address.
// *net.Resolver is one.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// A Site is what templates may know of this server.
type Site struct {
	FQDN          string
	URL           string // of the web interface
	UnattendedURL string // that machines reach the build endpoints at
	Version       string
	CACert        string         // PEM that verifies this server
	Plugins       []string       // by the names that plugin_present? knows
	Settings      map[string]any // that global_setting may read; no others
	TimeZone      string         // an offset such as "+02:00"; "" is UTC
}

// A Subject is what a template is rendered for. All but the host may be empty,
// and without a host only templates that ask nothing of it render.
type Subject struct {
	Host        *Host
	Site        Site
	TemplateURL string         // the url query parameter that a templates proxy adds
	Preview     bool           // somebody looks at it; no machine will run it
	Inputs      map[string]any // values of the template's inputs
	Vars        map[string]any // more variables, by name without @
}

// A Renderer renders templates. It is safe for concurrent use.
type Renderer struct {
	image    *ruby.Image
	known    map[string]bool // ids of the programs that the image has
	library  Library
	resolver Resolver
	log      *slog.Logger
}

// NewRenderer makes a Renderer on an engine. A nil resolver refuses dns_lookup.
func NewRenderer(engine *ruby.Engine, library Library, resolver Resolver, log *slog.Logger) (*Renderer, error) {
	sources, known, err := prelude()
	if err != nil {
		return nil, err
	}
	image := engine.Image("provision", sources...)
	return &Renderer{image: image, known: known, library: library, resolver: resolver, log: log}, nil
}

// Warm loads the helpers ahead of the first rendering.
func (r *Renderer) Warm(ctx context.Context) error { return r.image.Load(ctx) }

// frame is what Ruby is given for one rendering.
type frame struct {
	program
	Layout *program       `json:"layout,omitempty"` // the host's disk layout
	Host   *Host          `json:"host,omitempty"`
	Medium *medium        `json:"medium,omitempty"`
	Site   site           `json:"site"`
	Inputs map[string]any `json:"inputs,omitempty"`
	Vars   map[string]any `json:"vars"`
}

type medium struct {
	URI string `json:"uri"`
	ID  string `json:"id"`
}

type site struct {
	FQDN          string         `json:"fqdn"`
	URL           string         `json:"url"`
	UnattendedURL string         `json:"unattended_url"`
	Version       string         `json:"version"`
	CACert        string         `json:"ca_cert"`
	Plugins       []string       `json:"plugins"`
	Settings      map[string]any `json:"settings"`
	TimeZone      string         `json:"time_zone"`
	Preview       bool           `json:"preview"`
}

// Render renders a template. A fault of the template (or of a snippet in it) is
// an Invalid error that names template and line, with *TemplateError in its chain;
// Unavailable when the engine is not ready before ctx ends.
func (r *Renderer) Render(ctx context.Context, t Template, s Subject) (string, error) {
	f, err := r.frame(t, s)
	if err != nil {
		return "", err
	}
	host := &host{renderer: r, names: []string{t.Name}}
	if f.Layout != nil {
		host.names = append(host.names, f.Layout.Name)
	}
	value, err := r.image.Call(ctx, host, "render", f)
	if err != nil {
		return "", host.blame(err)
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return "", errs.New(errs.Invalid, "template %q does not render to text", t.Name)
	}
	return text, nil
}

// Check parses a template without rendering it. Its errors are Render's.
func (r *Renderer) Check(ctx context.Context, t Template) error {
	_, err := r.image.Call(ctx, nil, "check", compile(t))
	err = (&host{names: []string{t.Name}}).blame(err)
	if fault, ok := errors.AsType[*TemplateError](err); ok {
		// What is missing is missed after the last line.
		fault.Line = min(fault.Line, 1+strings.Count(strings.TrimSuffix(t.Text, "\n"), "\n"))
	}
	return err
}

func (r *Renderer) frame(t Template, s Subject) (*frame, error) {
	f := &frame{
		program: r.translate(t), Host: s.Host, Inputs: s.Inputs, Vars: Variables(s),
		Site: site{
			FQDN: s.Site.FQDN, URL: s.Site.URL, UnattendedURL: s.Site.UnattendedURL, Version: s.Site.Version,
			CACert: s.Site.CACert, Plugins: append([]string{}, s.Site.Plugins...), Settings: s.Site.Settings,
			TimeZone: s.Site.TimeZone, Preview: s.Preview,
		},
	}
	f.Vars["template_name"] = t.Name
	if f.Site.Settings == nil {
		f.Site.Settings = map[string]any{}
	}
	for name := range f.Vars {
		if !variableName.MatchString(name) {
			return nil, errs.New(errs.Malformed, "%q cannot be the name of a variable", name)
		}
	}
	if s.Host != nil {
		f.Layout = r.layout(s.Host)
		if in, err := InstallationOf(s.Host); err == nil {
			f.Medium = &medium{URI: in.URI, ID: strings.TrimPrefix(in.Prefix, "boot/")}
		}
	}
	return f, nil
}

var variableName = regexp.MustCompile(`\A[a-z][a-z0-9_]*\z`)
