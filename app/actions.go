package app

import (
	"context"
	"net/http"
	"slices"
	"strings"

	v2 "github.com/chargehand/chargehand/api/v2"
	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/param"
	"github.com/chargehand/chargehand/core/report"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ui"
)

// actions are what the API can do with hosts, reports and proxies beyond CRUD.
func (a *App) actions() []v2.Action {
	return []v2.Action{
		{Noun: "host", Name: "facts", Method: http.MethodPost, Path: "facts", Permission: "upload_facts", Handle: a.uploadFacts, Summary: "Upload facts for a host, creating the host if required"},
		{Noun: "host", Name: "enc", Method: http.MethodGet, Path: "enc", Member: true, Permission: "view_hosts", Handle: a.enc, Summary: "Get ENC values of host"},
		{Noun: "host", Name: "template", Method: http.MethodGet, Path: "template/{kind}", Member: true, Permission: "view_hosts", Handle: a.hostTemplate, Summary: "Preview rendered provisioning template content"},
		{Noun: "host", Name: "rebuild_config", Method: http.MethodPut, Path: "rebuild_config", Member: true, Permission: "build_hosts", Handle: a.rebuildConfig, Summary: "Rebuild orchestration related configurations for host"},
		{Noun: "config_report", Name: "create", Method: http.MethodPost, Path: "", Permission: "upload_config_reports", Handle: a.uploadReport, Summary: "Create a report"},
		{Noun: "smart_proxy", Name: "refresh", Method: http.MethodPut, Path: "refresh", Member: true, Permission: "edit_smart_proxies", Handle: a.refreshProxy, Summary: "Refresh smart proxy features"},
	}
}

func (a *App) uploadFacts(q *v2.Request) error {
	body, err := encode(q.Params)
	if err != nil {
		return err
	}
	up, err := report.ParseFacts(body)
	if err != nil {
		return err
	}
	host, err := a.intake.Facts(q.R.Context(), up)
	if err != nil {
		return err
	}
	item, err := noun.Of[inventory.Host](a.nouns).Any.Get(q.R.Context(), a.core.system, idText(host.ID), "show", noun.Query{})
	if err != nil {
		return err
	}
	return q.Show(http.StatusCreated, item)
}

func (a *App) uploadReport(q *v2.Request) error {
	in := q.Input()
	if wrapped, ok := q.Params["report"].(map[string]any); ok {
		in = wrapped
	}
	body, err := encode(in)
	if err != nil {
		return err
	}
	parsed, err := report.Parse(body)
	if err != nil {
		return err
	}
	rec, err := a.intake.Report(q.R.Context(), parsed)
	if err != nil {
		return err
	}
	item, err := noun.Of[inventory.ConfigReport](a.nouns).Any.Get(q.R.Context(), a.core.system, idText(rec.ID), "show", noun.Query{})
	if err != nil {
		return err
	}
	return q.Show(http.StatusCreated, item)
}

func (a *App) enc(q *v2.Request) error {
	item, err := q.Item()
	if err != nil {
		return err
	}
	node, err := a.builds.Node(q.R.Context(), item.ID())
	if err != nil {
		return err
	}
	found := param.Classify(node)
	if q.Text("format") == "yml" {
		text, err := found.YAML()
		if err != nil {
			return err
		}
		return q.Plain(http.StatusOK, string(text))
	}
	return q.JSON(http.StatusOK, map[string]any{"data": found})
}

func (a *App) hostTemplate(q *v2.Request) error {
	item, err := q.Item()
	if err != nil {
		return err
	}
	if !q.Caller.Can("view_provisioning_templates") {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: view_provisioning_templates")
	}
	text, err := a.builds.Preview(q.R.Context(), item.ID(), q.R.PathValue("kind"))
	if err != nil {
		return err
	}
	return q.JSON(http.StatusOK, map[string]any{"template": text})
}

func (a *App) rebuildConfig(q *v2.Request) error {
	item, err := q.Item()
	if err != nil {
		return err
	}
	var only []string
	if list, ok := q.Params["only"].([]any); ok {
		for _, v := range list {
			text, _ := v.(string)
			if !slices.Contains([]string{"DNS", "DHCP", "TFTP"}, text) {
				return errs.InvalidField("only", "must be DNS, DHCP or TFTP, not %.32q", text)
			}
			only = append(only, text)
		}
	}
	var plan string
	err = a.nouns.Write(q.R.Context(), func(tx *noun.Tx) (err error) {
		h, err := noun.LoadWhole[inventory.Host](q.R.Context(), tx, item.ID())
		if err != nil {
			return err
		}
		plan, err = a.core.plans.Rebuild(q.R.Context(), tx, h, only...)
		return err
	})
	if err == nil && plan != "" {
		err = a.core.plans.Wait(q.R.Context(), plan)
	}
	if err != nil {
		return err
	}
	return q.JSON(http.StatusOK, map[string]any{"message": "Configuration successfully rebuilt."})
}

func (a *App) refreshProxy(q *v2.Request) error {
	item, err := q.Item()
	if err != nil {
		return err
	}
	url := item.Record.(*inventory.SmartProxy).URL
	version, features, err := prober{a}.Probe(q.R.Context(), url)
	if err != nil {
		return err
	}
	proxies := noun.Of[inventory.SmartProxy](a.nouns)
	if _, err := proxies.Update(q.R.Context(), q.Caller, idText(item.ID()), func(p *inventory.SmartProxy) error {
		p.Version, p.Features = version, features
		return nil
	}); err != nil {
		return err
	}
	item, err = proxies.Any.Get(q.R.Context(), q.Caller, idText(item.ID()), "show", noun.Query{})
	if err != nil {
		return err
	}
	return q.Show(http.StatusOK, item)
}

// Facts gives a host's facts by name, without the compound ones.
func (u uiHosts) Facts(ctx context.Context, host int64) ([]ui.Fact, error) {
	var all []ui.Fact
	err := u.app.nouns.Read(ctx, func(tx *noun.Tx) error {
		values, err := noun.Find[inventory.FactValue](ctx, tx, noun.Match{"host": host})
		if err != nil {
			return err
		}
		ids := make([]int64, len(values))
		for i, v := range values {
			ids[i] = v.FactNameID
		}
		names, err := noun.Find[inventory.FactName](ctx, tx, noun.Match{"id": ids})
		if err != nil {
			return err
		}
		byID := map[int64]*inventory.FactName{}
		for _, n := range names {
			byID[n.ID] = n
		}
		all = nil
		for _, v := range values {
			if n := byID[v.FactNameID]; n != nil && !n.Compose && !strings.HasPrefix(n.Name, "_") {
				all = append(all, ui.Fact{Name: n.Name, Value: v.Value})
			}
		}
		return nil
	})
	slices.SortFunc(all, func(x, y ui.Fact) int { return strings.Compare(x.Name, y.Name) })
	return all, err
}

// Node gives the host as the classifier sees it.
func (u uiHosts) Node(ctx context.Context, host int64) (*param.Node, error) {
	return u.app.builds.Node(ctx, host)
}
