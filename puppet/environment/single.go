package environment

import (
	"fmt"
	"strings"

	"github.com/chargehand/chargehand/puppet/eval"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// single checks that a file holds one definition, of the name it was loaded
// for, and nothing else.
func single(u *eval.Unit, kind, name, path string) error {
	defs := u.Program.Definitions
	switch len(defs) {
	case 0:
		return fmt.Errorf("The code loaded from %s does not define the %s '%s' - it is empty.", path, kind, name)
	case 1:
	default:
		return fmt.Errorf("The code loaded from %s must contain only the %s '%s' - it has additional definitions.", path, kind, name)
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
		return fmt.Errorf("The code loaded from %s does not define the function '%s' - no function found.", path, name)
	case actual == "":
		return fmt.Errorf("The code loaded from %s does not define the type '%s' - no type alias or type definition found.", path, name)
	case kind == "function" && actual != name:
		return fmt.Errorf("The code loaded from %s produced function with the wrong name, expected %s, actual %s", path, name, actual)
	case strings.ToLower(actual) != name:
		return fmt.Errorf("The code loaded from %s produced type with the wrong name, expected '%s', actual '%s'", path, name, actual)
	case u.Program.Body != defs[0] && kind == "function":
		return fmt.Errorf("The code loaded from %s contains additional logic - can only contain the function %s", path, name)
	case u.Program.Body != defs[0]:
		return fmt.Errorf("The code loaded from %s contains additional logic - can only contain the type '%s'", path, name)
	}
	return nil
}
