package function

import (
	"fmt"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func elementType(v pcore.Value) pcore.Type {
	if it, ok := pcore.Iterate(v); ok {
		if t, ok := it.Type().(*pcore.IteratorType); ok && t.Elem != nil {
			return t.Elem
		}
	}
	return pcore.AnyType
}

func reverseEach(c *call) (pcore.Value, error) {
	elems, err := reversible(c.args[0])
	if err != nil {
		return nil, err
	}
	return c.lazily(pcore.NewIterator(elementType(c.args[0]), elems))
}

// reversible iterates from the end: integer ranges without unfolding them.
func reversible(v pcore.Value) (func(func(pcore.Value) bool), error) {
	if from, to, ok := integerRange(v); ok {
		return func(yield func(pcore.Value) bool) {
			for i := to; i >= from && yield(pcore.Integer(i)) && i != from; i-- {
			}
		}, nil
	}
	elems, err := pcore.Elements(v)
	return func(yield func(pcore.Value) bool) {
		for i := len(elems) - 1; i >= 0; i-- {
			if !yield(elems[i]) {
				return
			}
		}
	}, err
}

// integerRange gives the ends of what iterates over integers in order.
func integerRange(v pcore.Value) (from, to int64, ok bool) {
	switch v := v.(type) {
	case pcore.Integer:
		return 0, int64(v) - 1, v > 0
	case *pcore.IntegerType:
		return v.Min, v.Max, true
	}
	return 0, 0, false
}

// lazily gives the sequence itself, or calls the block on each of its elements where there is one.
func (c *call) lazily(it *pcore.Iterator) (pcore.Value, error) {
	if c.block == nil {
		return it, nil
	}
	steps := 0
	for v := range it.All() {
		if _, err := c.block.Call(v); err != nil {
			if isBreak(err) {
				break
			}
			return nil, err
		}
		if steps++; steps > maxSteps {
			return nil, errTooManySteps
		}
	}
	return pcore.Undef{}, nil
}

func step(c *call) (pcore.Value, error) {
	it, ok := pcore.Iterate(c.args[0])
	if !ok {
		return nil, fmt.Errorf("%s is not Iterable", pcore.Generalize(pcore.Infer(c.args[0])))
	}
	width := int64(c.args[1].(pcore.Integer))
	if from, to, ok := integerRange(c.args[0]); ok {
		return c.lazily(pcore.NewIterator(elementType(c.args[0]), func(yield func(pcore.Value) bool) {
			for i := from; i <= to && yield(pcore.Integer(i)) && i <= to-width; i += width {
			}
		}))
	}
	return c.lazily(pcore.NewIterator(elementType(c.args[0]), func(yield func(pcore.Value) bool) {
		i := int64(0)
		for v := range it.All() {
			if i%width == 0 && !yield(v) {
				return
			}
			i++
		}
	}))
}

func slice(c *call) (pcore.Value, error) {
	it, ok := pcore.Iterate(c.args[0])
	if !ok {
		return nil, fmt.Errorf("%s is not Iterable", pcore.Generalize(pcore.Infer(c.args[0])))
	}
	size := int(min(c.args[1].(pcore.Integer), 1<<31-1))
	spread := false
	if c.block != nil {
		n, rest := c.block.ParamCount()
		if spread = n > 1 || rest; !rest && n > 1 && n != size {
			return nil, fmt.Errorf("slice(): block must define 1 parameter, or the same number of parameters as the given size of the slice (%d). Block has %d", size, n)
		}
	}
	var out, chunk []pcore.Value
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		done := chunk
		chunk = nil
		if c.block == nil {
			out = append(out, pcore.NewArray(done))
			return nil
		}
		if !spread {
			_, err := c.block.Call(pcore.NewArray(done))
			return err
		}
		for len(done) < size {
			done = append(done, pcore.Undef{})
		}
		_, err := c.block.Call(done...)
		return err
	}
	steps := 0
	for v := range it.All() {
		if chunk = append(chunk, v); len(chunk) == size {
			if err := flush(); err != nil {
				return c.ended(err)
			}
		}
		if steps++; steps > maxSteps {
			return nil, errTooManySteps
		}
	}
	if err := flush(); err != nil {
		return c.ended(err)
	}
	if c.block != nil {
		return c.args[0], nil
	}
	return pcore.NewArray(out), nil
}

// ended is the result of an iteration that an error ended: what it went over, when that was a break.
func (c *call) ended(err error) (pcore.Value, error) {
	if isBreak(err) {
		return c.args[0], nil
	}
	return nil, err
}
