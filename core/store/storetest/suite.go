package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/core/search"
	"github.com/chargehand/chargehand/core/store"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/sqldb"
	"golang.org/x/sync/errgroup"
)

// Run runs the suite; open gives a new empty database each time.
func Run(t *testing.T, open func(t *testing.T) *sqldb.DB) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, w *World)
	}{
		{"crud", crud}, {"scope", scope}, {"search", searches}, {"host", host}, {"tree", tree}, {"lock", lock}, {"race", race},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, Make(t, Registry(t, open(t), inventory.Options{})))
		})
	}
	t.Run("seed", func(t *testing.T) {
		reg := Registry(t, open(t), inventory.Options{})
		for range 2 {
			if err := inventory.Seed(t.Context(), reg, Admin{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, page, err := noun.Of[inventory.TemplateKind](reg).List(t.Context(), Admin{}, noun.Query{}); err != nil || page.Total != 16 {
			t.Errorf("%d kinds, %v", page.Total, err)
		}
	})
	t.Run("plans", func(t *testing.T) {
		db := open(t)
		plans(t, Registry(t, db, inventory.Options{}), store.New(db, Plain{}))
	})
}

func crud(t *testing.T, w *World) {
	ctx := t.Context()
	domains := noun.Of[inventory.Domain](w.Reg)
	d, err := domains.Get(ctx, Admin{}, "example.com")
	if err != nil {
		t.Fatal(err)
	}
	if d.DNSID != w.Proxy || len(d.SubnetIDs) != 1 || len(d.OrganizationIDs) != 1 || d.CreatedAt.IsZero() {
		t.Errorf("read back %+v", d)
	}
	for _, ref := range []string{fmt.Sprint(d.ID), fmt.Sprintf("%d-example", d.ID)} {
		if got, err := domains.Get(ctx, Admin{}, ref); err != nil || got.ID != d.ID {
			t.Errorf("Get(%q) = %v, %v", ref, got, err)
		}
	}
	if err := domains.Create(ctx, Admin{}, &inventory.Domain{Name: "Example.com"}); !errs.Is(err, errs.Invalid) {
		t.Errorf("duplicate name: %v", err)
	}
	item, err := domains.UpdateFrom(ctx, Admin{}, "example.com", noun.Input{
		"fullname":                     "The lab",
		"domain_parameters_attributes": []any{map[string]any{"name": "a", "value": "1", "parameter_type": "integer"}},
		"subnet_ids":                   []any{},
	}, noun.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if d := item.Record.(*inventory.Domain); d.Fullname != "The lab" || len(d.SubnetIDs) != 0 || len(d.Parameters) != 1 || d.Parameters[0].Typed() != int64(1) {
		t.Errorf("after update %+v", d)
	}
	if err := domains.Delete(ctx, Admin{}, "example.com"); err != nil {
		t.Fatal(err)
	}
	if _, err := domains.Get(ctx, Admin{}, "example.com"); !errs.Is(err, errs.NotFound) {
		t.Errorf("after deletion: %v", err)
	}
	if err := noun.Of[inventory.SmartProxy](w.Reg).Delete(ctx, Admin{}, "proxy.example.com"); err != nil {
		t.Errorf("delete a proxy no longer used: %v", err)
	}
}

func scope(t *testing.T, w *World) {
	ctx := t.Context()
	domains := noun.Of[inventory.Domain](w.Reg)
	Create(t, w.Reg, &inventory.Domain{Name: "other.example"})
	only := Limited{Permissions: map[string]string{"view_domains": "name = example.com", "edit_domains": "name = example.com"}}
	rows, page, err := domains.List(ctx, only, noun.Query{})
	if err != nil || len(rows) != 1 || page.Total != 1 {
		t.Fatalf("list: %d rows, %v", len(rows), err)
	}
	if _, err := domains.Get(ctx, only, "other.example"); !errs.Is(err, errs.NotFound) {
		t.Errorf("a hidden row: %v", err)
	}
	_, err = domains.Update(ctx, only, "example.com", func(d *inventory.Domain) error { d.Name = "moved.example"; return nil })
	if !errs.Is(err, errs.Invalid) {
		t.Errorf("renamed out of the filter: %v", err)
	}
	if _, err := domains.Get(ctx, Admin{}, "example.com"); err != nil {
		t.Errorf("the refused change was kept: %v", err)
	}
	var d *noun.Denied
	if err := domains.Delete(ctx, only, "example.com"); !errs.Is(err, errs.Forbidden) || !errors.As(err, &d) || d.Permissions[0] != "destroy_domains" {
		t.Errorf("delete without permission: %v", err)
	}
	inOrg := Limited{Permissions: map[string]string{"view_domains": ""}, Organizations: []int64{w.Org}}
	if rows, _, err := domains.List(ctx, inOrg, noun.Query{}); err != nil || len(rows) != 2 {
		t.Errorf("organization: %d rows, %v", len(rows), err) // the only organization takes new records in
	}
	inOrg.Organizations = []int64{99}
	if rows, _, err := domains.List(ctx, inOrg, noun.Query{}); err != nil || len(rows) != 0 {
		t.Errorf("another organization: %d rows, %v", len(rows), err)
	}
}

func searches(t *testing.T, w *World) {
	ctx := t.Context()
	for i, name := range []string{"web01", "web02", "db_1"} {
		h := w.Host(name, i+1)
		if i == 0 {
			h.Parameters = []noun.Parameter{{Name: "role", Type: "string", Value: "front"}}
		}
		Create(t, w.Reg, h)
	}
	hosts := noun.Of[inventory.Host](w.Reg)
	for query, want := range map[string]int{
		"": 3, "web": 2, "name = web01.example.com": 1, "name ~ WEB": 2, "name != web01.example.com": 2,
		"os = Debian": 3, "os_title = \"Debian 12\" and architecture = x86_64": 3, "domain = nosuch": 0,
		"name ^ (web01.example.com, web02.example.com)": 2, "has mac": 3, "null? hostgroup": 3, "not hostgroup = x": 3,
		"params.role = front": 1, "params.role ~ fro": 1, "params.nosuch = front": 0, "managed = true": 3, "build": 0,
		"created_at > yesterday": 3, "created_at < 2001-01-01": 0, "mac ~ 52:54": 3, "has_mac = 52:54:00:00:00:01": 1,
		"organization_id = 1 or location_id = 99": 3, "name ~ 100%": 0, "id > 0": 3, "facts.kernel = Linux": 0,
		"status.failed > 0": 0, "name ~ \"'; DROP TABLE hosts; --\"": 0,
	} {
		rows, page, err := hosts.List(ctx, Admin{}, noun.Query{Search: query})
		if err != nil || len(rows) != want || page.Total != 3 || page.Subtotal != int64(want) {
			t.Errorf("%q: %d rows, want %d; %v", query, len(rows), want, err)
		}
	}
	for order, first := range map[string]string{"name DESC": "web02.example.com", "name": "db_1.example.com", "os_title desc": "web01.example.com", "mac DESC": "db_1.example.com"} {
		rows, _, err := hosts.List(ctx, Admin{}, noun.Query{Order: order, PerPage: 1})
		if err != nil || len(rows) != 1 || rows[0].Name != first && order != "os_title desc" {
			t.Errorf("order %q: %v, %v", order, rows, err)
		}
	}
	for _, bad := range []string{"nosuch = 1", "name DESC extra"} {
		q := noun.Query{Search: bad}
		if bad == "name DESC extra" {
			q = noun.Query{Order: bad}
		}
		if _, _, err := hosts.List(ctx, Admin{}, q); !errs.Is(err, errs.Malformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	// Every search field makes valid SQL, in each of the ways it may be asked.
	for _, n := range w.Reg.Nouns() {
		for _, f := range n.Searches() {
			name := f.Name
			if f.Keyed {
				name += ".x"
			}
			value := "1"
			if len(f.Words) > 0 {
				value = f.Words[0].Text
			}
			for _, q := range []string{name + " = " + value, "has " + name, "null? " + name, "not " + name + " = " + value} {
				if _, err := n.List(ctx, Admin{}, noun.Query{Search: q}); err != nil {
					t.Errorf("%s: %s: %v", n.Name(), q, err)
				}
			}
			if _, err := n.List(ctx, Admin{}, noun.Query{Order: name + " DESC"}); err != nil && !errs.Is(err, errs.Malformed) {
				t.Errorf("%s: order %s: %v", n.Name(), name, err)
			}
		}
		if _, err := n.List(ctx, Admin{}, noun.Query{Search: "word"}); err != nil {
			t.Errorf("%s: free text: %v", n.Name(), err)
		}
	}
}

func host(t *testing.T, w *World) {
	ctx := t.Context()
	hosts := noun.Of[inventory.Host](w.Reg)
	item, err := hosts.CreateFrom(ctx, Admin{}, noun.Input{
		"name": "WEB 01", "organization_id": w.Org, "location_id": w.Loc, "domain_name": "example.com", "subnet_name": "lab",
		"operatingsystem_name": "Debian 12", "architecture_name": "x86_64", "medium_name": "Debian mirror", "ptable_name": "default",
		"mac": "52-54-00-AB-CD-EF", "build": true, "root_pass": "correct horse",
		"host_parameters_attributes": []any{map[string]any{"name": "a", "value": "b"}},
		"interfaces_attributes":      []any{map[string]any{"identifier": "eth0"}, map[string]any{"identifier": "eth1", "type": "bmc", "mac": "52:54:00:ab:cd:ee", "password": "secret"}},
	}, noun.Query{})
	if err != nil {
		t.Fatal(err)
	}
	h := item.Record.(*inventory.Host)
	switch p := h.Primary(); {
	case h.Name != "web01.example.com" || h.Certname != h.Name || !h.Managed || h.Token == "" || h.BuildStatus != 1:
		t.Errorf("host %+v", h)
	case p.Identifier != "eth0" || p.MAC != "52:54:00:ab:cd:ef" || p.IP != "192.0.2.10" || p.Name != h.Name || h.IP != p.IP || !p.Provision:
		t.Errorf("primary interface %+v", p)
	case h.RootPass.Reveal()[:3] != "$6$" || h.Interfaces[1].Password.Reveal() != "secret":
		t.Errorf("secrets %q", h.RootPass.Reveal())
	}
	again := noun.Input{"name": "web02", "operatingsystem_id": w.OS, "mac": "52:54:00:ab:cd:ef"}
	_, err = hosts.CreateFrom(ctx, Admin{}, again, noun.Query{})
	fields := map[string]bool{}
	for _, f := range errs.FieldsOf(err) {
		fields[f.Field] = true
	}
	if !fields["architecture_id"] || !fields["domain_id"] || fields["organization_id"] {
		t.Errorf("what is missing: %v", err)
	}
	up, err := hosts.UpdateFrom(ctx, Admin{}, h.Name, noun.Input{"build": false, "interfaces_attributes": []any{map[string]any{"id": h.Interfaces[1].ID, "_destroy": true}}}, noun.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if g := up.Record.(*inventory.Host); g.Token != "" || len(g.Interfaces) != 1 || g.LockVersion != h.LockVersion+1 {
		t.Errorf("after update %+v", g)
	}
	if err := noun.Of[inventory.OperatingSystem](w.Reg).Delete(ctx, Admin{}, "Debian 12"); !errs.Is(err, errs.Invalid) || errs.FieldsOf(err)[0].Message != "Debian 12 is used by web01.example.com" {
		t.Errorf("delete an operating system in use: %v", err)
	}
	if err := hosts.Delete(ctx, Admin{}, h.Name); err != nil {
		t.Fatal(err)
	}
}

func tree(t *testing.T, w *World) {
	ctx := t.Context()
	groups := noun.Of[inventory.Hostgroup](w.Reg)
	base := Create(t, w.Reg, &inventory.Hostgroup{Name: "base", HostDefaults: inventory.HostDefaults{OperatingSystemID: w.OS, ArchitectureID: w.Arch, DomainID: w.Domain}})
	web := Create(t, w.Reg, &inventory.Hostgroup{Name: "web", ParentID: base})
	Create(t, w.Reg, &inventory.Hostgroup{Name: "edge", ParentID: web})
	if err := groups.Create(ctx, Admin{}, &inventory.Hostgroup{Name: "WEB", ParentID: base}); !errs.Is(err, errs.Invalid) {
		t.Errorf("a sibling's name: %v", err)
	}
	if _, err := groups.Update(ctx, Admin{}, fmt.Sprint(base), func(h *inventory.Hostgroup) error { h.Name = "linux"; return nil }); err != nil {
		t.Fatal(err)
	}
	if g, err := groups.Get(ctx, Admin{}, "linux/web/edge"); err != nil || g.Ancestry != fmt.Sprintf("%d/%d", base, web) {
		t.Errorf("renamed ancestor: %+v, %v", g, err)
	}
	if _, err := groups.Update(ctx, Admin{}, fmt.Sprint(base), func(h *inventory.Hostgroup) error { h.ParentID = web; return nil }); !errs.Is(err, errs.Invalid) {
		t.Errorf("a loop: %v", err)
	}
	if err := groups.Delete(ctx, Admin{}, "linux"); !errs.Is(err, errs.Conflict) {
		t.Errorf("delete with children: %v", err)
	}
	h := &inventory.Host{Name: "a", Managed: true, OrganizationID: w.Org, LocationID: w.Loc, HostgroupID: web, MAC: "52:54:00:00:00:09"}
	Create(t, w.Reg, h)
	if h.OperatingSystemID != w.OS || h.Name != "a.example.com" {
		t.Errorf("inherited: %+v", h)
	}
}

func lock(t *testing.T, w *World) {
	ctx := t.Context()
	h := w.Host("locked", 1)
	Create(t, w.Reg, h)
	err := w.Reg.Write(ctx, func(tx *noun.Tx) error {
		a, err := noun.Load[inventory.Host](ctx, tx, h.ID)
		if err != nil {
			return err
		}
		b := *a
		if err := noun.Rewrite(ctx, tx, a, "comment"); err != nil {
			return err
		}
		return noun.Rewrite(ctx, tx, &b, "comment")
	})
	var stale *noun.Stale
	if !errs.Is(err, errs.Conflict) || !errors.As(err, &stale) {
		t.Errorf("a stale write: %v", err)
	}
}

// plans asserts that the hot queries find their rows through an index, never by
// reading a whole table.
func plans(t *testing.T, reg *noun.Registry, s *store.Store) {
	for _, test := range []struct{ noun, query, order, index string }{
		{"host", "name = a", "", "hosts_name"},
		{"host", "id = 1", "", ""},
		{"host", "", "name", "hosts_name"},
		{"host", "has_mac = 52:54:00:00:00:01", "", "interfaces_mac"},
		{"host", "has_ip = 192.0.2.1", "", "interfaces_ip"},
		{"host", "hostgroup_id = 1", "", "hosts_hostgroup_id"},
		{"host", "facts.kernel = Linux", "", "fact_names_type_name"},
		{"host", "params.a = b", "", "parameters_type_"},
		{"host", "os_title = x", "", "operatingsystems_title"},
		{"interface", "mac = 52:54:00:00:00:01", "", "interfaces_mac"},
		{"config_report", "host_id = 1", "reported DESC", "config_reports_"},
		{"config_report", "", "reported DESC", "config_reports_reported_at"},
		{"fact_value", "host_id = 1", "", "fact_values_host_id_fact_name_id"},
		{"domain", "name = a", "", "domains_name"},
		{"hostgroup", "title = a", "", "hostgroups_title"},
	} {
		n := reg.Noun(test.noun)
		sel := noun.Selection{Scope: noun.Everything(), Limit: 20}
		var err error
		if test.query != "" {
			if sel.Cond, err = n.Searches().Query(test.query, search.Env{}); err != nil {
				t.Fatal(err)
			}
		}
		if test.order != "" {
			if sel.Order, err = n.ParseOrder(test.order); err != nil {
				t.Fatal(err)
			}
		}
		plan, err := s.Explain(t.Context(), n, sel)
		if err != nil || !strings.Contains(plan, test.index) {
			t.Errorf("%s, %q, %q does not use %s: %v\n%s", test.noun, test.query, test.order, test.index, err, plan)
		}
	}
}

// race creates hosts at the same time: no two may get one address.
func race(t *testing.T, w *World) {
	var group errgroup.Group
	hosts := noun.Of[inventory.Host](w.Reg)
	ips := make([]string, 8)
	for i := range ips {
		group.Go(func() error {
			h := w.Host(fmt.Sprintf("race%d", i), i+1)
			h.SubnetID = w.Subnet
			err := hosts.Create(t.Context(), Admin{}, h)
			ips[i] = h.IP
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"": true}
	for _, ip := range ips {
		if seen[ip] {
			t.Errorf("addresses %v", ips)
		}
		seen[ip] = true
	}
}
