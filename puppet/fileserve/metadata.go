package fileserve

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/chargehand/chargehand/internal/errs"
)

// maxEntries bounds one listing.
const maxEntries = 200_000

// A Query says what an agent wants to know of files.
type Query struct {
	ChecksumType string // sha256 when empty
	FollowLinks  bool   // say what a link leads to, instead of that it is a link
	Permissions  bool   // give the real owner and mode, not constants

	Recurse  bool
	Depth    int      // how deep to recurse; 0 is no bound
	MaxFiles int      // more is an error; 0 and less is no bound
	Ignore   []string // file name patterns that are left out, with all below
}

// Metadata describes a file as agents read it.
type Metadata struct {
	Path         string   `json:"path"`          // of the file, or of the base of a listing
	RelativePath *string  `json:"relative_path"` // below Path, in a listing
	Links        string   `json:"links"`         // manage or follow
	Owner        int      `json:"owner"`
	Group        int      `json:"group"`
	Mode         int      `json:"mode"`
	Checksum     Checksum `json:"checksum"`
	Type         string   `json:"type"`        // file, directory or link
	Destination  *string  `json:"destination"` // of a link
}

// A Checksum carries its type in braces in its value.
type Checksum struct {
	Type  string  `json:"type"`
	Value *string `json:"value"` // nil for a link that leads nowhere
}

// Metadata describes one file. NotFound: there is none, or no such module or
// environment; Forbidden: there is no such mount; Malformed: no path; Invalid: an
// unknown type of checksum.
func (s *Server) Metadata(ctx context.Context, environment, name string, q Query) (Metadata, error) {
	places, err := s.locate(ctx, environment, name)
	if err != nil {
		return Metadata{}, err
	}
	var m Metadata
	err = first(places, func(root *os.Root, p place) error {
		info, err := q.stat(root, p.name)
		if err != nil {
			return err
		}
		m, err = s.describe(root, p.name, info, q)
		m.Path = p.path()
		return err
	})
	return m, err
}

// Search lists a directory, or one file, as far down as the query says. What
// several modules have is listed once, for the first of them.
func (s *Server) Search(ctx context.Context, environment, name string, q Query) ([]Metadata, error) {
	places, err := s.locate(ctx, environment, name)
	if err != nil {
		return nil, err
	}
	w := walk{server: s, query: q, seen: map[string]bool{}}
	if err := w.all(ctx, places); err != nil {
		return nil, err
	}
	if _, whole := merged[strings.TrimSuffix(name, "/")]; whole && len(w.found) == 0 {
		// No module has such a folder, which is no reason for agents to believe
		// that the environment is gone: they get an empty one, as from Puppet.
		dirs, err := s.modules.ModulePath(ctx, environment)
		if err != nil {
			return nil, err
		}
		w.query.Recurse = false
		places = places[:0]
		for _, dir := range dirs {
			places = append(places, place{dir, "."})
		}
		if err := w.all(ctx, places); err != nil {
			return nil, err
		}
	}
	if len(w.found) == 0 {
		return nil, errs.New(errs.NotFound, "no such file")
	}
	return w.found, nil
}

type walk struct {
	server *Server
	query  Query
	found  []Metadata
	seen   map[string]bool
}

// all goes through the places in their order; without recursion the first that
// is there is all.
func (w *walk) all(ctx context.Context, places []place) error {
	for _, p := range places {
		err := within(p.dir, func(root *os.Root) error { return w.tree(ctx, root, p) })
		if err != nil && !absent(err) {
			return err
		}
		if len(w.found) > 0 && !w.query.Recurse {
			break
		}
	}
	return nil
}

// An entry is a file on the way: its name relative to the base, and the
// directories that led to it, so that links in a circle are noticed.
type entry struct {
	rel   string
	depth int
	above []fs.FileInfo
}

// tree goes through one module's files, breadth first.
func (w *walk) tree(ctx context.Context, root *os.Root, base place) error {
	queue := []entry{{rel: "."}}
	for len(queue) > 0 {
		e := queue[0]
		queue = queue[1:]
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := w.query.stat(root, path.Join(base.name, e.rel))
		if err == nil {
			err = w.add(root, base, e.rel, info)
		}
		if err != nil {
			if e.rel != "." && absent(err) {
				continue // gone meanwhile, or a link out of the tree
			}
			return err
		}
		if !info.IsDir() || !w.query.Recurse || (w.query.Depth > 0 && e.depth >= w.query.Depth) || e.inCircle(info) {
			continue
		}
		below, err := w.list(root, path.Join(base.name, e.rel))
		if err != nil {
			return err
		}
		above := append(e.above[:len(e.above):len(e.above)], info)
		for _, name := range below {
			queue = append(queue, entry{path.Join(e.rel, name), e.depth + 1, above})
		}
	}
	return nil
}

func (e entry) inCircle(info fs.FileInfo) bool {
	for _, dir := range e.above {
		if os.SameFile(dir, info) {
			return true
		}
	}
	return false
}

func (w *walk) list(root *os.Root, name string) ([]string, error) {
	dir, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	all, err := dir.Readdirnames(maxEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var names []string
	for _, name := range all {
		if !w.query.ignores(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (w *walk) add(root *os.Root, base place, rel string, info fs.FileInfo) error {
	if w.seen[rel] {
		return nil
	}
	m, err := w.server.describe(root, path.Join(base.name, rel), info, w.query)
	if err != nil {
		return err
	}
	w.seen[rel] = true
	m.Path, m.RelativePath = base.path(), &rel
	w.found = append(w.found, m)
	if limit := w.query.MaxFiles; limit > 0 && len(w.found) > limit {
		return errs.New(errs.Invalid, "The directory contains more entries than the limit of %d specified by the max_files parameter for this resource.", limit)
	}
	if len(w.found) > maxEntries {
		return errs.New(errs.TooLarge, "more than %d files", maxEntries)
	}
	return nil
}

// ignores matches as File.fnmatch does: a wildcard takes no leading dot.
func (q Query) ignores(name string) bool {
	for _, pattern := range q.Ignore {
		if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
			continue
		}
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

func (q Query) stat(root *os.Root, name string) (fs.FileInfo, error) {
	if q.FollowLinks {
		return root.Stat(name)
	}
	return root.Lstat(name)
}

func (s *Server) describe(root *os.Root, name string, info fs.FileInfo, q Query) (Metadata, error) {
	m := Metadata{Links: "manage", Owner: s.uid, Group: s.gid, Mode: 0o644}
	if q.FollowLinks {
		m.Links = "follow"
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if q.Permissions && ok {
		m.Owner, m.Group, m.Mode = int(stat.Uid), int(stat.Gid), int(stat.Mode&0o7777)
	}
	var err error
	switch mode := info.Mode(); {
	case mode.IsDir():
		m.Type, m.Checksum = "directory", timeChecksum("ctime", changed(info))
	case mode.IsRegular():
		m.Type = "file"
		m.Checksum, err = s.sums.of(root, name, info, q.checksumType())
	case mode&fs.ModeSymlink != 0:
		m.Type = "link"
		err = s.describeLink(&m, root, name, q)
	default:
		err = errs.New(errs.NotFound, "neither file, directory nor link")
	}
	return m, err
}

func (s *Server) describeLink(m *Metadata, root *os.Root, name string, q Query) error {
	target, err := root.Readlink(name)
	if err != nil {
		return err
	}
	m.Destination = &target
	m.Checksum = Checksum{Type: q.checksumType()}
	if info, err := root.Stat(name); err == nil && info.Mode().IsRegular() {
		m.Checksum, err = s.sums.of(root, name, info, q.checksumType())
		return err
	}
	return nil
}

func (q Query) checksumType() string {
	if q.ChecksumType == "" {
		return "sha256"
	}
	return q.ChecksumType
}

func changed(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}

// timeChecksum writes a time as Ruby prints it.
func timeChecksum(kind string, t time.Time) Checksum {
	value := "{" + kind + "}" + t.UTC().Format("2006-01-02 15:04:05 -0700")
	return Checksum{Type: kind, Value: &value}
}
