package provision

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ruby"
	"github.com/chargehand/chargehand/ruby/erb"
)

//go:embed ruby/*.rb
var rubyFiles embed.FS

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
	library  Library
	resolver Resolver
	log      *slog.Logger
}

// NewRenderer makes a Renderer on an engine. A nil resolver refuses dns_lookup.
func NewRenderer(engine *ruby.Engine, library Library, resolver Resolver, log *slog.Logger) (*Renderer, error) {
	sources, err := prelude()
	if err != nil {
		return nil, err
	}
	return &Renderer{image: engine.Image("provision", sources...), library: library, resolver: resolver, log: log}, nil
}

func prelude() ([]ruby.Source, error) {
	classes, err := schema()
	if err != nil {
		return nil, err
	}
	generated := ruby.Source{
		Name: "provision/schema.rb",
		Text: fmt.Sprintf("Provision.schema(JSON.parse(<<'SCHEMA'))\n%s\nSCHEMA\n", classes),
	}
	var sources []ruby.Source
	for _, name := range []string{"records", "", "host", "scope", "helpers_site", "helpers_host", "helpers_text"} {
		if name == "" {
			sources = append(sources, generated)
			continue
		}
		text, err := fs.ReadFile(rubyFiles, "ruby/"+name+".rb")
		if err != nil {
			return nil, err
		}
		sources = append(sources, ruby.Source{Name: "provision/" + name + ".rb", Text: string(text)})
	}
	return sources, nil
}

// Warm loads the helpers ahead of the first rendering.
func (r *Renderer) Warm(ctx context.Context) error { return r.image.Load(ctx) }

// A program is a template, translated to Ruby.
type program struct {
	Name string `json:"name"`
	Code string `json:"code"`
}

// translate keeps the lines of the metadata, so that errors cite lines of the
// whole text.
func translate(t Template) program {
	return program{Name: t.Name, Code: erb.Compile(blankHeader(t.Text))}
}

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
	f, err := newFrame(t, s)
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

func newFrame(t Template, s Subject) (*frame, error) {
	f := &frame{
		program: translate(t), Host: s.Host, Inputs: s.Inputs, Vars: Variables(s),
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
		f.Layout = layout(s.Host)
		if in, err := InstallationOf(s.Host); err == nil {
			f.Medium = &medium{URI: in.URI, ID: strings.TrimPrefix(in.Prefix, "boot/")}
		}
	}
	return f, nil
}

// layout is the disk layout as a template, nil when there is none.
func layout(h *Host) *program {
	t := Template{Name: "disk layout of " + h.Name, Text: h.Layout()}
	if t.Text == "" {
		return nil
	}
	if h.Disk == "" {
		t.Name = h.PartitionTable.Name
	}
	p := translate(t)
	return &p
}

var variableName = regexp.MustCompile(`\A[a-z][a-z0-9_]*\z`)

// blankHeader makes an empty comment of the metadata, as long as it was, that
// leaves no empty line even where its end lacks the dash.
func blankHeader(text string) string {
	m, body, err := ParseMetadata(text)
	if err != nil || m == nil || len(body) == len(text) {
		return text
	}
	lines := strings.Count(text[:len(text)-len(body)], "\n")
	if lines == 0 {
		return body
	}
	return "<%#" + strings.Repeat("\n", lines-1) + "-%>\n" + body
}

// A TemplateError is a fault of a template, or of what it asked the host for.
type TemplateError struct {
	Template string // or snippet
	Line     int    // counted from 1; 0 is not known
	Class    string // of the Ruby exception
	Message  string
	kind     errs.Kind
	cause    error
}

// Error names template, line and fault.
func (e *TemplateError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("template %q: %s", e.Template, e.Message)
	}
	return fmt.Sprintf("template %q, line %d: %s", e.Template, e.Line, e.Message)
}

// Unwrap gives the fault its kind: that of the host's error, or Invalid.
func (e *TemplateError) Unwrap() error {
	return &errs.Error{Kind: e.kind, Message: e.Error(), Cause: e.cause}
}

// host answers what a template asks while it is rendered.
type host struct {
	renderer *Renderer
	names    []string // of the templates met so far
}

// Answer implements ruby.Host.
func (h *host) Answer(ctx context.Context, _ ruby.Guest, name string, args []json.RawMessage) (any, error) {
	var texts []string
	for _, arg := range args {
		var text string
		if err := json.Unmarshal(arg, &text); err != nil {
			return nil, errs.New(errs.Malformed, "%s takes texts", name)
		}
		texts = append(texts, text)
	}
	switch {
	case name == "snippet" && len(texts) == 1:
		return h.snippet(ctx, texts[0])
	case name == "dns_lookup" && len(texts) == 1:
		return h.lookup(ctx, texts[0])
	case name == "log" && len(texts) == 2:
		return nil, h.logged(ctx, texts[0], texts[1])
	}
	return nil, errs.New(errs.Unsupported, "templates cannot ask for %q", name)
}

func (h *host) snippet(ctx context.Context, name string) (any, error) {
	t, err := h.renderer.library.Snippet(ctx, name)
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h.names = append(h.names, t.Name)
	return translate(t), nil
}

func (h *host) lookup(ctx context.Context, name string) (any, error) {
	res := h.renderer.resolver
	if res == nil {
		return nil, errs.New(errs.Unsupported, "there is no name server to ask")
	}
	find := res.LookupHost
	if _, err := netip.ParseAddr(name); err == nil {
		find = res.LookupAddr
	}
	found, err := find(ctx, name)
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return nil, errs.New(errs.NotFound, "%s is not in the DNS", name)
	}
	if err != nil || len(found) == 0 {
		return nil, errs.WrapAs(errs.Upstream, err, "look up %s", name)
	}
	return strings.TrimSuffix(found[0], "."), nil
}

func (h *host) logged(ctx context.Context, level, text string) error {
	var l slog.Level
	if level == "fatal" {
		level = "error"
	}
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return errs.New(errs.Malformed, "%q is no level", level)
	}
	h.renderer.log.Log(ctx, l, "a template says", "template", h.names[0], "text", text)
	return nil
}

// blame turns what ended a rendering into an error that names the template.
func (h *host) blame(err error) error {
	raised, ok := errors.AsType[*ruby.Error](err)
	if !ok {
		if errs.Is(err, errs.Invalid) {
			return errs.WrapAs(errs.Invalid, err, "template %q", h.names[0])
		}
		return err
	}
	fault := &TemplateError{Class: raised.Class, Message: raised.Message, kind: errs.Invalid, cause: raised.Cause}
	if fault.Template, fault.Line = raised.Where(h.names); fault.Template == "" {
		fault.Template = h.names[0]
	}
	if raised.Cause != nil {
		fault.kind = errs.KindOf(raised.Cause)
	}
	return fault
}
