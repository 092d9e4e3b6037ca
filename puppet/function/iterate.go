package function

import (
	"errors"
	"fmt"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// maxSteps bounds what one iteration goes through.
const maxSteps = 2_000_000

var errTooManySteps = errors.New("the iteration is too long")

func iterationFunctions(t *Table) {
	for name, fn := range map[string]impl{
		"each": each, "map": mapElements, "filter": filter, "any": anyElement, "all": allElements,
	} {
		t.add(name, on("Hash hash, Callable[2,2] block", fn), on("Hash hash, Callable[1,1] block", fn),
			on("Iterable enumerable, Callable[2,2] block", fn), on("Iterable enumerable, Callable[1,1] block", fn))
	}
	t.add("index", on("Hash hash, Callable[2,2] block", index), on("Hash hash, Callable[1,1] block", index),
		on("Iterable enumerable, Callable[2,2] block", index), on("Iterable enumerable, Callable[1,1] block", index),
		on("String str, Variant[String, Regexp] match", indexText), on("Iterable enumerable, Any match", indexValue))
	t.add("reduce", on("Iterable enumerable, Callable[2,2] block", reduce), on("Iterable enumerable, Any memo, Callable[2,2] block", reduce))
	t.add("reverse_each", on("Iterable iterable", reverseEach), on("Iterable iterable, Callable[1,1] block", reverseEach))
	t.add("slice", on("Hash hash, Integer[1] slice_size, Callable block?", slice),
		on("Iterable enumerable, Integer[1] slice_size, Callable block?", slice))
	t.add("step", on("Iterable iterable, Integer[1] step", step), on("Iterable iterable, Integer[1] step, Callable[1,1] block", step))
	grouped := pcore.AnyHash()
	halves := pcore.MustParseType("Tuple[Array, Array]")
	for name, def := range map[string]struct {
		fn      impl
		returns pcore.Type
	}{"group_by": {groupBy, grouped}, "partition": {partition, halves}} {
		f := def.fn
		t.add(name,
			dispatch{pcore.NewSignature("Collection collection, Callable[1,1] block", def.returns), f},
			dispatch{pcore.NewSignature("Array array, Callable[2,2] block", def.returns), f},
			dispatch{pcore.NewSignature("Collection collection, Callable[2,2] block", def.returns), f})
	}
}

// elements calls fn for each element of the first argument, with what the block is to be given: key
// and value of a hash, or index and element, for blocks of two parameters.
func (c *call) elements(fn func(args []pcore.Value) (more bool, err error)) error {
	n, rest := c.block.ParamCount()
	pair := n >= 2 || rest && n > 1
	if h, ok := c.args[0].(*pcore.Hash); ok {
		for k, v := range h.All() {
			args := []pcore.Value{k, v}
			if !pair {
				args = []pcore.Value{pcore.ArrayOf(k, v)}
			}
			if more, err := fn(args); err != nil || !more {
				return err
			}
		}
		return nil
	}
	it, ok := pcore.Iterate(c.args[0])
	if !ok {
		return fmt.Errorf("%s is not Iterable", pcore.Generalize(pcore.Infer(c.args[0])))
	}
	i := 0
	for v := range it.All() {
		args := []pcore.Value{v}
		if pair {
			args = []pcore.Value{pcore.Integer(i), v}
		}
		if more, err := fn(args); err != nil || !more {
			return err
		}
		if i++; i > maxSteps {
			return errTooManySteps
		}
	}
	return nil
}

// run is elements with a call of the block on each; a break in the block ends it.
func (c *call) run(fn func(args []pcore.Value, result pcore.Value) (more bool)) error {
	err := c.elements(func(args []pcore.Value) (bool, error) {
		v, err := c.block.Call(args...)
		if err != nil {
			return false, err
		}
		return fn(args, v), nil
	})
	if isBreak(err) {
		return nil
	}
	return err
}

func each(c *call) (pcore.Value, error) {
	err := c.run(func([]pcore.Value, pcore.Value) bool { return true })
	return c.args[0], err
}

func mapElements(c *call) (pcore.Value, error) {
	var out []pcore.Value
	err := c.run(func(_ []pcore.Value, v pcore.Value) bool {
		out = append(out, v)
		return true
	})
	return pcore.NewArray(out), err
}

// element gives the value among the arguments of a block.
func element(args []pcore.Value) pcore.Value { return args[len(args)-1] }

func anyElement(c *call) (pcore.Value, error) {
	found := false
	err := c.run(func(_ []pcore.Value, v pcore.Value) bool {
		found = pcore.Truthy(v)
		return !found
	})
	return pcore.Bool(found), err
}

func allElements(c *call) (pcore.Value, error) {
	all := true
	err := c.run(func(_ []pcore.Value, v pcore.Value) bool {
		all = pcore.Truthy(v)
		return all
	})
	return pcore.Bool(all), err
}

func index(c *call) (pcore.Value, error) {
	var found pcore.Value = pcore.Undef{}
	i := 0
	_, isHash := c.args[0].(*pcore.Hash)
	if n, _ := c.block.ParamCount(); isHash && n == 1 {
		return indexByValue(c)
	}
	err := c.run(func(args []pcore.Value, v pcore.Value) bool {
		if pcore.Truthy(v) {
			found = pcore.Integer(i)
			if isHash {
				found = args[0]
			}
			return false
		}
		i++
		return true
	})
	return found, err
}

// indexByValue gives the key whose value the block takes.
func indexByValue(c *call) (pcore.Value, error) {
	for k, v := range c.args[0].(*pcore.Hash).All() {
		r, err := c.block.Call(v)
		if isBreak(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		if pcore.Truthy(r) {
			return k, nil
		}
	}
	return pcore.Undef{}, nil
}

func indexText(c *call) (pcore.Value, error) {
	s := c.args[0].String()
	re, ok := c.args[1].(*pcore.Regexp)
	if !ok {
		var err error
		if re, err = pcore.NewRegexp(pcore.EscapeRegexp(c.args[1].String())); err != nil {
			return nil, err
		}
	}
	loc, err := re.Find(s, 0)
	if err != nil || loc == nil {
		return pcore.Undef{}, err
	}
	return pcore.Integer(len([]rune(s[:loc[0]]))), nil
}

func indexValue(c *call) (pcore.Value, error) {
	if h, ok := c.args[0].(*pcore.Hash); ok {
		for k, v := range h.All() {
			if pcore.Eql(v, c.args[1]) {
				return k, nil
			}
		}
		return pcore.Undef{}, nil
	}
	elems, err := pcore.Elements(c.args[0])
	if err != nil {
		return nil, err
	}
	for i, v := range elems {
		if pcore.Eql(v, c.args[1]) {
			return pcore.Integer(i), nil
		}
	}
	return pcore.Undef{}, nil
}

func reduce(c *call) (pcore.Value, error) {
	it, ok := pcore.Iterate(c.args[0])
	if !ok {
		return nil, fmt.Errorf("%s is not Iterable", pcore.Generalize(pcore.Infer(c.args[0])))
	}
	memo := c.arg(1)
	steps := 0
	for v := range it.All() {
		if memo == nil {
			memo = v
			continue
		}
		next, err := c.block.Call(memo, v)
		if isBreak(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		memo = next
		if steps++; steps > maxSteps {
			return nil, errTooManySteps
		}
	}
	if memo == nil {
		memo = pcore.Undef{}
	}
	return memo, nil
}
