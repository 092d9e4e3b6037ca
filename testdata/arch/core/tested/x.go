// Package tested imports testing.
package tested

import _ "testing"
