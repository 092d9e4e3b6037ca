package syntax

import "math/big"

func bigDecimal(hex string) string {
	n, ok := new(big.Int).SetString(hex, 16)
	if !ok {
		return hex
	}
	return n.String()
}

func (w *pnWriter) statement(e Expr) {
	switch e := e.(type) {
	case *Block:
		w.call("block", w.nodes(e.Statements)...)
	case *If:
		name := "if"
		if e.Unless {
			name = "unless"
		}
		w.call(name, w.mapOf(pnEntry{"test", w.node(e.Test)}, pnEntry{"then", w.optionalBlock(e.Then)}, pnEntry{"else", w.optionalBlock(e.Else)}))
	case *Case:
		options := make([]Expr, len(e.Options))
		for i, o := range e.Options {
			options[i] = o
		}
		w.call("case", w.node(e.Test), w.list(options))
	case *CaseOption:
		w.mapOf(pnEntry{"when", w.list(e.Values)}, pnEntry{"then", w.block(e.Then)})()
	case *Selector:
		entries := make([]Expr, len(e.Entries))
		for i, s := range e.Entries {
			entries[i] = s
		}
		w.call("?", w.node(e.X), w.list(entries))
	case *SelectorEntry:
		w.call("=>", w.node(e.Match), w.node(e.Value))
	case *Epp:
		if e.Body == nil {
			w.call("epp")
			return
		}
		w.call("epp", w.nodes(e.Body.(*Block).Statements)...)
	case *Render:
		w.call("render", w.node(e.X))
	case *RenderString:
		w.call("render-s", w.text(e.Value))
	case *Apply:
		w.call("apply", w.mapOf(pnEntry{"args", w.list(e.Args)}, pnEntry{"body", w.block(e.Body)}))
	default:
		w.resource(e)
	}
}

func (w *pnWriter) form(form string) func() {
	if form == "" || form == "regular" {
		return nil
	}
	return w.text(form)
}

func (w *pnWriter) resource(e Expr) {
	switch e := e.(type) {
	case *Resource:
		bodies := make([]Expr, len(e.Bodies))
		for i, b := range e.Bodies {
			bodies[i] = b
		}
		w.call("resource", w.mapOf(pnEntry{"type", w.node(e.Type)}, pnEntry{"bodies", w.list(bodies)}, pnEntry{"form", w.form(e.Form)}))
	case *ResourceBody:
		w.mapOf(pnEntry{"title", w.node(e.Title)}, pnEntry{"ops", w.list(e.Ops)})()
	case *AttributeOp:
		w.call(e.Op, w.text(e.Name), w.node(e.Value))
	case *AttributesOp:
		w.call("splat-hash", w.node(e.X))
	case *ResourceDefaults:
		w.call("resource-defaults", w.mapOf(pnEntry{"type", w.node(e.Type)}, pnEntry{"ops", w.list(e.Ops)}, pnEntry{"form", w.form(e.Form)}))
	case *ResourceOverride:
		w.call("resource-override", w.mapOf(pnEntry{"resources", w.node(e.Resources)}, pnEntry{"ops", w.list(e.Ops)}, pnEntry{"form", w.form(e.Form)}))
	case *Collect:
		w.call("collect", w.mapOf(pnEntry{"type", w.node(e.Type)}, pnEntry{"query", w.node(e.Query)}, pnEntry{"ops", w.optionalList(e.Ops)}))
	case *Query:
		name := "virtual-query"
		if e.Exported {
			name = "exported-query"
		}
		if e.X == nil {
			w.call(name)
			return
		}
		w.call(name, w.node(e.X))
	default:
		w.definition(e)
	}
}

func (w *pnWriter) definition(e Expr) {
	switch e := e.(type) {
	case *Class:
		var parent func()
		if e.Parent != "" {
			parent = w.text(e.Parent)
		}
		w.named("class", e.Name, parent, e.Params, e.Body, nil)
	case *Define:
		w.named("define", e.Name, nil, e.Params, e.Body, nil)
	case *Plan:
		w.named("plan", e.Name, nil, e.Params, e.Body, nil)
	case *Function:
		w.named("function", e.Name, nil, e.Params, e.Body, e.Returns)
	case *NodeDef:
		w.call("node", w.mapOf(pnEntry{"matches", w.list(e.Matches)}, pnEntry{"parent", w.optional(e.Parent)}, pnEntry{"body", w.optionalBlock(e.Body)}))
	case *TypeAlias:
		w.call("type-alias", w.text(e.Name), w.node(e.X))
	case *TypeMapping:
		w.call("type-mapping", w.node(e.Type), w.node(e.Mapping))
	case *TypeDefinition:
		parent := w.word("nil")
		if e.Parent != "" {
			parent = w.text(e.Parent)
		}
		w.call("type-definition", w.text(e.Name), parent, w.node(e.Body))
	case *Parameter:
		var splat func()
		if e.CapturesRest {
			splat = w.word("true")
		}
		w.mapOf(pnEntry{"name", w.text(e.Name)}, pnEntry{"type", w.optional(e.Type)}, pnEntry{"splat", splat}, pnEntry{"value", w.optional(e.Value)})()
	}
}

func (w *pnWriter) named(kind, name string, parent func(), params []*Parameter, body, returns Expr) {
	w.call(kind, w.mapOf(pnEntry{"name", w.text(name)}, pnEntry{"parent", parent}, pnEntry{"params", w.params(params)},
		pnEntry{"body", w.optionalBlock(body)}, pnEntry{"returns", w.optional(returns)}))
}
