package function

import (
	"fmt"

	"github.com/chargehand/chargehand/puppet/pcore"
)

// A legacy function is of the old kind, which takes an array of arguments: only their number is
// checked, and undef comes as an empty string.
type legacy struct {
	arity int // as in Ruby: negative for "at least -n-1"
	fn    impl
}

func (t *Table) addLegacy(name string, arity int, fn impl) {
	t.functions[name] = &function{legacy: &legacy{arity, fn}}
}

func (l *legacy) call(c *call) (pcore.Value, error) {
	n := len(c.args)
	if l.arity >= 0 && n != l.arity {
		return nil, fmt.Errorf("%s(): Wrong number of arguments given (%d for %d)", c.name, n, l.arity)
	}
	if l.arity < 0 && n < -l.arity-1 {
		return nil, fmt.Errorf("%s(): Wrong number of arguments given (%d for minimum %d)", c.name, n, -l.arity-1)
	}
	args := make([]pcore.Value, n)
	for i, a := range c.args {
		args[i] = a
		switch a := a.(type) {
		case pcore.Undef:
			args[i] = pcore.String("")
		case pcore.Binary, *pcore.Regexp, *pcore.SemVer, *pcore.SemVerRange, pcore.Timestamp, pcore.Timespan, *pcore.URI:
			args[i] = pcore.String(a.String())
		}
	}
	c.args = args
	return l.fn(c)
}
