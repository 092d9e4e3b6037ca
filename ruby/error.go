package ruby

import (
	"strconv"
	"strings"
)

// An Error is an exception that left the Ruby code.
type Error struct {
	Class     string
	Message   string
	Backtrace []string // FILE:LINE:in …, innermost first
	Cause     error    // the host's error that it began with, if any
}

// Error gives message and class as Ruby prints them.
func (e *Error) Error() string { return e.Message + " (" + e.Class + ")" }

// Unwrap gives the host's error.
func (e *Error) Unwrap() error { return e.Cause }

// Line finds where in a source the exception came from: the innermost line of
// the backtrace that is in it, or the line that a SyntaxError cites. 0 is not there.
func (e *Error) Line(source string) int {
	for _, at := range append([]string{e.Message}, e.Backtrace...) {
		if rest, ok := strings.CutPrefix(at, source+":"); ok {
			digits, _, _ := strings.Cut(rest, ":")
			if line, err := strconv.Atoi(digits); err == nil {
				return line
			}
		}
	}
	return 0
}
