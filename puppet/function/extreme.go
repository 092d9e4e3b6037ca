package function

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func extremeFunctions(t *Table) {
	for name, sign := range map[string]int{"min": -1, "max": 1} {
		plain := func(c *call) (pcore.Value, error) { return extreme(c, c.args, sign) }
		inArray := func(c *call) (pcore.Value, error) { return extreme(c, c.args[0].(*pcore.Array).Slice(), sign) }
		t.add(name, on("Numeric values*", plain), on("String values*", plain),
			on("Array[Numeric] values, Callable[2,2] block?", inArray), on("Array[String] values, Callable[2,2] block?", inArray),
			on("Array values, Callable[2,2] block?", inArray), on("Any values*, Callable[2,2] block", plain),
			on("Any values*", plain))
	}
	f := t.add("compare", on("Numeric a, Numeric b", compare), on("String a, String b, Boolean ignore_case?", compareTexts),
		on("SemVer a, SemVer b", compare), on("Numeric a, Variant[Timespan, Timestamp] b", compareTimes),
		on("Timestamp a, Variant[Timestamp, Numeric] b", compareTimes), on("Timespan a, Variant[Timespan, Numeric] b", compareTimes))
	f.mismatch = compareMismatch
}

// extreme gives the largest or smallest value: by the block, as numbers, as texts or, what is
// deprecated, as a mixture of both.
func extreme(c *call, values []pcore.Value, sign int) (pcore.Value, error) {
	if len(values) == 0 {
		if c.block != nil {
			return pcore.Undef{}, nil
		}
		return nil, fmt.Errorf("%s(): Wrong number of arguments need at least one", c.name)
	}
	best := values[0]
	for _, v := range values[1:] {
		var n int
		var err error
		if c.block != nil {
			n, err = blockOrder(c.block, v, best)
		} else {
			n, err = c.order(v, best)
		}
		if err != nil {
			return nil, err
		}
		if n*sign > 0 {
			best = v
		}
	}
	return best, nil
}

// numericText is how the functions tell strings that they take for numbers.
var numericText = regexp.MustCompile(`^-?\d+([._eE]\d+)?$`)

func (c *call) order(a, b pcore.Value) (int, error) {
	_, aText := a.(pcore.String)
	_, bText := b.(pcore.String)
	if n, err := compareValues(a, b); err == nil && !aText {
		return n, nil
	}
	x, y := a.String(), b.String()
	if numericText.MatchString(x) && numericText.MatchString(y) {
		c.env.WarnOnce(c.name+"_function_numeric_coerce_string", fmt.Sprintf(
			"The %s() function's auto conversion of String to Numeric is deprecated - change to convert input before calling, or use lambda", c.name))
		return cmp.Compare(rubyToFloat(x), rubyToFloat(y)), nil
	}
	if !aText || !bText {
		c.env.WarnOnce(c.name+"_function_string_coerce_any", fmt.Sprintf(
			"The %s() function's auto conversion of Any to String is deprecated - change to convert input before calling, or use lambda", c.name))
	}
	return cmp.Compare(x, y), nil
}

// rubyToFloat reads the number a text starts with, 0 when there is none.
func rubyToFloat(s string) float64 {
	for n := len(s); n > 0; n-- {
		if f, err := strconv.ParseFloat(s[:n], 64); err == nil {
			return f
		}
	}
	return 0
}

func compare(c *call) (pcore.Value, error) {
	n, err := compareValues(c.args[0], c.args[1])
	return pcore.Integer(n), err
}

func compareTexts(c *call) (pcore.Value, error) {
	a, b := c.args[0].String(), c.args[1].String()
	if c.arg(2) != pcore.Value(pcore.Boolean(false)) {
		a, b = asciiLower(a), asciiLower(b)
	}
	return pcore.Integer(cmp.Compare(a, b)), nil
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// compareTimes compares times with each other and with seconds.
func compareTimes(c *call) (pcore.Value, error) {
	seconds := func(v pcore.Value) (float64, error) {
		switch v := v.(type) {
		case pcore.Timestamp:
			return float64(v) / 1e9, nil
		case pcore.Timespan:
			return float64(v) / 1e9, nil
		case pcore.Integer:
			return float64(v), nil
		case pcore.Float:
			return float64(v), nil
		}
		return 0, errors.New("not a time")
	}
	if n, err := compareValues(c.args[0], c.args[1]); err == nil {
		return pcore.Integer(n), nil
	}
	a, err := seconds(c.args[0])
	if err != nil {
		return nil, err
	}
	b, err := seconds(c.args[1])
	if err != nil {
		return nil, err
	}
	return pcore.Integer(cmp.Compare(a, b)), nil
}

func comparable(v pcore.Value) bool {
	switch v.(type) {
	case pcore.String, pcore.Integer, pcore.Float, pcore.Timestamp, pcore.Timespan, *pcore.SemVer:
		return true
	}
	return false
}

func compareMismatch(c *call) string {
	if len(c.args) < 2 {
		return ""
	}
	a, b := c.args[0], c.args[1]
	if !comparable(a) || !comparable(b) {
		return fmt.Sprintf("compare(): Non comparable type. Only values of the types Numeric, String, Semver, Timestamp and Timestamp can be compared. Got %s and %s",
			pcore.Label(a), pcore.Label(b))
	}
	if extra := c.args[2:]; len(extra) > 0 {
		_, aText := a.(pcore.String)
		_, bText := b.(pcore.String)
		switch {
		case !aText || !bText:
			return "compare(): The third argument (ignore case) can only be used when comparing strings"
		case len(extra) != 1:
			return fmt.Sprintf("compare(): Accepts at most 3 arguments, got %d", 2+len(extra))
		default:
			return "compare(): The third argument (ignore case) must be a Boolean. Got " + pcore.Label(extra[0])
		}
	}
	return fmt.Sprintf("compare(): Can only compare values of the same type (or for Timestamp/Timespan also against Numeric). Got %s and %s",
		pcore.Label(a), pcore.Label(b))
}
