package v2

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/core/inventory"
	"github.com/chargehand/chargehand/core/store/storetest"
)

// reference finds a table of the reference folder; "" when it is not there.
func reference(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("CHARGEHAND_REFERENCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "reference")
	}
	file := filepath.Join(dir, "foreman", name)
	if _, err := os.Stat(file); err != nil {
		t.Logf("no reference tables here: %s", name)
		return ""
	}
	return file
}

func eachLine(t *testing.T, file string, f func(columns []string)) {
	t.Helper()
	r, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		f(strings.Split(scanner.Text(), "\t"))
	}
}

// examples makes one record of each noun, with every association filled, and
// tells where its index and its show are.
func (s *server) examples() map[string][2]string {
	w := s.w
	id := func(v map[string]any) string { return fmt.Sprint(v["id"]) }
	params := func(key string) string { return `"` + key + `":[{"name":"p","value":"v"}]` }
	s.want(200, "PUT", "/api/domains/example.com", `{"domain":{`+params("domain_parameters_attributes")+`}}`)
	s.want(200, "PUT", "/api/subnets/lab", fmt.Sprintf(`{"subnet":{"dhcp_id":%d,"tftp_id":%d,"dns_id":%d,%s}}`, w.Proxy, w.Proxy, w.Proxy, params("subnet_parameters_attributes")))
	s.want(200, "PUT", "/api/organizations/1", `{"organization":{`+params("organization_parameters_attributes")+`}}`)
	s.want(200, "PUT", "/api/locations/2", `{"location":{`+params("location_parameters_attributes")+`}}`)
	env := id(s.want(201, "POST", "/api/environments", `{"environment":{"name":"production"}}`))
	class := id(s.want(201, "POST", "/api/puppetclasses", `{"puppetclass":{"name":"ntp::server","environment_ids":[`+env+`]}}`))
	kind := s.kind()
	group := id(s.want(201, "POST", "/api/hostgroups", fmt.Sprintf(`{"hostgroup":{"name":"web","domain_id":%d,"subnet_id":%d,"operatingsystem_id":%d,"architecture_id":%d,"puppetclass_ids":[%s],"environment_id":%s,"puppet_proxy_id":%d,"puppet_ca_proxy_id":%d,%s}}`,
		w.Domain, w.Subnet, w.OS, w.Arch, class, env, w.Proxy, w.Proxy, params("group_parameters_attributes"))))
	template := id(s.want(201, "POST", "/api/provisioning_templates", fmt.Sprintf(`{"provisioning_template":{"name":"t","template":"x","template_kind_id":%s,"operatingsystem_ids":[%d],"template_combinations_attributes":[{"hostgroup_id":%s,"environment_id":%s}]}}`, kind, w.OS, group, env)))
	s.want(200, "PUT", fmt.Sprintf("/api/operatingsystems/%d", w.OS), fmt.Sprintf(`{"operatingsystem":{"os_default_templates_attributes":[{"provisioning_template_id":%s,"template_kind_id":%s}],%s}}`, template, kind, params("os_parameters_attributes")))
	s.want(200, "PUT", "/api/media/"+fmt.Sprint(w.Medium), fmt.Sprintf(`{"medium":{"operatingsystem_ids":[%d]}}`, w.OS))
	host := id(s.want(201, "POST", "/api/hosts", fmt.Sprintf(`{"host":{"name":"web01","hostgroup_id":%s,"organization_id":%d,"location_id":%d,"mac":"52:54:00:00:00:01","medium_id":%d,"ptable_id":%d,"puppetclass_ids":[%s],
		"interfaces_attributes":[{"identifier":"eth0"},{"identifier":"eth0.5","virtual":true,"attached_to":"eth0","tag":"5"},{"identifier":"bond0","type":"bond","mode":"802.3ad","attached_devices":"eth0 eth1"},{"identifier":"ipmi","type":"bmc","provider":"IPMI","username":"root","mac":"52:54:00:00:00:02"}],%s}}`,
		group, w.Org, w.Loc, w.Medium, w.Ptable, class, params("host_parameters_attributes"))))
	s.want(201, "POST", "/api/common_parameters", `{"common_parameter":{"name":"c","value":"v"}}`)
	at := func(plural, id string) [2]string { return [2]string{"/api/" + plural, "/api/" + plural + "/" + id} }
	return map[string][2]string{
		"architectures": at("architectures", "x86_64"), "domains": at("domains", "example.com"), "subnets": at("subnets", "lab"),
		"smart_proxies": at("smart_proxies", "proxy.example.com"), "operatingsystems": at("operatingsystems", fmt.Sprint(w.OS)),
		"media": at("media", fmt.Sprint(w.Medium)), "ptables": at("ptables", "default"), "provisioning_templates": at("provisioning_templates", template),
		"template_kinds": {"/api/template_kinds", ""}, "environments": at("environments", env), "puppetclasses": {"/api/puppetclasses?style=list", "/api/puppetclasses/" + class},
		"hostgroups": at("hostgroups", group), "hosts": at("hosts", host), "interfaces": at("hosts/"+host+"/interfaces", "1"),
		"organizations": at("organizations", "1"), "locations": at("locations", "2"), "common_parameters": at("common_parameters", "c"),
		"parameters": at("hosts/"+host+"/parameters", "p"), "template_combinations": {"/api/provisioning_templates/" + template + "/template_combinations", ""},
		"os_default_templates": {fmt.Sprintf("/api/operatingsystems/%d/os_default_templates", w.OS), ""},
	}
}

// TestAttributes compares what index and show hold with the reference table.
func TestAttributes(t *testing.T) {
	file := reference(t, "attributes.tsv")
	if file == "" {
		return
	}
	s := newServer(t, "")
	bodies := map[string][2]map[string]any{}
	for resource, at := range s.examples() {
		var b [2]map[string]any
		list := s.want(200, "GET", at[0], "")
		b[0], _ = path(list, "results", 0).(map[string]any)
		if at[1] != "" {
			b[1] = s.want(200, "GET", at[1], "")
		}
		if b[0] == nil {
			t.Errorf("%s: empty index: %v", resource, list)
		}
		bodies[resource] = b
	}
	covered, missing := map[string]int{}, map[string][]string{}
	eachLine(t, file, func(c []string) {
		b, ok := bodies[c[0]]
		if !ok || (c[len(c)-1] != "core" && c[len(c)-1] != "puppet") || strings.Contains(c[1], "inherited_x") {
			return
		}
		for i, column := range []int{4, 5} {
			if c[column] != "Y" || b[i] == nil {
				continue
			}
			if lookup(b[i], c[1]) {
				covered[c[0]]++
			} else {
				missing[c[0]] = append(missing[c[0]], []string{"index ", "show "}[i]+c[1])
			}
		}
	})
	for resource, list := range missing {
		missing[resource] = slices.DeleteFunc(list, expected)
		if len(missing[resource]) > 0 {
			t.Errorf("%s lacks: %s", resource, strings.Join(missing[resource], ", "))
		}
	}
	total, lost := 0, 0
	for resource, n := range covered {
		total += n
		lost += len(missing[resource])
		t.Logf("%-24s %3d covered, %3d missing: %s", resource, n, len(missing[resource]), strings.Join(missing[resource], ", "))
	}
	t.Logf("attributes: %d covered, %d missing, %d nouns", total, lost, len(covered))
}

// expected are the members that a body may lack, because what they show is not
// here yet or because of the example's own state.
func expected(name string) bool {
	_, name, _ = strings.Cut(name, " ")
	for _, stem := range []string{
		"users", "compute_resources", "realms", // nouns that are not in this registry
		"<plugin", "configuration_status", // only where the status is there
		"smart_class_parameters", "deprecations", "hosts_count",
		"token",                                                                          // opens the build endpoints: never shown
		"ptables[].", "username", "provider", "attached_", "mode", "bond_options", "tag", // by type of interface
	} {
		if strings.HasPrefix(name, stem) {
			return true
		}
	}
	return false
}

// TestParameters tells which documented body parameters are taken.
func TestParameters(t *testing.T) {
	file := reference(t, "params.tsv")
	if file == "" {
		return
	}
	s := newServer(t, "")
	keys := map[string]map[string]bool{}
	for _, n := range s.w.Reg.Nouns() {
		if n.HasAPI() && (n.Allows("create") || n.Allows("update")) {
			keys[n.Collection()] = map[string]bool{}
			for _, k := range n.BodyKeys() {
				keys[n.Collection()][k] = true
			}
		}
	}
	covered, missing := 0, map[string]bool{}
	eachLine(t, file, func(c []string) {
		known, ok := keys[c[1]]
		if !ok || c[0] != "core" && c[0] != "puppet" || c[2] != "create" && c[2] != "update" {
			return
		}
		_, inner, ok := strings.Cut(c[3], "[")
		if !ok || strings.Contains(inner, "[") {
			return // nested ones are the children's
		}
		if inner = strings.TrimSuffix(inner, "]"); known[inner] {
			covered++
		} else {
			missing[c[1]+"."+inner] = true
		}
	})
	list := slices.Sorted(maps.Keys(missing))
	t.Logf("parameters: %d covered, %d missing: %s", covered, len(list), strings.Join(list, ", "))
	if covered < 180 {
		t.Errorf("only %d documented parameters are taken", covered)
	}
}

// lookup follows "a[].b" and "a.b" through the first element of lists.
func lookup(v any, name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		part, list := strings.CutSuffix(part, "[]")
		m, ok := v.(map[string]any)
		if !ok {
			return v == nil // an object that is null has no members to show
		}
		if v, ok = m[part]; !ok {
			return false
		}
		if list {
			l, _ := v.([]any)
			if len(l) == 0 {
				return true
			}
			for _, e := range l { // types of one list differ in their members
				if lookup(e, strings.TrimPrefix(name[strings.Index(name, part)+len(part)+2:], ".")) {
					return true
				}
			}
			return false
		}
	}
	return true
}

// kind makes a template kind; there is no API to.
func (s *server) kind() string {
	return fmt.Sprint(storetest.Create(s.t, s.w.Reg, &inventory.TemplateKind{Name: "provision"}))
}
