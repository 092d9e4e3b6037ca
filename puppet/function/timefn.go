package function

import "github.com/chargehand/chargehand/puppet/pcore"

func timeFunctions(t *Table) {
	zone := func(c *call, i int) string {
		if v := c.arg(i); v != nil {
			return v.String()
		}
		return ""
	}
	t.add("strftime", on("Timespan time_object, String format", func(c *call) (pcore.Value, error) {
		s, err := c.args[0].(pcore.Timespan).Strftime(c.args[1].String())
		return pcore.String(s), err
	}), on("Timestamp time_object, String format, String timezone?", func(c *call) (pcore.Value, error) {
		s, err := c.args[0].(pcore.Timestamp).Strftime(c.args[1].String(), zone(c, 2))
		return pcore.String(s), err
	}), on("String format, String timezone?", func(c *call) (pcore.Value, error) {
		c.env.WarnOnce("legacy#strftime", "The argument signature (String format, [String timezone]) is deprecated for #strftime. See #strftime documentation and Timespan type for more info")
		now, err := c.env.Maker().New(&pcore.TimestampType{Min: pcore.MinInt, Max: pcore.MaxInt}, nil)
		if err != nil {
			return nil, err
		}
		s, err := now.(pcore.Timestamp).Strftime(c.args[0].String(), zone(c, 1))
		return pcore.String(s), err
	}))
}
