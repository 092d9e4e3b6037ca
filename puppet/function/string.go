package function

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func stringFunctions(t *Table) {
	for name, fn := range map[string]func(string) string{
		"camelcase": camelcase, "capitalize": pcore.Capitalize, "chomp": chomp, "chop": chop,
		"strip": pcore.StripRuby, "lstrip": lstrip, "rstrip": rstrip,
	} {
		t.add(name, on("Numeric arg", same), on("String arg", onText(fn)),
			on("Iterable[Variant[String, Numeric]] arg", onEach(fn)))
	}
	// Both take nested arrays, and hashes of which the keys change too.
	for name, fn := range map[string]func(string) string{"upcase": pcore.Upcase, "downcase": strings.ToLower} {
		data := pcore.NewAlias("StringData")
		if err := data.Bind(pcore.MustParseType("Variant[String, Numeric, Array[StringData], Hash[StringData, StringData]]", data)); err != nil {
			panic(err)
		}
		all := func(c *call) (pcore.Value, error) { return deepCase(c.args[0], fn), nil }
		t.add(name, on("Numeric arg", same), on("String arg", onText(fn)),
			dispatch{pcore.NewSignature("Array[StringData] arg", nil, data), all},
			dispatch{pcore.NewSignature("Hash[StringData, StringData] arg", nil, data), all})
	}
	t.add("join", on("Array arg, String delimiter?", join))
	t.addLegacy("sprintf", -2, func(c *call) (pcore.Value, error) {
		if _, ok := c.args[0].(pcore.String); !ok {
			return nil, notAString(c.args[0])
		}
		s, err := pcore.FormatRuby(c.args[0].String(), c.args[1:])
		return pcore.String(s), err
	})
	t.addLegacy("shellquote", -1, shellquote)
}

func notAString(v pcore.Value) error {
	return fmt.Errorf("no implicit conversion of %s into String", pcore.RubyClass(v))
}

func same(c *call) (pcore.Value, error) { return c.args[0], nil }

func onText(fn func(string) string) impl {
	return func(c *call) (pcore.Value, error) { return pcore.String(fn(c.args[0].String())), nil }
}

func onEach(fn func(string) string) impl {
	return func(c *call) (pcore.Value, error) {
		elems, err := pcore.Elements(c.args[0])
		if err != nil {
			return nil, err
		}
		out := make([]pcore.Value, len(elems))
		for i, e := range elems {
			out[i] = e
			if s, ok := e.(pcore.String); ok {
				out[i] = pcore.String(fn(string(s)))
			}
		}
		return pcore.NewArray(out), nil
	}
}

func deepCase(v pcore.Value, fn func(string) string) pcore.Value {
	switch v := v.(type) {
	case pcore.String:
		return pcore.String(fn(string(v)))
	case *pcore.Array:
		out := make([]pcore.Value, v.Len())
		for i, e := range v.All() {
			out[i] = deepCase(e, fn)
		}
		return pcore.NewArray(out)
	case *pcore.Hash:
		b := pcore.NewHashBuilder(v.Len())
		for k, e := range v.All() {
			b.Set(deepCase(k, fn), deepCase(e, fn))
		}
		return b.Hash()
	}
	return v
}

func camelcase(s string) string {
	parts := strings.Split(s, "_")
	for i := range parts {
		parts[i] = pcore.Capitalize(parts[i])
	}
	return strings.Join(parts, "")
}

// chomp cuts one line end.
func chomp(s string) string {
	if t, ok := strings.CutSuffix(s, "\n"); ok {
		return strings.TrimSuffix(t, "\r")
	}
	return strings.TrimSuffix(s, "\r")
}

// chop cuts the last character, or both of a "\r\n".
func chop(s string) string {
	if t, ok := strings.CutSuffix(s, "\r\n"); ok {
		return t
	}
	_, n := utf8.DecodeLastRuneInString(s)
	return s[:len(s)-n]
}

const blanks = "\t\n\v\f\r \x00"

func lstrip(s string) string { return strings.TrimLeft(s, blanks) }
func rstrip(s string) string { return strings.TrimRight(s, blanks) }

func join(c *call) (pcore.Value, error) {
	delimiter := ""
	if len(c.args) > 1 {
		delimiter = c.args[1].String()
	}
	var b strings.Builder
	joinInto(&b, c.args[0].(*pcore.Array), delimiter, new(bool))
	if b.Len() > maxText {
		return nil, errTooLong
	}
	return pcore.String(b.String()), nil
}

func joinInto(b *strings.Builder, a *pcore.Array, delimiter string, started *bool) {
	for _, e := range a.All() {
		if b.Len() > maxText {
			return
		}
		if inner, ok := e.(*pcore.Array); ok {
			joinInto(b, inner, delimiter, started)
			continue
		}
		if *started {
			b.WriteString(delimiter)
		}
		*started = true
		if h, ok := e.(*pcore.Hash); ok {
			b.WriteString(pcore.InspectRuby(h))
			continue
		}
		b.WriteString(e.String())
	}
}

// shellquote quotes words for a Bourne shell: not at all, in double or in single quotes, whichever
// does first.
func shellquote(c *call) (pcore.Value, error) {
	const dangerous = "!\"`$\\"
	var words []string
	for _, v := range flattenAll(c.args) {
		s, ok := v.(pcore.String)
		if !ok {
			return nil, fmt.Errorf("undefined method `length' for %s:%s", pcore.InspectRuby(v), pcore.RubyClass(v))
		}
		word := string(s)
		switch {
		case word != "" && strings.Trim(word, safeInShell) == "":
			words = append(words, word)
		case !strings.ContainsAny(word, dangerous):
			words = append(words, `"`+word+`"`)
		case !strings.Contains(word, "'"):
			words = append(words, "'"+word+"'")
		default:
			var b strings.Builder
			for i := range len(word) {
				if strings.IndexByte(dangerous, word[i]) >= 0 {
					b.WriteByte('\\')
				}
				b.WriteByte(word[i])
			}
			words = append(words, `"`+b.String()+`"`)
		}
	}
	return pcore.String(strings.Join(words, " ")), nil
}

const safeInShell = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-"

func flattenAll(vs []pcore.Value) []pcore.Value {
	var flat []pcore.Value
	for _, v := range vs {
		if a, ok := v.(*pcore.Array); ok {
			flat = append(flat, flattenAll(a.Slice())...)
		} else {
			flat = append(flat, v)
		}
	}
	return flat
}
