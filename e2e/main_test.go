//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/chargehand/chargehand/e2e/site"
)

// binary is the program under test, built once; cache is the Ruby interpreter's,
// compiled once and kept between runs.
var binary, cache string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "e2e")
	if err == nil {
		cache, err = site.Cache("ruby")
	}
	if err == nil {
		binary, err = site.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
