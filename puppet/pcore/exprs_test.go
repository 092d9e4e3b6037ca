package pcore

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// resourceTypes knows two types of resources.
type resourceTypes struct{}

func (resourceTypes) LoadType(name string) (Type, error) {
	switch name {
	case "file", "notify":
		return &ResourceType{TypeName: CapitalizeSegments(name)}, nil
	}
	return nil, nil
}

// errNotHere is for expressions that take more than this package to evaluate.
var errNotHere = errors.New("needs an evaluator")

// evaluate handles what the tables have of types: literals, Type(args), assert_type, type, and one
// comparison of those.
func evaluate(code string) (Value, error) {
	p := &typeParser{src: code, loader: resourceTypes{}}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos == len(p.src) {
		return left, nil
	}
	var op string
	for _, o := range []string{"=~", "==", "<=", ">=", "<", ">"} {
		if p.accept(o) {
			op = o
			break
		}
	}
	if op == "" {
		return nil, errNotHere
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(p.src) {
		return nil, errNotHere
	}
	if op == "==" {
		return Bool(Equal(left, right)), nil
	}
	rt, ok := right.(Type)
	if !ok {
		return nil, errNotHere
	}
	if op == "=~" {
		return Bool(IsInstance(rt, left)), nil
	}
	lt, ok := left.(Type)
	if !ok {
		return nil, errNotHere
	}
	switch op {
	case "<":
		return Bool(IsAssignable(rt, lt) && !SameType(lt, rt)), nil
	case ">":
		return Bool(IsAssignable(lt, rt) && !SameType(lt, rt)), nil
	case "<=":
		return Bool(IsAssignable(rt, lt)), nil
	}
	return Bool(IsAssignable(lt, rt)), nil
}

func (p *typeParser) operand() (Value, error) {
	for _, name := range []string{"assert_type(", "type("} {
		if p.accept(name) {
			args, err := p.operands()
			if err != nil {
				return nil, err
			}
			return callBuiltin(name, args)
		}
	}
	v, err := p.value(0)
	if err != nil {
		return nil, errNotHere
	}
	if _, unresolved := v.(*TypeReferenceType); unresolved {
		return nil, errNotHere
	}
	if p.pos < len(p.src) && p.src[p.pos] == '(' {
		t, ok := v.(Type)
		if !ok {
			return nil, errNotHere
		}
		p.pos++
		args, err := p.operands()
		if err != nil {
			return nil, err
		}
		return NewMaker(resourceTypes{}, func() time.Time { return time.Unix(0, 0) }).New(t, args)
	}
	return v, nil
}

func (p *typeParser) operands() ([]Value, error) {
	var args []Value
	for !p.accept(")") {
		v, err := p.operand()
		if err != nil {
			return nil, err
		}
		args = append(args, v)
		if !p.accept(",") && (p.pos >= len(p.src) || p.src[p.pos] != ')') {
			return nil, errNotHere
		}
	}
	return args, nil
}

func callBuiltin(name string, args []Value) (Value, error) {
	if name == "type(" {
		switch {
		case len(args) == 1:
			return args[0].Type(), nil
		case args[1] == Value(String("reduced")):
			return Infer(args[0]), nil
		case args[1] == Value(String("generalized")):
			return Generalize(Infer(args[0])), nil
		}
		return nil, errNotHere
	}
	t, ok := args[0].(Type)
	if !ok || len(args) != 2 {
		return nil, errNotHere
	}
	if !IsInstance(t, args[1]) {
		return nil, errors.New(DescribeMismatch("assert_type():", t, args[1].Type()))
	}
	return args[1], nil
}

// toGo turns Data into what encoding/json makes of its text.
func toGo(v Value) any {
	switch v := v.(type) {
	case Boolean:
		return bool(v)
	case Integer:
		return json.Number(v.String())
	case Float:
		b, _ := json.Marshal(float64(v))
		if !bytes.ContainsAny(b, ".e") {
			b = append(b, ".0"...)
		}
		return json.Number(b)
	case String:
		return string(v)
	case *Array:
		out := make([]any, v.Len())
		for i, e := range v.All() {
			out[i] = toGo(e)
		}
		return out
	case *Hash:
		out := map[string]any{}
		for k, e := range v.All() {
			out[k.String()] = toGo(e)
		}
		return out
	}
	return nil
}

// TestExpressions evaluates what this package can of the expressions on types and on `new`.
func TestExpressions(t *testing.T) {
	type row struct {
		Code, Type, Error string
		Repr              *string
		Value             json.RawMessage
	}
	evaluated, failing := 0, 0
	readTable(t, "exprs.jsonl", func(r row) {
		v, err := evaluate(r.Code)
		if errors.Is(err, errNotHere) || strings.Contains(r.Error, "undefined method") || strings.Contains(r.Error, "Resource type not found") {
			return
		}
		evaluated++
		if r.Error != "" {
			failing++
			if err == nil || !strings.HasSuffix(r.Error, err.Error()) {
				t.Errorf("%s: error %v\n want %s", r.Code, err, r.Error)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: %v", r.Code, err)
			return
		}
		if got := v.Type().String(); got != r.Type {
			t.Errorf("%s is of type %s, want %s", r.Code, got, r.Type)
		}
		if r.Repr != nil && Program(v) != *r.Repr {
			t.Errorf("%s prints as %s, want %s", r.Code, Program(v), *r.Repr)
		}
		if r.Value == nil {
			return
		}
		data, err := (&Serializer{Rich: true}).ToData(v)
		if err != nil {
			t.Errorf("%s: %v", r.Code, err)
			return
		}
		d := json.NewDecoder(bytes.NewReader(r.Value))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, toGo(data)); diff != "" {
			t.Errorf("%s as rich data (-want +got):\n%s", r.Code, diff)
		}
	})
	t.Logf("evaluated %d expressions, %d of them wrong ones", evaluated, failing)
	if evaluated < 480 {
		t.Errorf("only %d expressions could be evaluated", evaluated)
	}
}
