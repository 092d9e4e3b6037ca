package pcore

import (
	"sort"
	"strings"
)

func (t *IntegerType) format(f *formatter) {
	if t.Min == MinInt && t.Max == MaxInt {
		f.call("Integer")
		return
	}
	min := "default"
	if t.Min != MinInt {
		min = formatInt(t.Min)
	}
	args := []func(){f.text(min)}
	if t.Max != MaxInt || t.Min == MaxInt {
		args = append(args, f.text(formatInt(t.Max)))
	}
	f.call("Integer", args...)
}

func (t *FloatType) format(f *formatter) {
	if t.Min == floatMin && t.Max == floatMax {
		f.call("Float")
		return
	}
	min := "default"
	if t.Min != floatMin {
		min = FormatFloat(t.Min)
	}
	args := []func(){f.text(min)}
	if t.Max != floatMax {
		args = append(args, f.text(FormatFloat(t.Max)))
	}
	f.call("Float", args...)
}

func (t *BooleanType) format(f *formatter) {
	if t.Value == nil {
		f.call("Boolean")
		return
	}
	f.call("Boolean", f.of(Boolean(*t.Value)))
}

func (t *StringType) format(f *formatter) {
	args := f.size(t.Size)
	if f.exact && t.Value != nil {
		args = append(args, f.of(String(*t.Value)))
	}
	f.call("String", args...)
}

func (t *EnumType) format(f *formatter) {
	args := make([]func(), 0, len(t.Values)+1)
	for _, v := range t.Values {
		args = append(args, f.of(String(v)))
	}
	if t.CaseInsensitive {
		args = append(args, f.text("true"))
	}
	f.call("Enum", args...)
}

func (t *PatternType) format(f *formatter) {
	args := make([]func(), 0, len(t.Patterns))
	for _, p := range t.Patterns {
		args = append(args, f.of(p))
	}
	f.call("Pattern", args...)
}

func (t *RegexpType) format(f *formatter) {
	if t.Pattern == nil {
		f.call("Regexp")
		return
	}
	f.call("Regexp", f.of(t.Pattern))
}

func (t *TimestampType) format(f *formatter) {
	f.call("Timestamp", f.span(t.Min == minTimestamp, t.Max == maxTimestamp, t.Min, t.Max, t.Min == t.Max)...)
}

func (t *TimespanType) format(f *formatter) {
	f.call("Timespan", f.span(t.Min == minTimespan, t.Max == maxTimespan, t.Min, t.Max, t.Min == t.Max)...)
}

func (f *formatter) span(openMin, openMax bool, min, max Value, same bool) []func() {
	if openMin && openMax {
		return nil
	}
	args := []func(){f.of(min)}
	if openMin {
		args[0] = f.text("default")
	}
	if !openMax && !same {
		args = append(args, f.of(max))
	}
	return args
}

func (t *SemVerType) format(f *formatter) {
	args := make([]func(), 0, len(t.Ranges))
	for _, r := range t.Ranges {
		args = append(args, f.of(r))
	}
	f.call("SemVer", args...)
}

func (t *URIType) format(f *formatter) {
	if t.Params == nil {
		f.call("URI")
		return
	}
	f.call("URI", f.of(t.Params))
}

func (t *CollectionType) format(f *formatter) { f.call("Collection", f.size(t.Size)...) }

func (t *ArrayType) format(f *formatter) {
	if emptySize(t.Size) {
		f.call("Array", f.size(t.Size)...)
		return
	}
	if t.Elem == AnyType && t.Size == nil {
		f.call("Array")
		return
	}
	f.call("Array", append(f.types([]Type{t.Elem}), f.size(t.Size)...)...)
}

func (t *HashType) format(f *formatter) {
	if emptySize(t.Size) {
		f.call("Hash", f.size(t.Size)...)
		return
	}
	if t.Key == AnyType && t.Val == AnyType && t.Size == nil {
		f.call("Hash")
		return
	}
	f.call("Hash", append(f.types([]Type{t.Key, t.Val}), f.size(t.Size)...)...)
}

func (t *TupleType) format(f *formatter) {
	if len(t.Types) == 0 {
		f.call("Tuple")
		return
	}
	f.call("Tuple", append(f.types(t.Types), f.size(t.Size)...)...)
}

func (t *StructType) format(f *formatter) {
	if len(t.Elements) == 0 {
		f.call("Struct")
		return
	}
	f.call("Struct", func() {
		f.b.WriteByte('{')
		for i, e := range t.Elements {
			if i > 0 {
				f.b.WriteString(", ")
			}
			undefable := assignable(e.Value, UndefType, nil)
			switch {
			case e.Optional == undefable:
				f.b.WriteString(Quote(e.Key))
			case e.Optional:
				f.b.WriteString("Optional[" + Quote(e.Key) + "]")
			default:
				f.b.WriteString("NotUndef[" + Quote(e.Key) + "]")
			}
			f.b.WriteString(" => ")
			e.Value.format(f)
		}
		f.b.WriteByte('}')
	})
}

func (f *formatter) containing(name string, of Type, bare bool) {
	if bare {
		f.call(name)
		return
	}
	f.call(name, f.of(of))
}

func (t *IterableType) format(f *formatter) { f.containing("Iterable", t.Elem, t.Elem == nil) }

func (t *IteratorType) format(f *formatter) { f.containing("Iterator", t.Elem, t.Elem == nil) }

func (t *TypeType) format(f *formatter) { f.containing("Type", t.Of, t.Of == nil) }

func (t *SensitiveType) format(f *formatter) {
	f.containing("Sensitive", t.Of, t.Of == nil || t.Of == AnyType)
}

func (t *VariantType) format(f *formatter) {
	if f.exact {
		keys := make([]string, 0, len(t.Types))
		for _, e := range t.Types {
			keys = append(keys, typeKey(e))
		}
		sort.Strings(keys)
		f.b.WriteString("Variant[" + strings.Join(keys, ", ") + "]")
		return
	}
	f.call("Variant", f.types(t.Types)...)
}

// quoted writes a single-string type as the string, as Optional and NotUndef do.
func (f *formatter) quoted(name string, of Type, bare bool) {
	if s, ok := of.(*StringType); ok && s.Value != nil {
		f.call(name, f.of(String(*s.Value)))
		return
	}
	f.containing(name, of, bare)
}

func (t *OptionalType) format(f *formatter) { f.quoted("Optional", t.Of, t.Of == nil) }

func (t *NotUndefType) format(f *formatter) {
	f.quoted("NotUndef", t.Of, t.Of == nil || t.Of == AnyType)
}

func (t *CallableType) format(f *formatter) {
	params := f.callableParams(t)
	switch {
	case t.Return == nil && t.Params == nil:
		f.call("Callable")
	case t.Return == nil:
		f.call("Callable", params...)
	case t.Params == nil:
		f.call("Callable", f.text("[]"), f.of(t.Return))
	default:
		f.call("Callable", func() {
			f.call("", params...)
		}, f.of(t.Return))
	}
}

func (f *formatter) callableParams(t *CallableType) []func() {
	if t.Params == nil {
		return nil
	}
	var args []func()
	for _, p := range t.Params.Types {
		if p != UnitType {
			args = append(args, f.of(p))
		}
	}
	if len(t.Params.Types) == 0 {
		args = append(args, f.text("0"), f.text("0"))
	} else {
		args = append(args, f.size(t.Params.Size)...)
	}
	if t.Block != nil {
		args = append(args, f.of(t.Block))
	}
	return args
}

func (t *InitType) format(f *formatter) {
	if t.Of == nil {
		f.call("Init")
		return
	}
	args := f.types([]Type{t.Of})
	for _, a := range t.Args {
		args = append(args, f.of(a))
	}
	f.call("Init", args...)
}

func (t *RuntimeType) format(f *formatter) {
	if t.Runtime == "" {
		f.call("Runtime")
		return
	}
	name := f.of(String(t.Of))
	if t.Pattern != nil {
		name = f.of(ArrayOf(t.Pattern, String(t.Replace)))
	}
	f.call("Runtime", f.text(t.Runtime), name)
}

func (t *ResourceType) format(f *formatter) {
	if t.TypeName == "" {
		f.call("Resource")
		return
	}
	name := CapitalizeSegments(t.TypeName)
	if f.exact {
		name = "Resource " + strings.ToLower(t.TypeName)
	}
	if !t.HasTitle {
		f.call(name)
		return
	}
	f.call(name, f.of(String(t.Title)))
}

func (t *ClassType) format(f *formatter) {
	if t.ClassName == "" {
		f.call("Class")
		return
	}
	f.call("Class", f.text(t.ClassName))
}

func (t *TypeReferenceType) format(f *formatter) { f.call("TypeReference", f.of(String(t.Text))) }
