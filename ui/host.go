package ui

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/timeline"
	"github.com/chargehand/chargehand/internal/errs"
)

// A hostPage is everything about one host, in tabs that are all in the page.
type hostPage struct {
	Host       *inventory.Host
	State      cell
	Properties []property
	Interfaces []inventory.Interface
	Legs       []leg
	Live       bool
	Params     []*inventory.ResolvedParameter
	Classes    []string
	Facts      []Fact
	Reports    []reportRow
	Kinds      []string
	MayBuild   bool
	MayEdit    bool
	MayDelete  bool
	MaySecrets bool
}

type property struct{ Name, Value, Exact string }

// A leg is one stage of the build as it is drawn.
type leg struct {
	timeline.Progress
	When, Exact, Detail string
	Last                timeline.Event
	Advice              string
}

type reportRow struct {
	ID          int64
	When, Exact string
	Text        string
	Badge       cell
	Logs        []inventory.ReportLog
}

// find loads the host that the URL names, within what the caller may see.
func (e *edge) find(r *http.Request, permission string) (*inventory.Host, *noun.Item, error) {
	n := noun.Of[inventory.Host](e.Registry).Any
	item, err := n.Get(r.Context(), caller(r), r.PathValue("id"), "show", noun.Query{Permission: permission})
	if err != nil {
		return nil, nil, err
	}
	return item.Record.(*inventory.Host), item, nil
}

func (e *edge) host(w http.ResponseWriter, r *http.Request) error {
	h, item, err := e.find(r, "view_hosts")
	if err != nil {
		return err
	}
	c := caller(r)
	p := &hostPage{
		Host: h, State: hostState(h), Interfaces: h.Interfaces, Live: h.Build, Properties: e.properties(h, item.Names),
		MayBuild: c.Can("build_hosts"), MayEdit: c.Can("edit_hosts"), MayDelete: c.Can("destroy_hosts"), MaySecrets: c.Can("edit_params"),
	}
	for _, fill := range []func(context.Context, *noun.Any, *hostPage, noun.Caller) error{e.fillTimeline, e.fillNode, e.fillFacts, e.fillReports, e.fillKinds} {
		if err := fill(r.Context(), item.Noun, p, c); err != nil {
			return err
		}
	}
	return e.render(w, r, h.Name, p.view())
}

func (e *edge) properties(h *inventory.Host, names *noun.Names) []property {
	all := []property{
		{Name: "Operating system", Value: names.Name("operatingsystem", h.OperatingSystemID)},
		{Name: "Architecture", Value: names.Name("architecture", h.ArchitectureID)},
		{Name: "Host group", Value: names.Name("hostgroup", h.HostgroupID)},
		{Name: "Environment", Value: names.Name("environment", h.EnvironmentID)},
		{Name: "Organization", Value: names.Name("organization", h.OrganizationID)},
		{Name: "Location", Value: names.Name("location", h.LocationID)},
		{Name: "Model", Value: names.Name("model", h.ModelID)},
		{Name: "PXE loader", Value: h.PXELoader},
		{Name: "Installed", Value: e.ago(h.InstalledAt), Exact: exact(h.InstalledAt)},
		{Name: "Last report", Value: e.ago(h.LastReport), Exact: exact(h.LastReport)},
		{Name: "Comment", Value: h.Comment},
	}
	shown := all[:0]
	for _, p := range all {
		if p.Value != "" {
			shown = append(shown, p)
		}
	}
	return shown
}

func (e *edge) fillTimeline(ctx context.Context, _ *noun.Any, p *hostPage, _ noun.Caller) error {
	progress, err := e.Hosts.Timeline(ctx, p.Host)
	if err != nil {
		return err
	}
	for _, stage := range progress {
		l := leg{Progress: stage}
		if n := len(stage.Events); n > 0 {
			l.Last = stage.Events[n-1]
			l.When, l.Exact = e.ago(l.Last.At), exact(l.Last.At)
			l.Detail = detail(l.Last)
		}
		if stage.State == timeline.Stalled {
			l.Advice = stage.Stalled
		}
		p.Legs = append(p.Legs, l)
	}
	return nil
}

// detail is what an event tells beside its time, from where, how much, how long.
func detail(ev timeline.Event) string {
	var b strings.Builder
	add := func(text string) {
		if text != "" {
			b.WriteString(" · " + text)
		}
	}
	add(ev.Text)
	add(ev.Address)
	if ev.Bytes > 0 {
		add(size(ev.Bytes))
	}
	if took := ev.Duration.Round(time.Millisecond); took > 0 {
		add(took.String())
	}
	return b.String()
}

func size(n int64) string {
	switch {
	case n >= 1<<20:
		return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MiB"
	case n >= 1<<10:
		return strconv.FormatFloat(float64(n)/(1<<10), 'f', 1, 64) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " B"
}

func (e *edge) fillNode(ctx context.Context, _ *noun.Any, p *hostPage, c noun.Caller) error {
	node, err := e.Hosts.Node(ctx, p.Host.ID)
	if err != nil {
		return err
	}
	p.Classes = node.Classes
	if c.Can("view_params") {
		p.Params = node.Parameters
	}
	return nil
}

func (e *edge) fillFacts(ctx context.Context, _ *noun.Any, p *hostPage, c noun.Caller) (err error) {
	if c.Can("view_facts") {
		p.Facts, err = e.Hosts.Facts(ctx, p.Host.ID)
	}
	return err
}

func (e *edge) fillReports(ctx context.Context, _ *noun.Any, p *hostPage, c noun.Caller) error {
	if !c.Can("view_config_reports") {
		return nil
	}
	n := noun.Of[inventory.ConfigReport](e.Registry)
	found, err := n.Any.List(ctx, c, noun.Query{Where: noun.Match{"host": p.Host.ID}, PerPage: 5, Whole: true})
	if err != nil {
		return err
	}
	for _, rec := range found.Records {
		cr := rec.(*inventory.ConfigReport)
		p.Reports = append(p.Reports, e.reportRow(cr))
	}
	return nil
}

func (e *edge) fillKinds(ctx context.Context, _ *noun.Any, p *hostPage, c noun.Caller) (err error) {
	if c.Can("view_provisioning_templates") && p.Host.Managed {
		p.Kinds, err = e.Hosts.TemplateKinds(ctx, p.Host.ID)
	}
	return err
}

func (e *edge) hostTimeline(w http.ResponseWriter, r *http.Request) error {
	h, _, err := e.find(r, "view_hosts")
	if err != nil {
		return err
	}
	p := &hostPage{Host: h, Live: h.Build}
	if err := e.fillTimeline(r.Context(), nil, p, caller(r)); err != nil {
		return err
	}
	return e.renderPart(w, r, p.timeline())
}

func (e *edge) hostPreview(w http.ResponseWriter, r *http.Request) error {
	h, _, err := e.find(r, "view_hosts")
	if err != nil {
		return err
	}
	if !caller(r).Can("view_provisioning_templates") {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: view_provisioning_templates")
	}
	text, err := e.Hosts.Render(r.Context(), h.ID, r.URL.Query().Get("kind"))
	if err != nil {
		return e.renderPart(w, r, problem(errs.PublicText(err)))
	}
	return e.renderPart(w, r, code(text))
}

func (e *edge) build(w http.ResponseWriter, r *http.Request) error {
	return e.setBuild(w, r, true, "build")
}

func (e *edge) cancelBuild(w http.ResponseWriter, r *http.Request) error {
	return e.setBuild(w, r, false, "cancelled")
}

func (e *edge) setBuild(w http.ResponseWriter, r *http.Request, on bool, done string) error {
	h, _, err := e.find(r, "build_hosts")
	if err != nil {
		return err
	}
	if err := e.Hosts.SetBuild(r.Context(), caller(r), h.ID, on); err != nil {
		return err
	}
	http.Redirect(w, r, "/hosts/"+url.PathEscape(h.Name)+"?done="+done, http.StatusSeeOther)
	return nil
}

func (e *edge) deleteHost(w http.ResponseWriter, r *http.Request) error {
	h, item, err := e.find(r, "destroy_hosts")
	if err != nil {
		return err
	}
	if _, err := item.Noun.Delete(r.Context(), caller(r), strconv.FormatInt(h.ID, 10), noun.Query{}); err != nil {
		return err
	}
	http.Redirect(w, r, "/hosts?done=deleted", http.StatusSeeOther)
	return nil
}

// preview renders a template's text as it stands in the editor, for a host.
func (e *edge) preview(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errs.WrapAs(errs.Malformed, err, "read the form")
	}
	if !caller(r).Can("view_provisioning_templates") || !caller(r).Can("edit_provisioning_templates") {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: edit_provisioning_templates")
	}
	n := noun.Of[inventory.Host](e.Registry)
	h, err := n.Get(r.Context(), caller(r), r.PostForm.Get("preview_host"))
	if err != nil {
		return e.renderPart(w, r, problem("Name a host to try the template on: "+errs.PublicText(err)))
	}
	text, err := e.Hosts.RenderText(r.Context(), h.ID, r.PostForm.Get("name"), r.PostForm.Get("template"))
	if err != nil {
		return e.renderPart(w, r, problem(errs.PublicText(err)))
	}
	return e.renderPart(w, r, code(text))
}
