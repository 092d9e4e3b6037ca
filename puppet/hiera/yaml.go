package hiera

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// maxYAMLNodes bounds what aliases may unfold a document to.
const maxYAMLNodes = 2_000_000

// parseYAML reads the first document as Ruby's Psych does: plain scalars follow YAML 1.1 (yes and no
// are booleans, 017 is octal, 1:30 is 90), dates and Ruby's own tags are refused, of a key that
// comes twice the last value counts. An empty document is false.
func parseYAML(text []byte) (v pcore.Value, err error) {
	defer func() {
		// The parser is foreign code and the text may be anything.
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("malformed YAML: %v", r)
		}
	}()
	text = []byte(strings.TrimPrefix(string(text), "\ufeff"))
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, errors.New(firstLine(err.Error()))
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		y := yamlReader{anchors: map[string]pcore.Value{}}
		return y.node(doc.Body, 0)
	}
	return pcore.Boolean(false), nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

type yamlReader struct {
	anchors map[string]pcore.Value
	sizes   map[string]int
	count   int
}

func (y *yamlReader) node(n ast.Node, depth int) (pcore.Value, error) {
	if depth > maxNesting {
		return nil, errNesting
	}
	if y.count++; y.count > maxYAMLNodes {
		return nil, errors.New("the document is too large")
	}
	switch n := n.(type) {
	case nil:
		return pcore.Undef{}, nil
	case *ast.MappingNode:
		return y.mapping(n.Values, depth)
	case *ast.MappingValueNode:
		return y.mapping([]*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		elems := make([]pcore.Value, 0, len(n.Values))
		for _, e := range n.Values {
			v, err := y.node(e, depth+1)
			if err != nil {
				return nil, err
			}
			elems = append(elems, v)
		}
		return pcore.NewArray(elems), nil
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		before := y.count
		v, err := y.node(n.Value, depth)
		if err != nil {
			return nil, err
		}
		if y.sizes == nil {
			y.sizes = map[string]int{}
		}
		y.anchors[name], y.sizes[name] = v, y.count-before
		return v, nil
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		v, ok := y.anchors[name]
		if !ok {
			return nil, fmt.Errorf("Unknown alias: %s", name)
		}
		if y.count += y.sizes[name]; y.count > maxYAMLNodes {
			return nil, errors.New("the document is too large")
		}
		return v, nil
	case *ast.TagNode:
		return y.tagged(n, depth)
	case *ast.MappingKeyNode:
		return y.node(n.Value, depth)
	case *ast.LiteralNode:
		return pcore.String(n.Value.Value), nil
	}
	return scalar(n)
}

func (y *yamlReader) mapping(values []*ast.MappingValueNode, depth int) (pcore.Value, error) {
	b := pcore.NewHashBuilder(len(values))
	for _, e := range values {
		if _, ok := e.Key.(*ast.MergeKeyNode); ok {
			v, err := y.node(e.Value, depth+1)
			if err != nil {
				return nil, err
			}
			mergeKeys(b, v)
			continue
		}
		k, err := y.node(e.Key, depth+1)
		if err != nil {
			return nil, err
		}
		v, err := y.node(e.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if name, ok := symbol(k); ok {
			k = name
		}
		b.Set(k, v)
	}
	return b.Hash(), nil
}

// mergeKeys adds what stands under the key "<<".
func mergeKeys(b *pcore.HashBuilder, v pcore.Value) {
	switch v := v.(type) {
	case *pcore.Hash:
		for k, e := range v.All() {
			b.Set(k, e)
		}
	case *pcore.Array:
		for i := v.Len() - 1; i >= 0; i-- {
			mergeKeys(b, v.At(i))
		}
	}
}

// symbol reads ":name", which is a symbol to Ruby and a name to Hiera.
func symbol(v pcore.Value) (pcore.String, bool) {
	s, ok := v.(pcore.String)
	if !ok || len(s) < 2 || s[0] != ':' || s[1] == ':' {
		return "", false
	}
	return s[1:], true
}

func (y *yamlReader) tagged(n *ast.TagNode, depth int) (pcore.Value, error) {
	tag := n.Start.Value
	v, err := y.node(n.Value, depth)
	if err != nil {
		return nil, err
	}
	switch tag {
	case "!!set", "!!omap":
		return nil, errors.New("Tried to load unspecified class: Psych")
	}
	if class, ok := strings.CutPrefix(tag, "!ruby/"); ok {
		_, class, _ = strings.Cut(class, ":")
		return nil, fmt.Errorf("Tried to load unspecified class: %s", class)
	}
	text, ok := scalarText(n.Value)
	if !ok {
		return v, nil
	}
	switch tag {
	case "!!str", "!str":
		return pcore.String(text), nil
	case "!!binary":
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		return pcore.String(decoded), err
	case "!", "!!int", "!!bool", "!!null":
		return plain(text)
	case "!!float":
		f, err := plain(text)
		if i, ok := f.(pcore.Integer); ok {
			return pcore.Float(i), nil
		}
		return f, err
	}
	return v, nil
}

func scalarText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.StringNode:
		return n.Value, true
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

var (
	yamlInteger = regexp.MustCompile(`^(?:[-+]?0b[01_]+|[-+]?(?:0|[1-9](?:[0-9]|,[0-9]|_[0-9])*)|[-+]?0[0-7_,]+|[-+]?0x[0-9a-fA-F_,]+)$`)
	yamlFloat   = regexp.MustCompile(`^[-+]?(?:[0-9][0-9_,]*)?\.[0-9]*(?:[eE][+-][0-9]+)?$`)
	yamlDate    = regexp.MustCompile(`^\d{4}-(?:1[012]|0\d|\d)-(?:[12]\d|3[01]|0\d|\d)$`)
	yamlTime    = regexp.MustCompile(`^-?\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?(?:\s*(?:Z|[-+]\d{1,2}:?(\d\d)?))?$`)
	yamlBase60  = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9]){1,2}(\.[0-9_]*)?$`)
	yamlTrue    = regexp.MustCompile(`(?i)^(?:yes|true|on)$`)
	yamlFalse   = regexp.MustCompile(`(?i)^(?:no|false|off)$`)
)

// scalar reads a scalar: quoted ones are strings, plain ones mean what they look like.
func scalar(n ast.Node) (pcore.Value, error) {
	t := n.GetToken()
	if t == nil {
		return pcore.Undef{}, nil
	}
	if s, ok := n.(*ast.StringNode); ok {
		if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
			return pcore.String(s.Value), nil
		}
		return plain(s.Value)
	}
	if _, ok := n.(*ast.NullNode); ok && t.Type != token.NullType {
		return pcore.Undef{}, nil
	}
	return plain(t.Value)
}

func plain(s string) (pcore.Value, error) {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return pcore.Undef{}, nil
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return pcore.Float(math.Inf(1)), nil
	case "-.inf", "-.Inf", "-.INF":
		return pcore.Float(math.Inf(-1)), nil
	case ".nan", ".NaN", ".NAN":
		return pcore.Float(math.NaN()), nil
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.':
		return plainNumber(s)
	case len(s) <= 5 && yamlTrue.MatchString(s):
		return pcore.Boolean(true), nil
	case len(s) <= 5 && yamlFalse.MatchString(s):
		return pcore.Boolean(false), nil
	}
	return pcore.String(s), nil
}

func plainNumber(s string) (pcore.Value, error) {
	switch {
	case yamlDate.MatchString(s):
		return nil, errors.New("Tried to load unspecified class: Date")
	case yamlTime.MatchString(s):
		return nil, errors.New("Tried to load unspecified class: Time")
	case yamlFloat.MatchString(s) && strings.ContainsAny(s, "0123456789"):
		f, err := strconv.ParseFloat(strings.NewReplacer("_", "", ",", "").Replace(s), 64)
		if err != nil {
			return pcore.String(s), nil
		}
		return pcore.Float(f), nil
	case yamlInteger.MatchString(s):
		n, err := strconv.ParseInt(strings.NewReplacer("_", "", ",", "").Replace(s), 0, 64)
		if err != nil {
			return nil, fmt.Errorf("the value %s is outside of the range of an Integer", s)
		}
		return pcore.Integer(n), nil
	case yamlBase60.MatchString(s):
		return base60(s), nil
	}
	return pcore.String(s), nil
}

// base60 reads hours, minutes and seconds; without seconds, the first part still counts as hours.
func base60(s string) pcore.Value {
	sum := 0.0
	for i, part := range strings.Split(strings.ReplaceAll(s, "_", ""), ":") {
		d, err := strconv.ParseFloat(part, 64)
		if err != nil || math.Abs(d) > 1<<40 {
			return pcore.String(s)
		}
		sum += d * [...]float64{3600, 60, 1}[i]
	}
	if strings.Contains(s, ".") {
		return pcore.Float(sum)
	}
	return pcore.Integer(sum)
}
