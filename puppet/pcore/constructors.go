package pcore

import (
	"fmt"
	"math"
	"strings"
)

// signature reads "Type name, Type name?, Type name*" into a Signature.
func signature(params string, aliases ...*AliasType) Signature {
	sig := Signature{Callable: &CallableType{Params: &TupleType{Size: &Size{}}}}
	tuple := sig.Callable.Params
	if params == "" {
		return sig
	}
	tuple.Size.Max = 0
	for _, param := range splitParams(params) {
		i := strings.LastIndexByte(param, ' ')
		name := param[i+1:]
		tuple.Types = append(tuple.Types, MustParseType(param[:i], aliases...))
		switch {
		case strings.HasSuffix(name, "?"):
			tuple.Size.Max++
		case strings.HasSuffix(name, "*"):
			tuple.Size.Max = MaxInt
		case strings.HasSuffix(name, "+"):
			tuple.Size.Min++
			tuple.Size.Max = MaxInt
		default:
			tuple.Size.Min++
			tuple.Size.Max++
		}
		sig.Names = append(sig.Names, strings.TrimRight(name, "?*+"))
	}
	return sig
}

// splitParams splits at the commas that are in no brackets.
func splitParams(params string) []string {
	var parts []string
	depth, start, quoted := 0, 0, false
	for i := range len(params) {
		switch c := params[i]; {
		case c == '/' && (quoted || i > 0 && params[i-1] == '['):
			quoted = !quoted
		case quoted:
		case strings.IndexByte("[{(", c) >= 0:
			depth++
		case strings.IndexByte("]})", c) >= 0:
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(params[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(params[start:]))
}

// NewSignature reads a signature in the form that Puppet prints it in messages:
// "Hash hash, Integer[1] size?, String rest*, Callable[1, 1] block?". A callable at the end is the
// block. The return type may be nil.
func NewSignature(params string, returns Type, aliases ...*AliasType) Signature {
	parts := splitParams(params)
	last := parts[len(parts)-1]
	if i := strings.LastIndexByte(last, ' '); i > 0 {
		if t := MustParseType(last[:i], aliases...); callableKind(t) {
			name := strings.TrimSuffix(last[i+1:], "?")
			if name != last[i+1:] {
				t = &OptionalType{t}
			}
			sig := signature(strings.Join(parts[:len(parts)-1], ", "), aliases...)
			sig.Callable.Block, sig.BlockName, sig.Callable.Return = t, name, returns
			return sig
		}
	}
	sig := signature(params, aliases...)
	sig.Callable.Return = returns
	return sig
}

const (
	integerText        = `[+-]?\s*(?:0|[1-9]\d*|0[xX][0-9A-Fa-f]+|0[0-7]+|0[bB][01]+)`
	integerTextLenient = `\A[+-]?\s*(?:\d+|0[xX][0-9A-Fa-f]+|0[bB][01]+)\z`
	floatText          = `\A[+-]?\s*(?:(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE]-?\d+)?|0[xX][0-9A-Fa-f]+|0[0-7]+|0[bB][01]+)\z`
)

var (
	constructors          = newConstructors()
	constructorSignatures = signaturesOf(constructors)
)

func signaturesOf(table map[string]*constructor) map[string][]Signature {
	all := make(map[string][]Signature, len(table))
	for name, c := range table {
		for _, d := range c.dispatches {
			all[name] = append(all[name], d.sig)
		}
	}
	return all
}

func newConstructors() map[string]*constructor {
	return map[string]*constructor{
		"Integer": integerConstructor(), "Float": floatConstructor(), "Numeric": numericConstructor(),
		"Boolean": booleanConstructor(), "String": stringConstructor(), "Array": arrayConstructor(),
		"Hash": hashConstructor(), "Regexp": regexpConstructor(), "Binary": binaryConstructor(),
		"Timestamp": timestampConstructor(), "Timespan": timespanConstructor(), "SemVer": semverConstructor(),
		"SemVerRange": rangeConstructor(), "URI": uriConstructor(), "Type": typeConstructor(),
		"Sensitive": sensitiveConstructor(), "Unit": {name: "new_unit", dispatches: []dispatch{{
			signature("Any from"), func(_ *Maker, args []Value) (Value, error) { return args[0], nil },
		}}},
	}
}

// cannotConvert words the error of the constructors that say what they got.
func cannotConvert(to string, v Value) string {
	if s, ok := v.(String); ok {
		return fmt.Sprintf("The string '%s' cannot be converted to %s", string(s), to)
	}
	return fmt.Sprintf("Value of type %s cannot be converted to %s", Generalize(Infer(v)), to)
}

func onCount(to string, least, most int) func([]Value) (string, error) {
	return func(args []Value) (string, error) {
		if len(args) < least || len(args) > most {
			return "", nil
		}
		return cannotConvert(to, args[0]), nil
	}
}

func integerConstructor() *constructor {
	radix := MustAlias("Radix", "Variant[Default, Integer[2,2], Integer[8,8], Integer[10,10], Integer[16,16]]")
	convertible := MustAlias("Convertible", "Variant[Numeric, Boolean, Pattern[/"+integerTextLenient+"/], Timespan, Timestamp]")
	named := MustAlias("NamedArgs", "Struct[{from => Convertible, Optional[radix] => Radix, Optional[abs] => Boolean}]", radix, convertible)
	make := func(from Value, args []Value) (Value, error) {
		base := 0
		if len(args) > 0 {
			if n, ok := args[0].(Integer); ok {
				base = int(n)
			}
		}
		n, err := toInteger(from, base)
		if err == nil && len(args) > 1 && args[1] == Value(Boolean(true)) && n < 0 {
			n = -n
		}
		return n, err
	}
	return &constructor{
		name: "new",
		dispatches: []dispatch{
			{signature("Convertible from, Radix radix?, Boolean abs?", radix, convertible), func(_ *Maker, args []Value) (Value, error) {
				return make(args[0], args[1:])
			}},
			{signature("NamedArgs hash_args", named), func(_ *Maker, args []Value) (Value, error) {
				h := args[0].(*Hash)
				from, _ := h.GetString("from")
				return make(from, []Value{getOr(h, "radix", Default{}), getOr(h, "abs", Boolean(false))})
			}},
		},
		mismatch: func(args []Value) (string, error) {
			if len(args) < 1 || len(args) > 3 {
				return "", nil
			}
			if len(args) > 1 {
				if n, ok := args[1].(Integer); !ok {
					return "", nil
				} else if n != 2 && n != 8 && n != 10 && n != 16 {
					return "", fmt.Errorf("Illegal radix: %d, expected 2, 8, 10, 16, or default", n)
				}
			}
			return cannotConvert("Integer", args[0]), nil
		},
	}
}

func getOr(h *Hash, key string, other Value) Value {
	if v, ok := h.GetString(key); ok {
		return v
	}
	return other
}

func toInteger(v Value, base int) (Integer, error) {
	switch v := v.(type) {
	case Integer:
		return v, nil
	case Boolean:
		if v {
			return 1, nil
		}
		return 0, nil
	case Float:
		if math.IsNaN(float64(v)) || math.Abs(float64(v)) >= 1<<63 {
			return 0, fmt.Errorf("the value %s is outside of the range of an Integer", FormatFloat(float64(v)))
		}
		return Integer(math.Trunc(float64(v))), nil
	case Timestamp:
		return Integer(floorDiv(int64(v), 1e9)), nil
	case Timespan:
		return Integer(floorDiv(int64(v), 1e9)), nil
	case String:
		return parseInteger(string(v), base)
	}
	return 0, fmt.Errorf("%s", cannotConvert("Integer", v))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func floatOf(v Value) (Float, error) {
	switch v := v.(type) {
	case Float:
		return v, nil
	case Integer:
		return Float(v), nil
	case Boolean:
		if v {
			return 1, nil
		}
		return 0, nil
	case Timestamp:
		return Float(float64(v) / 1e9), nil
	case Timespan:
		return Float(float64(v) / 1e9), nil
	case String:
		n, err := ParseNumber(string(v))
		if err != nil {
			return 0, err
		}
		if i, ok := n.(Integer); ok {
			return Float(i), nil
		}
		return n.(Float), nil
	}
	return 0, fmt.Errorf("%s", cannotConvert("Float", v))
}

func abs(v Value) Value {
	switch v := v.(type) {
	case Integer:
		if v < 0 {
			return -v
		}
	case Float:
		return Float(math.Abs(float64(v)))
	}
	return v
}

// numberDispatches are those of Float and Numeric: a value and whether its sign is to go, or both in
// a hash.
func numberDispatches(convert func(Value) (Value, error)) []dispatch {
	convertible := MustAlias("Convertible", "Variant[Numeric, Boolean, Pattern[/"+floatText+"/], Timespan, Timestamp]")
	named := MustAlias("NamedArgs", "Struct[{from => Convertible, Optional[abs] => Boolean}]", convertible)
	make := func(from, positive Value) (Value, error) {
		n, err := convert(from)
		if err == nil && positive == Value(Boolean(true)) {
			n = abs(n)
		}
		return n, err
	}
	return []dispatch{
		{signature("Convertible from, Boolean abs?", convertible), func(_ *Maker, args []Value) (Value, error) {
			if len(args) > 1 {
				return make(args[0], args[1])
			}
			return make(args[0], Boolean(false))
		}},
		{signature("NamedArgs hash_args", named), func(_ *Maker, args []Value) (Value, error) {
			h := args[0].(*Hash)
			from, _ := h.GetString("from")
			return make(from, getOr(h, "abs", Boolean(false)))
		}},
	}
}

func floatConstructor() *constructor {
	return &constructor{
		name:       "new_float",
		dispatches: numberDispatches(func(v Value) (Value, error) { return floatOf(v) }),
		mismatch:   onCount("Float", 1, 2),
	}
}

func numericConstructor() *constructor {
	return &constructor{
		name: "new_numeric",
		dispatches: numberDispatches(func(v Value) (Value, error) {
			switch v := v.(type) {
			case Float, Integer:
				return v, nil
			case String:
				return ParseNumber(string(v))
			case Timestamp, Timespan:
				return floatOf(v)
			}
			return toInteger(v, 0)
		}),
		mismatch: onCount("Numeric", 1, 2),
	}
}

func booleanConstructor() *constructor {
	return &constructor{
		name: "new_boolean",
		dispatches: []dispatch{{
			signature("Variant[Integer, Float, Boolean, Enum['false','true','yes','no','y','n',true]] from"),
			func(_ *Maker, args []Value) (Value, error) {
				switch v := args[0].(type) {
				case Integer:
					return Boolean(v != 0), nil
				case Float:
					return Boolean(v != 0), nil
				case Boolean:
					return v, nil
				}
				switch strings.ToLower(args[0].String()) {
				case "false", "no", "n":
					return Boolean(false), nil
				}
				return Boolean(true), nil
			},
		}},
		mismatch: onCount("Boolean", 1, 1),
	}
}

func stringConstructor() *constructor {
	format := MustAlias("Format", `Pattern[/^%([\s\[+#0{<(|-]*)([1-9][0-9]*)?(?:\.([0-9]+))?([a-zA-Z])$/]`)
	container := MustAlias("ContainerFormat", `Struct[{Optional[format] => Format, Optional[separator] => String,
		Optional[separator2] => String, Optional[string_formats] => Hash[Type, Format]}]`, format)
	typeMap := MustAlias("TypeMap", "Hash[Type, Variant[Format, ContainerFormat]]", format, container)
	formats := MustAlias("Formats", "Variant[Default, String[1], TypeMap]", typeMap)
	convertible := MustAlias("Convertible", "Any")
	return &constructor{name: "new_string", dispatches: []dispatch{{
		signature("Convertible from, Formats string_formats?", convertible, formats),
		func(_ *Maker, args []Value) (Value, error) {
			var formats Value = Default{}
			if len(args) > 1 {
				formats = args[1]
			}
			s, err := FormatValue(args[0], formats)
			return String(s), err
		},
	}}}
}

func regexpConstructor() *constructor {
	return &constructor{name: "new_float", dispatches: []dispatch{{
		signature("String pattern, Boolean escape?"),
		func(_ *Maker, args []Value) (Value, error) {
			source := args[0].String()
			if len(args) > 1 && args[1] == Value(Boolean(true)) {
				source = EscapeRegexp(source)
			}
			return NewRegexp(source)
		},
	}}}
}

func typeConstructor() *constructor {
	return &constructor{name: "new_type", dispatches: []dispatch{{
		signature("String[1] type_string"),
		func(m *Maker, args []Value) (Value, error) { return ParseType(args[0].String(), m.loader) },
	}}}
}

func sensitiveConstructor() *constructor {
	return &constructor{name: "new_Sensitive", dispatches: []dispatch{{
		signature("Any value"),
		func(_ *Maker, args []Value) (Value, error) { return NewSensitive(args[0]), nil },
	}}}
}

func uriConstructor() *constructor {
	hash := `Struct[{Optional[scheme] => String[1], Optional[userinfo] => String[1], Optional[host] => String[1],
		Optional[port] => Integer[0], Optional[path] => String[1], Optional[query] => String[1],
		Optional[fragment] => String[1], Optional[opaque] => String[1]}]`
	return &constructor{name: "new_error", dispatches: []dispatch{
		{signature("String[1] uri"), func(_ *Maker, args []Value) (Value, error) { return ParseURI(args[0].String()) }},
		{signature(hash + " hash"), func(_ *Maker, args []Value) (Value, error) { return uriFromHash(args[0].(*Hash)) }},
	}}
}
