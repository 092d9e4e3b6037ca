package ui

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A hostForm asks for a new host in the order in which people think of one.
// What is left empty comes from the host group; where it would, is shown.
type hostForm struct {
	Inputs []input
	Errors []string
}

// hostInputs are the fields of the form: the host's own, then its one interface's.
func hostInputs() []struct{ name, label, noun, help string } {
	return []struct{ name, label, noun, help string }{
		{"name", "Name", "", "Short name, or with its domain"},
		{"hostgroup_id", "Host group", "hostgroup", "Fills in what you leave empty below"},
		{"organization_id", "Organization", "organization", ""},
		{"location_id", "Location", "location", ""},
		{"mac", "MAC address", "", "Of the network card that boots"},
		{"domain_id", "Domain", "domain", ""},
		{"subnet_id", "Subnet", "subnet", ""},
		{"ip", "IPv4 address", "", "Suggested from the subnet"},
		{"operatingsystem_id", "Operating system", "operatingsystem", ""},
		{"architecture_id", "Architecture", "architecture", ""},
		{"medium_id", "Installation medium", "medium", ""},
		{"ptable_id", "Partition table", "ptable", ""},
		{"environment_id", "Environment", "environment", ""},
		{"comment", "Comment", "", ""},
	}
}

func (e *edge) hostForm(r *http.Request, typed url.Values) (*hostForm, error) {
	group, err := e.group(r, typed.Get("hostgroup_id"))
	if err != nil {
		return nil, err
	}
	f := &hostForm{}
	for _, h := range hostInputs() {
		in := input{Name: h.name, Label: h.label, Help: h.help, Value: typed.Get(h.name), Kind: "text", Required: h.name == "name"}
		in.Refills = h.name == "hostgroup_id"
		if h.noun != "" {
			options, err := e.options(r, e.Registry.Noun(h.noun), []string{in.Value}, "")
			if err != nil {
				return nil, err
			}
			in.Kind, in.Options = "choice", append([]option{{Text: inherited(group, h.name, options)}}, options...)
			if len(options) == 1 && (h.noun == "organization" || h.noun == "location") {
				in.Options = options
			}
		}
		f.Inputs = append(f.Inputs, in)
	}
	build := input{Name: "build", Label: "Install at the next network boot", Kind: "check", Checked: typed.Get("build") == "true" || !typed.Has("_build")}
	f.Inputs = append(f.Inputs, build)
	return f, nil
}

// group loads the chosen host group with what it inherits.
func (e *edge) group(r *http.Request, id string) (*inventory.Hostgroup, error) {
	if id == "" {
		return nil, nil
	}
	g, err := noun.Of[inventory.Hostgroup](e.Registry).Get(r.Context(), caller(r), id)
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	return g, err
}

// inherited words what an empty choice means.
func inherited(g *inventory.Hostgroup, name string, options []option) string {
	if g == nil {
		return ""
	}
	id := map[string]int64{
		"domain_id": g.DomainID, "subnet_id": g.SubnetID, "operatingsystem_id": g.OperatingSystemID, "architecture_id": g.ArchitectureID,
		"medium_id": g.MediumID, "ptable_id": g.PtableID, "environment_id": g.EnvironmentID,
	}[name]
	for _, o := range options {
		if id != 0 && o.Value == strconv.FormatInt(id, 10) {
			return o.Text + " (from " + g.Title + ")"
		}
	}
	return ""
}

func (e *edge) newHost(w http.ResponseWriter, r *http.Request) error {
	if !caller(r).Can("create_hosts") {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: create_hosts")
	}
	form, err := e.hostForm(r, r.URL.Query())
	if err != nil {
		return err
	}
	return e.render(w, r, "New host", form.view())
}

func (e *edge) createHost(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errs.WrapAs(errs.Malformed, err, "read the form")
	}
	n := noun.Of[inventory.Host](e.Registry)
	item, err := n.Any.CreateFrom(r.Context(), caller(r), hostBody(r.PostForm), noun.Query{})
	if err == nil {
		h := item.Record.(*inventory.Host)
		http.Redirect(w, r, "/hosts/"+url.PathEscape(h.Name)+"?done=created", http.StatusSeeOther)
		return nil
	}
	kind := errs.KindOf(err)
	if kind != errs.Invalid && kind != errs.Conflict && kind != errs.Upstream && kind != errs.Malformed {
		return err
	}
	form, ferr := e.hostForm(r, r.PostForm)
	if ferr != nil {
		return ferr
	}
	form.Errors = place(form.Inputs, err)
	w.WriteHeader(kind.Status())
	return e.render(w, r, "New host", form.view())
}

// hostBody leaves out what is empty, so that the host group fills it in.
func hostBody(form url.Values) noun.Input {
	in := noun.Input{"managed": true, "build": form.Get("build") == "true"}
	nic := map[string]any{"primary": true, "provision": true, "managed": true}
	for _, h := range hostInputs() {
		value := strings.TrimSpace(form.Get(h.name))
		if value == "" {
			continue
		}
		switch h.name {
		case "mac", "ip", "domain_id", "subnet_id":
			nic[h.name] = value
		default:
			in[h.name] = value
		}
	}
	in["interfaces_attributes"] = []any{nic}
	return in
}

// freeIP answers the form's question for an address.
func (e *edge) freeIP(w http.ResponseWriter, r *http.Request) error {
	if !caller(r).Can("create_hosts") && !caller(r).Can("edit_hosts") {
		return errs.New(errs.Forbidden, "Missing one of the required permissions: create_hosts")
	}
	values := r.URL.Query()
	in := input{Name: "ip", Label: "IPv4 address", Kind: "text", Value: values.Get("ip")}
	subnet := values.Get("subnet_id")
	if subnet == "" {
		if g, err := e.group(r, values.Get("hostgroup_id")); err != nil {
			return err
		} else if g != nil {
			subnet = strconv.FormatInt(g.SubnetID, 10)
		}
	}
	s, err := noun.Of[inventory.Subnet](e.Registry).Get(r.Context(), caller(r), subnet)
	if err == nil {
		in.Value, err = e.Hosts.FreeIP(r.Context(), s.ID, values.Get("mac"))
	}
	in.Help = "Free in " + values.Get("subnet_id")
	if err != nil {
		in.Error = errs.PublicText(err)
	}
	if s != nil {
		in.Help = "Free in " + s.Name
	}
	return e.renderPart(w, r, control(in))
}
