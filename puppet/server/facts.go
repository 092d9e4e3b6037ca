package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
)

// maxFacts bounds a catalog request or a facts upload; stock agents send 25 KB.
const maxFacts = 32 << 20

// sinkTimeout bounds one delivery to a sink. Deliveries go on when the agent
// hangs up: what it sent is complete by then.
const sinkTimeout = time.Minute

// decodeFacts reads a facts object, which must be certname's own. The values are
// kept as they came.
func decodeFacts(data []byte, certname string) (Facts, error) {
	var in struct {
		Name      string          `json:"name"`
		Values    json.RawMessage `json:"values"`
		Timestamp json.RawMessage `json:"timestamp"`
	}
	if err := bounded.JSON(data, &in); err != nil {
		return Facts{}, errs.WrapAs(errs.Malformed, err, "the facts cannot be read")
	}
	if in.Name != certname {
		return Facts{}, errs.New(errs.Malformed, "the facts are of %q, not of %q", in.Name, certname)
	}
	if len(in.Values) == 0 || in.Values[0] != '{' {
		return Facts{}, errs.New(errs.Malformed, "the facts have no values")
	}
	return Facts{Certname: certname, Values: in.Values, Timestamp: looseTime(in.Timestamp)}, nil
}

// looseTime reads an ISO 8601 time; agents of old wrote other forms, which count
// as none.
func looseTime(raw json.RawMessage) time.Time {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// formFacts takes the facts out of a catalog request: JSON, percent-encoded once
// more inside the form. PSON is JSON as far as facts go.
func formFacts(form url.Values, certname string) (Facts, error) {
	text := form.Get("facts")
	if text == "" {
		return Facts{}, nil
	}
	switch format := form.Get("facts_format"); format {
	case "application/json", "pson", "text/pson", "json":
	default:
		return Facts{}, errs.New(errs.Malformed, "facts in the format %q cannot be read", format)
	}
	if !strings.HasPrefix(text, "{") {
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return Facts{}, errs.New(errs.Malformed, "the facts are not percent-encoded as they should be")
		}
		text = decoded
	}
	return decodeFacts([]byte(text), certname)
}

func (s *Server) putFacts(w *response, r *request) error {
	environment, err := s.environment(r)
	if err != nil {
		return err
	}
	if err := wantJSON(r); err != nil {
		return err
	}
	if err := s.intake.enter(); err != nil {
		return err
	}
	defer s.intake.leave()
	data, err := w.read(maxFacts)
	if err != nil {
		return err
	}
	facts, err := decodeFacts(data, r.params["name"])
	if err != nil {
		return err
	}
	facts.Environment, facts.Trusted = environment, trusted(r)
	if err := s.takeFacts(r.Context(), facts); err != nil {
		return err
	}
	return w.json(http.StatusOK, typeJSON, map[string]string{"uuid": uuid.NewString()})
}

func (s *Server) takeFacts(ctx context.Context, facts Facts) error {
	s.counters.facts.Add(1)
	return deliver(ctx, s, s.Facts, func(ctx context.Context, sink FactSink) error { return sink.StoreFacts(ctx, facts) })
}

// wantJSON refuses bodies of other types.
func wantJSON(r *request) error {
	switch media := mediaType(r); media {
	case mediaJSON, mediaPSON, mediaRich:
		return nil
	default:
		return &fault{
			status: http.StatusUnsupportedMediaType, issue: "UNSUPPORTED_MEDIA_TYPE",
			text: "Client sent a mime-type (" + media + ") that doesn't correspond to a format we support",
		}
	}
}

// deliver hands something to all sinks, and fails with the first required one
// that does; the others have it by then.
func deliver[S any](ctx context.Context, s *Server, feeds []Feed[S], store func(context.Context, S) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sinkTimeout)
	defer cancel()
	var failed error
	for _, feed := range feeds {
		err := store(ctx, feed.Sink)
		if err == nil {
			continue
		}
		s.counters.sinkErrors.Add(1)
		s.Log.ErrorContext(ctx, "sink failed", "sink", feed.Name, "required", feed.Required, "error", err)
		if feed.Required && failed == nil {
			failed = errs.WrapAs(errs.Unavailable, err, "%s takes nothing just now", feed.Name)
		}
	}
	return failed
}
