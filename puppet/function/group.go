package function

import (
	"github.com/chargehand/chargehand/puppet/pcore"
)

func filter(c *call) (pcore.Value, error) {
	if _, ok := c.args[0].(*pcore.Hash); ok {
		b := pcore.HashBuilder{}
		err := c.run(func(args []pcore.Value, v pcore.Value) bool {
			if pcore.Truthy(v) {
				setPair(&b, args)
			}
			return true
		})
		return b.Hash(), err
	}
	var out []pcore.Value
	err := c.run(func(args []pcore.Value, v pcore.Value) bool {
		if pcore.Truthy(v) {
			out = append(out, element(args))
		}
		return true
	})
	return pcore.NewArray(out), err
}

// setPair adds the entry that a block was given, in one argument or two.
func setPair(b *pcore.HashBuilder, args []pcore.Value) {
	if a, ok := args[0].(*pcore.Array); ok && len(args) == 1 {
		b.Set(a.At(0), a.At(1))
		return
	}
	b.Set(args[0], args[1])
}

// whole gives an element as the functions that group elements show it: entries as pairs.
func whole(isHash bool, args []pcore.Value) pcore.Value {
	if isHash && len(args) == 2 {
		return pcore.ArrayOf(args...)
	}
	return element(args)
}

func groupBy(c *call) (pcore.Value, error) {
	_, isHash := c.args[0].(*pcore.Hash)
	groups := map[any][]pcore.Value{}
	var keys []pcore.Value
	err := c.run(func(args []pcore.Value, v pcore.Value) bool {
		k := pcore.Key(v)
		if _, ok := groups[k]; !ok {
			keys = append(keys, v)
		}
		groups[k] = append(groups[k], whole(isHash, args))
		return true
	})
	b := pcore.NewHashBuilder(len(keys))
	for _, k := range keys {
		b.Set(k, pcore.NewArray(groups[pcore.Key(k)]))
	}
	return b.Hash(), err
}

func partition(c *call) (pcore.Value, error) {
	_, isHash := c.args[0].(*pcore.Hash)
	var yes, no []pcore.Value
	err := c.run(func(args []pcore.Value, v pcore.Value) bool {
		if pcore.Truthy(v) {
			yes = append(yes, whole(isHash, args))
		} else {
			no = append(no, whole(isHash, args))
		}
		return true
	})
	return pcore.ArrayOf(pcore.NewArray(yes), pcore.NewArray(no)), err
}
