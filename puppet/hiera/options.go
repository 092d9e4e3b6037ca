package hiera

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// lookupOptions are what data says on how its keys are looked up: by key, or by pattern.
type lookupOptions struct {
	all      *pcore.Hash
	keys     map[string]*pcore.Hash
	patterns []optionPattern
}

type optionPattern struct {
	re      *pcore.Regexp
	options *pcore.Hash
}

// newLookupOptions reads the value of lookup_options; those of a module must be on its own keys.
func newLookupOptions(v pcore.Value, module string) (*lookupOptions, error) {
	o := &lookupOptions{keys: map[string]*pcore.Hash{}}
	if v == nil {
		return o, nil
	}
	h, ok := v.(*pcore.Hash)
	if !ok {
		return nil, &Error{Message: "value of lookup_options must be a hash"}
	}
	o.all = h
	for name, options := range h.All() {
		key := name.String()
		pattern := strings.HasPrefix(key, "^")
		if module != "" {
			prefix := module + "::"
			switch {
			case pattern && !strings.HasPrefix(key[1:], prefix):
				return nil, &Error{Message: fmt.Sprintf("all lookup_options patterns must match a key starting with module name '%s'", module)}
			case !pattern && !strings.HasPrefix(key, prefix):
				return nil, &Error{Message: fmt.Sprintf("all lookup_options keys must start with module name '%s'", module)}
			}
		}
		opts, ok := options.(*pcore.Hash)
		if !ok {
			opts = pcore.NewHash(nil)
		}
		if !pattern {
			o.keys[key] = opts
			continue
		}
		re, err := pcore.NewRegexp(key)
		if err != nil {
			return nil, err
		}
		o.patterns = append(o.patterns, optionPattern{re, opts})
	}
	return o, nil
}

func (o *lookupOptions) find(root string) *pcore.Hash {
	if h, ok := o.keys[root]; ok {
		return h
	}
	for _, p := range o.patterns {
		if p.re.MatchString(root) {
			return p.options
		}
	}
	return nil
}

// optionsFor gives the lookup options of a key, nil for none.
func (s *search) optionsFor(k *key) (*pcore.Hash, error) {
	o, ok := s.options[k.module]
	if !ok {
		var err error
		if o, err = s.readOptions(k.module); err != nil {
			return nil, err
		}
		s.options[k.module] = o
	}
	return o.find(k.root), nil
}

// readOptions merges the options of the layers.
func (s *search) readOptions(module string) (*lookupOptions, error) {
	meta := *s
	meta.top, meta.module, meta.overrides, meta.defaults = "lookup_options", module, nil, nil
	global, err := meta.layerOptions(meta.global, "")
	if err != nil {
		return nil, err
	}
	env, err := meta.layerOptions(meta.Data.env, "")
	if err != nil {
		return nil, err
	}
	p, err := meta.moduleProvider(module)
	if err != nil {
		return nil, err
	}
	mod, err := meta.layerOptions(p, module)
	if err != nil {
		return nil, err
	}
	merged := pcore.NewHash(nil)
	for _, h := range []*pcore.Hash{mod, env, global} {
		if h != nil {
			merged = merged.Merge(h)
		}
	}
	return newLookupOptions(merged, "")
}

func (s *search) layerOptions(p *provider, module string) (*pcore.Hash, error) {
	v, err := s.in(p, optionsKey, hashMerge)
	if errors.Is(err, errNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o, err := newLookupOptions(v, module)
	if err != nil {
		return nil, err
	}
	return o.all, nil
}

// convert makes of the value what the option convert_to asks for.
func (s *search) convert(k *key, v pcore.Value, options *pcore.Hash) (pcore.Value, error) {
	to := getOrNil(options, "convert_to")
	if to == nil {
		return v, nil
	}
	args := []pcore.Value{to}
	if a, ok := to.(*pcore.Array); ok {
		args = a.Slice()
	}
	if len(args) == 0 {
		return v, nil
	}
	t, ok := args[0].(pcore.Type)
	if !ok {
		var err error
		if t, err = s.env.ParseType(args[0].String()); err != nil {
			return nil, &Error{Message: fmt.Sprintf("Invalid data type in lookup_options for key '%s' could not parse '%s', error: '%s", k.text, args[0], err)}
		}
	}
	converted, err := s.env.Maker().New(t, append([]pcore.Value{v}, args[1:]...))
	if err != nil {
		return nil, &Error{Message: fmt.Sprintf("The convert_to lookup_option for key '%s' raised error: %s", k.text, err)}
	}
	return converted, nil
}
