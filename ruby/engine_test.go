package ruby

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
)

// newEngine is an engine whose compiled code outlives the test, so that a second
// run need not compile.
func newEngine(t testing.TB, opts Options) *Engine {
	t.Helper()
	if opts.CacheDir == "" {
		opts.CacheDir = filepath.Join(os.TempDir(), "chargehand-test-ruby")
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
