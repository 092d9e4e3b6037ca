package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/pki"
)

const (
	maxCABody = 1 << 20
	maxTTL    = 100 * 365 * 24 * time.Hour
)

func (s *Server) getCertificate(w *response, r *request) error {
	data, err := s.CA.Certificate(r.Context(), r.params["name"])
	return w.pem(data, err)
}

func (s *Server) getRequest(w *response, r *request) error {
	data, err := s.CA.Request(r.Context(), r.params["name"])
	return w.pem(data, err)
}

// pem answers with PEM; text/plain has no charset here.
func (w *response) pem(data []byte, err error) error {
	if errs.Is(err, errs.NotFound) {
		return &fault{status: http.StatusNotFound, text: errs.PublicText(err), as: typeText}
	}
	if err == nil {
		w.send(http.StatusOK, typeText, data)
	}
	return err
}

// putRequest answers 400 whatever the policy's reason: agents live with that
// status, and with no other.
func (s *Server) putRequest(w *response, r *request) error {
	body, err := w.read(pki.MaxRequest)
	if err == nil {
		_, err = s.CA.Submit(r.Context(), r.params["name"], body)
	}
	switch errs.KindOf(err) {
	case errs.Malformed, errs.Invalid, errs.Conflict, errs.Forbidden, errs.TooLarge:
		return &fault{status: http.StatusBadRequest, text: errs.PublicText(err)}
	}
	if err == nil {
		w.send(http.StatusOK, typeText, nil)
	}
	return err
}

func (s *Server) getStatus(w *response, r *request) error {
	w.Header().Set("Vary", "Accept")
	status, err := s.CA.Status(r.Context(), r.params["name"])
	if errs.Is(err, errs.NotFound) {
		return &fault{status: http.StatusNotFound, text: "Resource not found.", as: typeJSON}
	}
	if err != nil {
		return err
	}
	return w.json(http.StatusOK, typeJSON, status)
}

func (s *Server) getStatuses(w *response, r *request) error {
	if _, err := negotiate(r, mediaJSON, mediaPSON); err != nil {
		return &fault{status: http.StatusNotAcceptable, text: "No acceptable resource available."}
	}
	list, err := s.CA.Statuses(r.Context(), r.param("state"))
	if err != nil {
		return err
	}
	return w.json(http.StatusOK, typeJSON, list)
}

// A wish is the body of a PUT certificate_status.
type wish struct {
	State string      `json:"desired_state"`
	TTL   json.Number `json:"cert_ttl"`
}

// decodeWish reads and checks a body.
func decodeWish(data []byte, name string) (state string, ttl time.Duration, err error) {
	var w wish
	if err := bounded.JSON(data, &w); err != nil {
		return "", 0, errs.New(errs.Malformed, "Request body is not JSON.")
	}
	switch w.State {
	case "":
		return "", 0, errs.New(errs.Malformed, `Missing required parameter "desired_state"`)
	case "signed", "revoked":
	default:
		return "", 0, errs.New(errs.Malformed, "State %s invalid; Must specify desired state of 'signed' or 'revoked' for host %s.", w.State, name)
	}
	if w.TTL == "" {
		return w.State, 0, nil
	}
	seconds, err := strconv.ParseInt(w.TTL.String(), 10, 64)
	if err != nil || seconds < 1 || seconds > int64(maxTTL/time.Second) {
		return "", 0, errs.New(errs.Malformed, "cert_ttl must be a number of seconds")
	}
	return w.State, time.Duration(seconds) * time.Second, nil
}

func (s *Server) putStatus(w *response, r *request) error {
	body, err := w.read(maxCABody)
	if err != nil {
		return err
	}
	name := r.params["name"]
	state, ttl, err := decodeWish(body, name)
	if err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if state == "signed" {
		err = s.CA.Sign(r.Context(), name, pki.SignOptions{TTL: ttl})
	} else {
		err = s.CA.Revoke(r.Context(), name)
	}
	if err == nil {
		w.Header().Set("Content-Type", typeText)
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func (s *Server) deleteStatus(w *response, r *request) error {
	err := s.CA.Delete(r.Context(), r.params["name"])
	if err == nil {
		w.Header().Set("Content-Type", typeJSON)
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// readNames reads {"certnames": […]}.
func readNames(w *response) ([]string, error) {
	data, err := w.read(maxCABody)
	if err != nil {
		return nil, err
	}
	var list struct {
		Names []string `json:"certnames"`
	}
	if err := bounded.JSON(data, &list); err != nil {
		return nil, errs.New(errs.Malformed, "Request body is not JSON.")
	}
	if list.Names == nil {
		return nil, errs.New(errs.Malformed, `Missing required parameter "certnames"`)
	}
	return list.Names, nil
}

func (s *Server) clean(w *response, r *request) error {
	names, err := readNames(w)
	if err != nil {
		return err
	}
	missing, err := s.CA.Clean(r.Context(), names...)
	if err != nil {
		return err
	}
	text := "Successfully cleaned all certs."
	if len(missing) > 0 {
		quoted := make([]string, len(missing))
		for i, name := range missing {
			quoted[i] = strconv.Quote(name)
		}
		text = "The following certs do not exist and cannot be revoked: [" + strings.Join(quoted, " ") + "]"
	}
	w.text(http.StatusOK, typeText, text)
	return nil
}

// bulkSigning is the answer of the bulk endpoints of later servers.
type bulkSigning struct {
	Signed []string `json:"signed"`
	NoCSR  []string `json:"no-csr"`
	Errors []string `json:"signing-errors"`
}

func (s *Server) signSome(w *response, r *request) error {
	names, err := readNames(w)
	if err != nil {
		return err
	}
	return s.signThese(w, r, names)
}

func (s *Server) signAll(w *response, r *request) error {
	list, err := s.CA.Statuses(r.Context(), "requested")
	if err != nil {
		return err
	}
	var names []string
	for _, status := range list {
		names = append(names, status.Name)
	}
	return s.signThese(w, r, names)
}

func (s *Server) signThese(w *response, r *request, names []string) error {
	result := bulkSigning{Signed: []string{}, NoCSR: []string{}, Errors: []string{}}
	for _, name := range names {
		_, missing := s.CA.Request(r.Context(), name)
		if errs.Is(missing, errs.NotFound) {
			result.NoCSR = append(result.NoCSR, name)
			continue
		}
		err := s.CA.Sign(r.Context(), name, pki.SignOptions{})
		switch errs.KindOf(err) {
		case errs.Conflict, errs.Invalid, errs.NotFound:
			result.Errors = append(result.Errors, name)
		default:
			if err != nil {
				return err
			}
			result.Signed = append(result.Signed, name)
		}
	}
	return w.json(http.StatusOK, mediaJSON, result)
}

func (s *Server) getCRL(w *response, r *request) error {
	data, signed, err := s.CA.CRL(r.Context())
	if err != nil {
		return err
	}
	since, bad := http.ParseTime(r.Header.Get("If-Modified-Since"))
	if bad == nil && !signed.Truncate(time.Second).After(since) {
		w.Header().Set("Content-Type", typeText)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.send(http.StatusOK, typeText, data)
	return nil
}

func (s *Server) putCRL(w *response, r *request) error {
	data, err := w.read(64 << 20)
	if err != nil {
		return err
	}
	if err := s.CA.SetCRLs(r.Context(), data); err != nil {
		return err
	}
	w.text(http.StatusOK, typeText, "Successfully updated CRLs.")
	return nil
}

func (s *Server) expirations(w *response, r *request) error {
	e, err := s.CA.Expirations(r.Context())
	if err != nil {
		return err
	}
	return w.json(http.StatusOK, mediaJSON, e)
}

func (s *Server) renew(w *response, r *request) error {
	data, err := s.CA.Renew(r.Context(), r.cert)
	return w.pem(data, err)
}
