package hiera

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// A provider is the data of one layer: a configuration, and the levels it leads to.
type provider struct {
	layer    string // global, environment, module
	module   string
	config   *config
	levels   []*level
	defaults []*level // of default_hierarchy
	resolved bool
	used     []usedVariable
}

// A level is one entry of a hierarchy, with its paths filled in.
type level struct {
	entry     *entry
	provider  *provider
	options   *pcore.Hash
	locations []location // one without a name where the entry names none
	contexts  map[string]*Context
}

// A location is a file or URI that a level takes data from.
type location struct {
	name   string // "" for none
	uri    bool
	exists bool
}

// newProvider reads the configuration of a layer; nil without an error where there is none to use.
func (s *search) newProvider(layer, module, path string, global bool) (*provider, error) {
	c, err := s.readConfig(path, layer)
	if err != nil || c == nil {
		return nil, err
	}
	if c.version == 3 && !global {
		if s.opts.Strict == "error" {
			return nil, issue("HIERA_VERSION_3_NOT_GLOBAL", "hiera.yaml version 3 cannot be used in %s", pcore.WithArticle(layer))
		}
		s.env.WarnOnce("hiera_v3_at_"+path, fmt.Sprintf("hiera.yaml version 3 found at %s root was ignored\n   (file: %s)", placeOf(layer), path))
		return nil, nil
	}
	return &provider{layer: layer, module: module, config: c}, nil
}

func placeOf(layer string) string {
	if layer == "environment" {
		return "the environment"
	}
	return layer
}

// resolve fills in the paths of the levels, again whenever a variable in them has changed.
func (p *provider) resolve(s *search) error {
	if p.resolved && s.stable(p.used) {
		return nil
	}
	sub := *s
	var used []usedVariable
	sub.used = &used
	var err error
	if p.levels, err = p.resolveEntries(&sub, p.config.hierarchy); err != nil {
		return err
	}
	if p.defaults, err = p.resolveEntries(&sub, p.config.defaults); err != nil {
		return err
	}
	p.used, p.resolved = used, true
	return nil
}

func (p *provider) resolveEntries(s *search, entries []*entry) ([]*level, error) {
	levels := make([]*level, 0, len(entries))
	for i, e := range entries {
		for _, earlier := range entries[:i] {
			if earlier.name == e.name {
				return nil, p.config.duplicate(e.name)
			}
		}
		l, err := p.resolveEntry(s, e)
		if err != nil {
			return nil, err
		}
		levels = append(levels, l)
	}
	return levels, nil
}

func (p *provider) resolveEntry(s *search, e *entry) (*level, error) {
	l := &level{entry: e, provider: p, contexts: map[string]*Context{}}
	datadir, err := s.interpolate(pcore.String(join(p.config.root, e.datadir)), false)
	if err != nil {
		return nil, err
	}
	if l.locations, err = s.locations(datadir.String(), e); err != nil {
		return nil, err
	}
	options, err := s.interpolate(e.options, false)
	if err != nil {
		return nil, err
	}
	l.options = options.(*pcore.Hash)
	return l, nil
}

// lookup searches the hierarchy of the provider, or its default hierarchy.
func (p *provider) lookup(s *search, k *key, strategy strategy, defaults bool) (pcore.Value, error) {
	if err := p.resolve(s); err != nil {
		return nil, err
	}
	levels := p.levels
	if defaults {
		levels = p.defaults
	}
	return strategy.lookup(len(levels), func(i int) (pcore.Value, error) { return levels[i].lookup(s, k, strategy) })
}

func (l *level) lookup(s *search, k *key, strategy strategy) (pcore.Value, error) {
	locations := l.locations
	if s.level != "" && l.provider.config.version == 3 {
		extra := location{name: join(l.entry.datadir, s.level+"."+l.entry.name)}
		extra.exists = s.exists(extra.name)
		locations = append([]location{extra}, locations...)
	}
	return strategy.lookup(len(locations), func(i int) (pcore.Value, error) {
		loc := locations[i]
		if loc.name != "" && !loc.exists {
			return nil, errNotFound
		}
		switch l.entry.kind {
		case "lookup_key":
			return l.lookupKey(s, k, loc)
		case "data_dig":
			return l.dataDig(s, k, loc)
		}
		return l.dataHash(s, k, loc)
	})
}

// described names the function, and the place it looked at, in messages.
func (l *level) described(loc location) string {
	text := fmt.Sprintf("%s function '%s'", l.entry.kind, l.entry.function)
	if loc.name != "" {
		text += fmt.Sprintf(", when using location '%s',", loc.name)
	}
	return text
}

func (l *level) dataHash(s *search, k *key, loc location) (pcore.Value, error) {
	h, err := l.hash(s, loc)
	if err != nil {
		return nil, err
	}
	v, ok := h.GetString(k.root)
	if !ok {
		return nil, errNotFound
	}
	if !pcore.IsInstance(pcore.RichDataType, v) {
		return nil, badValue("Value for key '"+k.root+"', in hash returned from "+l.described(loc), v)
	}
	return s.interpolate(v, true)
}

func badValue(what string, v pcore.Value) error {
	return &Error{Message: what + " has wrong type, expects Puppet::LookupValue, got " + pcore.Infer(v).String()}
}

// hash gives the data of a location, from the context if it is known already.
func (l *level) hash(s *search, loc location) (*pcore.Hash, error) {
	ctx := l.context(s, loc)
	if ctx.hash != nil {
		return ctx.hash, nil
	}
	v, err := l.call(s, loc, ctx, nil)
	if err != nil {
		return nil, err
	}
	h, ok := v.(*pcore.Hash)
	what := "Value returned from " + l.described(loc)
	if !ok {
		return nil, &Error{Message: pcore.DescribeMismatch(what+" has wrong type,", pcore.AnyHash(), v.Type())}
	}
	if module := l.provider.module; module != "" {
		h = s.ownKeys(module, h, what)
	}
	ctx.hash = h
	return h, nil
}

// ownKeys drops what is not in the namespace of the module.
func (s *search) ownKeys(module string, h *pcore.Hash, what string) *pcore.Hash {
	b := pcore.NewHashBuilder(h.Len())
	for k, v := range h.All() {
		name := k.String()
		if name == "lookup_options" || strings.HasPrefix(name, module+"::") {
			b.Set(k, v)
			continue
		}
		s.env.WarnOnce("hiera namespace "+what+name, fmt.Sprintf("Module '%s': %s must use keys qualified with the name of the module", module, what))
	}
	return b.Hash()
}

func (l *level) lookupKey(s *search, k *key, loc location) (pcore.Value, error) {
	ctx := l.context(s, loc)
	if v, ok := ctx.values[k.root]; ok {
		if v == nil {
			return nil, errNotFound
		}
		return v, nil
	}
	v, err := l.call(s, loc, ctx, pcore.String(k.root))
	if err != nil {
		return nil, err
	}
	if !pcore.IsInstance(pcore.RichDataType, v) {
		return nil, badValue("Value for key '"+k.root+"', returned from "+l.described(loc), v)
	}
	ctx.values[k.root] = v
	return v, nil
}

func (l *level) dataDig(s *search, k *key, loc location) (pcore.Value, error) {
	ctx := l.context(s, loc)
	v, ok := ctx.values[k.text]
	if !ok {
		var err error
		if v, err = l.call(s, loc, ctx, k.all()); err != nil {
			return nil, err
		}
		if !pcore.IsInstance(pcore.RichDataType, v) {
			return nil, badValue("Value for key '"+k.text+"', returned from "+l.described(loc), v)
		}
		ctx.values[k.text] = v
	}
	return k.undig(v), nil
}

// call calls the function of the level; first is its argument before options and context, nil for
// data_hash functions.
func (l *level) call(s *search, loc location, ctx *Context, first pcore.Value) (pcore.Value, error) {
	switch l.entry.function {
	case "yaml_data", "json_data":
		if loc.name == "" || loc.uri {
			return nil, fmt.Errorf("'%s' one of 'path', 'paths' 'glob', 'globs' or 'mapped_paths' must be declared in hiera.yaml when using this data_hash function", l.entry.function)
		}
		return s.dataFile(l.entry.function, loc.name)
	case "hocon_data", "eyaml_lookup_key":
		return nil, &Error{Message: fmt.Sprintf("The %s function '%s' is not supported", l.entry.kind, l.entry.function)}
	}
	if f, ok := s.env.(Functions); ok && !f.HasFunction(l.entry.function) {
		return nil, l.provider.config.fail("HIERA_DATA_PROVIDER_FUNCTION_NOT_FOUND", "Unable to find '%s' function named '%s'", l.entry.kind, l.entry.function)
	}
	options := l.options
	switch {
	case loc.uri:
		options = options.Merge(pcore.HashOf("uri", pcore.String(loc.name)))
	case loc.name != "":
		options = options.Merge(pcore.HashOf("path", pcore.String(loc.name)))
	}
	ctx.search = s
	args := []pcore.Value{options, ctx}
	if first != nil {
		args = append([]pcore.Value{first}, args...)
	}
	return s.env.Call(l.entry.function, args, nil)
}

func (l *level) context(s *search, loc location) *Context {
	c := l.contexts[loc.name]
	if c == nil {
		c = newContext(s, l.provider.module)
		l.contexts[loc.name] = c
	}
	return c
}

var hierarchyName = regexp.MustCompile(`(?m)\bname:\s+['"]?(.*?)['"]?\s*$`)

// duplicate words the error for two entries of one name.
func (c *config) duplicate(name string) error {
	var lines []int
	for i, line := range strings.Split(c.source, "\n") {
		if m := hierarchyName.FindStringSubmatch(line); m != nil && m[1] == name {
			lines = append(lines, i+1)
		}
	}
	e := issue("HIERA_HIERARCHY_NAME_MULTIPLY_DEFINED", "Hierarchy name '%s' defined more than once.", name)
	e.File = c.path
	if len(lines) > 1 {
		e.Message += fmt.Sprintf(" First defined at (line: %d)", lines[0])
		e.Line = lines[1]
	}
	return e
}
