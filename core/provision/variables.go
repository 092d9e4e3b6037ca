package provision

import "strings"

// Variables are the instance variables that a template starts with, by name
// without @: those of every template and those of the installer's type.
func Variables(s Subject) map[string]any {
	v := map[string]any{
		"additional_media": []any{}, "repos": []any{},
		"dynamic": false, "static": false, "xen": nil,
		"provisioning_type": "host",
	}
	if s.TemplateURL != "" {
		v["template_url"] = s.TemplateURL
	}
	if s.Host != nil {
		hostVariables(v, s.Host)
	}
	for name, value := range s.Vars {
		v[name] = value
	}
	return v
}

func hostVariables(v map[string]any, h *Host) {
	if _, layout, err := ParseMetadata(h.Layout()); err == nil {
		v["dynamic"] = strings.HasPrefix(layout, "#Dynamic")
	}
	if i := h.ProvisionInterface(); i != nil {
		v["static"] = i.Subnet != nil && i.Subnet.BootMode == "Static"
	}
	if h.Architecture != nil {
		v["arch"] = h.Architecture.Name
	}
	if h.OperatingSystem != nil {
		v["osver"] = number(h.OperatingSystem.Major)
	}
	in, err := InstallationOf(h)
	if err != nil {
		return // a template that needs the medium says so itself
	}
	v["kernel"], v["initrd"] = in.Kernel(), in.Initrd()
	v["kernel_uri"], v["initrd_uri"] = in.KernelURI(), in.InitrdURI()
	v["mediaserver"] = in.Server()
	switch FamilyByName(h.OperatingSystem.Family).Installer {
	case "kickstart":
		v["mediapath"] = "url --url " + in.URI
	case "preseed":
		v["preseed_server"], v["preseed_path"] = in.Server(), in.Path()
		v["mediapath"] = in.URI
	default:
		v["mediapath"] = in.URI
	}
}

// number is the number that a version begins with, 0 without one.
func number(version string) int {
	n := 0
	for _, r := range version {
		if r < '0' || r > '9' || n > 1<<20 {
			break
		}
		n = 10*n + int(r-'0')
	}
	return n
}
