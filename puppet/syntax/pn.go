package syntax

import (
	"fmt"
	"strconv"
	"strings"
)

// PN writes the tree of a program in Puppet Extended S-Expression Notation,
// as `puppet parser dump --format pn` does.
func PN(prog *Program) string {
	var w pnWriter
	w.expr(prog.Body)
	return w.String()
}

// ExprPN writes one expression.
func ExprPN(e Expr) string {
	var w pnWriter
	w.expr(e)
	return w.String()
}

type pnWriter struct{ strings.Builder }

// call writes (name args…); the writers put a space before what they write.
func (w *pnWriter) call(name string, parts ...func()) {
	w.WriteByte('(')
	w.WriteString(name)
	for _, part := range parts {
		w.WriteByte(' ')
		part()
	}
	w.WriteByte(')')
}

func (w *pnWriter) node(e Expr) func() { return func() { w.expr(e) } }

func (w *pnWriter) nodes(list []Expr) []func() {
	parts := make([]func(), len(list))
	for i, e := range list {
		parts[i] = w.node(e)
	}
	return parts
}

func (w *pnWriter) text(s string) func() { return func() { w.quote(s) } }

func (w *pnWriter) word(s string) func() { return func() { w.WriteString(s) } }

func (w *pnWriter) list(list []Expr) func() {
	return func() {
		w.WriteByte('[')
		for i, e := range list {
			if i > 0 {
				w.WriteByte(' ')
			}
			w.expr(e)
		}
		w.WriteByte(']')
	}
}

// pnEntry is one :key value of a map; a nil value leaves it out.
type pnEntry struct {
	key   string
	value func()
}

func (w *pnWriter) mapOf(entries ...pnEntry) func() {
	return func() {
		w.WriteByte('{')
		first := true
		for _, e := range entries {
			if e.value == nil {
				continue
			}
			if !first {
				w.WriteByte(' ')
			}
			first = false
			w.WriteByte(':')
			w.WriteString(e.key)
			w.WriteByte(' ')
			e.value()
		}
		w.WriteByte('}')
	}
}

// optional is the node, or nil where there is none.
func (w *pnWriter) optional(e Expr) func() {
	if e == nil {
		return nil
	}
	return w.node(e)
}

func (w *pnWriter) optionalList(list []Expr) func() {
	if len(list) == 0 {
		return nil
	}
	return w.list(list)
}

// block is a list of the statements of a body.
func (w *pnWriter) block(e Expr) func() {
	if b, ok := e.(*Block); ok {
		return w.list(b.Statements)
	}
	return w.list([]Expr{e})
}

func (w *pnWriter) optionalBlock(e Expr) func() {
	if e == nil {
		return nil
	}
	return w.block(e)
}

func (w *pnWriter) quote(s string) {
	w.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '\t':
			w.WriteString(`\t`)
		case r == '\n':
			w.WriteString(`\n`)
		case r == '\r':
			w.WriteString(`\r`)
		case r == '"' || r == '\\':
			w.WriteByte('\\')
			w.WriteRune(r)
		case r < 0x20:
			fmt.Fprintf(w, `\o%03o`, r)
		default:
			w.WriteRune(r)
		}
	}
	w.WriteByte('"')
}

// FormatFloat writes a float as Ruby does: never without a point or exponent.
func FormatFloat(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exp, _ := strings.Cut(s, "e")
	n, err := strconv.Atoi(exp)
	if err != nil {
		return s // infinite or not a number
	}
	if n >= -4 && n < 16 {
		s = strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	sign := "+"
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%se%s%02d", mantissa, sign, n)
}

func (w *pnWriter) integer(n *Integer, negative bool) string {
	s := strconv.FormatInt(n.Value, 10)
	if n.Big != "" {
		s = bigDecimal(n.Big)
	}
	if negative {
		if s == "0" {
			return s
		}
		return "-" + s
	}
	return s
}

func (w *pnWriter) expr(e Expr) {
	switch e := e.(type) {
	case nil, *Nop:
		w.call("nop")
	case *String:
		w.quote(e.Value)
	case *Integer:
		if e.Radix == 10 {
			w.WriteString(w.integer(e, false))
			return
		}
		w.call("int", w.mapOf(pnEntry{"radix", w.word(strconv.Itoa(e.Radix))}, pnEntry{"value", w.word(w.integer(e, false))}))
	case *Float:
		w.WriteString(FormatFloat(e.Value))
	case *Boolean:
		w.WriteString(strconv.FormatBool(e.Value))
	case *Undef:
		w.WriteString("nil")
	case *Default:
		w.call("default")
	case *Regexp:
		w.call("regexp", w.text(e.Pattern))
	case *QualifiedName:
		w.call("qn", w.text(e.Value))
	case *QualifiedReference:
		w.call("qr", w.text(e.Cased))
	case *ReservedWord:
		w.call("reserved", w.text(e.Word))
	case *Array:
		w.call("array", w.nodes(e.Values)...)
	case *Hash:
		w.call("hash", w.entries(e.Entries)...)
	case *KeyedEntry:
		w.call("=>", w.node(e.Key), w.node(e.Value))
	case *Concat:
		w.call("concat", w.nodes(e.Segments)...)
	case *Text:
		w.call("str", w.node(e.X))
	case *Heredoc:
		var syntax func()
		if e.Syntax != "" {
			syntax = w.text(e.Syntax)
		}
		w.call("heredoc", w.mapOf(pnEntry{"syntax", syntax}, pnEntry{"text", w.node(e.Text)}))
	default:
		w.operation(e)
	}
}

func (w *pnWriter) entries(list []*KeyedEntry) []func() {
	parts := make([]func(), len(list))
	for i, e := range list {
		parts[i] = w.node(e)
	}
	return parts
}

func (w *pnWriter) operation(e Expr) {
	switch e := e.(type) {
	case *Binary:
		w.call(e.Op, w.node(e.L), w.node(e.R))
	case *Assignment:
		w.call(e.Op, w.node(e.L), w.node(e.R))
	case *Relationship:
		w.call(e.Op, w.node(e.L), w.node(e.R))
	case *Not:
		w.call("!", w.node(e.X))
	case *Minus:
		switch x := e.X.(type) {
		case *Integer:
			w.WriteString(w.integer(x, true))
		case *Float:
			w.WriteString(FormatFloat(-x.Value))
		default:
			w.call("-", w.node(e.X))
		}
	case *Unfold:
		w.call("unfold", w.node(e.X))
	case *Paren:
		w.call("paren", w.node(e.X))
	case *Variable:
		w.call("var", w.text(e.Name))
	case *Access:
		w.call("access", append([]func(){w.node(e.L)}, w.nodes(e.Keys)...)...)
	case *NamedAccess:
		w.call(".", w.node(e.L), w.node(e.R))
	case *Call:
		name := "invoke"
		if e.RvalRequired {
			name = "call"
		}
		w.callNode(name, e.Functor, e.Args, e.Lambda)
	case *CallMethod:
		w.callNode("call-method", e.Functor, e.Args, e.Lambda)
	case *Lambda:
		w.call("lambda", w.mapOf(pnEntry{"params", w.params(e.Params)},
			pnEntry{"returns", w.optional(e.Returns)}, pnEntry{"body", w.optionalBlock(e.Body)}))
	default:
		w.statement(e)
	}
}

func (w *pnWriter) callNode(name string, functor Expr, args []Expr, block *Lambda) {
	var lambda func()
	if block != nil {
		lambda = w.node(block)
	}
	w.call(name, w.mapOf(pnEntry{"functor", w.node(functor)}, pnEntry{"args", w.list(args)}, pnEntry{"block", lambda}))
}

func (w *pnWriter) params(list []*Parameter) func() {
	if len(list) == 0 {
		return nil
	}
	entries := make([]pnEntry, len(list))
	for i, p := range list {
		var splat func()
		if p.CapturesRest {
			splat = w.word("true")
		}
		entries[i] = pnEntry{p.Name, w.mapOf(pnEntry{"type", w.optional(p.Type)}, pnEntry{"splat", splat}, pnEntry{"value", w.optional(p.Value)})}
	}
	return w.mapOf(entries...)
}
