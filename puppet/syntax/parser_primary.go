package syntax

// primary reads an operand.
func (p *parser) primary() Expr {
	p.enter()
	defer p.leave()
	t := p.tok()
	switch t.kind {
	case tVariable:
		p.next()
		return &Variable{p.at(t), t.val}
	case tName:
		p.next()
		return &QualifiedName{p.at(t), t.val}
	case tString, tWord:
		p.next()
		return &String{p.at(t), t.val}
	case tNumber:
		p.next()
		return p.number(t)
	case tClassRef:
		p.next()
		return p.reference(t)
	case tBoolean:
		p.next()
		return &Boolean{p.at(t), t.val == "true"}
	case tUndef:
		p.next()
		return &Undef{p.at(t)}
	case tDefault:
		p.next()
		return &Default{p.at(t)}
	case tRegex:
		p.next()
		return &Regexp{p.at(t), t.val}
	case tPrivate, tAttr:
		p.next()
		return &ReservedWord{exprNode: p.at(t), Word: t.val}
	case tDQPre:
		return p.concat()
	case tHeredoc:
		return p.heredoc()
	case tLBrack, tListStart:
		return p.array()
	case tLBrace:
		return p.hash()
	case tLParen, tWSLParen:
		p.next()
		inner := p.assignment()
		p.expect(tRParen)
		return &Paren{p.at(t), inner}
	}
	return p.construct(t)
}

// construct reads an operand that starts with a word of its own.
func (p *parser) construct(t token) Expr {
	switch t.kind {
	case tIf:
		p.next()
		return p.ifPart(t)
	case tUnless:
		return p.unless()
	case tCase:
		return p.caseExpr()
	case tClass:
		return p.class()
	case tDefine:
		return p.defineType()
	case tNode:
		return p.node()
	case tFunction:
		return p.function()
	case tType:
		return p.typeWord()
	case tPlan:
		return p.plan()
	case tApply:
		return p.apply()
	case tRenderString:
		p.next()
		return &RenderString{p.at(t), t.val}
	case tRenderExpr:
		return p.render()
	}
	p.unexpected()
	return nil
}

func (p *parser) concat() Expr {
	t := p.next()
	c := &Concat{}
	add := func(t token) {
		if t.val != "" {
			c.Segments = append(c.Segments, &String{p.at(t), t.val})
		}
	}
	add(t)
	for {
		x := p.assignment()
		c.Segments = append(c.Segments, &Text{x.Base().asNode(), x})
		s := p.tok()
		if s.kind != tDQMid && s.kind != tDQPost {
			p.unexpected()
		}
		p.next()
		add(s)
		if s.kind == tDQPost {
			c.exprNode = p.between(t.off, s.end())
			return c
		}
	}
}

func (p *parser) heredoc() Expr {
	t := p.next()
	p.expect(tSublocate)
	h := &Heredoc{exprNode: p.at(t), Syntax: t.val}
	if p.kind() == tDQPre {
		h.Text = p.concat()
		return h
	}
	s := p.expect(tString)
	h.Text = &String{p.at(s), s.val}
	return h
}

func (p *parser) array() Expr {
	open := p.next()
	a := &Array{Values: []Expr{}}
	for p.kind() != tRBrack {
		a.Values = addArgument(a.Values, p.argument(true))
		if !p.accept(tComma) {
			break
		}
	}
	end := p.expect(tRBrack)
	a.exprNode = p.between(open.off, end.end())
	return a
}

func (p *parser) hash() Expr {
	open := p.expect(tLBrace)
	h := &Hash{}
	for p.kind() != tRBrace {
		h.Entries = append(h.Entries, p.entryAfter(p.hashEntry()))
		if !p.accept(tComma) {
			break
		}
	}
	end := p.expect(tRBrace)
	h.exprNode = p.between(open.off, end.end())
	return h
}

// ifPart reads what follows if or elsif.
func (p *parser) ifPart(word token) Expr {
	e := &If{Test: p.expression(precLowest)}
	var end token
	e.Then, end = p.bracedExpr()
	last := end.end()
	switch t := p.tok(); t.kind {
	case tElsif:
		p.enter()
		p.next()
		e.Else = p.ifPart(t)
		p.leave()
		last = e.Else.Base().End()
	case tElse:
		p.next()
		e.Else, end = p.bracedExpr()
		last = end.end()
	}
	e.exprNode = p.between(word.off, last)
	return e
}

func (p *parser) unless() Expr {
	word := p.next()
	e := &If{Unless: true, Test: p.expression(precLowest)}
	var end token
	e.Then, end = p.bracedExpr()
	e.exprNode = p.between(word.off, end.end())
	if p.accept(tElse) {
		e.Else, _ = p.bracedExpr()
	}
	return e
}

func (p *parser) caseExpr() Expr {
	word := p.next()
	c := &Case{Test: p.expression(precLowest)}
	p.expect(tLBrace)
	for {
		c.Options = append(c.Options, p.caseOption())
		if p.kind() == tRBrace {
			break
		}
	}
	c.exprNode = p.between(word.off, p.next().end())
	return c
}

func (p *parser) caseOption() *CaseOption {
	o := &CaseOption{Values: []Expr{p.expression(precLowest)}}
	for p.accept(tComma) {
		o.Values = append(o.Values, p.expression(precLowest))
	}
	colon := p.expect(tColon)
	list, _, end := p.braced()
	o.Then = p.body(list)
	o.exprNode = p.between(colon.off, end.end())
	return o
}

func (p *parser) epp() Expr {
	start := p.expect(tEppStart)
	l := &Lambda{exprNode: p.at(start), Params: []*Parameter{}}
	e := &Epp{exprNode: p.at(start)}
	if p.accept(tPipe) {
		e.ParamsSpecified = true
		if !p.accept(tPipe) {
			l.Params = p.parameters(tPipe)
			p.expect(tPipe)
		}
	}
	if p.kind() != tEOF {
		e.Body = p.body(p.statements(tEOF))
	}
	l.Body = e
	return l
}

// render reads <%= expression %>. A brace may open a block or a hash, which
// only its inside tells.
func (p *parser) render() Expr {
	t := p.next()
	var x Expr
	if p.kind() == tLBrace && !p.startsHash() {
		x, _ = p.bracedExpr()
	} else {
		x = p.expression(precLowest)
	}
	end := p.tok()
	if end.kind != tEppEnd && end.kind != tEppEndTrim {
		p.unexpected()
	}
	p.next()
	return &Render{p.between(t.off, end.end()), x}
}

// startsHash tells whether the brace at hand opens a hash: it is empty, or an
// arrow follows its first expression.
func (p *parser) startsHash() bool {
	if p.kindAt(1) == tRBrace {
		return true
	}
	depth := 0
	for i := p.i + 1; i < len(p.toks); i++ {
		switch p.toks[i].kind {
		case tLBrace, tSelBrace, tLParen, tWSLParen, tLBrack, tListStart:
			depth++
		case tRBrace, tRParen, tRBrack:
			if depth--; depth < 0 {
				return false
			}
		case tFArrow:
			if depth == 0 {
				return true
			}
		case tSemic, tEppEnd, tEppEndTrim:
			return false
		}
	}
	return false
}
