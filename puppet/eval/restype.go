package eval

import (
	"slices"
	"strings"
	"sync"
)

// ResourceType is a type of resource that agents know how to manage. The
// compiler needs its names only: values are not checked against it.
type ResourceType struct {
	Name       string   // in lower case
	Key        []string // the attributes that make a resource unique
	Attributes []string // properties and parameters
	Unique     bool     // no two resources with the same key (isomorphic)
	// Title splits a title into attributes; nil puts it into the only key.
	Title func(title string) map[string]string
}

// Metaparameters are attributes that every resource has.
func Metaparameters() []string {
	return []string{"alias", "audit", "before", "loglevel", "noop", "notify", "require", "schedule", "stage", "subscribe", "tag"}
}

func isMetaparameter(name string) bool {
	switch name {
	case "alias", "audit", "before", "loglevel", "noop", "notify", "require", "schedule", "stage", "subscribe", "tag":
		return true
	}
	return false
}

func isRelationship(name string) bool {
	return name == "before" || name == "notify" || name == "require" || name == "subscribe"
}

// namevar is the attribute that the title stands for.
func (t *ResourceType) namevar() string {
	if len(t.Key) == 1 {
		return t.Key[0]
	}
	return "name"
}

func (t *ResourceType) valid(name string) bool {
	return isMetaparameter(name) || slices.Contains(t.Attributes, name) || name == "name" && len(t.Key) > 0
}

// split gives the attributes that a title sets.
func (t *ResourceType) split(title string) map[string]string {
	if t.Title != nil {
		return t.Title(title)
	}
	return map[string]string{t.namevar(): title}
}

func fileTitle(title string) map[string]string {
	if path := strings.TrimRight(title, "/"); path != "" {
		title = path
	} else if title != "" {
		title = "/"
	}
	return map[string]string{"path": title}
}

// builtinTypes are the resource types of Puppet itself, made once.
var builtinTypes = sync.OnceValue(makeBuiltinTypes)

func makeBuiltinTypes() map[string]*ResourceType {
	table := []struct {
		name, key  string
		unique     bool
		attributes string
	}{
		{"exec", "command", false, "returns command creates cwd environment group logoutput onlyif path provider refresh refreshonly timeout tries try_sleep umask unless user"},
		{"file", "path", true, "checksum_value content ctime ensure group mode mtime owner selrange selrole seltype seluser target type backup checksum force ignore links max_files path provider purge recurse recurselimit replace selinux_ignore_defaults show_diff source source_permissions sourceselect staging_location validate_cmd validate_replacement"},
		{"filebucket", "name", true, "name path port server"},
		{"group", "name", true, "attributes ensure gid members allowdupe attribute_membership auth_membership forcelocal ia_load_module name provider system"},
		{"notify", "name", true, "message name withpath"},
		{"package", "name provider command", true, "ensure flavor mark package_settings adminfile allow_virtual allowcdrom category command configfiles description enable_only install_only install_options instance name platform provider reinstall_on_refresh responsefile root source status uninstall_options vendor"},
		{"resources", "name", true, "name purge unless_system_user unless_uid"},
		{"schedule", "name", true, "name period periodmatch range repeat weekday"},
		{"service", "name", true, "enable ensure flags logonaccount binary control hasrestart hasstatus logonpassword manifest name path pattern provider restart start status stop timeout"},
		{"stage", "name", true, "name"},
		{"tidy", "path", false, "age backup matches max_files path recurse rmdirs size type"},
		{"user", "name", true, "attributes auths comment ensure expiry gid groups home iterations keys loginclass password password_max_age password_min_age password_warn_days profiles project roles salt shell uid allowdupe attribute_membership auth_membership forcelocal ia_load_module key_membership managehome membership name profile_membership provider purge_ssh_keys role_membership system"},
		{"whit", "name", true, "name"},
	}
	types := make(map[string]*ResourceType, len(table))
	for _, t := range table {
		types[t.name] = &ResourceType{Name: t.name, Key: strings.Fields(t.key), Unique: t.unique, Attributes: strings.Fields(t.attributes)}
	}
	types["file"].Title = fileTitle
	return types
}
