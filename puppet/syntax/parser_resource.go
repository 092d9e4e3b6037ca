package syntax

// resource is an expression that may turn out to be a resource, its defaults
// or an override when a brace follows.
func (p *parser) resource() Expr {
	p.enter()
	defer p.leave()
	var left Expr
	switch t := p.tok(); {
	case t.kind == tAt || t.kind == tAtAt:
		left = p.virtual(t)
	case t.kind == tClass && p.kindAt(1) == tLBrace:
		left = p.classResource()
	default:
		left = p.expression(precLowest)
	}
	for p.kind() == tLBrace {
		left = p.resourceBraces(left)
	}
	return left
}

func (p *parser) virtual(t token) Expr {
	p.next()
	e := p.resource()
	form, message := "virtual", "Virtual (@) can only be applied to a Resource Expression"
	if t.kind == tAtAt {
		form, message = "exported", "Exported (@@) can only be applied to a Resource Expression"
	}
	var place *Place
	switch r := e.(type) {
	case *Resource:
		r.Form, place = form, &r.Place
	case *ResourceDefaults:
		r.Form, place = form, &r.Place
	case *ResourceOverride:
		r.Form, place = form, &r.Place
	default:
		p.failAt(t.off, message)
	}
	place.Length = place.End() - t.off
	place.Offset = t.off
	return e
}

func (p *parser) classResource() Expr {
	word := p.next()
	p.next()
	r := &Resource{Form: "regular", Type: &QualifiedName{p.at(word), "class"}}
	r.Bodies = p.resourceBodies()
	r.exprNode = p.between(word.off, p.expect(tRBrace).end())
	return r
}

// resourceBodies reads bodies up to the closing brace.
func (p *parser) resourceBodies() []*ResourceBody {
	var list []*ResourceBody
	for {
		title := p.expression(precLowest)
		list = append(list, p.resourceBody(title))
		if !p.accept(tSemic) || p.kind() == tRBrace {
			return list
		}
	}
}

// resourceBody reads what follows a title.
func (p *parser) resourceBody(title Expr) *ResourceBody {
	p.expect(tColon)
	return &ResourceBody{title.Base().asNode(), title, p.attributes()}
}

// attributes reads operations and a last comma.
func (p *parser) attributes() []Expr {
	ops := []Expr{}
	for {
		t := p.tok()
		if t.kind == tRBrace || t.kind == tSemic {
			return ops
		}
		if t.kind == tComma && len(ops) == 0 {
			p.next()
			continue
		}
		ops = append(ops, p.attribute(t))
		if !p.accept(tComma) {
			return ops
		}
	}
}

func (p *parser) attribute(t token) Expr {
	if t.kind == tTimes {
		p.next()
		p.expect(tFArrow)
		x := p.expression(precLowest)
		return &AttributesOp{p.between(t.off, x.Base().End()), x}
	}
	if !t.kind.attributeName() {
		p.unexpected()
	}
	p.next()
	op := p.tok()
	if op.kind != tFArrow && op.kind != tPArrow {
		p.unexpected()
	}
	p.next()
	x := p.expression(precLowest)
	return &AttributeOp{p.between(t.off, x.Base().End()), t.val, op.val, x}
}

// resourceBraces reads { after an expression.
func (p *parser) resourceBraces(left Expr) Expr {
	open := p.expect(tLBrace)
	if !p.attributesFollow() {
		title := p.expression(precLowest)
		r := &Resource{Form: "regular", Type: left, Bodies: []*ResourceBody{p.resourceBody(title)}}
		if p.accept(tSemic) && p.kind() != tRBrace {
			r.Bodies = append(r.Bodies, p.resourceBodies()...)
		}
		r.exprNode = p.between(left.Base().Offset, p.expect(tRBrace).end())
		return r
	}
	ops := p.attributes()
	end := p.expect(tRBrace)
	place := p.between(left.Base().Offset, end.end())
	switch l := left.(type) {
	case *QualifiedName:
		return p.withoutTitle(l, ops, open, end)
	case *QualifiedReference:
		return &ResourceDefaults{place, "regular", left, ops}
	case *Access:
		return &ResourceOverride{place, "regular", left, ops}
	}
	p.failAt(left.Base().Offset, "Expression is not valid as a resource, resource-default, or resource-override")
	return nil
}

// attributesFollow tells a brace with attributes from one with a title.
func (p *parser) attributesFollow() bool {
	switch k := p.kind(); {
	case k == tRBrace || k == tComma:
		return true
	case k == tTimes:
		return p.kindAt(1) == tFArrow
	case k.attributeName():
		return p.kindAt(1) == tFArrow || p.kindAt(1) == tPArrow
	}
	return false
}

// withoutTitle makes `name { a => 1 }` what it can be: a call of name with a
// hash, or two expressions that validation complains about.
func (p *parser) withoutTitle(left *QualifiedName, ops []Expr, open, end token) Expr {
	h := &Hash{exprNode: p.between(open.off, end.end())}
	for _, o := range ops {
		op, ok := o.(*AttributeOp)
		if !ok || op.Op == "+>" {
			p.failAt(open.off, "Syntax error resource body without title or hash with +>")
		}
		key := &String{op.exprNode, op.Name}
		h.Entries = append(h.Entries, &KeyedEntry{op.exprNode, key, op.Value})
	}
	list := p.calls([]statement{{expr: left}, {expr: h}})
	return p.block(list, nil, nil)
}

func (p *parser) collect(left Expr) Expr {
	open := p.next()
	end := tRCollect
	q := &Query{}
	if open.kind == tLLCollect {
		end, q.Exported = tRRCollect, true
	}
	if p.kind() != end {
		q.X = p.expression(precLowest)
	}
	last := p.expect(end).end()
	q.exprNode = p.between(open.off, last)
	c := &Collect{Type: left, Query: q}
	if p.kind() == tLBrace {
		p.next()
		c.Ops = p.attributes()
		last = p.expect(tRBrace).end()
	}
	c.exprNode = p.between(left.Base().Offset, last)
	return c
}
