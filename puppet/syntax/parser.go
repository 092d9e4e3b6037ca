package syntax

import "strings"

// Options choose what is parsed.
type Options struct {
	Epp   bool // the text is a template
	Tasks bool // plan and apply are words of the language
}

// Result is a parsed source with the warnings the lexer had.
type Result struct {
	Program  *Program
	Warnings []*Error
}

// Parse reads a manifest or a template. file is only a name, for messages.
// The error is an *Error; warnings are there in both cases. The result is not
// validated.
func Parse(file, text string, opts Options) (Result, error) {
	src := NewSource(file, text)
	if err := checkText(src); err != nil {
		return Result{}, err
	}
	l := newLexer(src)
	if opts.Epp {
		l.runEpp()
	} else {
		l.run()
	}
	if opts.Tasks {
		taskWords(l.out)
	}
	p := &parser{src: src, toks: l.out, lexFail: l.fail}
	prog, err := p.parse(opts.Epp)
	if err != nil {
		return Result{Warnings: l.warn}, err
	}
	return Result{Program: prog, Warnings: l.warn}, nil
}

func taskWords(toks []token) {
	for i := range toks {
		switch {
		case toks[i].kind != tName:
		case toks[i].val == "plan":
			toks[i].kind = tPlan
		case toks[i].val == "apply":
			toks[i].kind = tApply
		}
	}
}

// boms are byte order marks, the longest first.
var boms = []struct{ mark, name string }{
	{"\x00\x00\xfe\xff", "UTF-32"},
	{"\xff\xfe\x00\x00", "UTF-32"},
	{"\x84\x31\x95\x33", "GB-18030"},
	{"\xdd\x73\x66\x73", "UTF-EBCDIC"},
	{"\xef\xbb\xbf", "UTF-8"},
	{"\xfe\xff", "UTF-16"},
	{"\xff\xfe", "UTF-16"},
}

func checkText(src *Source) *Error {
	if len(src.Text) > maxSource {
		return &Error{Message: "The source is too large", File: src.File}
	}
	for _, b := range boms {
		if strings.HasPrefix(src.Text, b.mark) {
			hex := make([]string, len(b.mark))
			for i := range len(b.mark) {
				hex[i] = strings.ToUpper(hexByte(b.mark[i]))
			}
			return &Error{
				Code:    "ILLEGAL_BOM",
				Message: "Illegal " + b.name + " Byte Order mark at beginning of input: [" + strings.Join(hex, " ") + "] - remove these from the puppet source",
			}
		}
	}
	return nil
}

func hexByte(c byte) string {
	const digits = "0123456789abcdef"
	if c < 16 {
		return digits[c : c+1]
	}
	return digits[c>>4:c>>4+1] + digits[c&15:c&15+1]
}

// parser is a recursive-descent parser. Errors unwind as panics of *Error
// that parse catches.
type parser struct {
	src     *Source
	toks    []token
	i       int
	lexFail *Error
	defs    []Expr
	names   []string // of the classes around, for nested definitions
	depth   int
}

func (p *parser) parse(epp bool) (prog *Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			prog, err = nil, e
		}
	}()
	var body Expr
	switch {
	case epp:
		body = p.epp()
	case p.kind() == tEOF:
		body = &Nop{p.place(len(p.src.Text), 0)}
	default:
		body = p.block(p.statements(tEOF), nil, nil)
	}
	if p.kind() != tEOF {
		p.unexpected()
	}
	return &Program{Place: Place{Src: p.src, Offset: 0, Length: len(p.src.Text)}, Body: body, Definitions: p.defs}, nil
}

func (p *parser) tok() token { return p.toks[p.i] }

func (p *parser) kind() kind { return p.toks[p.i].kind }

// kindAt is the kind of the token n further on.
func (p *parser) kindAt(n int) kind {
	if p.i+n < len(p.toks) {
		return p.toks[p.i+n].kind
	}
	return tEOF
}

func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind == tError {
		panic(p.lexFail)
	}
	if p.i < len(p.toks)-1 {
		p.i++
	}
	return t
}

func (p *parser) accept(k kind) bool {
	if p.kind() == k {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(k kind) token {
	if p.kind() != k {
		p.unexpected()
	}
	return p.next()
}

// unexpected fails at the current token.
func (p *parser) unexpected() {
	t := p.tok()
	switch t.kind {
	case tError:
		panic(p.lexFail)
	case tEOF:
		panic(&Error{Code: "SYNTAX_ERROR", Message: "Syntax error at end of input", File: p.src.File})
	}
	panic(p.src.errorAt(t.off, "SYNTAX_ERROR", "Syntax error at '%s'", t.val))
}

func (p *parser) failAt(offset int, message string) {
	panic(p.src.errorAt(offset, "", "%s", message))
}

// enter guards against nesting that would exhaust the stack.
func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		panic(p.src.errorAt(p.tok().off, "", "The source is nested too deeply"))
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) place(offset, length int) exprNode {
	return exprNode{Place{Src: p.src, Offset: offset, Length: length}}
}

func (p *parser) at(t token) exprNode { return p.place(t.off, t.length) }

// between places a node from the start of one thing to the end of another.
func (p *parser) between(from, to int) exprNode { return p.place(from, max(to-from, 0)) }

func (p *parser) define(e Expr) Expr {
	p.defs = append(p.defs, e)
	return e
}

// block is the one statement, or a block of several. The braces place it.
func (p *parser) block(list []Expr, open, end *token) Expr {
	if len(list) == 1 {
		return list[0]
	}
	if open != nil {
		return &Block{p.between(open.off, end.end()), list}
	}
	return &Block{p.between(list[0].Base().Offset, list[len(list)-1].Base().End()), list}
}

// body is a block even of one statement, nil for none.
func (p *parser) body(list []Expr) Expr {
	if list == nil {
		return nil
	}
	return &Block{p.between(list[0].Base().Offset, list[0].Base().Offset), list}
}

// braced reads { statements } and returns nil for an empty block.
func (p *parser) braced() (list []Expr, open, end token) {
	open = p.expect(tLBrace)
	if p.kind() != tRBrace {
		list = p.statements(tRBrace)
	}
	return list, open, p.expect(tRBrace)
}

func (p *parser) bracedExpr() (e Expr, end token) {
	list, open, end := p.braced()
	if list == nil {
		return nil, end
	}
	return p.block(list, &open, &end), end
}

// statement is one element of a statement list before calls without
// parentheses are recognised: args is set for `a, b, c`.
type statement struct {
	expr  Expr
	args  []Expr
	comma token
}

// statements reads a list up to, not including, the end token.
func (p *parser) statements(end kind) []Expr {
	p.enter()
	defer p.leave()
	var list []statement
	for {
		list = append(list, p.statement())
		if p.accept(tSemic) {
			continue
		}
		if k := p.kind(); k == end || k == tEOF || k == tRBrace {
			return p.calls(list)
		}
	}
}

func (p *parser) statement() statement {
	s := statement{expr: p.assignment()}
	for p.kind() == tComma {
		if s.args == nil {
			s.args = []Expr{s.expr}
			s.comma = p.tok()
		}
		p.next()
		s.args = append(s.args, p.assignment())
	}
	return s
}

func isStatementCall(name string) bool {
	switch name {
	case "require", "realize", "include", "contain", "tag",
		"debug", "info", "notice", "warning", "err",
		"fail", "import", "break", "next", "return":
		return true
	}
	return false
}

// calls joins names such as include with the expressions that follow them.
func (p *parser) calls(list []statement) []Expr {
	out := make([]Expr, 0, len(list))
	for _, s := range list {
		var name *QualifiedName
		if n := len(out); n > 0 {
			name, _ = out[n-1].(*QualifiedName)
		}
		if name != nil && isStatementCall(name.Value) {
			args := s.args
			if args == nil {
				args = []Expr{s.expr}
			}
			end := args[len(args)-1].Base().End()
			out[len(out)-1] = &Call{exprNode: p.between(name.Offset, end), Functor: name, Args: args}
			continue
		}
		if s.args != nil {
			if name != nil {
				p.failAt(s.comma.off, "attempt to pass argument list to the function '"+name.Value+"' which cannot be called without parentheses")
			}
			p.failAt(s.comma.off, "illegal comma separated argument list")
		}
		if c, ok := s.expr.(*Call); ok {
			c.RvalRequired = false
		}
		out = append(out, s.expr)
	}
	return out
}
