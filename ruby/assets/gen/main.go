// Command gen makes the compressed interpreter and its standard library again
// from the published WebAssembly build of CRuby. `npm pack` must be able to fetch it.
//
// It imports internal/run, ruby/internal/guest and a zstd encoder.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/chargehand/chargehand/internal/run"
	"github.com/chargehand/chargehand/ruby/internal/guest"
)

const pkg = "@ruby/3.4-wasm-wasi@2.10.1"

// stdlib.rb writes the library files that its features need, one after another.
//
//go:embed stdlib.rb
var script string

func main() {
	log.SetFlags(0)
	if err := generate(context.Background(), "."); err != nil {
		log.Fatal(err)
	}
}

func generate(ctx context.Context, dir string) error {
	files, err := pack(ctx, "dist/ruby.wasm", "dist/ruby+stdlib.wasm", "dist/LICENSE", "dist/NOTICE")
	if err != nil {
		return err
	}
	lib, err := library(ctx, files["dist/ruby+stdlib.wasm"])
	if err != nil {
		return err
	}
	out := map[string][]byte{
		"LICENSE": files["dist/LICENSE"],
		"NOTICE":  files["dist/NOTICE"],
		"VERSION": []byte(pkg + "\n"),
	}
	if out["ruby.wasm.zst"], err = compress(files["dist/ruby.wasm"]); err != nil {
		return err
	}
	if out["stdlib.tar.zst"], err = compress(lib); err != nil {
		return err
	}
	out["SHA256SUMS"] = sums(out)
	for name, data := range out {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pack fetches the package and gives the wanted files of it.
func pack(ctx context.Context, wanted ...string) (map[string][]byte, error) {
	tmp, err := os.MkdirTemp("", "ruby-assets-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	res, err := run.Run(ctx, run.Cmd{
		Program: "npm", Args: []string{"pack", "--silent", pkg}, Dir: tmp, Timeout: 10 * time.Minute,
		Env: os.Environ(),
	})
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(tmp, strings.TrimSpace(string(res.Stdout))))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return extract(f, wanted)
}

func extract(r io.Reader, wanted []string) (map[string][]byte, error) {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(h.Name, "package/")
		if slices.Contains(wanted, name) {
			if files[name], err = io.ReadAll(tr); err != nil {
				return nil, err
			}
		}
	}
	if len(files) != len(wanted) {
		return nil, fmt.Errorf("%s has only %d of the files %v", pkg, len(files), wanted)
	}
	return files, nil
}

// library asks the interpreter that carries the whole library for the subset.
func library(ctx context.Context, wasm []byte) ([]byte, error) {
	p, err := guest.Compile(ctx, wasm, guest.Config{MemoryLimit: 1 << 30, Workers: 2})
	if err != nil {
		return nil, err
	}
	defer p.Close(ctx)
	var stdout, stderr bytes.Buffer
	vm, err := p.Boot(ctx, guest.Streams{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr}, "ruby", "--disable-gems", "-e_=0")
	if err != nil {
		return nil, err
	}
	defer vm.Close()
	if err := vm.Eval(ctx, script); err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	fmt.Fprint(os.Stderr, stderr.String())
	return archive(stdout.Bytes())
}

// archive turns the script's output (a line "SIZE PATH", then the bytes) into a
// tar archive in the order of paths, without times, so that it is the same each time.
func archive(out []byte) ([]byte, error) {
	type file struct {
		name string
		data []byte
	}
	var files []file
	for len(out) > 0 {
		line, rest, _ := bytes.Cut(out, []byte("\n"))
		var size int
		var name string
		if _, err := fmt.Sscanf(string(line), "%d %s", &size, &name); err != nil || size > len(rest) {
			return nil, fmt.Errorf("cannot read %q", line)
		}
		files = append(files, file{path.Clean(strings.TrimPrefix(name, "/")), rest[:size]})
		out = rest[size:]
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, f := range files {
		if err := tw.WriteHeader(&tar.Header{Name: f.name, Mode: 0o444, Size: int64(len(f.data)), Format: tar.FormatUSTAR}); err != nil {
			return nil, err
		}
		if _, err := tw.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// sums lists the checksums of the files as sha256sum does.
func sums(files map[string][]byte) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(files[name]), name)
	}
	return b.Bytes()
}

func compress(data []byte) ([]byte, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20))
	if err != nil {
		return nil, err
	}
	return enc.EncodeAll(data, nil), nil
}
