package provision

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/ruby"
)

// A TemplateError is a fault of a template, or of what it asked the host for.
type TemplateError struct {
	Template string // or snippet
	Line     int    // counted from 1; 0 is not known
	Class    string // of the Ruby exception
	Message  string
	kind     errs.Kind
	cause    error
}

// Error names template, line and fault.
func (e *TemplateError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("template %q: %s", e.Template, e.Message)
	}
	return fmt.Sprintf("template %q, line %d: %s", e.Template, e.Line, e.Message)
}

// Unwrap gives the fault its kind: that of the host's error, or Invalid.
func (e *TemplateError) Unwrap() error {
	return &errs.Error{Kind: e.kind, Message: e.Error(), Cause: e.cause}
}

// blame turns what ended a rendering into an error that names the template.
func (h *host) blame(err error) error {
	raised, ok := errors.AsType[*ruby.Error](err)
	if !ok {
		if errs.Is(err, errs.Invalid) {
			return errs.WrapAs(errs.Invalid, err, "template %q", h.names[0])
		}
		return err
	}
	fault := &TemplateError{Class: raised.Class, Message: raised.Message, kind: errs.Invalid, cause: raised.Cause}
	if fault.Template, fault.Line = raised.Where(h.names); fault.Template == "" {
		fault.Template = h.names[0]
	}
	if raised.Cause != nil {
		fault.kind = errs.KindOf(raised.Cause)
	}
	if raised.Class == "SyntaxError" {
		fault.Message = syntaxFaults(raised.Message)
	}
	return fault
}

// syntaxFaults keeps what Ruby's parser complains of and leaves out the lines of
// the program that it cites, which its author did not write.
func syntaxFaults(message string) string {
	var all []string
	for _, m := range complaint.FindAllStringSubmatch(message, 4) {
		// The method around the template is what stays open in the end.
		all = append(all, strings.ReplaceAll(m[1], "the `def` statement", "a block"))
	}
	if len(all) == 0 {
		return message
	}
	return "syntax error: " + strings.Join(all, ", ")
}

var complaint = regexp.MustCompile(`(?m)^ *\| *[~^]+ (.*)$`)
