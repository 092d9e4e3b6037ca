package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

const (
	maxTries = 5
	maxPause = 30 * time.Second
)

// serve handles the records of one lane, oldest first.
func (q *Queue) serve(ctx context.Context, l *lane, handle Handler) error {
	for {
		r := q.head(l)
		if r == nil {
			select {
			case <-l.wake:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		payload := make([]byte, r.length)
		_, err := r.segment.file.ReadAt(payload, r.offset)
		if err != nil {
			err = errs.WrapAs(errs.Unavailable, err, "read the command back")
		} else {
			err = handle(ctx, payload)
		}
		if ctx.Err() != nil {
			return nil // not handled: it comes again after the next start
		}
		if q.settle(l, r, payload, err) {
			continue
		}
		select {
		case <-time.After(pause(r.tries)):
		case <-ctx.Done():
			return nil
		}
	}
}

func (q *Queue) head(l *lane) *record {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil
	}
	return l.waiting[0]
}

// settle takes the record off its lane when it is handled or hopeless, and tells
// whether it did; else it is to be tried again after a pause.
func (q *Queue) settle(l *lane, r *record, payload []byte, err error) bool {
	if err != nil && !hopeless(err) {
		r.tries++
		if errs.Is(err, errs.Unavailable) || r.tries < maxTries {
			q.opts.Log.Warn("command queue: trying again", "key", r.key, "try", r.tries, "error", err)
			return false
		}
	}
	if err != nil {
		if derr := q.discard(r, payload, err); derr != nil {
			q.opts.Log.Error("command queue: cannot write the dead letter", "key", r.key, "error", derr)
			return false
		}
	}
	q.mu.Lock()
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	if len(l.waiting) == 0 {
		l.waiting = nil
	}
	q.depth--
	q.bytes -= int64(r.length)
	r.segment.pending--
	if err != nil {
		q.dead++
	} else {
		q.done++
	}
	q.mu.Unlock()
	r.done <- err
	q.removeIfDone(r.segment)
	return true
}

func hopeless(err error) bool {
	switch errs.KindOf(err) {
	case errs.Malformed, errs.Invalid, errs.TooLarge, errs.Unsupported:
		return true
	}
	return false
}

func pause(tries int) time.Duration {
	return min(maxPause, 50*time.Millisecond<<min(tries, 12))
}

// A DeadLetter is a record that could not be handled, as kept under discard/.
type DeadLetter struct {
	Key     string    `json:"key"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Payload []byte    `json:"payload"`
}

// discard keeps a hopeless record with its reason, so that a person can look.
func (q *Queue) discard(r *record, payload []byte, reason error) error {
	q.opts.Log.Error("command queue: discarded", "key", r.key, "error", reason)
	if err := q.root.MkdirAll("discard", 0o700); err != nil {
		return err
	}
	letter, err := json.Marshal(DeadLetter{Key: r.key, Reason: reason.Error(), At: time.Now().UTC(), Payload: payload})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("discard/%016d-%d.json", r.segment.number, r.offset)
	f, err := q.root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Write(letter); err != nil {
		return err
	}
	return f.Sync()
}
