package function

import (
	"fmt"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// hieraFunctions are the predecessors of lookup: each has its own way to merge.
func hieraFunctions(t *Table) {
	for name, merge := range map[string]pcore.Value{
		"hiera": nil, "hiera_array": pcore.String("unique"), "hiera_hash": pcore.String("hash"), "hiera_include": pcore.String("unique"),
	} {
		positional := func(c *call) (pcore.Value, error) { return hiera(c, merge, c.args) }
		t.add(name,
			on("Tuple[String, Any, Any, 1, 3] args", func(c *call) (pcore.Value, error) {
				return hiera(c, merge, c.args[0].(*pcore.Array).Slice())
			}),
			on("String key", positional),
			on("String key, Any default, Any override?", positional),
			on("String key, Callable[1,1] default_block", positional),
			on("String key, Any override, Callable[1,1] default_block", positional))
	}
}

func hiera(c *call, merge pcore.Value, args []pcore.Value) (pcore.Value, error) {
	c.env.WarnOnce(c.name+"_function_deprecated", fmt.Sprintf("The function '%s' is deprecated in favor of using 'lookup'. See https://puppet.com/docs/puppet/7.23/deprecated_language.html", c.name))
	data, ok := c.env.(Data)
	if !ok {
		return nil, errNoData
	}
	key := args[0].String()
	q := Query{Names: []string{key}, Merge: merge}
	var otherwise pcore.Value
	switch {
	case c.block != nil && len(args) > 1:
		q.Level = args[1].String()
	case len(args) > 1:
		otherwise = args[1]
	}
	if len(args) > 2 && !pcore.IsUndef(args[2]) {
		q.Level = args[2].String()
	}
	v, found, err := data.Lookup(q)
	if err != nil {
		return nil, err
	}
	switch {
	case found:
	case c.block != nil:
		if v, err = c.block.Call(args[0]); err != nil {
			return nil, err
		}
	case otherwise != nil:
		v = otherwise
	default:
		return nil, notFound([]string{key})
	}
	if c.name != "hiera_include" {
		return v, nil
	}
	if pcore.IsUndef(v) {
		return v, nil
	}
	classes := flattenAll([]pcore.Value{v})
	if len(classes) == 0 {
		return pcore.Undef{}, nil
	}
	return c.env.Call("include", classes, nil)
}
