package pcore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The bounds of a type that is given as text.
const (
	maxTypeText  = 64 << 10
	maxTypeDepth = 100
)

// ParseType reads a type that is given as text, such as "Hash[String, Integer[1, 5]]". The loader,
// which may be nil, finds the names that are not built in; a name that nobody knows becomes a
// TypeReference.
func ParseType(text string, l Loader) (Type, error) {
	if len(text) > maxTypeText {
		return nil, errors.New("The type specification is too long")
	}
	p := &typeParser{src: text, loader: l}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.src) {
		return nil, p.unexpected()
	}
	t, ok := v.(Type)
	if !ok {
		return nil, fmt.Errorf("The expression <%s> is not a valid type specification.", strings.TrimSpace(text))
	}
	return t, nil
}

// MustParseType is ParseType for texts in Go code; aliases are pairs of a name and a type.
func MustParseType(text string, aliases ...*AliasType) Type {
	t, err := ParseType(text, aliasLoader(aliases))
	if err != nil {
		panic(fmt.Sprintf("type %q: %v", text, err))
	}
	return t
}

// MustAlias makes a bound alias, for Go code.
func MustAlias(name, text string, aliases ...*AliasType) *AliasType {
	a := NewAlias(name)
	if err := a.Bind(MustParseType(text, aliases...)); err != nil {
		panic(err)
	}
	return a
}

type aliasLoader []*AliasType

// LoadType implements Loader.
func (l aliasLoader) LoadType(name string) (Type, error) {
	for _, a := range l {
		if strings.EqualFold(a.name, name) {
			return a, nil
		}
	}
	return nil, nil
}

// A typeParser reads the part of the language that types are written in.
type typeParser struct {
	src    string
	pos    int
	loader Loader
}

func (p *typeParser) space() {
	for p.pos < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *typeParser) unexpected() error {
	if p.pos >= len(p.src) {
		return errors.New("Syntax error at end of input")
	}
	end := p.pos + 1
	for end < len(p.src) && isWord(p.src[end]) && isWord(p.src[p.pos]) {
		end++
	}
	return fmt.Errorf("Syntax error at '%s'", p.src[p.pos:end])
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || lower(c) >= 'a' && lower(c) <= 'z'
}

// accept skips the token if it comes next.
func (p *typeParser) accept(token string) bool {
	p.space()
	if !strings.HasPrefix(p.src[p.pos:], token) {
		return false
	}
	p.pos += len(token)
	return true
}

func (p *typeParser) value(depth int) (Value, error) {
	if depth > maxTypeDepth {
		return nil, errors.New("The type specification is nested too deeply")
	}
	p.space()
	if p.pos >= len(p.src) {
		return nil, p.unexpected()
	}
	switch c := p.src[p.pos]; {
	case c >= 'A' && c <= 'Z' || strings.HasPrefix(p.src[p.pos:], "::"):
		return p.typeExpression(depth)
	case c == '\'' || c == '"':
		return p.quoted(c)
	case c == '/':
		return p.regexp()
	case c == '[':
		p.pos++
		elems, err := p.list("]", depth+1)
		return NewArray(elems), err
	case c == '{':
		p.pos++
		return p.hash(depth + 1)
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case isWord(c):
		return p.word(), nil
	}
	return nil, p.unexpected()
}

func (p *typeParser) name() string {
	start := p.pos
	for p.pos < len(p.src) {
		switch {
		case isWord(p.src[p.pos]):
			p.pos++
		case strings.HasPrefix(p.src[p.pos:], "::"):
			p.pos += 2
		default:
			return p.src[start:p.pos]
		}
	}
	return p.src[start:p.pos]
}

func (p *typeParser) word() Value {
	switch w := p.name(); w {
	case "default":
		return Default{}
	case "undef":
		return Undef{}
	case "true":
		return Boolean(true)
	case "false":
		return Boolean(false)
	default:
		return String(w)
	}
}

func (p *typeParser) typeExpression(depth int) (Value, error) {
	name := p.name()
	var args []Value
	if p.accept("[") {
		var err error
		if args, err = p.list("]", depth+1); err != nil {
			return nil, err
		}
		if len(args) == 0 {
			return nil, fmt.Errorf("The expression <%s[]> is not a valid type specification.", name)
		}
		if strings.EqualFold(name, "TypeReference") {
			return &TypeReferenceType{args[0].String()}, nil
		}
	}
	return NewType(name, args, p.loader)
}

// list reads values up to the closing token; a comma may stand before it.
func (p *typeParser) list(closing string, depth int) ([]Value, error) {
	var elems []Value
	for !p.accept(closing) {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		elems = append(elems, v)
		if p.accept(",") {
			continue
		}
		if p.accept(closing) {
			break
		}
		return nil, p.unexpected()
	}
	return elems, nil
}

func (p *typeParser) hash(depth int) (Value, error) {
	b := HashBuilder{}
	for !p.accept("}") {
		key, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		if !p.accept("=>") {
			return nil, p.unexpected()
		}
		value, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		b.Set(key, value)
		if p.accept(",") {
			continue
		}
		if p.accept("}") {
			break
		}
		return nil, p.unexpected()
	}
	return b.Hash(), nil
}

func (p *typeParser) quoted(quote byte) (Value, error) {
	var b strings.Builder
	for i := p.pos + 1; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == quote:
			p.pos = i + 1
			return String(b.String()), nil
		case c == '\\' && quote == '"' && strings.HasPrefix(p.src[i:], `\u{`):
			end := strings.IndexByte(p.src[i:], '}')
			if end < 0 {
				return nil, p.unexpected()
			}
			code, err := strconv.ParseUint(p.src[i+3:i+end], 16, 21)
			if err != nil {
				return nil, p.unexpected()
			}
			b.WriteRune(rune(code))
			i += end
		case c == '\\' && i+1 < len(p.src):
			i++
			b.WriteString(unescape(p.src[i], quote))
		default:
			b.WriteByte(c)
		}
	}
	p.pos = len(p.src)
	return nil, p.unexpected()
}

func unescape(c, quote byte) string {
	if c == '\\' || c == quote {
		return string(c)
	}
	if quote == '"' {
		if i := strings.IndexByte("ntrs$", c); i >= 0 {
			return string("\n\t\r $"[i])
		}
	}
	return `\` + string(c)
}

func (p *typeParser) regexp() (Value, error) {
	for i := p.pos + 1; i < len(p.src); i++ {
		switch p.src[i] {
		case '\\':
			i++
		case '/':
			source := strings.ReplaceAll(p.src[p.pos+1:i], `\/`, "/")
			p.pos = i + 1
			return NewRegexp(source)
		}
	}
	p.pos = len(p.src)
	return nil, p.unexpected()
}

func (p *typeParser) number() (Value, error) {
	start := p.pos
	if p.src[p.pos] == '-' {
		p.pos++
	}
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		exponentSign := (c == '-' || c == '+') && lower(p.src[p.pos-1]) == 'e' && p.pos > start+1
		if !isWord(c) && c != '.' && !exponentSign {
			break
		}
		p.pos++
	}
	text := p.src[start:p.pos]
	if n, err := strconv.ParseInt(text, 0, 64); err == nil && !strings.Contains(text, "_") {
		return Integer(n), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !strings.ContainsAny(text, ".eE") || strings.Contains(text, "_") {
		p.pos = start
		return nil, p.unexpected()
	}
	return Float(f), nil
}
