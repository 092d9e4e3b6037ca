package pcore

import (
	"errors"
	"strings"
)

// class handles a bracket expression. Ruby nests classes as unions, knows POSIX names, and takes a
// literal "[" only when escaped; intersections (&&) are not supported.
func (t *translator) class() error {
	body, err := t.classBody()
	if err != nil {
		return err
	}
	t.out.WriteString("[" + body + "]")
	return nil
}

// classBody reads a class from its bracket on, and gives what goes between Go's brackets.
func (t *translator) classBody() (string, error) {
	var b strings.Builder
	t.pos++
	negated := false
	if strings.HasPrefix(t.rest(), "^") {
		negated = true
		t.pos++
		b.WriteByte('^')
	}
	first := true
	for {
		if t.pos >= len(t.src) {
			return "", errors.New("premature end of char-class")
		}
		switch c := t.src[t.pos]; {
		case c == ']' && !first:
			t.pos++
			return b.String(), nil
		case c == ']':
			if !strings.Contains(t.src[t.pos+1:], "]") {
				return "", errors.New("empty char-class")
			}
			t.pos++
			b.WriteString(`\]`)
		case c == '[':
			inner, err := t.nestedClass(negated)
			if err != nil {
				return "", err
			}
			b.WriteString(inner)
		case c == '&' && strings.HasPrefix(t.rest(), "&&"):
			return "", errors.New("intersections of char-classes are not supported")
		case c == '\\':
			inner, err := t.classEscape()
			if err != nil {
				return "", err
			}
			b.WriteString(inner)
		default:
			b.WriteByte(c)
			t.pos++
		}
		first = false
	}
}

// nestedClass handles [:name:] and [a[bc]].
func (t *translator) nestedClass(bool) (string, error) {
	if strings.HasPrefix(t.rest(), "[:") {
		if end := strings.Index(t.rest(), ":]"); end > 0 {
			name := t.rest()[2:end]
			name, negated := strings.CutPrefix(name, "^")
			if set, ok := posix[name]; ok {
				t.pos += end + 2
				if !negated {
					return set, nil
				}
				if name == "space" {
					return `\S`, nil
				}
				return "", errors.New("negated POSIX bracket is not supported")
			}
		}
	}
	body, err := t.classBody()
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(body, "^") {
		return "", errors.New("negated class in a class is not supported")
	}
	return body, nil
}

func (t *translator) classEscape() (string, error) {
	if t.pos+1 >= len(t.src) {
		return "", errors.New("premature end of char-class")
	}
	simple := map[byte]string{
		'h': "0-9a-fA-F", 'd': "0-9", 'w': "a-zA-Z0-9_", 's': ` \t\r\n\f\v`,
		'D': `\D`, 'W': `\W`, 'S': `\S`, 'b': `\x08`, 'R': `\n\r`,
	}
	if s, ok := simple[t.src[t.pos+1]]; ok {
		t.pos += 2
		return s, nil
	}
	text, n, err := t.character()
	if err != nil {
		return "", err
	}
	t.pos += n
	if set, ok := strings.CutPrefix(text, "["); ok && len(set) > 1 {
		set = strings.TrimSuffix(set, "]")
		if strings.HasPrefix(set, "^") {
			return "", errors.New("negated property in a class is not supported")
		}
		return set, nil
	}
	return text, nil
}
