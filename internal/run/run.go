// Package run is the one way to start other programs: argument vectors, never a
// shell; bounded in time and output; an environment that holds only what is
// said; the whole process group ended when time is up.
//
// It imports the standard library and internal/errs.
package run

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// The defaults of Cmd.
const (
	DefaultTimeout   = 30 * time.Second
	DefaultMaxOutput = 1 << 20
	path             = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// A Cmd is a program to run. Args begin after the program's name.
type Cmd struct {
	Program   string // absolute, or a name looked up in the usual directories
	Args      []string
	Env       []string // besides PATH and LC_ALL=C; nothing is inherited
	Dir       string
	Stdin     []byte
	Timeout   time.Duration
	MaxOutput int // bytes of stdout and of stderr that are kept
}

// A Result is what a program left behind.
type Result struct {
	Stdout, Stderr []byte
	Exit           int
	Truncated      bool // there was more output than was kept
}

// Run runs a program to its end. Errors: Unsupported when the program is not
// there, Upstream when it ends with another status than 0 (the Result is whole,
// the message names its last words), Unavailable when time was up.
func Run(ctx context.Context, c Cmd) (Result, error) {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.MaxOutput == 0 {
		c.MaxOutput = DefaultMaxOutput
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Program, c.Args...)
	cmd.Env = append([]string{path, "LC_ALL=C"}, c.Env...)
	cmd.Dir = c.Dir
	cmd.Stdin = bytes.NewReader(c.Stdin)
	stdout, stderr := &head{max: c.MaxOutput}, &head{max: c.MaxOutput}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	res := Result{
		Stdout: stdout.kept, Stderr: stderr.kept,
		Truncated: stdout.dropped || stderr.dropped,
	}
	if cmd.ProcessState != nil {
		res.Exit = cmd.ProcessState.ExitCode()
	}
	return res, c.failure(ctx, res, err)
}

func (c Cmd) failure(ctx context.Context, res Result, err error) error {
	name := filepath.Base(c.Program)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errs.WrapAs(errs.Unavailable, ctx.Err(), "%s did not end within %s", name, c.Timeout)
	case ctx.Err() != nil:
		return errs.WrapAs(errs.Unavailable, ctx.Err(), "%s was stopped", name)
	case errors.As(err, &exit):
		return errs.New(errs.Upstream, "%s ended with status %d: %s", name, res.Exit, lastLine(res.Stderr))
	}
	return errs.WrapAs(errs.Unsupported, err, "%s cannot be run", name)
}

func lastLine(text []byte) string {
	s := strings.TrimSpace(string(text))
	s = s[strings.LastIndexByte(s, '\n')+1:]
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	if s == "" {
		return "no message"
	}
	return s
}

// head keeps the first max bytes and lets the program write on.
type head struct {
	kept    []byte
	max     int
	dropped bool
}

func (h *head) Write(p []byte) (int, error) {
	keep := min(len(p), h.max-len(h.kept))
	h.kept = append(h.kept, p[:keep]...)
	h.dropped = h.dropped || keep < len(p)
	return len(p), nil
}
