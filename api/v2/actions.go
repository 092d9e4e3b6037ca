package v2

import (
	"net/http"
	"net/netip"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// own are the special actions that need nothing but the inventory.
func (a *API) own() []Action {
	var actions []Action
	add := func(act Action) {
		if act.Noun == "" || a.reg.Noun(act.Noun) != nil {
			actions = append(actions, act)
		}
	}
	add(Action{Noun: "subnet", Name: "freeip", Method: http.MethodGet, Path: "freeip", Member: true, Permission: "view_subnets", Handle: freeIP})
	add(Action{Noun: "puppetclass", Name: "index", Method: http.MethodGet, Path: "", Permission: "view_puppetclasses", Handle: puppetclasses})
	add(Action{Noun: "config_report", Name: "last", Method: http.MethodGet, Path: "last", Below: "host", Permission: "view_config_reports", Handle: lastReport})
	add(Action{Noun: "host", Name: "inherited_parameters", Method: http.MethodGet, Path: "inherited_parameters", Member: true, Permission: "view_hosts", Handle: inheritedParameters})
	add(Action{Noun: "host", Name: "facts_of", Method: http.MethodGet, Path: "facts", Member: true, Permission: "view_facts", Handle: hostFacts})
	add(Action{Noun: "fact_value", Name: "index", Method: http.MethodGet, Path: "", Permission: "view_facts", Handle: facts})
	for _, name := range []string{"provisioning_template", "ptable", "hostgroup"} {
		n := a.reg.Noun(name)
		if n != nil {
			add(Action{Noun: name, Name: "clone", Method: http.MethodPost, Path: "clone", Member: true, Permission: n.Permission("create"), Handle: clone})
		}
	}
	return actions
}

// freeIP suggests an address of a subnet.
func freeIP(q *Request) error {
	item, err := q.Item()
	if err != nil {
		return err
	}
	taken := map[netip.Addr]bool{}
	if list, ok := q.Params["excluded_ips"].([]any); ok {
		for _, v := range list {
			text, _ := v.(string)
			if ip, err := netip.ParseAddr(text); err == nil {
				taken[ip] = true
			}
		}
	}
	var ip netip.Addr
	err = q.API.reg.Read(q.R.Context(), func(tx *noun.Tx) error {
		ip, err = inventory.FreeIP(q.R.Context(), tx, item.Record.(*inventory.Subnet), q.Text("mac"), taken, q.API.o.Addresses)
		return err
	})
	if err != nil {
		return err
	}
	var text any
	if ip.IsValid() {
		text = ip.String()
	}
	return q.JSON(200, object{"freeip": text, "errors": object{}})
}

// puppetclasses lists classes by module, as upstream does, or plainly with
// style=list.
func puppetclasses(q *Request) error {
	if q.Text("style") == "list" {
		return index(q)
	}
	query, err := q.Query()
	if err != nil {
		return err
	}
	page, err := q.Route.Noun.List(q.R.Context(), q.Caller, query)
	if err != nil {
		return err
	}
	w := noun.NewWriter(q.Rendering(noun.Index))
	q.Envelope(w, page, func() {
		w.Open('{')
		for i, r := range page.Records {
			module := r.(*inventory.Puppetclass).ModuleName()
			if i == 0 || page.Records[i-1].(*inventory.Puppetclass).ModuleName() != module {
				if i > 0 {
					w.Close(']')
				}
				w.Key(module)
				w.Open('[')
			}
			q.Route.Noun.Render(w, r, page.Names, noun.Brief)
		}
		if len(page.Records) > 0 {
			w.Close(']')
		}
		w.Close('}')
	})
	return q.Bytes(200, w.Bytes())
}

// lastReport shows the newest report, of a host where the path names one.
func lastReport(q *Request) error {
	query := q.write()
	query.PerPage, query.Search = 1, q.Text("search")
	page, err := q.Route.Noun.List(q.R.Context(), q.Caller, query)
	if err != nil {
		return err
	}
	if len(page.Records) == 0 {
		return errs.New(errs.NotFound, "Resource config_report not found by id 'last'")
	}
	return q.Show(200, &noun.Item{Noun: q.Route.Noun, Record: page.Records[0], Names: page.Names})
}

// inheritedParameters are what a host has from elsewhere.
func inheritedParameters(q *Request) error {
	item, err := q.Item()
	if err != nil {
		return err
	}
	all := []*inventory.ResolvedParameter{}
	err = q.API.reg.Read(q.R.Context(), func(tx *noun.Tx) error {
		found, err := inventory.ResolveParameters(q.R.Context(), tx, item.Record.(*inventory.Host))
		for _, p := range found {
			if p.Source != "host" {
				all = append(all, p)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	w := noun.NewWriter(q.Rendering(noun.Show))
	w.Open('{')
	w.Key("params")
	w.Value(noun.Rows(all))
	w.Close('}')
	return q.Bytes(200, w.Bytes())
}

// clone copies a record under a new name.
func clone(q *Request) error {
	item, err := q.Item()
	if err != nil {
		return err
	}
	in := q.Input()
	if _, ok := in["name"]; !ok {
		in["name"] = q.Text("name")
	}
	made, err := q.Route.Noun.Clone(q.R.Context(), q.Caller, item.Record, in, q.write())
	if err != nil {
		return err
	}
	return q.Show(201, made)
}

func hostFacts(q *Request) error {
	host, err := q.Route.Noun.Get(q.R.Context(), q.Caller, q.ID(), "show", noun.Query{Context: q.Context, Bare: true})
	if err != nil {
		return err
	}
	values := *q.Route
	values.Noun = q.API.reg.Noun("fact_value")
	q.Route = &values
	q.Parents = []noun.Parent{{Noun: host.Noun, ID: host.ID()}}
	return facts(q)
}

// facts lists fact values by host and name; pages count facts.
func facts(q *Request) error {
	query, err := q.Query()
	if err != nil {
		return err
	}
	page, err := q.Route.Noun.List(q.R.Context(), q.Caller, query)
	if err != nil {
		return err
	}
	byHost := map[string]map[string]string{}
	for _, r := range page.Records {
		f := r.(*inventory.FactValue)
		host := page.Names.Name("host", f.HostID)
		if byHost[host] == nil {
			byHost[host] = map[string]string{}
		}
		byHost[host][page.Names.Name("fact_name", f.FactNameID)] = f.Value
	}
	w := noun.NewWriter(q.Rendering(noun.Index))
	q.Envelope(w, page, func() { w.Value(byHost) })
	return q.Bytes(200, w.Bytes())
}
