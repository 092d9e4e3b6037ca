package logs

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"
)

// The sizes that Smart Proxy has by default.
const (
	DefaultSize     = 2000
	DefaultTailSize = 1000
	maxMessage      = 8 << 10
)

// A Buffer keeps the newest records in memory: a main ring for all, and a tail
// for errors that the main ring pushed out. It is safe for concurrent use.
type Buffer struct {
	mu     sync.Mutex
	main   ring
	tail   ring
	failed map[string]string
}

// NewBuffer makes a Buffer that keeps size records and tail errors beyond them.
func NewBuffer(size, tail int) *Buffer {
	return &Buffer{main: ring{max: max(size, 2)}, tail: ring{max: max(tail, 1)}, failed: map[string]string{}}
}

// Add keeps a record.
func (b *Buffer) Add(r Record) {
	if len(r.Message) > maxMessage {
		r.Message = strings.ToValidUTF8(r.Message[:maxMessage], "") + "…"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	pushed, full := b.main.add(r)
	if full && (pushed.Level == "ERROR" || pushed.Level == "FATAL") {
		b.tail.add(pushed)
	}
}

// Fail notes why a feature could not be started.
func (b *Buffer) Fail(feature, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed[feature] = reason
}

// Since implements Source.
func (b *Buffer) Since(_ context.Context, t time.Time) (Report, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rep := Report{Size: b.main.max, TailSize: b.tail.max, Failed: maps.Clone(b.failed), Records: []Record{}}
	for _, ring := range []*ring{&b.tail, &b.main} {
		for r := range ring.all {
			if !r.Time.Before(t) {
				rep.Records = append(rep.Records, r)
			}
		}
	}
	return rep, nil
}

// A ring grows to max records, then replaces the oldest.
type ring struct {
	max, next int
	records   []Record
}

func (r *ring) add(rec Record) (pushed Record, full bool) {
	if len(r.records) < r.max {
		r.records = append(r.records, rec)
		return Record{}, false
	}
	pushed, r.records[r.next] = r.records[r.next], rec
	r.next = (r.next + 1) % r.max
	return pushed, true
}

// all walks from the oldest to the newest.
func (r *ring) all(yield func(Record) bool) {
	for i := range r.records {
		if !yield(r.records[(r.next+i)%len(r.records)]) {
			return
		}
	}
}

type requestID struct{}

// WithRequestID marks ctx, so that records logged with it carry the first 8
// characters of id.
func WithRequestID(ctx context.Context, id string) context.Context {
	if len(id) > 8 {
		id = id[:8]
	}
	return context.WithValue(ctx, requestID{}, id)
}

// Handler is a slog handler that passes records to next and keeps those that
// next is enabled for.
func (b *Buffer) Handler(next slog.Handler) slog.Handler {
	return &handler{Handler: next, buffer: b}
}

type handler struct {
	slog.Handler
	buffer *Buffer
	group  string // dotted prefix of keys
	attrs  string // of WithAttrs, written out
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	text.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		writeAttr(&text, h.group, a)
		return text.Len() <= maxMessage
	})
	id, _ := ctx.Value(requestID{}).(string)
	h.buffer.Add(Record{Time: r.Time, Level: levelName(r.Level), Message: text.String(), RequestID: id})
	return h.Handler.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var text strings.Builder
	text.WriteString(h.attrs)
	for _, a := range attrs {
		writeAttr(&text, h.group, a)
	}
	return &handler{h.Handler.WithAttrs(attrs), h.buffer, h.group, text.String()}
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &handler{h.Handler.WithGroup(name), h.buffer, h.group + name + ".", h.attrs}
}

func writeAttr(w *strings.Builder, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range v.Group() {
			writeAttr(w, prefix, inner)
		}
		return
	}
	if !a.Equal(slog.Attr{}) {
		w.WriteString(" " + prefix + a.Key + "=" + v.String())
	}
}

func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARN"
	case l < slog.LevelError+4:
		return "ERROR"
	}
	return "FATAL"
}
