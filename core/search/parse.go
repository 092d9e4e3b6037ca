package search

import (
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
)

// Parse reads a query. There is no precedence between "and" and "or": what
// follows either belongs together, as if in parentheses ("a and b or c" is
// "a and (b or c)"), and neighbours without an operator are joined by "and".
// Operators at the end and parentheses without a partner are forgiven. An error
// is Malformed with an *Error inside that tells the position, or TooLarge.
func Parse(query string) (Expr, error) {
	tokens, err := lex(query)
	if err != nil {
		return nil, err
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].kind != word {
		tokens = tokens[:len(tokens)-1]
	}
	p := &parser{tokens: tokens}
	return p.sequence()
}

type parser struct {
	tokens []token
	at     int
	depth  int
	terms  int
}

// done tells that the sequence being read is over.
func (p *parser) done() bool {
	return p.at >= len(p.tokens) || p.tokens[p.at].kind == rparen
}

func (p *parser) is(k kind) bool { return p.at < len(p.tokens) && p.tokens[p.at].kind == k }

func (p *parser) skip(k kind) bool {
	if p.is(k) {
		p.at++
		return true
	}
	return false
}

// sequence reads expressions until a closing parenthesis or the end.
func (p *parser) sequence() (Expr, error) {
	var terms []Expr
	for !p.done() {
		e, err := p.chain()
		if err != nil {
			return nil, err
		}
		terms = append(terms, e)
	}
	return AllOf(terms...), nil
}

// chain reads operands joined by infix operators, which bind to the right:
// a and b or c is a and (b or c).
func (p *parser) chain() (Expr, error) {
	var operands []Expr
	var operators []kind
	for {
		e, err := p.operand()
		if err != nil {
			return nil, err
		}
		operands = append(operands, e)
		if !p.is(and) && !p.is(or) {
			break
		}
		operators = append(operators, p.tokens[p.at].kind)
		p.at++
	}
	result := operands[len(operands)-1]
	for i := len(operators) - 1; i >= 0; i-- {
		switch {
		case operands[i] == nil:
		case result == nil:
			result = operands[i]
		case operators[i] == and:
			result = AllOf(operands[i], result)
		default:
			result = AnyOf(operands[i], result)
		}
	}
	return result, nil
}

// operand reads one comparison, word, negation or parenthesis. It gives nil
// where there is nothing, as before a stray "or".
func (p *parser) operand() (Expr, error) {
	for p.skip(comma) {
	}
	if p.done() || p.is(and) || p.is(or) {
		return nil, nil
	}
	switch p.tokens[p.at].kind {
	case lparen:
		return p.nested(p.parenthesis)
	case not:
		return p.nested(p.negation)
	case null, notnull:
		return p.null()
	}
	return p.comparison()
}

func (p *parser) nested(read func() (Expr, error)) (Expr, error) {
	if p.depth++; p.depth > MaxDepth {
		return nil, errs.New(errs.TooLarge, "the search query is nested deeper than %d levels", MaxDepth)
	}
	defer func() { p.depth-- }()
	return read()
}

func (p *parser) parenthesis() (Expr, error) {
	p.at++
	e, err := p.sequence()
	if err != nil {
		return nil, err
	}
	p.skip(rparen)
	if e, ok := e.(And); ok && len(e.Terms) == 0 {
		return nil, nil
	}
	return e, nil
}

func (p *parser) negation() (Expr, error) {
	pos := p.tokens[p.at].pos
	p.at++
	if p.is(and) || p.is(or) {
		return nil, p.unexpected()
	}
	e, err := p.operand()
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, malformed(pos, "No operands found")
	}
	return Not{X: e}, nil
}

func (p *parser) null() (Expr, error) {
	t := p.tokens[p.at]
	p.at++
	field, err := p.value()
	if err != nil {
		return nil, err
	}
	return Null{Field: field.text, Negated: t.kind == notnull, Pos: t.pos}, nil
}

func (p *parser) comparison() (Expr, error) {
	first := p.tokens[p.at]
	if first.kind == compare {
		p.at++
		return p.fieldless(first)
	}
	if _, err := p.value(); err != nil {
		return nil, err
	}
	if !p.is(compare) {
		return Text{Value: first.text, Pos: first.pos}, nil
	}
	if first.text == "" { // an empty Field would mean "any"
		return nil, unknownField("", first.pos)
	}
	op := p.tokens[p.at].op
	p.at++
	value, err := p.operandOf(op)
	if err != nil {
		return nil, err
	}
	return Compare{Field: first.text, Op: op, Value: value, Pos: first.pos}, nil
}

// fieldless reads what follows an operator that stands first. A list there is
// spelled out: any of the values, or none of them.
func (p *parser) fieldless(operator token) (Expr, error) {
	value, err := p.operandOf(operator.op)
	if err != nil {
		return nil, err
	}
	c := Compare{Op: operator.op, Value: value, Pos: operator.pos}
	if c.Op != In && c.Op != NotIn {
		return c, nil
	}
	single := Eq
	if c.Op == NotIn {
		single = Ne
	}
	var terms []Expr
	for _, v := range c.Values() {
		terms = append(terms, Compare{Op: single, Value: v, Pos: c.Pos})
	}
	switch {
	case len(terms) == 0:
		return nil, nil
	case single == Eq:
		return AnyOf(terms...), nil
	}
	return AllOf(terms...), nil
}

// operandOf reads the right side of an operator.
func (p *parser) operandOf(op Op) (string, error) {
	if (op == In || op == NotIn) && p.is(lparen) {
		return p.list()
	}
	t, err := p.value()
	return t.text, err
}

// list reads "(a, b, c)" and joins it by commas, as the language defines.
func (p *parser) list() (string, error) {
	p.at++
	var values []string
	for ; !p.done(); p.at++ {
		if p.is(word) {
			values = append(values, p.tokens[p.at].text)
		}
	}
	p.skip(rparen)
	return strings.Join(values, ","), p.count(1)
}

func (p *parser) count(n int) error {
	if p.terms += n; p.terms > MaxTerms {
		return errs.New(errs.TooLarge, "the search query has more than %d terms", MaxTerms)
	}
	return nil
}

func (p *parser) value() (token, error) {
	if !p.is(word) {
		return token{}, p.unexpected()
	}
	t := p.tokens[p.at]
	p.at++
	return t, p.count(1)
}

func (p *parser) unexpected() error {
	if p.at >= len(p.tokens) {
		end := 0
		if n := len(p.tokens); n > 0 {
			end = p.tokens[n-1].end
		}
		return malformed(end, "Value expected but found nothing")
	}
	t := p.tokens[p.at]
	return malformed(t.pos, "Value expected but found :"+t.name())
}
