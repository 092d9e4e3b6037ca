package environment

import (
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// Environment is a folder with manifests and modules.
type Environment struct {
	Name       string
	Dir        string
	Conf       Conf
	ModulePath []string
	Strict     string // Puppet's setting for doubtful constructs

	cache    *Cache
	manifest string // file or folder
}

// Options say where environments are.
type Options struct {
	Name           string
	Dir            string
	BaseModulePath []string
	Strict         string
}

// Open reads the settings of an environment.
func Open(cache *Cache, o Options) (*Environment, error) {
	e := &Environment{Name: o.Name, Dir: o.Dir, Strict: o.Strict, cache: cache}
	info, err := os.Stat(o.Dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: o.Dir, Err: fs.ErrNotExist}
	}
	if text, err := readFile(filepath.Join(o.Dir, "environment.conf")); err == nil {
		e.Conf = ParseConf(text)
	}
	e.ModulePath = modulePath(e.Conf.ModulePath, o.Dir, o.BaseModulePath)
	e.manifest = filepath.Join(o.Dir, "manifests")
	if m := e.Conf.Manifest; m != "" {
		e.manifest = m
		if !filepath.IsAbs(m) {
			e.manifest = filepath.Join(o.Dir, m)
		}
	}
	return e, nil
}

// Main gives the manifests: one file, or all of a folder in the order of
// their paths.
func (e *Environment) Main() ([]*eval.Unit, error) {
	files, err := e.manifests()
	if err != nil {
		return nil, err
	}
	var units []*eval.Unit
	for _, path := range files {
		u, err := e.unit(path, "", nil)
		if err != nil {
			return nil, err
		}
		if u != nil {
			units = append(units, u)
		}
	}
	return units, nil
}

func (e *Environment) manifests() ([]string, error) {
	info, err := os.Stat(e.manifest)
	if err != nil {
		return nil, nil // an environment may have no manifest
	}
	if !info.IsDir() {
		return []string{e.manifest}, nil
	}
	var files []string
	err = filepath.WalkDir(e.manifest, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != e.manifest && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
		case !d.IsDir() && strings.HasSuffix(path, ".pp"):
			files = append(files, path)
		}
		return nil
	})
	sort.Strings(files)
	return files, err
}

// unit parses and validates a file; nil where there is none.
func (e *Environment) unit(path, module string, place *syntax.ModuleFile) (*eval.Unit, error) {
	f, err := e.cache.parsed(path, syntax.Options{}, syntax.ValidateOptions{Strict: e.Strict, Module: place})
	if f == nil || err != nil {
		return nil, err
	}
	if f.err != nil {
		return nil, f.err
	}
	return &eval.Unit{Program: f.program, Module: module, Warnings: f.warnings}, nil
}

// module finds the folder of a module: the first of its name on the path.
func (e *Environment) module(name string) string {
	if !validModule(name) {
		return ""
	}
	for _, dir := range e.ModulePath {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path
		}
	}
	return ""
}

func validModule(name string) bool {
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

// ModuleDir implements eval.Loader.
func (e *Environment) ModuleDir(name string) string { return e.module(name) }

// moduleFile finds the file of a qualified name in a folder of its module.
func (e *Environment) moduleFile(folder, name string) (path, module, namespace string) {
	segments := strings.Split(name, "::")
	for _, s := range segments {
		if !validSegment(s) {
			return "", "", ""
		}
	}
	dir := e.module(segments[0])
	if dir == "" {
		return "", "", ""
	}
	namespace = name
	switch {
	case len(segments) == 2 && segments[1] == "init":
		namespace = segments[0]
	case len(segments) == 1 && folder == "functions":
		segments = append(segments, segments[0])
	case len(segments) == 1:
		segments = append(segments, "init")
	}
	return filepath.Join(dir, folder, filepath.Join(segments[1:]...)+".pp"), segments[0], namespace
}

func validSegment(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

// Definitions implements eval.Loader.
func (e *Environment) Definitions(name string) (*eval.Unit, error) {
	path, module, namespace := e.moduleFile("manifests", name)
	if path == "" {
		return nil, nil
	}
	return e.unit(path, module, &syntax.ModuleFile{Namespace: namespace})
}

// Function implements eval.Loader.
func (e *Environment) Function(name string) (*eval.Unit, error) {
	return e.only("functions", "function", name)
}

// TypeAlias implements eval.Loader.
func (e *Environment) TypeAlias(name string) (*eval.Unit, error) {
	return e.only("types", "type", name)
}

// only reads a file that has to define just the one thing it is named for.
func (e *Environment) only(folder, kind, name string) (*eval.Unit, error) {
	path, module, namespace := e.moduleFile(folder, name)
	if path == "" {
		return nil, nil
	}
	u, err := e.unit(path, module, &syntax.ModuleFile{Namespace: namespace})
	if u == nil || err != nil {
		return nil, err
	}
	return u, single(u, kind, name, path)
}

// RubyFile implements eval.Loader.
func (e *Environment) RubyFile(kind, name string) string {
	var candidates []string
	parts := filepath.Join(strings.Split(name, "::")...) + ".rb"
	if !filepath.IsLocal(parts) {
		return ""
	}
	switch kind {
	case "function":
		candidates = []string{filepath.Join("lib/puppet/functions", parts), filepath.Join("lib/puppet/parser/functions", parts)}
	case "type":
		candidates = []string{filepath.Join("lib/puppet/type", parts)}
	}
	for _, dir := range e.libraries() {
		for _, c := range candidates {
			path := filepath.Join(dir, c)
			if _, _, err := stamp(path); err == nil {
				return path
			}
		}
	}
	return ""
}

// libraries are the folders that may have a lib with Ruby in it.
func (e *Environment) libraries() []string {
	list := []string{e.Dir}
	for _, dir := range e.ModulePath {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, m := range entries {
			if validModule(m.Name()) {
				list = append(list, filepath.Join(dir, m.Name()))
			}
		}
	}
	return list
}

// Template implements eval.Loader.
func (e *Environment) Template(name string) (*syntax.Program, error) {
	path := e.FindFile("templates", name)
	if path == "" {
		return nil, nil
	}
	f, err := e.cache.parsed(path, syntax.Options{Epp: true}, syntax.ValidateOptions{Strict: e.Strict})
	if f == nil || err != nil {
		return nil, err
	}
	return f.program, f.err
}

// FindFile implements eval.Loader: an absolute path, or module/name in a
// folder of the module.
func (e *Environment) FindFile(kind, name string) string {
	path := name
	if !filepath.IsAbs(name) {
		module, rest, ok := strings.Cut(name, "/")
		dir := e.module(module)
		if !ok || dir == "" || !filepath.IsLocal(rest) {
			return ""
		}
		path = filepath.Join(dir, kind, rest)
	}
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// File implements eval.Loader.
func (e *Environment) File(name string) (string, bool, error) {
	path := e.FindFile("files", name)
	if path == "" {
		return "", false, nil
	}
	text, err := readFile(path)
	return text, err == nil, err
}

var _ eval.Loader = (*Environment)(nil)
