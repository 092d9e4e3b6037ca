package ruby

import (
	"context"
	"encoding/json"

	"github.com/chargehand/chargehand/ruby/internal/guest"
)

// A Session is a copy of an image that stays for several calls: a later one finds
// what an earlier one left. One goroutine at a time may use it, which includes
// the host that answers within a call. It takes one of the engine's slots during
// calls alone.
type Session struct {
	image  *Image
	thread *thread // nil before the first call, and after one that ended the VM
	snap   *guest.Snapshot
	inside *conversation // the call under way
	alive  bool
}

// Session begins a session. It must be closed, and costs nothing before its first call.
func (im *Image) Session() *Session { return &Session{image: im} }

// Call is Image.Call in the session's VM. Within the host's answer to the session's
// own call it is a call inside that one. After a call that ended the VM the next
// has a fresh copy.
func (s *Session) Call(ctx context.Context, host Host, name string, args ...any) (json.RawMessage, error) {
	if s.inside != nil {
		return s.inside.Call(ctx, name, args...)
	}
	var value json.RawMessage
	err := s.image.within(ctx, func(ctx context.Context) error {
		if err := s.begin(ctx); err != nil {
			return err
		}
		c := &conversation{host: host}
		s.inside = c
		defer func() { s.inside = nil }()
		ctx, cancel := context.WithTimeoutCause(ctx, s.image.engine.opts.Timeout, errTimeout)
		defer cancel()
		var err error
		value, s.alive, err = s.thread.converse(ctx, c, name, args)
		if !s.alive {
			s.Close()
		}
		return err
	})
	return value, err
}

func (s *Session) begin(ctx context.Context) error {
	if s.thread != nil {
		return nil
	}
	snap, err := s.image.snapshot(ctx)
	if err != nil {
		return err
	}
	s.thread, err = s.image.take(ctx, snap)
	s.snap, s.alive = snap, true
	return err
}

// Close gives the VM back.
func (s *Session) Close() {
	if s.thread != nil {
		s.image.give(s.thread, s.snap, s.alive)
	}
	s.thread = nil
}
