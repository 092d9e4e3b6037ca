package syntax

// kind is the class of a token.
type kind uint8

const (
	tEOF kind = iota
	tError
	tName
	tWord
	tClassRef
	tVariable
	tNumber
	tString
	tDQPre
	tDQMid
	tDQPost
	tRegex
	tHeredoc
	tSublocate
	tBoolean
	tCase
	tClass
	tDefault
	tDefine
	tIf
	tElsif
	tElse
	tInherits
	tNode
	tAnd
	tOr
	tUndef
	tIn
	tUnless
	tFunction
	tType
	tAttr
	tPrivate
	tPlan
	tApply
	tLBrack
	tListStart
	tRBrack
	tLBrace
	tSelBrace
	tRBrace
	tLParen
	tWSLParen
	tRParen
	tEquals
	tAppends
	tDeletes
	tIsEqual
	tNotEqual
	tMatch
	tNoMatch
	tGreaterEqual
	tGreater
	tLessEqual
	tLess
	tFArrow
	tPArrow
	tLShift
	tLLCollect
	tLCollect
	tRShift
	tRRCollect
	tRCollect
	tPlus
	tMinus
	tDiv
	tTimes
	tModulo
	tNot
	tDot
	tPipe
	tAt
	tAtAt
	tColon
	tComma
	tSemic
	tQMark
	tTilde
	tInEdge
	tOutEdge
	tInEdgeSub
	tOutEdgeSub
	tEppStart
	tEppEnd
	tEppEndTrim
	tRenderString
	tRenderExpr
	tOther
)

// token is one lexed piece. off and length are in the bytes of the file, also
// for tokens that stand inside a heredoc.
type token struct {
	kind   kind
	val    string
	off    int
	length int
}

func (t token) end() int { return t.off + t.length }

func keywordKind(word string) (kind, bool) {
	switch word {
	case "case":
		return tCase, true
	case "class":
		return tClass, true
	case "default":
		return tDefault, true
	case "define":
		return tDefine, true
	case "if":
		return tIf, true
	case "elsif":
		return tElsif, true
	case "else":
		return tElse, true
	case "inherits":
		return tInherits, true
	case "node":
		return tNode, true
	case "and":
		return tAnd, true
	case "or":
		return tOr, true
	case "undef":
		return tUndef, true
	case "false", "true":
		return tBoolean, true
	case "in":
		return tIn, true
	case "unless":
		return tUnless, true
	case "function":
		return tFunction, true
	case "type":
		return tType, true
	case "attr":
		return tAttr, true
	case "private":
		return tPrivate, true
	}
	return tName, false
}

// isKeyword tells whether k is a word of the language, true and false
// included.
func (k kind) isKeyword() bool { return k >= tBoolean && k <= tApply }

// attributeName tells whether a token of this kind may name an attribute.
func (k kind) attributeName() bool { return k == tName || (k.isKeyword() && k != tBoolean) }
