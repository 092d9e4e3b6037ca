package eval

import (
	"math/big"
	"net/url"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// overflow words the error for a result outside 64 bits, which it shows in
// hexadecimal.
func overflow(e *syntax.Binary, l, r int64) error {
	a, b := big.NewInt(l), big.NewInt(r)
	v := new(big.Int)
	switch e.Op {
	case "+":
		v.Add(a, b)
	case "-":
		v.Sub(a, b)
	case "*":
		v.Mul(a, b)
	case "/":
		v.Quo(a, b)
	default:
		const enough = 4096 // more would only fill memory
		if r < 0 {
			r = -r
		}
		v.Lsh(a, uint(min(r, enough)))
	}
	return fail(e, "NUMERIC_OVERFLOW", "%s resulted in a value outside of Puppet Integer %s range, got '%s'",
		upperFirst(syntax.AnLabel(e)), map[bool]string{true: "max", false: "min"}[v.Sign() > 0], rubyHex(v))
}

// rubyHex is %#+x of Ruby.
func rubyHex(v *big.Int) string {
	if v.Sign() < 0 {
		return "-0x" + new(big.Int).Neg(v).Text(16)
	}
	return "+0x" + v.Text(16)
}

func joinURI(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil {
		return base + ref
	}
	r, err := url.Parse(ref)
	if err != nil {
		return base + ref
	}
	return b.ResolveReference(r).String()
}

func isTime(v pcore.Value) bool {
	switch v.(type) {
	case pcore.Timespan, pcore.Timestamp:
		return true
	}
	return false
}

// times is arithmetic with points in time and durations.
func times(e *syntax.Binary, l, r pcore.Value) (pcore.Value, error) {
	if !isTime(l) {
		span, isSpan := r.(pcore.Timespan)
		n, _ := seconds(l)
		switch {
		case e.Op == "+" || e.Op == "*" && isSpan:
			l, r = r, l
		case e.Op == "-" && isSpan:
			return pcore.Timespan(n*1e9) - span, nil
		default:
			return nil, notApplicableWhen(e.L, e.Op, l, r)
		}
	}
	n, isNumber := seconds(r)
	switch l := l.(type) {
	case pcore.Timestamp:
		return timestamps(e, l, r, n, isNumber)
	case pcore.Timespan:
		return timespans(e, l, r, n, isNumber)
	}
	return nil, notApplicable(e.L, e.Op, l)
}

func timestamps(e *syntax.Binary, l pcore.Timestamp, r pcore.Value, n float64, isNumber bool) (pcore.Value, error) {
	span, isSpan := r.(pcore.Timespan)
	if isNumber {
		span, isSpan = pcore.Timespan(n*1e9), true
	}
	switch {
	case e.Op == "+" && isSpan:
		return l + pcore.Timestamp(span), nil
	case e.Op == "-" && isSpan:
		return l - pcore.Timestamp(span), nil
	case e.Op == "-":
		if o, ok := r.(pcore.Timestamp); ok {
			return pcore.Timespan(l - o), nil
		}
	case e.Op == "+":
		return nil, operand(r, "added to", "a Timestamp")
	}
	return nil, notApplicable(e.L, e.Op, l)
}

func timespans(e *syntax.Binary, l pcore.Timespan, r pcore.Value, n float64, isNumber bool) (pcore.Value, error) {
	span, isSpan := r.(pcore.Timespan)
	i, isInt := r.(pcore.Integer)
	switch e.Op {
	case "+":
		switch {
		case isSpan:
			return l + span, nil
		case isNumber:
			return l + pcore.Timespan(n*1e9), nil
		}
		if t, ok := r.(pcore.Timestamp); ok {
			return t + pcore.Timestamp(l), nil
		}
	case "-":
		switch {
		case isSpan:
			return l - span, nil
		case isNumber:
			return l - pcore.Timespan(n*1e9), nil
		}
	case "*":
		switch {
		case isInt:
			return l * pcore.Timespan(i), nil
		case isNumber:
			return pcore.Timespan(float64(l) * n), nil
		}
		return nil, operand(r, "multiplied by", "a Timespan")
	case "/":
		switch {
		case isSpan && span == 0, isNumber && n == 0:
			return nil, fail(e.R, "DIV_BY_ZERO", "Division by 0")
		case isSpan:
			return pcore.Float(float64(l) / float64(span)), nil
		case isNumber:
			return pcore.Timespan(float64(l) / n), nil
		}
	case "%":
		if isInt && i != 0 {
			m := l % pcore.Timespan(int64(i)*1e9)
			return m, nil
		}
	}
	return nil, notApplicable(e.L, e.Op, l)
}

func operand(v pcore.Value, verb, what string) error {
	return &issue{"RUNTIME_ERROR", rubyClass(v) + " cannot be " + verb + " " + what}
}
