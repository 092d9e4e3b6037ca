// Package guest drives the WebAssembly build of CRuby: it compiles the module,
// boots a VM, evaluates source in it, and copies a booted VM by its linear
// memory (a snapshot), so that a fresh VM costs a mapping and not a start.
//
// A VM sees the streams and the read-only files it is given, the clock and a
// random source, and nothing else: no network, environment, process or host file.
//
// It imports the standard library, wazero and golang.org/x/sys.
package guest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	wasi "github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

const pageSize = 65536

// The guest's functions, by the names its interface generator gave them.
const (
	fnInit    = "ruby-init: func(args: list<string>) -> ()"
	fnEval    = "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>"
	fnDrop    = "canonical_abi_drop_rb-abi-value"
	fnRealloc = "cabi_realloc"
)

// Config is what every VM of a Program has in common.
type Config struct {
	CacheDir    string // where compiled code is kept between runs; "" compiles each time
	Files       fs.FS  // mounted read-only at Mount; nil is none
	Mount       string
	MemoryLimit uint64 // bytes of linear memory a VM may grow to
	Workers     int    // compiling goroutines; 0 is one
}

// A Program is the compiled interpreter. It is safe for concurrent use.
type Program struct {
	cfg   Config
	rt    wazero.Runtime
	cache wazero.CompilationCache
	code  wazero.CompiledModule
}

// Compile translates the module to machine code, or finds it in the cache.
func Compile(ctx context.Context, wasm []byte, cfg Config) (*Program, error) {
	p := &Program{cfg: cfg}
	rc := wazero.NewRuntimeConfig().
		WithCloseOnContextDone(true).
		WithMemoryLimitPages(uint32(min(cfg.MemoryLimit/pageSize, 65536)))
	if cfg.CacheDir != "" {
		// What is in there runs as machine code: nobody else may write it.
		if err := os.MkdirAll(cfg.CacheDir, 0o700); err != nil {
			return nil, fmt.Errorf("compilation cache: %w", err)
		}
		cache, err := wazero.NewCompilationCacheWithDir(cfg.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("compilation cache: %w", err)
		}
		p.cache = cache
		rc = rc.WithCompilationCache(cache)
	}
	p.rt = wazero.NewRuntimeWithConfig(ctx, rc)
	if err := p.compile(ctx, wasm); err != nil {
		return nil, errors.Join(err, p.Close(context.WithoutCancel(ctx)))
	}
	return p, nil
}

func (p *Program) compile(ctx context.Context, wasm []byte) error {
	if p.cfg.Workers > 1 {
		ctx = experimental.WithCompilationWorkers(ctx, p.cfg.Workers)
	}
	if _, err := wasi.Instantiate(ctx, p.rt); err != nil {
		return fmt.Errorf("instantiate WASI: %w", err)
	}
	code, err := p.rt.CompileModule(ctx, wasm)
	if err != nil {
		return fmt.Errorf("compile the interpreter: %w", err)
	}
	p.code = code
	return p.defineHostABI(ctx)
}

// defineHostABI satisfies the imports that the build has for a JavaScript host.
// Handles of Ruby values are the values themselves; everything JavaScript traps.
func (p *Program) defineHostABI(ctx context.Context) error {
	builders := map[string]wazero.HostModuleBuilder{}
	for _, fn := range p.code.ImportedFunctions() {
		module, name, _ := fn.Import()
		if module == wasi.ModuleName {
			continue
		}
		if builders[module] == nil {
			builders[module] = p.rt.NewHostModuleBuilder(module)
		}
		builders[module].NewFunctionBuilder().
			WithGoModuleFunction(hostFunction(name), fn.ParamTypes(), fn.ResultTypes()).
			Export(name)
	}
	for module, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("define %s: %w", module, err)
		}
	}
	return nil
}

func hostFunction(name string) api.GoModuleFunction {
	if name == "resource_new_rb-abi-value" || name == "resource_get_rb-abi-value" {
		return api.GoModuleFunc(func(context.Context, api.Module, []uint64) {}) // in place: result is the argument
	}
	return api.GoModuleFunc(func(context.Context, api.Module, []uint64) {
		panic(errors.New("the guest called " + name + ", which this host does not have"))
	})
}

// Close ends the program and every VM of it.
func (p *Program) Close(ctx context.Context) error {
	err := p.rt.Close(ctx)
	if p.cache != nil {
		err = errors.Join(err, p.cache.Close(ctx))
	}
	return err
}

// Streams are a VM's standard input and output. A nil Stderr is dropped.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

func (p *Program) instantiate(ctx context.Context, s Streams) (_ *VM, err error) {
	mc := wazero.NewModuleConfig().
		WithName("").
		WithStartFunctions().
		WithStdin(s.Stdin).WithStdout(s.Stdout).WithStderr(s.Stderr).
		WithSysWalltime().WithSysNanotime().
		WithRandSource(rand.Reader)
	if p.cfg.Files != nil {
		mc = mc.WithFSConfig(wazero.NewFSConfig().WithFSMount(p.cfg.Files, p.cfg.Mount))
	}
	vm := &VM{}
	defer func() { // the runtime panics when the allocator has no memory for it
		if r := recover(); r != nil {
			err = fmt.Errorf("instantiate the interpreter: %v", r)
		}
	}()
	ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(
		func(_, max uint64) experimental.LinearMemory {
			vm.memory = newLinearMemory(max)
			return vm.memory
		}))
	mod, err := p.rt.InstantiateModule(ctx, p.code, mc)
	if err != nil {
		return nil, fmt.Errorf("instantiate the interpreter: %w", err)
	}
	vm.mod = mod
	return vm, nil
}

// Boot starts an interpreter from nothing.
func (p *Program) Boot(ctx context.Context, s Streams, args ...string) (*VM, error) {
	vm, err := p.instantiate(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := vm.boot(ctx, args); err != nil {
		return nil, errors.Join(err, vm.Close())
	}
	return vm, nil
}

// A VM is one interpreter. One goroutine at a time may use it; after an error
// from Eval it may only be closed.
type VM struct {
	mod    api.Module
	memory *linearMemory
}

func (vm *VM) boot(ctx context.Context, args []string) error {
	if _, err := vm.call(ctx, "_initialize"); err != nil {
		return fmt.Errorf("initialize the interpreter: %w", err)
	}
	list, err := vm.allocate(ctx, 4, uint32(8*len(args)))
	if err != nil {
		return err
	}
	for i, arg := range args {
		ptr, err := vm.text(ctx, arg+"\x00")
		if err != nil {
			return err
		}
		vm.mod.Memory().WriteUint32Le(list+uint32(8*i), ptr)
		vm.mod.Memory().WriteUint32Le(list+uint32(8*i)+4, uint32(len(arg)+1))
	}
	if _, err := vm.call(ctx, fnInit, uint64(list), uint64(len(args))); err != nil {
		return fmt.Errorf("start the interpreter: %w", err)
	}
	return nil
}

// ErrRaised is Eval's error where the source ended with a Ruby exception.
var ErrRaised = errors.New("ruby raised an exception")

// Eval evaluates Ruby source at the top level. A Ruby exception that leaves it is
// ErrRaised; anything else (time up, memory exhausted, exit) ended the VM.
func (vm *VM) Eval(ctx context.Context, source string) error {
	ptr, err := vm.text(ctx, source)
	if err != nil {
		return err
	}
	res, err := vm.call(ctx, fnEval, uint64(ptr), uint64(len(source)))
	if err != nil {
		return err
	}
	value, ok := vm.mod.Memory().ReadUint32Le(uint32(res[0]))
	state, ok2 := vm.mod.Memory().ReadUint32Le(uint32(res[0]) + 4)
	if !ok || !ok2 {
		return errors.New("the guest returned an address outside of its memory")
	}
	if _, err := vm.call(ctx, fnDrop, uint64(value)); err != nil {
		return err
	}
	if state != 0 {
		return ErrRaised
	}
	return nil
}

func (vm *VM) call(ctx context.Context, name string, args ...uint64) ([]uint64, error) {
	fn := vm.mod.ExportedFunction(name)
	if fn == nil {
		return nil, fmt.Errorf("the guest has no function %q", name)
	}
	res, err := fn.Call(ctx, args...)
	if err != nil {
		head, _, _ := strings.Cut(err.Error(), "\n")
		return nil, fmt.Errorf("the guest stopped: %s: %w", head, err)
	}
	return res, nil
}

func (vm *VM) allocate(ctx context.Context, align, size uint32) (uint32, error) {
	res, err := vm.call(ctx, fnRealloc, 0, 0, uint64(align), uint64(size))
	if err != nil {
		return 0, err
	}
	return uint32(res[0]), nil
}

func (vm *VM) text(ctx context.Context, s string) (uint32, error) {
	ptr, err := vm.allocate(ctx, 1, uint32(len(s)))
	if err != nil {
		return 0, err
	}
	if !vm.mod.Memory().WriteString(ptr, s) {
		return 0, errors.New("the guest allocated outside of its memory")
	}
	return ptr, nil
}

// Close frees the VM and its memory.
func (vm *VM) Close() error { return vm.mod.Close(context.Background()) }
