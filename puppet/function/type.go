package function

import (
	"errors"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func typeFunctions(t *Table) {
	t.add("type", on("Any value, Enum[detailed] inference_method?", func(c *call) (pcore.Value, error) {
		return c.args[0].Type(), nil
	}), on("Any value, Enum[reduced] inference_method", func(c *call) (pcore.Value, error) {
		return pcore.Infer(c.args[0]), nil
	}), on("Any value, Enum[generalized] inference_method", func(c *call) (pcore.Value, error) {
		return pcore.Generalize(pcore.Infer(c.args[0])), nil
	}))
	t.add("assert_type", on("Type type, Any value, Callable[Type, Type] block?", func(c *call) (pcore.Value, error) {
		return assertType(c, c.args[0].(pcore.Type))
	}), on("String type_string, Any value, Callable[Type, Type] block?", func(c *call) (pcore.Value, error) {
		t, err := c.env.ParseType(c.args[0].String())
		if err != nil {
			return nil, err
		}
		return assertType(c, t)
	}))
	t.add("new", on("Type type, Any args*, Callable block?", func(c *call) (pcore.Value, error) {
		v, err := c.env.Maker().New(c.args[0].(pcore.Type), c.args[1:])
		return c.passTo(v, err)
	}))
	t.add("convert_to", on("Any value, Type type, Any args*, Callable[1,1] block?", func(c *call) (pcore.Value, error) {
		args := append([]pcore.Value{c.args[0]}, c.args[2:]...)
		v, err := c.env.Maker().New(c.args[1].(pcore.Type), args)
		return c.passTo(v, err)
	}))
	unwrap := func(c *call) (pcore.Value, error) {
		v := c.args[0]
		if s, ok := v.(*pcore.Sensitive); ok {
			v = s.Unwrap()
		}
		return c.passTo(v, nil)
	}
	t.add("unwrap", on("Sensitive arg, Callable block?", unwrap), on("Any arg, Callable block?", unwrap))
}

// passTo gives the value, or what the block makes of it.
func (c *call) passTo(v pcore.Value, err error) (pcore.Value, error) {
	if err != nil || c.block == nil {
		return v, err
	}
	return c.block.Call(v)
}

func assertType(c *call, t pcore.Type) (pcore.Value, error) {
	v := c.args[1]
	if pcore.IsInstance(t, v) {
		return v, nil
	}
	if c.block != nil {
		return c.block.Call(t, v.Type())
	}
	return nil, errors.New(pcore.DescribeMismatch("assert_type():", t, v.Type()))
}
