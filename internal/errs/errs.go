// Package errs is the closed table of error kinds: every error that crosses a
// package border carries one, and the edges turn it into an HTTP status, an
// exit code and a body in one place each.
//
// It imports the standard library only and may be imported by everything.
package errs

import (
	"errors"
	"fmt"
	"strings"
)

// A Kind says what a caller can do about an error.
type Kind uint8

// The kinds. Their statuses and exit codes (sysexits.h) stand in the table below.
const (
	Internal        Kind = iota // a defect of ours; the text stays in the log
	Malformed                   // the request cannot be read
	Unauthenticated             // who are you?
	Forbidden                   // you may not
	NotFound                    // it does not exist, or you may not see it
	Conflict                    // it exists already, or is in use
	TooLarge                    // over a bound on size, depth or count
	Invalid                     // readable, but breaks a rule; carries Fields where fields are to blame
	Limited                     // too many attempts
	Unsupported                 // a known thing that this program does not do
	Upstream                    // another system failed
	Unavailable                 // try again later
)

type traits struct {
	name   string
	status int
	exit   int
}

var table = [...]traits{
	Internal:        {"internal error", 500, 70},
	Malformed:       {"malformed", 400, 64},
	Unauthenticated: {"unauthenticated", 401, 77},
	Forbidden:       {"forbidden", 403, 77},
	NotFound:        {"not found", 404, 66},
	Conflict:        {"conflict", 409, 73},
	TooLarge:        {"too large", 413, 65},
	Invalid:         {"invalid", 422, 65},
	Limited:         {"too many attempts", 429, 75},
	Unsupported:     {"unsupported", 501, 69},
	Upstream:        {"upstream failed", 502, 76},
	Unavailable:     {"unavailable", 503, 75},
}

// Kinds lists every kind, for tests that walk the table.
func Kinds() []Kind {
	kinds := make([]Kind, len(table))
	for i := range table {
		kinds[i] = Kind(i)
	}
	return kinds
}

func (k Kind) traits() traits {
	if int(k) >= len(table) {
		return table[Internal]
	}
	return table[k]
}

// String names the kind in words.
func (k Kind) String() string { return k.traits().name }

// Status is the HTTP status that the kind answers with.
func (k Kind) Status() int { return k.traits().status }

// Exit is the process exit code of a command that ends with the kind.
func (k Kind) Exit() int { return k.traits().exit }

// KindOfStatus is the kind that best says what an HTTP status from another
// system means: the table read backwards, 5xx without an entry being Upstream
// and other 4xx Malformed.
func KindOfStatus(status int) Kind {
	for i, t := range table {
		if t.status == status && status != 500 {
			return Kind(i)
		}
	}
	if status >= 500 {
		return Upstream
	}
	return Malformed
}

// A FieldError is one broken rule about one field. Field "base" is the record
// as a whole, as Foreman has it.
type FieldError struct {
	Field   string
	Message string
}

// An Error is a kind, a message for the person who asked, and the cause for the
// log. The message of an Internal error is never shown to clients.
type Error struct {
	Kind    Kind
	Message string
	Fields  []FieldError // only with Invalid and Conflict
	Cause   error
}

// Error gives the message, then the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Public())
	if e.Cause != nil {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(e.Cause.Error())
	}
	return b.String()
}

// Public is the text that may be shown to whoever asked: the message and the
// field errors, never the cause.
func (e *Error) Public() string {
	parts := make([]string, 0, len(e.Fields)+1)
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	for _, f := range e.Fields {
		if f.Field == "base" || f.Field == "" {
			parts = append(parts, f.Message)
			continue
		}
		parts = append(parts, f.Field+" "+f.Message)
	}
	if len(parts) == 0 {
		return e.Kind.String()
	}
	return strings.Join(parts, "; ")
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New makes an error of a kind; the format is for the person who asked.
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap says what was being done when cause happened. The kind is the cause's
// own (Internal when it has none), and so are its field errors. Wrap of nil is nil.
func Wrap(cause error, format string, args ...any) error {
	if cause == nil {
		return nil
	}
	return &Error{Kind: KindOf(cause), Message: fmt.Sprintf(format, args...), Fields: FieldsOf(cause), Cause: cause}
}

// WrapAs is Wrap with the kind set, for where another system's error becomes ours.
func WrapAs(kind Kind, cause error, format string, args ...any) error {
	if cause == nil {
		return nil
	}
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// InvalidFields makes an Invalid error of broken rules; nil when there are none.
func InvalidFields(fields []FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Fields: fields}
}

// InvalidField makes an Invalid error about one field.
func InvalidField(field, format string, args ...any) error {
	return InvalidFields([]FieldError{{Field: field, Message: fmt.Sprintf(format, args...)}})
}

// KindOf finds the kind of err: the outermost *Error's, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// FieldsOf gives the field errors of err, if it carries any.
func FieldsOf(err error) []FieldError {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Fields
	}
	return nil
}

// PublicText is what an edge may show of err: the outermost *Error's public
// text, and for Internal errors only the kind's name.
func PublicText(err error) string {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind == Internal {
		return Internal.String()
	}
	if e.Message == "" || e.Cause == nil {
		return e.Public()
	}
	if inner, ok := errors.AsType[*Error](e.Cause); ok && inner.Kind != Internal {
		return e.Message + ": " + PublicText(inner)
	}
	return e.Public()
}
