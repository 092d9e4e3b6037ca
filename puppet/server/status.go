package server

import (
	"net/http"

	"github.com/chargehand/chargehand/internal/errs"
)

// services are the names that monitoring asks the real server for.
func (s *Server) services() []string {
	names := []string{"puppet-profiler", "jruby-metrics", "master", "server", "status-service"}
	if s.CA != nil {
		names = append(names, "ca")
	}
	return names
}

// state is running or error; why goes to the log.
func (s *Server) state(r *request) (string, int) {
	if s.Ready != nil {
		if err := s.Ready(r.Context()); err != nil {
			s.Log.WarnContext(r.Context(), "not ready", "error", err)
			return "error", http.StatusServiceUnavailable
		}
	}
	return "running", http.StatusOK
}

func (s *Server) statusSimple(w *response, r *request) error {
	if name := r.params["service"]; name != "" && !s.isService(name) {
		return &fault{status: http.StatusNotFound, text: "not found: " + name}
	}
	state, status := s.state(r)
	w.text(status, typePlainError, state)
	return nil
}

func (s *Server) isService(name string) bool {
	for _, service := range s.services() {
		if service == name {
			return true
		}
	}
	return false
}

type serviceStatus struct {
	Version       string   `json:"service_version"`
	StatusVersion int      `json:"service_status_version"`
	Detail        string   `json:"detail_level"`
	State         string   `json:"state"`
	Status        any      `json:"status"`
	Alerts        []string `json:"active_alerts"`
	Name          string   `json:"service_name,omitempty"`
}

func (s *Server) serviceStatus(name, level, state string) serviceStatus {
	status := serviceStatus{Version: CompatVersion, StatusVersion: 1, Detail: level, State: state, Status: struct{}{}, Alerts: []string{}}
	if level == "debug" && name == "server" {
		status.Status = map[string]any{"experimental": s.Counters()}
	}
	return status
}

// detail is the level that was asked for.
func detail(r *request) (string, error) {
	switch level := r.param("level"); level {
	case "":
		return "info", nil
	case "critical", "info", "debug":
		return level, nil
	default:
		return "", errs.New(errs.Malformed, "Invalid level. Should be one of [\"critical\" \"debug\" \"info\"]")
	}
}

func (s *Server) statusServices(w *response, r *request) error {
	level, err := detail(r)
	if err != nil {
		return err
	}
	state, status := s.state(r)
	all := map[string]serviceStatus{}
	for _, name := range s.services() {
		all[name] = s.serviceStatus(name, level, state)
	}
	return w.json(status, typeJSON, all)
}

func (s *Server) statusService(w *response, r *request) error {
	level, err := detail(r)
	if err != nil {
		return err
	}
	name := r.params["service"]
	if !s.isService(name) {
		return w.json(http.StatusNotFound, typeJSON, struct {
			Kind string `json:"kind"`
			Msg  string `json:"msg"`
		}{"service-not-found", "No status information found for service " + name})
	}
	state, status := s.state(r)
	one := s.serviceStatus(name, level, state)
	one.Name = name
	return w.json(status, typeJSON, one)
}
