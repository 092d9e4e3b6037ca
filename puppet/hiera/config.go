package hiera

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// A config is a hiera.yaml, whatever its version, as entries.
type config struct {
	path, root string
	source     string
	version    int
	hierarchy  []*entry
	defaults   []*entry // default_hierarchy; nil where there is none
}

// An entry of a hierarchy as it is written: nothing is interpolated yet.
type entry struct {
	name     string
	kind     string // data_hash, lookup_key, data_dig
	function string
	datadir  string
	options  *pcore.Hash
	places   string // which of path, glob, uri and mapped_paths there is; "" for none
	values   []string
	suffix   string // what paths end in, in the old versions
}

// join puts a name under a folder, unless it is absolute.
func join(dir, name string) string {
	if strings.HasPrefix(name, "/") {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}

var (
	functionKeys = []string{"data_hash", "lookup_key", "data_dig", "hiera3_backend"}
	locationKeys = []string{"path", "paths", "glob", "globs", "uri", "uris", "mapped_paths"}

	optionName    = pcore.MustAlias("OptionName", `Pattern[/\A[A-Za-z](:?[0-9A-Za-z_-]*[0-9A-Za-z])?\z/]`)
	hierarchyType = pcore.MustParseType(`Array[Struct[{name => String[1], Optional[options] => Hash[OptionName, Data],
		Optional[data_hash] => String[1], Optional[lookup_key] => String[1], Optional[hiera3_backend] => String[1],
		Optional[v4_data_hash] => String[1], Optional[data_dig] => String[1], Optional[path] => String[1],
		Optional[paths] => Array[String[1], 1], Optional[glob] => String[1], Optional[globs] => Array[String[1], 1],
		Optional[uri] => String[1], Optional[uris] => Array[String[1], 1],
		Optional[mapped_paths] => Array[String[1], 3, 3], Optional[datadir] => String[1]}]]`, optionName)
	hierarchyAlias = bound("Hierarchy", hierarchyType)
	configType     = expand(pcore.MustParseType(`Struct[{version => Integer[5, 5],
		Optional[defaults] => Struct[{Optional[data_hash] => String[1], Optional[lookup_key] => String[1],
			Optional[data_dig] => String[1], Optional[datadir] => String[1], Optional[options] => Hash[OptionName, Data]}],
		Optional[hierarchy] => Hierarchy, Optional[plan_hierarchy] => Hierarchy, Optional[default_hierarchy] => Hierarchy}]`,
		optionName, hierarchyAlias))
)

func bound(name string, t pcore.Type) *pcore.AliasType {
	a := pcore.NewAlias(name)
	if err := a.Bind(t); err != nil {
		panic(err)
	}
	return a
}

// expand makes a struct whose values are no aliases, so that messages do not name them.
func expand(t pcore.Type) pcore.Type {
	s := t.(*pcore.StructType)
	elements := make([]pcore.StructElement, len(s.Elements))
	for i, e := range s.Elements {
		elements[i] = pcore.StructElement{Key: e.Key, Optional: e.Optional, Value: pcore.Unalias(e.Value)}
	}
	return &pcore.StructType{Elements: elements}
}

// readConfig reads a hiera.yaml; nil where there is none.
func (s *search) readConfig(name, layer string) (*config, error) {
	text, err := s.opts.Files.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	parsed, err := parseYAML(text)
	if err != nil {
		return nil, fmt.Errorf("(%s): %w", name, err)
	}
	h, ok := parsed.(*pcore.Hash)
	if !ok {
		s.env.WarnOnce("hiera config "+name, name+": File exists but does not contain a valid YAML hash. Falling back to Hiera version 3 default config")
		h = pcore.HashOf("backends", pcore.ArrayOf(pcore.String("yaml")),
			"hierarchy", pcore.ArrayOf(pcore.String("nodes/%{::trusted.certname}"), pcore.String("common")))
	}
	c := &config{path: name, root: path.Dir(name), source: string(text), version: 3}
	if v := getOrNil(h, "version"); v != nil {
		n, _ := pcore.ParseNumber(v.String())
		i, _ := n.(pcore.Integer)
		c.version = int(i)
	}
	switch c.version {
	case 5:
		return c, c.readVersion5(h, layer)
	case 4:
		s.warnVersion(c)
		return c, c.readVersion4(h)
	case 3:
		s.warnVersion(c)
		return c, c.readVersion3(h, s.opts.CodeDir)
	}
	return nil, &Error{Code: "HIERA_UNSUPPORTED_VERSION", Message: fmt.Sprintf("This runtime does not support hiera.yaml version %d", c.version), File: name}
}

func (s *search) warnVersion(c *config) {
	if s.opts.Strict == "off" {
		return
	}
	s.env.WarnOnce("hiera.yaml "+c.path, fmt.Sprintf(
		"%s: Use of 'hiera.yaml' version %d is deprecated. It should be converted to version 5\n   (file: %s)", c.path, c.version, c.path))
}

func (c *config) fail(code, format string, args ...any) error {
	e := issue(code, format, args...)
	e.File = c.path
	return e
}

func (c *config) checkType(t pcore.Type, h *pcore.Hash) error {
	if pcore.IsInstance(t, h) {
		return nil
	}
	return errors.New(pcore.DescribeMismatch(fmt.Sprintf("The Lookup Configuration at '%s' has wrong type,", c.path), t, h.Type()))
}

func list(v pcore.Value) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case *pcore.Array:
		out := make([]string, 0, v.Len())
		for _, e := range v.All() {
			out = append(out, e.String())
		}
		return out
	}
	return []string{v.String()}
}

func (c *config) readVersion5(h *pcore.Hash, layer string) error {
	if err := c.checkType(configType, h); err != nil {
		return err
	}
	defaults, _ := getOrNil(h, "defaults").(*pcore.Hash)
	if defaults == nil {
		defaults = pcore.HashOf("datadir", pcore.String("data"), "data_hash", pcore.String("yaml_data"))
	}
	if countKeys(defaults, functionKeys) > 1 {
		return c.fail("HIERA_MULTIPLE_DATA_PROVIDER_FUNCTIONS_IN_DEFAULT", "Only one of %s can be defined in defaults", alternatives(functionKeys))
	}
	hierarchy, _ := getOrNil(h, "hierarchy").(*pcore.Array)
	if hierarchy == nil {
		hierarchy = pcore.ArrayOf(pcore.HashOf("name", pcore.String("Common"), "path", pcore.String("common.yaml")))
	}
	var err error
	if c.hierarchy, err = c.entries(hierarchy, defaults, layer); err != nil {
		return err
	}
	fallback, _ := getOrNil(h, "default_hierarchy").(*pcore.Array)
	if fallback == nil {
		return nil
	}
	if layer != "module" {
		e := issue("HIERA_DEFAULT_HIERARCHY_NOT_IN_MODULE", "'default_hierarchy' is only allowed in the module layer")
		e.File, e.Line = c.path, c.lineOf("default_hierarchy:")
		return e
	}
	c.defaults, err = c.entries(fallback, defaults, layer)
	return err
}

func (c *config) lineOf(text string) int {
	for i, line := range strings.Split(c.source, "\n") {
		if before, _, _ := strings.Cut(line, "#"); strings.Contains(before, text) {
			return i + 1
		}
	}
	return 0
}

func countKeys(h *pcore.Hash, keys []string) int {
	n := 0
	for _, k := range keys {
		if _, ok := h.GetString(k); ok {
			n++
		}
	}
	return n
}

// alternatives writes "a, b, or c".
func alternatives(words []string) string {
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + ", or " + words[n]
}

func (c *config) entries(hierarchy *pcore.Array, defaults *pcore.Hash, layer string) ([]*entry, error) {
	entries := make([]*entry, 0, hierarchy.Len())
	for _, v := range hierarchy.All() {
		e, err := c.entry(v.(*pcore.Hash), defaults, layer)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (c *config) entry(h, defaults *pcore.Hash, layer string) (*entry, error) {
	e := &entry{name: getOrNil(h, "name").String(), datadir: "data", options: pcore.NewHash(nil)}
	from := h
	switch countKeys(h, functionKeys) {
	case 0:
		if from = defaults; countKeys(defaults, functionKeys) == 0 {
			return nil, c.fail("HIERA_MISSING_DATA_PROVIDER_FUNCTION", "One of %s must be defined in hierarchy '%s'", alternatives(functionKeys), e.name)
		}
	case 1:
	default:
		return nil, c.fail("HIERA_MULTIPLE_DATA_PROVIDER_FUNCTIONS", "Only one of %s can be defined in hierarchy '%s'", alternatives(functionKeys), e.name)
	}
	for _, k := range functionKeys {
		if v := getOrNil(from, k); v != nil && e.kind == "" {
			e.kind, e.function = k, v.String()
		}
	}
	if e.kind == "hiera3_backend" {
		if layer != "global" {
			return nil, c.fail("HIERA_V3_BACKEND_NOT_GLOBAL", "'hiera3_backend' is only allowed in the global layer")
		}
		return nil, c.fail("", "Hiera 3 backends such as '%s' are not supported", e.function)
	}
	if countKeys(h, locationKeys) > 1 {
		return nil, c.fail("HIERA_MULTIPLE_LOCATION_SPECS", "Only one of %s can be defined in hierarchy '%s'", alternatives(locationKeys), e.name)
	}
	for _, k := range locationKeys {
		if v := getOrNil(h, k); v != nil {
			e.places, e.values = strings.TrimSuffix(k, "s"), list(v)
		}
	}
	for _, source := range []*pcore.Hash{defaults, h} {
		if v := getOrNil(source, "datadir"); v != nil {
			e.datadir = v.String()
		}
		if o, ok := getOrNil(source, "options").(*pcore.Hash); ok {
			e.options = o
		}
	}
	for _, k := range []string{"path", "uri"} {
		if getOrNil(e.options, k) != nil {
			return nil, c.fail("HIERA_OPTION_RESERVED_BY_PUPPET", "Option key '%s' used in hierarchy '%s' is reserved by Puppet", k, e.name)
		}
	}
	return e, nil
}

func (c *config) readVersion4(h *pcore.Hash) error {
	datadir := "data"
	if v := getOrNil(h, "datadir"); v != nil {
		datadir = v.String()
	}
	hierarchy, _ := getOrNil(h, "hierarchy").(*pcore.Array)
	if hierarchy == nil {
		hierarchy = pcore.ArrayOf(pcore.HashOf("name", pcore.String("common"), "backend", pcore.String("yaml")))
	}
	for _, v := range hierarchy.All() {
		level, ok := v.(*pcore.Hash)
		if !ok || getOrNil(level, "name") == nil || getOrNil(level, "backend") == nil {
			return fmt.Errorf("The Lookup Configuration at '%s' has wrong type", c.path)
		}
		backend := getOrNil(level, "backend").String()
		if backend != "yaml" && backend != "json" {
			return c.fail("HIERA_NO_PROVIDER_FOR_BACKEND", "No data provider is registered for backend '%s'", backend)
		}
		e := &entry{
			name: getOrNil(level, "name").String(), kind: "data_hash", function: backend + "_data", datadir: datadir,
			options: pcore.NewHash(nil), places: "path", suffix: "." + backend,
		}
		if v := getOrNil(level, "datadir"); v != nil {
			e.datadir = v.String()
		}
		e.values = []string{e.name}
		for _, k := range []string{"path", "paths"} {
			if v := getOrNil(level, k); v != nil {
				e.values = list(v)
			}
		}
		c.hierarchy = append(c.hierarchy, e)
	}
	return nil
}

// readVersion3 makes an entry of each backend, all with the same paths.
func (c *config) readVersion3(h *pcore.Hash, codeDir string) error {
	backends := list(getOrNil(h, "backends"))
	if backends == nil {
		backends = []string{"yaml"}
	}
	hierarchy := list(getOrNil(h, "hierarchy"))
	if hierarchy == nil {
		hierarchy = []string{"nodes/%{::trusted.certname}", "common"}
	}
	for i, backend := range backends {
		if slices.Contains(backends[:i], backend) {
			return c.fail("HIERA_BACKEND_MULTIPLY_DEFINED", "Backend '%s' is defined more than once.", backend)
		}
		if backend != "yaml" && backend != "json" {
			return c.fail("", "Hiera 3 backends such as '%s' are not supported", backend)
		}
		e := &entry{
			name: backend, kind: "data_hash", function: backend + "_data", options: pcore.NewHash(nil),
			datadir: path.Join(codeDir, "environments", "%{::environment}", "hieradata"),
			places:  "path", values: hierarchy, suffix: "." + backend,
		}
		if own, ok := getOrNil(h, backend).(*pcore.Hash); ok {
			if v := getOrNil(own, "datadir"); v != nil {
				e.datadir = v.String()
			}
			if v := getOrNil(own, "extension"); v != nil {
				e.suffix = "." + v.String()
			}
		}
		c.hierarchy = append(c.hierarchy, e)
	}
	return nil
}
