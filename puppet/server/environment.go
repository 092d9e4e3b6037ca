package server

import (
	"net/http"

	"github.com/chargehand/chargehand/internal/errs"
)

// ValidEnvironment reports whether name is made of what Puppet lets into the names
// of environments.
func ValidEnvironment(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return name != "" && len(name) <= 255
}

func badEnvironment(name string) error {
	return &fault{
		status: http.StatusBadRequest, as: typePlainError,
		text: "The environment must be purely alphanumeric, not '" + name + "'",
	}
}

// environment is the request's parameter, of an environment that exists.
func (s *Server) environment(r *request) (string, error) {
	name := r.param("environment")
	if name == "" {
		return "", &fault{status: http.StatusBadRequest, text: "An environment parameter must be specified"}
	}
	if !ValidEnvironment(name) {
		return "", badEnvironment(name)
	}
	return name, s.mustExist(r, name)
}

func (s *Server) mustExist(r *request, name string) error {
	if s.Environments == nil {
		return nil
	}
	_, err := s.Environments.Environment(r.Context(), name)
	if errs.Is(err, errs.NotFound) {
		return noEnvironment(name)
	}
	return err
}

func noEnvironment(name string) error {
	return &fault{status: http.StatusNotFound, text: "Could not find environment '" + name + "'"}
}

// decide gives the environment that a node is in: the classifier's word, else
// what the agent asked for if it exists, else the default.
func (s *Server) decide(r *request, classified, asked string) (string, error) {
	if classified != "" {
		return classified, s.mustExist(r, classified)
	}
	if ValidEnvironment(asked) && s.mustExist(r, asked) == nil {
		return asked, nil
	}
	return s.DefaultEnvironment, s.mustExist(r, s.DefaultEnvironment)
}

type environmentSettings struct {
	ModulePath    []string `json:"modulepath"`
	Manifest      string   `json:"manifest"`
	Timeout       any      `json:"environment_timeout"` // seconds, or "unlimited"
	ConfigVersion string   `json:"config_version"`
}

func (s *Server) environments(w *response, r *request) error {
	list := map[string]map[string]environmentSettings{}
	if s.Environments != nil {
		all, err := s.Environments.Environments(r.Context())
		if err != nil {
			return err
		}
		for _, e := range all {
			settings := environmentSettings{e.ModulePath, e.Manifest, "unlimited", e.ConfigVersion}
			if e.Timeout != nil {
				settings.Timeout = int64(e.Timeout.Seconds())
			}
			if settings.ModulePath == nil {
				settings.ModulePath = []string{}
			}
			list[e.Name] = map[string]environmentSettings{"settings": settings}
		}
	}
	return w.json(http.StatusOK, typeJSON, map[string]any{"search_paths": []string{"data:text/plain,internal"}, "environments": list})
}
