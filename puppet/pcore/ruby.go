package pcore

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// QuoteRuby writes a string as Ruby's inspect does, for the messages that quote it.
func QuoteRuby(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteByte(s[i])
		case r == '#' && i+1 < len(s) && strings.IndexByte("{$@", s[i+1]) >= 0:
			b.WriteString(`\#`)
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02X`, s[i])
		case r < 0x20 || r == 0x7f:
			b.WriteString(rubyControl(r))
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	b.WriteByte('"')
	return b.String()
}

func rubyControl(r rune) string {
	if i := strings.IndexRune("\a\b\t\n\v\f\r\x1b", r); i >= 0 {
		return `\` + string("abtnvfre"[i])
	}
	if r == 0x7f {
		return `\x7F`
	}
	return fmt.Sprintf(`\u%04X`, r)
}

// InspectRuby writes a value as Ruby's inspect does, for the messages that show one.
func InspectRuby(v Value) string {
	switch v := v.(type) {
	case Undef:
		return "nil"
	case String:
		return QuoteRuby(string(v))
	case Default:
		return ":default"
	case *Array:
		parts := make([]string, v.Len())
		for i, e := range v.elems {
			parts[i] = InspectRuby(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *Hash:
		parts := make([]string, v.Len())
		for i, e := range v.entries {
			parts[i] = InspectRuby(e.Key) + "=>" + InspectRuby(e.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return v.String()
}

// Label names the kind of a value in messages: "Integer", "Hash Value", "Type[Integer]" …
func Label(v Value) string {
	switch v := v.(type) {
	case Undef:
		return "Undef Value"
	case Boolean:
		return "Boolean"
	case Default:
		return "Default Value"
	case *Hash:
		return "Hash Value"
	case Type:
		return v.String() + "-Type"
	}
	return Generalize(Infer(v)).Name()
}
