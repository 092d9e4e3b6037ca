package function

import (
	"errors"
	"fmt"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// maxSteps bounds what one iteration goes through.
const maxSteps = 10_000_000

var errTooLong = errors.New("the iteration is too long")

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
			return errTooLong
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
			return nil, errTooLong
		}
	}
	if memo == nil {
		memo = pcore.Undef{}
	}
	return memo, nil
}

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
			return nil, errTooLong
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
			return nil, errTooLong
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
