package environment

import (
	"path/filepath"
	"strings"
)

// Conf is what environment.conf says; "" is the default.
type Conf struct {
	Manifest      string
	ModulePath    string
	ConfigVersion string
	Timeout       string
	RichData      string
	// Unknown are the settings that environments do not have, and Sections
	// tells that a section was given; both are worth a warning.
	Unknown  []string
	Sections []string
}

// ParseConf reads environment.conf: lines of name = value.
func ParseConf(text string) Conf {
	var c Conf
	section := false
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			c.Sections = append(c.Sections, strings.Trim(line, "[]"))
			section = true
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || section {
			continue
		}
		name, value = strings.TrimSpace(name), unquote(strings.TrimSpace(value))
		switch name {
		case "manifest":
			c.Manifest = value
		case "modulepath":
			c.ModulePath = value
		case "config_version":
			c.ConfigVersion = value
		case "environment_timeout":
			c.Timeout = value
		case "rich_data":
			c.RichData = value
		case "static_catalogs", "disable_per_environment_manifest":
		default:
			c.Unknown = append(c.Unknown, name)
		}
	}
	return c
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// modulePath splits a path and makes its parts absolute; $basemodulepath
// stands for the folders that all environments have.
func modulePath(text, dir string, base []string) []string {
	if text == "" {
		return append([]string{filepath.Join(dir, "modules")}, base...)
	}
	var list []string
	for _, part := range strings.Split(text, ":") {
		switch {
		case part == "":
		case part == "$basemodulepath":
			list = append(list, base...)
		case filepath.IsAbs(part):
			list = append(list, filepath.Clean(part))
		default:
			list = append(list, filepath.Join(dir, part))
		}
	}
	return list
}
