package syntax

import (
	"fmt"
	"strings"
)

// Error is a finding about a source: an error that ends the parse, one of the
// errors validation collects, or a warning.
type Error struct {
	Code    string // Puppet's issue code, "" where it has none
	Message string
	File    string
	Line    int // 0 when unknown
	Column  int // 0 when unknown
}

// Error is the message followed by its place in Puppet's wording.
func (e *Error) Error() string { return e.Message + Location(e.File, e.Line, e.Column) }

// Location words a place the way Puppet appends it to messages: " (file: f,
// line: 1, column: 2)", or "" when nothing is known.
func Location(file string, line, column int) string {
	var parts []string
	if file != "" {
		parts = append(parts, "file: "+file)
	}
	if line > 0 {
		parts = append(parts, fmt.Sprintf("line: %d", line))
	}
	if column > 0 {
		parts = append(parts, fmt.Sprintf("column: %d", column))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (s *Source) errorAt(offset int, code, format string, args ...any) *Error {
	return &Error{
		Code: code, Message: fmt.Sprintf(format, args...), File: s.File,
		Line: s.Line(offset), Column: s.Column(offset),
	}
}

// Limits of what is read at all. They are far above anything people write.
const (
	maxSource = 16 << 20
	maxDepth  = 800
)
