package function

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func versionFunctions(t *Table) {
	t.add("versioncmp", on("String a, String b, Boolean ignore_trailing_zeroes?", func(c *call) (pcore.Value, error) {
		a, b := c.args[0].String(), c.args[1].String()
		if c.arg(2) == pcore.Value(pcore.Boolean(true)) {
			a, b = withoutZeroes(a), withoutZeroes(b)
		}
		return pcore.Integer(CompareVersions(a, b)), nil
	}))
}

var versionPart = regexp.MustCompile(`[-.]|\d+|[^-.\d]+`)

func withoutZeroes(v string) string {
	head, tail, dashed := strings.Cut(v, "-")
	head = strings.TrimRight(head, ".0")
	if dashed {
		return head + "-" + tail
	}
	return head
}

// CompareVersions orders versions of packages: numbers by value, letters after numbers' end, a dash
// before a dot.
func CompareVersions(a, b string) int {
	as, bs := versionPart.FindAllString(a, -1), versionPart.FindAllString(b, -1)
	for i := range min(len(as), len(bs)) {
		x, y := as[i], bs[i]
		switch {
		case x == y:
			continue
		case x == "-":
			return -1
		case y == "-":
			return 1
		case x == ".":
			return -1
		case y == ".":
			return 1
		}
		if digits(x) && digits(y) && x[0] != '0' && y[0] != '0' {
			return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
		}
		return cmp.Compare(strings.ToUpper(x), strings.ToUpper(y))
	}
	return cmp.Compare(a, b)
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }
