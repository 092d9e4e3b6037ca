package param

import (
	"strings"
	"testing"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/noun"
	"github.com/google/go-cmp/cmp"
)

func node() *Node {
	vlan := int64(7)
	subnet := &inventory.Subnet{Type: inventory.SubnetIPv4, Name: "lab", Network: "192.0.2.0", Mask: "255.255.255.0", Gateway: "192.0.2.1", BootMode: "DHCP", IPAM: "None", VLANID: &vlan, MTU: 1500}
	return &Node{
		Host: &inventory.Host{Name: "web01.example.com", Comment: "one: two\n- three", Interfaces: []inventory.Interface{
			{Type: inventory.InterfaceManaged, Name: "web01.example.com", Identifier: "eth0", MAC: "52:54:00:00:00:01", IP: "192.0.2.5", SubnetID: 4, Primary: true, Provision: true, Managed: true, Link: true},
			{Type: inventory.InterfaceBMC, Identifier: "ipmi", Username: "root", Password: "canary"},
		}},
		Parameters: []*inventory.ResolvedParameter{
			{Parameter: &noun.Parameter{Name: "ntp", Type: "array", Value: `["a", 1, 2.5, {"x": 3}]`}},
			{Parameter: &noun.Parameter{Name: "hostgroup", Type: "string", Value: "own"}},
			{Parameter: &noun.Parameter{Name: "yes", Type: "string", Value: "true"}},
		},
		Classes: []string{"motd", "ntp::server"}, Environment: "production", Hostgroup: "base/web",
		Organization: &inventory.Organization{Taxonomy: inventory.Taxonomy{Name: "Org", Title: "Parent/Org"}},
		Domain:       &inventory.Domain{Name: "example.com", Fullname: "Example"}, Subnets: map[int64]*inventory.Subnet{4: subnet},
		RootPass: "$6$a$b", Owner: &Owner{Login: "admin", Name: "Ad Min", Email: "a@example.com"}, PuppetServer: "puppet.example.com", PuppetCA: "ca.example.com",
	}
}

func TestClassify(t *testing.T) {
	c := Classify(node())
	if diff := cmp.Diff(map[string]map[string]any{"motd": nil, "ntp::server": nil}, c.Classes); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]any{
		"foreman_hostname": "web01", "foreman_fqdn": "web01.example.com", "hostgroup": "own", "root_pw": "$6$a$b",
		"organization": "Org", "organization_title": "Parent/Org", "domainname": "example.com", "foreman_domain_description": "Example",
		"owner_name": "Ad Min", "owner_email": "a@example.com", "puppetmaster": "puppet.example.com", "puppet_ca": "ca.example.com",
		"foreman_env": "production", "foreman_config_groups": []any{}, "yes": "true",
	} {
		if diff := cmp.Diff(want, c.Parameters[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, absent := range []string{"realm", "location", "location_title"} {
		if v, ok := c.Parameters[absent]; ok {
			t.Errorf("%s is %v", absent, v)
		}
	}
}

const goldenStart = `---
classes:
  motd: null
  ntp::server: null
parameters:
  comment: "one: two\n- three"
  domainname: example.com
  foreman_config_groups: []
  foreman_domain_description: Example
  foreman_env: production
  foreman_fqdn: web01.example.com
  foreman_hostname: web01
  foreman_interfaces:
  - attached_to: null
    attrs: {}
    identifier: eth0
    ip: 192.0.2.5
    ip6: null
    link: true
    mac: 52:54:00:00:00:01
`

func TestYAML(t *testing.T) {
	text, err := Classify(node()).YAML()
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	if diff := cmp.Diff(goldenStart, got[:min(len(got), len(goldenStart))]); diff != "" {
		t.Error(diff)
	}
	for _, part := range []string{"\nenvironment: production\n", "  \"yes\": \"true\"\n", "  ntp:\n  - a\n  - 1\n  - 2.5\n  - x: 3\n", "    vlanid: 7\n", "  ssh_authorized_keys: []\n"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is missing in\n%s", part, got)
		}
	}
	if strings.Contains(got, "canary") {
		t.Error("the password of a BMC is told")
	}
	again, _ := Classify(node()).YAML()
	if string(again) != got {
		t.Error("the same host is told in two ways")
	}
}
