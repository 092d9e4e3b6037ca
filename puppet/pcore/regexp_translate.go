package pcore

import (
	"errors"
	"strings"
)

// maxPattern bounds the source of a regular expression.
const maxPattern = 64 << 10

// A translation is a Ruby pattern rewritten so that both engines read it alike, as far as both can.
type translation struct {
	text         string // for the linear engine
	back         string // for the backtracking one
	lineStart    bool
	wordEdge     bool
	groups       int
	names        []string
	backtracking bool // only the backtracking engine can run it
	contextual   bool // it looks at what is before the match
}

// A translator walks over a pattern once. What Go cannot express sets backtracking.
type translator struct {
	src   string
	pos   int
	out   strings.Builder
	named bool // with named groups, plain ones do not capture
	tr    translation
	depth int
}

// lineStart stands for "^" until it is known which engine reads the pattern.
const lineStart = "\uf8ff^"

func translateRegexp(src string) (*translation, error) {
	if len(src) > maxPattern {
		return nil, errors.New("too long regular expression")
	}
	t := &translator{src: src, named: hasNamedGroup(src)}
	for t.pos < len(src) {
		if err := t.next(); err != nil {
			return nil, err
		}
	}
	if t.depth > 0 {
		return nil, errors.New("end pattern with unmatched parenthesis")
	}
	t.tr.text = strings.ReplaceAll(t.out.String(), lineStart, "^")
	t.tr.back = strings.ReplaceAll(t.out.String(), lineStart, `(?:\A|(?<=\n)(?!\z))`)
	return &t.tr, nil
}

func hasNamedGroup(src string) bool {
	for i := 0; i+3 < len(src); i++ {
		switch {
		case src[i] == '\\':
			i++
		case strings.HasPrefix(src[i:], "(?<") && src[i+3] != '=' && src[i+3] != '!', strings.HasPrefix(src[i:], "(?'"):
			return true
		}
	}
	return false
}

func (t *translator) rest() string { return t.src[t.pos:] }

// copy writes the next n bytes as they are.
func (t *translator) copy(n int) {
	t.out.WriteString(t.src[t.pos : t.pos+n])
	t.pos += n
}

// replace writes s for the next n bytes.
func (t *translator) replace(n int, s string) {
	t.out.WriteString(s)
	t.pos += n
}

func (t *translator) next() error {
	switch t.src[t.pos] {
	case '\\':
		return t.escape()
	case '[':
		return t.class()
	case '(':
		return t.group()
	case ')':
		t.depth--
		if t.depth < 0 {
			return errors.New("unmatched close parenthesis")
		}
		t.copy(1)
	case '*', '+', '?':
		if t.pos == 0 {
			return errors.New("target of repeat operator is not specified")
		}
		t.copy(1)
		t.quantifierSuffix()
	case '{':
		t.interval()
	case '^':
		t.tr.contextual, t.tr.lineStart = true, true
		t.replace(1, lineStart)
	default:
		t.copy(1)
	}
	return nil
}

// quantifierSuffix notices possessive quantifiers.
func (t *translator) quantifierSuffix() {
	if strings.HasPrefix(t.rest(), "+") && t.pos > 0 && strings.IndexByte("*+?", t.src[t.pos-1]) >= 0 {
		t.possessive()
	}
}

// possessive turns "x*+" into "(?>x*)" by wrapping the last atom that was written.
func (t *translator) possessive() {
	t.tr.backtracking = true
	text := t.out.String()
	quantifier := len(text) - 1
	start := atomStart(text[:quantifier])
	t.out.Reset()
	t.out.WriteString(text[:start] + "(?>" + text[start:] + ")")
	t.pos++
}

// atomStart finds where the last atom of a pattern begins.
func atomStart(text string) int {
	if text == "" {
		return 0
	}
	closing := text[len(text)-1]
	if escapedAt(text, len(text)-1) {
		return len(text) - 2
	}
	opening := map[byte]byte{')': '(', ']': '['}[closing]
	if opening == 0 {
		i := len(text) - 1
		for i > 0 && text[i]&0xc0 == 0x80 {
			i--
		}
		return i
	}
	depth := 0
	for i := len(text) - 1; i >= 0; i-- {
		if escapedAt(text, i) {
			continue
		}
		switch text[i] {
		case closing:
			depth++
		case opening:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return 0
}

func escapedAt(text string, i int) bool {
	n := 0
	for i--; i >= 0 && text[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// interval handles {n,m}: Ruby takes {,m} too, and a brace that is no interval is a literal.
func (t *translator) interval() {
	end := strings.IndexByte(t.rest(), '}')
	body := ""
	if end > 0 {
		body = t.rest()[1:end]
	}
	lo, hi, comma := strings.Cut(body, ",")
	if end < 0 || (lo == "" && hi == "") || lo != "" && !allDigits(lo) || hi != "" && !allDigits(hi) {
		t.replace(1, `\{`)
		return
	}
	if len(lo) > 5 || len(hi) > 5 {
		t.replace(1, `\{`)
		return
	}
	if len(lo) > 3 || len(hi) > 3 {
		t.tr.backtracking = true
	}
	if lo == "" {
		lo = "0"
	}
	if comma {
		t.replace(end+1, "{"+lo+","+hi+"}")
		return
	}
	t.replace(end+1, "{"+lo+"}")
}

// group handles what follows an opening parenthesis.
func (t *translator) group() error {
	t.depth++
	if t.depth > 250 {
		return errors.New("too deep nest level")
	}
	rest := t.rest()
	switch {
	case !strings.HasPrefix(rest, "(?"):
		if t.named {
			t.replace(1, "(?:")
			return nil
		}
		t.tr.groups++
		t.copy(1)
	case strings.HasPrefix(rest, "(?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return errors.New("end pattern in group")
		}
		t.depth--
		t.pos += end + 1
	case strings.HasPrefix(rest, "(?:"):
		t.copy(3)
	case strings.HasPrefix(rest, "(?="), strings.HasPrefix(rest, "(?!"), strings.HasPrefix(rest, "(?>"):
		t.tr.backtracking = true
		t.copy(3)
	case strings.HasPrefix(rest, "(?<="), strings.HasPrefix(rest, "(?<!"):
		t.tr.backtracking = true
		t.copy(4)
	case strings.HasPrefix(rest, "(?<"), strings.HasPrefix(rest, "(?'"):
		return t.namedGroup()
	default:
		return t.flags()
	}
	return nil
}

func (t *translator) namedGroup() error {
	closing := map[byte]byte{'<': '>', '\'': '\''}[t.src[t.pos+2]]
	end := strings.IndexByte(t.src[t.pos+3:], closing)
	if end <= 0 {
		return errors.New("group name is empty")
	}
	name := t.src[t.pos+3 : t.pos+3+end]
	t.tr.groups++
	t.tr.names = append(t.tr.names, name)
	t.replace(end+4, "(?<"+name+">")
	return nil
}

// flags handles (?mix-mix) and (?mix-mix:…): Ruby's m is Go's s, and there is no other m.
func (t *translator) flags() error {
	rest := t.rest()
	end := strings.IndexAny(rest, ":)")
	if end < 0 || strings.Trim(rest[2:end], "mix-") != "" || end == 2 {
		return errors.New("undefined group option")
	}
	letters := rest[2:end]
	if strings.Contains(letters, "x") {
		on, _, _ := strings.Cut(letters, "-")
		if strings.Contains(on, "x") {
			t.tr.backtracking = true
		} else {
			letters = strings.ReplaceAll(letters, "x", "")
		}
	}
	letters = strings.ReplaceAll(letters, "m", "s")
	letters = strings.TrimSuffix(letters, "-")
	if rest[end] == ')' {
		t.depth--
		if letters != "" {
			t.out.WriteString("(?" + letters + ")")
		}
		t.pos += end + 1
		return nil
	}
	t.replace(end+1, "(?"+letters+":")
	return nil
}

// escape handles a backslash outside of a class.
func (t *translator) escape() error {
	if t.pos+1 >= len(t.src) {
		return errors.New("too short escape sequence")
	}
	switch c := t.src[t.pos+1]; {
	case c == 'h':
		t.replace(2, "[0-9a-fA-F]")
	case c == 'H':
		t.replace(2, "[^0-9a-fA-F]")
	case c == 'R':
		t.replace(2, `(?:\r\n|[\n-\r\x{85}\x{2028}\x{2029}])`)
		if strings.Contains(t.rest(), `\x{`) {
			t.tr.backtracking = false
		}
	case c == 'Z', c == 'G', c == 'k' || c >= '1' && c <= '9':
		t.tr.backtracking = true
		t.copy(2)
	case c == 'd':
		t.replace(2, "[0-9]")
	case c == 'D':
		t.replace(2, "[^0-9]")
	case c == 'w':
		t.replace(2, "[a-zA-Z0-9_]")
	case c == 'W':
		t.replace(2, "[^a-zA-Z0-9_]")
	case c == 's':
		t.replace(2, `[ \t\r\n\f\v]`)
	case c == 'S':
		t.replace(2, `[^ \t\r\n\f\v]`)
	case c == 'A' || c == 'z' || c == 'b' || c == 'B':
		t.tr.contextual = true
		t.tr.wordEdge = t.tr.wordEdge || c == 'b' || c == 'B'
		t.copy(2)
	default:
		text, n, err := t.character()
		if err != nil {
			return err
		}
		t.replace(n, text)
	}
	return nil
}

// character translates an escape that means the same inside and outside of a class.
func (t *translator) character() (text string, n int, err error) {
	rest := t.rest()
	switch c := rest[1]; c {
	case 'n', 't', 'r', 'f', 'v', 'a':
		return rest[:2], 2, nil
	case 'e':
		return `\x1b`, 2, nil
	case '0':
		return `\x00`, 2, nil
	case 'x':
		n := 2
		for n < len(rest) && n < 4 && isHex(rest[n]) {
			n++
		}
		if n == 2 {
			return "", 0, errors.New("invalid hex escape")
		}
		return `\x` + strings.Repeat("0", 4-n) + rest[2:n], n, nil
	case 'u':
		return t.unicode()
	case 'p', 'P':
		return t.property()
	default:
		if c >= 0x80 || c == '_' || lower(c) >= 'a' && lower(c) <= 'z' || c >= '0' && c <= '9' {
			return rest[1:2], 2, nil
		}
		return rest[:2], 2, nil
	}
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || lower(c) >= 'a' && lower(c) <= 'f' }

func (t *translator) unicode() (string, int, error) {
	rest := t.rest()
	hex, n := "", 0
	if strings.HasPrefix(rest, `\u{`) {
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return "", 0, errors.New("invalid Unicode escape")
		}
		hex, n = rest[3:end], end+1
	} else if len(rest) >= 6 {
		hex, n = rest[2:6], 6
	}
	code := int64(0)
	for i := range len(hex) {
		if !isHex(hex[i]) || len(hex) > 6 {
			return "", 0, errors.New("invalid Unicode escape")
		}
		code = code*16 + int64(strings.IndexByte("0123456789abcdef", lower(hex[i])))
	}
	if hex == "" || code > 0x10ffff {
		return "", 0, errors.New("invalid Unicode escape")
	}
	s := string(rune(code))
	if code < 0x80 && strings.ContainsAny(s, `.*?+^$|\()[]{}-`) {
		s = `\` + s
	}
	return s, n, nil
}

// posix are Ruby's names of character sets, as they read inside of a Go class.
var posix = map[string]string{
	"alpha": `\p{L}\p{M}`, "digit": `\p{Nd}`, "alnum": `\p{L}\p{M}\p{Nd}`, "upper": `\p{Lu}`, "lower": `\p{Ll}`,
	"space": `\t-\r \x85\p{Z}`, "blank": `\t\p{Zs}`, "punct": `\p{P}$+<=>^\x60|~`, "cntrl": `\p{Cc}`,
	"word": `\p{L}\p{M}\p{N}\p{Pc}`, "xdigit": `0-9a-fA-F`, "ascii": `\x00-\x7f`,
	"graph": `\p{L}\p{M}\p{N}\p{P}\p{S}`, "print": `\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}`,
}

// property translates \p{Name}: Ruby's own names become classes, others stay.
func (t *translator) property() (string, int, error) {
	rest := t.rest()
	end := strings.IndexByte(rest, '}')
	if !strings.HasPrefix(rest[2:], "{") || end < 0 {
		return "", 0, errors.New("invalid character property name {" + rest[1:2] + "}")
	}
	name := rest[3:end]
	negated := rest[1] == 'P'
	if inner, ok := strings.CutPrefix(name, "^"); ok {
		name, negated = inner, !negated
	}
	set, ok := posix[strings.ToLower(name)]
	if !ok {
		letter := "p"
		if negated {
			letter = "P"
		}
		return `\` + letter + `{` + name + `}`, end + 1, nil
	}
	if negated {
		return "[^" + set + "]", end + 1, nil
	}
	return "[" + set + "]", end + 1, nil
}
