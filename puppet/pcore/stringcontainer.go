package pcore

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// maxElements bounds what a lazy sequence may unfold to.
const maxElements = 1 << 20

var errTooMany = errors.New("too many elements")

// indentation is how deep a container is nested when formats ask for line breaks.
type indentation struct {
	level     int
	first     bool
	indenting bool
}

func (in indentation) set(on bool) indentation { in.indenting = on; return in }

func (in indentation) increase(on bool) indentation {
	return indentation{in.level + 1, true, on}
}

func (in indentation) breaks() bool    { return in.indenting && in.level > 0 && !in.first }
func (in indentation) padding() string { return strings.Repeat("  ", in.level) }

func (f *valueFormat) delimiters(open, closing string) (string, string) {
	switch {
	case f.delim == '|':
		return "|", "|"
	case f.delim != 0:
		return string(f.delim), string("]})>"[strings.IndexByte("[{(<", f.delim)])
	case f.space:
		return "", ""
	}
	return open, closing
}

func (f *valueFormat) innerFormats() formatMap {
	if f.inner != nil {
		return f.inner
	}
	return programFormats
}

func isContainer(v Value) bool {
	switch v.(type) {
	case *Array, *Hash:
		return true
	}
	return false
}

func convertElement(v Value, m, inner formatMap, in indentation) (string, error) {
	if _, ok := v.(*Object); ok || isContainer(v) {
		return convertValue(v, m, in)
	}
	return convertValue(v, inner, in)
}

func convertArray(a *Array, m formatMap, f *valueFormat, in indentation) (string, error) {
	switch f.letter {
	case 'a', 's', 'p':
	default:
		return "", illegalFormat("Array", f, "asp")
	}
	sep := ", "
	if f.hasSep {
		sep = f.sep
	}
	open, closing := f.delimiters("[", "]")
	in = in.set(f.alt || in.indenting)
	children := in.increase(f.alt)
	texts := make([]string, a.Len())
	for i, e := range a.elems {
		children.first = false
		text, err := convertElement(e, m, f.innerFormats(), children)
		if err != nil {
			return "", err
		}
		texts[i] = text
	}
	wide := f.alt && f.width > 0 && widest(a, texts) > f.width
	var b []byte
	if in.breaks() {
		b = append(b, "\n"+in.padding()...)
	}
	b = append(b, open...)
	for i, e := range a.elems {
		plain := !isContainer(e)
		if i == 0 {
			if wide && plain {
				b = append(b, ' ')
			}
		} else {
			b = append(b, sep...)
			if wide && plain || f.alt && isContainer(a.elems[i-1]) && plain {
				if b[len(b)-1] != '\n' {
					b = trimBlanks(b)
				}
				b = append(b, "\n"+children.padding()...)
			}
		}
		if strings.HasPrefix(texts[i], "\n") && b[len(b)-1] == ' ' {
			b = trimBlanks(b)
		}
		b = append(b, texts[i]...)
	}
	return string(append(b, closing...)), nil
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && strings.IndexByte(" \t\r\n\v\f\x00", b[len(b)-1]) >= 0 {
		b = b[:len(b)-1]
	}
	return b
}

// widest is the length of the longest run of elements between containers.
func widest(a *Array, texts []string) int {
	longest, run := 0, 0
	for i, e := range a.elems {
		if isContainer(e) {
			run = 0
			continue
		}
		run += utf8.RuneCountInString(texts[i])
		longest = max(longest, run)
	}
	return longest
}

func convertHash(h *Hash, m formatMap, f *valueFormat, in indentation) (string, error) {
	switch f.letter {
	case 'a':
		return convertValue(NewArray(h.Pairs()), m, in)
	case 'h', 's', 'p':
	default:
		return "", illegalFormat("Hash", f, "hasp")
	}
	sep, assoc := ", ", " => "
	if f.hasSep {
		sep = f.sep
	}
	if f.hasSep2 {
		assoc = f.sep2
	}
	open, closing := f.delimiters("{", "}")
	in = in.set(f.alt || in.indenting)
	children := in.increase(false)
	lineBreak, padding := "", ""
	if f.alt {
		lineBreak, padding = "\n", children.padding()
		if !strings.HasSuffix(sep, "\n") {
			sep = strings.TrimRight(sep, " \t\r\n")
		}
		sep += "\n"
	}
	var b strings.Builder
	if in.breaks() {
		b.WriteString("\n" + in.padding())
	}
	b.WriteString(open + lineBreak)
	for i, e := range h.entries {
		key, err := convertElement(e.Key, m, f.innerFormats(), children)
		if err != nil {
			return "", err
		}
		value, err := convertElement(e.Value, m, f.innerFormats(), children)
		if err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(padding + key + assoc + value)
	}
	b.WriteString(lineBreak)
	if f.alt {
		b.WriteString(in.padding())
	}
	b.WriteString(closing)
	return b.String(), nil
}
