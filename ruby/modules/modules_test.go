package modules

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ruby"
)

const newer = `
Puppet::Functions.create_function(:"site::join") do
  dispatch :two do
    param 'String', :a
    optional_param 'String', :b
    return_type 'String'
  end
  dispatch :many do
    param 'String', :a
    required_repeated_param 'Any', :rest
    optional_block_param 'Callable', :block
  end

  def two(a, b = 'none') = "#{a}+#{b}"

  def many(a, *rest, &block)
    rest = rest.map { |r| yield(r) } if block
    ([a] + rest).join('*')
  end
end`

var functions = []File{
	{"site::join", "join.rb", newer},
	{"plain", "plain.rb", "Puppet::Functions.create_function(:plain) do\n  def plain(x, *more) = [x.class.name, more.size]\nend"},
	{"scoped", "scoped.rb", `Puppet::Functions.create_function(:scoped, Puppet::Functions::InternalFunction) do
	  dispatch(:scoped) { scope_param; param 'String', :name }
	  def scoped(scope, name) = scope.include?(name) ? scope[name] : closure_scope.lookupvar('other')
	end`},
	{"calls", "calls.rb", `Puppet::Functions.create_function(:calls) do
	  def calls(n) = call_function('upstairs', n) { |x| x * 2 } + call_function('plain', 1).size
	end`},
	{"older", "older.rb", `module Puppet::Parser::Functions
	  newfunction(:older, type: :rvalue, arity: -2, doc: 'x') do |args|
	    raise Puppet::ParseError, "older(): no" if args[0] == 'no'
	    "#{lookupvar('other')} #{args.inspect} #{function_older2(['y'])}"
	  end
	  newfunction(:older2, type: :rvalue) { |args| args.first.upcase }
	end`},
	{"counts", "counts.rb", "Puppet::Functions.create_function(:counts) do\n  def counts = $count = ($count || 0) + 1\nend"},
	{"broken", "broken.rb", "Puppet::Functions.create_function(:broken) do\n  oops\nend"},
	{"unparsable", "unparsable.rb", "def ("},
	{"requires", "requires.rb", "require 'puppet'\nrequire 'puppet/util/site'\nPuppet::Functions.create_function(:requires) do\n  def requires = Site.word\nend"},
	{"relative", "/m/site/lib/puppet/functions/relative.rb", "require_relative '../util/site.rb'\nPuppet::Functions.create_function(:relative) do\n  def relative = Site.word\nend"},
	{"own_call", "own_call.rb", `Puppet::Functions.create_function(:own_call) do
	  dispatch(:handed) { param 'Any', :scope; repeated_param 'Any', :args }
	  def call(scope, *args) = self.class.dispatcher.dispatch(self, scope, [scope] + args)
	  def handed(scope, *args) = scope.function_older2(args)
	end`},
	{"compare", "compare.rb", "Puppet::Functions.create_function(:compare) do\n  def compare(a, b) = Puppet::Util::Package.versioncmp(a, b)\nend"},
	{"echo", "echo.rb", "Puppet::Functions.create_function(:echo) do\n  def echo(x) = x\nend"},
	{"outer", "outer.rb", "Puppet::Functions.create_function(:outer) do\n  def outer(n) = call_function('nest', n)\nend"},
}

type host struct {
	run *Run
	log []string
}

func (h *host) Answer(ctx context.Context, g ruby.Guest, name string, args []json.RawMessage) (any, error) {
	switch name {
	case "lookupvar":
		if string(args[0]) == `"other"` {
			return map[string]any{"found": true, "value": "seen"}, nil
		}
		return map[string]any{"found": false, "value": nil}, nil
	case "log":
		h.log = append(h.log, string(args[0])+string(args[1]))
		return nil, nil
	case "call_lambda":
		return "L" + string(args[0]) + string(args[1]), nil
	case "call_function":
		switch string(args[0]) {
		case `"upstairs"`:
			return g.Call(ctx, "block", args[2], []any{21})
		case `"nest"`:
			return h.run.Call(ctx, "echo", []any{args[1]}, -1, -1)
		}
	}
	return nil, errs.New(errs.NotFound, "Unknown function: %s", args[0])
}

func newCode(t *testing.T) *Code {
	t.Helper()
	cache := t.TempDir()
	if dir, err := os.UserCacheDir(); err == nil {
		cache = filepath.Join(dir, "chargehand-test-ruby")
	}
	engine := ruby.New(ruby.Options{CacheDir: cache})
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	code, err := New(engine, "test", functions, []File{{Name: "puppet/util/site", Text: "module Site; def self.word = 'library'; end"}})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestCall(t *testing.T) {
	h := &host{}
	h.run = newCode(t).Run(h)
	defer h.run.Close()
	special := func(kind string, v any) any { return map[string]any{"__ptype": kind, "__pvalue": v} }
	for _, tt := range []struct {
		name             string
		args             []any
		dispatch, lambda int
		want, fails      string
	}{
		{"site::join", []any{"a"}, -1, -1, `"a+none"`, ""},
		{"site::join", []any{"a", "b"}, 0, -1, `"a+b"`, ""},
		{"site::join", []any{"a", "b"}, 1, -1, `"a*b"`, ""},
		{"site::join", []any{"a", 1, nil}, -1, -1, `"a*1*"`, ""},
		{"site::join", []any{"a", "b", "c"}, -1, 7, `"a*L7[\"b\"]*L7[\"c\"]"`, ""},
		{"site::join", nil, -1, -1, "", "another number of arguments"},
		{"plain", []any{special("Sensitive", "s")}, -1, -1, `["Puppet::Pops::Types::PSensitiveType::Sensitive",0]`, ""},
		{"plain", []any{map[string]any{"__ptype": "Default"}, 1, 2}, -1, -1, `["Symbol",2]`, ""},
		{"echo", []any{special("Sensitive", []any{1})}, -1, -1, `{"__ptype":"Sensitive","__pvalue":[1]}`, ""},
		{"echo", []any{special("Regexp", "a.b")}, -1, -1, `{"__ptype":"Regexp","__pvalue":"a.b"}`, ""},
		{"echo", []any{special("Type", "Optional[String]")}, -1, -1, `{"__ptype":"Type","__pvalue":"Optional[String]"}`, ""},
		{"echo", []any{special("Hash", []any{1, "one", map[string]any{"__ptype": "Default"}, 2})}, -1, -1, `{"__ptype":"Hash","__pvalue":[1,"one",{"__ptype":"Default"},2]}`, ""},
		{"echo", []any{map[string]any{"a": []any{1.5, nil, true}}}, -1, -1, `{"a":[1.5,null,true]}`, ""},
		{"scoped", []any{"missing"}, -1, -1, `"seen"`, ""},
		{"calls", []any{1}, -1, -1, `44`, ""},
		{"older", []any{"x", nil}, -1, -1, `"seen [\"x\", \"\"] Y"`, ""},
		{"older", []any{"no"}, -1, -1, "", "older(): no (Puppet::ParseError)"},
		{"older", nil, -1, -1, "", "Wrong number of arguments"},
		{"counts", nil, -1, -1, "1", ""},
		{"counts", nil, -1, -1, "2", ""},
		{"broken", nil, -1, -1, "", "broken.rb: undefined local variable or method 'oops'"},
		{"unparsable", nil, -1, -1, "", "unparsable.rb"},
		{"requires", nil, -1, -1, `"library"`, ""},
		{"relative", nil, -1, -1, `"library"`, ""},
		{"own_call", []any{"up"}, -1, -1, `"UP"`, ""},
		{"compare", []any{"1.10", "1.9"}, -1, -1, "1", ""},
		{"compare", []any{"1.0-rc1", "1.0.1"}, -1, -1, "-1", ""},
		{"compare", []any{"1.0", "1.0"}, -1, -1, "0", ""},
		{"none", nil, -1, -1, "", "Unknown function: 'none'"},
		{"outer", []any{"in"}, -1, -1, `["in"]`, ""},
	} {
		got, err := h.run.Call(t.Context(), tt.name, tt.args, tt.dispatch, tt.lambda)
		if tt.fails != "" {
			if _, raised := errors.AsType[*ruby.Error](err); !raised || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%s%v: %s, %v; want error %q", tt.name, tt.args, got, err, tt.fails)
			}
			continue
		}
		if err != nil || string(got) != tt.want {
			t.Errorf("%s%v: %s, %v; want %s", tt.name, tt.args, got, err, tt.want)
		}
	}
}

func TestRunsAreApart(t *testing.T) {
	code := newCode(t)
	for range 3 {
		run := code.Run(nil)
		if got, err := run.Call(t.Context(), "counts", nil, -1, -1); err != nil || string(got) != "1" {
			t.Errorf("the first call of a run counts %s, %v", got, err)
		}
		run.Close()
	}
}

func TestFunctions(t *testing.T) {
	all, err := newCode(t).Functions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Function{}
	for _, f := range all {
		byName[f.Name] = f
	}
	want := Function{Name: "site::join", Dispatches: []Dispatch{
		{Params: []Param{{"a", "String", "required"}, {"b", "String", "optional"}}, Block: "none", Returns: "String"},
		{Params: []Param{{"a", "String", "required"}, {"rest", "Any", "required_repeated"}}, Block: "optional"},
	}}
	if diff := cmp.Diff(want, byName["site::join"]); diff != "" {
		t.Error(diff)
	}
	if f := byName["older"]; !f.Older || !f.RValue || f.Arity != -2 {
		t.Errorf("older: %+v", f)
	}
	if f := byName["broken"]; !strings.Contains(f.Error, "oops") {
		t.Errorf("broken: %+v", f)
	}
}

func TestRender(t *testing.T) {
	h := &host{}
	run := newCode(t).Run(h)
	defer run.Close()
	vars := map[string]any{"name": "web", "list": []any{"a", "b"}, "weird-name": 1}
	for _, tt := range []struct{ text, want, fails string }{
		{"<%= @name %> <%= scope['other'] %> <%= scope.lookupvar('::other') %> <%= has_variable?('x') %>", "web seen seen false", ""},
		{"<% @list.each do |x| -%>\n<%= x %>\n<% end -%>", "a\nb\n", ""},
		{"<%= scope.function_older2(['up']) %> <%= scope.call_function('site::join', ['a']) %>", "UP a+none", ""},
		{"<% Puppet.warning('careful') %>ok", "ok", ""},
		{"<%= @none.inspect %>", "nil", ""},
		{"\n<%= @none.upcase %>", "", "undefined method 'upcase' for nil"},
		{"<%= name %>", "", "undefined local variable or method 'name'"},
	} {
		got, err := run.Render(t.Context(), "t.erb", tt.text, vars)
		if tt.fails != "" {
			raised, ok := errors.AsType[*ruby.Error](err)
			if !ok || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%q: %q, %v", tt.text, got, err)
				continue
			}
			if source, line := raised.Where([]string{"t.erb"}); source != "t.erb" || line != strings.Count(tt.text, "\n")+1 {
				t.Errorf("%q: in %s, line %d", tt.text, source, line)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("%q: %q, %v; want %q", tt.text, got, err, tt.want)
		}
	}
	if len(h.log) != 1 || h.log[0] != `"warning""careful"` {
		t.Errorf("logged %v", h.log)
	}
}
