package syntax

import (
	"regexp"
	"strings"
)

var (
	definitionName = regexp.MustCompile(`^[a-z]\w*(?:::[a-z]\w*)*$`)
	aliasName      = regexp.MustCompile(`^[A-Z]\w*(?:::[A-Z]\w*)*$`)
	badHostname    = regexp.MustCompile(`[^-\w.]`)
)

func reservedTypeName(name string) bool {
	switch name {
	case "type", "any", "unit", "scalar", "boolean", "numeric", "integer", "float",
		"collection", "array", "hash", "tuple", "struct", "variant", "optional", "enum",
		"regexp", "pattern", "runtime", "init", "object", "sensitive", "semver",
		"semverrange", "string", "timestamp", "timespan", "typeset":
		return true
	}
	return false
}

func (c *checker) definition(n Expr) {
	switch n := n.(type) {
	case *Class:
		c.named(n, n.Name)
		c.parameterized(n, n.Params, n.Body)
	case *Define:
		c.named(n, n.Name)
		c.parameterized(n, n.Params, n.Body)
	case *Function:
		c.named(n, n.Name)
		c.returnType(n, n.Returns)
		c.uniqueParams(n.Params)
	case *Plan:
		c.named(n, n.Name)
		c.uniqueParams(n.Params)
	case *NodeDef:
		c.node(n)
	case *TypeAlias:
		c.top(n)
		if !aliasName.MatchString(n.Name) {
			c.badName(n, n.Name)
		}
		c.typeRef(n, n.X)
	case *TypeMapping:
		c.top(n)
		c.typeMapping(n)
	case *TypeDefinition:
		c.top(n)
		c.unsupported(n)
	}
}

func (c *checker) unsupported(n Expr) {
	c.errorf(n, "UNSUPPORTED_EXPRESSION", "Expressions of type %s are not supported in this version of Puppet", AnLabel(n))
}

func (c *checker) badName(n Expr, name string) {
	c.errorf(n, "ILLEGAL_DEFINITION_NAME", "Unacceptable name. The name '%s' is unacceptable as the name of %s", name, AnLabel(n))
}

// top refuses definitions that are not at top level or in a class.
func (c *checker) top(n Expr) {
	for up := 1; ; up++ {
		switch c.container(up).(type) {
		case nil, *Apply, *Class, *Program:
			return
		case *Block:
			_, inProgram := c.container(up + 1).(*Program)
			if !inProgram && absolute(n) {
				c.errorf(n, "NOT_ABSOLUTE_TOP_LEVEL", "%s may only appear at toplevel", upperFirst(AnLabel(n)))
				return
			}
		default:
			c.errorf(n, "NOT_TOP_LEVEL", "Classes, definitions, and nodes may only appear at toplevel or inside other classes")
			return
		}
	}
}

func absolute(n Expr) bool {
	switch n.(type) {
	case *Function, *Plan, *TypeAlias, *TypeDefinition:
		return true
	}
	return false
}

func (c *checker) named(n Expr, name string) {
	c.top(n)
	if !definitionName.MatchString(name) {
		c.badName(n, name)
	}
	if m := c.opts.Module; m != nil && (m.Misplaced || !strings.HasPrefix(strings.ToLower(name), m.Namespace)) {
		c.errorf(n, "ILLEGAL_DEFINITION_LOCATION", "Unacceptable location. The name '%s' is unacceptable in file '%s'", name, n.Base().File())
	}
	if reservedTypeName(name) {
		c.errorf(n, "RESERVED_TYPE_NAME", "The name: '%s' is already defined by Puppet and can not be used as the name of %s.", name, AnLabel(n))
	}
	c.futureWord(n, name)
}

func (c *checker) futureWord(n Expr, name string) {
	if name == "plan" {
		c.warnf(n, "FUTURE_RESERVED_WORD", "Use of future reserved word: '%s'", name)
	}
}

func (c *checker) parameterized(n Expr, params []*Parameter, body Expr) {
	c.noCapture(params, n)
	c.uniqueParams(params)
	for _, p := range params {
		if p.Name == "name" || p.Name == "title" {
			c.errorf(p, "RESERVED_PARAMETER", "The parameter $%s redefines a built in parameter in the %s", p.Name, Label(n))
		}
	}
	c.noEffectLast(n, body)
}

func (c *checker) noCapture(params []*Parameter, container Expr) {
	for _, p := range params {
		if p.CapturesRest {
			c.errorf(p, "CAPTURES_REST_NOT_SUPPORTED", "Parameter $%s has 'captures rest' - not supported in %s", p.Name, AnLabel(container))
		}
	}
}

func (c *checker) captureLast(params []*Parameter) {
	for i, p := range params {
		if p.CapturesRest && i != len(params)-1 {
			c.errorf(p, "CAPTURES_REST_NOT_LAST", "Parameter $%s is not last, and has 'captures rest'", p.Name)
		}
	}
}

func (c *checker) uniqueParams(params []*Parameter) {
	seen := make(map[string]bool, len(params))
	for _, p := range params {
		if seen[p.Name] {
			c.errorf(p, "DUPLICATE_PARAMETER", "The parameter '%s' is declared more than once in the parameter list", p.Name)
		}
		seen[p.Name] = true
	}
}

// noEffectLast refuses a body that ends with a value nobody gets.
func (c *checker) noEffectLast(n, body Expr) {
	if body == nil {
		return
	}
	violator := body
	if b, ok := body.(*Block); ok {
		violator = b.Statements[len(b.Statements)-1]
	}
	if !hasNoEffect(violator) {
		return
	}
	if _, ok := withoutTitle(violator); ok {
		return
	}
	c.errorf(violator, "IDEM_NOT_ALLOWED_LAST", "This %s has no effect. %s can not end with a value-producing expression without other effect",
		Label(violator), upperFirst(AnLabel(n)))
}

func (c *checker) returnType(n, returns Expr) {
	if returns != nil {
		c.typeRef(n, returns)
	}
}

func (c *checker) typeRef(n, ref Expr) {
	name := ref
	if a, ok := ref.(*Access); ok {
		name = a.L
	}
	if q, ok := name.(*QualifiedReference); ok {
		c.futureWord(ref, q.Value)
		return
	}
	c.illegal(ref, "a type reference", n)
}

func (c *checker) node(n *NodeDef) {
	for _, m := range n.Matches {
		c.hostname(m, n)
	}
	c.top(n)
	c.noEffectLast(n, n.Body)
	if n.Parent != nil {
		c.errorf(n.Parent, "ILLEGAL_NODE_INHERITANCE", "Node inheritance is not supported in Puppet >= 4.0.0. See http://links.puppet.com/puppet-node-inheritance-deprecation")
	}
}

func (c *checker) hostname(m Expr, n *NodeDef) {
	switch m := m.(type) {
	case *String:
		if badHostname.MatchString(m.Value) {
			c.errorf(m, "ILLEGAL_HOSTNAME_CHARS", "The hostname '%s' contains illegal characters (only letters, digits, '_', '-', and '.' are allowed)", m.Value)
		}
	case *Concat:
		for _, s := range m.Segments {
			if t, ok := s.(*Text); ok {
				c.errorf(t.X, "ILLEGAL_HOSTNAME_INTERPOLATION", "An interpolated expression is not allowed in a hostname of a node")
				return
			}
		}
	case *Default, *Regexp, *Integer, *Float:
	default:
		c.illegal(m, "hostname", n)
	}
}

// typeMapping checks type Runtime[…] = Type, of which the two sides have to
// be of a kind.
func (c *checker) typeMapping(n *TypeMapping) {
	left, ok := n.Type.(*Access)
	if ok {
		ref, isRef := left.L.(*QualifiedReference)
		ok = isRef && ref.Cased == "Runtime"
	}
	if !ok {
		c.unsupported(n)
		return
	}
	pattern := len(left.Keys) == 2 && patternWithReplacement(left.Keys[1])
	rightPattern := patternWithReplacement(n.Mapping)
	right := n.Mapping
	if a, ok := right.(*Access); ok {
		right = a.L
	}
	_, rightType := right.(*QualifiedReference)
	switch {
	case pattern && !rightPattern:
		c.errorf(n, "ILLEGAL_TYPE_MAPPING", "Illegal type mapping. Expected a Tuple[Regexp,String] on the left side, got %s", upperFirst(AnLabel(n)))
	case !pattern && !rightType:
		c.errorf(n, "ILLEGAL_TYPE_MAPPING", "Illegal type mapping. Expected a Type on the left side, got %s", upperFirst(AnLabel(n)))
	}
}

func patternWithReplacement(n Expr) bool {
	a, ok := n.(*Array)
	if !ok || len(a.Values) != 2 {
		return false
	}
	_, isRegexp := a.Values[0].(*Regexp)
	_, isString := a.Values[1].(*String)
	return isRegexp && isString
}
