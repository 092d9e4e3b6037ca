package pcore

import "strings"

// A Signature is one way to call something: a callable type and the names of its parameters.
type Signature struct {
	Callable  *CallableType
	Names     []string
	BlockName string
}

// Accepts says whether the arguments, and the block unless it is nil, fit the signature.
func (s *Signature) Accepts(args []Value, block Callable) bool {
	c := s.Callable
	if c.Params != nil {
		if size := c.Params.sizes(); !size.contains(len(args)) {
			return false
		}
		if len(c.Params.Types) > 0 {
			for i, a := range args {
				if !c.Params.at(i).instance(a) {
					return false
				}
			}
		}
	}
	if block == nil {
		return c.Block == nil || assignable(c.Block, UndefType, nil)
	}
	return c.Block != nil && assignable(c.Block, block.Signature(), nil)
}

// DescribeSignatures says why none of the signatures takes the arguments, as Puppet does. name is
// the function's, "lambda" for a block; block is nil when none was given.
func DescribeSignatures(name string, signatures []Signature, args []Value, block Callable) string {
	types := detailed(args)
	perSig := make([][]*mismatch, len(signatures))
	all := true
	for i := range signatures {
		perSig[i] = signatures[i].describeArguments(types, signaturePath(i))
		all = all && len(perSig[i]) > 0
	}
	if !all {
		blocks := make([][]*mismatch, len(signatures))
		bad := 0
		for i := range signatures {
			blocks[i] = signatures[i].describeBlock(block, signaturePath(i))
			if len(blocks[i]) > 0 {
				bad++
			}
		}
		for i := range perSig {
			if bad == len(blocks) || len(perSig[i]) == 0 {
				perSig[i] = blocks[i]
			}
		}
	}
	label := "'" + name + "'"
	if name == "lambda" {
		label = "block"
	}
	return describeCall(label, signatures, perSig)
}

func signaturePath(i int) []pathElement { return []pathElement{signatureStep(i)} }

func describeCall(label string, signatures []Signature, perSig [][]*mismatch) string {
	errs := mergeMismatches(0, countMismatch, perSig)
	if len(errs) == 1 {
		return label + errs[0].text()
	}
	rejected := func(b *strings.Builder, indent string, errs []*mismatch) {
		for _, e := range errs {
			m := *e
			m.path = m.path[1:]
			b.WriteString("\n" + indent + "rejected:" + m.text())
		}
	}
	var b strings.Builder
	if len(signatures) == 1 {
		b.WriteString(label + " expects (" + signatures[0].String() + ")")
		rejected(&b, "  ", perSig[0])
		return b.String()
	}
	b.WriteString("The function " + label + " was called with arguments it does not accept. It expects one of:")
	for i := range signatures {
		b.WriteString("\n  (" + signatures[i].String() + ")")
		rejected(&b, "    ", perSig[i])
	}
	return b.String()
}

func (s *Signature) describeArguments(args []Type, path []pathElement) []*mismatch {
	params := s.Callable.Params
	if params == nil {
		return nil
	}
	n := int64(len(args))
	if want := params.sizes(); !want.covers(Size{n, n}) {
		return sizeError(countMismatch, path, want, Size{n, n})
	}
	if len(params.Types) == 0 {
		return nil
	}
	for i, t := range args {
		at := min(i, len(params.Types)-1)
		if !assignable(params.Types[at], t, nil) {
			if errs := describe(params.Types[at], t, add(path, paramStep(s.name(at)))); len(errs) > 0 {
				return errs
			}
		}
	}
	return nil
}

func (s *Signature) name(i int) string {
	if i < len(s.Names) {
		return s.Names[i]
	}
	return ""
}

func (s *Signature) describeBlock(block Callable, path []pathElement) []*mismatch {
	want := s.Callable.Block
	if block == nil {
		if want == nil || assignable(want, UndefType, nil) {
			return nil
		}
		return []*mismatch{{kind: missingBlock, path: path}}
	}
	if want == nil {
		return []*mismatch{{kind: unexpectedBlock, path: path}}
	}
	return describe(want, block.Signature(), add(path, pathElement{text: "block"}))
}

// String writes the parameters as "Hash hash, Callable block?".
func (s *Signature) String() string {
	params := s.Callable.Params
	if params == nil {
		return ""
	}
	size := params.sizes()
	var parts []string
	if size.Max > 0 {
		for i := range max(len(s.Names), 0) {
			t := params.at(i)
			mark := ""
			switch {
			case size.Max == MaxInt && i == len(s.Names)-1:
				mark = "*"
				if size.Min == int64(len(s.Names)) {
					mark = "+"
				}
			case int64(i) >= size.Min:
				mark = "?"
				if o, ok := t.(*OptionalType); ok && o.Of != nil {
					t = o.Of
				}
			}
			parts = append(parts, t.String()+" "+s.Names[i]+mark)
		}
	} else {
		return ""
	}
	switch b := s.Callable.Block.(type) {
	case nil:
	case *OptionalType:
		parts = append(parts, b.Of.String()+" "+s.blockName()+"?")
	default:
		parts = append(parts, b.String()+" "+s.blockName())
	}
	return strings.Join(parts, ", ")
}

func (s *Signature) blockName() string {
	if s.BlockName == "" {
		return "block"
	}
	return s.BlockName
}
