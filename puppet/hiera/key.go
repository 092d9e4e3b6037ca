package hiera

import (
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/puppet/function"
	"github.com/chargehand/chargehand/puppet/pcore"
)

// A key is a name to look up: what data has, and the way into the value for the rest of it.
type key struct {
	text     string
	root     string
	module   string // the first segment of a qualified name
	segments []pcore.Value
}

var optionsKey = &key{text: "lookup_options", root: "lookup_options"}

func parseKey(text string) (*key, error) {
	segments, err := function.SplitKey(text)
	if err != nil {
		return nil, &Error{Message: fmt.Sprintf("%s in key: '%s'", err, text)}
	}
	k := &key{text: text, root: segments[0].String(), segments: segments[1:]}
	if i := strings.Index(k.root, "::"); i > 0 {
		k.module = k.root[:i]
	}
	return k, nil
}

func (k *key) dig(v pcore.Value) (pcore.Value, error) { return digInto(k.text, k.segments, v) }

// digInto walks into arrays by index and into hashes by key.
func digInto(name string, segments []pcore.Value, v pcore.Value) (pcore.Value, error) {
	for _, seg := range segments {
		if pcore.IsUndef(v) {
			return nil, errNotFound
		}
		i, isIndex := seg.(pcore.Integer)
		switch c := v.(type) {
		case *pcore.Array:
			if !isIndex {
				return nil, badDig(name, seg, v)
			}
			if i < 0 || int(i) >= c.Len() {
				return nil, errNotFound
			}
			v = c.At(int(i))
		case *pcore.Hash:
			e, ok := c.Get(seg)
			if !ok {
				return nil, errNotFound
			}
			v = e
		default:
			return nil, badDig(name, seg, v)
		}
	}
	return v, nil
}

func badDig(name string, seg, v pcore.Value) error {
	return &Error{Message: fmt.Sprintf("Data Provider type mismatch: Got %s when a hash-like object was expected to access value using '%s' from key '%s'",
		pcore.RubyClass(v), seg, name)}
}

// all gives the key as the segments that data_dig functions take.
func (k *key) all() pcore.Value {
	return pcore.NewArray(append([]pcore.Value{pcore.String(k.root)}, k.segments...))
}

// undig wraps a value that was found under the whole key, so that dig finds it.
func (k *key) undig(v pcore.Value) pcore.Value {
	for i := len(k.segments) - 1; i >= 0; i-- {
		n, ok := k.segments[i].(pcore.Integer)
		if !ok || n < 0 || n > 10_000 {
			v = pcore.NewHash([]pcore.Entry{{Key: k.segments[i], Value: v}})
			continue
		}
		elems := make([]pcore.Value, n+1)
		for j := range elems {
			elems[j] = pcore.Undef{}
		}
		elems[n] = v
		v = pcore.NewArray(elems)
	}
	return v
}
