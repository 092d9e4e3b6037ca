package app

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/chargehand/chargehand/internal/errs"
)

func idText(id int64) string { return strconv.FormatInt(id, 10) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// encode writes decoded parameters back as JSON, for parsers that check them.
func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	return text, errs.WrapAs(errs.Malformed, err, "read the body")
}
