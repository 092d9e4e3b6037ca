// Package fileserve gives agents the files of modules and mounts: what they are
// (metadata), what is in them (content), and which there are below a directory.
// Each tree is an os.Root: links that lead out of a module or a mount are as good
// as absent.
//
// It imports the standard library, golang-lru, internal/clock, internal/errs and
// internal/rootfs.
package fileserve

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/chargehand/chargehand/internal/clock"
	"github.com/chargehand/chargehand/internal/errs"
)

// Modules tells which modules an environment has.
type Modules interface {
	// Modules lists the modules of an environment in the order of its module
	// path, one of each name. NotFound: there is no such environment. It may be
	// called for each request, and from many goroutines.
	Modules(ctx context.Context, environment string) ([]Module, error)
	// ModulePath lists the directories that modules are looked for in.
	ModulePath(ctx context.Context, environment string) ([]string, error)
}

// A Module is a name and the directory that holds its files, lib, facts.d …
type Module struct {
	Name string
	Dir  string
}

// A Mount is a directory that is served under a name of its own.
type Mount struct {
	Name string
	Dir  string
}

// The mounts that are always there, and the folder of a module that each serves.
// Those of perModule have the module's name as the first part of the path; the
// others lay all modules over each other.
var (
	perModule = map[string]string{"modules": "files", "tasks": "tasks", "scripts": "scripts"}
	merged    = map[string]string{"plugins": "lib", "pluginfacts": "facts.d", "locales": "locales"}
)

// A Server serves files. It is safe for concurrent use.
type Server struct {
	modules Modules
	mounts  map[string]string
	sums    *sums
	uid     int
	gid     int
}

// New makes a Server; mounts are those of fileserver.conf.
func New(modules Modules, now clock.Clock, mounts ...Mount) (*Server, error) {
	s := &Server{modules: modules, mounts: map[string]string{}, sums: newSums(now), uid: os.Getuid(), gid: os.Getgid()}
	for _, m := range mounts {
		if perModule[m.Name] != "" || merged[m.Name] != "" || !filepath.IsAbs(m.Dir) || m.Name == "" || strings.Contains(m.Name, "/") {
			return nil, errs.New(errs.Invalid, "the mount [%s] of %q cannot be served", m.Name, m.Dir)
		}
		s.mounts[m.Name] = m.Dir
	}
	return s, nil
}

// A place is where a path may be found: a directory that is not left, and a
// name in it.
type place struct {
	dir  string
	name string
}

func (p place) path() string { return filepath.Join(p.dir, filepath.FromSlash(p.name)) }

// locate gives the places of a path such as modules/apache/vhost.conf, best
// first. NotFound: no environment or module; Forbidden: no such mount;
// Malformed: the path is none.
func (s *Server) locate(ctx context.Context, environment, name string) ([]place, error) {
	mount, rest, _ := strings.Cut(strings.TrimSuffix(name, "/"), "/")
	if rest != "" && !fs.ValidPath(rest) || strings.ContainsRune(rest, 0) {
		return nil, errs.New(errs.Malformed, "%q is not a path to a file", name)
	}
	if dir, ok := s.mounts[mount]; ok {
		return []place{{dir, path.Join(".", rest)}}, nil
	}
	folder, split := perModule[mount]
	if !split {
		if folder = merged[mount]; folder == "" {
			return nil, errs.New(errs.Forbidden, "there is no mount %q", mount)
		}
	}
	modules, err := s.modules.Modules(ctx, environment)
	if err != nil {
		return nil, err
	}
	module := ""
	if split {
		module, rest, _ = strings.Cut(rest, "/")
	}
	var places []place
	for _, m := range modules {
		if !split || m.Name == module {
			places = append(places, place{m.Dir, path.Join(folder, rest)})
		}
	}
	return places, nil
}

// first looks into the places in their order until one has the file.
func first(places []place, look func(*os.Root, place) error) error {
	for _, p := range places {
		err := within(p.dir, func(root *os.Root) error { return look(root, p) })
		if !absent(err) {
			return err
		}
	}
	return errs.New(errs.NotFound, "no such file")
}

func within(dir string, fn func(*os.Root) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	return errors.Join(fn(root), root.Close())
}

// absent reports whether a file is not there as far as agents are concerned: it
// does not exist, is no directory where one should be, or lies behind a link
// that leads out of its tree.
func absent(err error) bool {
	if err == nil {
		return false
	}
	var perr *fs.PathError
	return errors.Is(err, fs.ErrNotExist) || errs.Is(err, errs.NotFound) ||
		(errors.As(err, &perr) && !errors.Is(err, fs.ErrPermission))
}

// A Content is a file that is open for reading. The caller closes File, which is
// nil for a directory.
type Content struct {
	File *os.File
	Size int64
}

// Open opens a file. NotFound, Forbidden and Malformed are as in Metadata.
func (s *Server) Open(ctx context.Context, environment, name string) (Content, error) {
	places, err := s.locate(ctx, environment, name)
	if err != nil {
		return Content{}, err
	}
	var c Content
	err = first(places, func(root *os.Root, p place) error {
		info, err := root.Stat(p.name) // before opening: a pipe would wait for a writer
		if err != nil || info.IsDir() {
			return err
		}
		if !info.Mode().IsRegular() {
			return errs.New(errs.NotFound, "no regular file")
		}
		c.Size = info.Size()
		c.File, err = root.Open(p.name)
		return err
	})
	return c, err
}
