package hiera

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// The bounds of what globs may go through.
const (
	maxGlobFiles = 100_000
	maxGlobDepth = 64
	maxBraces    = 1_000
)

func (s *search) exists(name string) bool {
	_, err := s.opts.Files.Stat(name)
	return err == nil
}

// locations gives the files or URIs of an entry; one without a name where it names none.
func (s *search) locations(datadir string, e *entry) ([]location, error) {
	switch e.places {
	case "":
		return []location{{}}, nil
	case "mapped_path":
		return s.mappedPaths(datadir, e.values)
	}
	locations := []location{}
	for _, value := range e.values {
		v, err := s.interpolate(pcore.String(value), false)
		if err != nil {
			return nil, err
		}
		text := v.String()
		switch e.places {
		case "uri":
			locations = append(locations, location{text, true, true})
		case "glob":
			for _, name := range s.glob(join(datadir, text)) {
				locations = append(locations, location{name, false, true})
			}
		default:
			if !strings.HasSuffix(text, e.suffix) {
				text += e.suffix
			}
			name := join(datadir, text)
			locations = append(locations, location{name, false, s.exists(name)})
		}
	}
	return locations, nil
}

// mappedPaths makes a path of each element of a variable, which the template sees under a name.
func (s *search) mappedPaths(datadir string, triplet []string) ([]location, error) {
	v, err := s.variable(triplet[0], "mapped_path[0]")
	if err != nil {
		return nil, err
	}
	var elems []pcore.Value
	switch v := v.(type) {
	case *pcore.Array:
		elems = v.Slice()
	case *pcore.Hash:
		elems = v.Pairs()
	case pcore.String:
		if v != "" {
			elems = []pcore.Value{v}
		}
	}
	locations := []location{}
	for _, e := range elems {
		sub := *s
		sub.local = map[string]pcore.Value{triplet[1]: e}
		var own []usedVariable
		if s.used != nil {
			sub.used = &own
		}
		v, err := sub.interpolate(pcore.String(triplet[2]), false)
		if err != nil {
			return nil, err
		}
		for _, u := range own {
			if u.key != triplet[1] && !strings.HasPrefix(u.key, triplet[1]+".") {
				*s.used = append(*s.used, u)
			}
		}
		name := join(datadir, v.String())
		locations = append(locations, location{name, false, s.exists(name)})
	}
	return locations, nil
}

// glob gives the files that a pattern names, as Ruby's does: *, ?, [a-z], {a,b} and ** for folders,
// names that start with a dot only where the pattern does.
func (s *search) glob(pattern string) []string {
	var found []string
	for _, p := range braces(pattern) {
		g := globber{files: s.opts.Files}
		g.walk("/", strings.Split(strings.Trim(p, "/"), "/"), 0)
		for _, name := range g.found {
			if !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	return found
}

// braces writes out the alternatives of a pattern.
func braces(pattern string) []string {
	open := strings.IndexByte(pattern, '{')
	if open < 0 {
		return []string{pattern}
	}
	depth, start := 0, open+1
	var parts []string
	for i := open; i < len(pattern); i++ {
		switch pattern[i] {
		case '{':
			depth++
		case ',':
			if depth == 1 {
				parts = append(parts, pattern[start:i])
				start = i + 1
			}
		case '}':
			if depth--; depth > 0 {
				continue
			}
			var out []string
			for _, part := range append(parts, pattern[start:i]) {
				for _, p := range braces(pattern[:open] + part + pattern[i+1:]) {
					if out = append(out, p); len(out) > maxBraces {
						return out
					}
				}
			}
			return out
		}
	}
	return []string{pattern}
}

type globber struct {
	files Files
	found []string
	seen  int
}

func (g *globber) walk(dir string, pattern []string, depth int) {
	if depth > maxGlobDepth || g.seen > maxGlobFiles {
		return
	}
	head, rest := pattern[0], pattern[1:]
	if head == "**" && len(rest) > 0 {
		g.walk(dir, rest, depth+1)
		for _, e := range g.read(dir) {
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				g.walk(path.Join(dir, e.Name()), pattern, depth+1)
			}
		}
		return
	}
	if !strings.ContainsAny(head, `*?[\`) {
		g.step(path.Join(dir, head), rest, depth)
		return
	}
	for _, e := range g.read(dir) {
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(head, ".") {
			continue
		}
		if ok, err := path.Match(head, e.Name()); ok && err == nil {
			g.step(path.Join(dir, e.Name()), rest, depth)
		}
	}
}

// step goes on below a name that fits, or takes it when the pattern ends.
func (g *globber) step(name string, rest []string, depth int) {
	info, err := g.files.Stat(name)
	if err != nil {
		return
	}
	switch {
	case len(rest) > 0 && info.IsDir():
		g.walk(name, rest, depth+1)
	case len(rest) == 0 && !info.IsDir():
		g.found = append(g.found, name)
	}
}

func (g *globber) read(dir string) []fs.DirEntry {
	entries, err := g.files.ReadDir(dir)
	if err != nil {
		return nil
	}
	g.seen += len(entries)
	return entries
}
