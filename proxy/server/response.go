package server

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// KindHeader names the error kind in answers that are errors, so that a client
// of ours learns more than the status says.
const KindHeader = "Chargehand-Error-Kind"

const (
	labelJSON = "application/json"
	labelHTML = "text/html;charset=utf-8"
)

// A response writes the few kinds of answers that Smart Proxy gives.
type response struct {
	http.ResponseWriter
	req    *http.Request
	status int
	sent   bool
}

func (w *response) send(status int, label string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", label)
	h.Set("X-Content-Type-Options", "nosniff")
	if label == labelHTML {
		h.Set("X-Xss-Protection", "1; mode=block")
		h.Set("X-Frame-Options", "SAMEORIGIN")
	}
	w.status, w.sent = status, true
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left is no concern
}

// doneHTML and doneJSON are the empty answers of success.
func (w *response) doneHTML() error { w.send(http.StatusOK, labelHTML, nil); return nil }
func (w *response) doneJSON() error { w.send(http.StatusOK, labelJSON, nil); return nil }

// text is an answer of bytes that are labelled HTML.
func (w *response) text(body []byte) error { w.send(http.StatusOK, labelHTML, body); return nil }

func (w *response) json(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.send(http.StatusOK, labelJSON, body)
	return nil
}

// fail answers an error: one plain sentence, labelled by what the client accepts.
func (w *response) fail(err error, status int) {
	kind := errs.KindOf(err)
	w.Header().Set(KindHeader, kind.String())
	if kind == errs.Unavailable || kind == errs.Limited {
		w.Header().Set("Retry-After", "5")
	}
	label := labelHTML
	if acceptsJSON(w.req.Header.Get("Accept")) {
		label = labelJSON
	}
	w.send(status, label, []byte(errs.PublicText(err)))
}

// notRouted answers for paths and verbs that are not there.
func (w *response) notRouted() {
	w.Header().Set("X-Cascade", "pass")
	w.send(http.StatusNotFound, labelJSON, []byte("Requested url was not found"))
}

// page is an answer of the web server itself, below the application.
func (w *response) page(status int, text string) {
	w.status, w.sent = status, true
	w.Header().Set("Content-Type", "text/html; charset=ISO-8859-1")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html><html><head><title>%[1]s</title></head><body><h1>%[1]s</h1></body></html>\n", text)
}

// acceptsJSON reports whether an Accept header admits JSON; none admits all.
func acceptsJSON(accept string) bool {
	if strings.TrimSpace(accept) == "" {
		return true
	}
	for part := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil || params["q"] == "0" {
			continue
		}
		if media == "*/*" || media == "application/*" || media == labelJSON {
			return true
		}
	}
	return false
}
