package ruby

import (
	"context"
	"encoding/json"
	"testing"
)

func BenchmarkCall(b *testing.B) {
	im := eval(newEngine(b, Options{}))
	if err := im.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := im.Call(b.Context(), nil, "eval", "1"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCallbacks100(b *testing.B) {
	im := eval(newEngine(b, Options{}))
	host := hostFunc(func(context.Context, Guest, string, []json.RawMessage) (any, error) { return 1, nil })
	if err := im.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := im.Call(b.Context(), host, "eval", `100.times { Chargehand.call("one") }`); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRestore(b *testing.B) {
	e := newEngine(b, Options{})
	if err := e.ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		t, err := restore(b.Context(), e.program, e.base)
		if err != nil {
			b.Fatal(err)
		}
		if err := t.vm.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWarmStart(b *testing.B) {
	for b.Loop() {
		if err := newEngine(b, Options{}).ready(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
