package eval

import (
	"math"
	"math/bits"
	"regexp"
	"strconv"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

func (c *Compiler) binary(e *syntax.Binary, s *Scope) (pcore.Value, error) {
	left, err := c.eval(e.L, s)
	if err != nil {
		return nil, err
	}
	switch e.Op {
	case "and":
		if !pcore.Truthy(left) {
			return pcore.Boolean(false), nil
		}
		right, err := c.eval(e.R, s)
		return pcore.Boolean(err == nil && pcore.Truthy(right)), err
	case "or":
		if pcore.Truthy(left) {
			return pcore.Boolean(true), nil
		}
		right, err := c.eval(e.R, s)
		return pcore.Boolean(err == nil && pcore.Truthy(right)), err
	}
	right, err := c.eval(e.R, s)
	if err != nil {
		return nil, err
	}
	switch e.Op {
	case "==":
		return pcore.Boolean(pcore.Equal(left, right)), nil
	case "!=":
		return pcore.Boolean(!pcore.Equal(left, right)), nil
	case "<", "<=", ">", ">=":
		return c.comparison(e, left, right)
	case "=~", "!~":
		hit, err := c.match(e, left, right, s)
		return pcore.Boolean(hit == (e.Op == "=~")), err
	case "in":
		return pcore.Boolean(c.includes(right, left, s)), nil
	}
	return c.arithmetic(e, left, right)
}

func (c *Compiler) minus(e *syntax.Minus, s *Scope) (pcore.Value, error) {
	v, err := c.eval(e.X, s)
	if err != nil {
		return nil, err
	}
	v, err = c.numeric(v, e)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case pcore.Integer:
		return -v, nil
	case pcore.Float:
		return -v, nil
	case pcore.Timespan:
		return -v, nil
	}
	return nil, notApplicable(e.X, "-", v)
}

func notApplicable(n syntax.Expr, op string, left pcore.Value) error {
	return fail(n, "OPERATOR_NOT_APPLICABLE", "Operator '%s' is not applicable to %s.", op, aLabel(left))
}

func notApplicableWhen(n syntax.Expr, op string, left, right pcore.Value) error {
	return fail(n, "OPERATOR_NOT_APPLICABLE_WHEN", "Operator '%s' is not applicable to %s when right side is %s.", op, aLabel(left), aLabel(right))
}

func (c *Compiler) arithmetic(e *syntax.Binary, left, right pcore.Value) (pcore.Value, error) {
	switch l := left.(type) {
	case *pcore.Array, *pcore.Hash:
		switch e.Op {
		case "+":
			v, err := concatenate(l, right)
			if err != nil {
				return nil, err
			}
			return v, c.collectionSize(v)
		case "-":
			return without(l, right), nil
		case "<<":
			a, ok := l.(*pcore.Array)
			if !ok {
				return nil, notApplicable(e.L, e.Op, left)
			}
			return pcore.NewArray(append(append(make([]pcore.Value, 0, a.Len()+1), a.Slice()...), right)), nil
		}
	case pcore.Binary:
		if e.Op == "+" {
			if r, ok := right.(pcore.Binary); ok {
				return l + r, nil
			}
			return nil, raisef("Can only append Binary to a Binary")
		}
	case *pcore.URI:
		if e.Op == "+" {
			return addURI(l, right)
		}
	}
	l, err := c.numeric(left, e.L)
	if err != nil {
		return nil, err
	}
	r, err := c.numeric(right, e.R)
	if err != nil {
		return nil, err
	}
	return calculate(e, l, r)
}

func addURI(l *pcore.URI, right pcore.Value) (pcore.Value, error) {
	switch r := right.(type) {
	case *pcore.URI, pcore.String:
		return pcore.ParseURI(joinURI(l.String(), r.String()))
	}
	return nil, raisef("An URI can only be merged with an URI or String")
}

// concatenate is + of arrays and hashes.
func concatenate(left, right pcore.Value) (pcore.Value, error) {
	switch l := left.(type) {
	case *pcore.Array:
		more := []pcore.Value{right}
		switch r := right.(type) {
		case *pcore.Array:
			more = r.Slice()
		case *pcore.Hash:
			more = r.Pairs()
		}
		return pcore.NewArray(append(append(make([]pcore.Value, 0, l.Len()+len(more)), l.Slice()...), more...)), nil
	case *pcore.Hash:
		switch r := right.(type) {
		case *pcore.Hash:
			return l.Merge(r), nil
		case *pcore.Array:
			h, err := hashOf(r)
			if err != nil {
				return nil, err
			}
			return l.Merge(h), nil
		}
	}
	return nil, raisef("Can only append Array or Hash to a Hash")
}

// hashOf reads an array of pairs, or of keys and values in turn.
func hashOf(a *pcore.Array) (*pcore.Hash, error) {
	b := pcore.NewHashBuilder(a.Len())
	pairs := a.Len() > 0
	for _, e := range a.All() {
		if _, ok := e.(*pcore.Array); !ok {
			pairs = false
		}
	}
	if pairs {
		for _, e := range a.All() {
			p := e.(*pcore.Array)
			switch p.Len() {
			case 1:
				b.Set(p.At(0), pcore.Undef{})
			case 2:
				b.Set(p.At(0), p.At(1))
			default:
				return nil, raisef("invalid number of elements (%d for 1..2)", p.Len())
			}
		}
		return b.Hash(), nil
	}
	if a.Len()%2 != 0 {
		return nil, raisef("odd number of arguments for Hash")
	}
	for i := 0; i < a.Len(); i += 2 {
		b.Set(a.At(i), a.At(i+1))
	}
	return b.Hash(), nil
}

// without is - of arrays and hashes.
func without(left, right pcore.Value) pcore.Value {
	drop := []pcore.Value{right}
	switch r := right.(type) {
	case *pcore.Array:
		drop = r.Slice()
	case *pcore.Hash:
		if _, ok := left.(*pcore.Hash); ok {
			drop = r.Keys()
		} else {
			drop = r.Pairs()
		}
	}
	gone := make(map[any]bool, len(drop))
	for _, v := range drop {
		gone[pcore.Key(v)] = true
	}
	if h, ok := left.(*pcore.Hash); ok {
		b := pcore.NewHashBuilder(h.Len())
		for k, v := range h.All() {
			if !gone[pcore.Key(k)] {
				b.Set(k, v)
			}
		}
		return b.Hash()
	}
	var kept []pcore.Value
	for _, v := range left.(*pcore.Array).All() {
		if !gone[pcore.Key(v)] {
			kept = append(kept, v)
		}
	}
	return pcore.NewArray(kept)
}

// numeric gives the number that a value is or, with a warning, says.
func (c *Compiler) numeric(v pcore.Value, n syntax.Expr) (pcore.Value, error) {
	switch v := v.(type) {
	case pcore.Integer, pcore.Float, pcore.Timespan, pcore.Timestamp:
		return v, nil
	case pcore.String:
		number, ok := ParseNumber(string(v))
		if !ok {
			break
		}
		const text = "The string '%s' was automatically coerced to the numerical value %s"
		switch c.settings.Strict {
		case "off":
		case "error":
			return nil, fail(n, "NUMERIC_COERCION", text, string(v), number.String())
		default:
			c.warnAt(n, "NUMERIC_COERCION", text, string(v), number.String())
		}
		return number, nil
	}
	return nil, fail(n, "NOT_NUMERIC", "The value '%s' cannot be converted to Numeric.", rubyText(v))
}

var number = regexp.MustCompile(`^[ \t]*([-+]?)[ \t]*(?:(0[xX][0-9A-Fa-f]+)|(0?\d+)((?:\.\d+)?(?:[eE]-?\d+)?))[ \t]*$`)

// ParseNumber reads a number in any notation of the language.
func ParseNumber(s string) (pcore.Value, bool) {
	m := number.FindStringSubmatch(s)
	if m == nil {
		return nil, false
	}
	var v pcore.Value
	switch {
	case m[2] != "":
		n, err := strconv.ParseInt(m[1]+m[2][2:], 16, 64)
		if err != nil {
			return nil, false
		}
		return pcore.Integer(n), true
	case m[4] != "":
		f, err := strconv.ParseFloat(m[3]+m[4], 64)
		if err != nil {
			return nil, false
		}
		if m[1] == "-" {
			f = -f
		}
		return pcore.Float(f), true
	default:
		base := 10
		if len(m[3]) > 1 && m[3][0] == '0' {
			base = 8
		}
		n, err := strconv.ParseInt(m[1]+m[3], base, 64)
		if err != nil {
			return nil, false
		}
		v = pcore.Integer(n)
	}
	return v, true
}

func calculate(e *syntax.Binary, l, r pcore.Value) (pcore.Value, error) {
	li, lok := l.(pcore.Integer)
	ri, rok := r.(pcore.Integer)
	if lok && rok {
		return integers(e, int64(li), int64(ri))
	}
	if isTime(l) || isTime(r) {
		return times(e, l, r)
	}
	_, lf := l.(pcore.Float)
	x, _ := seconds(l)
	y, _ := seconds(r)
	var f float64
	switch e.Op {
	case "+":
		f = x + y
	case "-":
		f = x - y
	case "*":
		f = x * y
	case "/":
		f = x / y
	case "%":
		if lf {
			return nil, notApplicable(e.L, e.Op, l)
		}
		return nil, notApplicableWhen(e.L, e.Op, l, r)
	default:
		if lf {
			return nil, notApplicable(e.L, e.Op, l)
		}
		n := int64(y)
		return integers(e, int64(li), n)
	}
	if math.IsInf(f, 0) {
		return nil, fail(e.L, "RESULT_IS_INFINITY", "The result of the %s expression is Infinity", e.Op)
	}
	return pcore.Float(f), nil
}

func integers(e *syntax.Binary, l, r int64) (pcore.Value, error) {
	switch e.Op {
	case "+":
		if sum := l + r; (sum > l) == (r > 0) {
			return pcore.Integer(sum), nil
		}
	case "-":
		if d := l - r; (d < l) == (r > 0) {
			return pcore.Integer(d), nil
		}
	case "*":
		if p, ok := multiply(l, r); ok {
			return pcore.Integer(p), nil
		}
	case "/", "%":
		if r == 0 {
			return nil, fail(e.R, "DIV_BY_ZERO", "Division by 0")
		}
		q, m := l/r, l%r
		if m != 0 && (m < 0) != (r < 0) {
			q, m = q-1, m+r
		}
		if e.Op == "%" {
			return pcore.Integer(m), nil
		}
		if l != math.MinInt64 || r != -1 {
			return pcore.Integer(q), nil
		}
	case "<<", ">>":
		if e.Op == ">>" {
			r = -r
		}
		if v, ok := shift(l, r); ok {
			return pcore.Integer(v), nil
		}
	}
	return nil, overflow(e, l, r)
}

func multiply(l, r int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(l), magnitude(r))
	negative := (l < 0) != (r < 0)
	if hi != 0 || lo > 1<<63 || lo == 1<<63 && !negative {
		return 0, false
	}
	return l * r, true
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func shift(l, n int64) (int64, bool) {
	if n <= 0 {
		return l >> uint64(min(-n, 63)), true
	}
	if l == 0 {
		return 0, true
	}
	if n > 63 || (l<<uint64(n))>>uint64(n) != l {
		return 0, false
	}
	return l << uint64(n), true
}
