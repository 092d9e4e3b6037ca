package sqldb

import (
	"database/sql/driver"
	"fmt"
	"regexp"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"modernc.org/sqlite"
)

// registerRegexp gives SQLite the function behind its REGEXP operator, and those
// of functions.go, once for the process: the driver keeps one table of functions for all databases.
var registerRegexp = sync.OnceValue(func() error {
	compiled, err := lru.New[string, *regexp.Regexp](256)
	if err != nil {
		return err
	}
	if err := registerFunctions(); err != nil {
		return err
	}
	return sqlite.RegisterDeterministicScalarFunction("regexp", 2, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		pattern, ok := args[0].(string)
		subject, isText := args[1].(string)
		if !ok || !isText {
			return nil, nil // NULL, as for any operator on what it does not fit
		}
		re, ok := compiled.Get(pattern)
		if !ok {
			var err error
			if re, err = regexp.Compile(pattern); err != nil {
				return nil, fmt.Errorf("invalid regular expression: %w", err)
			}
			compiled.Add(pattern, re)
		}
		return re.MatchString(subject), nil
	})
})
