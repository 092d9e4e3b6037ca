package syntax

import (
	"math/big"
	"strconv"
	"strings"
)

// Binding powers of the operators between expressions, from loose to tight.
const (
	precLowest = iota
	precOr
	precAnd
	precSelect
	precCompare
	precEqual
	precShift
	precAdd
	precMul
	precMatch
	precIn
	precMinus
	precSplat
	precNot
)

func binaryPrec(k kind) (int, string) {
	switch k {
	case tOr:
		return precOr, "or"
	case tAnd:
		return precAnd, "and"
	case tQMark:
		return precSelect, "?"
	case tGreater:
		return precCompare, ">"
	case tGreaterEqual:
		return precCompare, ">="
	case tLess:
		return precCompare, "<"
	case tLessEqual:
		return precCompare, "<="
	case tIsEqual:
		return precEqual, "=="
	case tNotEqual:
		return precEqual, "!="
	case tLShift:
		return precShift, "<<"
	case tRShift:
		return precShift, ">>"
	case tPlus:
		return precAdd, "+"
	case tMinus:
		return precAdd, "-"
	case tTimes:
		return precMul, "*"
	case tDiv:
		return precMul, "/"
	case tModulo:
		return precMul, "%"
	case tMatch:
		return precMatch, "=~"
	case tNoMatch:
		return precMatch, "!~"
	case tIn:
		return precIn, "in"
	}
	return 0, ""
}

// assignment is a relationship, maybe assigned the next assignment.
func (p *parser) assignment() Expr {
	p.enter()
	defer p.leave()
	left := p.relationship()
	switch t := p.tok(); t.kind {
	case tEquals, tAppends, tDeletes:
		p.next()
		return &Assignment{p.at(t), t.val, left, p.assignment()}
	}
	return left
}

func (p *parser) relationship() Expr {
	left := p.resource()
	for {
		switch t := p.tok(); t.kind {
		case tInEdge, tInEdgeSub, tOutEdge, tOutEdgeSub:
			p.next()
			left = &Relationship{p.at(t), t.val, left, p.resource()}
		default:
			return left
		}
	}
}

// expression parses operators that bind tighter than min.
func (p *parser) expression(minPrec int) Expr {
	p.enter()
	defer p.leave()
	left := p.unary()
	for {
		t := p.tok()
		prec, op := binaryPrec(t.kind)
		if prec == 0 || prec <= minPrec {
			return left
		}
		p.next()
		if t.kind == tQMark {
			left = p.selector(left)
			continue
		}
		left = &Binary{p.at(t), op, left, p.expression(prec)}
	}
}

func (p *parser) unary() Expr {
	switch t := p.tok(); t.kind {
	case tMinus:
		p.next()
		return &Minus{p.at(t), p.expression(precNot)}
	case tTimes:
		p.next()
		return &Unfold{p.at(t), p.expression(precNot)}
	case tNot:
		p.next()
		return &Not{p.at(t), p.expression(precNot)}
	}
	return p.postfix(p.primary())
}

// postfix reads calls, accesses, methods and collectors after an expression.
func (p *parser) postfix(left Expr) Expr {
	for {
		switch p.kind() {
		case tLParen:
			left = p.call(left)
		case tLBrack:
			left = p.access(left)
		case tDot:
			left = p.method(left)
		case tLCollect, tLLCollect:
			left = p.collect(left)
		default:
			return left
		}
	}
}

func (p *parser) call(functor Expr) Expr {
	p.expect(tLParen)
	args := p.arguments(tRParen, true)
	end := p.expect(tRParen).end()
	c := &Call{Functor: functor, Args: args, RvalRequired: true}
	if p.kind() == tPipe {
		c.Lambda = p.lambda()
		end = c.Lambda.End()
	}
	c.exprNode = p.between(functor.Base().Offset, end)
	return c
}

// arguments reads what stands between brackets: expressions and pairs, which
// become hashes.
func (p *parser) arguments(end kind, trailingComma bool) []Expr {
	args := []Expr{}
	if p.kind() == end {
		return args
	}
	for {
		args = addArgument(args, p.argument(false))
		if p.kind() != tComma {
			return args
		}
		p.next()
		if trailingComma && p.kind() == end {
			return args
		}
	}
}

func addArgument(args []Expr, arg Expr) []Expr {
	h, ok := arg.(*Hash)
	if ok && h.Unfolded && len(args) > 0 {
		if last, ok := args[len(args)-1].(*Hash); ok && last.Unfolded {
			last.Entries = append(last.Entries, h.Entries...)
			return args
		}
	}
	return append(args, arg)
}

// argument is an expression or a pair. In arrays the words type and function
// stand for themselves.
func (p *parser) argument(inArray bool) Expr {
	var key Expr
	if p.plainKeyword() && (inArray || p.kindAt(1) == tFArrow) {
		t := p.next()
		key = &String{p.at(t), t.val}
	} else {
		key = p.assignment()
	}
	if p.kind() != tFArrow {
		return key
	}
	entry := p.entryAfter(key)
	return &Hash{exprNode: entry.exprNode, Entries: []*KeyedEntry{entry}, Unfolded: true}
}

func (p *parser) plainKeyword() bool {
	if k := p.kind(); k != tType && k != tFunction {
		return false
	}
	switch p.kindAt(1) {
	case tFArrow, tComma, tRBrack, tRBrace:
		return true
	}
	return false
}

func (p *parser) entryAfter(key Expr) *KeyedEntry {
	arrow := p.expect(tFArrow)
	return &KeyedEntry{p.at(arrow), key, p.hashEntry()}
}

func (p *parser) hashEntry() Expr {
	if p.plainKeyword() {
		t := p.next()
		return &String{p.at(t), t.val}
	}
	return p.assignment()
}

func (p *parser) access(left Expr) Expr {
	p.expect(tLBrack)
	keys := p.accessKeys()
	if len(keys) > 0 {
		p.accept(tComma)
	}
	end := p.expect(tRBrack)
	return &Access{p.between(left.Base().Offset, end.end()), left, keys}
}

func (p *parser) accessKeys() []Expr {
	var keys []Expr
	for {
		var key Expr
		if p.plainKeyword() && p.kindAt(1) == tFArrow {
			t := p.next()
			key = &String{p.at(t), t.val}
		} else {
			key = p.expression(precLowest)
		}
		if p.kind() == tFArrow {
			entry := p.entryAfter(key)
			key = &Hash{exprNode: entry.exprNode, Entries: []*KeyedEntry{entry}, Unfolded: true}
		}
		keys = addArgument(keys, key)
		if p.kind() != tComma || p.kindAt(1) == tRBrack {
			return keys
		}
		p.next()
	}
}

func (p *parser) method(left Expr) Expr {
	dot := p.expect(tDot)
	t := p.tok()
	if t.kind != tName && t.kind != tType {
		p.unexpected()
	}
	p.next()
	functor := &NamedAccess{p.between(dot.off, t.end()), left, &QualifiedName{p.at(t), t.val}}
	c := &CallMethod{exprNode: functor.exprNode, Functor: functor, Args: []Expr{}}
	if p.kind() == tLParen {
		open := p.next()
		c.Args = p.arguments(tRParen, false)
		c.exprNode = p.between(open.off, p.expect(tRParen).end())
	}
	if p.kind() == tPipe {
		c.Lambda = p.lambda()
	}
	return c
}

func (p *parser) selector(left Expr) Expr {
	s := &Selector{exprNode: left.Base().asNode(), X: left}
	if !p.accept(tSelBrace) {
		s.Entries = []*SelectorEntry{p.selectorEntry()}
		return s
	}
	for {
		s.Entries = append(s.Entries, p.selectorEntry())
		if p.accept(tComma) && p.kind() != tRBrace {
			continue
		}
		p.expect(tRBrace)
		return s
	}
}

func (p *Place) asNode() exprNode { return exprNode{*p} }

func (p *parser) selectorEntry() *SelectorEntry {
	match := p.expression(precLowest)
	arrow := p.expect(tFArrow)
	return &SelectorEntry{p.at(arrow), match, p.expression(precLowest)}
}

func (p *parser) lambda() *Lambda {
	start := p.expect(tPipe)
	l := &Lambda{Params: []*Parameter{}}
	if !p.accept(tPipe) {
		l.Params = p.parameters(tPipe)
		p.expect(tPipe)
	}
	l.Returns = p.returnType()
	list, _, end := p.braced()
	l.Body = p.body(list)
	l.exprNode = p.between(start.off, end.end())
	return l
}

func (p *parser) returnType() Expr {
	if !p.accept(tRShift) {
		return nil
	}
	return p.typeRef()
}

// typeRef is a type name, maybe with arguments.
func (p *parser) typeRef() Expr {
	t := p.expect(tClassRef)
	ref := p.reference(t)
	if p.kind() != tLBrack {
		return ref
	}
	p.next()
	keys := p.accessKeys()
	end := p.expect(tRBrack)
	return &Access{p.between(t.off, end.end()), ref, keys}
}

func (p *parser) reference(t token) *QualifiedReference {
	return &QualifiedReference{p.at(t), t.val, strings.ToLower(t.val)}
}

func (p *parser) parameters(end kind) []*Parameter {
	list := []*Parameter{p.parameter()}
	for p.accept(tComma) {
		if p.kind() == end {
			break
		}
		list = append(list, p.parameter())
	}
	return list
}

func (p *parser) parameter() *Parameter {
	var typ Expr
	if p.kind() == tClassRef {
		typ = p.typeRef()
	}
	splat := p.accept(tTimes)
	t := p.expect(tVariable)
	param := &Parameter{exprNode: p.at(t), Name: t.val, Type: typ, CapturesRest: splat}
	if p.accept(tEquals) {
		param.Value = p.expression(precLowest)
	}
	return param
}

// number makes an integer or float node of a number token.
func (p *parser) number(t token) Expr {
	s := t.val
	radix, digits := 10, s
	switch {
	case len(s) > 2 && (s[1] == 'x' || s[1] == 'X'):
		radix, digits = 16, s[2:]
	case strings.ContainsAny(s, ".eE"):
		f, _ := strconv.ParseFloat(s, 64)
		return &Float{p.at(t), f}
	case len(s) > 1 && s[0] == '0':
		radix, digits = 8, s[1:]
	}
	v, err := strconv.ParseInt(digits, radix, 64)
	n := &Integer{exprNode: p.at(t), Value: v, Radix: radix}
	if err != nil {
		b, _ := new(big.Int).SetString(digits, radix)
		n.Big = b.Text(16)
	}
	return n
}
