package bounded

import (
	"bytes"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/chargehand/chargehand/internal/errs"
)

// maxNodes is how many nodes a YAML document may have once its aliases are
// written out.
const maxNodes = 1_000_000

// YAML decodes the first document of data into v; an empty one leaves v as it is.
func YAML(data []byte, v any) error {
	if bytes.IndexByte(data, 0) >= 0 {
		return errs.New(errs.Malformed, "YAML holds a NUL byte")
	}
	tokens := lexer.Tokenize(string(data))
	if tooDeepLines(data) || tooDeepTokens(tokens) {
		return errs.New(errs.TooLarge, "YAML nests deeper than %d", MaxDepth)
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return errs.WrapAs(errs.Malformed, err, "read YAML")
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil
	}
	if err := checkAliases(file.Docs[0].Body); err != nil {
		return err
	}
	if err := yaml.NodeToValue(file.Docs[0].Body, v); err != nil {
		return errs.WrapAs(errs.Malformed, err, "read YAML")
	}
	return nil
}

// tooDeepTokens finds nesting within a line, before the parser, which recurses,
// sees it.
func tooDeepTokens(tokens token.Tokens) bool {
	flow, run, line := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			if t.Position.Line != line {
				line, run = t.Position.Line, 0
			}
			run++
		}
		if flow > MaxDepth || run > MaxDepth {
			return true
		}
	}
	return false
}

// tooDeepLines finds nesting by indentation, where each level costs a column.
func tooDeepLines(data []byte) bool {
	indents := make([]int, 0, 16)
	for line := range bytes.Lines(data) {
		text := bytes.TrimLeft(line, " ")
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		indent := len(line) - len(text)
		for len(indents) > 0 && indents[len(indents)-1] >= indent {
			indents = indents[:len(indents)-1]
		}
		if indents = append(indents, indent); len(indents) > MaxDepth {
			return true
		}
	}
	return false
}

// checkAliases measures the document with its aliases written out, each at the
// size of its anchor, which stands before it.
func checkAliases(root ast.Node) error {
	m := &measure{sizes: map[string]*int{}}
	total := 0
	ast.Walk(&counter{m: m, into: []*int{&total}}, root)
	if m.recursive {
		return errs.New(errs.Malformed, "YAML alias stands within its own anchor")
	}
	if total > maxNodes {
		return errs.New(errs.TooLarge, "YAML has more than %d nodes with its aliases written out", maxNodes)
	}
	return nil
}

type measure struct {
	sizes     map[string]*int
	recursive bool
}

// A counter adds the nodes that it visits to each enclosing anchor's size.
type counter struct {
	m    *measure
	into []*int
}

// Visit counts a node; below an anchor, the anchor's own size grows too.
func (c *counter) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.AnchorNode:
		size := new(int)
		c.m.sizes[n.Name.String()] = size
		c.add(1)
		return &counter{m: c.m, into: append(c.into[:len(c.into):len(c.into)], size)}
	case *ast.AliasNode:
		if size := c.m.sizes[n.Value.String()]; size != nil {
			for _, open := range c.into {
				c.m.recursive = c.m.recursive || open == size
			}
			c.add(*size)
		}
		return nil
	}
	c.add(1)
	return c
}

func (c *counter) add(n int) {
	for _, total := range c.into {
		*total = min(*total+n, maxNodes+1)
	}
}
