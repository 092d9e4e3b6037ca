package ruby

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ruby/internal/guest"
)

// loadTimeout bounds the loading of an image's sources.
const loadTimeout = 2 * time.Minute

// A Source is a piece of Ruby code; the name is what errors in it cite.
type Source struct {
	Name string
	Text string
}

// A Guest is Ruby code under way, for a Host that has to call back into it.
type Guest interface {
	// Call calls a handler by name in the VM that is waiting for the host.
	Call(ctx context.Context, name string, args ...any) (json.RawMessage, error)
}

// A Host answers what Ruby code asks with Chargehand.call. The value goes back as
// JSON; an error is raised in Ruby, and is the Cause of the Error if it is not
// rescued there.
type Host interface {
	Answer(ctx context.Context, guest Guest, name string, args []json.RawMessage) (any, error)
}

// An Image is a VM with sources loaded. It is safe for concurrent use.
type Image struct {
	engine  *Engine
	name    string
	sources []Source

	mu     sync.Mutex
	snap   *guest.Snapshot
	idle   []*thread
	closed bool
}

// Image declares an image; its sources are loaded at the first call.
func (e *Engine) Image(name string, sources ...Source) *Image {
	im := &Image{engine: e, name: name, sources: sources}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		im.closed = true
		return im
	}
	e.images[im] = struct{}{}
	return im
}

// Load loads the sources now, to find their errors before the first call.
func (im *Image) Load(ctx context.Context) error {
	return im.within(ctx, func(ctx context.Context) error {
		_, err := im.snapshot(ctx)
		return err
	})
}

// Call calls a handler in a fresh copy of the image. An exception that leaves it
// is an *Error; time or memory used up and other ends of the VM are Invalid
// errors; Unavailable means that the engine is starting, busy or stopped, and
// that ctx ended before it was this call's turn.
func (im *Image) Call(ctx context.Context, host Host, name string, args ...any) (json.RawMessage, error) {
	s := im.Session()
	defer s.Close()
	return s.Call(ctx, host, name, args...)
}

// Close frees the image; calls under way finish.
func (im *Image) Close() error {
	im.engine.mu.Lock()
	delete(im.engine.images, im)
	im.engine.mu.Unlock()
	return im.free()
}

// within runs f in one of the engine's slots, once it is started.
func (im *Image) within(ctx context.Context, f func(context.Context) error) error {
	e := im.engine
	if err := e.ready(ctx); err != nil {
		return err
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.busy.Done()
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return errs.WrapAs(errs.Unavailable, ctx.Err(), "the Ruby engine is busy")
	}
	return f(ctx)
}

// snapshot loads the sources the first time. A failure is not kept: the next call tries again.
func (im *Image) snapshot(ctx context.Context) (*guest.Snapshot, error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.closed {
		return nil, errs.New(errs.Unavailable, "the Ruby image %q is closed", im.name)
	}
	if im.snap != nil || len(im.sources) == 0 {
		return im.current(), nil
	}
	// Others wait for the same: whoever was first cannot take it back.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), loadTimeout, errTimeout)
	defer cancel()
	t, err := restore(ctx, im.engine.program, im.engine.base)
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "load the Ruby image %q", im.name)
	}
	defer t.vm.Close()
	for _, src := range im.sources {
		if _, _, err := t.converse(ctx, &conversation{}, "load", []any{src.Text, src.Name}); err != nil {
			return nil, fmt.Errorf("load the Ruby image %q: %w", im.name, err)
		}
	}
	if err := t.vm.Eval(ctx, "Chargehand.rest"); err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "load the Ruby image %q", im.name)
	}
	im.snap, err = t.vm.Snapshot()
	return im.snap, err
}

func (im *Image) current() *guest.Snapshot {
	if im.snap == nil {
		return im.engine.base
	}
	return im.snap
}

// take gives an idle VM, or a new copy.
func (im *Image) take(ctx context.Context, snap *guest.Snapshot) (*thread, error) {
	im.mu.Lock()
	if n := len(im.idle); n > 0 {
		t := im.idle[n-1]
		im.idle = im.idle[:n-1]
		im.mu.Unlock()
		return t, nil
	}
	im.mu.Unlock()
	t, err := restore(ctx, im.engine.program, snap)
	if err != nil {
		return nil, errs.WrapAs(errs.Internal, err, "copy the Ruby image %q", im.name)
	}
	return t, nil
}

// give takes a VM back to the image's state and keeps it, unless it is spoilt.
func (im *Image) give(t *thread, snap *guest.Snapshot, alive bool) {
	if alive && t.vm.Reset(snap) {
		im.mu.Lock()
		defer im.mu.Unlock()
		if !im.closed && len(im.idle) < im.engine.opts.Parallel {
			im.idle = append(im.idle, t)
			return
		}
	}
	if err := t.vm.Close(); err != nil {
		im.engine.opts.Log.Debug("close a Ruby VM", "image", im.name, "error", err)
	}
}

func (im *Image) free() error {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.closed = true
	var err error
	for _, t := range im.idle {
		err = errors.Join(err, t.vm.Close())
	}
	im.idle = nil
	if im.snap != nil {
		err = errors.Join(err, im.snap.Close())
		im.snap = nil
	}
	return err
}
