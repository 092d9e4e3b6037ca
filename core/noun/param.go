package noun

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/goccy/go-yaml"
)

// Typed is the parameter's value as its type reads it: what bodies and the ENC
// show. A value that does not fit its type stays text.
func (p *Parameter) Typed() any {
	v, err := castParameter(p.Type, p.Value)
	if err != nil {
		return p.Value
	}
	return v
}

func castParameter(kind, value string) (any, error) {
	switch kind {
	case "boolean":
		return castBool(value)
	case "integer":
		return strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	case "real":
		return strconv.ParseFloat(strings.TrimSpace(value), 64)
	case "json", "array", "hash":
		if v, err := decodeJSON(value); err == nil && fits(kind, v) {
			return v, nil
		}
		if kind == "json" {
			return nil, strconv.ErrSyntax
		}
		fallthrough
	case "yaml":
		var v any
		if err := yaml.Unmarshal([]byte(value), &v); err != nil {
			return nil, err
		}
		if !fits(kind, v) {
			return nil, strconv.ErrSyntax
		}
		return v, nil
	}
	return value, nil
}

func decodeJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, strconv.ErrSyntax
	}
	return v, nil
}

func fits(kind string, v any) bool {
	switch kind {
	case "array":
		_, ok := v.([]any)
		return ok
	case "hash":
		_, ok := v.(map[string]any)
		return ok
	}
	return true
}

func castBool(value string) (any, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true", "t", "yes", "y", "on", "1":
		return true, nil
	case "false", "f", "no", "n", "off", "0":
		return false, nil
	}
	return nil, strconv.ErrSyntax
}

func prepareParameter(c *Change[Parameter]) error {
	p := c.New
	if p == nil {
		return nil
	}
	if p.Type == "" {
		p.Type = "string"
	}
	if _, err := castParameter(p.Type, p.Value); err != nil {
		c.Fail("value", "is invalid %s", p.Type)
	}
	p.Search = p.Value
	return nil
}

// parameterValue takes any JSON value in bodies and keeps it as text; it shows
// the typed value, masked where it is hidden from the caller.
func parameterValue(p *string) *Field {
	f := Text("value", p).Long().NotNull()
	f.shape = shapeParameter
	return f
}

// ParametersOf gives the parameters of a parameter noun ("domain_parameter",
// "common_parameter") that belong to the owners, in the order of owners and by
// name within; of global ones all. The program itself asks.
func ParametersOf(ctx context.Context, tx *Tx, name string, owners []int64) ([]*Parameter, error) {
	n := tx.reg.byName[name]
	if n == nil {
		return nil, errs.New(errs.Internal, "no noun %q is registered", name)
	}
	sel := Selection{Scope: Everything(), Order: []Order{{Target: &Target{Field: n.by["name"]}}}}
	if n.parentField != nil {
		if len(owners) == 0 {
			return nil, nil
		}
		sel.Where = []Test{{Target: &Target{Field: n.parentField}, Kind: oneOf, Values: anys(owners)}}
	}
	recs, err := tx.conn.Select(ctx, n, sel, nil)
	out := make([]*Parameter, len(recs))
	for i, r := range recs {
		out[i] = r.(*Parameter)
		out[i].Kind = n.typeValue
	}
	slices.SortStableFunc(out, func(a, b *Parameter) int {
		return slices.Index(owners, a.ParentID) - slices.Index(owners, b.ParentID)
	})
	return out, err
}
