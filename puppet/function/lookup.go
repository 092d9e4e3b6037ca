package function

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

var errNoData = errors.New("there is no data to look up")

func lookupFunctions(t *Table) {
	name := pcore.MustAlias("NameType", "Variant[String, Array[String]]")
	value := pcore.MustAlias("ValueType", "Type")
	otherwise := pcore.MustAlias("DefaultValueType", "Any")
	merge := pcore.MustAlias("MergeType", "Variant[String[1], Hash[String, Scalar]]")
	block := pcore.MustAlias("BlockType", "Callable[NameType]", name)
	options := `value_type => Optional[ValueType], default_value => Optional[DefaultValueType],
		override => Optional[Hash[String,Any]], default_values_hash => Optional[Hash[String,Any]], merge => Optional[MergeType]`
	all := []*pcore.AliasType{name, value, otherwise, merge, block}
	withName := pcore.MustAlias("OptionsWithName", "Struct[{name => NameType, "+options+"}]", all...)
	withoutName := pcore.MustAlias("OptionsWithoutName", "Struct[{"+options+"}]", all...)
	all = append(all, withName, withoutName)
	by := func(params string, fn impl) dispatch { return dispatch{pcore.NewSignature(params, nil, all...), fn} }
	t.add("lookup",
		by("NameType name, ValueType value_type?, MergeType merge?", lookupPositional),
		by("NameType name, Optional[ValueType] value_type, Optional[MergeType] merge, DefaultValueType default_value", lookupPositional),
		by("NameType name, ValueType value_type?, MergeType merge?, BlockType block", lookupPositional),
		by("OptionsWithName options_hash, BlockType block?", func(c *call) (pcore.Value, error) {
			h := c.args[0].(*pcore.Hash)
			names, _ := h.GetString("name")
			return lookupHash(c, names, h)
		}),
		by("Variant[String,Array[String]] name, OptionsWithoutName options_hash, BlockType block?", func(c *call) (pcore.Value, error) {
			return lookupHash(c, c.args[0], c.args[1].(*pcore.Hash))
		}))
}

// A lookup is a query, with what is to be done with its result.
type lookup struct {
	Query
	of        pcore.Type  // nil for any
	otherwise pcore.Value // nil for none
}

func namesOf(v pcore.Value) []string {
	var names []string
	for _, e := range flattenAll([]pcore.Value{v}) {
		names = append(names, e.String())
	}
	return names
}

func lookupPositional(c *call) (pcore.Value, error) {
	l := lookup{Query: Query{Names: namesOf(c.args[0])}, otherwise: c.arg(3)}
	l.of, _ = c.arg(1).(pcore.Type)
	if m := c.arg(2); m != nil && !pcore.IsUndef(m) {
		l.Merge = m
	}
	return l.run(c)
}

func lookupHash(c *call, names pcore.Value, h *pcore.Hash) (pcore.Value, error) {
	l := lookup{Query: Query{Names: namesOf(names)}}
	get := func(key string) pcore.Value {
		v, ok := h.GetString(key)
		if !ok || pcore.IsUndef(v) {
			return nil
		}
		return v
	}
	l.of, _ = get("value_type").(pcore.Type)
	l.Merge = get("merge")
	l.Override, _ = get("override").(*pcore.Hash)
	l.Defaults, _ = get("default_values_hash").(*pcore.Hash)
	if v, ok := h.GetString("default_value"); ok {
		l.otherwise = v
	}
	return l.run(c)
}

func (l *lookup) run(c *call) (pcore.Value, error) {
	data, ok := c.env.(Data)
	if !ok {
		return nil, errNoData
	}
	v, found, err := data.Lookup(l.Query)
	if err != nil {
		return nil, err
	}
	what := "Found value"
	switch {
	case found:
	case c.block != nil:
		var names pcore.Value = pcore.String("")
		if len(l.Names) == 1 {
			names = pcore.String(l.Names[0])
		} else {
			elems := make([]pcore.Value, len(l.Names))
			for i, n := range l.Names {
				elems[i] = pcore.String(n)
			}
			names = pcore.NewArray(elems)
		}
		what = "Value returned from default block"
		if v, err = c.block.Call(names); err != nil {
			return nil, err
		}
	case l.otherwise != nil:
		what = "Default value"
		v = l.otherwise
	default:
		return nil, notFound(l.Names)
	}
	if l.of != nil && !pcore.IsInstance(l.of, v) {
		return nil, errors.New(pcore.DescribeMismatch(what+" has wrong type,", l.of, v.Type()))
	}
	return v, nil
}

func notFound(names []string) error {
	if len(names) == 1 {
		return fmt.Errorf("Function lookup() did not find a value for the name '%s'", names[0])
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "'" + n + "'"
	}
	return fmt.Errorf("Function lookup() did not find a value for any of the names [%s]", strings.Join(quoted, ", "))
}

// backendFunctions of Hiera can be called like any others, but only Hiera has the context they need.
func backendFunctions(t *Table) {
	onlyHiera := func(c *call) (pcore.Value, error) {
		return nil, fmt.Errorf("%s() can only be called by Hiera", c.name)
	}
	for _, name := range []string{"yaml_data", "json_data", "hocon_data"} {
		t.add(name, on("Struct[{path => String[1]}] options, Puppet::LookupContext context", onlyHiera),
			on("Hash options, Puppet::LookupContext context", onlyHiera))
	}
	t.add("eyaml_lookup_key", on("String[1] key, Hash[String[1], Any] options, Puppet::LookupContext context", onlyHiera))
}
