package syntax

// Children are the nodes directly under n, in the order they are validated.
func Children(n Node) []Expr {
	switch n := n.(type) {
	case *Program:
		return some(n.Body)
	case *Array:
		return n.Values
	case *Hash:
		return exprs(n.Entries)
	case *KeyedEntry:
		return some(n.Key, n.Value)
	case *Concat:
		return n.Segments
	case *Text:
		return some(n.X)
	case *Heredoc:
		return some(n.Text)
	case *Binary:
		return some(n.L, n.R)
	case *Assignment:
		return some(n.L, n.R)
	case *Relationship:
		return some(n.L, n.R)
	case *Not:
		return some(n.X)
	case *Minus:
		return some(n.X)
	case *Unfold:
		return some(n.X)
	case *Paren:
		return some(n.X)
	case *Access:
		return append(some(n.L), n.Keys...)
	case *NamedAccess:
		return some(n.L, n.R)
	case *Call:
		return withLambda(append(some(n.Functor), n.Args...), n.Lambda)
	case *CallMethod:
		return withLambda(append(some(n.Functor), n.Args...), n.Lambda)
	case *Lambda:
		return append(exprs(n.Params), some(n.Body, n.Returns)...)
	case *Parameter:
		return some(n.Value, n.Type)
	case *Block:
		return n.Statements
	}
	return statementChildren(n)
}

func statementChildren(n Node) []Expr {
	switch n := n.(type) {
	case *If:
		return some(n.Test, n.Then, n.Else)
	case *Case:
		return append(some(n.Test), exprs(n.Options)...)
	case *CaseOption:
		return append(append([]Expr{}, n.Values...), some(n.Then)...)
	case *Selector:
		return append(some(n.X), exprs(n.Entries)...)
	case *SelectorEntry:
		return some(n.Match, n.Value)
	case *Resource:
		return append(some(n.Type), exprs(n.Bodies)...)
	case *ResourceBody:
		return append(some(n.Title), n.Ops...)
	case *AttributeOp:
		return some(n.Value)
	case *AttributesOp:
		return some(n.X)
	case *ResourceDefaults:
		return append(some(n.Type), n.Ops...)
	case *ResourceOverride:
		return append(some(n.Resources), n.Ops...)
	case *Collect:
		return append(some(n.Type, n.Query), n.Ops...)
	case *Query:
		return some(n.X)
	case *Class:
		return append(exprs(n.Params), some(n.Body)...)
	case *Define:
		return append(exprs(n.Params), some(n.Body)...)
	case *Plan:
		return append(exprs(n.Params), some(n.Body)...)
	case *Function:
		return append(exprs(n.Params), some(n.Body, n.Returns)...)
	case *NodeDef:
		return append(some(n.Parent), append(append([]Expr{}, n.Matches...), some(n.Body)...)...)
	case *TypeAlias:
		return some(n.X)
	case *TypeMapping:
		return some(n.Type, n.Mapping)
	case *TypeDefinition:
		return some(n.Body)
	case *Apply:
		return append(append([]Expr{}, n.Args...), some(n.Body)...)
	case *Epp:
		return some(n.Body)
	case *Render:
		return some(n.X)
	}
	return nil
}

// some drops what is absent.
func some(list ...Expr) []Expr {
	out := make([]Expr, 0, len(list)+2)
	for _, e := range list {
		if e != nil {
			out = append(out, e)
		}
	}
	return out
}

func exprs[T Expr](list []T) []Expr {
	out := make([]Expr, len(list), len(list)+2)
	for i, e := range list {
		out[i] = e
	}
	return out
}

func withLambda(list []Expr, l *Lambda) []Expr {
	if l != nil {
		list = append(list, l)
	}
	return list
}
