package ruby

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// newEngine is an engine whose compiled code outlives the test, so that a second
// run need not compile.
func newEngine(t testing.TB, opts Options) *Engine {
	t.Helper()
	if opts.CacheDir == "" {
		opts.CacheDir = t.TempDir()
		if dir, err := os.UserCacheDir(); err == nil {
			opts.CacheDir = filepath.Join(dir, "chargehand-test-ruby")
		}
	}
	e := New(opts)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// eval is an image that evaluates what it is called with.
func eval(e *Engine) *Image {
	return e.Image("eval", Source{Name: "eval.rb", Text: `Chargehand.handle("eval") { |code, *args| eval(code, binding, "code", 1) }`})
}

type hostFunc func(ctx context.Context, g Guest, name string, args []json.RawMessage) (any, error)

func (f hostFunc) Answer(ctx context.Context, g Guest, name string, args []json.RawMessage) (any, error) {
	return f(ctx, g, name, args)
}

func TestCall(t *testing.T) {
	im := eval(newEngine(t, Options{}))
	echo := hostFunc(func(ctx context.Context, g Guest, name string, args []json.RawMessage) (any, error) {
		switch name {
		case "echo":
			return args, nil
		case "again":
			return g.Call(ctx, "eval", "args.sum", 1, 2, 3)
		}
		return nil, errs.New(errs.NotFound, "no %q", name)
	})
	for _, tt := range []struct{ code, want, fails string }{
		{code: `1 + 1`, want: `2`},
		{code: `nil`, want: `null`},
		{code: `{ "a" => [1.5, true, "é"] }`, want: `{"a":[1.5,true,"é"]}`},
		{code: `Chargehand.call("echo", 1, "x", nil)`, want: `[1,"x",null]`},
		{code: `Chargehand.call("again")`, want: `6`},
		{code: `puts "noise"; $stderr.puts "noise"; STDOUT.puts "noise"; 7`, want: `7`},
		{code: `begin; Chargehand.call("x"); rescue => e; e.message; end`, want: `"no \"x\""`},
		{code: `ERB.new("<% 3.times do |i| -%>\n<%= i %>\n<% end -%>\n", trim_mode: "-").result`, want: `"0\n1\n2\n"`},
		{code: `YAML.dump({"a"=>[1]}) + IPAddr.new("10.0.0.0/8").to_range.first.to_s`, want: `"---\na:\n- 1\n10.0.0.0"`},
		{code: `Digest::SHA256.hexdigest("").slice(0, 8) + Base64.strict_encode64("hi")`, want: `"e3b0c442aGk="`},
		{code: `Time.now.year > 2000 && SecureRandom.hex(8).size`, want: `16`},
		{code: `raise "no"`, fails: `no (RuntimeError)`},
		{code: `Chargehand.call("x")`, fails: `no "x" (Chargehand::HostError)`},
		{code: `def f = f; f`, fails: `(SystemStackError)`},
		{code: `throw :x`, fails: `(UncaughtThrowError)`},
		{code: "x = \"\\xff\"", fails: `the result cannot be told`},
		{code: `1 +`, fails: `(SyntaxError)`},
	} {
		got, err := im.Call(t.Context(), echo, "eval", tt.code)
		if tt.fails != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%s: %s, %v; want error %q", tt.code, got, err, tt.fails)
			}
			continue
		}
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %s, %v; want %s", tt.code, got, err, tt.want)
		}
	}
	_, err := im.Call(t.Context(), echo, "eval", "Chargehand.call(\"x\")")
	if e, ok := errors.AsType[*Error](err); !ok || errs.KindOf(e.Cause) != errs.NotFound {
		t.Errorf("the host's error came back as %#v", err)
	}
}

func TestCallsSeeNothingOfEachOther(t *testing.T) {
	im := eval(newEngine(t, Options{}))
	leave := `$left = 1; @left = 2; LEFT = 3; class String; def upcase = "spoilt"; end; Thread.current[:left] = 4; def left = 5; srand(1); "ok"`
	look := `[$left, @left, defined?(LEFT), "a".upcase, Thread.current[:left], (left rescue nil)]`
	for range 5 {
		if _, err := im.Call(t.Context(), nil, "eval", leave); err != nil {
			t.Fatal(err)
		}
		if got, err := im.Call(t.Context(), nil, "eval", look); err != nil || string(got) != `[null,null,null,"A",null,null]` {
			t.Errorf("a later call saw %s, %v", got, err)
		}
	}
}

func TestChanceDiffersBetweenCopies(t *testing.T) {
	im := eval(newEngine(t, Options{}))
	seen := map[string]bool{}
	for range 20 {
		got, err := im.Call(t.Context(), nil, "eval", `[rand(1 << 60), Random.new.rand(1 << 60), SecureRandom.hex(16), [*1..50].shuffle]`)
		if err != nil {
			t.Fatal(err)
		}
		var parts []json.RawMessage
		if err := json.Unmarshal(got, &parts); err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if seen[string(part)] {
				t.Errorf("%s came twice", part)
			}
			seen[string(part)] = true
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	im := eval(newEngine(t, Options{}))
	var deepest int
	var host hostFunc = func(ctx context.Context, g Guest, _ string, args []json.RawMessage) (any, error) {
		var depth int
		if err := json.Unmarshal(args[0], &depth); err != nil {
			return nil, err
		}
		deepest = max(deepest, depth)
		return g.Call(ctx, "eval", `Chargehand.call("deeper", args[0])`, depth+1)
	}
	_, err := im.Call(t.Context(), host, "eval", `Chargehand.call("deeper", args[0])`, 1)
	if !strings.Contains(fmt.Sprint(err), "nest deeper") || deepest != maxDepth {
		t.Errorf("%d deep, %v", deepest, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	im := eval(newEngine(t, Options{Parallel: 3}))
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			got, err := im.Call(t.Context(), nil, "eval", `$n = args[0]; 1000.times { $n += 1 }; $n`, i)
			if err != nil || string(got) != strconv.Itoa(i+1000) {
				t.Errorf("call %d: %s, %v", i, got, err)
			}
		})
	}
	wg.Wait()
	im.mu.Lock()
	defer im.mu.Unlock()
	if n := len(im.idle); n == 0 || n > 3 {
		t.Errorf("%d VMs are idle", n)
	}
}

func TestUnavailable(t *testing.T) {
	e := newEngine(t, Options{Parallel: 1})
	im := eval(e)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := im.Call(ended, nil, "eval", "1"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("while it starts: %v", err)
	}
	if err := im.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	inside, leave := make(chan struct{}), make(chan struct{})
	busy := hostFunc(func(context.Context, Guest, string, []json.RawMessage) (any, error) {
		close(inside)
		<-leave
		return nil, nil
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := im.Call(t.Context(), busy, "eval", `Chargehand.call("wait")`); err != nil {
			t.Error(err)
		}
	})
	<-inside
	if _, err := im.Call(ended, nil, "eval", "1"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("while it is busy: %v", err)
	}
	close(leave)
	wg.Wait()
	if err := im.Close(); err != nil {
		t.Error(err)
	}
	if _, err := im.Call(t.Context(), nil, "eval", "1"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a closed image: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := e.Image("late").Call(t.Context(), nil, "eval", "1"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a closed engine: %v", err)
	}
}

func TestCancel(t *testing.T) {
	im := eval(newEngine(t, Options{}))
	if err := im.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	host := hostFunc(func(context.Context, Guest, string, []json.RawMessage) (any, error) {
		cancel()
		return nil, nil
	})
	if _, err := im.Call(ctx, host, "eval", `Chargehand.call("now"); loop {}`); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
}

func TestBrokenImage(t *testing.T) {
	e := newEngine(t, Options{})
	im := e.Image("broken", Source{"good.rb", "X = 1"}, Source{"bad.rb", "\n\nraise 'no'"})
	for range 2 {
		err := im.Load(t.Context())
		raised, ok := errors.AsType[*Error](err)
		if !ok || raised.Class != "RuntimeError" {
			t.Fatalf("got %v", err)
		}
		if source, line := raised.Where([]string{"good.rb", "bad.rb"}); source != "bad.rb" || line != 3 {
			t.Errorf("in %q, line %d: %q", source, line, raised.Backtrace)
		}
	}
}

func TestRun(t *testing.T) {
	e := newEngine(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- e.Run(ctx) }()
	if _, err := eval(e).Call(t.Context(), nil, "eval", "1"); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWhere(t *testing.T) {
	for _, tt := range []struct {
		err    Error
		source string
		line   int
	}{
		{Error{Backtrace: []string{"lib/x.rb:3:in 'f'", "b:7:in 'g'", "a:1:in 'h'"}}, "b", 7},
		{Error{Class: "SyntaxError", Message: "a:12: syntax errors found"}, "a", 12},
		{Error{Message: "a:12: only says so"}, "", 0},
		{Error{Backtrace: []string{"a:b:1:in 'h'", "a:x"}}, "", 0},
		{Error{}, "", 0},
	} {
		if source, line := tt.err.Where([]string{"a", "b"}); source != tt.source || line != tt.line {
			t.Errorf("%+v: %q, %d", tt.err, source, line)
		}
	}
}

func TestTimeout(t *testing.T) {
	im := eval(newEngine(t, Options{Timeout: 200 * time.Millisecond}))
	if _, err := im.Call(t.Context(), nil, "eval", "loop {}"); !errs.Is(err, errs.Invalid) || !errors.Is(err, errTimeout) {
		t.Errorf("an endless loop: %v", err)
	}
}

func TestSession(t *testing.T) {
	im := eval(newEngine(t, Options{}))
	s := im.Session()
	defer s.Close()
	inner := hostFunc(func(ctx context.Context, _ Guest, _ string, _ []json.RawMessage) (any, error) {
		return s.Call(ctx, nil, "eval", "$n += 10")
	})
	for _, tt := range []struct{ code, want string }{
		{"$n = 1", "1"},
		{"$n += 1", "2"},
		{`[Chargehand.call("inside"), $n]`, "[12,12]"},
	} {
		if got, err := s.Call(t.Context(), inner, "eval", tt.code); err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.code, got, err, tt.want)
		}
	}
	if got, err := im.Call(t.Context(), nil, "eval", "$n"); err != nil || string(got) != "null" {
		t.Errorf("beside the session: %s, %v", got, err)
	}
	if _, err := s.Call(t.Context(), nil, "eval", "exit!"); !errs.Is(err, errs.Invalid) {
		t.Errorf("exit!: %v", err)
	}
	if got, err := s.Call(t.Context(), nil, "eval", "$n"); err != nil || string(got) != "null" {
		t.Errorf("after the VM ended: %s, %v", got, err)
	}
}
