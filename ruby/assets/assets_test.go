package assets

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

func TestChecksums(t *testing.T) {
	sums, err := files.ReadFile("SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ruby.wasm.zst", "stdlib.tar.zst", "VERSION"} {
		data, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name); !strings.Contains(string(sums), line) {
			t.Errorf("SHA256SUMS does not say %q", line)
		}
	}
}

func TestUnpack(t *testing.T) {
	wasm, err := Interpreter()
	if err != nil || !strings.HasPrefix(string(wasm), "\x00asm") {
		t.Errorf("Interpreter: %d bytes, %v", len(wasm), err)
	}
	tree, err := Library()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"erb.rb", "json.rb", "psych.rb", "ipaddr.rb", "digest/sha2.rb"} {
		if _, err := tree.Open("usr/local/lib/ruby/3.4.0/" + want); err != nil {
			t.Error(err)
		}
	}
	if !strings.HasPrefix(Version(), "@ruby/3.4-wasm-wasi@") {
		t.Errorf("Version() = %q", Version())
	}
}
