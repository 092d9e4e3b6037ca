package syntax

import (
	"fmt"
	"regexp"
	"strings"
)

// ValidateOptions say what the text is checked against.
type ValidateOptions struct {
	// Strict is Puppet's setting for doubtful constructs: "off", "warning" or
	// "error"; "" means warning.
	Strict string
	// Module is set for files that modules load on demand, which may hold
	// definitions of their own name only.
	Module *ModuleFile
	// Regexp checks a regular expression; nil accepts all.
	Regexp func(pattern string) error
}

// ModuleFile says what a file's place in a module allows.
type ModuleFile struct {
	Namespace string // what names in it begin with, in lower case
	Misplaced bool   // the file is where nothing may be
}

// Findings are what validation has to say, in order.
type Findings struct {
	Errors   []*Error
	Warnings []*Error
}

// Err sums the errors up: nil, the only error, or one that counts them. The
// caller logs the single ones.
func (f Findings) Err() error {
	switch len(f.Errors) {
	case 0:
		return nil
	case 1:
		return f.Errors[0]
	}
	message := fmt.Sprintf("Language validation logged %d errors. Giving up", len(f.Errors))
	if n := len(f.Warnings); n > 0 {
		message = fmt.Sprintf("Language validation logged %d errors, and %d warnings. Giving up", len(f.Errors), n)
	}
	return &Error{Message: message, File: f.Errors[0].File}
}

// Validate checks what the grammar alone does not.
func Validate(prog *Program, opts ValidateOptions) (found Findings) {
	c := &checker{opts: opts}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			found = Findings{Errors: []*Error{e}, Warnings: c.found.Warnings}
		}
	}()
	c.topConstructs(prog)
	c.path = append(c.path, prog)
	c.walk(prog)
	return c.found
}

type checker struct {
	opts  ValidateOptions
	path  []Node // the containers of the node being checked
	found Findings
}

func (c *checker) walk(n Node) {
	for _, child := range Children(n) {
		c.check(child)
		c.path = append(c.path, child)
		c.walk(child)
		c.path = c.path[:len(c.path)-1]
	}
}

// container is the n-th node up, nil above the program.
func (c *checker) container(n int) Node {
	if n > len(c.path) {
		return nil
	}
	return c.path[len(c.path)-n]
}

func finding(n Node, code, format string, args ...any) *Error {
	p := n.Base()
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), File: p.File(), Line: p.Line(), Column: p.Column()}
}

func (c *checker) errorf(n Node, code, format string, args ...any) {
	c.found.Errors = append(c.found.Errors, finding(n, code, format, args...))
}

func (c *checker) warnf(n Node, code, format string, args ...any) {
	c.found.Warnings = append(c.found.Warnings, finding(n, code, format, args...))
}

func (c *checker) topConstructs(prog *Program) {
	if c.opts.Module == nil || IsNop(prog.Body) {
		return
	}
	list := []Expr{prog.Body}
	if b, ok := prog.Body.(*Block); ok {
		list = b.Statements
	}
	for _, s := range list {
		switch s.(type) {
		case *Class, *Define, *Function, *Plan, *TypeAlias, *TypeMapping, *TypeDefinition:
		default:
			c.errorf(s, "ILLEGAL_TOP_CONSTRUCT_LOCATION", "This %s is unacceptable as a top level construct in this location", Label(s))
		}
	}
}

// check dispatches on what the node is.
func (c *checker) check(n Expr) {
	switch n := n.(type) {
	case *Assignment:
		c.assignment(n)
	case *Binary:
		c.rvalues(n.L, n.R)
	case *Relationship:
		c.relation(n.L)
		c.relation(n.R)
	case *Not:
		c.rvalue(n.X)
	case *Minus:
		c.rvalue(n.X)
	case *Unfold:
		c.rvalue(n.X)
	case *Paren:
		c.rvalue(n.X)
	case *Text:
		c.rvalue(n.X)
	case *Render:
		c.rvalue(n.X)
	case *Array:
		c.rvalues(n.Values...)
	case *KeyedEntry:
		c.rvalues(n.Key, n.Value)
	case *Hash:
		c.duplicateKeys(n)
	case *Integer:
		c.integer(n)
	case *Regexp:
		c.regexp(n)
	case *Variable:
		c.variable(n)
	case *Heredoc:
		c.heredoc(n)
	case *ReservedWord:
		c.errorf(n, "RESERVED_WORD", "Use of reserved word: %s, must be quoted if intended to be a String value", n.Word)
	case *Block:
		c.block(n)
	case *Call:
		c.call(n)
	case *Lambda:
		c.captureLast(n.Params)
		c.returnType(n, n.Returns)
	case *Parameter:
		c.parameter(n)
	default:
		c.statement(n)
	}
}

func (c *checker) statement(n Expr) {
	switch n := n.(type) {
	case *If:
		c.rvalue(n.Test)
	case *Case:
		c.caseExpr(n)
	case *CaseOption:
		c.rvalues(n.Values...)
	case *Selector:
		c.selector(n)
	case *SelectorEntry:
		c.rvalue(n.Match)
	case *AttributeOp:
		c.attribute(n)
	case *AttributesOp:
		c.rvalue(n.X)
	case *Resource:
		if t, ok := n.Type.(*QualifiedName); ok && t.Value == "class" && n.Form != "regular" {
			c.errorf(n, "CLASS_NOT_VIRTUALIZABLE", "Classes are not virtualizable")
		}
	case *ResourceBody:
		c.resourceBody(n)
	case *ResourceDefaults:
		c.notVirtual(n, n.Form)
	case *ResourceOverride:
		c.notVirtual(n, n.Form)
	case *Collect:
		if _, ok := n.Type.(*QualifiedReference); !ok {
			c.illegal(n.Type, "type name", n)
		}
	case *Query:
		if n.X != nil {
			c.query(n.X)
		}
	case *Epp:
		if l, ok := c.container(1).(*Lambda); ok {
			c.noCapture(l.Params, n)
			c.uniqueParams(l.Params)
		}
	default:
		c.definition(n)
	}
}

func (c *checker) illegal(n Node, feature string, container Node) {
	c.errorf(n, "ILLEGAL_EXPRESSION", "Illegal expression. %s is unacceptable as %s in %s", upperFirst(AnLabel(n)), feature, AnLabel(container))
}

func (c *checker) notVirtual(n Expr, form string) {
	if form != "regular" {
		c.errorf(n, "NOT_VIRTUALIZEABLE", "Resource Defaults are not virtualizable")
	}
}

// assignment checks the sides of =.
func (c *checker) assignment(n *Assignment) {
	if n.Op != "=" {
		c.errorf(n, "APPENDS_DELETES_NO_LONGER_SUPPORTED", "The operator '%s' is no longer supported. See http://links.puppet.com/remove-plus-equals", n.Op)
		return
	}
	c.assignable(n.L)
	c.rvalue(n.R)
}

var numericName = regexp.MustCompile(`^(?:0|[1-9][0-9]*)$`)

func (c *checker) assignable(n Expr) {
	switch n := n.(type) {
	case *Variable:
		if numericName.MatchString(n.Name) {
			c.errorf(n, "ILLEGAL_NUMERIC_ASSIGNMENT", "Illegal attempt to assign to the numeric match result variable '$%s'. Numeric variables are not assignable", n.Name)
		}
		if strings.Contains(n.Name, "::") {
			c.errorf(n, "CROSS_SCOPE_ASSIGNMENT", "Illegal attempt to assign to '%s'. Cannot assign to variables in other namespaces", n.Name)
		}
	case *Access:
		c.errorf(n, "ILLEGAL_INDEXED_ASSIGNMENT", "Illegal attempt to assign via [index/key]. Not an assignable reference")
	case *Array:
		for _, v := range n.Values {
			c.assignable(v)
		}
	default:
		c.errorf(n, "ILLEGAL_ASSIGNMENT", "Illegal attempt to assign to '%s'. Not an assignable reference", AnLabel(n))
	}
}

func (c *checker) rvalues(list ...Expr) {
	for _, e := range list {
		c.rvalue(e)
	}
}

// rvalue refuses what produces no value where one is needed.
func (c *checker) rvalue(n Expr) {
	switch n := n.(type) {
	case *Collect, *Class, *Define, *Plan, *Function, *NodeDef, *TypeAlias, *TypeMapping, *TypeDefinition:
		c.errorf(n, "NOT_RVALUE", "Invalid use of expression. %s does not produce a value", upperFirst(AnLabel(n)))
	case *Not:
		c.rvalue(n.X)
	case *Minus:
		c.rvalue(n.X)
	case *Unfold:
		c.rvalue(n.X)
	case *Paren:
		c.rvalue(n.X)
	case *Text:
		c.rvalue(n.X)
	case *Render:
		c.rvalue(n.X)
	}
}

func (c *checker) relation(n Expr) {
	switch n.(type) {
	case *Collect, *Relationship:
	default:
		c.rvalue(n)
	}
}

func (c *checker) query(n Expr) {
	switch n := n.(type) {
	case *Binary:
		switch n.Op {
		case "==", "!=":
			return
		case "and", "or":
			c.query(n.L)
			c.query(n.R)
			return
		}
	case *Paren:
		c.query(n.X)
		return
	case *Variable, *QualifiedName, *Integer, *Float, *String, *Boolean:
		return
	}
	c.errorf(n, "ILLEGAL_QUERY_EXPRESSION", "Illegal query expression. %s cannot be used in a query", upperFirst(AnLabel(n)))
}

func (c *checker) parameter(n *Parameter) {
	if numericParam.MatchString(n.Name) {
		c.errorf(n, "ILLEGAL_NUMERIC_PARAMETER", "The numeric parameter name '$%s' cannot be used (clashes with numeric match result variables)", n.Name)
	}
	if !paramName.MatchString(n.Name) {
		c.errorf(n, "ILLEGAL_PARAM_NAME", "Illegal parameter name. The given name '%s' does not conform to the naming rule /^[a-z_]\\w*$/", n.Name)
	}
	if n.Value != nil {
		c.noAssignment(n.Value)
	}
}

func (c *checker) noAssignment(n Expr) {
	switch n.(type) {
	case *Assignment:
		c.errorf(n, "ILLEGAL_ASSIGNMENT_CONTEXT", "Assignment not allowed here")
		return
	case *Lambda:
		return
	}
	for _, child := range Children(n) {
		c.noAssignment(child)
	}
}
