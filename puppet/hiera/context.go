package hiera

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// Context is what a function that provides data works with: Puppet::LookupContext. Code in manifests
// calls its methods; each level and location has one of its own.
type Context struct {
	search *search
	module string
	hash   *pcore.Hash
	values map[string]pcore.Value
	cache  pcore.HashBuilder
}

func newContext(s *search, module string) *Context {
	return &Context{search: s, module: module, values: map[string]pcore.Value{}}
}

// String implements pcore.Value.
func (c *Context) String() string { return "Puppet::LookupContext" }

// Type implements pcore.Value.
func (c *Context) Type() pcore.Type { return pcore.LookupContextType }

// Method calls one of the context's methods; known is false where it has none of this name.
func (c *Context) Method(name string, args []pcore.Value, block pcore.Callable) (v pcore.Value, known bool, err error) {
	v, err = pcore.Undef{}, nil
	arg := func(i int) pcore.Value {
		if i < len(args) {
			return args[i]
		}
		return pcore.Undef{}
	}
	switch name {
	case "not_found":
		err = errNotFound
	case "environment_name":
		v = pcore.String(c.search.opts.Environment)
	case "module_name":
		if c.module != "" {
			v = pcore.String(c.module)
		}
	case "interpolate":
		v, err = c.search.interpolate(arg(0), true)
	case "explain":
	case "cache":
		c.cache.Set(arg(0), arg(1))
		v = arg(1)
	case "cache_all":
		if h, ok := arg(0).(*pcore.Hash); ok {
			for k, e := range h.All() {
				c.cache.Set(k, e)
			}
		}
	case "cache_has_key":
		_, ok := c.cache.Get(arg(0))
		v = pcore.Bool(ok)
	case "cached_value":
		if e, ok := c.cache.Get(arg(0)); ok {
			v = e
		}
	case "cached_entries":
		v, err = c.cachedEntries(block)
	case "cached_file_data":
		v, err = c.fileData(arg(0).String(), block)
	default:
		return nil, false, nil
	}
	return v, true, err
}

func (c *Context) cachedEntries(block pcore.Callable) (pcore.Value, error) {
	pairs := c.cache.Pairs()
	b, ok := block.(function.Block)
	if !ok {
		return pcore.NewArray(pairs), nil
	}
	n, _ := b.ParamCount()
	for _, p := range pairs {
		var err error
		if n == 2 {
			_, err = b.Call(p.(*pcore.Array).Slice()...)
		} else {
			_, err = b.Call(p)
		}
		if err != nil {
			return nil, err
		}
	}
	return pcore.Undef{}, nil
}

// fileData gives the text of a file, or what the block makes of it.
func (c *Context) fileData(name string, block pcore.Callable) (pcore.Value, error) {
	if !strings.HasPrefix(name, "/") {
		return nil, fmt.Errorf("cached_file_data needs an absolute path, got '%s'", name)
	}
	text, err := c.search.opts.Files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	v := pcore.Value(pcore.String(text))
	if b, ok := block.(function.Block); ok {
		return b.Call(v)
	}
	return v, nil
}

// IsNotFound says whether an error is that of a backend which has no value for the key.
func IsNotFound(err error) bool { return errors.Is(err, errNotFound) }

// NotFound is the error of a backend, in whatever language, that has no value for the key.
func NotFound() error { return errNotFound }
