package ui

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/job"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A dashboardPage answers "what is broken now?": each number leads to the list
// behind it.
type dashboardPage struct {
	Tiles     []tile
	Building  []row
	Plans     []planRow
	MayHosts  bool
	MayCreate bool
	Empty     bool
}

type tile struct {
	Title, State, Search string
	Count                int64
}

func (t tile) link() string { return "/hosts?search=" + url.QueryEscape(t.Search) }

func (e *edge) dashboard(w http.ResponseWriter, r *http.Request) error {
	p := dashboardPage{MayHosts: caller(r).Can("view_hosts"), MayCreate: caller(r).Can("create_hosts")}
	if !p.MayHosts {
		return e.render(w, r, "Dashboard", p.view())
	}
	hosts := noun.Of[inventory.Host](e.Registry)
	for _, t := range []tile{
		{Title: "Hosts", Search: ""},
		{Title: "In build", Search: "build = true", State: "wait"},
		{Title: "With errors", Search: "status.failed > 0", State: "bad"},
		{Title: "Changed at last run", Search: "status.applied > 0"},
		{Title: "No report for 35 minutes", Search: `last_report < "35 minutes ago"`, State: "warn"},
		{Title: "Never reported", Search: "null? last_report"},
	} {
		found, err := hosts.Any.List(r.Context(), caller(r), noun.Query{Search: t.Search, PerPage: 1, Bare: true})
		if errs.Is(err, errs.Malformed) {
			continue // the search field is not declared
		}
		if err != nil {
			return err
		}
		t.Count = found.Subtotal
		p.Tiles = append(p.Tiles, t)
	}
	p.Empty = len(p.Tiles) > 0 && p.Tiles[0].Count == 0
	building, err := hosts.Any.List(r.Context(), caller(r), noun.Query{Search: "build = true", PerPage: 10, Whole: true})
	if err != nil {
		return err
	}
	list := listPage{Noun: hosts.Any}
	e.fillHosts(&list, building)
	p.Building = list.Rows
	runs, err := e.Plans.List(r.Context(), job.Query{Limit: 8})
	if err != nil {
		return err
	}
	p.Plans = e.planRows(runs)
	return e.render(w, r, "Dashboard", p.view())
}

type planRow struct {
	ID, Label, State, Text, When, Exact, Actor string
}

func (e *edge) planRows(runs []job.Run) []planRow {
	var rows []planRow
	for i := range runs {
		run := &runs[i]
		p := planRow{ID: run.ID, Label: run.Label, Text: string(run.State), When: e.ago(run.CreatedAt), Exact: exact(run.CreatedAt), Actor: cmp.Or(run.Actor, "the program")}
		p.State = planState(run.State)
		rows = append(rows, p)
	}
	return rows
}

func planState(s job.State) string {
	switch s {
	case job.Done:
		return "ok"
	case job.Undone:
		return "bad"
	case job.Undoing:
		return "warn"
	}
	return "wait"
}

func (e *edge) plans(w http.ResponseWriter, r *http.Request) error {
	if !caller(r).Can("view_hosts") {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: view_hosts")
	}
	runs, err := e.Plans.List(r.Context(), job.Query{Limit: 100, Before: r.URL.Query().Get("before")})
	if err != nil {
		return err
	}
	return e.render(w, r, "Plans", planList(e.planRows(runs)))
}

// A planPage shows a plan's steps, and itself again until it is over.
type planPage struct {
	planRow
	Live  bool
	Why   string
	Steps []stepRow
}

type stepRow struct {
	Name, State, Text, Problem string
}

func (e *edge) plan(w http.ResponseWriter, r *http.Request) error {
	if !caller(r).Can("view_hosts") {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: view_hosts")
	}
	run, err := e.Plans.Load(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	p := planPage{planRow: e.planRows([]job.Run{*run})[0], Live: !run.State.Final()}
	if run.Failure != nil {
		p.Why = run.Failure.Public
	}
	for _, s := range run.Steps {
		step := stepRow{Name: s.Name, Text: string(s.State), State: stepState(s.State)}
		if s.Failure != nil {
			step.Problem = s.Failure.Public
		}
		p.Steps = append(p.Steps, step)
	}
	return e.render(w, r, "Plan", p.view())
}

func stepState(s job.StepState) string {
	switch s {
	case job.StepDone:
		return "ok"
	case job.StepFailed:
		return "bad"
	case job.StepUndone, job.StepUndoing:
		return "warn"
	case job.StepRunning:
		return "wait"
	}
	return ""
}
