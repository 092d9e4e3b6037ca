package syntax

import (
	"strings"
	"testing"
)

// check parses, validates and dumps a text, and makes sure that every place
// lies in it.
func check(t *testing.T, text string, opts Options) {
	res, err := Parse("fuzz.pp", text, opts)
	lines := strings.Count(text, "\n") + 1
	findings := append([]*Error{}, res.Warnings...)
	if err != nil {
		e, ok := err.(*Error)
		if !ok {
			t.Fatalf("error of type %T", err)
		}
		findings = append(findings, e)
	} else {
		found := Validate(res.Program, ValidateOptions{})
		findings = append(findings, found.Errors...)
		PN(res.Program)
		if _, err := JSON(res.Program); err != nil {
			t.Fatal(err)
		}
		places(t, res.Program.Body, len(text))
	}
	for _, f := range findings {
		if f.Line < 0 || f.Line > lines || f.Column < 0 || f.Column > len(text)+1 {
			t.Fatalf("%q is at line %d, column %d of %d lines", f.Message, f.Line, f.Column, lines)
		}
	}
}

func places(t *testing.T, e Expr, size int) {
	if e == nil {
		return
	}
	p := e.Base()
	if p.Offset < 0 || p.Length < 0 || p.End() > size {
		t.Fatalf("%T is at %d+%d of %d", e, p.Offset, p.Length, size)
	}
	for _, c := range Children(e) {
		places(t, c, size)
	}
}

func seeds(f *testing.F) {
	for _, s := range []string{
		"", "$a = 1", `notify { "a ${b} $c ${d[0].e}": x => { y => [1, 2.0, 0x1f, 017] } }`,
		"class a($b = 1, String *$c) inherits d { include e }", "define f { }", "node 'a', /b/, default { }",
		"File <| a == 1 and tag != 'x' |> { mode => '0644' }", "<<| |>>", "a -> b ~> c <- d <~ e",
		"case $x { 1, 2: { } default: { } }", "$x ? { 1 => 2, default => 3 }", "if $a { } elsif $b { } else { }",
		"$x = @(\"E\":json/L$)\n  a ${b}\n  c\\\n  | - E\n", "function a::b(Integer $x) >> String { 'a' }",
		"type A = Variant[String, Array[A]]", "@@file { default: ; ['a', 'b']: * => $h, mode +> 1 }",
		"[1,2].each |$i, *$r| { next($i) }", "$a =~ /x\\/[/]/ and !$b or -$c * *$d", "'a\\'b' \"\\u{1F600}\\x\"",
		"# comment\n/* more */ unless true { fail('x') }", "Foo::Bar['a'] { b => c }", "\xef\xbb\xbfx", "é ☃ $",
	} {
		f.Add(s)
	}
}

// FuzzParse reads manifests.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) { check(t, text, Options{}) })
}

// FuzzTasks reads manifests with the words of tasks.
func FuzzTasks(f *testing.F) {
	f.Add("plan a($b) { apply('x') { notify { 'a': } } }")
	f.Fuzz(func(t *testing.T, text string) { check(t, text, Options{Tasks: true}) })
}

// FuzzEpp reads templates.
func FuzzEpp(f *testing.F) {
	for _, s := range []string{
		"", "a <%= $b %> c", "<%- | $a, Integer $b = 1 | -%>\n<% if $a { -%>\nx\n<% } %>", "<%# c -%>\n <%% %%> <%",
		"<%= { a => 1 } %><%= { $x } %>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { check(t, text, Options{Epp: true}) })
}
