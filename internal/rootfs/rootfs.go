// Package rootfs keeps files below one directory and nowhere else: names that
// lead out, through dots or symbolic links, fail. Changes are atomic and on disk
// before they return.
//
// It imports the standard library, internal/errs and internal/bounded.
package rootfs

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/chargehand/chargehand/internal/bounded"
	"github.com/chargehand/chargehand/internal/errs"
)

// A Root is a directory that is never left. It is safe for concurrent use.
type Root struct{ root *os.Root }

// Open opens a directory, making it (0755) when it is missing.
func Open(dir string) (*Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, kind(err)
	}
	r, err := os.OpenRoot(dir)
	if err != nil {
		return nil, kind(err)
	}
	return &Root{r}, nil
}

// Close lets the directory go.
func (r *Root) Close() error { return r.root.Close() }

// Dir is the name the root was opened with, for messages.
func (r *Root) Dir() string { return r.root.Name() }

// FS reads the tree as an fs.FS.
func (r *Root) FS() fs.FS { return r.root.FS() }

// Open opens a file to read. NotFound when there is none.
func (r *Root) Open(name string) (*os.File, error) {
	f, err := r.root.Open(name)
	return f, kind(err)
}

// Stat describes a file. NotFound when there is none.
func (r *Root) Stat(name string) (fs.FileInfo, error) {
	info, err := r.root.Stat(name)
	return info, kind(err)
}

// ReadFile reads a file of at most max bytes.
func (r *Root) ReadFile(name string, max int64) ([]byte, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := bounded.ReadAll(f, max)
	return data, kind(err)
}

// List names the entries of a directory, sorted; none when it is missing.
// Unfinished writes are left out.
func (r *Root) List(dir string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(r.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	entries := all[:0]
	for _, e := range all {
		if !IsTemporary(e.Name()) {
			entries = append(entries, e)
		}
	}
	return entries, kind(err)
}

// WriteFile replaces a file's content: whoever reads sees the old or the new,
// and after nil a power cut changes nothing. Directories on the way are made.
func (r *Root) WriteFile(name string, data []byte, perm fs.FileMode) error {
	p, err := r.Create(name, perm)
	if err != nil {
		return err
	}
	defer p.Abort()
	if _, err := p.Write(data); err != nil {
		return err
	}
	return p.Commit()
}

// Replace is WriteFile that leaves an existing file its mode and, where the
// process may, its owner, for files that other programs look after too.
func (r *Root) Replace(name string, data []byte, perm fs.FileMode) error {
	info, err := r.Stat(name)
	if errs.Is(err, errs.NotFound) {
		return r.WriteFile(name, data, perm)
	}
	if err != nil {
		return err
	}
	p, err := r.Create(name, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer p.Abort()
	if err := p.file.Chmod(info.Mode().Perm()); err != nil { // past the umask
		return kind(err)
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = p.file.Chown(int(sys.Uid), int(sys.Gid)) // only root may give files away
	}
	if _, err := p.Write(data); err != nil {
		return err
	}
	return p.Commit()
}

// Remove deletes a file for good; an absent one is no error.
func (r *Root) Remove(name string) error {
	err := r.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return kind(err)
	}
	return r.syncDir(path.Dir(name))
}

// RemoveAll deletes a tree for good.
func (r *Root) RemoveAll(name string) error {
	if err := r.root.RemoveAll(name); err != nil {
		return kind(err)
	}
	return r.syncDir(path.Dir(name))
}

// A Pending is a file being written under a name of its own, which takes its
// place with Commit. It is not safe for concurrent use.
type Pending struct {
	root      *Root
	file      *os.File // nil once committed or aborted
	temp, dst string
	modified  time.Time
}

const tempPrefix = ".new-"

// IsTemporary reports whether a base name is that of a Pending file, such as a
// crash may leave behind.
func IsTemporary(base string) bool { return strings.HasPrefix(base, tempPrefix) }

// Create begins a file. The caller ends it with Commit or Abort (Abort after
// Commit does nothing, so that it can be deferred).
func (r *Root) Create(name string, perm fs.FileMode) (*Pending, error) {
	dir := path.Dir(name)
	if err := r.makeDirs(dir); err != nil {
		return nil, err
	}
	temp := path.Join(dir, tempPrefix+rand.Text())
	f, err := r.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, kind(err)
	}
	return &Pending{root: r, file: f, temp: temp, dst: name}, nil
}

// Write appends.
func (p *Pending) Write(data []byte) (int, error) {
	n, err := p.file.Write(data)
	return n, kind(err)
}

// SetTime has the file bear a modification time once it is committed.
func (p *Pending) SetTime(t time.Time) { p.modified = t }

// Commit brings the file to disk and puts it in its place.
func (p *Pending) Commit() error {
	err := errors.Join(p.file.Sync(), p.file.Close())
	p.file = nil
	if err == nil && !p.modified.IsZero() {
		err = p.root.root.Chtimes(p.temp, time.Time{}, p.modified)
	}
	if err == nil {
		err = p.root.root.Rename(p.temp, p.dst)
	}
	if err != nil {
		_ = p.root.root.Remove(p.temp)
		return kind(err)
	}
	return p.root.syncDir(path.Dir(p.dst))
}

// Abort throws the file away.
func (p *Pending) Abort() {
	if p.file == nil {
		return
	}
	_ = p.file.Close()
	p.file = nil
	_ = p.root.root.Remove(p.temp)
}

// makeDirs makes dir and syncs each directory that gained an entry.
func (r *Root) makeDirs(dir string) error {
	if _, err := r.root.Stat(dir); err == nil {
		return nil
	}
	if err := r.root.MkdirAll(dir, 0o755); err != nil {
		return kind(err)
	}
	for dir != "." && dir != "/" {
		dir = path.Dir(dir)
		if err := r.syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

func (r *Root) syncDir(dir string) error {
	d, err := r.root.Open(dir)
	if err != nil {
		return kind(err)
	}
	defer d.Close()
	return kind(d.Sync())
}

// kind gives file errors the kind that says what a caller can do.
func kind(err error) error {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return errs.WrapAs(errs.NotFound, err, "no such file")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EIO), errors.Is(err, syscall.EROFS):
		return errs.WrapAs(errs.Unavailable, err, "storage")
	case errs.KindOf(err) != errs.Internal:
		return err
	case strings.Contains(err.Error(), "path escapes"):
		return errs.WrapAs(errs.Forbidden, err, "outside of the root")
	}
	return errs.WrapAs(errs.Internal, err, "file")
}
