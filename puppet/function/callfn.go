package function

import (
	"errors"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func callFunctions(t *Table) {
	t.add("with", on("Any arg*, Callable block", func(c *call) (pcore.Value, error) { return c.block.Call(c.args...) }))
	t.add("then", on("Any arg, Callable[1,1] block", func(c *call) (pcore.Value, error) {
		if pcore.IsUndef(c.args[0]) {
			return c.args[0], nil
		}
		return c.block.Call(c.args[0])
	}))
	t.add("lest", on("Any arg, Callable[0,0] block", func(c *call) (pcore.Value, error) {
		if !pcore.IsUndef(c.args[0]) {
			return c.args[0], nil
		}
		return c.block.Call()
	}))
	t.add("call", on("String function_name, Any arguments*, Callable block?", func(c *call) (pcore.Value, error) {
		return c.env.Call(c.args[0].String(), c.args[1:], callableOrNil(c.block))
	}), on("Deferred deferred", func(c *call) (pcore.Value, error) {
		return c.resolve(c.args[0].(*pcore.Object), 0)
	}))
}

// callableOrNil keeps a missing block a nil interface.
func callableOrNil(b Block) pcore.Callable {
	if b == nil {
		return nil
	}
	return b
}

// resolve calls what a Deferred stands for, after those among its arguments.
func (c *call) resolve(d *pcore.Object, depth int) (pcore.Value, error) {
	if depth > 100 {
		return nil, errors.New("the Deferred is nested too deeply")
	}
	name, _ := d.Get("name")
	var args []pcore.Value
	if v, ok := d.Get("arguments"); ok {
		if a, ok := v.(*pcore.Array); ok {
			for _, e := range a.All() {
				r, err := c.resolveIn(e, depth+1)
				if err != nil {
					return nil, err
				}
				args = append(args, r)
			}
		}
	}
	variable, ok := strings.CutPrefix(name.String(), "$")
	if !ok {
		return c.env.Call(name.String(), args, nil)
	}
	vars, ok := c.env.(Variables)
	if !ok {
		return pcore.Undef{}, nil
	}
	v, found, err := vars.Variable(variable)
	if err != nil || !found {
		return pcore.Undef{}, err
	}
	if len(args) == 0 {
		return v, nil
	}
	return c.env.Call("dig", append([]pcore.Value{v}, args...), nil)
}

// resolveIn resolves what is deferred inside of a value.
func (c *call) resolveIn(v pcore.Value, depth int) (pcore.Value, error) {
	switch v := v.(type) {
	case *pcore.Object:
		if v.ObjectType() == pcore.DeferredType {
			return c.resolve(v, depth)
		}
	case *pcore.Array:
		out := make([]pcore.Value, v.Len())
		for i, e := range v.All() {
			r, err := c.resolveIn(e, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = r
		}
		return pcore.NewArray(out), nil
	case *pcore.Hash:
		b := pcore.NewHashBuilder(v.Len())
		for k, e := range v.All() {
			r, err := c.resolveIn(e, depth+1)
			if err != nil {
				return nil, err
			}
			b.Set(k, r)
		}
		return b.Hash(), nil
	}
	return v, nil
}
