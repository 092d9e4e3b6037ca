// Package ruby runs Ruby code inside the process: CRuby compiled to WebAssembly,
// with no file, network, process or environment to reach. An Image is a VM with
// sources loaded, kept as a snapshot; every call of an Image runs in a fresh
// copy of it, so that no code sees what other code left behind.
//
//	engine := ruby.New(ruby.Options{CacheDir: dir})
//	go engine.Run(ctx)
//	image := engine.Image("greeter", ruby.Source{Name: "greeter.rb", Text: text})
//	value, err := image.Call(ctx, nil, "greet", "world")
//
// The sources name what the host may call with Chargehand.handle, and call the
// host with Chargehand.call.
//
// It imports the standard library, internal/errs and its own sub-packages.
package ruby

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"testing/fstest"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ruby/assets"
	"github.com/chargehand/chargehand/ruby/internal/guest"
)

//go:embed lib
var lib embed.FS

// bootSource loads the prelude; what it raises is told on the standard error.
const bootSource = `
begin
  require "chargehand"
  Chargehand.rest
rescue Exception => e
  IO.for_fd(2, "w", autoclose: false).syswrite(e.full_message(highlight: false))
  raise
end`

// Where the guest finds its library: the build mounts an almost empty /usr of its
// own, which would hide ours.
const (
	mount   = "/lib"
	siteDir = "site" // the engine's own files
)

// Options are the bounds of an Engine; the zero value has sound ones.
type Options struct {
	CacheDir    string        // keeps compiled code between runs; "" compiles at each start
	MemoryLimit uint64        // bytes that a VM may grow to; 256 MiB
	Timeout     time.Duration // of one call; 30 s
	Parallel    int           // calls at once; two for each CPU
	Log         *slog.Logger  // nil is silent
}

func (o Options) withDefaults() Options {
	if o.MemoryLimit == 0 {
		o.MemoryLimit = 256 << 20
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Parallel == 0 {
		o.Parallel = 2 * runtime.GOMAXPROCS(0)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// An Engine compiles the interpreter once and lends its VMs. It is safe for
// concurrent use. Nothing happens until Run or the first call.
type Engine struct {
	opts  Options
	slots chan struct{} // one for each call under way

	start   sync.Once
	started chan struct{} // closed when program and base, or failure, are set
	program *guest.Program
	base    *guest.Snapshot
	failure error

	mu     sync.Mutex
	closed bool
	images map[*Image]struct{}
	busy   sync.WaitGroup // calls under way and the start
}

// New makes an Engine; it costs nothing yet.
func New(opts Options) *Engine {
	opts = opts.withDefaults()
	return &Engine{
		opts:    opts,
		slots:   make(chan struct{}, opts.Parallel),
		started: make(chan struct{}),
		images:  map[*Image]struct{}{},
	}
}

// Run starts the interpreter in the background of whatever else starts, and ends
// it with ctx. The error is that of the start; calls return it too.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.ready(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	<-ctx.Done()
	return e.Close()
}

// Close waits for the calls under way and frees everything. Later calls are Unavailable.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	images := e.images
	e.images = nil
	e.mu.Unlock()
	e.busy.Wait()
	var err error
	for im := range images {
		err = errors.Join(err, im.free())
	}
	if e.base != nil {
		err = errors.Join(err, e.base.Close())
	}
	if e.program != nil {
		err = errors.Join(err, e.program.Close(context.Background()))
	}
	return err
}

// enter counts a call, unless the engine is closed.
func (e *Engine) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errs.New(errs.Unavailable, "the Ruby engine is stopped")
	}
	e.busy.Add(1)
	return nil
}

// ready starts the interpreter, once, and waits for it as long as ctx allows.
func (e *Engine) ready(ctx context.Context) error {
	e.start.Do(func() {
		if err := e.enter(); err != nil {
			e.failure = err
			close(e.started)
			return
		}
		go func() {
			defer e.busy.Done()
			defer close(e.started)
			e.failure = e.boot()
		}()
	})
	select {
	case <-e.started:
		return e.failure
	case <-ctx.Done():
		return errs.WrapAs(errs.Unavailable, ctx.Err(), "the Ruby engine is starting")
	}
}

func (e *Engine) boot() error {
	begin := time.Now()
	ctx := context.Background() // a start that was begun is finished: its fruit is in the cache
	wasm, err := assets.Interpreter()
	if err != nil {
		return errs.WrapAs(errs.Internal, err, "start the Ruby engine")
	}
	files, err := library()
	if err != nil {
		return errs.WrapAs(errs.Internal, err, "start the Ruby engine")
	}
	e.program, err = guest.Compile(ctx, wasm, guest.Config{
		CacheDir: e.opts.CacheDir, Files: files, Mount: mount, MemoryLimit: e.opts.MemoryLimit,
		Workers: runtime.GOMAXPROCS(0),
	})
	if err != nil {
		return errs.WrapAs(errs.Internal, err, "start the Ruby engine")
	}
	debug.FreeOSMemory() // compiling takes hundreds of megabytes, which nobody wants again
	compiled := time.Since(begin)
	if e.base, err = e.bootBase(ctx); err != nil {
		return errs.WrapAs(errs.Internal, err, "start the Ruby engine")
	}
	e.opts.Log.Info("the Ruby engine is ready", "compile", compiled, "boot", time.Since(begin)-compiled)
	return nil
}

// bootBase starts the first VM and keeps it as all images begin.
func (e *Engine) bootBase(ctx context.Context) (*guest.Snapshot, error) {
	t := newThread()
	vm, err := e.program.Boot(ctx, t.streams(), "ruby", "--disable-gems", "-W0", "-EUTF-8:UTF-8",
		"-I"+mount+"/"+siteDir, "-I"+mount+"/"+assets.LibraryDir, "-e_=0")
	if err != nil {
		return nil, errors.Join(err, t.lastWords())
	}
	defer vm.Close()
	t.vm = vm
	if err := vm.Eval(ctx, bootSource); err != nil {
		return nil, errors.Join(err, t.lastWords())
	}
	return vm.Snapshot()
}

// library is the guest's file tree: the standard library and the engine's own files.
func library() (fs.FS, error) {
	tree, err := assets.Library()
	if err != nil {
		return nil, err
	}
	entries, err := lib.ReadDir("lib")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		data, err := lib.ReadFile("lib/" + entry.Name())
		if err != nil {
			return nil, err
		}
		tree[siteDir+"/"+entry.Name()] = &fstest.MapFile{Data: data, Mode: 0o444}
	}
	return tree, nil
}
