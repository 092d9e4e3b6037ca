package erb

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chargehand/chargehand/ruby"
)

// oracle renders a template with Ruby's own ERB and with our translation.
const oracle = `
def attempt
  yield
rescue SyntaxError, StandardError => e
  e.class.name
end

Chargehand.handle("both") do |text, code|
  [attempt { ERB.new(text, trim_mode: "-").result(TOPLEVEL_BINDING.dup) }, attempt { TOPLEVEL_BINDING.dup.eval(code, "t", 1) }]
end

Chargehand.handle("line") { |code| eval(code, TOPLEVEL_BINDING.dup, "t", 1) }`

func image(t *testing.T) *ruby.Image {
	t.Helper()
	cache := t.TempDir()
	if dir, err := os.UserCacheDir(); err == nil {
		cache = filepath.Join(dir, "chargehand-test-ruby") // outlives the test, so that the next need not compile
	}
	e := ruby.New(ruby.Options{CacheDir: cache})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e.Image("oracle", ruby.Source{Name: "oracle.rb", Text: oracle})
}

type fataler interface{ Fatalf(string, ...any) }

func compare(t fataler, call func(text, code string) (json.RawMessage, error), text string) {
	raw, err := call(text, Compile(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var both [2]any // text, unless a comment swallowed the end of the program
	if err := json.Unmarshal(raw, &both); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if !reflect.DeepEqual(both[0], both[1]) {
		t.Fatalf("%q: ERB makes %q, we make %q of\n%s", text, both[0], both[1], Compile(text))
	}
}

func TestAgainstRuby(t *testing.T) {
	im := image(t)
	call := func(text, code string) (json.RawMessage, error) { return im.Call(t.Context(), nil, "both", text, code) }
	for _, text := range []string{
		"", "plain", "line\n", "a\r\nb\r\n", `q"u\o#{1}#$0#@x`, "\t\x00é\u2028", "'", "\\n",
		"<%= 1 %>", "<%= 1 -%>\nx", "<%= 1 -%> \nx", "<%= 1 -%>\r\nx", "<%=1%><%=2%>",
		"<% x = 1 %>\n<%= x %>", "<% x = 1 -%>\n<%= x %>", "  <%- x = 1 -%>\n<%= x %>", "a  <%- x = 1 -%>\n<%= x %>",
		"\n \t<%- 1 %>z", " <%-= 1 %>", "<%-# c %>x",
		"<%# a comment %>x", "<%# two\nlines -%>\nx", "<%#\n-%>", "<%#= 1 %>",
		"<%% not a tag %>", "<%%= 1 %%>", "<% '%%>' %>x", "<%= '%%>' %>", "%> -%> %%>", "<%= '<%' %>", "<%= '<%%' %>",
		"<% if true %>yes<% else %>no<% end %>", "<% [1, 2].each do |i| -%>\n<%= i %>\n<% end -%>\n",
		"<% # eats\n %>x", "<% 1 # eats %>x\ny", "<%\nx = 1\n%>\n<%= x\n%>", "<% x = <<A\nheredoc\nA\n%><%= x %>",
		"<%= nil %>|<%= [1, nil] %>|<%= :a %>", "<% unclosed", "x <%= unclosed", "<%", "<%=", "a%>", "<%=%>", "<% %>", "<%-%>", "<%--%>x",
		"<%= 1 %", "<% 1 -%", "-%>\n", "<% \n-%>\n\nx", "<%= 1 --%>", "<%= 1 %%%>", "% line\n%% line\n",
		"<%= 1 ; 2 %>", "<%= [1,\n2].sum -%>\n<%= __LINE__ %>", "<%= raise 'x' %>", "<%= ) %>", "<% end %>",
		"<% 's' # a comment -%>", "<% \\-%>",
	} {
		compare(t, call, text)
	}
}

// TestAgainstRubyAtRandom compares where ERB makes something. What a tag leaves
// open, such as a quote, goes on into the code that is made of the text after
// it; so each piece closes what it opens, and what ERB refuses we may take.
func TestAgainstRubyAtRandom(t *testing.T) {
	im := image(t)
	call := func(text, code string) (json.RawMessage, error) {
		raw, err := im.Call(t.Context(), nil, "both", text, code)
		if strings.HasPrefix(string(raw), `["SyntaxError",`) {
			return json.RawMessage(`["",""]`), err
		}
		return raw, err
	}
	pieces := rapid.SampledFrom([]string{
		"<%", "<%=", "<%-", "<%#", "<%%", "%>", "-%>", "%%>", "\n", "\r\n", " ", "\t", "text", "1", "'s'", "#", `"q"`, `\\`, "-", "=", "é", "{1}",
	})
	rapid.Check(t, func(r *rapid.T) {
		compare(r, call, strings.Join(rapid.SliceOfN(pieces, 0, 14).Draw(r, "pieces"), ""))
	})
}

func TestLinesAreKept(t *testing.T) {
	im := image(t)
	for _, tt := range []struct {
		text string
		line string
	}{
		{"<%= __LINE__ %>", "1"},
		{"a\nb\n<%= __LINE__ %>", "3"},
		{"<% x = 1 -%>\n<%= __LINE__ %>", "2"},
		{"<%#\n\n\n-%>\n<%= __LINE__ %>", "5"},
		{"<%\nx = [\n1,\n]\n-%>\n\n<%= __LINE__ %>", "7"},
		{"<%= [1,\n2].sum -%>\n<%= __LINE__ %>", "3"},
		{"<%% a\n%%>\n<%= '%%>' -%>\n<%= __LINE__ %>", "4"},
	} {
		raw, err := im.Call(t.Context(), nil, "line", Compile(tt.text))
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if !strings.HasSuffix(strings.TrimRight(string(raw), `"`), tt.line) {
			t.Errorf("%q: made %s, want line %s", tt.text, raw, tt.line)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add("<%= 1 -%>\n<% x %>")
	f.Fuzz(func(t *testing.T, text string) {
		code := Compile(text)
		if got, want := strings.Count(code, "\n"), strings.Count(text, "\n"); got > want {
			t.Errorf("%d lines became %d", want, got)
		}
	})
}
