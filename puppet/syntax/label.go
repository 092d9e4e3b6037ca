package syntax

import (
	"fmt"
	"strings"
)

// Label is what messages call a node.
func Label(n Node) string {
	switch n := n.(type) {
	case nil:
		return "Undef Value"
	case *Integer:
		return "Literal Integer"
	case *Float:
		return "Literal Float"
	case *Binary:
		return "'" + n.Op + "' expression"
	case *Assignment:
		return "'" + n.Op + "' expression"
	case *Relationship:
		return "'" + n.Op + "' expression"
	case *AttributeOp:
		return "'" + n.Op + "' expression"
	case *Heredoc:
		return "'@(" + n.Syntax + ")' expression"
	case *ReservedWord:
		return "Reserved Word '" + n.Word + "'"
	case *Collect:
		return Label(n.Query)
	case *Query:
		if n.Exported {
			return "Exported Query"
		}
		return "Virtual Query"
	case *If:
		if n.Unless {
			return "'unless' Statement"
		}
		return "'if' statement"
	}
	if label, ok := plainLabel(n); ok {
		return label
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", n), "*syntax.")
}

func plainLabel(n Node) (string, bool) {
	label := ""
	switch n.(type) {
	case *Access:
		label = "'[]' expression"
	case *Epp:
		label = "Epp Template"
	case *Array:
		label = "Array Expression"
	case *Hash:
		label = "Hash Expression"
	case *KeyedEntry:
		label = "Hash Entry"
	case *Boolean:
		label = "Boolean"
	case *String:
		label = "String"
	case *Lambda:
		label = "Lambda"
	case *Default:
		label = "'default' expression"
	case *Undef:
		label = "'undef' expression"
	case *Regexp:
		label = "Regular Expression"
	case *Nop:
		label = "Nop Expression"
	case *NamedAccess:
		label = "'.' expression"
	case *Not:
		label = "'not' expression"
	case *Variable:
		label = "Variable"
	case *Text:
		label = "Expression in Interpolated String"
	case *Minus:
		label = "Unary Minus"
	case *Unfold:
		label = "Unfold"
	case *Block:
		label = "Block Expression"
	case *Concat:
		label = "Double Quoted String"
	case *Paren:
		label = "Parenthesized Expression"
	case *Call:
		label = "Function Call"
	case *CallMethod:
		label = "Method call"
	case *Case:
		label = "'case' statement"
	case *CaseOption:
		label = "Case Option"
	case *Selector:
		label = "Selector Expression"
	case *SelectorEntry:
		label = "Selector Option"
	case *QualifiedName:
		label = "Name"
	case *QualifiedReference:
		label = "Type-Name"
	case *RenderString:
		label = "Epp Text"
	case *Render:
		label = "Epp Interpolated Expression"
	case *Apply:
		label = "'apply' expression"
	default:
		return definitionLabel(n)
	}
	return label, true
}

func definitionLabel(n Node) (string, bool) {
	switch n.(type) {
	case *Class:
		return "Host Class Definition", true
	case *Function:
		return "Function Definition", true
	case *Plan:
		return "Plan Definition", true
	case *NodeDef:
		return "Node Definition", true
	case *Define:
		return "'define' expression", true
	case *Parameter:
		return "Parameter Definition", true
	case *Resource:
		return "Resource Statement", true
	case *ResourceBody:
		return "Resource Instance Definition", true
	case *ResourceDefaults:
		return "Resource Defaults Expression", true
	case *ResourceOverride:
		return "Resource Override", true
	case *TypeAlias:
		return "Type Alias", true
	case *TypeMapping:
		return "Type Mapping", true
	case *TypeDefinition:
		return "Type Definition", true
	}
	return "", false
}

// AnLabel puts the article before a label: "a Resource Statement".
func AnLabel(n Node) string { return An(Label(n)) }

// An puts a or an before a text.
func An(text string) string { return Article(text) + " " + text }

// Article is the article for a text, which looks past a quote.
func Article(text string) string {
	first := strings.TrimLeft(text, `"'`)
	if first != "" && strings.ContainsRune("aeiouyAEIOUY", rune(first[0])) {
		return "an"
	}
	return "a"
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
