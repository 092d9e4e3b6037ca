package compile_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chargehand/chargehand/puppet/compile"
	"github.com/chargehand/chargehand/puppet/environment"
	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// site makes a request for an environment with one manifest.
func site(t testing.TB, manifest string) compile.Request {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "manifests"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifests", "site.pp"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	e, err := environment.Open(environment.NewCache(), environment.Options{Name: "production", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	empty := pcore.NewHash(nil)
	return compile.Request{
		Certname: "node1.example.com", Environment: e, Facts: pcore.HashOf("kernel", pcore.String("Linux")),
		Trusted: trusted("node1.example.com", empty, empty), ServerFacts: serverFacts(), Now: fixedTime,
	}
}

// TestHostileManifests makes sure that manifests which never end, or want all
// the memory there is, end in an error soon.
func TestHostileManifests(t *testing.T) {
	cases := map[string]string{
		"endless function":  `function f() { f() } f()`,
		"endless loop":      `Integer[1, 9223372036854775800].each |$x| { $y = $x }`,
		"nested loops":      `Integer[1,10000].each |$a| { Integer[1,10000].each |$b| { Integer[1,10000].each |$c| { $d = $a } } }`,
		"growing string":    `$x = Integer[1,80].reduce('xxxxxxxxxxxxxxxx') |$m, $i| { "${m}${m}" }`,
		"growing array":     `$x = Integer[1,80].reduce([1,2,3,4]) |$m, $i| { $m + $m }`,
		"endless define":    `define d { d { "${title}x": } } d { 'a': }`,
		"many resources":    `Integer[1,500].each |$a| { Integer[1,1000].each |$b| { notify { "$a $b": } } }`,
		"deep parentheses":  "$x = " + strings.Repeat("(", 100000) + "1" + strings.Repeat(")", 100000),
		"deep arrays":       "$x = " + strings.Repeat("[", 100000) + strings.Repeat("]", 100000),
		"deep unary":        "$x = " + strings.Repeat("!", 100000) + "true",
		"deep strings":      "$x = " + strings.Repeat(`"${`, 5000) + "1" + strings.Repeat(`}"`, 5000),
		"deep blocks":       strings.Repeat("if true { ", 50000) + strings.Repeat("}", 50000),
		"backtracking":      `$x = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' =~ /^(?=(a+)+$)(a+)+$(?<!b)/ if $x { fail('matched') } fail('no match')`,
		"class inheritance": `class a inherits b { } class b inherits a { } include a`,
		"self alias":        `type A = Variant[A, Array[A]] notice('x' =~ A) fail('done')`,
		"shift":             `notice(1 << 99999999)`,
	}
	for name, manifest := range cases {
		t.Run(name, func(t *testing.T) {
			r := site(t, manifest)
			r.Timeout = 10 * time.Second
			r.Limits = eval.Limits{Steps: 3_000_000, Resources: 20_000}
			start := time.Now()
			_, err := compile.Compile(context.Background(), r)
			if err == nil {
				t.Fatal("compiles, want an error")
			}
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// TestCompileStops makes sure that a compilation ends with its context.
func TestCompileStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := compile.Compile(ctx, site(t, `Integer[1, 9223372036854775800].each |$x| { $y = $x }`))
	if err == nil || !strings.Contains(err.Error(), "stopped") {
		t.Fatalf("got %v, want that the compilation was stopped", err)
	}
}
