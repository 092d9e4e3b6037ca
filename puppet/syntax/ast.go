package syntax

// Node is an element of the syntax tree. The set is sealed: a switch over the
// types of this file is complete.
type Node interface {
	// Base gives access to the node's place in its source.
	Base() *Place
}

// Expr is a node that can stand where a value can.
type Expr interface {
	Node
	expr()
}

// Place says where a node is: Length bytes from Offset in Src. Places are
// what error messages are made of, so they follow Puppet's habits: a binary
// expression is at its operator, a call at its name.
type Place struct {
	Src    *Source
	Offset int
	Length int
}

// Base returns the place itself.
func (p *Place) Base() *Place { return p }

// End is the offset after the node.
func (p *Place) End() int { return p.Offset + p.Length }

// File is the name the source was parsed under, "" for text without a file.
func (p *Place) File() string {
	if p.Src == nil {
		return ""
	}
	return p.Src.File
}

// Line is the 1-based line of the node's start.
func (p *Place) Line() int {
	if p.Src == nil {
		return 0
	}
	return p.Src.Line(p.Offset)
}

// Column is the 1-based column of the node's start, counted in characters.
func (p *Place) Column() int {
	if p.Src == nil {
		return 0
	}
	return p.Src.Column(p.Offset)
}

// Text is the source text of the node.
func (p *Place) Text() string {
	if p.Src == nil || p.Offset < 0 || p.End() > len(p.Src.Text) {
		return ""
	}
	return p.Src.Text[p.Offset:p.End()]
}

type exprNode struct{ Place }

func (*exprNode) expr() {}

// Literals.
type (
	// Nop stands for nothing: an empty program.
	Nop struct{ exprNode }

	// String is a string without interpolation.
	String struct {
		exprNode
		Value string
	}

	// Integer is an integer literal; Radix is 10, 8 or 16. Big is the digits
	// of a literal that does not fit 64 bits, which validation refuses.
	Integer struct {
		exprNode
		Value int64
		Radix int
		Big   string
	}

	// Float is a floating point literal.
	Float struct {
		exprNode
		Value float64
	}

	// Boolean is true or false.
	Boolean struct {
		exprNode
		Value bool
	}

	// Undef is the word undef.
	Undef struct{ exprNode }

	// Default is the word default.
	Default struct{ exprNode }

	// Regexp is a regular expression in Ruby's dialect, without the slashes.
	Regexp struct {
		exprNode
		Pattern string
	}

	// QualifiedName is a bare word: a lower-case name, maybe with segments.
	QualifiedName struct {
		exprNode
		Value string
	}

	// QualifiedReference is a capitalised name. Cased is as written, Value is
	// in lower case and without leading colons as written otherwise.
	QualifiedReference struct {
		exprNode
		Cased string
		Value string
	}

	// ReservedWord is a word that the language keeps for later.
	ReservedWord struct {
		exprNode
		Word   string
		Future bool
	}

	// Array is [a, b].
	Array struct {
		exprNode
		Values []Expr
	}

	// Hash is {k => v}. Unfolded marks pairs given without braces as
	// arguments or array elements.
	Hash struct {
		exprNode
		Entries  []*KeyedEntry
		Unfolded bool
	}

	// KeyedEntry is one k => v.
	KeyedEntry struct {
		exprNode
		Key, Value Expr
	}

	// Concat is a double-quoted string with interpolations; Segments are
	// *String, *Text or, for a variable without braces, *Text too.
	Concat struct {
		exprNode
		Segments []Expr
	}

	// Text is an expression interpolated into a string.
	Text struct {
		exprNode
		X Expr
	}

	// Heredoc is @(TAG); Text is a *String or a *Concat.
	Heredoc struct {
		exprNode
		Syntax string
		Text   Expr
	}
)

// Operators and accesses.
type (
	// Binary is any operator with two sides: + - * / % << >> == != < > <= >=
	// =~ !~ in and or. Match, relation and assignment have their own types.
	Binary struct {
		exprNode
		Op   string
		L, R Expr
	}

	// Assignment is L = R (+= and -= parse and are refused by validation).
	Assignment struct {
		exprNode
		Op   string
		L, R Expr
	}

	// Relationship is L -> R and its three sisters.
	Relationship struct {
		exprNode
		Op   string
		L, R Expr
	}

	// Not is !X.
	Not struct {
		exprNode
		X Expr
	}

	// Minus is -X.
	Minus struct {
		exprNode
		X Expr
	}

	// Unfold is *X.
	Unfold struct {
		exprNode
		X Expr
	}

	// Paren is (X).
	Paren struct {
		exprNode
		X Expr
	}

	// Variable is $name; Name has no dollar and keeps leading colons.
	Variable struct {
		exprNode
		Name string
	}

	// Access is L[keys].
	Access struct {
		exprNode
		L    Expr
		Keys []Expr
	}

	// NamedAccess is L.name, the functor of a CallMethod.
	NamedAccess struct {
		exprNode
		L, R Expr
	}

	// Call is f(args) or a statement call such as `include a`; Functor is a
	// *QualifiedName, or a type for calls of new. RvalRequired is false where
	// the value is thrown away.
	Call struct {
		exprNode
		Functor      Expr
		Args         []Expr
		Lambda       *Lambda
		RvalRequired bool
	}

	// CallMethod is x.f(args).
	CallMethod struct {
		exprNode
		Functor Expr
		Args    []Expr
		Lambda  *Lambda
	}

	// Lambda is |params| >> Type { body }. The body of an EPP template is a
	// lambda whose Body is an *Epp.
	Lambda struct {
		exprNode
		Params  []*Parameter
		Returns Expr
		Body    Expr
	}

	// Parameter is one of a lambda, function, class, define or plan.
	Parameter struct {
		exprNode
		Name         string
		Type         Expr
		Value        Expr
		CapturesRest bool
	}
)

// Conditionals and blocks.
type (
	// Block is several statements in a row.
	Block struct {
		exprNode
		Statements []Expr
	}

	// If is if or, with Unless set, unless; Then and Else may be nil.
	If struct {
		exprNode
		Unless     bool
		Test       Expr
		Then, Else Expr
	}

	// Case is case X { options }.
	Case struct {
		exprNode
		Test    Expr
		Options []*CaseOption
	}

	// CaseOption is one `values: { then }`.
	CaseOption struct {
		exprNode
		Values []Expr
		Then   Expr
	}

	// Selector is X ? { entries }.
	Selector struct {
		exprNode
		X       Expr
		Entries []*SelectorEntry
	}

	// SelectorEntry is one match => value.
	SelectorEntry struct {
		exprNode
		Match, Value Expr
	}
)

// Resources.
type (
	// Resource is type { title: ops; … }. Form is "regular", "virtual" or
	// "exported".
	Resource struct {
		exprNode
		Form   string
		Type   Expr
		Bodies []*ResourceBody
	}

	// ResourceBody is one title with its operations.
	ResourceBody struct {
		exprNode
		Title Expr
		Ops   []Expr // *AttributeOp or *AttributesOp
	}

	// AttributeOp is name => value or name +> value.
	AttributeOp struct {
		exprNode
		Name  string
		Op    string
		Value Expr
	}

	// AttributesOp is * => hash.
	AttributesOp struct {
		exprNode
		X Expr
	}

	// ResourceDefaults is Type { ops }.
	ResourceDefaults struct {
		exprNode
		Form string
		Type Expr
		Ops  []Expr
	}

	// ResourceOverride is Type[title] { ops }.
	ResourceOverride struct {
		exprNode
		Form      string
		Resources Expr
		Ops       []Expr
	}

	// Collect is Type <| query |> { ops }.
	Collect struct {
		exprNode
		Type  Expr
		Query *Query
		Ops   []Expr
	}

	// Query is what stands between <| |> or, Exported, <<| |>>; X may be nil.
	Query struct {
		exprNode
		Exported bool
		X        Expr
	}
)

// Definitions.
type (
	// Class is class name(params) inherits parent { body }. Name is fully
	// qualified with the classes around it.
	Class struct {
		exprNode
		Name   string
		Params []*Parameter
		Parent string
		Body   Expr
	}

	// Define is define name(params) { body }.
	Define struct {
		exprNode
		Name   string
		Params []*Parameter
		Body   Expr
	}

	// Plan is plan name(params) { body }; it parses in task mode only.
	Plan struct {
		exprNode
		Name   string
		Params []*Parameter
		Body   Expr
	}

	// Function is function name(params) >> Type { body }.
	Function struct {
		exprNode
		Name    string
		Params  []*Parameter
		Returns Expr
		Body    Expr
	}

	// NodeDef is node a, /b/ { body }.
	NodeDef struct {
		exprNode
		Matches []Expr
		Parent  Expr
		Body    Expr
	}

	// TypeAlias is type Name = X.
	TypeAlias struct {
		exprNode
		Name string
		X    Expr
	}

	// TypeDefinition is type Name inherits Parent { body }, which validation
	// refuses.
	TypeDefinition struct {
		exprNode
		Name, Parent string
		Body         Expr
	}

	// TypeMapping is type Runtime[…] = X.
	TypeMapping struct {
		exprNode
		Type, Mapping Expr
	}

	// Apply is apply(args) { body }; it parses in task mode only.
	Apply struct {
		exprNode
		Args []Expr
		Body Expr
	}
)

// Templates.
type (
	// Epp is the body of an EPP template.
	Epp struct {
		exprNode
		ParamsSpecified bool
		Body            Expr
	}

	// Render is <%= X %>.
	Render struct {
		exprNode
		X Expr
	}

	// RenderString is the text between tags.
	RenderString struct {
		exprNode
		Value string
	}
)

// Program is a parsed file. Definitions are the classes, defines, nodes,
// functions, plans and types in it, in the order their ends were read.
type Program struct {
	Place
	Body        Expr
	Definitions []Expr
}

// IsNop tells whether e stands for nothing.
func IsNop(e Expr) bool {
	if e == nil {
		return true
	}
	_, ok := e.(*Nop)
	return ok
}
