// Package assets holds the WebAssembly build of CRuby and the part of its
// standard library that templates and functions need, compressed. Both are the
// work of others: see LICENSE and NOTICE; VERSION and SHA256SUMS say which.
//
// It imports the standard library and a zstd decoder.
package assets

import (
	"archive/tar"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing/fstest"

	"github.com/klauspost/compress/zstd"
)

//go:generate go run ./gen

//go:embed ruby.wasm.zst stdlib.tar.zst VERSION SHA256SUMS
var files embed.FS

// LibraryDir is the folder of the standard library within Library's tree.
const LibraryDir = "usr/local/lib/ruby/3.4.0"

// Version names the package that the interpreter comes from, as NAME@VERSION.
func Version() string {
	data, _ := files.ReadFile("VERSION")
	return strings.TrimSpace(string(data))
}

// Interpreter unpacks the WebAssembly module.
func Interpreter() ([]byte, error) { return unpack("ruby.wasm.zst") }

// Library unpacks the standard library: a read-only file tree in memory.
func Library() (fstest.MapFS, error) {
	data, err := unpack("stdlib.tar.zst")
	if err != nil {
		return nil, err
	}
	tree := fstest.MapFS{}
	for tr := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return tree, nil
		} else if err != nil {
			return nil, fmt.Errorf("unpack the standard library: %w", err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			return nil, fmt.Errorf("unpack %s: %w", h.Name, err)
		}
		tree[h.Name] = &fstest.MapFile{Data: content, Mode: 0o444}
	}
}

var _ fs.FS = fstest.MapFS(nil) // a plain map of files; nothing of it is only for tests

func unpack(name string) ([]byte, error) {
	packed, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	data, err := dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", name, err)
	}
	return data, nil
}
