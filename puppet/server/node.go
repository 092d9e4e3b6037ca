package server

import (
	"encoding/json"
	"net/http"

	"github.com/chargehand/chargehand/internal/errs"
)

// node tells an agent which environment it is in, before its first run.
func (s *Server) node(w *response, r *request) error {
	if _, err := negotiate(r, mediaJSON, mediaPSON); err != nil {
		return err
	}
	asked := r.param("environment")
	if asked == "" {
		return &fault{status: http.StatusBadRequest, text: "An environment parameter must be specified"}
	}
	name := r.params["name"]
	class, err := s.classify(r.Context(), name)
	if err != nil {
		return err
	}
	environment, err := s.decide(r, class.Environment, asked)
	if err != nil {
		return err
	}
	facts, err := s.knownFacts(r.Context(), name)
	if err != nil {
		return err
	}
	parameters, err := mergeParameters(facts.Values, class.Parameters)
	if err != nil {
		return err
	}
	return w.json(http.StatusOK, typeJSON, struct {
		Name        string         `json:"name"`
		Environment string         `json:"environment"`
		Parameters  map[string]any `json:"parameters,omitempty"`
		Classes     map[string]any `json:"classes,omitempty"`
	}{name, environment, parameters, classMap(class.Classes)})
}

// mergeParameters lays the classifier's parameters over the facts, as the node
// object has both.
func mergeParameters(facts json.RawMessage, own map[string]any) (map[string]any, error) {
	all := map[string]any{}
	if facts != nil {
		var values map[string]json.RawMessage
		if err := json.Unmarshal(facts, &values); err != nil {
			return nil, errs.Wrap(err, "read the known facts")
		}
		for k, v := range values {
			all[k] = v
		}
	}
	for k, v := range own {
		all[k] = v
	}
	return all, nil
}

func classMap(classes []Class) map[string]any {
	all := map[string]any{}
	for _, c := range classes {
		parameters := c.Parameters
		if parameters == nil {
			parameters = map[string]any{}
		}
		all[c.Name] = parameters
	}
	return all
}
