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
	"github.com/chargehand/chargehand/puppetdb/queue"
	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"
)

// Bounds on the memory that commands take while they arrive, after
// decompression: of one, and of all at the same time.
const (
	maxCommand  = 64 << 20
	maxCommands = 128 << 20
	// usualCommand is set aside before anything is read, more only for a command
	// that says or shows that it is larger.
	usualCommand = 1 << 20
	// maxQueueing is how long a command waits for others to make room.
	maxQueueing = 20 * time.Second
)

func errBusy() error {
	return errs.New(errs.Unavailable, "too many large commands at once; try again later")
}

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
	if why := unsupported(r); why != "" {
		w.Header().Set("Content-Type", "text/plain;charset=utf-8")
		w.WriteHeader(http.StatusUnsupportedMediaType)
		_, _ = io.WriteString(w, why+" not supported")
		return nil
	}
	receipt, wait, err := e.submit(w, r)
	if err != nil {
		return jsonError{err}
	}
	id := uuid.NewString()
	if wait == 0 {
		writeJSON(w, http.StatusOK, map[string]string{"uuid": id})
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
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

// unsupported names the type or encoding of a body that cannot be read.
func unsupported(r *http.Request) string {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != "application/json" {
			return "content type " + ct
		}
	}
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity", "gzip":
		return ""
	default:
		return "content encoding " + enc
	}
}

// submit reads the command and puts it into the queue. The memory that it takes
// is set aside until it is there.
func (e *edge) submit(w http.ResponseWriter, r *http.Request) (queue.Receipt, time.Duration, error) {
	room := &room{all: e.room}
	defer room.leave()
	said := max(r.ContentLength, usualCommand)
	if n, err := strconv.ParseInt(r.Header.Get("X-Uncompressed-Length"), 10, 64); err == nil {
		said = max(said, n)
	}
	if err := room.enter(r.Context(), min(said, maxCommand)); err != nil {
		return queue.Receipt{}, 0, err
	}
	body, err := readBody(w, r, room)
	if err != nil {
		return queue.Receipt{}, 0, err
	}
	c, err := readCommand(r, body)
	if err != nil {
		return queue.Receipt{}, 0, err
	}
	receipt, err := e.Service.Submit(r.Context(), c.name, c.version, c.certname, c.payload)
	return receipt, c.wait, err
}

// A room is the memory set aside for one command.
type room struct {
	all  *semaphore.Weighted
	held int64
}

func (m *room) enter(ctx context.Context, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, maxQueueing)
	defer cancel()
	if m.all.Acquire(ctx, size) != nil {
		return errBusy()
	}
	m.held = size
	return nil
}

// grow sets aside the most that a command may take. It does not wait: two that
// waited for each other would do so for ever.
func (m *room) grow() error {
	if m.held >= maxCommand {
		return nil
	}
	if !m.all.TryAcquire(maxCommand - m.held) {
		return errBusy()
	}
	m.held = maxCommand
	return nil
}

func (m *room) leave() { m.all.Release(m.held) }

// readBody reads a body that may be gzip, bounded before and after.
func readBody(w http.ResponseWriter, r *http.Request, m *room) ([]byte, error) {
	var src io.Reader = http.MaxBytesReader(w, r.Body, maxCommand)
	if r.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(src)
		if err != nil {
			return nil, errs.WrapAs(errs.Malformed, err, "the body is not gzip")
		}
		defer func() { _ = zr.Close() }()
		src = zr
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, src, m.held)
	if err == nil { // there may be more than was set aside
		if err = m.grow(); err != nil {
			return nil, err
		}
		_, err = io.CopyN(&b, src, maxCommand+1-int64(b.Len()))
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || b.Len() > maxCommand {
		return nil, errs.New(errs.TooLarge, "the command is larger than %d bytes", maxCommand)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errs.WrapAs(errs.Malformed, err, "read the body")
	}
	return b.Bytes(), nil
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
