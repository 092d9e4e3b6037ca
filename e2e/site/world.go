package site

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A World is what a site has before its first host: networks, an operating
// system with its templates, a class and a host group that bring them together.
type World struct {
	*API
	Domain    string
	DomainID  int64
	SubnetID  int64
	GroupID   int64
	OSID      int64
	MediumID  int64
	Proxies   map[string]int64 // by feature
	templates map[string]int64
}

// A Plan is what differs between worlds.
type Plan struct {
	Domain          string // e2e.test when empty
	Network, Mask   string // 192.0.2.0/24 when empty
	Gateway         string
	From, To        string
	Medium          string            // address of the installation medium
	Class           string            // the Puppet class of the host group
	Templates       map[string]string // kind → name; Debian's own when nil
	PXELoader       string            // "PXELinux BIOS" when empty
	GroupParameters map[string]string
	WithoutPuppetCA bool
}

func (p *Plan) complete() {
	set := func(at *string, value string) {
		if *at == "" {
			*at = value
		}
	}
	set(&p.Domain, "e2e.test")
	set(&p.PXELoader, "PXELinux BIOS")
	if p.Network == "" {
		p.Network, p.Mask = "192.0.2.0", "255.255.255.0"
		set(&p.Gateway, "192.0.2.1")
		set(&p.From, "192.0.2.100")
		set(&p.To, "192.0.2.200")
	}
	if p.Templates == nil {
		p.Templates = map[string]string{
			"provision": "Preseed default", "finish": "Preseed default finish",
			"PXELinux": "Preseed default PXELinux", "PXEGrub2": "Preseed default PXEGrub2", "iPXE": "Preseed default iPXE",
		}
	}
}

// Fill makes a world through the API alone. Features are those of all
// registered smart proxies.
func (a *API) Fill(p Plan) *World {
	a.Helper()
	p.complete()
	w := &World{API: a, Domain: p.Domain, Proxies: map[string]int64{}, templates: map[string]int64{}}
	w.findProxies()
	w.DomainID = a.Create("domains", "domain", Object{"name": p.Domain, "dns_id": w.Proxies["DNS"]})
	w.SubnetID = a.Create("subnets", "subnet", Object{
		"name": "lan", "network_type": "IPv4", "network": p.Network, "mask": p.Mask, "gateway": p.Gateway, "from": p.From, "to": p.To,
		"boot_mode": "DHCP", "ipam": "DHCP", "domain_ids": []int64{w.DomainID},
		"dns_id": w.Proxies["DNS"], "dhcp_id": w.Proxies["DHCP"], "tftp_id": w.Proxies["TFTP"],
	})
	arch := a.Find("architectures", "name = x86_64")
	layout := a.Create("ptables", "ptable", Object{"name": "One disk", "layout": "d-i partman-auto/method string regular", "os_family": "Debian"})
	if p.Medium != "" {
		w.MediumID = a.Create("media", "medium", Object{"name": "Local", "path": p.Medium, "os_family": "Debian"})
	} else {
		w.MediumID = a.Find("media", `name = "Debian mirror"`)
	}
	w.OSID = a.Create("operatingsystems", "operatingsystem", Object{
		"name": "Debian", "major": "12", "family": "Debian", "release_name": "bookworm",
		"architecture_ids": []int64{arch}, "medium_ids": []int64{w.MediumID}, "ptable_ids": []int64{layout},
	})
	for kind, name := range p.Templates {
		w.Default(kind, name)
	}
	environment := a.Find("environments", "name = production")
	group := Object{
		"name": "machines", "architecture_id": arch, "operatingsystem_id": w.OSID, "medium_id": w.MediumID, "ptable_id": layout,
		"subnet_id": w.SubnetID, "domain_id": w.DomainID, "environment_id": environment, "pxe_loader": p.PXELoader, "root_pass": "first-password",
	}
	if id := w.Proxies["Puppet CA"]; id != 0 && !p.WithoutPuppetCA {
		group["puppet_ca_proxy_id"] = id
	}
	if p.Class != "" {
		group["puppetclass_ids"] = []int64{a.Create("puppetclasses", "puppetclass", Object{"name": p.Class, "environment_ids": []int64{environment}})}
	}
	var parameters []Object
	for name, value := range p.GroupParameters {
		parameters = append(parameters, Object{"name": name, "value": value})
	}
	if parameters != nil {
		group["group_parameters_attributes"] = parameters
	}
	w.GroupID = a.Create("hostgroups", "hostgroup", group)
	return w
}

func (w *World) findProxies() {
	w.Helper()
	for _, p := range w.List("smart_proxies", "") {
		features, _ := p["features"].([]any)
		for _, f := range features {
			w.Proxies[f.(Object)["name"].(string)] = ID(p)
		}
	}
}

// Default makes a template the operating system's default of its kind.
func (w *World) Default(kind, name string) {
	w.Helper()
	template := w.Find("provisioning_templates", fmt.Sprintf("name = %q", name))
	taken := w.Call(http.MethodGet, fmt.Sprintf("/api/v2/provisioning_templates/%d", template), nil)
	var systems []int64
	if all, ok := taken["operatingsystems"].([]any); ok {
		for _, o := range all {
			systems = append(systems, ID(o.(Object)))
		}
	}
	w.Call(http.MethodPut, fmt.Sprintf("/api/v2/provisioning_templates/%d", template), Object{"provisioning_template": Object{"operatingsystem_ids": append(systems, w.OSID)}})
	w.Call(http.MethodPost, fmt.Sprintf("/api/v2/operatingsystems/%d/os_default_templates", w.OSID), Object{"os_default_template": Object{
		"template_kind_id": w.Find("template_kinds", "name = "+kind), "provisioning_template_id": template,
	}})
	w.templates[kind] = template
}

// Host is the body of a host in the world's group, to be built.
func (w *World) Host(name, mac, ip string) Object {
	return Object{"host": Object{"name": name, "mac": mac, "ip": ip, "hostgroup_id": w.GroupID, "build": true, "managed": true}}
}

// Medium serves an installation medium's kernel and initial RAM disk, or
// whatever files maps paths to.
func Medium(t testing.TB, files map[string]string) string {
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		for suffix, content := range files {
			if strings.HasSuffix(r.URL.Path, suffix) {
				_, _ = rw.Write([]byte(content))
				return
			}
		}
		http.NotFound(rw, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/debian"
}

// BootFiles are a medium's files: small, and different from each other.
func BootFiles() map[string]string {
	return map[string]string{"/linux": strings.Repeat("kernel ", 1000), "/initrd.gz": strings.Repeat("initrd ", 2000)}
}
