package guest_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/ruby/assets"
	"github.com/chargehand/chargehand/ruby/internal/guest"
)

func program(t *testing.T) *guest.Program {
	t.Helper()
	cache := t.TempDir()
	if dir, err := os.UserCacheDir(); err == nil {
		cache = filepath.Join(dir, "chargehand-test-ruby")
	}
	wasm, err := assets.Interpreter()
	if err != nil {
		t.Fatal(err)
	}
	p, err := guest.Compile(t.Context(), wasm, guest.Config{CacheDir: cache, MemoryLimit: 128 << 20, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestSnapshots(t *testing.T) {
	p := program(t)
	var out bytes.Buffer
	streams := guest.Streams{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}
	vm, err := p.Boot(t.Context(), streams, "ruby", "--disable-gems", "-e_=0")
	if err != nil {
		t.Fatal(err)
	}
	eval := func(vm *guest.VM, code, want string) {
		t.Helper()
		out.Reset()
		if err := vm.Eval(t.Context(), code+"; STDOUT.flush"); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v; want %q", code, out.String(), err, want)
		}
	}
	eval(vm, "$x = 1; print $x", "1")
	snap, err := vm.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	eval(vm, "$x += 1; print $x", "2") // the original goes on and the copies do not see it
	if err := vm.Close(); err != nil {
		t.Error(err)
	}
	one, err := p.Restore(t.Context(), snap, streams)
	if err != nil {
		t.Fatal(err)
	}
	two, err := p.Restore(t.Context(), snap, streams)
	if err != nil {
		t.Fatal(err)
	}
	eval(one, "$x += 10; print $x", "11")
	eval(two, "$x += 20; print $x", "21")
	eval(one, "print $x", "11")
	if !one.Reset(snap) {
		t.Fatal("a VM at rest was not reset")
	}
	eval(one, "print $x", "1")
	if err := one.Eval(t.Context(), "raise 'x'"); !errors.Is(err, guest.ErrRaised) {
		t.Errorf("an exception: %v", err)
	}
	eval(one, "$big = 'x' * 40_000_000; print 1", "1")
	if one.Reset(snap) {
		t.Error("a VM that has grown was kept")
	}
	if err := errors.Join(one.Close(), two.Close()); err != nil {
		t.Error(err)
	}
}

func TestEndedVM(t *testing.T) {
	p := program(t)
	vm, err := p.Boot(t.Context(), guest.Streams{Stdin: strings.NewReader("")}, "ruby", "--disable-gems", "-e_=0")
	if err != nil {
		t.Fatal(err)
	}
	snap, err := vm.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if err := vm.Eval(t.Context(), "exit!"); err == nil || errors.Is(err, guest.ErrRaised) {
		t.Errorf("exit! gave %v", err)
	}
	if vm.Reset(snap) {
		t.Error("a VM that has ended was kept")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	again, err := p.Restore(t.Context(), snap, guest.Streams{Stdin: strings.NewReader("")})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Eval(ctx, "loop {}"); err == nil {
		t.Error("a loop ended well")
	}
	if err := errors.Join(vm.Close(), again.Close()); err != nil {
		t.Error(err)
	}
}
