package ruby

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ruby/internal/guest"
)

var (
	errTimeout = errors.New("the engine's time for one call is up")
	errOver    = errors.New("the conversation is over")
)

// A thread is a VM and the two pipes that one conversation with it uses.
type thread struct {
	vm     *guest.VM
	stdin  *pipe
	stdout *pipe
	stderr head
}

func newThread() *thread {
	t := &thread{stdin: newPipe(), stdout: newPipe()}
	t.stdin.Close(io.EOF) // nothing to read or write before the first conversation
	t.stdout.Close(io.EOF)
	return t
}

func restore(ctx context.Context, p *guest.Program, snap *guest.Snapshot) (*thread, error) {
	t := newThread()
	vm, err := p.Restore(ctx, snap, t.streams())
	t.vm = vm
	return t, err
}

func (t *thread) streams() guest.Streams {
	return guest.Streams{Stdin: stdin{t}, Stdout: stdout{t}, Stderr: &t.stderr}
}

type stdin struct{ *thread }

func (s stdin) Read(p []byte) (int, error) { return s.thread.stdin.Read(p) }

type stdout struct{ *thread }

func (s stdout) Write(p []byte) (int, error) { return s.thread.stdout.Write(p) }

// converse calls a handler and answers the guest's own calls until it returns.
// A VM that is not alive afterwards is to be closed.
func (t *thread) converse(ctx context.Context, c *conversation, name string, args []any) (_ json.RawMessage, alive bool, _ error) {
	in, out := newPipe(), newPipe()
	t.stdin, t.stdout = in, out
	ended := make(chan error, 1)
	go func() {
		err := t.vm.Eval(ctx, "Chargehand.serve")
		in.Close(errOver)
		out.Close(errOver)
		ended <- err
	}()
	hangUp := func(err error) {
		in.Close(err)
		out.Close(err)
	}
	stop := context.AfterFunc(ctx, func() { hangUp(context.Cause(ctx)) })
	c.in, c.out = in, out
	value, err := c.Call(ctx, name, args...)
	hangUp(errOver)
	stop()
	if end := <-ended; end != nil {
		return nil, false, t.obituary(ctx, end, err)
	}
	_, raised := errors.AsType[*Error](err)
	return value, err == nil || raised, err
}

// obituary says why a VM ended in the middle of a call.
func (t *thread) obituary(ctx context.Context, end, err error) error {
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errTimeout) || errors.Is(cause, context.DeadlineExceeded) {
			return errs.WrapAs(errs.Invalid, cause, "the Ruby code takes too long")
		}
		return ctx.Err()
	}
	if _, raised := errors.AsType[*Error](err); raised {
		return err
	}
	return errs.WrapAs(errs.Invalid, errors.Join(end, t.lastWords()), "the Ruby code ended its interpreter")
}

func (t *thread) lastWords() error {
	if text := strings.TrimSpace(string(t.stderr)); text != "" {
		return errors.New(text)
	}
	return nil
}

// A conversation is the host's side of one call and all calls inside it.
type conversation struct {
	host  Host
	in    io.Writer
	out   io.Reader
	depth int
	past  []error // the host's errors that Ruby was told of, by ticket
}

// Call implements Guest.
func (c *conversation) Call(ctx context.Context, name string, args ...any) (json.RawMessage, error) {
	if c.depth >= maxDepth {
		return nil, errs.New(errs.TooLarge, "calls between Ruby and its host nest deeper than %d", maxDepth)
	}
	c.depth++
	defer func() { c.depth-- }()
	if args == nil {
		args = []any{}
	}
	if err := c.send(map[string]any{"call": name, "args": args}); err != nil {
		return nil, err
	}
	for {
		f, err := readFrame(c.out)
		switch {
		case err != nil:
			return nil, errs.WrapAs(errs.Invalid, err, "the Ruby code broke off")
		case f.Value != nil:
			return f.Value, nil
		case f.Error != nil:
			return nil, c.raised(f.Error)
		}
		if err := c.answer(ctx, f); err != nil {
			return nil, err
		}
	}
}

// answer lets the host answer a call of the guest.
func (c *conversation) answer(ctx context.Context, f frame) error {
	var value any
	err := ctx.Err()
	if err == nil {
		value, err = c.ask(ctx, f)
	}
	if err == nil {
		var data []byte
		if data, err = encodeFrame(map[string]any{"value": value}); err == nil {
			_, err = c.in.Write(data)
			return err
		}
	}
	c.past = append(c.past, err)
	return c.send(map[string]any{"error": failure{Message: err.Error(), Ticket: len(c.past)}})
}

func (c *conversation) ask(ctx context.Context, f frame) (any, error) {
	if c.host == nil {
		return nil, errs.New(errs.Unsupported, "nothing answers %q here", f.Call)
	}
	return c.host.Answer(ctx, c, f.Call, f.Args)
}

func (c *conversation) send(v any) error {
	data, err := encodeFrame(v)
	if err != nil {
		return err
	}
	_, err = c.in.Write(data)
	return err
}

// raised is the exception as a Go error, with the host's own error if it began there.
func (c *conversation) raised(f *failure) error {
	e := &Error{Class: f.Class, Message: f.Message, Backtrace: f.Backtrace}
	if f.Ticket > 0 && f.Ticket <= len(c.past) {
		e.Cause = c.past[f.Ticket-1]
	}
	return e
}

// head keeps the first bytes written to it.
type head []byte

func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), 4096-len(*h))]...)
	return len(p), nil
}
