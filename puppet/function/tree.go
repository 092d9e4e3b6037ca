package function

import "github.com/chargehand/chargehand/puppet/pcore"

func treeFunctions(t *Table) {
	options := pcore.MustAlias("OptionsType", `Struct[{container_type => Optional[Type], include_root => Optional[Boolean],
		include_containers => Optional[Boolean], include_values => Optional[Boolean],
		order => Optional[Enum[depth_first, breadth_first]], include_refs => Optional[Boolean]}]`)
	params := "Variant[Iterator, Array, Hash, Object] tree, OptionsType options?"
	t.add("tree_each",
		dispatch{pcore.NewSignature(params+", Callable[2,2] block", nil, options), treeEach},
		dispatch{pcore.NewSignature(params+", Callable[1,1] block", nil, options), treeEach},
		dispatch{pcore.NewSignature(params, nil, options), treeEach})
}

var (
	containers  = pcore.MustParseType("Variant[Array, Hash, Object]")
	treeElement = pcore.MustParseType("Tuple[Array[Any], Any]")
)

// A walk goes over a tree of containers.
type walk struct {
	container          pcore.Type
	root, nodes, leafs bool
	refs               bool
}

// A treeStep is a place in the tree: the keys that lead there, and what is there.
type treeStep struct {
	path  []pcore.Value
	value pcore.Value
}

func (s treeStep) pair() pcore.Value { return pcore.ArrayOf(pcore.NewArray(s.path), s.value) }

func treeEach(c *call) (pcore.Value, error) {
	options, _ := c.arg(1).(*pcore.Hash)
	if options == nil {
		options = pcore.NewHash(nil)
	}
	option := func(key string, otherwise bool) bool {
		v, ok := options.GetString(key)
		if !ok || pcore.IsUndef(v) {
			return otherwise
		}
		return pcore.Truthy(v)
	}
	w := walk{
		container: containers, leafs: option("include_values", true),
		nodes: option("include_containers", true), refs: option("include_refs", false),
	}
	w.root = option("include_root", w.nodes)
	if t, ok := options.GetString("container_type"); ok {
		if t, ok := t.(pcore.Type); ok {
			w.container = t
		}
	}
	breadth := false
	if o, ok := options.GetString("order"); ok {
		breadth = o == pcore.Value(pcore.String("breadth_first"))
	}
	root := c.args[0]
	if it, ok := root.(*pcore.Iterator); ok {
		elems, err := pcore.Elements(it)
		if err != nil {
			return nil, err
		}
		root = pcore.NewArray(elems)
	}
	seq := func(yield func(pcore.Value) bool) {
		w.steps(root, breadth, func(s treeStep) bool { return yield(s.pair()) })
	}
	if c.block == nil {
		return pcore.NewIterator(treeElement, seq), nil
	}
	return c.callOnSteps(seq)
}

func (c *call) callOnSteps(seq func(func(pcore.Value) bool)) (pcore.Value, error) {
	n, _ := c.block.ParamCount()
	var failed error
	seq(func(v pcore.Value) bool {
		pair := v.(*pcore.Array)
		if n >= 2 {
			_, failed = c.block.Call(pair.At(0), pair.At(1))
		} else {
			_, failed = c.block.Call(pair.At(1))
		}
		return failed == nil
	})
	if failed != nil && !isBreak(failed) {
		return nil, failed
	}
	return c.args[0], nil
}

// steps visits the tree in one of the two orders; it uses no recursion, so depth costs memory only.
func (w *walk) steps(root pcore.Value, breadth bool, visit func(treeStep) bool) {
	queue := []treeStep{{nil, root}}
	for len(queue) > 0 {
		s := queue[len(queue)-1]
		if breadth {
			s = queue[0]
			queue = queue[1:]
		} else {
			queue = queue[:len(queue)-1]
		}
		children, isNode := w.children(s)
		wanted := w.leafs && !isNode || w.nodes && isNode && len(s.path) > 0 || w.root && len(s.path) == 0
		if wanted && !visit(s) {
			return
		}
		if breadth {
			queue = append(queue, children...)
			continue
		}
		for i := len(children) - 1; i >= 0; i-- {
			queue = append(queue, children[i])
		}
	}
}

func (w *walk) children(s treeStep) (children []treeStep, isNode bool) {
	if !pcore.IsInstance(w.container, s.value) && len(s.path) > 0 {
		return nil, false
	}
	add := func(key, v pcore.Value) {
		path := append(s.path[:len(s.path):len(s.path)], key)
		children = append(children, treeStep{path, v})
	}
	switch v := s.value.(type) {
	case *pcore.Array:
		for i, e := range v.All() {
			add(pcore.Integer(i), e)
		}
	case *pcore.Hash:
		for k, e := range v.All() {
			add(k, e)
		}
	case *pcore.Object:
		for _, a := range v.ObjectType().Attributes() {
			if e, ok := v.Get(a.Name); ok && (w.refs || a.Kind != pcore.ReferenceAttr) {
				add(pcore.String(a.Name), e)
			}
		}
	default:
		return nil, false
	}
	return children, true
}
