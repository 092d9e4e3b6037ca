package function

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func numberFunctions(t *Table) {
	t.add("abs", on("Numeric val", absNumber), on("String val", fromText("abs", absNumber)))
	t.add("ceiling", on("Numeric val", rounded(math.Ceil)), on("String val", fromText("ceiling", rounded(math.Ceil))))
	t.add("floor", on("Numeric val", rounded(math.Floor)), on("String val", fromText("floor", rounded(math.Floor))))
	t.add("round", on("Numeric val", rounded(math.Round)))
}

func absNumber(c *call) (pcore.Value, error) {
	switch v := c.args[0].(type) {
	case pcore.Integer:
		if v < 0 {
			if v == pcore.MinInt {
				return nil, outOfRange(-float64(v))
			}
			return -v, nil
		}
	case pcore.Float:
		return pcore.Float(math.Abs(float64(v))), nil
	}
	return c.args[0], nil
}

func outOfRange(f float64) error {
	return fmt.Errorf("the value %s is outside of the range of an Integer", pcore.FormatFloat(f))
}

func rounded(round func(float64) float64) impl {
	return func(c *call) (pcore.Value, error) {
		v, ok := c.args[0].(pcore.Float)
		if !ok {
			return c.args[0], nil
		}
		f := round(float64(v))
		if math.IsNaN(f) || math.Abs(f) >= 1<<63 {
			return nil, outOfRange(f)
		}
		return pcore.Integer(f), nil
	}
}

var (
	integerText = regexp.MustCompile(`^ *-?\d+ *$`)
	floatText   = regexp.MustCompile(`^ *-?\d+\.\d+ *$`)
)

// fromText converts a numeric string first, with a warning that this will go away.
func fromText(name string, fn impl) impl {
	return func(c *call) (pcore.Value, error) {
		text := c.args[0].String()
		c.env.WarnOnce(name+"_function_numeric_coerce_string", fmt.Sprintf(
			"The %s() function's auto conversion of String to Numeric is deprecated - change to convert input before calling", name))
		number := strings.TrimSpace(text)
		switch {
		case integerText.MatchString(text):
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("the value %s is outside of the range of an Integer", number)
			}
			return fn(&call{env: c.env, name: c.name, args: []pcore.Value{pcore.Integer(n)}})
		case floatText.MatchString(text):
			f, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return nil, err
			}
			return fn(&call{env: c.env, name: c.name, args: []pcore.Value{pcore.Float(f)}})
		}
		if name == "abs" {
			return nil, fmt.Errorf("abs(): Requires float or integer to work with - was given non decimal string")
		}
		return nil, fmt.Errorf("%s(): cannot convert given value to a floating point value.", name)
	}
}
