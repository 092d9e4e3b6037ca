package pcore

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

func arrayConstructor() *constructor {
	return &constructor{
		name: "new_array",
		dispatches: []dispatch{
			{signature("Variant[Array,Hash,Binary,Iterable] from, Boolean[false] wrap?"), func(_ *Maker, args []Value) (Value, error) {
				return toArray(args[0])
			}},
			{signature("Any from, Boolean[true] wrap"), func(_ *Maker, args []Value) (Value, error) {
				if a, ok := args[0].(*Array); ok {
					return a, nil
				}
				return ArrayOf(args[0]), nil
			}},
		},
		mismatch: onCount("Array", 1, 2),
	}
}

func toArray(v Value) (Value, error) {
	switch v := v.(type) {
	case *Array:
		return v, nil
	case *Hash:
		return NewArray(v.Pairs()), nil
	case Binary:
		bytes := make([]Value, len(v))
		for i := range len(v) {
			bytes[i] = Integer(v[i])
		}
		return NewArray(bytes), nil
	}
	elems, err := Elements(v)
	return NewArray(elems), err
}

func hashConstructor() *constructor {
	pairs := MustAlias("KeyValueArray", "Array[Tuple[Any,Any],1]")
	tree := MustAlias("TreeArray", "Array[Tuple[Array,Any],1]")
	option := MustAlias("NewHashOption", "Enum[tree, hash_tree]")
	return &constructor{name: "new_hash", dispatches: []dispatch{
		{signature("TreeArray from, NewHashOption build_option?", tree, option), func(_ *Maker, args []Value) (Value, error) {
			if len(args) == 1 {
				return hashOfPairs(args[0].(*Array)), nil
			}
			return hashOfTree(args[0].(*Array), args[1] == Value(String("hash_tree")))
		}},
		{signature("KeyValueArray from", pairs), func(_ *Maker, args []Value) (Value, error) {
			return hashOfPairs(args[0].(*Array)), nil
		}},
		{signature("Any from"), func(_ *Maker, args []Value) (Value, error) { return toHash(args[0]) }},
	}}
}

func hashOfPairs(a *Array) *Hash {
	b := NewHashBuilder(a.Len())
	for _, e := range a.elems {
		pair := e.(*Array)
		b.Set(pair.elems[0], pair.elems[1])
	}
	return b.Hash()
}

func toHash(v Value) (Value, error) {
	if h, ok := v.(*Hash); ok {
		return h, nil
	}
	if _, isArray := v.(*Array); !isArray && !iterable(v) {
		return nil, errors.New(cannotConvert("Hash", v))
	}
	elems, err := Elements(v)
	if err != nil {
		return nil, err
	}
	if len(elems)%2 != 0 {
		return nil, errors.New("odd number of arguments for Hash")
	}
	b := NewHashBuilder(len(elems) / 2)
	for i := 0; i < len(elems); i += 2 {
		b.Set(elems[i], elems[i+1])
	}
	return b.Hash(), nil
}

// A treeNode is a hash under construction, or an array whose elements are replaced.
type treeNode struct {
	keys   []Value
	values map[any]any // *treeNode or Value
	array  bool
}

func newTreeNode() *treeNode { return &treeNode{values: map[any]any{}} }

func (n *treeNode) set(key Value, v any) {
	k := Key(key)
	if _, ok := n.values[k]; !ok {
		n.keys = append(n.keys, key)
	}
	n.values[k] = v
}

func (n *treeNode) value() Value {
	b := NewHashBuilder(len(n.keys))
	elems := make([]Value, 0, len(n.keys))
	for _, k := range n.keys {
		v, ok := n.values[Key(k)].(Value)
		if !ok {
			v = n.values[Key(k)].(*treeNode).value()
		}
		b.Set(k, v)
		elems = append(elems, v)
	}
	if n.array {
		return NewArray(elems)
	}
	return b.Hash()
}

// plant makes nodes of arrays and hashes, so that later paths can lead into them.
func plant(v Value, allHashes bool) any {
	n := newTreeNode()
	switch v := v.(type) {
	case *Array:
		n.array = !allHashes
		for i, e := range v.elems {
			n.set(Integer(i), plant(e, allHashes))
		}
	case *Hash:
		for _, e := range v.entries {
			n.set(e.Key, plant(e.Value, false))
		}
	default:
		return v
	}
	return n
}

// hashOfTree builds a hash of paths and values, as `tree_each` gives them.
func hashOfTree(a *Array, allHashes bool) (Value, error) {
	root := newTreeNode()
	for _, e := range a.elems {
		pair := e.(*Array)
		path, value := pair.elems[0].(*Array).elems, pair.elems[1]
		if len(path) == 0 {
			if n, ok := plant(value, allHashes).(*treeNode); ok {
				for _, k := range n.keys {
					root.set(k, n.values[Key(k)])
				}
			}
			continue
		}
		node := root
		for _, step := range path[:len(path)-1] {
			next, ok := node.values[Key(step)].(*treeNode)
			if !ok {
				next = newTreeNode()
				node.set(step, next)
			}
			node = next
		}
		node.set(path[len(path)-1], plant(value, allHashes))
	}
	return root.value(), nil
}

func binaryConstructor() *constructor {
	byteInteger := MustAlias("ByteInteger", "Integer[0,255]")
	format := MustAlias("Base64Format", "Enum['%b', '%u', '%B', '%s', '%r']")
	stringHash := MustAlias("StringHash", "Struct[{value => String, 'format' => Optional[Base64Format]}]", format)
	arrayHash := MustAlias("ArrayHash", "Struct[{value => Array[ByteInteger]}]", byteInteger)
	hashArgs := MustAlias("BinaryArgsHash", "Variant[StringHash, ArrayHash]", stringHash, arrayHash)
	return &constructor{name: "new_Binary", dispatches: []dispatch{
		{signature("String str, Base64Format format?", format), func(_ *Maker, args []Value) (Value, error) {
			if len(args) > 1 {
				return decodeBinary(args[0].String(), args[1].String())
			}
			return decodeBinary(args[0].String(), "%B")
		}},
		{signature("Array[ByteInteger] byte_array", byteInteger), func(_ *Maker, args []Value) (Value, error) {
			return binaryOfBytes(args[0].(*Array)), nil
		}},
		{signature("BinaryArgsHash hash_args", hashArgs), func(_ *Maker, args []Value) (Value, error) {
			h := args[0].(*Hash)
			value, _ := h.GetString("value")
			if a, ok := value.(*Array); ok {
				return binaryOfBytes(a), nil
			}
			format := getOr(h, "format", String("%B"))
			if IsUndef(format) {
				format = String("%B")
			}
			return decodeBinary(value.String(), format.String())
		}},
	}}
}

func binaryOfBytes(a *Array) Binary {
	bytes := make([]byte, a.Len())
	for i, e := range a.elems {
		bytes[i] = byte(e.(Integer))
	}
	return Binary(bytes)
}

func decodeBinary(text, format string) (Value, error) {
	var bytes []byte
	var err error
	switch format {
	case "%s", "%r":
		return Binary(text), nil
	case "%b":
		clean := strings.Map(func(r rune) rune {
			if r == '+' || r == '/' || r < 0x80 && isWord(byte(r)) && r != '_' {
				return r
			}
			return -1
		}, text)
		bytes, err = base64.RawStdEncoding.DecodeString(clean)
	case "%u":
		bytes, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	default:
		bytes, err = base64.StdEncoding.Strict().DecodeString(text)
		if strings.ContainsAny(text, "\r\n") {
			err = errors.New("line feed")
		}
	}
	if err != nil {
		return nil, errors.New("invalid base64")
	}
	return Binary(bytes), nil
}

func timestampConstructor() *constructor {
	formats := MustAlias("Formats", "Variant[String[2],Array[String[2], 1]]")
	hash := "Struct[{string => String[1], Optional[format] => Formats, Optional[timezone] => String[1]}]"
	return &constructor{name: "new_timestamp", dispatches: []dispatch{
		{signature(""), func(m *Maker, _ []Value) (Value, error) { return NewTimestamp(m.now()), nil }},
		{signature("Variant[Integer,Float] seconds"), func(_ *Maker, args []Value) (Value, error) {
			return toTimestamp(args[0])
		}},
		{signature("String[1] string, Formats format?, String[1] timezone?", formats), func(_ *Maker, args []Value) (Value, error) {
			var given []string
			zone := ""
			if len(args) > 1 {
				given = texts(args[1])
			}
			if len(args) > 2 {
				zone = args[2].String()
			}
			return ParseTimestamp(args[0].String(), given, zone)
		}},
		{signature(hash+" hash_arg", formats), func(_ *Maker, args []Value) (Value, error) {
			return timestampFromHash(args[0].(*Hash))
		}},
	}}
}

func timespanConstructor() *constructor {
	formats := MustAlias("Formats", "Variant[String[2],Array[String[2], 1]]")
	fields := `Struct[{Optional[negative] => Boolean, Optional[days] => Integer, Optional[hours] => Integer,
		Optional[minutes] => Integer, Optional[seconds] => Integer, Optional[milliseconds] => Integer,
		Optional[microseconds] => Integer, Optional[nanoseconds] => Integer}]`
	fromHash := func(_ *Maker, args []Value) (Value, error) { return timespanFromHash(args[0].(*Hash)) }
	return &constructor{name: "new_timespan", dispatches: []dispatch{
		{signature("Variant[Integer,Float] seconds"), func(_ *Maker, args []Value) (Value, error) {
			return toTimespan(args[0])
		}},
		{signature("String[1] string, Formats format?", formats), func(_ *Maker, args []Value) (Value, error) {
			if len(args) > 1 {
				return ParseTimespan(args[0].String(), texts(args[1])...)
			}
			return ParseTimespan(args[0].String())
		}},
		{
			signature(`Integer days, Integer hours, Integer minutes, Integer seconds, Integer milliseconds?,
				Integer microseconds?, Integer nanoseconds?`),
			func(_ *Maker, args []Value) (Value, error) {
				var f [7]int64
				for i, a := range args {
					f[i] = int64(a.(Integer))
				}
				return timespanFromFields(f)
			},
		},
		{signature("Struct[{string => String[1], Optional[format] => Formats}] hash_arg", formats), fromHash},
		{signature(fields + " hash_arg"), fromHash},
	}}
}

func semverConstructor() *constructor {
	positive := MustAlias("PositiveInteger", "Integer[0,default]")
	qualifier := MustAlias("SemVerQualifier", `Pattern[/\A[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*\z/]`)
	pattern := MustAlias("SemVerPattern", `Pattern[/\A(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?\z/]`)
	hash := MustAlias("SemVerHash", `Struct[{major=>PositiveInteger,minor=>PositiveInteger,patch=>PositiveInteger,
		Optional[prerelease]=>SemVerQualifier,Optional[build]=>SemVerQualifier}]`, positive, qualifier)
	make := func(get func(i int, name string) Value) *SemVer {
		number := func(i int, name string) int64 { n, _ := get(i, name).(Integer); return int64(n) }
		text := func(i int, name string) string { s, _ := get(i, name).(String); return string(s) }
		return &SemVer{number(0, "major"), number(1, "minor"), number(2, "patch"), text(3, "prerelease"), text(4, "build")}
	}
	return &constructor{
		name: "new_Version",
		dispatches: []dispatch{
			{signature("SemVerPattern str", pattern), func(_ *Maker, args []Value) (Value, error) { return ParseSemVer(args[0].String()) }},
			{
				signature("PositiveInteger major, PositiveInteger minor, PositiveInteger patch, SemVerQualifier prerelease?, SemVerQualifier build?", positive, qualifier),
				func(_ *Maker, args []Value) (Value, error) {
					return make(func(i int, _ string) Value {
						if i < len(args) {
							return args[i]
						}
						return Undef{}
					}), nil
				},
			},
			{signature("SemVerHash hash_args", hash), func(_ *Maker, args []Value) (Value, error) {
				return make(func(_ int, name string) Value { return getOr(args[0].(*Hash), name, Undef{}) }), nil
			}},
		},
		mismatch: func(args []Value) (string, error) {
			if s, ok := argAt(args, 0).(String); ok && len(args) == 1 {
				return fmt.Sprintf("The string '%s' cannot be converted to a SemVer", string(s)), nil
			}
			return "", nil
		},
	}
}

func argAt(args []Value, i int) Value {
	if i < len(args) {
		return args[i]
	}
	return nil
}

func rangeConstructor() *constructor {
	text := MustAlias("SemVerRangeString", "String[1]")
	hash := MustAlias("SemVerRangeHash", "Struct[{min=>Variant[Default,SemVer],Optional[max]=>Variant[Default,SemVer],Optional[exclude_max]=>Boolean}]")
	return &constructor{name: "new_VersionRange", dispatches: []dispatch{
		{signature("SemVerRangeString str", text), func(_ *Maker, args []Value) (Value, error) {
			return ParseSemVerRange(args[0].String())
		}},
		{signature("Variant[Default,SemVer] min, Variant[Default,SemVer] max, Boolean exclude_max?"), func(_ *Maker, args []Value) (Value, error) {
			return rangeOf(args[0], args[1], argAt(args, 2) == Value(Boolean(true))), nil
		}},
		{signature("SemVerRangeHash hash_args", hash), func(_ *Maker, args []Value) (Value, error) {
			h := args[0].(*Hash)
			return rangeOf(getOr(h, "min", Default{}), getOr(h, "max", Default{}), getOr(h, "exclude_max", Boolean(false)) == Value(Boolean(true))), nil
		}},
	}}
}

func rangeOf(min, max Value, excludeMax bool) *SemVerRange {
	span := versionSpan{openMax: excludeMax}
	span.min, _ = min.(*SemVer)
	span.max, _ = max.(*SemVer)
	r := &SemVerRange{alts: []versionSpan{span}}
	r.text = r.Normalized()
	if span.min != nil && span.max != nil {
		// Puppet writes the ends the wrong way round.
		r.text = span.max.String() + " - " + span.min.String()
		if excludeMax {
			r.text = ">=" + span.max.String() + " <" + span.min.String()
		}
	}
	return r
}

func uriFromHash(h *Hash) (Value, error) {
	part := func(name string) string {
		if v, ok := h.GetString(name); ok {
			return v.String()
		}
		return ""
	}
	var b strings.Builder
	if s := part("scheme"); s != "" {
		b.WriteString(s + ":")
	}
	if o := part("opaque"); o != "" {
		b.WriteString(o)
	} else {
		if host := part("host"); host != "" {
			b.WriteString("//")
			if u := part("userinfo"); u != "" {
				b.WriteString(u + "@")
			}
			b.WriteString(host)
			if p := part("port"); p != "" {
				b.WriteString(":" + p)
			}
		}
		b.WriteString(part("path"))
		if q := part("query"); q != "" {
			b.WriteString("?" + q)
		}
	}
	if f := part("fragment"); f != "" {
		b.WriteString("#" + f)
	}
	return ParseURI(b.String())
}
