package ui

import (
	"net/http"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
)

// A page says how the interface speaks of one noun. A noun that is not in the
// map has a page all the same, and a place in the menu, by its declaration.
type page struct {
	group, noun, title, key string
	columns                 []string // fields that its table shows beside the title
	example                 string   // a search
}

// The groups of the menu, in their order; the first has no heading.
const (
	groupHosts   = ""
	groupNetwork = "Network"
	groupInstall = "Provisioning"
	groupPuppet  = "Puppet"
	groupPeople  = "Administration"
)

func pages() []page {
	return []page{
		{groupHosts, "host", "Hosts", "h", nil, "name ~ web and os = Debian"},
		{groupHosts, "hostgroup", "Host groups", "o", []string{"parent", "operatingsystem", "environment", "domain", "subnet"}, "name ~ web"},
		{groupNetwork, "subnet", "Subnets", "s", []string{"network", "cidr", "vlanid", "ipam", "dhcp", "tftp"}, "network ~ 192.0.2"},
		{groupNetwork, "domain", "Domains", "n", []string{"fullname", "dns"}, "name ~ example"},
		{groupNetwork, "smart_proxy", "Smart proxies", "x", nil, "feature = DHCP"},
		{groupInstall, "operatingsystem", "Operating systems", "", []string{"family", "major", "minor", "release_name"}, "family = Debian"},
		{groupInstall, "provisioning_template", "Templates", "t", []string{"template_kind", "snippet", "locked", "updated_at"}, "kind = provision"},
		{groupInstall, "ptable", "Partition tables", "", []string{"os_family", "snippet", "locked", "updated_at"}, "name ~ default"},
		{groupInstall, "medium", "Installation media", "", []string{"path", "os_family"}, "name ~ mirror"},
		{groupInstall, "architecture", "Architectures", "", []string{"created_at"}, "name = x86_64"},
		{groupInstall, "model", "Hardware models", "", nil, "name ~ Server"},
		{groupPuppet, "environment", "Environments", "", []string{"created_at"}, "name = production"},
		{groupPuppet, "puppetclass", "Puppet classes", "", []string{"created_at"}, "name ~ apache"},
		{groupPuppet, "config_report", "Reports", "r", nil, "host ~ web and eventful = true"},
		{groupPeople, "organization", "Organizations", "", []string{"parent", "created_at"}, "name ~ Default"},
		{groupPeople, "location", "Locations", "", []string{"parent", "created_at"}, "name ~ Default"},
		{groupPeople, "user", "Users", "u", []string{"firstname", "lastname", "mail", "admin", "disabled", "last_login_on"}, "admin = true"},
		{groupPeople, "role", "Roles", "", []string{"origin", "updated_at"}, "name ~ host"},
		{groupPeople, "audit", "Audits", "a", nil, "user = admin and type = Host"},
	}
}

// pageOf finds a noun in the map of pages.
func pageOf(n *noun.Any) *page {
	for _, p := range pages() {
		if p.noun == n.Name() {
			return &p
		}
	}
	return nil
}

// menu is the map with the nouns that say themselves where they belong.
func menu(r *noun.Registry) []page {
	all := pages()
	for _, n := range r.Nouns() {
		group, title := n.Section()
		if group == "" || pageOf(n) != nil {
			continue
		}
		at := len(all)
		for i, p := range all {
			if p.group == group {
				at = i + 1
			}
		}
		all = slices.Insert(all, at, page{group: group, noun: n.Name(), title: title})
	}
	return all
}

// heading names a noun's records.
func heading(n *noun.Any) string {
	if p := pageOf(n); p != nil {
		return p.title
	}
	if _, title := n.Section(); title != "" {
		return title
	}
	return spaced(n.Collection())
}

// example is a search that makes sense for a noun.
func example(n *noun.Any) string {
	if p := pageOf(n); p != nil {
		return p.example
	}
	return "name ~ web"
}

// A frame is what surrounds every page.
type frame struct {
	Title   string
	Login   string
	Version string
	Path    string
	Menu    []menuGroup
	Notice  string
}

type menuGroup struct {
	Title string
	Items []menuItem
}

type menuItem struct {
	Title, Path string
	Key         string // typed after g
	Here        bool
}

// frame lists in its menu only what the caller may see.
func (e *edge) frame(r *http.Request, title string) frame {
	f := frame{Title: title, Version: e.Version, Path: r.URL.Path, Notice: notice(r)}
	p := caller(r)
	if p == nil {
		return f
	}
	f.Login = p.Login
	add := func(group, title, path, key string, may bool) {
		if !may {
			return
		}
		if n := len(f.Menu); n == 0 || f.Menu[n-1].Title != group {
			f.Menu = append(f.Menu, menuGroup{Title: group})
		}
		last := &f.Menu[len(f.Menu)-1]
		last.Items = append(last.Items, menuItem{title, path, key, path == r.URL.Path || path != "/" && strings.HasPrefix(r.URL.Path, path+"/")})
	}
	add(groupHosts, "Dashboard", "/", "d", true)
	for _, pg := range menu(e.Registry) {
		if n := e.Registry.Noun(pg.noun); n != nil && n.HasAPI() {
			add(pg.group, pg.title, "/"+n.Collection(), pg.key, p.Can(n.Permission("index")))
		}
		switch pg.noun {
		case "hostgroup":
			add(groupHosts, "Plans", "/plans", "p", p.Can("view_hosts"))
		case "config_report":
			add(groupPuppet, "Certificates", "/certificates", "c", p.Can("view_smart_proxies_puppetca"))
		}
	}
	return f
}
