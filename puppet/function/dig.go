package function

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func dataFunctions(t *Table) {
	t.add("dig", on("Optional[Collection] data, Any arg*", func(c *call) (pcore.Value, error) {
		return dig(c.args[0], c.args[1:])
	}))
	t.add("get", on("Any value, String dotted_string, Any default_value?, Callable[1,1] block?", func(c *call) (pcore.Value, error) {
		return get(c, c.args[0], c.args[1].String(), c.arg(2))
	}))
	f := t.add("getvar",
		on(`Pattern[/\A(?:::)?(?:[a-z]\w*::)*[a-z_]\w*(?:\.|\Z)/] get_string, Any default_value?, Callable[1,1] block?`, getvar))
	f.mismatch = func(c *call) string {
		if _, ok := c.arg(0).(pcore.String); ok && len(c.args) <= 2 {
			return "The given string does not start with a valid variable name"
		}
		return ""
	}
}

// A digError is an error that comes with data, which the block of `get` can look at.
type digError struct{ object *pcore.Object }

func (e *digError) Error() string {
	m, _ := e.object.Get("message")
	return m.String()
}

// dig walks into nested arrays and hashes; a step into nothing gives undef.
func dig(data pcore.Value, path []pcore.Value) (pcore.Value, error) {
	var walked []pcore.Value
	at := data
	for _, key := range path {
		if pcore.IsUndef(at) || pcore.IsUndef(key) {
			return pcore.Undef{}, nil
		}
		fail := func(message, issue, kind string, v pcore.Value) error {
			at, t := pcore.NewArray(walked), pcore.Infer(v)
			return &digError{pcore.NewError(fmt.Sprintf(message, pcore.InspectRuby(at), t), "SLICE_ERROR", issue,
				pcore.HashOf("walked_path", at, kind, t))}
		}
		switch v := at.(type) {
		case *pcore.Hash:
			walked = append(walked, key)
			e, ok := v.Get(key)
			if !ok {
				e = pcore.Undef{}
			}
			at = e
		case *pcore.Array:
			walked = append(walked, key)
			i, ok := key.(pcore.Integer)
			if !ok {
				return nil, fail("The given data requires an Integer index at %s, got '%s'", "EXPECTED_INTEGER_INDEX", "index_type", key)
			}
			if i < 0 {
				i += pcore.Integer(v.Len())
			}
			if i < 0 || i >= pcore.Integer(v.Len()) {
				return pcore.Undef{}, nil
			}
			at = v.At(int(i))
		default:
			return nil, fail("The given data does not contain a Collection at %s, got '%s'", "EXPECTED_COLLECTION", "value_type", at)
		}
	}
	return at, nil
}

var (
	keyPart   = regexp.MustCompile(`\s*"[^"]+"\s*|\s*'[^']+'\s*|[^'".]+`)
	wholeText = regexp.MustCompile(`^:?[+-]?[0-9]+$`)
)

// SplitKey splits a dotted key such as `a.0."b.c"` into strings and indexes.
func SplitKey(key string) ([]pcore.Value, error) {
	if !strings.ContainsAny(key, `'".`) {
		return []pcore.Value{pcore.String(key)}, nil
	}
	bad := errors.New("Syntax error")
	var segments []pcore.Value
	for rest := key; ; {
		loc := keyPart.FindStringIndex(rest)
		if loc == nil || loc[0] != 0 {
			return nil, bad
		}
		part := strings.TrimSpace(rest[:loc[1]])
		switch {
		case part != "" && (part[0] == '"' || part[0] == '\''):
			segments = append(segments, pcore.String(part[1:len(part)-1]))
		case wholeText.MatchString(part):
			n, err := pcore.ParseNumber(strings.TrimPrefix(part, ":"))
			if err != nil {
				n = pcore.String(part)
			}
			segments = append(segments, n)
		default:
			segments = append(segments, pcore.String(part))
		}
		rest = rest[loc[1]:]
		if rest == "" {
			return segments, nil
		}
		if rest[0] != '.' || len(rest) == 1 {
			return nil, bad
		}
		rest = rest[1:]
	}
}

func get(c *call, v pcore.Value, path string, otherwise pcore.Value) (pcore.Value, error) {
	if otherwise == nil {
		otherwise = pcore.Undef{}
	}
	if pcore.IsUndef(v) {
		return otherwise, nil
	}
	if path == "" {
		return v, nil
	}
	segments, err := SplitKey("x." + path)
	if err != nil {
		return nil, errors.New("Syntax error in dotted-navigation string")
	}
	if _, ok := v.(*pcore.Hash); !ok {
		if _, ok := v.(*pcore.Array); !ok {
			sig := pcore.NewSignature("Optional[Collection] data, Any arg*", nil)
			return nil, errors.New(pcore.DescribeSignatures("dig", []pcore.Signature{sig}, append([]pcore.Value{v}, segments[1:]...), nil))
		}
	}
	found, err := dig(v, segments[1:])
	var de *digError
	if errors.As(err, &de) && c.block != nil {
		return c.block.Call(de.object)
	}
	if err != nil {
		return nil, err
	}
	if pcore.IsUndef(found) {
		return otherwise, nil
	}
	return found, nil
}

var variableName = regexp.MustCompile(`^((?:::)?(?:\w+::)*\w+)(.*)$`)

func getvar(c *call) (pcore.Value, error) {
	m := variableName.FindStringSubmatch(c.args[0].String())
	if m == nil {
		return nil, errors.New("The given string does not start with a valid variable name")
	}
	path := m[2]
	if path != "" {
		if path[0] != '.' {
			return nil, fmt.Errorf("First character after var name in get string must be a '.' - got %c", path[0])
		}
		path = path[1:]
	}
	otherwise := c.arg(1)
	if otherwise == nil {
		otherwise = pcore.Undef{}
	}
	vars, ok := c.env.(Variables)
	if !ok {
		return otherwise, nil
	}
	v, found, err := vars.Variable(m[1])
	if err != nil || !found {
		return otherwise, err
	}
	return get(c, v, path, otherwise)
}
