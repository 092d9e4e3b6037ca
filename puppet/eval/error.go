package eval

import (
	"errors"
	"fmt"

	"github.com/chargehand/chargehand/puppet/pcore"
	"github.com/chargehand/chargehand/puppet/syntax"
)

// Class says which of Puppet's exceptions an error stands for.
type Class uint8

// The classes of errors.
const (
	LanguageError Class = iota // found by parser, validation or evaluator, with a place
	CompileError               // found while the catalog was built
	LookupError                // Hiera
)

// Error is an error with all that can be known of its place; it passes through
// enclosing expressions unchanged.
type Error struct {
	Class   Class
	Code    string // Puppet's issue code, "" where it has none
	Message string // without the place
	File    string
	Line    int
	Column  int
	Cause   error // nil, or what led here
}

// Error is the message with its place, as Puppet words it.
func (e *Error) Error() string { return e.Message + syntax.Location(e.File, e.Line, e.Column) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// issue is an error of the evaluator that has an issue code but, so far, no
// place: the innermost expression that sees it lends its own.
type issue struct {
	code, message string
}

func (i *issue) Error() string { return i.message }

// compileFailure is a message that may have a file and line of its own. Puppet
// calls it a ParseError: one without a place takes that of the expression.
type compileFailure struct {
	message string
	file    string
	line    int
}

func (f *compileFailure) Error() string { return f.message + syntax.Location(f.file, f.line, 0) }

// raise is an error in Puppet's words, without a place: it takes that of the
// expression it comes out of.
func raise(message string) error { return &worded{message} }

func raisef(format string, args ...any) error { return &worded{fmt.Sprintf(format, args...)} }

type worded struct{ message string }

func (w *worded) Error() string { return w.message }

// failAt is an error of the catalog's making, placed at a file and line.
func failAt(file string, line int, format string, args ...any) error {
	return &compileFailure{message: fmt.Sprintf(format, args...), file: file, line: line}
}

// fail is an evaluation error at a node.
func fail(n syntax.Node, code, format string, args ...any) error {
	p := n.Base()
	return &Error{
		Code: code, Message: "Evaluation Error: " + fmt.Sprintf(format, args...),
		File: p.File(), Line: p.Line(), Column: p.Column(),
	}
}

// placed gives an error the place of the expression it came out of, unless it
// has one.
func placed(err error, n syntax.Expr) error {
	switch e := err.(type) {
	case *Error, *jump, *limitError:
		return err
	case *issue:
		return fail(n, e.code, "%s", e.message)
	case *compileFailure:
		if e.file != "" || e.line > 0 {
			return &Error{Class: CompileError, Message: e.message, File: e.file, Line: e.line}
		}
	}
	var found *syntax.Error
	if errors.As(err, &found) {
		return &Error{Code: found.Code, Message: found.Message, File: found.File, Line: found.Line, Column: found.Column, Cause: err}
	}
	var placedAlready *Error
	if errors.As(err, &placedAlready) {
		return placedAlready
	}
	wrapped := fail(n, "RUNTIME_ERROR", "Error while evaluating %s, %s", syntax.AnLabel(n), err.Error()).(*Error)
	wrapped.Cause = err
	return wrapped
}

// jump is the way of next, return and break through the evaluator.
type jump struct {
	kind  jumpKind
	value pcore.Value
	file  string
	line  int
}

type jumpKind uint8

const (
	jumpNext jumpKind = iota
	jumpReturn
	jumpBreak
)

func (j *jump) Error() string {
	return [...]string{"next", "return", "break"}[j.kind] + "() from context where this is illegal"
}

// limitError ends a compilation that goes on too long.
type limitError struct{ message string }

func (l *limitError) Error() string { return l.message }
