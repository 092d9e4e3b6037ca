// Package app puts the program together: configuration in, running roles out.
// It is the only package that knows all others; each role is built in a file of
// its own, by one function from options to parts.
//
// Parts start in the order in which they need each other and stop in reverse.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chargehand/chargehand/config"
	"github.com/chargehand/chargehand/internal/errs"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// stopWithin bounds how long one part may take to stop before it is left behind.
const stopWithin = 15 * time.Second

// Options are what the program is started with.
type Options struct {
	Config *config.Config
	// Version is the release, shown to clients and people.
	Version string
	Log     *slog.Logger
	// Stderr gets the lines that are for a person: readiness, a first password.
	Stderr io.Writer
	// AdminPassword is the first administrator's; generated when empty.
	AdminPassword config.Secret
}

// An App is one process with its roles built and its listeners bound.
type App struct {
	Options
	site
	parts     []part
	closers   []func() error
	listeners map[string]net.Listener
	endpoints map[string]string
	checks    []check
}

// A part is something that runs until its context ends.
type part struct {
	name string
	run  func(ctx context.Context) error
	// front parts answer the outside; they stop first, all together.
	front bool
}

// A check tells whether something is ready to work.
type check struct {
	name string
	test func(ctx context.Context) error
}

// New builds the roles that the configuration names and binds their listeners.
// When it fails, everything that was opened is closed again.
func New(ctx context.Context, opts Options) (_ *App, err error) {
	a := &App{Options: opts, listeners: map[string]net.Listener{}, endpoints: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := os.MkdirAll(filepath.Join(opts.Config.DataDir, "run"), 0o700); err != nil {
		return nil, errs.WrapAs(errs.Unavailable, err, "data_dir %s", opts.Config.DataDir)
	}
	if err := a.own(); err != nil {
		return nil, err
	}
	if err := a.bind(); err != nil {
		return nil, err
	}
	for _, role := range roles() {
		if role.name != "" && !opts.Config.HasRole(role.name) {
			continue
		}
		if err := role.build(ctx, a); err != nil {
			return nil, errs.Wrap(err, "start %s", role.title())
		}
	}
	return a, nil
}

// own keeps a second server off the data folder: its queue, DNS and DHCP stores
// are one process's own. The lock goes with the process, however it ends.
func (a *App) own() error {
	path := filepath.Join(a.Config.DataDir, "run", "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return errs.WrapAs(errs.Unavailable, err, "data_dir %s", a.Config.DataDir)
	}
	a.onClose(f.Close)
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errs.WrapAs(errs.Conflict, err, "data_dir %s is in use by another process; give this one a data_dir of its own", a.Config.DataDir)
	}
	return nil
}

// A role builds its parts onto the app.
type role struct {
	name  string // "" is built always
	build func(ctx context.Context, a *App) error
}

func (r role) title() string {
	if r.name == "" {
		return "identity"
	}
	return r.name
}

// add appends a part.
func (a *App) add(name string, run func(ctx context.Context) error) {
	a.parts = append(a.parts, part{name: name, run: run})
}

// onClose has f called when the app is closed, latest first.
func (a *App) onClose(f func() error) { a.closers = append(a.closers, f) }

// readyWhen adds a condition of readiness.
func (a *App) readyWhen(name string, test func(ctx context.Context) error) {
	a.checks = append(a.checks, check{name: name, test: test})
}

// Close releases what New opened; Run does it by itself.
func (a *App) Close() error {
	var all []error
	for _, l := range a.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			all = append(all, err)
		}
	}
	for _, f := range slices.Backward(a.closers) {
		all = append(all, f())
	}
	a.closers, a.listeners = nil, nil
	return errors.Join(all...)
}

// Run starts every part, tells the world when all are ready, and stops them when
// ctx ends or a part fails: listeners first, then the others in reverse order.
func (a *App) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, a.Close()) }()
	failed := make(chan error, len(a.parts))
	stops := make([]func(), 0, len(a.parts))
	for _, p := range a.parts {
		stops = append(stops, a.start(p, failed))
	}
	defer a.stop(stops)
	starting, cancel := context.WithCancel(ctx)
	defer cancel()
	announced := make(chan error, 1)
	go func() { announced <- a.announce(starting) }()
	for {
		select {
		case <-ctx.Done():
			a.Log.Info("stopping")
			notify("STOPPING=1")
			return nil
		case err := <-failed:
			return err
		case err := <-announced:
			if err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// stop ends the parts whose stops these are.
func (a *App) stop(stops []func()) {
	var fronts sync.WaitGroup
	for i, p := range a.parts {
		if p.front {
			fronts.Go(stops[i])
		}
	}
	fronts.Wait()
	for i, p := range slices.Backward(a.parts) {
		if !p.front {
			stops[i]()
		}
	}
}

// start runs one part; the result stops it and waits for its end.
func (a *App) start(p part, failed chan<- error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := p.run(ctx); err != nil && ctx.Err() == nil {
			failed <- errs.Wrap(err, "%s", p.name)
		}
	}()
	return func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(stopWithin):
			a.Log.Error("left behind while stopping", "part", p.name)
		}
	}
}

// Ready runs every check at once and gives the first failure.
func (a *App) Ready(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range a.checks {
		group.Go(func() error { return errs.Wrap(c.test(ctx), "%s is not ready", c.name) })
	}
	return group.Wait()
}

// announce waits for readiness, then writes endpoints.json, notifies the service
// supervisor and tells the person at the terminal.
func (a *App) announce(ctx context.Context) error {
	deadline, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := a.Ready(deadline); err != nil {
		return err
	}
	if err := a.writeEndpoints(); err != nil {
		return err
	}
	notify("READY=1")
	_, err := fmt.Fprintf(a.Stderr, "chargehand %s is ready: %s\n", a.Version, a.summary())
	debug.FreeOSMemory() // a first start hashes a password in 64 MB, which nobody wants again
	return err
}

func (a *App) summary() string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(a.endpoints)) {
		all = append(all, key+" "+a.endpoints[key])
	}
	return strings.Join(all, ", ")
}

// Endpoints gives what was bound, by configuration key.
func (a *App) Endpoints() map[string]string { return maps.Clone(a.endpoints) }

func (a *App) writeEndpoints() error {
	text, err := json.MarshalIndent(a.endpoints, "", "  ")
	if err != nil {
		return errs.WrapAs(errs.Internal, err, "endpoints")
	}
	path := filepath.Join(a.Config.DataDir, "run", "endpoints.json")
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o644); err != nil {
		return errs.WrapAs(errs.Unavailable, err, "write %s", path)
	}
	return errs.WrapAs(errs.Unavailable, os.Rename(path+".new", path), "write %s", path)
}

// notify tells systemd, when it listens.
func notify(state string) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	if strings.HasPrefix(socket, "@") {
		socket = "\x00" + socket[1:]
	}
	conn, err := net.Dial("unixgram", socket)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, state)
}
