package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
)

// The content types, spelled as the real server spells them.
const (
	typeJSON  = "application/json;charset=utf-8"
	typeRich  = "application/vnd.puppet.rich+json; charset=utf-8"
	typePSON  = "text/pson"
	typeText  = "text/plain"
	typeBytes = "application/octet-stream"

	typePlainError = "text/plain;charset=utf-8"
)

// A shape is how a part of the server words its errors: as JSON with an issue
// kind, where Ruby answers in the real one; as plain text elsewhere.
type shape int

const (
	ruby  shape = iota
	plain       // text
)

// A fault is an error with a status that no kind of error has, or with other
// words than its kind gives.
type fault struct {
	status int
	issue  string        // RUNTIME_ERROR when empty
	text   string        // without the reason phrase that begins a JSON message
	retry  time.Duration // Retry-After, if set
	as     string        // set: a plain answer of that content type, whatever the route's shape
}

func (f *fault) Error() string { return f.text }

// faultOf words any error.
func faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	f := &fault{status: errs.KindOf(err).Status(), text: errs.PublicText(err)}
	switch errs.KindOf(err) {
	case errs.NotFound:
		f.issue = "RESOURCE_NOT_FOUND"
	case errs.Invalid:
		f.status = http.StatusBadRequest // a Puppet Server knows no 422
	case errs.Unavailable, errs.Limited:
		f.status, f.retry = http.StatusServiceUnavailable, 30*time.Second
	}
	return f
}

// response adds the forms of answer to a ResponseWriter.
type response struct {
	http.ResponseWriter
	request *http.Request
	status  int
}

// WriteHeader remembers the status.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.ResponseWriter.WriteHeader(status)
	}
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// compressFrom is the size from which bodies are worth compressing.
const compressFrom = 250

var writers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return w
}}

// send answers with a body, compressed if the client takes that.
func (w *response) send(status int, contentType string, body []byte) {
	h := w.Header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	} else {
		h["Content-Type"] = nil // none, and no guess either
	}
	if len(body) < compressFrom {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	h.Set("Vary", "Accept-Encoding, User-Agent")
	if !takesGzip(w.request.Header.Get("Accept-Encoding")) {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z := writers.Get().(*gzip.Writer)
	defer writers.Put(z)
	z.Reset(w)
	_, _ = z.Write(body)
	_ = z.Close()
}

func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" || name == "*" {
			return strings.TrimSpace(params) != "q=0"
		}
	}
	return false
}

func (w *response) text(status int, contentType, body string) {
	w.send(status, contentType, []byte(body))
}

func (w *response) json(status int, contentType string, value any) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return errs.Wrap(err, "encode the answer")
	}
	w.send(status, contentType, bytes.TrimSuffix(body.Bytes(), []byte("\n")))
	return nil
}

// fail answers with an error in the route's shape.
func (w *response) fail(s shape, err error) {
	if w.status != 0 {
		return
	}
	f := faultOf(err)
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(f.retry.Seconds()))))
	}
	if as := f.as; as != "" || s != ruby {
		if as == "" {
			as = typePlainError
		}
		w.text(f.status, as, f.text)
		return
	}
	issue := f.issue
	if issue == "" {
		issue = "RUNTIME_ERROR"
	}
	_ = w.json(f.status, typeJSON, struct {
		Message string `json:"message"`
		Issue   string `json:"issue_kind"`
	}{reason(f.status) + ": " + f.text, issue})
}

// reason is how the real server names a status.
func reason(status int) string {
	if status == http.StatusInternalServerError {
		return "Server Error"
	}
	return http.StatusText(status)
}

func (w *response) forbidden(method, path string) {
	w.text(http.StatusForbidden, "", "Forbidden request: "+path+" (method :"+strings.ToLower(method)+"). Please see the server logs for details.")
}

// notFound is for paths that do not exist: a page, or JSON for who reads nothing else.
func (w *response) notFound(path string) {
	if strings.HasPrefix(path, "/puppet-ca/") {
		w.text(http.StatusNotFound, "text/html;charset=utf-8", "Not Found")
		return
	}
	w.Header().Del("X-Puppet-Version")
	w.Header().Set("Cache-Control", "must-revalidate,no-cache,no-store")
	if strings.HasPrefix(w.request.Header.Get("Accept"), "application/json") {
		_ = w.json(http.StatusNotFound, "application/json", struct {
			Message string `json:"message"`
			URL     string `json:"url"`
			Status  string `json:"status"`
		}{"Not Found", path, "404"})
		return
	}
	w.text(http.StatusNotFound, "text/html;charset=utf-8",
		"<html>\n<head><title>Error 404 Not Found</title></head>\n<body><h2>HTTP ERROR 404 Not Found</h2>\n<p>"+html.EscapeString(path)+"</p></body>\n</html>\n")
}

// negotiate picks the first type of the Accept header that is offered; the first
// offer if the client takes anything. Parameters are passed over.
func negotiate(r *request, offers ...string) (string, error) {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return offers[0], nil
	}
	for part := range strings.SplitSeq(accept, ",") {
		name, _, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		for _, offer := range offers {
			major, _, _ := strings.Cut(offer, "/")
			if name == offer || name == "*/*" || name == major+"/*" {
				return offer, nil
			}
		}
	}
	return "", &fault{
		status: http.StatusNotAcceptable, issue: "UNSUPPORTED_FORMAT",
		text: "No supported formats are acceptable (Accept: " + accept + ")",
	}
}

// The types that requests and answers name.
const (
	mediaJSON  = "application/json"
	mediaPSON  = "text/pson"
	mediaRich  = "application/vnd.puppet.rich+json"
	mediaBytes = "application/octet-stream"
)

// contentTypeOf says how an offer is spelled in Content-Type.
func contentTypeOf(media string) string {
	switch media {
	case mediaJSON:
		return typeJSON
	case mediaRich:
		return typeRich
	case mediaPSON:
		return typePSON
	}
	return media
}

// bodyTimeout is how long a body may take to come in.
const bodyTimeout = 2 * time.Minute

// read takes a body in whole, up to a bound and within the time for bodies.
func (w *response) read(limit int64) ([]byte, error) {
	control := http.NewResponseController(w.ResponseWriter)
	if control.SetReadDeadline(time.Now().Add(bodyTimeout)) == nil {
		defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	}
	return bounded.ReadAll(w.request.Body, limit)
}

// mediaType is the type of the request's body, without its parameters.
func mediaType(r *request) string {
	name, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(name))
}
