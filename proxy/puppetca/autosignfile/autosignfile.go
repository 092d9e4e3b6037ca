// Package autosignfile is the autosign provider that keeps certnames in the file
// that Puppet's CA reads (autosign.conf), a line each.
//
// It imports the standard library, internal/rootfs, internal/errs and
// proxy/puppetca.
package autosignfile

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/internal/rootfs"
	"github.com/chargehand/chargehand/proxy/puppetca"
)

// maxFile bounds the file, at some 100,000 names.
const maxFile = 8 << 20

// A File is an autosign file. Make one with Open; it is safe for concurrent use
// within a process.
type File struct {
	root *rootfs.Root
	name string
	mu   sync.Mutex
}

var _ puppetca.Autosigner = (*File)(nil)

// Open names the file, which need not exist; its directory is made.
func Open(path string) (*File, error) {
	root, err := rootfs.Open(filepath.Dir(path))
	if err != nil {
		return nil, errs.Wrap(err, "autosign file %s", path)
	}
	return &File{root: root, name: filepath.Base(path)}, nil
}

// Close lets the directory go.
func (f *File) Close() error { return f.root.Close() }

// lines reads the file, each line with its end; a last line without one gets it.
func (f *File) lines() ([]string, error) {
	data, err := f.root.ReadFile(f.name, maxFile)
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, errs.Wrap(err, "read %s", f.name)
	}
	var out []string
	for line := range bytes.Lines(data) {
		out = append(out, strings.TrimSuffix(string(line), "\n")+"\n")
	}
	return out, nil
}

func (f *File) save(lines []string) error {
	return errs.Wrap(f.root.Replace(f.name, []byte(strings.Join(lines, "")), 0o644), "write %s", f.name)
}

// entry is what a line says, empty for comments and blank lines.
func entry(line string) string {
	text := strings.TrimSpace(line)
	if strings.HasPrefix(text, "#") {
		return ""
	}
	return text
}

// List implements puppetca.Autosigner. Patterns that stand in the file are
// listed as they are.
func (f *File) List(context.Context) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lines, err := f.lines()
	var names []string
	for _, line := range lines {
		if name := entry(line); name != "" {
			names = append(names, name)
		}
	}
	return names, err
}

// Add implements puppetca.Autosigner. The file's lines know no expiry.
func (f *File) Add(_ context.Context, certname string, _ time.Duration) (token string, err error) {
	if err := puppetca.CheckCertname(certname); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	lines, err := f.lines()
	if err != nil || slices.ContainsFunc(lines, isEntry(certname)) {
		return "", err
	}
	return "", f.save(append(lines, certname+"\n"))
}

// Remove implements puppetca.Autosigner.
func (f *File) Remove(_ context.Context, certname string) (found bool, err error) {
	if err := puppetca.CheckCertname(certname); err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	lines, err := f.lines()
	if err != nil {
		return false, err
	}
	left := slices.DeleteFunc(slices.Clone(lines), isEntry(certname))
	if len(left) == len(lines) {
		return false, nil
	}
	return true, f.save(left)
}

func isEntry(certname string) func(string) bool {
	return func(line string) bool { return entry(line) == certname }
}
