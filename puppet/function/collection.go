package function

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func collectionFunctions(t *Table) {
	t.add("empty", on("Collection coll", emptyCollection), on("Sensitive[String] str", func(c *call) (pcore.Value, error) {
		return pcore.Bool(c.args[0].(*pcore.Sensitive).Unwrap().String() == ""), nil
	}), on("String str", emptyText), on("Numeric num", func(c *call) (pcore.Value, error) {
		c.env.WarnOnce("empty-from-numeric-value", "Calling function empty() with Numeric value is deprecated.")
		return pcore.Boolean(false), nil
	}), on("Binary bin", func(c *call) (pcore.Value, error) {
		return pcore.Bool(c.args[0].(pcore.Binary) == ""), nil
	}), on("Undef x", func(c *call) (pcore.Value, error) {
		return pcore.Boolean(true), nil
	}))
	t.add("length", on("Collection arg", length), on("String arg", length), on("Binary arg", length))
	t.add("size", on("Variant[Collection, String, Binary] arg", length))
	t.add("keys", on("Hash hsh", func(c *call) (pcore.Value, error) {
		return pcore.NewArray(c.args[0].(*pcore.Hash).Keys()), nil
	}))
	t.add("values", on("Hash hsh", func(c *call) (pcore.Value, error) {
		return pcore.NewArray(c.args[0].(*pcore.Hash).Values()), nil
	}))
	t.add("flatten", on("Any args*", func(c *call) (pcore.Value, error) {
		return pcore.NewArray(flattenAll(c.args)), nil
	}))
	t.add("sort", on("String string_value, Callable[2,2] block?", func(c *call) (pcore.Value, error) {
		elems, err := pcore.Elements(c.args[0])
		if err != nil {
			return nil, err
		}
		sorted, err := sortValues(slices.Clone(elems), c.block)
		if err != nil {
			return nil, err
		}
		var b strings.Builder
		for _, e := range sorted {
			b.WriteString(e.String())
		}
		return pcore.String(b.String()), nil
	}), on("Array array_value, Callable[2,2] block?", func(c *call) (pcore.Value, error) {
		sorted, err := sortValues(slices.Clone(c.args[0].(*pcore.Array).Slice()), c.block)
		return pcore.NewArray(sorted), err
	}))
	t.add("unique", on("String string, Callable[String] block?", uniqueText), on("Hash hash, Callable[Any] block?", uniqueHash),
		on("Array array, Callable[Any] block?", uniqueElements), on("Iterable iterable, Callable[Any] block?", uniqueElements))
}

func emptyCollection(c *call) (pcore.Value, error) {
	switch v := c.args[0].(type) {
	case *pcore.Array:
		return pcore.Bool(v.Len() == 0), nil
	case *pcore.Hash:
		return pcore.Bool(v.Len() == 0), nil
	}
	return pcore.Boolean(false), nil
}

func emptyText(c *call) (pcore.Value, error) {
	return pcore.Bool(c.args[0].(pcore.String) == ""), nil
}

func length(c *call) (pcore.Value, error) {
	switch v := c.args[0].(type) {
	case *pcore.Array:
		return pcore.Integer(v.Len()), nil
	case *pcore.Hash:
		return pcore.Integer(v.Len()), nil
	case pcore.Binary:
		return pcore.Integer(len(v)), nil
	}
	return pcore.Integer(len([]rune(c.args[0].String()))), nil
}

// errNotComparable is a comparison that has no answer; sortValues words it.
var errNotComparable = errors.New("not comparable")

// compareValues orders values as Ruby's <=> does: numbers, strings by their bytes, arrays by their
// elements.
func compareValues(a, b pcore.Value) (int, error) {
	switch x := a.(type) {
	case pcore.String:
		if y, ok := b.(pcore.String); ok {
			return cmp.Compare(x, y), nil
		}
	case pcore.Integer:
		switch y := b.(type) {
		case pcore.Integer:
			return cmp.Compare(x, y), nil
		case pcore.Float:
			return cmp.Compare(pcore.Float(x), y), nil
		}
	case pcore.Float:
		switch y := b.(type) {
		case pcore.Integer:
			return cmp.Compare(x, pcore.Float(y)), nil
		case pcore.Float:
			return cmp.Compare(x, y), nil
		}
	case pcore.Timestamp:
		if y, ok := b.(pcore.Timestamp); ok {
			return cmp.Compare(x, y), nil
		}
	case pcore.Timespan:
		if y, ok := b.(pcore.Timespan); ok {
			return cmp.Compare(x, y), nil
		}
	case *pcore.SemVer:
		if y, ok := b.(*pcore.SemVer); ok {
			return x.Compare(y), nil
		}
	case *pcore.Array:
		if y, ok := b.(*pcore.Array); ok {
			for i := range min(x.Len(), y.Len()) {
				if n, err := compareValues(x.At(i), y.At(i)); err != nil || n != 0 {
					return n, err
				}
			}
			return cmp.Compare(x.Len(), y.Len()), nil
		}
	}
	if pcore.Eql(a, b) {
		return 0, nil
	}
	return 0, errNotComparable
}

// badComparison words the error of a comparison that has no answer.
func badComparison(a, b pcore.Value) error {
	shown := pcore.RubyClass(b)
	switch b.(type) {
	case pcore.Undef, pcore.Boolean, pcore.Integer, pcore.Float, pcore.Default:
		shown = pcore.InspectRuby(b)
	}
	return fmt.Errorf("comparison of %s with %s failed", pcore.RubyClass(a), shown)
}

// sortValues sorts in place: by the block, or in the order of compareValues.
func sortValues(vs []pcore.Value, block Block) ([]pcore.Value, error) {
	var failed error
	slices.SortStableFunc(vs, func(a, b pcore.Value) int {
		if failed != nil {
			return 0
		}
		var n int
		if block != nil {
			n, failed = blockOrder(block, a, b)
			return n
		}
		// The sort asks for a pair from the right; the message names it from the left.
		n, err := compareValues(a, b)
		if err != nil {
			failed = badComparison(b, a)
		}
		return n
	})
	return vs, failed
}

func blockOrder(block Block, a, b pcore.Value) (int, error) {
	v, err := block.Call(a, b)
	if err != nil {
		return 0, err
	}
	switch n := v.(type) {
	case pcore.Integer:
		return cmp.Compare(n, 0), nil
	case pcore.Float:
		return cmp.Compare(n, 0), nil
	}
	return 0, badComparison(a, b)
}

// keyOf gives what makes an element unique: itself, or what the block makes of it.
func keyOf(c *call, v pcore.Value) (any, error) {
	if c.block == nil {
		return pcore.Key(v), nil
	}
	v, err := c.block.Call(v)
	if err != nil {
		return nil, err
	}
	return pcore.Key(v), nil
}

func uniqueValues(c *call, vs []pcore.Value) ([]pcore.Value, error) {
	seen := make(map[any]bool, len(vs))
	var out []pcore.Value
	for _, v := range vs {
		k, err := keyOf(c, v)
		if err != nil {
			return nil, err
		}
		if !seen[k] {
			seen[k] = true
			out = append(out, v)
		}
	}
	return out, nil
}

func uniqueText(c *call) (pcore.Value, error) {
	elems, err := pcore.Elements(c.args[0])
	if err != nil {
		return nil, err
	}
	elems, err = uniqueValues(c, elems)
	var b strings.Builder
	for _, e := range elems {
		b.WriteString(e.String())
	}
	return pcore.String(b.String()), err
}

func uniqueElements(c *call) (pcore.Value, error) {
	elems, err := pcore.Elements(c.args[0])
	if err != nil {
		return nil, err
	}
	elems, err = uniqueValues(c, elems)
	return pcore.NewArray(elems), err
}

// uniqueHash groups the keys of equal values: {[keys…] => [values…]}.
func uniqueHash(c *call) (pcore.Value, error) {
	type group struct{ keys, values []pcore.Value }
	groups := map[any]*group{}
	var order []*group
	for k, v := range c.args[0].(*pcore.Hash).All() {
		key, err := keyOf(c, v)
		if err != nil {
			return nil, err
		}
		g := groups[key]
		if g == nil {
			g = &group{}
			groups[key] = g
			order = append(order, g)
		}
		g.keys = append(g.keys, k)
		g.values = append(g.values, v)
	}
	b := pcore.NewHashBuilder(len(order))
	for _, g := range order {
		values, err := uniqueValues(&call{env: c.env}, g.values)
		if err != nil {
			return nil, err
		}
		b.Set(pcore.NewArray(g.keys), pcore.NewArray(values))
	}
	return b.Hash(), nil
}
