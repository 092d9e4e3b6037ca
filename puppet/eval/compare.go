package eval

import (
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// comparison is < and its kin. Between types it asks which is the narrower.
func (c *Compiler) comparison(e *syntax.Binary, left, right pcore.Value) (pcore.Value, error) {
	if lt, ok := left.(pcore.Type); ok {
		rt, ok := right.(pcore.Type)
		if !ok {
			return pcore.Boolean(false), nil
		}
		same := pcore.SameType(lt, rt)
		switch e.Op {
		case "<":
			return pcore.Boolean(!same && pcore.IsAssignable(rt, lt)), nil
		case "<=":
			return pcore.Boolean(pcore.IsAssignable(rt, lt)), nil
		case ">":
			return pcore.Boolean(!same && pcore.IsAssignable(lt, rt)), nil
		}
		return pcore.Boolean(pcore.IsAssignable(lt, rt)), nil
	}
	n, err := Compare(left, right)
	if err != nil {
		return nil, fail(e, "COMPARISON_NOT_POSSIBLE", "Comparison of: %s %s %s, is not possible. Caused by '%s'.", label(left), e.Op, label(right), err.Error())
	}
	switch e.Op {
	case "<":
		return pcore.Boolean(n < 0), nil
	case "<=":
		return pcore.Boolean(n <= 0), nil
	case ">":
		return pcore.Boolean(n > 0), nil
	}
	return pcore.Boolean(n >= 0), nil
}

// Compare orders two values as < does.
func Compare(a, b pcore.Value) (int, error) {
	switch a := a.(type) {
	case pcore.String:
		b, ok := b.(pcore.String)
		if !ok {
			return 0, raisef("A String is not comparable to a non String")
		}
		return strings.Compare(foldASCII(string(a)), foldASCII(string(b))), nil
	case pcore.Integer, pcore.Float:
		return compareNumber(a, b)
	case pcore.Timespan:
		if n, ok := seconds(b); ok {
			return sign(float64(a)/1e9 - n), nil
		}
		if b, ok := b.(pcore.Timespan); ok {
			return sign(float64(a) - float64(b)), nil
		}
		return 0, raisef("Timespans are only comparable to Timespans, Integers, and Floats")
	case pcore.Timestamp:
		if n, ok := seconds(b); ok {
			return sign(float64(a)/1e9 - n), nil
		}
		if b, ok := b.(pcore.Timestamp); ok {
			return sign(float64(a) - float64(b)), nil
		}
		return 0, raisef("Timestamps are only comparable to Timestamps, Integers, and Floats")
	case *pcore.SemVer:
		if b, ok := b.(*pcore.SemVer); ok {
			return a.Compare(b), nil
		}
		return 0, raisef("Versions not comparable to non Versions")
	case pcore.Default:
		if _, ok := b.(pcore.Default); ok {
			return 0, nil
		}
		return 0, raisef("Symbol not comparable to non Symbol")
	}
	return 0, raisef("Only Strings, Numbers, Timespans, Timestamps, and Versions are comparable")
}

func compareNumber(a, b pcore.Value) (int, error) {
	switch b := b.(type) {
	case pcore.Integer:
		if a, ok := a.(pcore.Integer); ok {
			switch {
			case a < b:
				return -1, nil
			case a > b:
				return 1, nil
			}
			return 0, nil
		}
		return sign(float64(a.(pcore.Float)) - float64(b)), nil
	case pcore.Float:
		x, _ := seconds(a)
		return sign(x - float64(b)), nil
	case pcore.Timespan, pcore.Timestamp:
		n, err := Compare(b, a)
		return -n, err
	}
	return 0, raisef("A Numeric is not comparable to non Numeric")
}

func seconds(v pcore.Value) (float64, bool) {
	switch v := v.(type) {
	case pcore.Integer:
		return float64(v), true
	case pcore.Float:
		return float64(v), true
	}
	return 0, false
}

func sign(f float64) int {
	switch {
	case f < 0:
		return -1
	case f > 0:
		return 1
	}
	return 0
}

func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
