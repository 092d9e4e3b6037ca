package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/google/uuid"
)

// maxCommand bounds one command's payload after decompression, in bytes.
const maxCommand = 128 << 20

// maxWait bounds secondsToWaitForCompletion.
const maxWait = 10 * time.Minute

var commandParameters = []string{"command", "version", "certname", "producer-timestamp", "checksum", "secondsToWaitForCompletion", "received"}

// command takes POST /pdb/cmd/v1.
func (e *edge) command(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return nil
	}
	if ct := r.Header.Get("Content-Type"); ct != "" {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != "application/json" {
			w.Header().Set("Content-Type", "text/plain;charset=utf-8")
			w.WriteHeader(http.StatusUnsupportedMediaType)
			_, _ = io.WriteString(w, "content type "+ct+" not supported")
			return nil
		}
	}
	body, unsupported, err := readBody(w, r)
	if unsupported != "" {
		w.Header().Set("Content-Type", "text/plain;charset=utf-8")
		w.WriteHeader(http.StatusUnsupportedMediaType)
		_, _ = io.WriteString(w, "content encoding "+unsupported+" not supported")
		return nil
	}
	if err != nil {
		return jsonError{err}
	}
	c, err := readCommand(r, body)
	if err != nil {
		return jsonError{err}
	}
	receipt, err := e.Service.Submit(r.Context(), c.name, c.version, c.certname, c.payload)
	if err != nil {
		return jsonError{err}
	}
	id := uuid.NewString()
	if c.wait == 0 {
		writeJSON(w, http.StatusOK, map[string]string{"uuid": id})
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.wait)
	defer cancel()
	switch err := receipt.Wait(ctx); {
	case err == nil:
		writeJSON(w, http.StatusOK, map[string]any{"uuid": id, "processed": true, "timed_out": false})
	case errors.Is(err, context.DeadlineExceeded):
		writeJSON(w, http.StatusServiceUnavailable, map[string]any{"uuid": id, "processed": false, "timed_out": true})
	default:
		writeJSON(w, http.StatusServiceUnavailable, map[string]any{"uuid": id, "processed": false, "timed_out": false, "error": errs.PublicText(err)})
	}
	return nil
}

// readBody reads a body that may be gzip, bounded before and after.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, unsupported string, err error) {
	var src io.Reader = http.MaxBytesReader(w, r.Body, maxCommand)
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		zr, err := gzip.NewReader(src)
		if err != nil {
			return nil, "", errs.WrapAs(errs.Malformed, err, "the body is not gzip")
		}
		defer func() { _ = zr.Close() }()
		src = zr
	default:
		return nil, enc, nil
	}
	body, err = io.ReadAll(io.LimitReader(src, maxCommand+1))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || len(body) > maxCommand {
		return nil, "", errs.New(errs.TooLarge, "the command is larger than %d bytes", maxCommand)
	}
	return body, "", errs.WrapAs(errs.Malformed, err, "read the body")
}

type submitted struct {
	name, certname string
	version        int
	payload        []byte
	wait           time.Duration
}

func readCommand(r *http.Request, body []byte) (submitted, error) {
	values := r.URL.Query()
	c := submitted{name: values.Get("command"), certname: values.Get("certname"), payload: body}
	if c.name == "" {
		return readWrapped(body)
	}
	for name := range values {
		if !contains(commandParameters, name) {
			return c, errs.New(errs.Malformed, "Command %q for certname %q is invalid. Command has invalid parameters: %s.", c.name, c.certname, name)
		}
	}
	version, err := strconv.Atoi(values.Get("version"))
	if err != nil {
		return c, errs.New(errs.Malformed, "Command %q needs a version that is a number, not %q", c.name, values.Get("version"))
	}
	c.version = version
	if text := values.Get("secondsToWaitForCompletion"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || seconds < 0 || seconds > 1e6 {
			return c, errs.New(errs.Malformed, "secondsToWaitForCompletion must be a number of seconds, not %q", text)
		}
		c.wait = min(maxWait, time.Duration(seconds*float64(time.Second)))
	}
	return c, nil
}

// readWrapped reads the old form: {"command", "version", "payload"} in the body.
func readWrapped(body []byte) (submitted, error) {
	var old struct {
		Command string          `json:"command"`
		Version int             `json:"version"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&old); err != nil || old.Command == "" {
		return submitted{}, errs.New(errs.Malformed, "no command: name it in the URL (?command=…&version=…&certname=…) or in the body")
	}
	var payload struct {
		Certname string `json:"certname"`
	}
	_ = json.Unmarshal(old.Payload, &payload) // a payload without a certname is refused by Submit
	return submitted{name: old.Command, version: old.Version, certname: payload.Certname, payload: old.Payload}, nil
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}
