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

// Where finds the line that the exception came from: the innermost of the
// backtrace, or what a SyntaxError cites, that is in one of the sources. "" and 0
// is none of them.
func (e *Error) Where(sources []string) (source string, line int) {
	at := e.Backtrace
	if e.Class == "SyntaxError" {
		at = append([]string{e.Message}, at...)
	}
	for _, at := range at {
		for _, source := range sources {
			rest, ok := strings.CutPrefix(at, source+":")
			if !ok {
				continue
			}
			digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
			if line, err := strconv.Atoi(digits); err == nil {
				return source, line
			}
		}
	}
	return "", 0
}
