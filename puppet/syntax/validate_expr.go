package syntax

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"regexp"
	"strings"
)

var (
	numericParam = regexp.MustCompile(`^(?:0x)?[0-9]+$`)
	paramName    = regexp.MustCompile(`^[a-z_]\w*$`)
	variableRule = regexp.MustCompile(`^(?:::)?(?:[a-z]\w*::)*[a-z_]\w*$`)
)

func (c *checker) integer(n *Integer) {
	if n.Big == "" {
		return
	}
	c.errorf(n, "NUMERIC_OVERFLOW", "A Literal Integer resulted in a value outside of Puppet Integer max range, got '+0x%s'", n.Big)
}

func (c *checker) regexp(n *Regexp) {
	if c.opts.Regexp == nil {
		return
	}
	if err := c.opts.Regexp(n.Pattern); err != nil {
		panic(&Error{Message: err.Error()}) // as Ruby raises it, without a place
	}
}

func (c *checker) variable(n *Variable) {
	if n.Name != "" && isDigit(n.Name[0]) {
		if !numericName.MatchString(n.Name) {
			c.errorf(n, "ILLEGAL_NUMERIC_VAR_NAME", "Illegal numeric variable name, The given name '%s' must be a decimal value if it starts with a digit 0-9", n.Name)
		}
		return
	}
	if !variableRule.MatchString(n.Name) {
		c.errorf(n, "ILLEGAL_VAR_NAME", "Illegal variable name, The given name '%s' does not conform to the naming rule /^((::)?[a-z]\\w*)*((::)?[a-z_]\\w*)$/", n.Name)
	}
}

// literalKey is a text that is equal for equal literals; ok is false for
// what only evaluation knows. shown is the key as messages print it.
func literalKey(n Expr) (key, shown string, ok bool) {
	switch n := n.(type) {
	case *String:
		return "s" + n.Value, n.Value, true
	case *QualifiedName:
		return "s" + n.Value, n.Value, true
	case *Integer:
		v := big.NewInt(n.Value).String()
		return "i" + v + n.Big, v, true
	case *Float:
		v := FormatFloat(n.Value)
		return "f" + v, v, true
	case *Boolean, *Undef, *Default, *Regexp:
		v := ExprPN(n)
		return "l" + v, strings.TrimSuffix(strings.TrimPrefix(v, "("), ")"), true
	case *Array:
		keys := make([]string, len(n.Values))
		for i, v := range n.Values {
			k, _, ok := literalKey(v)
			if !ok {
				return "", "", false
			}
			keys[i] = k
		}
		return "a" + strings.Join(keys, "\x00"), ExprPN(n), true
	}
	return "", "", false
}

func (c *checker) duplicateKeys(n *Hash) {
	seen := make(map[string]bool, len(n.Entries))
	for _, e := range n.Entries {
		key, shown, ok := literalKey(e.Key)
		if !ok {
			continue
		}
		if seen[key] {
			switch c.opts.Strict {
			case "off":
			case "error":
				c.errorf(e, "DUPLICATE_KEY", "The key '%s' is declared more than once", shown)
			default:
				c.warnf(e, "DUPLICATE_KEY", "The key '%s' is declared more than once", shown)
			}
		}
		seen[key] = true
	}
}

func (c *checker) block(n *Block) {
	if name, ok := withoutTitle(n); ok {
		c.errorf(n, "RESOURCE_WITHOUT_TITLE", "This expression is invalid. Did you try declaring a '%s' resource without a title?", name)
		return
	}
	for _, s := range n.Statements[:len(n.Statements)-1] {
		if hasNoEffect(s) {
			c.errorf(s, "IDEM_EXPRESSION_NOT_LAST", "This %s has no effect. A value was produced and then forgotten (one or more preceding expressions may have the wrong form)", Label(s))
			return
		}
	}
}

// withoutTitle recognises `name {…}` as the whole of a block.
func withoutTitle(n Expr) (name string, ok bool) {
	b, ok := n.(*Block)
	if !ok || len(b.Statements) != 2 {
		return "", false
	}
	q, ok := b.Statements[0].(*QualifiedName)
	if !ok {
		return "", false
	}
	_, ok = b.Statements[1].(*Hash)
	return q.Value, ok
}

// hasNoEffect tells whether evaluating n changes nothing.
func hasNoEffect(n Expr) bool {
	switch n := n.(type) {
	case nil, *Nop, *String, *Integer, *Float, *Boolean, *Undef, *Default, *Regexp,
		*QualifiedName, *QualifiedReference, *ReservedWord, *Array, *Hash, *Access, *NamedAccess,
		*Not, *Minus, *Unfold, *Variable, *Text, *Concat, *Heredoc, *Selector:
		return true
	case *Binary:
		return n.Op != "=~" && n.Op != "!~"
	case *Paren:
		return hasNoEffect(n.X)
	case *Block:
		for _, s := range n.Statements {
			if !hasNoEffect(s) {
				return false
			}
		}
		return true
	case *If:
		return hasNoEffect(n.Test) && hasNoEffect(n.Then) && hasNoEffect(n.Else)
	case *Case:
		for _, o := range n.Options {
			if !hasNoEffect(o) {
				return false
			}
		}
		return hasNoEffect(n.Test)
	case *CaseOption:
		for _, v := range n.Values {
			if !hasNoEffect(v) {
				return false
			}
		}
		return hasNoEffect(n.Then)
	}
	return false
}

func (c *checker) call(n *Call) {
	switch f := n.Functor.(type) {
	case *QualifiedName, *QualifiedReference:
		return
	case *Access:
		if _, ok := f.L.(*QualifiedReference); ok {
			return
		}
	case *RenderString:
		c.errorf(n, "ILLEGAL_EPP_PARAMETERS", "Ambiguous EPP parameter expression. Probably missing '<%%-' before parameters to remove leading whitespace")
		return
	}
	c.illegal(n.Functor, "function name", n)
}

func (c *checker) caseExpr(n *Case) {
	c.rvalue(n.Test)
	found := false
	for _, o := range n.Options {
		for _, v := range o.Values {
			if _, ok := v.(*Default); ok {
				if found {
					c.duplicateDefault(v, n)
				}
				found = true
			}
		}
	}
}

func (c *checker) duplicateDefault(n, container Expr) {
	c.errorf(n, "DUPLICATE_DEFAULT", "This %s already has a 'default' entry - this is a duplicate", Label(container))
}

func (c *checker) selector(n *Selector) {
	c.rvalue(n.X)
	found := false
	for _, e := range n.Entries {
		if _, ok := e.Match.(*Default); ok {
			if found {
				c.duplicateDefault(e.Match, n)
				return
			}
			found = true
		}
	}
}

func (c *checker) attribute(n *AttributeOp) {
	if n.Op == "+>" {
		switch p := c.container(1).(type) {
		case *Collect, *ResourceOverride:
		default:
			c.errorf(n, "ILLEGAL_ATTRIBUTE_APPEND", "Illegal +> operation on attribute %s. This operator can not be used in %s", n.Name, AnLabel(p))
		}
	}
	c.rvalue(n.Value)
}

func (c *checker) resourceBody(n *ResourceBody) {
	seen := false
	for _, o := range n.Ops {
		if _, ok := o.(*AttributesOp); ok {
			if seen {
				c.errorf(o, "MULTIPLE_ATTRIBUTES_UNFOLD", "Unfolding of attributes from Hash can only be used once per resource body")
			}
			seen = true
		}
	}
}

// heredoc checks text whose syntax the tag names.
func (c *checker) heredoc(n *Heredoc) {
	s, ok := n.Text.(*String)
	if !ok || n.Syntax == "" {
		return
	}
	if code, message := CheckSyntax(s.Value, n.Syntax); message != "" {
		panic(finding(s, code, "Invalid produced text having syntax: '%s'. %s", n.Syntax, message))
	}
}

// CheckSyntax checks text that a heredoc or template declares to be of a
// syntax. It returns an issue code and a message, both "" when it is fine or
// the syntax is not known.
func CheckSyntax(text, syntax string) (code, message string) {
	for rest := syntax; ; {
		switch rest {
		case "json":
			return checkJSON(text)
		case "pp":
			return checkPuppet(text, "PP", Options{})
		case "epp":
			return checkPuppet(text, "EPP", Options{Epp: true})
		case "base64":
			return checkBase64(text)
		}
		_, tail, ok := strings.Cut(rest, "+")
		if !ok {
			return "", ""
		}
		rest = tail
	}
}

func capped(s string, most int) string {
	if r := []rune(s); len(r) > most {
		s = string(r[:most])
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", `\n`)
}

func checkJSON(text string) (code, message string) {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return "ILLEGAL_JSON", `JSON syntax checker: Cannot parse invalid JSON string. "` +
			capped("unexpected token at '"+strings.TrimLeft(text, " \t\n")+"'", 100) + `"`
	}
	return "", ""
}

func checkPuppet(text, name string, opts Options) (code, message string) {
	res, err := Parse("", text, opts)
	if err == nil {
		err = Validate(res.Program, ValidateOptions{}).Err()
	}
	if err != nil {
		return "ILLEGAL_" + name, name + ` syntax checker: "` + capped(err.Error(), 500) + `"`
	}
	return "", ""
}

func checkBase64(text string) (code, message string) {
	packed := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, text)
	if _, err := base64.StdEncoding.DecodeString(packed); err != nil {
		return "ILLEGAL_BASE64", "Base64 syntax checker: Cannot parse invalid Base64 string"
	}
	return "", ""
}
