package server

import (
	"net/http"
	"slices"
	"strings"
)

// A module is a feature as the discovery documents and the router see it.
type module struct {
	key, mount string
	exposure   Exposure
	enabled    bool
	failed     string
	settings   map[string]any
	caps       []string
	routes     func(*Server) []route
	status     func(error) int
}

func (m module) running() bool { return m.enabled && m.failed == "" }

func (m module) exposed(from listener) bool {
	switch from {
	case overHTTP:
		return m.exposure != OnlyHTTPS
	case overHTTPS:
		return m.exposure != OnlyHTTP
	default:
		return true
	}
}

func (m module) state() string {
	switch {
	case !m.enabled:
		return "disabled"
	case m.failed != "":
		return "failed"
	}
	return "running"
}

// modules lists all features in the order of /version, enabled or not.
func (o Options) modules() []module {
	return []module{
		o.DNS.module(), o.DHCP.module(), o.TFTP.module(), o.PuppetCA.module(),
		o.Templates.module(), o.Registration.module(), o.Logs.module(),
	}
}

// described makes a module of what a feature has in common with all.
func described(key, mount string, common *Module, settings map[string]any) module {
	m := module{key: key, mount: mount, settings: settings, status: statusOf}
	if common != nil {
		m.enabled, m.exposure, m.failed = true, common.Exposure, common.Failed
		m.caps = slices.Sorted(slices.Values(common.Capabilities))
	}
	return m
}

// name is a setting's value, null when it is not set.
func name(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (s *Server) rootRoutes() []route {
	root := module{exposure: Everywhere, enabled: true, status: statusOf}
	routes := []route{
		on(http.MethodGet, "/features", open, s.featureNames),
		on(http.MethodGet, "/version", open, s.version),
		on(http.MethodGet, "/v2/features", trusted, s.featureDetails),
	}
	for i := range routes {
		routes[i].module = root
	}
	return routes
}

func (s *Server) featureNames(c *call) error {
	keys := []string{}
	for _, m := range s.modules {
		if m.running() {
			keys = append(keys, m.key)
		}
	}
	slices.Sort(keys)
	return c.w.json(keys)
}

func (s *Server) version(c *call) error {
	modules := map[string]string{}
	for _, m := range s.modules {
		if m.running() {
			modules[m.key] = strings.TrimSuffix(s.opts.Version, "-develop")
		}
	}
	return c.w.json(map[string]any{"version": s.opts.Version, "modules": modules})
}

type featureDetail struct {
	HTTPEnabled  bool           `json:"http_enabled"`
	HTTPSEnabled bool           `json:"https_enabled"`
	Settings     map[string]any `json:"settings"`
	State        string         `json:"state"`
	Capabilities []string       `json:"capabilities"`
}

func (s *Server) featureDetails(c *call) error {
	all := map[string]featureDetail{}
	for _, m := range s.modules {
		d := featureDetail{
			HTTPEnabled:  m.running() && m.exposed(overHTTP),
			HTTPSEnabled: m.running() && m.exposed(overHTTPS),
			Settings:     m.settings, State: m.state(), Capabilities: m.caps,
		}
		if d.Settings == nil {
			d.Settings = map[string]any{}
		}
		if d.Capabilities == nil {
			d.Capabilities = []string{}
		}
		all[m.key] = d
	}
	return c.w.json(all)
}
