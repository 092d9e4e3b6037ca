// Package build is what happens to a host between "build it" and "it is built":
// which template of a kind is its, how that is rendered, who may fetch it, and
// what the machine's own word that it is done changes.
//
// It may import core's other packages, proxy/mac and internal packages.
package build

import (
	"cmp"
	"context"
	"crypto/subtle"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/dossier"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/param"
	"github.com/chargehand/chargehand/core/provision"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/mac"
)

// Options are what a Service stands on.
type Options struct {
	Nouns    func() *noun.Registry
	Renderer *provision.Renderer
	Site     provision.Site
	Defaults dossier.Defaults
	Recorder *timeline.Recorder
	Events   timeline.Store
	Clock    clock.Clock
	// Caller is in whose name machines change their own hosts.
	Caller noun.Caller
}

// A Service is safe for concurrent use.
type Service struct{ Options }

// New makes a service.
func New(o Options) *Service { return &Service{o} }

// Gather gives the dossier of a host.
func (s *Service) Gather(ctx context.Context, host int64) (d *dossier.Dossier, err error) {
	err = s.Nouns().Read(ctx, func(tx *noun.Tx) error {
		d, err = dossier.Gather(ctx, tx, host)
		return err
	})
	return d, err
}

// Node gives a host as the classifier sees it.
func (s *Service) Node(ctx context.Context, host int64) (*param.Node, error) {
	d, err := s.Gather(ctx, host)
	if err != nil {
		return nil, err
	}
	return d.Node(s.Defaults), nil
}

// Classify answers the external node classifier for a certname; NotFound for a
// machine that is not known.
func (s *Service) Classify(ctx context.Context, certname string) (param.Classification, error) {
	var node *param.Node
	err := s.Nouns().Read(ctx, func(tx *noun.Tx) error {
		for _, m := range []noun.Match{{"certname": certname}, {"name": certname}} {
			hosts, err := noun.Find[inventory.Host](ctx, tx, m)
			if err != nil {
				return err
			}
			if len(hosts) == 0 {
				continue
			}
			d, err := dossier.Gather(ctx, tx, hosts[0].ID)
			if err != nil {
				return err
			}
			node = d.Node(s.Defaults)
			return nil
		}
		return errs.New(errs.NotFound, "no host has the certname %q", certname)
	})
	if err != nil {
		return param.Classification{}, err
	}
	return param.Classify(node), nil
}

// A Visitor is a machine that asks for its template.
type Visitor struct {
	Token   string
	MAC     string
	Address netip.Addr
}

// Identify finds whose machine asks: by its token alone when it has one, else by
// MAC address, else by address. NotFound for nobody's, Unauthenticated for a
// token that is over.
func (s *Service) Identify(ctx context.Context, v Visitor) (*inventory.Host, error) {
	var found *inventory.Host
	err := s.Nouns().Read(ctx, func(tx *noun.Tx) (err error) {
		found, err = s.identify(ctx, tx, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, errs.New(errs.NotFound, "unable to find a host for this request")
	}
	return found, nil
}

func (s *Service) identify(ctx context.Context, tx *noun.Tx, v Visitor) (*inventory.Host, error) {
	if v.Token != "" {
		hosts, err := noun.Find[inventory.Host](ctx, tx, noun.Match{"token": v.Token})
		if err != nil || len(hosts) == 0 {
			return nil, err
		}
		h := hosts[0]
		if subtle.ConstantTimeCompare([]byte(h.Token), []byte(v.Token)) != 1 {
			return nil, nil
		}
		if !h.TokenExpires.IsZero() && s.Clock().After(h.TokenExpires) {
			return nil, errs.New(errs.Unauthenticated, "the build token has expired")
		}
		return h, nil
	}
	for _, m := range v.matches() {
		nics, err := noun.Find[inventory.Interface](ctx, tx, m)
		if err != nil {
			return nil, err
		}
		nics = slices.DeleteFunc(nics, func(n *inventory.Interface) bool { return !n.Provision })
		if len(nics) == 0 {
			continue
		}
		newest := slices.MaxFunc(nics, func(a, b *inventory.Interface) int { return cmp.Compare(a.HostID, b.HostID) })
		return noun.Load[inventory.Host](ctx, tx, newest.HostID)
	}
	return nil, nil
}

// matches are the interfaces that may be the visitor's, the surest first.
func (v Visitor) matches() []noun.Match {
	var all []noun.Match
	if m, err := mac.Parse(v.MAC); err == nil {
		all = append(all, noun.Match{"mac": m.String()})
	}
	if a := v.Address.Unmap().WithZone(""); a.Is4() {
		all = append(all, noun.Match{"ip": a.String()})
	} else if a.IsValid() {
		all = append(all, noun.Match{"ip6": a.String()})
	}
	return all
}

// Render renders a host's template of a kind. NotFound when it has none,
// Invalid when the template is at fault.
func (s *Service) Render(ctx context.Context, host int64, kind string, subject func(*provision.Subject)) (string, error) {
	var template provision.Template
	var d *dossier.Dossier
	err := s.Nouns().Read(ctx, func(tx *noun.Tx) (err error) {
		if d, err = dossier.Gather(ctx, tx, host); err != nil {
			return err
		}
		template, err = templateOf(ctx, tx, d, provision.Kind(kind))
		return err
	})
	if err != nil {
		return "", err
	}
	return s.render(ctx, d, template, subject)
}

func (s *Service) render(ctx context.Context, d *dossier.Dossier, t provision.Template, subject func(*provision.Subject)) (string, error) {
	h := d.Subject(s.Defaults)
	enc := param.Classify(d.Node(s.Defaults))
	h.ENC = map[string]any{"parameters": enc.Parameters, "classes": enc.Classes, "environment": enc.Environment}
	sub := provision.Subject{Host: h, Site: s.Site}
	if subject != nil {
		subject(&sub)
	}
	return s.Renderer.Render(ctx, t, sub)
}

// templateOf chooses the host's template of a kind.
func templateOf(ctx context.Context, tx *noun.Tx, d *dossier.Dossier, kind provision.Kind) (provision.Template, error) {
	if d.OS == nil {
		return provision.Template{}, errs.New(errs.Conflict, "host %s has no operating system", d.Host.Name)
	}
	candidates, byID, err := candidatesOf(ctx, tx, d)
	if err != nil {
		return provision.Template{}, err
	}
	chosen, err := provision.Choose(candidates, kind, d.Host.HostgroupID, d.Host.EnvironmentID)
	if err != nil {
		return provision.Template{}, err
	}
	t := byID[chosen.ID]
	return provision.Template{Name: t.Name, Text: t.Template}, nil
}

// candidatesOf are the templates of the host's operating system that its
// organization and location show.
func candidatesOf(ctx context.Context, tx *noun.Tx, d *dossier.Dossier) ([]provision.Candidate, map[int64]*inventory.ProvisioningTemplate, error) {
	byID := map[int64]*inventory.ProvisioningTemplate{}
	var all []provision.Candidate
	defaults := map[int64]bool{}
	for _, def := range d.OS.DefaultTemplates {
		defaults[def.TemplateID] = true
	}
	for _, id := range d.OS.TemplateIDs {
		t, err := noun.LoadWhole[inventory.ProvisioningTemplate](ctx, tx, id)
		if err != nil {
			return nil, nil, err
		}
		if t.Snippet || !visible(t.OrganizationIDs, d.Host.OrganizationID) || !visible(t.LocationIDs, d.Host.LocationID) {
			continue
		}
		kind, err := noun.Load[inventory.TemplateKind](ctx, tx, t.KindID)
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		c := provision.Candidate{ID: t.ID, Kind: provision.Kind(kind.Name), Default: defaults[t.ID]}
		for _, combo := range t.Combinations {
			c.Combinations = append(c.Combinations, provision.Combination{HostgroupID: combo.HostgroupID, EnvironmentID: combo.EnvironmentID})
		}
		byID[t.ID] = t
		all = append(all, c)
	}
	return all, byID, nil
}

// visible reports whether a template is in a host's organization or location; a
// template that is in none at all is for everybody.
func visible(in []int64, id int64) bool {
	return id == 0 || len(in) == 0 || slices.Contains(in, id)
}

// Kinds lists the kinds of template that a host has.
func (s *Service) Kinds(ctx context.Context, host int64) ([]string, error) {
	var kinds []string
	err := s.Nouns().Read(ctx, func(tx *noun.Tx) error {
		kinds = nil
		d, err := dossier.Gather(ctx, tx, host)
		if err != nil || d.OS == nil {
			return err
		}
		candidates, _, err := candidatesOf(ctx, tx, d)
		for _, k := range provision.Kinds() {
			if _, cerr := provision.Choose(candidates, k, d.Host.HostgroupID, d.Host.EnvironmentID); cerr == nil {
				kinds = append(kinds, string(k))
			}
		}
		return err
	})
	return kinds, err
}

// RenderText renders a text that may not be saved yet, for a host.
func (s *Service) RenderText(ctx context.Context, host int64, name, text string) (string, error) {
	d, err := s.Gather(ctx, host)
	if err != nil {
		return "", err
	}
	return s.render(ctx, d, provision.Template{Name: name, Text: text}, preview)
}

func preview(sub *provision.Subject) { sub.Preview = true }

// Preview renders a host's template of a kind for somebody who looks at it.
func (s *Service) Preview(ctx context.Context, host int64, kind string) (string, error) {
	return s.Render(ctx, host, kind, preview)
}

// Config renders the boot loader's configuration: the installation's in build
// mode, else the one that boots from disk. It is orchestrate's Boot.
func (s *Service) Config(ctx context.Context, host int64, kind string, building bool) (string, error) {
	if building {
		return s.Render(ctx, host, kind, nil)
	}
	var t provision.Template
	var d *dossier.Dossier
	err := s.Nouns().Read(ctx, func(tx *noun.Tx) (err error) {
		if d, err = dossier.Gather(ctx, tx, host); err != nil {
			return err
		}
		name := provision.LocalBootName(d.Subject(s.Defaults), provision.Kind(kind), "")
		t, err = named(ctx, tx, name)
		return err
	})
	if err != nil {
		return "", err
	}
	return s.render(ctx, d, t, nil)
}

// Global renders the configuration for machines that nobody knows.
func (s *Service) Global(ctx context.Context, kind string) (string, error) {
	var t provision.Template
	err := s.Nouns().Read(ctx, func(tx *noun.Tx) (err error) {
		t, err = named(ctx, tx, provision.Kind(kind).DefaultGlobal())
		return err
	})
	if err != nil {
		return "", err
	}
	return s.Renderer.Render(ctx, t, provision.Subject{Site: s.Site})
}

func named(ctx context.Context, tx *noun.Tx, name string) (provision.Template, error) {
	found, err := noun.Find[inventory.ProvisioningTemplate](ctx, tx, noun.Match{"name": name})
	if err != nil {
		return provision.Template{}, err
	}
	if len(found) == 0 {
		return provision.Template{}, errs.New(errs.NotFound, "there is no template %q", name)
	}
	return provision.Template{Name: found[0].Name, Text: found[0].Template}, nil
}

// Built takes a machine's word that its installation is over: build mode goes
// off, and with it the token. Conflict when the host is not in build mode.
func (s *Service) Built(ctx context.Context, host int64) error {
	_, err := noun.Of[inventory.Host](s.Nouns()).UpdateAs(ctx, s.Caller, strconv.FormatInt(host, 10), "build_hosts", func(h *inventory.Host) error {
		if !h.Build {
			return errs.New(errs.Conflict, "host %s is not in build mode", h.Name)
		}
		h.Build, h.InstalledAt, h.BuildErrors, h.BuildStatus = false, s.Clock().Truncate(time.Second), "", statusBuilt
		return nil
	})
	return err
}

// Values of a host's build status.
const (
	statusBuilt  = 0
	statusFailed = 3
)

// maxBuildErrors bounds what is kept of a failed installation's log.
const maxBuildErrors = 65535

// Failed keeps what a machine says of an installation that failed; build mode
// stays on. Conflict when the host is not in build mode.
func (s *Service) Failed(ctx context.Context, host int64, text string) error {
	_, err := noun.Of[inventory.Host](s.Nouns()).UpdateAs(ctx, s.Caller, strconv.FormatInt(host, 10), "build_hosts", func(h *inventory.Host) error {
		if !h.Build {
			return errs.New(errs.Conflict, "host %s is not in build mode", h.Name)
		}
		h.BuildErrors = strings.ToValidUTF8(text[:min(len(text), maxBuildErrors)], "")
		h.BuildStatus = statusFailed
		return nil
	})
	return err
}

// SetBuild turns build mode on or off in somebody's name.
func (s *Service) SetBuild(ctx context.Context, caller noun.Caller, host int64, on bool) error {
	_, err := noun.Of[inventory.Host](s.Nouns()).UpdateAs(ctx, caller, strconv.FormatInt(host, 10), "build_hosts", func(h *inventory.Host) error {
		h.Build = on
		return nil
	})
	return err
}

// FreeIP suggests an address of a subnet.
func (s *Service) FreeIP(ctx context.Context, subnet int64, mac string) (string, error) {
	var free netip.Addr
	err := s.Nouns().Read(ctx, func(tx *noun.Tx) error {
		sub, err := noun.Load[inventory.Subnet](ctx, tx, subnet)
		if err != nil {
			return err
		}
		free, err = inventory.FreeIP(ctx, tx, sub, mac, nil, nil)
		return err
	})
	if err != nil {
		return "", err
	}
	if !free.IsValid() {
		return "", errs.New(errs.Conflict, "the subnet suggests no addresses, or has none left")
	}
	return free.String(), nil
}

// Follow gives a host's way from its first packet to its first report.
func (s *Service) Follow(ctx context.Context, h *inventory.Host) ([]timeline.Progress, error) {
	events, err := s.Events.Events(ctx, h.ID, h.InitiatedAt.Add(-time.Second))
	if err != nil {
		return nil, err
	}
	started := h.InitiatedAt
	if !h.Build && !h.LastReport.IsZero() {
		started = time.Time{}
	}
	return timeline.Follow(events, started, s.Clock()), nil
}

// Snippets finds the snippets that templates include; it is provision's Library.
type Snippets struct{ Nouns func() *noun.Registry }

// Snippet finds one by name.
func (s Snippets) Snippet(ctx context.Context, name string) (t provision.Template, err error) {
	err = s.Nouns().Read(ctx, func(tx *noun.Tx) error {
		found, err := noun.Find[inventory.ProvisioningTemplate](ctx, tx, noun.Match{"name": name, "snippet": true})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errs.New(errs.NotFound, "there is no snippet %q", name)
		}
		t = provision.Template{Name: found[0].Name, Text: found[0].Template}
		return nil
	})
	return t, err
}
