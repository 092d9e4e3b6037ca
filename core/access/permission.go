package access

import (
	"slices"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
)

// A Permission is one thing that can be allowed, on records of one resource.
// Names and resources are Foreman's.
type Permission struct {
	noun.Base
	Name     string
	Resource string // Foreman's class name; "" for what concerns no record
}

// PermissionNoun declares permissions: a fixed table that can be read.
func PermissionNoun() *noun.Noun[Permission] {
	return noun.Declare("permission", func(p *Permission) noun.Fields {
		return noun.Fields{
			noun.Only("index", "show"), noun.OrderedBy("name"), noun.Unaudited(),
			noun.Needs("index", "view_filters"), noun.Needs("show", "view_filters"),
			noun.InBrief("name", "id", "resource_type"),
			noun.Text("name", &p.Name).Required().Unique().Search(),
			noun.Text("resource_type", &p.Resource).Search(),
		}
	})
}

// crud stands for view, create, edit and destroy.
const crud = "view create edit destroy"

// known is the table of permissions: verbs of a stem on records of a resource.
// The access test compares it with Foreman's. A noun that is not in it gets the
// permissions that its declaration names.
var known = []struct{ resource, stem, verbs string }{
	{"", "dashboard", "access"},
	{"", "plugins", "view"},
	{"", "roles", "escalate"},
	{"", "statuses", "view"},
	{"Architecture", "architectures", crud},
	{"Audit", "audit_logs", "view"},
	{"ConfigReport", "config_reports", "view destroy upload"},
	{"Domain", "domains", crud},
	{"FactValue", "facts", "view upload"},
	{"Filter", "filters", crud},
	{"ForemanPuppet::Environment", "environments", crud + " import"},
	{"ForemanPuppet::Puppetclass", "puppetclasses", crud + " import"},
	{"ForemanPuppet::PuppetclassLookupKey", "external_parameters", crud},
	{"Host", "hosts", crud + " build console forget_status ipmi_boot power"},
	{"Hostgroup", "hostgroups", crud},
	{"Location", "locations", crud + " assign"},
	{"Medium", "media", crud},
	{"Model", "models", crud},
	{"Operatingsystem", "operatingsystems", crud},
	{"Organization", "organizations", crud + " assign"},
	{"Parameter", "params", crud},
	{"PersonalAccessToken", "personal_access_tokens", "view create revoke"},
	{"ProvisioningTemplate", "provisioning_templates", crud + " deploy lock"},
	{"Ptable", "ptables", crud + " lock"},
	{"Role", "roles", crud},
	{"Setting", "settings", "view edit"},
	{"SmartProxy", "smart_proxies", crud},
	{"SmartProxy", "smart_proxies_autosign", "view create destroy"},
	{"SmartProxy", "smart_proxies_puppetca", "view edit destroy"},
	{"Subnet", "subnets", crud + " import"},
	{"User", "users", crud},
}

// Permissions gives every permission there is, without ids: those of the table
// by resource, then those that nouns of r add.
func Permissions(r *noun.Registry) []Permission {
	all := tabled()
	have := map[string]bool{}
	for _, p := range all {
		have[p.Name] = true
	}
	for _, n := range r.Nouns() {
		for _, name := range n.Permissions() {
			if !have[name] {
				have[name] = true
				all = append(all, Permission{Name: name, Resource: n.Resource()})
			}
		}
	}
	return all
}

func tabled() []Permission {
	var all []Permission
	for _, row := range known {
		for verb := range strings.FieldsSeq(row.verbs) {
			all = append(all, Permission{Name: verb + "_" + row.stem, Resource: row.resource})
		}
	}
	return all
}

// A defaultRole is one that a fresh installation has. Its origin locks it.
type defaultRole struct {
	name, description string
	has               func(Permission) bool
}

// managerLacks are what only administrators do: no role may grant itself more.
var managerLacks = []string{
	"create_roles", "edit_roles", "destroy_roles", "escalate_roles",
	"create_filters", "edit_filters", "destroy_filters",
}

// siteManager is what runs the machines of a site, from Foreman.
var siteManager = strings.Fields(`access_dashboard build_hosts create_hosts create_media destroy_config_reports
	destroy_hosts destroy_media edit_hosts edit_media edit_smart_proxies edit_subnets edit_users view_architectures
	view_audit_logs view_config_reports view_domains view_facts view_hostgroups view_hosts view_media view_models
	view_operatingsystems view_params view_personal_access_tokens view_ptables view_smart_proxies
	view_smart_proxies_autosign view_smart_proxies_puppetca view_subnets view_users
	view_environments view_puppetclasses view_external_parameters import_environments`)

// defaultRoles are Foreman's, as far as their resources exist.
func defaultRoles() []defaultRole {
	names := func(list ...string) func(Permission) bool {
		return func(p Permission) bool { return slices.Contains(list, p.Name) }
	}
	manager := func(p Permission) bool { return !slices.Contains(managerLacks, p.Name) }
	return []defaultRole{
		{"Manager", "Everything but roles and filters.", manager},
		{"Organization admin", "As Manager, within organizations: to be copied and put into them.", func(p Permission) bool {
			return manager(p) && !slices.Contains([]string{"create_organizations", "destroy_organizations", "edit_settings", "view_settings"}, p.Name)
		}},
		{"System admin", "Users, roles, settings and taxonomies, but no machines.", func(p Permission) bool {
			return slices.Contains([]string{"Location", "Organization", "Role", "Filter", "User", "Setting"}, p.Resource) || p.Name == "escalate_roles"
		}},
		{"Viewer", "Sees everything but settings, changes nothing.", func(p Permission) bool {
			return strings.HasPrefix(p.Name, "view_") && p.Resource != "Setting"
		}},
		{"Site manager", "Runs the machines of a site.", names(siteManager...)},
		{"View hosts", "Sees hosts.", names("view_hosts")},
		{"Edit hosts", "Creates, changes, builds and deletes hosts.", names("build_hosts", "create_hosts", "destroy_hosts", "edit_hosts", "view_hosts")},
		{"Edit partition tables", "Keeps partition tables.", names("create_ptables", "destroy_ptables", "edit_ptables", "view_ptables")},
		{"Auditor", "Reads the audit trail.", names("view_audit_logs")},
	}
}
