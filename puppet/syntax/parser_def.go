package syntax

import "strings"

// className reads the name in a definition.
func (p *parser) className() token {
	switch t := p.tok(); t.kind {
	case tName, tWord, tClassRef:
	case tClass:
		p.failAt(t.off, "'class' keyword not allowed at this location")
	case tString:
		p.failAt(t.off, "A quoted string is not valid as a name here")
	default:
		p.unexpected()
	}
	return p.next()
}

// qualified puts a name into the classes around it.
func (p *parser) qualified(name string) string {
	if len(p.names) == 0 {
		return name
	}
	return strings.TrimPrefix(strings.Join(p.names, "::")+"::"+name, "::")
}

func (p *parser) parameterList() []*Parameter {
	if !p.accept(tLParen) && !p.accept(tWSLParen) {
		return []*Parameter{}
	}
	if p.accept(tRParen) {
		return []*Parameter{}
	}
	list := p.parameters(tRParen)
	p.expect(tRParen)
	return list
}

func (p *parser) class() Expr {
	word := p.next()
	name := p.className()
	p.names = append(p.names, name.val)
	c := &Class{Params: p.parameterList()}
	if p.accept(tInherits) {
		if t := p.tok(); t.kind == tDefault {
			c.Parent = p.next().val
		} else {
			c.Parent = p.className().val
		}
	}
	list, _, end := p.braced()
	p.names = p.names[:len(p.names)-1]
	c.Body = p.body(list)
	c.Name = p.qualified(name.val)
	c.exprNode = p.between(word.off, end.end())
	return p.define(c)
}

func (p *parser) defineType() Expr {
	word := p.next()
	name := p.className()
	d := &Define{Name: p.qualified(name.val), Params: p.parameterList()}
	list, _, end := p.braced()
	d.Body = p.body(list)
	d.exprNode = p.between(word.off, end.end())
	return p.define(d)
}

func (p *parser) plan() Expr {
	word := p.next()
	name := p.className()
	p.names = append(p.names, name.val)
	d := &Plan{Params: p.parameterList()}
	list, _, end := p.braced()
	p.names = p.names[:len(p.names)-1]
	d.Name = p.qualified(name.val)
	d.Body = p.body(list)
	d.exprNode = p.between(word.off, end.end())
	return p.define(d)
}

func (p *parser) apply() Expr {
	word := p.next()
	p.expect(tLParen)
	a := &Apply{Args: p.arguments(tRParen, true)}
	p.expect(tRParen)
	list, _, end := p.braced()
	a.Body = p.body(list)
	a.exprNode = p.between(word.off, end.end())
	return a
}

func (p *parser) function() Expr {
	word := p.next()
	name := p.className()
	f := &Function{Name: name.val, Params: p.parameterList(), Returns: p.returnType()}
	list, _, end := p.braced()
	f.Body = p.body(list)
	f.exprNode = p.between(word.off, end.end())
	return p.define(f)
}

func (p *parser) node() Expr {
	word := p.next()
	n := &NodeDef{Matches: []Expr{p.hostname()}}
	for p.accept(tComma) {
		if k := p.kind(); k == tLBrace || k == tInherits {
			break
		}
		n.Matches = append(n.Matches, p.hostname())
	}
	if p.accept(tInherits) {
		n.Parent = p.hostname()
	}
	list, _, end := p.braced()
	n.Body = p.body(list)
	n.exprNode = p.between(word.off, end.end())
	return p.define(n)
}

func (p *parser) hostname() Expr {
	t := p.tok()
	switch t.kind {
	case tName, tNumber:
		return p.dottedName()
	case tString, tWord, tDQPre, tHeredoc, tDefault, tRegex:
		return p.primary()
	}
	p.unexpected()
	return nil
}

func (p *parser) dottedName() Expr {
	first := p.next()
	name, end := first.val, first.end()
	for p.accept(tDot) {
		t := p.tok()
		if t.kind != tName && t.kind != tNumber {
			p.unexpected()
		}
		p.next()
		name += "." + t.val
		end = t.end()
	}
	return &String{p.between(first.off, end), name}
}

// typeWord reads what starts with the word type: a call, an alias, a mapping
// or a definition.
func (p *parser) typeWord() Expr {
	word := p.next()
	if p.kind() == tLParen {
		return &QualifiedName{p.at(word), word.val}
	}
	if p.kind() != tClassRef {
		p.unexpected()
	}
	if k := p.kindAt(1); k == tLBrace || k == tInherits {
		return p.typeDefinition(word)
	}
	left := p.typeRef()
	p.expect(tEquals)
	x := p.aliased()
	place := p.between(left.Base().Offset, x.Base().End())
	if ref, ok := left.(*QualifiedReference); ok {
		return p.define(&TypeAlias{place, ref.Cased, x})
	}
	return p.define(&TypeMapping{place, left, x})
}

func (p *parser) typeDefinition(word token) Expr {
	d := &TypeDefinition{Name: p.next().val}
	if p.accept(tInherits) {
		d.Parent = p.expect(tClassRef).val
	}
	list, _, end := p.braced()
	d.Body = p.body(list)
	d.exprNode = p.between(word.off, end.end())
	return p.define(d)
}

// aliased reads the right side of a type alias. A hash there describes an
// Object.
func (p *parser) aliased() Expr {
	switch p.kind() {
	case tLBrace:
		h := p.hash()
		return &Access{h.Base().asNode(), &QualifiedReference{h.Base().asNode(), "Object", "object"}, []Expr{h}}
	case tLBrack, tListStart:
		return p.array()
	}
	t := p.expect(tClassRef)
	ref := p.reference(t)
	switch p.kind() {
	case tLBrack:
		return p.access(ref)
	case tLBrace:
		return p.aliasedObject(ref)
	}
	return ref
}

// aliasedObject reads `Parent { … }` in an alias.
func (p *parser) aliasedObject(parent *QualifiedReference) Expr {
	h := p.hash().(*Hash)
	if parent.Cased != "Object" && parent.Cased != "TypeSet" {
		key := &QualifiedName{parent.exprNode, "parent"}
		h.Entries = append(h.Entries, &KeyedEntry{parent.exprNode, key, parent})
		parent = &QualifiedReference{parent.exprNode, "Object", "object"}
	}
	return &Access{p.between(parent.Offset, h.End()), parent, []Expr{h}}
}
