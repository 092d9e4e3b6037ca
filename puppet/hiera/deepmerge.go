package hiera

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// deepMerge are the options of a deep merge. The library that Puppet uses merges in place, and some
// of its results depend on that; so do arrays and hashes here, as nodes.
type deepMerge struct {
	knockout   string
	sorted     bool
	hashArrays bool
}

// A node is *listNode, *hashNode or a pcore.Value that is neither array nor hash.
type node any

type listNode struct{ elems []node }

type hashNode struct {
	keys   []pcore.Value
	values map[any]node
}

func (h *hashNode) get(key pcore.Value) node { return h.values[pcore.Key(key)] }

func (h *hashNode) set(key pcore.Value, v node) {
	k := pcore.Key(key)
	if _, ok := h.values[k]; !ok {
		h.keys = append(h.keys, key)
	}
	h.values[k] = v
}

func toNode(v pcore.Value) node {
	switch v := v.(type) {
	case *pcore.Array:
		l := &listNode{}
		for _, e := range v.All() {
			l.elems = append(l.elems, toNode(e))
		}
		return l
	case *pcore.Hash:
		h := &hashNode{values: make(map[any]node, v.Len())}
		for k, e := range v.All() {
			h.set(k, toNode(e))
		}
		return h
	}
	return v
}

func fromNode(n node) pcore.Value {
	switch n := n.(type) {
	case *listNode:
		out := make([]pcore.Value, len(n.elems))
		for i, e := range n.elems {
			out[i] = fromNode(e)
		}
		return pcore.NewArray(out)
	case *hashNode:
		b := pcore.NewHashBuilder(len(n.keys))
		for _, k := range n.keys {
			b.Set(k, fromNode(n.get(k)))
		}
		return b.Hash()
	}
	return n.(pcore.Value)
}

func deepStrategy(options *pcore.Hash, reversed bool) (strategy, error) {
	d := deepMerge{}
	if v, ok := getOrNil(options, "knockout_prefix").(pcore.String); ok {
		if v == "" {
			return strategy{}, errors.New("knockout_prefix cannot be an empty string in deep_merge!")
		}
		d.knockout = string(v)
	}
	set := func(key string) bool { return getOrNil(options, key) == pcore.Value(pcore.Boolean(true)) }
	d.sorted, d.hashArrays = set("sort_merged_arrays"), set("merge_hash_arrays")
	return strategy{merge: func(high, low pcore.Value) (pcore.Value, error) {
		if reversed {
			high, low = low, high
		}
		n, err := d.merge(toNode(high), toNode(low), 0)
		if err != nil {
			return nil, err
		}
		return fromNode(n), nil
	}}, nil
}

// missing says whether a node counts as nothing: undef and false do.
func missing(n node) bool {
	v, ok := n.(pcore.Value)
	return n == nil || ok && !pcore.Truthy(v)
}

func isUndef(n node) bool { v, ok := n.(pcore.Value); return n == nil || ok && pcore.IsUndef(v) }

// merge lays high over low and gives the result, which may be low itself, changed.
func (d *deepMerge) merge(high, low node, depth int) (node, error) {
	if depth > 500 {
		return nil, errors.New("the data is nested too deeply")
	}
	if isUndef(high) {
		return low, nil
	}
	if missing(low) {
		return high, nil
	}
	switch h := high.(type) {
	case *hashNode:
		return d.mergeHash(h, low, depth)
	case *listNode:
		return d.mergeList(h, low, depth)
	}
	return d.overwrite(high, low), nil
}

func (d *deepMerge) mergeHash(high *hashNode, low node, depth int) (node, error) {
	for _, k := range slices.Clone(high.keys) {
		dest, ok := low.(*hashNode)
		if !ok {
			low = d.overwrite(high, low)
			continue
		}
		v, under := high.get(k), dest.get(k)
		if missing(under) {
			under = shallow(v)
		}
		merged, err := d.merge(v, under, depth+1)
		if err != nil {
			return nil, err
		}
		dest.set(k, merged)
	}
	return low, nil
}

// shallow copies the container, but not what is in it.
func shallow(n node) node {
	switch n := n.(type) {
	case *listNode:
		return &listNode{slices.Clone(n.elems)}
	case *hashNode:
		c := &hashNode{keys: slices.Clone(n.keys), values: make(map[any]node, len(n.keys))}
		for k, v := range n.values {
			c.values[k] = v
		}
		return c
	}
	return n
}

func (d *deepMerge) text(n node) (string, bool) {
	s, ok := n.(pcore.String)
	return string(s), ok
}

func (d *deepMerge) remove(l *listNode, unwanted string) {
	l.elems = slices.DeleteFunc(l.elems, func(n node) bool {
		s, ok := d.text(n)
		return ok && s == unwanted
	})
}

func (d *deepMerge) mergeList(high *listNode, low node, depth int) (node, error) {
	dest, isList := low.(*listNode)
	if d.knockout != "" && slices.ContainsFunc(high.elems, func(n node) bool { s, ok := d.text(n); return ok && s == d.knockout }) {
		switch l := low.(type) {
		case *listNode:
			l.elems = nil
		case *hashNode:
			l.keys, l.values = nil, map[any]node{}
		default:
			low = pcore.Undef{}
		}
		d.remove(high, d.knockout)
	}
	if !isList {
		return d.overwrite(high, low), nil
	}
	d.knockOut(high, dest)
	if d.hashArrays && allHashes(high) && allHashes(dest) {
		return d.mergePairwise(high, dest, depth)
	}
	seen := map[any]bool{}
	var all []node
	for _, n := range slices.Concat(dest.elems, high.elems) {
		if k := pcore.Key(fromNode(n)); !seen[k] {
			seen[k] = true
			all = append(all, n)
		}
	}
	result := &listNode{all}
	return result, d.sort(result)
}

// knockOut removes from dest what high names with the prefix, and the names from high.
func (d *deepMerge) knockOut(high, dest *listNode) {
	if d.knockout == "" {
		return
	}
	var kept []node
	for _, n := range slices.Clone(high.elems) {
		s, ok := d.text(n)
		item, knocked := strings.CutPrefix(s, d.knockout)
		if !ok || !knocked {
			kept = append(kept, n)
			continue
		}
		d.remove(dest, item)
		d.remove(dest, s)
	}
	high.elems = kept
}

func allHashes(l *listNode) bool {
	return !slices.ContainsFunc(l.elems, func(n node) bool { _, ok := n.(*hashNode); return !ok })
}

func (d *deepMerge) mergePairwise(high, dest *listNode, depth int) (node, error) {
	result := &listNode{}
	for i, n := range dest.elems {
		over := node(&hashNode{values: map[any]node{}})
		if i < len(high.elems) {
			over = high.elems[i]
		}
		merged, err := d.merge(over, n, depth+1)
		if err != nil {
			return nil, err
		}
		result.elems = append(result.elems, merged)
	}
	if len(high.elems) > len(dest.elems) {
		result.elems = append(result.elems, high.elems[len(dest.elems):]...)
	}
	return result, d.sort(result)
}

func (d *deepMerge) sort(l *listNode) error {
	if !d.sorted {
		return nil
	}
	var failed error
	slices.SortStableFunc(l.elems, func(a, b node) int {
		n, ok := compareNodes(a, b)
		if !ok {
			failed = fmt.Errorf("comparison of %s with %s failed", pcore.RubyClass(fromNode(b)), pcore.RubyClass(fromNode(a)))
		}
		return n
	})
	return failed
}

// compareNodes orders strings, numbers, and lists of them; ok is false for what has no order.
func compareNodes(a, b node) (n int, ok bool) {
	switch a := a.(type) {
	case pcore.String:
		if b, ok := b.(pcore.String); ok {
			return cmp.Compare(a, b), true
		}
	case *listNode:
		b, ok := b.(*listNode)
		if !ok {
			return 0, false
		}
		for i := range min(len(a.elems), len(b.elems)) {
			if n, ok := compareNodes(a.elems[i], b.elems[i]); !ok || n != 0 {
				return n, ok
			}
		}
		return cmp.Compare(len(a.elems), len(b.elems)), true
	}
	x, bad := number(a)
	y, worse := number(b)
	return cmp.Compare(x, y), !bad && !worse
}

func number(n node) (f float64, bad bool) {
	switch v := n.(type) {
	case pcore.Integer:
		return float64(v), false
	case pcore.Float:
		return float64(v), false
	}
	return 0, true
}

// overwrite replaces low by high; what high knocks out leaves the empty string.
func (d *deepMerge) overwrite(high, low node) node {
	if d.knockout == "" {
		return high
	}
	switch h := high.(type) {
	case pcore.String:
		if strings.HasPrefix(string(h), d.knockout) {
			return pcore.String("")
		}
	case *listNode:
		h.elems = slices.DeleteFunc(h.elems, func(n node) bool {
			s, ok := d.text(n)
			return ok && strings.HasPrefix(s, d.knockout)
		})
	}
	return high
}
