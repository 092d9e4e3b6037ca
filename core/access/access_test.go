package access

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/core/search"
	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, query string) search.Expr {
	t.Helper()
	e, err := search.Parse(query)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestScope(t *testing.T) {
	grant := func(resource, query string, orgs []int64, permissions ...string) Grant {
		g := Grant{Resource: resource, Permissions: permissions, Organizations: orgs}
		if query != "" {
			g.Where = parse(t, query)
		}
		return g
	}
	user := &Principal{UserID: 7, Login: "ada", Via: ViaPassword, Organizations: []int64{1, 2}, Locations: []int64{9}, Grants: []Grant{
		grant("Host", "name ~ web", nil, "view_hosts"),
		grant("Host", "owner = current_user", nil, "view_hosts", "edit_hosts"),
		grant("Host", "", []int64{2}, "view_hosts"),
		grant("Domain", "", nil, "view_domains"),
		grant("Domain", "name = x", nil, "view_domains"),
	}}
	mine := Taxa{IDs: []int64{1, 2}}
	here := Taxa{IDs: []int64{9}}
	hosts := `name ~ web or owner = current_user or organization_id ^ (2)`
	tests := []struct {
		name       string
		who        *Principal
		permission string
		resource   string
		context    Context
		where      string
		want       Scope
	}{
		{"nobody", nil, "view_hosts", "Host", Context{}, "", Scope{}},
		{"zero", &Principal{}, "view_hosts", "Host", Context{}, "", Scope{}},
		{"zero admin", &Principal{Admin: true}, "view_hosts", "Host", Context{}, "", Scope{}},
		{"admin", System("x"), "view_hosts", "Host", Context{}, "", Scope{All: true, Organizations: Taxa{Any: true}, Locations: Taxa{Any: true}}},
		{
			"admin in context", System("x"), "view_hosts", "Host",
			Context{Organizations: []int64{3}},
			"",
			Scope{All: true, Organizations: Taxa{IDs: []int64{3}}, Locations: Taxa{Any: true}},
		},
		{"union of filters", user, "view_hosts", "Host", Context{}, hosts, Scope{Organizations: mine, Locations: here}},
		{"one filter", user, "edit_hosts", "Host", Context{}, "owner = current_user", Scope{Organizations: mine, Locations: here}},
		{
			"filters outside of the context", user, "view_hosts", "Host",
			Context{Organizations: []int64{1}},
			"name ~ web or owner = current_user",
			Scope{Organizations: Taxa{IDs: []int64{1}}, Locations: here},
		},
		{"unlimited wins", user, "view_domains", "Domain", Context{}, "", Scope{All: true, Organizations: mine, Locations: here}},
		{"no filter", user, "destroy_hosts", "Host", Context{}, "", Scope{Organizations: mine, Locations: here}},
		{"other resource", user, "view_hosts", "Domain", Context{}, "", Scope{Organizations: mine, Locations: here}},
		{
			"a foreign context", user, "view_domains", "Domain",
			Context{Organization: 3, Organizations: []int64{3, 1}},
			"",
			Scope{All: true, Locations: here},
		},
		{
			"own context", user, "view_domains", "Domain",
			Context{Organization: 1, Organizations: []int64{1, 5}},
			"",
			Scope{All: true, Organizations: Taxa{IDs: []int64{1, 5}}, Locations: here},
		},
		{"own organizations", user, "view_organizations", "Organization", Context{}, "id ^ (1, 2)", Scope{Organizations: mine, Locations: here}},
		{"edit organizations", user, "edit_organizations", "Organization", Context{}, "", Scope{Organizations: mine, Locations: here}},
		{"organizations of nobody's", &Principal{UserID: 8, Via: ViaPassword}, "view_organizations", "Organization", Context{}, `id ^ ("")`, Scope{}},
		{
			"bound by location only", &Principal{UserID: 8, Via: ViaPassword, Locations: []int64{9}}, "view_organizations", "Organization",
			Context{},
			"",
			Scope{All: true, Organizations: Taxa{Any: true}, Locations: here},
		},
		{"oneself", user, "edit_users", "User", Context{}, "", Scope{Organizations: mine, Locations: here, Own: 7}},
		{"not delete oneself", user, "destroy_users", "User", Context{}, "", Scope{Organizations: mine, Locations: here}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.who.Scope(tt.permission, tt.resource, tt.context)
			where := ""
			if got.Where != nil {
				where = got.Where.String()
			}
			want := ""
			if tt.where != "" {
				want = parse(t, tt.where).String()
			}
			if where != want {
				t.Errorf("where\n got %s\nwant %s", where, want)
			}
			got.Where, got.Env = nil, search.Env{}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if s := user.Scope("destroy_hosts", "Host", Context{}); !s.Nothing() {
		t.Error("a permission without a filter has rows")
	}
}

func TestCan(t *testing.T) {
	p := Limited("proxy", ViaCert, "upload_facts")
	if !p.Can("upload_facts") || p.Can("view_facts") || p.Can("view_users") || !p.Scope("upload_facts", "FactValue", Context{}).All {
		t.Errorf("%+v", p)
	}
	var nobody *Principal
	if nobody.Can("view_hosts") || (&Principal{Admin: true}).Can("view_hosts") {
		t.Error("nobody may do something")
	}
	if !System("x").Can("view_hosts") {
		t.Error("the program itself may not")
	}
}

func reference(t *testing.T, name string) []string {
	t.Helper()
	dir := os.Getenv("CHARGEHAND_REFERENCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "reference")
	}
	data, err := os.ReadFile(filepath.Join(dir, "foreman", name))
	if err != nil {
		t.Logf("the reference's %s is not here; nothing to compare with", name)
		return nil
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")[1:]
}

// TestPermissionsReference: permissions and default roles are Foreman's.
func TestPermissionsReference(t *testing.T) {
	resources := map[string]string{}
	for _, line := range reference(t, "permissions.tsv") {
		f := strings.Split(line, "\t")
		if resources[f[0]] == "" {
			resources[f[0]] = strings.TrimPrefix(f[1], "(none)")
		}
	}
	known := map[string]bool{}
	for _, p := range tabled() {
		if known[p.Name] {
			t.Errorf("%s twice", p.Name)
		}
		known[p.Name] = true
		if resource, ok := resources[p.Name]; len(resources) > 0 && (!ok || resource != p.Resource) {
			t.Errorf("%s is on %q; Foreman: %q, %v", p.Name, p.Resource, resource, ok)
		}
	}
	wanted := map[string][]string{}
	for _, line := range reference(t, "roles.tsv") {
		f := strings.Split(line, "\t")
		if f[1] == "core" {
			for name := range strings.SplitSeq(f[5], ",") {
				if known[name] {
					wanted[f[0]] = append(wanted[f[0]], name)
				}
			}
		}
	}
	for _, role := range defaultRoles() {
		want := wanted[role.name]
		if len(wanted) == 0 {
			break
		}
		for _, p := range tabled() {
			puppet := strings.HasPrefix(p.Resource, "ForemanPuppet::") // the plugin gives these to roles at install time
			if has := role.has(p); !puppet && has != slices.Contains(want, p.Name) {
				t.Errorf("role %s has %s: %v; Foreman's: %v", role.name, p.Name, has, !has)
			}
		}
	}
}
