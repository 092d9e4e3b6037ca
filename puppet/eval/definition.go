package eval

import (
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// Kind is what a definition defines.
type Kind uint8

// The kinds of definitions.
const (
	ClassKind Kind = iota
	DefineKind
	NodeKind
)

// Definition is a class, a defined type or a node block.
type Definition struct {
	Kind   Kind
	Name   string // in lower case; "" is the main class
	Parent string // of a class
	Module string // "" outside modules
	File   string
	Line   int

	params  []*syntax.Parameter
	body    syntax.Expr
	regexp  *pcore.Regexp // of a node matched by pattern
	match   []pcore.Value // groups of the match that chose the node
	node    syntax.Expr
	types   map[string]pcore.Type // of the parameters, once they were needed
	overrid bool                  // a collector's override was made here: it may override anything
}

// String is how messages about overriding name the definition.
func (d *Definition) String() string {
	if d == nil {
		return ""
	}
	switch d.Kind {
	case ClassKind:
		return "Class[" + mainOr(pcore.CapitalizeSegments(d.Name)) + "]"
	case NodeKind:
		return "Node[" + d.Name + "]"
	}
	return pcore.CapitalizeSegments(d.Name)
}

func mainOr(name string) string {
	if name == "" {
		return "main"
	}
	return name
}

// childOf tells whether d may override what o set.
func (d *Definition) childOf(c *Compiler, o *Definition) bool {
	if d == nil {
		return false
	}
	if d.overrid {
		return true
	}
	for seen := 0; d.Parent != "" && seen < 100; seen++ {
		p := c.classes[strings.TrimPrefix(d.Parent, "::")]
		if p == nil {
			return false
		}
		if p == o {
			return true
		}
		d = p
	}
	return false
}

// Unit is a parsed file and the module it belongs to.
type Unit struct {
	Program *syntax.Program
	Module  string
	// Warnings are what lexer and validation had to say, for the log.
	Warnings []*syntax.Error
}

// addUnit registers the definitions of a file.
func (c *Compiler) addUnit(u *Unit) ([]*Definition, error) {
	var added []*Definition
	if c.units[u.Program] {
		return nil, nil
	}
	c.units[u.Program] = true
	for _, w := range u.Warnings {
		c.logFound("warning", w)
	}
	for _, e := range u.Program.Definitions {
		var err error
		var d *Definition
		switch e := e.(type) {
		case *syntax.Class:
			d = &Definition{Kind: ClassKind, Name: strings.ToLower(e.Name), Parent: strings.ToLower(e.Parent), params: e.Params, body: e.Body}
		case *syntax.Define:
			d = &Definition{Kind: DefineKind, Name: strings.ToLower(e.Name), params: e.Params, body: e.Body}
		case *syntax.NodeDef:
			err = c.addNode(e, u)
		case *syntax.Function:
			c.functions[e.Name] = &puppetFunction{def: e}
		case *syntax.TypeAlias:
			c.aliases[strings.ToLower(e.Name)] = &typeAlias{def: e}
		}
		if d != nil {
			d.node, d.Module, d.File, d.Line = e, u.Module, e.Base().File(), e.Base().Line()
			err = c.addDefinition(d)
			added = append(added, d)
		}
		if err != nil {
			return nil, err
		}
	}
	return added, nil
}

func (c *Compiler) addDefinition(d *Definition) error {
	for _, p := range d.params {
		if isMetaparameter(p.Name) && p.Value == nil {
			return &compileFailure{message: fmt.Sprintf("%s is a metaparameter; please choose another parameter name in the %s definition", p.Name, d.Name)}
		}
	}
	table, label, other, otherLabel := c.classes, "Class", c.defines, "Definition"
	if d.Kind == DefineKind {
		table, label, other, otherLabel = c.defines, "Definition", c.classes, "Class"
	}
	if old := table[d.Name]; old != nil {
		return failAt(d.File, d.Line, "%s '%s' is already defined%s; cannot redefine", label, d.Name, definedAt(old))
	}
	if old := other[d.Name]; old != nil {
		if d.Kind == ClassKind {
			return failAt(d.File, d.Line, "%s '%s' is already defined%s; cannot be redefined as a class", otherLabel, d.Name, definedAt(old))
		}
		return failAt(d.File, d.Line, "'%s' is already defined%s as a class; cannot redefine as a definition", d.Name, definedAt(old))
	}
	table[d.Name] = d
	return nil
}

func definedAt(d *Definition) string {
	if d.File == "" {
		return ""
	}
	return syntax.Location(d.File, d.Line, 0)
}

// addNode registers a node block under each of its names.
func (c *Compiler) addNode(e *syntax.NodeDef, u *Unit) error {
	for _, m := range e.Matches {
		d := &Definition{Kind: NodeKind, body: e.Body, node: e, Module: u.Module, File: e.File(), Line: e.Line()}
		switch m := m.(type) {
		case *syntax.Default:
			d.Name = "default"
		case *syntax.Regexp:
			re, err := pcore.NewRegexp(m.Pattern)
			if err != nil {
				return err
			}
			d.regexp = re
			d.Name = regexpNodeName(m.Pattern)
		case *syntax.String:
			d.Name = strings.ToLower(m.Value)
		default:
			v, err := c.eval(m, c.top)
			if err != nil {
				return err
			}
			d.Name = strings.ToLower(v.String())
		}
		if old := c.nodes[d.Name]; old != nil {
			return failAt(d.File, d.Line, "Node '%s' is already defined%s; cannot redefine", d.Name, definedAt(old))
		}
		c.nodes[d.Name] = d
		c.nodeOrder = append(c.nodeOrder, d)
	}
	return nil
}

// regexpNodeName is what a node block with a pattern is called.
func regexpNodeName(pattern string) string {
	name := strings.Map(func(r rune) rune {
		if r == '-' || r == ':' || r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(pattern))
	return "__node_regexp__" + strings.TrimLeft(name, ".")
}

// findClass finds a class by name, loading the file that should hold it.
func (c *Compiler) findClass(name string) (*Definition, error) {
	return c.find(ClassKind, name)
}

// findDefine finds a defined type by name.
func (c *Compiler) findDefine(name string) (*Definition, error) {
	return c.find(DefineKind, name)
}

func (c *Compiler) find(k Kind, name string) (*Definition, error) {
	name = strings.ToLower(strings.TrimPrefix(name, "::"))
	table := c.classes
	if k == DefineKind {
		table = c.defines
	}
	if d := table[name]; d != nil || name == "" {
		return d, nil
	}
	if c.missing[missingKey{k, name}] {
		return nil, nil
	}
	for rest := name; ; {
		if err := c.loadFor(rest); err != nil {
			return nil, err
		}
		if d := table[name]; d != nil {
			return d, nil
		}
		i := strings.LastIndex(rest, "::")
		if i < 0 {
			break
		}
		rest = rest[:i]
	}
	c.missing[missingKey{k, name}] = true
	return nil, nil
}

type missingKey struct {
	kind Kind
	name string
}

// loadFor reads the file where modules keep the definition of a name, once.
func (c *Compiler) loadFor(name string) error {
	if c.loaded[name] || c.loader == nil {
		return nil
	}
	c.loaded[name] = true
	u, err := c.loader.Definitions(name)
	if err != nil || u == nil {
		return err
	}
	_, err = c.addUnit(u)
	return err
}
