package environment

import (
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// wordedError is an error in Puppet's words.
type wordedError string

func (w wordedError) Error() string { return string(w) }

func wordedf(format string, args ...any) error { return wordedError(fmt.Sprintf(format, args...)) }

// single checks that a file holds one definition, of the name it was loaded
// for, and nothing else.
func single(u *eval.Unit, kind, name, path string) error {
	defs := u.Program.Definitions
	switch len(defs) {
	case 0:
		return wordedf("The code loaded from %s does not define the %s '%s' - it is empty.", path, kind, name)
	case 1:
	default:
		return wordedf("The code loaded from %s must contain only the %s '%s' - it has additional definitions.", path, kind, name)
	}
	actual := ""
	switch d := defs[0].(type) {
	case *syntax.Function:
		if kind == "function" {
			actual = d.Name
		}
	case *syntax.TypeAlias:
		if kind == "type" {
			actual = d.Name
		}
	}
	switch {
	case actual == "" && kind == "function":
		return wordedf("The code loaded from %s does not define the function '%s' - no function found.", path, name)
	case actual == "":
		return wordedf("The code loaded from %s does not define the type '%s' - no type alias or type definition found.", path, name)
	case kind == "function" && actual != name:
		return wordedf("The code loaded from %s produced function with the wrong name, expected %s, actual %s", path, name, actual)
	case strings.ToLower(actual) != name:
		return wordedf("The code loaded from %s produced type with the wrong name, expected '%s', actual '%s'", path, name, actual)
	case u.Program.Body != defs[0] && kind == "function":
		return wordedf("The code loaded from %s contains additional logic - can only contain the function %s", path, name)
	case u.Program.Body != defs[0]:
		return wordedf("The code loaded from %s contains additional logic - can only contain the type '%s'", path, name)
	}
	return nil
}
